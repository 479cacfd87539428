import type { ReactNode } from "react";
import { Button } from "../../ui/Button";
import { NumberField, SelectField } from "../../ui/Field";
import { Toggle } from "../../ui/Toggle";
import { MOST_TARGETS, MOVES, newTarget, type PlanDraft, type PlanProblems, type TargetDraft } from "./plan-draft";
import { StartFields } from "./StartFields";

interface Props {
  draft: PlanDraft;
  problems: PlanProblems;
  /** Percent that runs on after the last target. */
  left: number;
  currency: string;
  /** What a target means, beside its fields. */
  note?: (target: TargetDraft, index: number) => ReactNode;
  onChange: (draft: PlanDraft) => void;
}

/** The fields of a take-profit ladder and of a move to break-even. */
export function PlanFields({ draft, problems, left, currency, note, onChange }: Props) {
  const { targets, breakEven } = draft;
  const setTarget = (id: number, more: Partial<TargetDraft>) =>
    onChange({ ...draft, targets: targets.map((each) => (each.id === id ? { ...each, ...more } : each)) });
  const move = (value: string) => MOVES.find(([each]) => each === value)?.[0] ?? "UNSPECIFIED";
  return (
    <div className="plan-fields">
      {targets.map((target, index) => (
        <fieldset key={target.id} className="target-fields">
          <legend>Target {index + 1}</legend>
          <NumberField
            label="Price"
            value={target.price}
            problem={problems[`targets[${index}].price`]}
            onChange={(event) => setTarget(target.id, { price: event.target.value })}
          />
          <NumberField
            label="Share, %"
            value={target.share}
            problem={problems[`targets[${index}].share`]}
            onChange={(event) => setTarget(target.id, { share: event.target.value })}
          />
          <SelectField
            label="Then the stop"
            value={target.move}
            onChange={(event) => setTarget(target.id, { move: move(event.target.value) })}
          >
            {MOVES.map(([value, words]) => (
              <option key={value} value={value}>
                {index === 0 && value === "PREVIOUS_TARGET" ? "to break-even too" : words}
              </option>
            ))}
          </SelectField>
          <Button
            small
            kind="quiet"
            aria-label={`Remove target ${index + 1}`}
            onClick={() => onChange({ ...draft, targets: targets.filter((each) => each.id !== target.id) })}
          >
            Remove
          </Button>
          {note !== undefined && <div className="target-note">{note(target, index)}</div>}
        </fieldset>
      ))}
      {problems.targets !== undefined && <p className="field-problem" role="alert">{problems.targets}</p>}
      <div className="plan-line">
        <Button
          small
          disabled={targets.length >= MOST_TARGETS}
          onClick={() => onChange({ ...draft, targets: [...targets, newTarget(targets.length === 0 ? "50" : left > 0 ? String(left) : "")] })}
        >
          Add a target
        </Button>
        {targets.length > 0 && (
          <span className="quiet-text">
            {left === 0 ? "Nothing runs on after the last." : left > 0 ? `${left} % runs on after the last.` : ""}
          </span>
        )}
      </div>
      <Toggle
        label="Move the stop to break-even"
        checked={breakEven !== null}
        onChange={(on) => onChange({ ...draft, breakEven: on ? { start: { kind: "riskMultiple", value: "1" }, offset: "" } : null })}
      />
      {breakEven !== null && (
        <>
          <StartFields
            label="Once"
            draft={breakEven.start}
            problem={problems["breakEven.start"]}
            currency={currency}
            onChange={(start) => start !== null && onChange({ ...draft, breakEven: { ...breakEven, start } })}
          />
          <NumberField
            label="So much beyond, in price"
            value={breakEven.offset}
            problem={problems["breakEven.offset"]}
            hint="Empty: just where leaving costs nothing, spread, commission and swap counted."
            onChange={(event) => onChange({ ...draft, breakEven: { ...breakEven, offset: event.target.value } })}
          />
        </>
      )}
    </div>
  );
}
