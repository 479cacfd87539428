import { useQuery } from "@tanstack/react-query";
import { type SubmitEvent, useEffect, useState } from "react";
import { api, ask, newKey, Refused } from "../lib/api";
import { count, lots } from "../lib/format";
import { usePreferences } from "../session/preferences";
import { command } from "../store/actions";
import { accountName, useChoice } from "../store/choice";
import { useLive, useLiveParts } from "../store/live-store";
import { usePending } from "../store/pending";
import { useSymbols } from "../store/symbols";
import { Button } from "../ui/Button";
import { NumberField, SelectField } from "../ui/Field";
import { Loading, Panel } from "../ui/Panel";
import { ConfirmDialog } from "./ConfirmDialog";
import { draftBody, type Draft, EMPTY_DRAFT } from "./order-draft";
import { PreviewView } from "./PreviewView";
import { NO_PLAN, refusedFields } from "./Protection/plan-draft";
import { PlanFields } from "./Protection/PlanFields";

const PREVIEW_AFTER_MILLISECONDS = 350;
const PREVIEW_EVERY_MILLISECONDS = 5000;

/** Stands beside the field that it is about. */
const BESIDE = new Error("see above what is wrong.");

/** A new order with what it would cost and risk, counted at the bridge with live numbers. */
export function NewOrder() {
  const { store } = useLiveParts();
  const { settings } = usePreferences();
  const { accountId: chosen } = useChoice();
  const accounts = useLive((state) => state.accounts);
  const trading = useLive((state) => state.trading);
  const [picked, setPicked] = useState("");
  const accountId = chosen ?? (accounts.has(picked) ? picked : ([...accounts.keys()][0] ?? null));
  const symbols = useSymbols(accountId);
  const [draft, setDraft] = useState<Draft>(EMPTY_DRAFT);
  const [asking, setAsking] = useState(false);
  const busy = usePending("new-order");
  const symbol = symbols?.get(draft.symbol);
  const set = (more: Partial<Draft>) => setDraft((now) => ({ ...now, ...more }));
  const { body, problems, planProblems, left } = draftBody(draft, accountId ?? "");
  const settled = useSettled(body, PREVIEW_AFTER_MILLISECONDS);

  const preview = useQuery({
    queryKey: ["preview", settled],
    queryFn: async ({ signal }) => {
      if (settled === null) throw new Error("nothing to preview");
      const answer = await ask(
        api.POST("/api/trades", {
          body: { ...settled, validateOnly: true },
          params: { header: { "Idempotency-Key": newKey() } },
          signal,
        }),
      );
      return answer.preview;
    },
    enabled: settled !== null,
    retry: false,
    gcTime: 0,
    staleTime: 0,
    refetchInterval: PREVIEW_EVERY_MILLISECONDS,
  });

  // What was counted for another draft is not shown for this one.
  const counted = settled === body ? (preview.data ?? null) : null;
  const refused = settled === body && preview.error instanceof Refused;
  // What the server says of a field stands beside it.
  const refusedPlan = settled === body && preview.error instanceof Refused ? refusedFields(preview.error.problem.errors) : {};
  const impossible = refused || counted?.acceptable === false;
  const state = accountId === null ? undefined : trading.get(accountId);
  const stopped = state?.wanted?.stopped === true;
  const paused = state?.wanted?.paused === true;
  const side = draft.side === "BUY" ? "Buy" : "Sell";
  const size = draft.sizeBy === "lots" ? `${draft.size} lots` : `${draft.size} % risk`;
  const title = `${side} ${size} ${draft.symbol}`;

  const send = () => {
    setAsking(false);
    if (body === null) return;
    void command(store, { name: "new-order", what: title, body }, (key) =>
      ask(api.POST("/api/trades", { body, params: { header: { "Idempotency-Key": key } } })),
    ).then((taken) => {
      // So that a further press is no second order of the same size.
      if (taken) set({ size: "", plan: NO_PLAN });
    });
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    // While trading is paused a person's own order is asked about once, whatever the settings say.
    if (settings.confirmActions || paused) setAsking(true);
    else send();
  };

  if (accountId === null) {
    return (
      <Panel title="New order">
        <p className="empty">Pair a bridge first; orders go through it to the terminal.</p>
      </Panel>
    );
  }
  return (
    <Panel title="New order" className="new-order">
      {symbols === undefined ? (
        <Loading what="symbols" />
      ) : (
        <form onSubmit={submit} noValidate>
          {chosen === null && accounts.size > 1 && (
            <SelectField label="Account" value={accountId} onChange={(event) => setPicked(event.target.value)}>
              {[...accounts.values()].map((account) => (
                <option key={account.accountId} value={account.accountId}>
                  {accountName(account)}
                </option>
              ))}
            </SelectField>
          )}
          <SelectField
            label="Symbol"
            value={draft.symbol}
            onChange={(event) => set({ symbol: event.target.value })}
            hint={
symbols.size === 0 ? "The terminal has told no symbol yet." : symbol?.description
            }
          >
            <option value="">Choose…</option>
            {[...symbols.keys()].map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </SelectField>
          <div className="segments" role="group" aria-label="Side">
            {(["BUY", "SELL"] as const).map((each) => (
              <button key={each} type="button" aria-pressed={draft.side === each} onClick={() => set({ side: each })}>
                {each === "BUY" ? "Buy" : "Sell"}
              </button>
            ))}
          </div>
          <div className="segments" role="group" aria-label="Order type">
            {(["MARKET", "LIMIT", "STOP"] as const).map((each) => (
              <button key={each} type="button" aria-pressed={draft.type === each} onClick={() => set({ type: each })}>
                {each === "MARKET" ? "Market" : each === "LIMIT" ? "Limit" : "Stop"}
              </button>
            ))}
          </div>
          {draft.type !== "MARKET" && (
            <NumberField
              label="Price"
              value={draft.price}
              onChange={(event) => set({ price: event.target.value })}
              problem={problems.price}
            />
          )}
          <div className="field-row">
            <NumberField
              label="Size"
              value={draft.size}
              onChange={(event) => set({ size: event.target.value })}
              problem={problems.size}
              hint={
                draft.sizeBy === "lots" && symbol !== undefined
                  ? `${lots(symbol.volumeMinimumLots)} to ${lots(symbol.volumeMaximumLots)}, step ${lots(symbol.volumeStepLots)}`
                  : undefined
              }
            />
            <SelectField
              label="in"
              value={draft.sizeBy}
              onChange={(event) => set({ sizeBy: event.target.value === "risk" ? "risk" : "lots" })}
            >
              <option value="lots">lots</option>
              <option value="risk">% of equity at risk</option>
            </SelectField>
          </div>
          <div className="field-row">
            <NumberField
              label="Stop loss"
              value={draft.stopLoss}
              onChange={(event) => set({ stopLoss: event.target.value })}
              problem={problems.stopLoss}
            />
            <NumberField
              label="Take profit"
              value={draft.takeProfit}
              onChange={(event) => set({ takeProfit: event.target.value })}
              problem={problems.takeProfit}
            />
          </div>
          <details className="more-fields">
            <summary>{planSummary(draft.plan)}</summary>
            <PlanFields
              draft={draft.plan}
              problems={{ ...refusedPlan, ...planProblems }}
              left={left}
              currency={accounts.get(accountId)?.currency ?? ""}
              onChange={(plan) => set({ plan })}
            />
          </details>
          <PreviewView
            preview={counted}
            error={settled !== body ? null : Object.keys(refusedPlan).length > 0 ? BESIDE : preview.error}
            asking={body !== null && (preview.isFetching || settled !== body)}
            ready={body !== null}
            digits={symbol?.digits}
          />
          {stopped && <p className="notice">Trading is stopped: nothing opens until it is re-armed.</p>}
          {paused && !stopped && <p className="notice">Trading is paused for signals and programs; you are asked once.</p>}
          <Button
            kind="accent"
            type="submit"
            className="wide-button"
            busy={busy}
            disabled={body === null || stopped || impossible}
          >
            {draft.symbol === "" || draft.size === "" ? "Order" : title}
          </Button>
        </form>
      )}
      {asking && (
        <ConfirmDialog
          title={`${title}?`}
          description={paused ? "Trading is paused; this order of your own would open all the same." : confirmWords(draft)}
          action={`${side} now`}
          onConfirm={send}
          onClose={() => setAsking(false)}
        />
      )}
    </Panel>
  );
}

function planSummary({ targets, breakEven }: Draft["plan"]): string {
  const parts = [
    ...(targets.length > 0 ? [count(targets.length, "target")] : []),
    ...(breakEven !== null ? ["break-even"] : []),
  ];
  return parts.length === 0 ? "Ladder and break-even" : `Ladder and break-even: ${parts.join(", ")}`;
}

function confirmWords(draft: Draft): string {
  const how = draft.type === "MARKET" ? "At the market" : `${draft.type === "LIMIT" ? "Limit" : "Stop"} at ${draft.price}`;
  const stop = draft.stopLoss === "" ? "without a stop loss" : `stop loss ${draft.stopLoss}`;
  const target = draft.takeProfit === "" ? "without a take profit" : `take profit ${draft.takeProfit}`;
  const { targets, breakEven } = draft.plan;
  const ladder = targets.length === 0 ? "" : `, a ladder of ${count(targets.length, "target")}`;
  return `${how}, ${stop}, ${target}${ladder}${breakEven === null ? "" : ", and a move to break-even"}.`;
}

/** The value once it has stayed the same for a while; compared by content. */
function useSettled<Value>(value: Value, milliseconds: number): Value {
  const [settled, setSettled] = useState(value);
  const text = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(JSON.parse(text) as Value), milliseconds);
    return () => clearTimeout(timer);
  }, [text, milliseconds]);
  return JSON.stringify(settled) === text ? value : settled;
}
