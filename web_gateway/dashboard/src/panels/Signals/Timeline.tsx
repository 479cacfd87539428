import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../lib/api";
import type { Signal, SignalDecision, SignalStep } from "../../lib/contract";
import { lots, words } from "../../lib/format";
import { useTimes } from "../../session/preferences";
import { accountName } from "../../store/choice";
import { useLive } from "../../store/live-store";
import { SIGNALS } from "../../store/queries";
import { asked } from "../Commands/asked";
import { latest, parseWords, planWords, verdictOf, whyWords } from "./words";

/** Why a message was traded, or why not: every step on the way, with what it was judged by. */
export function Timeline({ signalId, known }: { signalId: string; known: Signal }) {
  const { data, error } = useQuery({
    queryKey: [SIGNALS, "one", signalId],
    queryFn: async () => (await ask(api.GET("/api/signals/{signalId}", { params: { path: { signalId } } }))).signal,
    initialData: known,
    staleTime: 0,
  });
  const signal = data ?? known;
  const current = new Set(latest(signal.decisions).map((each) => each.decisionId));
  return (
    <div className="timeline">
      {error !== null && <p className="problem-text">It could not be read anew: {error.message}</p>}
      <Before signal={signal} />
      {signal.decisions.map((decision) => (
        <Decision key={decision.decisionId} decision={decision} old={!current.has(decision.decisionId)} />
      ))}
    </div>
  );
}

function Before({ signal }: { signal: Signal }) {
  const times = useTimes();
  return (
    <section className="detail">
      <h3>Message</h3>
      <p className="signal-full">{signal.text || "The message was deleted."}</p>
      <p className="quiet-text">
        Written {times.on(signal.sayTime)}, committed {times.exactly(signal.createTime)}
        {signal.externalId !== "" && `, ${signal.externalId}`}
        {signal.revisesSignalId !== "" && ", a later version of an earlier message"}
        {signal.replyToExternalId !== "" && `, in reply to ${signal.replyToExternalId}`}
      </p>
      <p>
        Read as: {parseWords(signal.parsed)}
        {signal.parsed?.reasons.map((reason) => (
          <span key={`${reason.code} ${reason.start}`} className="level-note block">
            {reason.code}: {reason.message}
          </span>
        ))}
      </p>
      <Steps steps={signal.steps} />
    </section>
  );
}

interface DecisionProps {
  decision: SignalDecision;
  /** A later attempt has taken its place. */
  old?: boolean;
  /** Nothing was done; it is what would be. */
  simulated?: boolean;
}

export function Decision({ decision, old = false, simulated = false }: DecisionProps) {
  const times = useTimes();
  const account = useLive((state) => state.accounts.get(decision.accountId));
  const { word, tone } = verdictOf(decision.outcome);
  const sent = decision.outcome === "SENT" && !simulated;
  const currency = account?.currency ?? "";
  return (
    <section className={`detail ${old ? "old" : ""}`} data-decision={decision.decisionId}>
      <h3>
        {accountName(account)}
        {decision.actionIndex > 0 && `, action ${decision.actionIndex + 1}`}
        {decision.attempt > 0 && `, replay ${decision.attempt}`}
      </h3>
      <p className="decision-verdict">
        <span className={`state ${tone}`}>{simulated && decision.outcome === "SENT" ? "would be sent" : word}</span> {whyWords(decision)}
        {decision.decideTime !== null && <span className="quiet-text"> {times.exactly(decision.decideTime)}</span>}
      </p>
      <Steps steps={decision.steps} />
      {decision.plan !== null && (
        <p>
          {sent ? "Order" : "Order that would be sent"}: {planWords(decision.plan, currency)}
        </p>
      )}
      <Results decision={decision} />
    </section>
  );
}

function Steps({ steps }: { steps: readonly SignalStep[] }) {
  if (steps.length === 0) return null;
  return (
    <ol className="signal-steps">
      {steps.map((step, index) => (
        <li key={index} data-passed={step.passed}>
          <span className="step-sign" aria-hidden="true">
            {step.passed ? "✓" : "✗"}
          </span>
          <span className="step-name">{words(step.name)}</span>
          <span className={step.passed ? "quiet-text" : "problem-text"}>
            <span className="sr">{step.passed ? "passed: " : "did not pass: "}</span>
            {whyWords(step)}
            {step.numbers.length > 0 && (
              <span className="step-numbers"> {step.numbers.map((each) => `${words(each.name)} ${each.value}`).join(", ")}</span>
            )}
          </span>
        </li>
      ))}
    </ol>
  );
}

/** What was sent, and what the terminal made of it. */
function Results({ decision }: { decision: SignalDecision }) {
  const trades = useLive((state) => state.trades);
  const { data } = useQuery({
    queryKey: ["commands", "of", decision.decisionId, decision.commandIds],
    queryFn: () =>
      Promise.all(
        decision.commandIds.map(
          async (commandId) => (await ask(api.GET("/api/commands/{commandId}", { params: { path: { commandId } } }))).command,
        ),
      ),
    enabled: decision.commandIds.length > 0,
  });
  if (decision.commandIds.length === 0 && decision.tradeIds.length === 0) return null;
  return (
    <ul className="signal-results">
      {data?.map((command) =>
        command === null ? null : (
          <li key={command.commandId} data-result={command.state}>
            <span className="command-what">{asked(command)}</span>: {words(command.state)}
            {command.message !== "" && <span className="problem-text"> {command.message}</span>}
          </li>
        ),
      )}
      {decision.tradeIds.map((tradeId) => {
        const trade = trades.get(tradeId);
        return (
          <li key={tradeId}>
            {trade === undefined
              ? "Its trade is not open any more."
              : `Trade ${trade.ticket}: ${trade.symbol} ${words(trade.side)} ${lots(trade.volumeLots)} lots, open`}
          </li>
        );
      })}
    </ul>
  );
}
