import { memo } from "react";
import type { Trade } from "../../lib/contract";
import { age, price, words } from "../../lib/format";
import { useLive } from "../../store/live-store";
import { useNow } from "../../store/now";
import { guardSight, sightOf } from "../chain";

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
  const account = useLive((state) => state.accounts.get(trade.accountId));
  const chain = useLive((state) => state.chains.get(trade.accountId));
  const heartbeatAt = useLive((state) => state.heartbeatAt);
  const money = useLive((state) => state.money);
  const heard = guardSight(account, chain, { heartbeatAt, money }, useNow());
  if (trade.guardState !== "ARMED" && trade.guardState !== "UNSPECIFIED") {
    return <div className="level-note problem-text">guard: {words(trade.guardState)}</div>;
  }
  const how = sightOf(heard);
  return (
    <div className={`level-note guard ${how}`}>
      {heard === null ? "guard not known" : how === "blind" ? `guard blind for ${age(heard.age)}` : `guard looked ${age(heard.age)} ago`}
    </div>
  );
}
