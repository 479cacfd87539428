import { memo } from "react";
import type { Trade } from "../../lib/contract";
import { age, price, words } from "../../lib/format";
import { grown, judged } from "../../store/live-state";
import { useLive } from "../../store/live-store";
import { useNow } from "../../store/now";

interface Props {
  trade: Trade;
  which: "stopLoss" | "takeProfit";
  digits: number | undefined;
}

/** The level that counts; under stealth also the one that the broker holds, and how fresh the guard is. */
export const Levels = memo(function Levels({ trade, which, digits }: Props) {
  const level = trade[which];
  const atBroker = which === "stopLoss" ? trade.brokerStopLoss : trade.brokerTakeProfit;
  const missing = which === "stopLoss" ? <span className="no-stop">no stop</span> : <span className="none">none</span>;
  if (!trade.hidden || (level === null && atBroker === null)) return level === null ? missing : price(level, digits);
  return (
    <>
      <div>{level === null ? missing : price(level, digits)}</div>
      <div className="level-note">
        {level !== null && level !== atBroker && "hidden"}
        {which === "stopLoss" && (
          <>
            {" · "}
            {atBroker === null ? <span className="problem-text">nothing at the broker</span> : `broker ${price(atBroker, digits)}`}
          </>
        )}
        {which === "takeProfit" && atBroker !== null && ` · broker ${price(atBroker, digits)}`}
      </div>
      {which === "stopLoss" && level !== null && <GuardAge trade={trade} />}
    </>
  );
});

export function GuardAge({ trade }: { trade: Trade }) {
  const chain = useLive((state) => state.chains.get(trade.accountId));
  const since = useLive((state) => state.heartbeatAt);
  const now = useNow();
  const seconds = grown(chain?.guardAgeSeconds, since, now);
  const judge = judged(chain?.guardAgeSeconds, since, now);
  if (trade.guardState !== "ARMED" && trade.guardState !== "UNSPECIFIED") {
    return <div className="level-note problem-text">guard: {words(trade.guardState)}</div>;
  }
  const how = judge === null ? "unknown" : judge >= 10 ? "blind" : judge >= 3 ? "slow" : "fresh";
  return (
    <div className={`level-note guard ${how}`}>
      {seconds === null ? "guard not known" : how === "blind" ? `guard blind for ${age(seconds)}` : `guarding ${age(seconds)} ago`}
    </div>
  );
}
