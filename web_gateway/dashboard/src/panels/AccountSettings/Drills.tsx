import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ask } from "../../lib/api";
import type { Account, Drill } from "../../lib/contract";
import { number } from "../../lib/format";
import { useTimes } from "../../session/preferences";
import { change } from "../../store/actions";
import { accountName } from "../../store/choice";
import { usePending } from "../../store/pending";
import { DRILLS } from "../../store/queries";
import { Button } from "../../ui/Button";
import { Empty, Failed, Loading, Panel } from "../../ui/Panel";
import { toast } from "../../ui/toasts";

const SHOWN = 8;

/** Rehearsals of the stop, which touch no order and no latch in force. */
export function Drills({ account }: { account: Account }) {
  const { accountId } = account;
  const times = useTimes();
  const queries = useQueryClient();
  const name = `drill ${accountId}`;
  const busy = usePending(name);
  const drills = useQuery({
    queryKey: [DRILLS, accountId],
    queryFn: async () =>
      (await ask(api.GET("/api/trading/drills", { params: { query: { accountId, pageSize: SHOWN } } }))).drills,
  });
  const run = () =>
    void change(name, "Drill", async () => {
      const { results } = await ask(api.POST("/api/trading/drill", { body: { accountId } }));
      for (const result of results) {
        const told = outcome(result);
        toast(told.reached ? "done" : "problem", `Drill at ${accountName(account)}: ${told.text}`);
      }
      await queries.invalidateQueries({ queryKey: [DRILLS, accountId] });
    });
  return (
    <Panel
      title={`Drills of ${accountName(account)}`}
      note="A rehearsal measures how fast a stop would latch, and stops nothing."
      actions={
        <Button small busy={busy} onClick={run}>
          Run a drill
        </Button>
      }
    >
      {drills.isPending ? (
        <Loading what="drills" />
      ) : drills.isError ? (
        <Failed what="Drills" error={drills.error} onRetry={() => void drills.refetch()} />
      ) : drills.data.length === 0 ? (
        <Empty>None was run yet. Run one after each change at the terminal's machine.</Empty>
      ) : (
        <div className="table-scroll" tabIndex={0} role="region" aria-label={`Drills of ${accountName(account)}`}>
          <table className="table">
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col" className="number">Latched within</th>
                <th scope="col">What came of it</th>
              </tr>
            </thead>
            <tbody>
              {drills.data.map((drill) => (
                <tr key={drill.drillId} data-drill={drill.drillId}>
                  <td>{times.on(drill.createTime)}</td>
                  <td className="number">
                    {drill.latchedMilliseconds === null ? (
                      <span className="unknown">no word</span>
                    ) : (
                      `${number(drill.latchedMilliseconds, 1)} ms`
                    )}
                  </td>
                  <td className={outcome(drill).reached ? "" : "problem-text"}>{outcome(drill).text}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

function outcome(drill: Pick<Drill, "reached" | "latchedMilliseconds" | "terminalBusy">): { reached: boolean; text: string } {
  if (!drill.reached) return { reached: false, text: "the bridge was not connected: a stop would have reached it once it is back" };
  if (drill.latchedMilliseconds === null) return { reached: false, text: "the bridge did not answer in time" };
  const busy = drill.terminalBusy ? ", while a call was at the terminal" : "";
  return { reached: true, text: `latched within ${number(drill.latchedMilliseconds, 1)} ms${busy}` };
}
