import type { SyncReport } from "../../lib/contract";
import { count, words } from "../../lib/format";
import { useTimes } from "../../session/preferences";

export function SyncReportView({ report, account }: { report: SyncReport; account: string }) {
  const times = useTimes();
  const seconds =
    report.startTime !== null && report.endTime !== null
      ? (Date.parse(report.endTime) - Date.parse(report.startTime)) / 1000
      : null;
  return (
    <article className="sync-report">
      <h3>{account}</h3>
      <p>
        {report.succeeded ? (
          <>
            In sync as of <strong>{times.at(report.endTime)}</strong>
            {report.dryRun && " (nothing was applied)"}
          </>
        ) : (
          <span className="problem-text">Not in sync: {report.problem}</span>
        )}
        {seconds !== null && <span className="quiet-text"> · {seconds.toFixed(2)} s</span>}
      </p>
      <p className="quiet-text">
        {count(report.positionCount, "position")}, {count(report.externalCount, "of them external", "of them external")};{" "}
        {count(report.orderCount, "pending order")}; {count(report.dealCount, "deal")} looked at.
        {report.unknownCommandCount > 0 &&
          ` ${count(report.unknownCommandCount, "command")} with an unknown outcome, still looked for.`}
      </p>
      {report.differences.length === 0 ? (
        report.succeeded && <p>No difference.</p>
      ) : (
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Difference</th>
              <th scope="col">Symbol</th>
              <th scope="col">What</th>
            </tr>
          </thead>
          <tbody>
            {report.differences.map((difference, index) => (
              <tr key={index}>
                <td>{words(difference.kind)}</td>
                <td>{difference.symbol}</td>
                <td>
                  {difference.message}
                  {difference.suggestion !== "" && <p className="quiet-text">{difference.suggestion}</p>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </article>
  );
}
