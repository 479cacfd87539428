import { type SubmitEvent, useState } from "react";
import { ActionKeys, api, ask } from "../../lib/api";
import type { Trade } from "../../lib/contract";
import { change } from "../../store/actions";
import { usePending } from "../../store/pending";
import { Button } from "../../ui/Button";
import { Dialog, DialogActions } from "../../ui/Dialog";
import { NumberField, SelectField, typedNumber } from "../../ui/Field";
import { toast } from "../../ui/toasts";

type Unit = "PIPS" | "POINTS" | "PRICE";
const keys = new ActionKeys();

/** Sets or removes the trailing stop, which is a policy: wanted here, applied by the bridge. */
export function TrailingStopDialog({ trade, onClose }: { trade: Trade; onClose: () => void }) {
  const set = trade.trailingStop;
  const [distance, setDistance] = useState(set === null ? "" : String(set.distance));
  const [unit, setUnit] = useState<Unit>(set === null ? "PIPS" : unitOf(set.unit));
  const [step, setStep] = useState(set === null || set.step === 0 ? "" : String(set.step));
  const [activation, setActivation] = useState(set?.activation == null ? "" : String(set.activation));
  const name = `trailing ${trade.tradeId}`;
  const busy = usePending(name);

  const wanted = typedNumber(distance);
  const problem = wanted !== undefined && !(wanted > 0) ? "must be above zero" : undefined;
  const optional = (text: string) => {
    const value = typedNumber(text);
    return value !== undefined && !(value >= 0) ? "must be zero or above" : undefined;
  };

  const send = (body: { enabled: false } | { distance: number; unit: Unit; step?: number; activation?: number }) =>
    void change(name, `Trailing stop of ${trade.symbol}`, async () => {
      const action = `${name} ${JSON.stringify(body)}`;
      const answer = await ask(
        api.POST("/api/trades/{tradeId}/trailing-stop", {
          params: { path: { tradeId: trade.tradeId }, header: { "Idempotency-Key": keys.of(action) } },
          body,
        }),
      );
      keys.settled(action);
      const word = answer.wanted === null ? "removed" : "set";
      if (answer.problem !== "") toast("problem", `Trailing stop of ${trade.symbol} is not applied: ${answer.problem}`);
      else if (answer.applied) toast("done", `Trailing stop of ${trade.symbol} ${word}, applied by the bridge`);
      else toast("note", `Trailing stop of ${trade.symbol}: wanted is recorded, the bridge has not applied it yet`);
      onClose();
    });

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (wanted === undefined) return;
    const more = { step: typedNumber(step), activation: typedNumber(activation) };
    send({
      distance: wanted,
      unit,
      ...(more.step === undefined ? {} : { step: more.step }),
      ...(more.activation === undefined ? {} : { activation: more.activation }),
    });
  };

  return (
    <Dialog
      title={`Trailing stop of ${trade.symbol}`}
      description="The stop follows the best price at this distance, and never loosens."
      open
      onClose={onClose}
    >
      <form onSubmit={submit}>
        <div className="field-row">
          <NumberField
            label="Distance"
            required
            value={distance}
            onChange={(event) => setDistance(event.target.value)}
            problem={problem}
          />
          <SelectField label="Unit" value={unit} onChange={(event) => setUnit(unitOf(event.target.value))}>
            <option value="PIPS">pips</option>
            <option value="POINTS">points</option>
            <option value="PRICE">price</option>
          </SelectField>
        </div>
        <div className="field-row">
          <NumberField
            label="Step"
            value={step}
            onChange={(event) => setStep(event.target.value)}
            problem={optional(step)}
            hint="It moves by at least this; empty: one tick."
          />
          <NumberField
            label="Starts at a profit of"
            value={activation}
            onChange={(event) => setActivation(event.target.value)}
            problem={optional(activation)}
            hint="Empty: at once."
          />
        </div>
        {set?.suspended === true && (
          <p className="notice">It is paused, because somebody loosened the stop by hand. Setting it again resumes it.</p>
        )}
        <DialogActions>
          {set !== null && (
            <Button busy={busy} onClick={() => send({ enabled: false })}>
              Remove
            </Button>
          )}
          <Button onClick={onClose}>Back</Button>
          <Button
            kind="accent"
            type="submit"
            busy={busy}
            disabled={wanted === undefined || problem !== undefined || optional(step) !== undefined || optional(activation) !== undefined}
          >
            Set
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

function unitOf(text: string): Unit {
  return text === "POINTS" ? "POINTS" : text === "PRICE" || text === "UNSPECIFIED" ? "PRICE" : "PIPS";
}
