import { useState } from "react";
import type { Account, LimitDay, LimitUse } from "../../lib/contract";
import { age, count, money, signed } from "../../lib/format";
import { useTimes } from "../../session/preferences";
import { hrefOf } from "../../shell/route";
import { useLive } from "../../store/live-store";
import { useNow } from "../../store/now";
import { Button } from "../../ui/Button";
import { barOf, isUnknown, sourceOf, wordsOf } from "./limit-words";
import { isDayNeeded } from "./limits-draft";
import { useLimits } from "./limits-query";
import { ResumeDialog } from "./ResumeDialog";

/** Of three readings one has failed, or has no answer. */
const OLD_SECONDS = 15;

interface Props {
  account: Account;
  /** Only what is not well within. */
  brief?: boolean;
}

/** How far each limit of an account is used, what follows of it, and the way out. */
export function LimitsView({ account, brief = false }: Props) {
  const { accountId, currency } = account;
  const { data, error, isError, dataUpdatedAt } = useLimits(accountId);
  useNow();
  const seconds = (Date.now() - dataUpdatedAt) / 1000;
  const old = data !== undefined && seconds > OLD_SECONDS;
  const free = useLive((state) => state.money.get(accountId)?.margin === 0);
  const [resuming, setResuming] = useState(false);
  const limits = data?.limits;
  const uses = (data?.uses ?? []).filter((use) => !brief || isUnknown(use) || !["OK", "UNSPECIFIED"].includes(use.stage));
  const latched = uses.filter((use) => use.latched);
  const byDay = limits?.dailyLoss ?? limits?.totalLoss ?? limits?.dailyProfit;
  return (
    <>
      {(old || isError) && (
        <p className="amber-text limits-line">
          {data === undefined ? "Limits could not be read" : `Limits as read ${age(seconds)} ago`}
          {isError ? `: ${error.message}` : "."}
        </p>
      )}
      {uses.length > 0 && (
        <ul className={`limits ${old || isError ? "stale" : ""}`} aria-label="Limits">
          {uses.map((use) => (
            <Use key={use.code} use={use} currency={currency} free={free} />
          ))}
        </ul>
      )}
      {latched.length > 0 && (
        <p className="limits-line">
          <Button onClick={() => setResuming(true)}>Resume limits…</Button>
        </p>
      )}
      {!brief && limits?.mandatoryStop && <p className="quiet-text limits-line">Every order needs a stop loss.</p>}
      {!brief && data?.day && (byDay || limits?.maximumTradesADay != null || limits?.maximumRequestsADay != null) && (
        <Day day={data.day} currency={currency} counted={byDay != null} needed={isDayNeeded(limits ?? null, {})} />
      )}
      {data?.applied === false && <p className="amber-text limits-line">Not applied by the bridge yet.</p>}
      {resuming && <ResumeDialog account={account} uses={latched} onClose={() => setResuming(false)} />}
    </>
  );
}

function Use({ use, currency, free }: { use: LimitUse; currency: string; free: boolean }) {
  const times = useTimes();
  const told = wordsOf(use, currency, free);
  const { used, marks } = barOf(use);
  const stage = told.stage && `${told.stage}${use.since === null ? "" : ` since ${times.recent(use.since)}`}`;
  return (
    <li data-limit={use.code} data-stage={use.stage}>
      <div className="limit-head">
        <span className="limit-name">{told.name}</span>
        <span>{told.numbers}</span>
      </div>
      {used !== null && (
        <div className="limit-bar" aria-hidden="true">
          <span style={{ width: `${used}%` }} />
          {marks.map((mark) => (
            <i key={mark} style={{ left: `${mark}%` }} />
          ))}
        </div>
      )}
      {stage !== "" && (
        <div className={told.tone}>
          {stage}
          {use.latched && "; stays until you resume"}
        </div>
      )}
      {(told.left !== "" || told.note !== "") && (
        <div className={`limit-note ${told.stage === "" ? told.tone : ""}`}>
          {[told.left, told.note].filter(Boolean).join("; ")}
        </div>
      )}
    </li>
  );
}

interface DayProps {
  day: LimitDay;
  currency: string;
  counted: boolean;
  needed: boolean;
}

function Day({ day, currency, counted, needed }: DayProps) {
  const times = useTimes();
  return (
    <p className="quiet-text limits-line limits-day">
      Day from {times.on(day.startTime)} to {times.on(day.endTime)}
      {day.tradeCount !== null && `, ${count(day.tradeCount, "trade")} opened`}.{" "}
      {counted && (
        <>
          Balance at its beginning: {money(day.balance, currency)} ({sourceOf(day)}). Paid in and out since:{" "}
          {signed(day.transfers)}.
          {day.source === "" && needed && (
            <span className="amber-text">
              {" "}
              Opening waits for it: <a href={hrefOf("accounts")}>give it</a> from the broker's statement.
            </span>
          )}
        </>
      )}
    </p>
  );
}
