import { NumberField, SelectField } from "../../ui/Field";
import { START_KINDS, type StartDraft, type StartKind } from "./start-draft";

interface Props {
  label: string;
  draft: StartDraft | null;
  problem: string | undefined;
  currency: string;
  /** What no start means; left out: a start is needed. */
  atOnce?: string;
  onChange: (draft: StartDraft | null) => void;
}

/** When a plan begins: by profit, risk, money, price, or a target of the ladder. */
export function StartFields({ label, draft, problem, currency, atOnce, onChange }: Props) {
  const pick = (kind: string) => {
    const found = START_KINDS.find(([each]) => each === kind)?.[0];
    onChange(found === undefined ? null : { kind: found, value: draft?.value ?? "" });
  };
  return (
    <div className="field-row start-fields">
      <SelectField label={label} value={draft?.kind ?? ""} onChange={(event) => pick(event.target.value)}>
        {atOnce !== undefined && <option value="">{atOnce}</option>}
        {START_KINDS.map(([kind, words]) => (
          <option key={kind} value={kind}>
            {inCurrency(kind, words, currency)}
          </option>
        ))}
      </SelectField>
      {draft !== null && (
        <NumberField
          label={LABELS[draft.kind]}
          value={draft.value}
          problem={problem}
          onChange={(event) => onChange({ ...draft, value: event.target.value })}
        />
      )}
    </div>
  );
}

const LABELS: Record<StartKind, string> = {
  riskMultiple: "How many R",
  pips: "How many pips",
  points: "How many points",
  distance: "How far, in price",
  money: "How much",
  price: "Which price",
  target: "How many targets",
};

function inCurrency(kind: StartKind, words: string, currency: string): string {
  return kind === "money" && currency !== "" ? `${currency} in profit` : words;
}
