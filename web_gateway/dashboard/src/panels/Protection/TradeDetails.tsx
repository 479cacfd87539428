import { memo, type ReactNode, useState } from "react";
import type { LadderStep, Trade, TradeWishes, TrailingStop } from "../../lib/contract";
import { lots, number, price, seconds as inSeconds, words } from "../../lib/format";
import { useTimes } from "../../session/preferences";
import { useLive } from "../../store/live-store";
import { Button } from "../../ui/Button";
import { GuardAge } from "../LiveTrades/Levels";
import { moveWords } from "./plan-draft";
import { ProtectionDialog } from "./ProtectionDialog";
import { startWords } from "./start-draft";
import { StealthDialog, wantedStealth } from "./StealthDialog";
import { TrailingStopDialog } from "./TrailingStopDialog";
import { useWishes } from "./wishes";

interface Props {
  trade: Trade;
  digits: number | undefined;
}

type Asking = "plan" | "trailing" | "stealth" | null;

/** What the bridge does with a trade by itself, wanted and kept told apart, and the trade's own facts. */
export const TradeDetails = memo(function TradeDetails({ trade, digits }: Props) {
  const [asking, setAsking] = useState<Asking>(null);
  const wishes = useWishes(trade.tradeId);
  const currency = useLive((state) => state.accounts.get(trade.accountId)?.currency ?? "");
  const wanted = wishes.data ?? null;
  const managed = trade.origin !== "EXTERNAL" && trade.state === "OPEN";
  const close = () => setAsking(null);
  const waits = (revision: number | undefined) =>
    wanted !== null && revision !== undefined && revision > wanted.appliedRevision;
  return (
    <div className="trade-details">
      {wishes.isError && <p className="problem-text">What is wanted could not be read: {wishes.error.message}</p>}
      {!managed && trade.origin === "EXTERNAL" && (
        <p className="quiet-text">It was opened outside: SignalOS guards nothing of it until it is adopted.</p>
      )}
      <Detail
        title="Ladder and break-even"
        waiting={waits(wanted?.protectionRevision) ? planWords(wanted, currency, digits) : null}
        problem={wanted?.problem}
        action={managed ? () => setAsking("plan") : undefined}
      >
        <Ladder trade={trade} currency={currency} digits={digits} />
      </Detail>
      <Detail
        title="Trailing stop"
        waiting={
          waits(wanted?.trailingStopRevision) ? trailingWords(wanted?.trailingStop ?? null, currency, digits) : null
        }
        problem={wanted?.problem}
        action={managed ? () => setAsking("trailing") : undefined}
      >
        <Trailing trade={trade} currency={currency} digits={digits} />
      </Detail>
      <Detail
        title="Hidden levels"
        waiting={waits(wanted?.stealthRevision) ? STEALTH[wantedStealth(wanted)] : null}
        problem={wanted?.problem}
        action={managed ? () => setAsking("stealth") : undefined}
      >
        <p>
          {trade.hidden ? "Hidden from the broker" : "Shown to the broker"}
          <span className="quiet-text">
            {wishes.data === undefined ? "" : `, ${STEALTH_NOW[wantedStealth(wanted)]}`}
          </span>
        </p>
        {trade.hidden && (
          <p className="quiet-text">
            The broker holds{" "}
            {trade.brokerStopLoss === null ? (
              <span className="problem-text">no disaster stop</span>
            ) : (
              `a disaster stop at ${price(trade.brokerStopLoss, digits)}`
            )}
            {trade.brokerTakeProfit !== null && ` and a target at ${price(trade.brokerTakeProfit, digits)}`}.
          </p>
        )}
        {(trade.hidden || trade.guardState !== "UNSPECIFIED") && <GuardAge trade={trade} />}
      </Detail>
      <Facts trade={trade} currency={currency} digits={digits} />
      {asking === "plan" && <ProtectionDialog trade={trade} digits={digits} onClose={close} />}
      {asking === "trailing" && <TrailingStopDialog trade={trade} onClose={close} />}
      {asking === "stealth" && <StealthDialog trade={trade} onClose={close} />}
    </div>
  );
});

interface DetailProps {
  title: string;
  /** What is wanted and not applied; null: all of it is. */
  waiting: string | null;
  problem: string | undefined;
  action: (() => void) | undefined;
  children: ReactNode;
}

function Detail({ title, waiting, problem, action, children }: DetailProps) {
  return (
    <section className="detail">
      <header className="detail-head">
        <h3>{title}</h3>
        {action !== undefined && (
          <Button small kind="quiet" aria-label={`Change: ${title.toLowerCase()}`} onClick={action}>
            Change…
          </Button>
        )}
      </header>
      {children}
      {waiting !== null && (
        <p className="detail-waiting" role="status">
          Wanted, not applied by the bridge yet: {waiting}
          {problem !== undefined && problem !== "" && <span className="problem-text"> ({problem})</span>}
        </p>
      )}
    </section>
  );
}

function Ladder({ trade, currency, digits }: Props & { currency: string }) {
  const kept = trade.protection;
  const breakEven = kept?.breakEven ?? null;
  if (kept === null || (kept.steps.length === 0 && breakEven === null)) {
    return <p className="quiet-text">None: the trade runs to its stop or its take profit.</p>;
  }
  return (
    <>
      {kept.steps.length > 0 && (
        <ol className="ladder">
          {kept.steps.map((step, index) => (
            <Step key={index} step={step} index={index} digits={digits} />
          ))}
        </ol>
      )}
      {breakEven?.plan != null && (
        <p className="break-even" data-done={breakEven.done}>
          <span className={`step-mark ${breakEven.done ? "done" : "waiting"}`} aria-hidden="true" />
          {breakEven.done ? "Break-even done" : "To break-even"} {startWords(breakEven.plan.start, currency, digits)}
          {breakEven.plan.offset > 0 && `, and ${breakEven.plan.offset} beyond`}
        </p>
      )}
    </>
  );
}

const STATES: Record<string, string> = {
  WAITING: "waits",
  TRIGGERED: "reached, closing",
  DONE: "done",
  SKIPPED: "left out: less than the smallest lot",
};

function Step({ step, index, digits }: { step: LadderStep; index: number; digits: number | undefined }) {
  const { target, state } = step;
  if (target === null) return null;
  const closed = step.closedVolumeLots;
  const size =
    step.volumeLots === null
      ? `${number(target.share * 100, target.share * 100 === Math.round(target.share * 100) ? 0 : 2)} %`
      : `${lots(step.volumeLots)} lots`;
  return (
    <li data-step={index} data-state={state}>
      <span className={`step-mark ${state.toLowerCase()}`} aria-hidden="true" />
      <span className="step-price">{price(target.price, digits)}</span>
      <span className="step-size">{size}</span>
      <span className="step-state">
        {STATES[state] ?? "not known"}
        {closed > 0 && state !== "DONE" && `, ${lots(closed)} closed`}
      </span>
      {target.stopMove !== "UNSPECIFIED" && (
        <span className="quiet-text">
          {step.stopMoved ? "stop moved" : "then stop"} {moveWords(target.stopMove)}
        </span>
      )}
    </li>
  );
}

function Trailing({ trade, currency, digits }: Props & { currency: string }) {
  const kept = trade.trailingStop;
  if (kept === null) return <p className="quiet-text">None: the stop stays where it is.</p>;
  return (
    <>
      <p>{trailingWords(kept, currency, digits)}</p>
      <p className={kept.suspended ? "amber-text" : "quiet-text"}>
        {kept.suspended
          ? "Paused: somebody loosened the stop by hand. Setting it again resumes it."
          : kept.activated
            ? `Active; best price ${price(kept.highWaterPrice, digits)}.`
            : "Not started yet."}
      </p>
    </>
  );
}

const UNITS: Record<string, string> = { PIPS: "pips", POINTS: "points" };

function trailingWords(trailing: TrailingStop | null, currency: string, digits: number | undefined): string {
  if (trailing === null) return "none";
  const unit = UNITS[trailing.unit] ?? "in price";
  const begins =
    trailing.activation !== null
      ? `at ${trailing.activation} ${unit} in profit`
      : startWords(trailing.start, currency, digits);
  const every = inSeconds(trailing.minInterval);
  return [
    `${trailing.distance} ${unit} behind the best price`,
    ...(begins === "at once" ? [] : [`starting ${begins}`]),
    ...(trailing.step > 0 ? [`in steps of ${trailing.step}`] : []),
    ...(every !== null && every > 1 ? [`at most every ${every} s`] : []),
  ].join(", ");
}

function planWords(wishes: TradeWishes | null, currency: string, digits: number | undefined): string {
  const plan = wishes?.protection ?? null;
  if (plan === null) return "none";
  const targets = plan.targets.map((target) => `${number(target.share * 100, 0)} % at ${price(target.price, digits)}`);
  const breakEven = plan.breakEven === null ? [] : [`break-even ${startWords(plan.breakEven.start, currency, digits)}`];
  return [...targets, ...breakEven].join(", ") || "none";
}

const STEALTH = { account: "as the account", hidden: "hidden", shown: "shown" };
const STEALTH_NOW = { account: "as its account", hidden: "as set for this trade", shown: "as set for this trade" };

function Facts({ trade, currency, digits }: Props & { currency: string }) {
  const times = useTimes();
  const facts: [string, string][] = [
    ["Ticket", trade.ticket],
    ["Opened", trade.openTime === null ? `${times.on(trade.openBrokerTime)} (broker's time)` : times.on(trade.openTime)],
    ["Opened in all", `${lots(trade.openedVolumeLots)} lots`],
    ["First stop", trade.initialStopLoss === null ? "none" : price(trade.initialStopLoss, digits)],
    ["Commission", trade.commission === null ? "not known" : `${number(trade.commission)} ${currency}`],
    ["Swap", trade.swap === null ? "not known" : `${number(trade.swap)} ${currency}`],
    ["Realised", trade.realisedProfit === null ? "nothing yet" : `${number(trade.realisedProfit)} ${currency}`],
    ["By", trade.origin === "UNSPECIFIED" ? "not known" : words(trade.origin)],
    ...(trade.comment === "" ? [] : ([["Comment", trade.comment]] as [string, string][])),
  ];
  return (
    <section className="detail">
      <header className="detail-head">
        <h3>Trade</h3>
      </header>
      <dl className="facts">
        {facts.map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
