import { useState } from "react";
import type { AccountStop, StopReport, StopTicket } from "../../lib/contract";
import { count, words } from "../../lib/format";
import { useTimes } from "../../session/preferences";
import { accountName } from "../../store/choice";
import { useLive } from "../../store/live-store";
import { Lamp } from "../../ui/Lamp";

const TICKETS_SHOWN = 6;

/** One stop: its stages at each account, and what happened to each ticket. */
export function StopReportView({ stop }: { stop: StopReport }) {
  const times = useTimes();
  return (
    <article className="stop-report">
      <header className="stop-report-head">
        <strong>{stop.closePositions ? "Halt and close" : "Halt"}</strong>
        <span>
          called {times.recent(stop.createTime)}
          {stop.source !== "api" && ` by ${words(stop.source)}`}
          {stop.trigger !== "UNSPECIFIED" && ` (${words(stop.trigger)})`}
        </span>
        {stop.reason !== "" && <span>“{stop.reason}”</span>}
      </header>
      {stop.accounts.map((account) => (
        <AccountProgress key={account.accountId} stop={stop} account={account} />
      ))}
    </article>
  );
}

function AccountProgress({ stop, account }: { stop: StopReport; account: AccountStop }) {
  const accounts = useLive((state) => state.accounts);
  const times = useTimes();
  const stages: [string, string | null][] = [
    ["latched by bridge", account.latchTime],
    ["terminal quiet", account.quietTime],
    ["orders cancelled", account.cancelTime],
  ];
  if (stop.closePositions) stages.push(["flat, verified", account.flatTime]);
  return (
    <div className="stop-account">
      <div className="stop-account-name">{accountName(accounts.get(account.accountId))}</div>
      <ol className="stages">
        {stages.map(([name, time]) => (
          <li key={name} className={time === null ? "waiting" : "reached"}>
            <Lamp state={time === null ? "unknown" : "on"} />
            {name} <span className="stage-time">{time === null ? "not yet" : times.exactly(time)}</span>
          </li>
        ))}
      </ol>
      {!account.reached && account.latchTime === null && (
        <p className="problem-text">
          The bridge was not reached. It latches when it is back
          {account.leaseExpireTime === null
            ? "; it holds no lease, so it opens nothing."
            : `; without a new lease it opens nothing from ${times.at(account.leaseExpireTime)} on.`}
        </p>
      )}
      {account.problem !== "" && <p className="problem-text">{account.problem}</p>}
      {account.unrecalledCommandIds.length > 0 && (
        <p className="problem-text">
          {count(account.unrecalledCommandIds.length, "call was", "calls were")} at the terminal already and could not be
          recalled; see Commands.
        </p>
      )}
      {account.externalOrderCount > 0 && (
        <p>{count(account.externalOrderCount, "external pending order was", "external pending orders were")} left alone.</p>
      )}
      <Tickets tickets={account.tickets} />
    </div>
  );
}

function Tickets({ tickets }: { tickets: readonly StopTicket[] }) {
  const [all, setAll] = useState(false);
  if (tickets.length === 0) return null;
  // What is not done comes first.
  const sorted = [...tickets].sort((a, b) => Number(a.state === "DONE") - Number(b.state === "DONE"));
  const done = tickets.filter((ticket) => ticket.state === "DONE").length;
  return (
    <>
      <ul className="tickets" aria-label="Tickets">
        {(all ? sorted : sorted.slice(0, TICKETS_SHOWN)).map((ticket) => (
          <li key={`${ticket.ticket}-${ticket.order}`} data-ticket={ticket.ticket} data-state={ticket.state}>
            <span>
              {ticket.order ? "order" : "position"} {ticket.ticket} {ticket.symbol}{" "}
              {ticket.external && <span className="tag">external</span>}
            </span>
            <span className={ticket.state === "DONE" ? "" : "problem-text"}>
              {ticket.state === "DONE" ? (ticket.order ? "cancelled" : "closed") : words(ticket.state)}
              {ticket.message !== "" && `: ${ticket.message}`}
              {ticket.attemptCount > 1 && ` (${ticket.attemptCount} tries)`}
            </span>
          </li>
        ))}
      </ul>
      {tickets.length > TICKETS_SHOWN && (
        <button type="button" className="button quiet small" onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show all ${tickets.length} tickets (${done} done)`}
        </button>
      )}
    </>
  );
}
