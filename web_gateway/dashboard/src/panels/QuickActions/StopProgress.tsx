import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, ask } from "../../lib/api";
import { count } from "../../lib/format";
import { useTimes } from "../../session/preferences";
import { useChoice, useShownAccounts } from "../../store/choice";
import { useConnection, useLive, useLiveParts } from "../../store/live-store";
import { STOPS } from "../../store/queries";
import { Button } from "../../ui/Button";
import { HoldButton } from "../../ui/HoldButton";
import { RearmDialog } from "./RearmDialog";
import { StopReportView } from "./StopReportView";
import { emergencyStop, useStopCall } from "./stopping";
import { inForce, verdict } from "./verdict";

const FOLLOW_MILLISECONDS = 1000;

/** What became of a stop, stage by stage, and the ways on: closing everything, and re-arming. */
export function StopProgress() {
  const { store } = useLiveParts();
  const { phase } = useConnection();
  const { accountId, shows } = useChoice();
  const accounts = useShownAccounts();
  const call = useStopCall();
  const times = useTimes();
  const trading = useLive((state) => state.trading);
  const known = useLive((state) => state.stops);
  const trades = useLive((state) => state.trades);
  const orders = useLive((state) => state.orders);
  const [rearming, setRearming] = useState(false);

  const stopped = accounts.some((account) => trading.get(account.accountId)?.wanted?.stopped);
  const stops = inForce(known, accounts);
  const unfinished = stops.some((stop) => !stop.complete);

  // With the socket gone the progress is followed by plain calls.
  const follow = useQuery({
    queryKey: [STOPS, "active"],
    queryFn: async () => {
      const [{ stops: active }, { states }] = await Promise.all([
        ask(api.GET("/api/trading/stops", { params: { query: { activeOnly: true } } })),
        ask(api.GET("/api/trading/state")),
      ]);
      return { active, states };
    },
    enabled: call.is === "delivered" || stopped,
    refetchInterval: phase === "connected" && !unfinished ? false : FOLLOW_MILLISECONDS,
  });
  useEffect(() => {
    if (follow.data === undefined) return;
    for (const stop of follow.data.active) store.stop(stop);
    store.trading(follow.data.states);
  }, [follow.data, store]);

  const open = [...trades.values()].filter((trade) => shows(trade.accountId));
  const external = open.filter((trade) => trade.origin === "EXTERNAL").length;
  const working = [...orders.values()].filter((order) => shows(order.accountId)).length;
  const [newest, ...older] = stops;
  const closing = stops.some((stop) => stop.closePositions);
  const lease = accounts
    .flatMap((account) => trading.get(account.accountId)?.leaseExpireTime ?? [])
    .sort()
    .at(-1);

  if (call.is !== "failed" && call.is !== "sending" && !stopped && stops.length === 0) return null;

  return (
    <div className="stop-progress">
      <div className="stop-verdict" role="alert">
        {call.is === "failed" ? (
          <>
            <strong>Stop NOT delivered.</strong> {call.text}{" "}
            {lease === undefined
              ? "When the terminal's lease ends is not known."
              : `Without the server the terminal opens nothing from ${times.at(lease)} on, at the latest.`}{" "}
            At the terminal's PC now: <code>signalos bridge stop</code>
          </>
        ) : call.is === "sending" ? (
          call.text
        ) : (
          verdict(stops, times)
        )}
      </div>
      {call.is === "delivered" && call.text !== "" && <p className="notice">{call.text}</p>}
      {newest !== undefined && <StopReportView stop={newest} />}
      {older.length > 0 && (
        <details className="older-stops">
          <summary>{count(older.length, "earlier stop")} in force too</summary>
          {older.map((stop) => (
            <StopReportView key={stop.stopId} stop={stop} />
          ))}
        </details>
      )}
      {(stopped || stops.length > 0) && (
        <div className="stop-next">
          {!closing && (open.length > 0 || working > 0) && (
            <HoldButton
              className="close-everything"
              onHeld={() => void emergencyStop(store, accountId === null ? null : [accountId], true)}
              question={{
                title: "Close everything?",
                description: "Every position is closed and every pending order cancelled, external ones included.",
                action: "Close everything",
              }}
            >
              Hold 1 s: close everything ({count(open.length - external, "managed", "managed")}, {external} external
              {working > 0 && `, ${count(working, "pending order")}`})
            </HoldButton>
          )}
          <Button onClick={() => setRearming(true)}>Re-arm…</Button>
        </div>
      )}
      {rearming && <RearmDialog stops={stops} openCount={open.length} onClose={() => setRearming(false)} />}
    </div>
  );
}
