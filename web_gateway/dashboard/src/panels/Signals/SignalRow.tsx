import { useQueryClient } from "@tanstack/react-query";
import { memo, useState } from "react";
import { api, ask } from "../../lib/api";
import type { Signal, SignalDecision } from "../../lib/contract";
import { lots, price, words } from "../../lib/format";
import { useTimes } from "../../session/preferences";
import { change } from "../../store/actions";
import { accountName, useChoice } from "../../store/choice";
import { useLive } from "../../store/live-store";
import { usePending } from "../../store/pending";
import { SIGNALS } from "../../store/queries";
import { useServerNow } from "../../store/server-now";
import { Button } from "../../ui/Button";
import { toast } from "../../ui/toasts";
import { ConfirmDialog } from "../ConfirmDialog";
import { useReplay } from "./replay";
import { Timeline } from "./Timeline";
import { countDown, latest, parseWords, stateWords, verdictOf, waits, whyWords } from "./words";

/** One message: what it says, what was decided at each account, and what waits for a person. */
export const SignalRow = memo(function SignalRow({ signal }: { signal: Signal }) {
  const times = useTimes();
  const [open, setOpen] = useState(false);
  const [replaying, setReplaying] = useState(false);
  const replay = useReplay(signal);
  const details = `signal-${signal.signalId}`;
  const decisions = latest(signal.decisions);
  const waiting = decisions.filter(waits);
  return (
    <>
      <tr data-signal={signal.signalId} data-state={signal.state} className={open ? "opened" : undefined}>
        <th scope="row" data-label="Message">
          <button
            type="button"
            className="disclose"
            aria-expanded={open}
            aria-controls={open ? details : undefined}
            aria-label={`Why: ${signal.text.slice(0, 40) || "deleted message"}`}
            onClick={() => setOpen(!open)}
          />
          <span className="signal-source">{signal.sourceName}</span>
          {signal.sender !== "" && <span className="quiet-text"> {signal.sender}</span>}{" "}
          <span className="quiet-text">{times.recent(signal.createTime)}</span>
          {signal.edited && <span className="tag">edited</span>}
          {signal.deleted && <span className="tag">deleted</span>}
          <p className="signal-text">{signal.deleted ? "The message was deleted." : signal.text}</p>
        </th>
        <td data-label="Read as" className="signal-parse">
          {parseWords(signal.parsed)}
          {signal.parsed !== null && signal.parsed.gate !== "OK" && signal.parsed.gate !== "NONE" && (
            <div className="level-note">{signal.parsed.reasons.map((reason) => reason.code).join(", ") || words(signal.parsed.gate)}</div>
          )}
        </td>
        <td data-label="Decided">
          {decisions.length === 0 ? (
            <Undecided signal={signal} />
          ) : (
            decisions.map((decision) => <DecisionLine key={decision.decisionId} decision={decision} />)
          )}
        </td>
        <td className="row-actions">
          {waiting.length === 0 && signal.state !== "RECEIVED" && !signal.deleted && (
            <Button small kind="quiet" busy={replay.busy} onClick={() => setReplaying(true)}>
              Replay…
            </Button>
          )}
          {waiting.length > 0 && <Answer signal={signal} waiting={waiting} />}
          {replaying && (
            <ConfirmDialog
              title="Decide this message anew?"
              description="As if it were said now, by somebody trusted, with the prices of now. Where every check passes it is sent, and can open a trade."
              action="Replay now"
              onConfirm={() => {
                setReplaying(false);
                replay.run();
              }}
              onClose={() => setReplaying(false)}
            />
          )}
        </td>
      </tr>
      {open && (
        <tr id={details} className="details-row">
          <td colSpan={4}>
            <Timeline signalId={signal.signalId} known={signal} />
          </td>
        </tr>
      )}
    </>
  );
});

/** Before any account was looked at: a sender, a repetition, or nothing to do. */
function Undecided({ signal }: { signal: Signal }) {
  const last = signal.steps.findLast((step) => !step.passed);
  return (
    <div className="decision">
      <span className={`state ${signal.state === "RECEIVED" ? "open" : ""}`}>{stateWords(signal.state)}</span>
      {last !== undefined && <div className="level-note">{whyWords(last)}</div>}
    </div>
  );
}

export function DecisionLine({ decision }: { decision: SignalDecision }) {
  const account = useLive((state) => state.accounts.get(decision.accountId));
  const several = useLive((state) => state.accounts.size > 1);
  const { accountId } = useChoice();
  const { word, tone } = verdictOf(decision.outcome);
  return (
    <div className="decision" data-outcome={decision.outcome} data-code={decision.code}>
      <span className={`state ${tone}`}>{word}</span>
      {several && accountId === null && <span className="quiet-text"> {accountName(account)}</span>}
      {(decision.code !== "" || decision.message !== "") && <div className="level-note decision-why">{whyWords(decision)}</div>}
    </div>
  );
}

/** Approves or rejects what waits, with how long there is for it. */
function Answer({ signal, waiting }: { signal: Signal; waiting: readonly SignalDecision[] }) {
  const queries = useQueryClient();
  const now = useServerNow();
  const trades = useLive((state) => state.trades);
  const name = `answer ${signal.signalId}`;
  const busy = usePending(name);
  const [meant, setMeant] = useState<readonly string[]>([]);
  const [confirming, setConfirming] = useState(false);
  const ends = waiting.flatMap((decision) => (decision.expireTime === null ? [] : [Date.parse(decision.expireTime)]));
  const left = ends.length === 0 || now === null ? null : Math.min(...ends) - now;
  const candidates = [...new Set(waiting.flatMap((decision) => decision.candidateTradeIds))];
  const asks = candidates.length > 0;
  const decisionIds = waiting.map((decision) => decision.decisionId);
  const path = { signalId: signal.signalId };

  const answer = (what: "Approve" | "Reject") => {
    setConfirming(false);
    void change(name, what, async () => {
      const answered =
        what === "Approve"
          ? await ask(api.POST("/api/signals/{signalId}/approve", { params: { path }, body: { decisionIds, tradeIds: [...meant] } }))
          : await ask(api.POST("/api/signals/{signalId}/reject", { params: { path }, body: { decisionIds } }));
      const mine = answered.signal?.decisions.filter((each) => decisionIds.includes(each.decisionId)) ?? [];
      const sent = mine.some((each) => each.outcome === "SENT");
      if (what === "Reject") toast("done", "Rejected: nothing is sent");
      else if (sent) toast("done", "Approved, and sent");
      else toast("note", `Approved; ${mine.map((each) => `${verdictOf(each.outcome).word} ${whyWords(each)}`.trim()).join("; ") || "it is being decided"}`);
    }).then(() => queries.invalidateQueries({ queryKey: [SIGNALS] }));
  };

  return (
    <div className="signal-answer">
      {asks && (
        <fieldset className="candidates">
          <legend>Which is meant?</legend>
          {candidates.map((tradeId) => {
            const trade = trades.get(tradeId);
            return (
              <label key={tradeId}>
                <input
                  type="checkbox"
                  checked={meant.includes(tradeId)}
                  onChange={(event) => setMeant(event.target.checked ? [...meant, tradeId] : meant.filter((each) => each !== tradeId))}
                />
                {trade === undefined
                  ? "a trade that is not open any more"
                  : `${trade.symbol} ${words(trade.side)} ${lots(trade.volumeLots)} at ${price(trade.openPrice, undefined)}`}
              </label>
            );
          })}
        </fieldset>
      )}
      <div className="answer-buttons">
        <Button small kind="accent" busy={busy} disabled={asks && meant.length === 0} onClick={() => setConfirming(true)}>
          Approve…
        </Button>
        <Button small busy={busy} onClick={() => answer("Reject")}>
          Reject
        </Button>
      </div>
      <div className={`count-down ${left !== null && left < 20_000 ? "amber-text" : ""}`} role="timer">
        {left === null ? "waits" : left > 0 ? `${countDown(left)} left` : "its time is over"}
      </div>
      {confirming && (
        <ConfirmDialog
          title="Approve this message?"
          description={`${parseWords(signal.parsed)}. It is checked anew with the prices of now, and sent where every check passes.`}
          action="Approve"
          onConfirm={() => answer("Approve")}
          onClose={() => setConfirming(false)}
        />
      )}
    </div>
  );
}
