import { type SubmitEvent, useState } from "react";
import { api, ask } from "../../lib/api";
import type { PlanStart, Trade, TrailingStop } from "../../lib/contract";
import { seconds as inSeconds } from "../../lib/format";
import { useLive } from "../../store/live-store";
import { usePending } from "../../store/pending";
import { Button } from "../../ui/Button";
import { Dialog, DialogActions } from "../../ui/Dialog";
import { NumberField, SelectField, typedNumber } from "../../ui/Field";
import { Failed, Loading } from "../../ui/Panel";
import { draftOf, type StartDraft, startOf } from "./start-draft";
import { StartFields } from "./StartFields";
import { usePolicy, useWishes } from "./wishes";

type Unit = "PIPS" | "POINTS" | "PRICE";

interface Props {
  trade: Trade;
  onClose: () => void;
}

interface Body {
  distance: number;
  unit: Unit;
  step?: number;
  start?: PlanStart;
  minInterval?: string;
}

/** Sets or removes the trailing stop, which is a policy: wanted here, applied by the bridge. */
export function TrailingStopDialog({ trade, onClose }: Props) {
  const wishes = useWishes(trade.tradeId);
  return (
    <Dialog
      title={`Trailing stop of ${trade.symbol}`}
      description="The stop follows the best price at this distance, and never loosens."
      open
      onClose={onClose}
    >
      {wishes.isPending ? (
        <Loading what="what is wanted" />
      ) : wishes.isError ? (
        <Failed what="What is wanted" error={wishes.error} onRetry={() => void wishes.refetch()} />
      ) : (
        <TrailingForm
          trade={trade}
          set={
            wishes.data !== null && wishes.data.trailingStopRevision > wishes.data.appliedRevision
              ? wishes.data.trailingStop
              : trade.trailingStop
          }
          onClose={onClose}
        />
      )}
    </Dialog>
  );
}

const LEAST_INTERVAL = 1;
const MOST_INTERVAL = 3600;

function TrailingForm({ trade, set, onClose }: Props & { set: TrailingStop | null }) {
  const currency = useLive((state) => state.accounts.get(trade.accountId)?.currency ?? "");
  const [distance, setDistance] = useState(set === null ? "" : String(set.distance));
  const [unit, setUnit] = useState<Unit>(set === null ? "PIPS" : unitOf(set.unit));
  const [step, setStep] = useState(set === null || set.step === 0 ? "" : String(set.step));
  const [start, setStart] = useState<StartDraft | null>(startDraft(set));
  const [interval, setInterval] = useState(intervalText(set));
  const [refused, setRefused] = useState<Readonly<Record<string, string>>>({});
  const name = `trailing ${trade.tradeId}`;
  const busy = usePending(name);
  const policy = usePolicy(trade.tradeId);

  const wanted = typedNumber(distance);
  const stepped = typedNumber(step);
  const every = typedNumber(interval);
  const rules = { targets: trade.protection?.steps.length ?? 0, risk: trade.initialStopLoss !== null };
  const begins = start === null ? null : startOf(start, rules);
  const problems = {
    distance: wanted !== undefined && !(wanted > 0) ? "must be above zero" : undefined,
    step: stepped !== undefined && !(stepped >= 0) ? "must be zero or above" : undefined,
    start: begins?.problem,
    minInterval:
      every !== undefined && !(every >= LEAST_INTERVAL && every <= MOST_INTERVAL)
        ? `must be from ${LEAST_INTERVAL} to ${MOST_INTERVAL} s`
        : undefined,
  };
  const problem = (field: keyof typeof problems) => problems[field] ?? refused[field];
  const ready =
    wanted !== undefined && begins?.start !== null && Object.values(problems).every((each) => each === undefined);

  const send = (body: { enabled: false } | Body) => {
    setRefused({});
    void policy(
      { name, what: `Trailing stop of ${trade.symbol}`, body },
      "enabled" in body ? "removed" : "set",
      (key) =>
        ask(
          api.POST("/api/trades/{tradeId}/trailing-stop", {
            params: { path: { tradeId: trade.tradeId }, header: { "Idempotency-Key": key } },
            body,
          }),
        ),
      (error) => {
        const fields = Object.fromEntries(
          error.problem.errors.map((each) => [each.field.startsWith("start") ? "start" : each.field, each.description]),
        );
        setRefused(fields);
        return Object.keys(fields).some((field) => field in problems);
      },
    ).then((taken) => {
      if (taken) onClose();
    });
  };

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (wanted === undefined) return;
    send({
      distance: wanted,
      unit,
      ...(stepped === undefined ? {} : { step: stepped }),
      ...(begins?.start == null ? {} : { start: begins.start }),
      ...(every === undefined ? {} : { minInterval: `${every}s` }),
    });
  };

  return (
    <form onSubmit={submit} noValidate>
      <div className="field-row">
        <NumberField
          label="Distance"
          required
          value={distance}
          onChange={(event) => setDistance(event.target.value)}
          problem={problem("distance")}
        />
        <SelectField label="Unit" value={unit} onChange={(event) => setUnit(unitOf(event.target.value))}>
          <option value="PIPS">pips</option>
          <option value="POINTS">points</option>
          <option value="PRICE">price</option>
        </SelectField>
      </div>
      <StartFields
        label="Starts"
        atOnce="at once"
        draft={start}
        problem={problem("start")}
        currency={currency}
        onChange={setStart}
      />
      <div className="field-row">
        <NumberField
          label="Step"
          value={step}
          onChange={(event) => setStep(event.target.value)}
          problem={problem("step")}
          hint="It moves by at least this; empty: one tick."
        />
        <NumberField
          label="At most every, seconds"
          value={interval}
          onChange={(event) => setInterval(event.target.value)}
          problem={problem("minInterval")}
          hint="Empty: once a second."
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
        <Button kind="accent" type="submit" busy={busy} disabled={!ready}>
          Set
        </Button>
      </DialogActions>
    </form>
  );
}

/** `activation` says a profit in the unit of the distance; a start says it in one of its own. */
function startDraft(set: TrailingStop | null): StartDraft | null {
  if (set === null) return null;
  if (set.activation === null) return draftOf(set.start);
  const kind = { PIPS: "pips", POINTS: "points", PRICE: "distance" } as const;
  return { kind: kind[unitOf(set.unit)], value: String(set.activation) };
}

function intervalText(set: TrailingStop | null): string {
  const every = inSeconds(set?.minInterval);
  return every === null || every === LEAST_INTERVAL ? "" : String(every);
}

function unitOf(text: string): Unit {
  return text === "POINTS" ? "POINTS" : text === "PRICE" || text === "UNSPECIFIED" ? "PRICE" : "PIPS";
}
