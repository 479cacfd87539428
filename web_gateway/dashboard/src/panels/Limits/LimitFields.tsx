import type { Limits } from "../../lib/contract";
import { NumberField, SelectField, TextField } from "../../ui/Field";
import { Toggle } from "../../ui/Toggle";
import type { Refusals } from "../AccountSettings/refusals";
import { type Field, type Group, type Unit } from "./limit-fields";
import { isShown, pathsOf, problemOf, readText, textOf, type Typed, unitName, unitOf, YES } from "./limits-draft";

export interface FieldsProps {
  limits: Limits | null;
  typed: Typed;
  refused: Refusals;
  currency: string;
  put: (more: Typed) => void;
}

const ZONES = "limit-zones";
const UNITS: Partial<Record<Unit, string>> = { LOTS: "lots", PERCENT: "%", POINTS: "points", MULTIPLE: "times", SECONDS: "seconds" };

/** One group of limits, open where something of it is set. */
export function LimitGroup({ group, ...props }: FieldsProps & { group: Group }) {
  const { limits, refused } = props;
  const set = group.fields.filter((field) => field.needs === undefined && readText(field, limits) !== "").length;
  const wrong = group.fields.some((field) => pathsOf(field).some((path) => refused[path] !== undefined));
  return (
    <details className="more-fields" open={set > 0 || wrong}>
      <summary>
        {group.title}
        {set > 0 && `, ${set} set`}
      </summary>
      <p className="quiet-text limits-line">{group.note}</p>
      <div className="field-grid">
        {group.fields
          .filter((field) => field.needs === undefined)
          .map((field) => (
            <Whole key={field.name} group={group} field={field} {...props} />
          ))}
      </div>
    </details>
  );
}

/** A limit with what belongs to it, which is shown once it has a value. */
function Whole({ group, field, ...props }: FieldsProps & { group: Group; field: Field }) {
  const parts = group.fields.filter((each) => each.needs === field.name && isShown(each, props.limits, props.typed));
  // The same element with parts and without: what is being typed keeps the focus.
  return (
    <div {...(parts.length > 0 && { className: "limit-whole", role: "group", "aria-label": field.label })}>
      {[field, ...parts].map((each) => (
        <LimitField key={each.name} field={each} {...props} />
      ))}
    </div>
  );
}

export function LimitField({ field, limits, typed, refused, currency, put }: FieldsProps & { field: Field }) {
  const { name, label, hint = field.needs === undefined && field.kind !== "choice" ? "Empty: off." : undefined } = field;
  const value = textOf(field, limits, typed);
  const path = pathsOf(field).find((each) => refused[each] !== undefined);
  const common = {
    label,
    hint,
    value,
    problem: problemOf(field, limits, typed) ?? (path && refused[path]),
    onChange: (event: { target: { value: string } }) => put({ [name]: event.target.value }),
  };
  switch (field.kind) {
    case "toggle":
      return (
        <div className="field">
          <Toggle label={label} checked={value === YES} onChange={(on) => put({ [name]: on ? YES : "" })} />
          <div className="field-hint">{field.hint}</div>
        </div>
      );
    case "choice":
      return (
        <SelectField {...common}>
          {field.options?.map(([each, words]) => (
            <option key={each} value={each}>
              {words}
            </option>
          ))}
        </SelectField>
      );
    case "zone":
      return (
        <>
          <TextField {...common} list={ZONES} autoComplete="off" />
          <datalist id={ZONES}>
            {Intl.supportedValuesOf("timeZone").map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
        </>
      );
    case "amount":
      return (
        <div className="limit-amount">
          <NumberField {...common} />
          <SelectField
            label="in"
            aria-label={`${label} in`}
            value={unitOf(field, limits, typed)}
            // The same number means something else then.
            onChange={(event) => put({ [unitName(field)]: event.target.value, [name]: "" })}
          >
            <option value="percent">%</option>
            <option value="money">{currency || "money"}</option>
          </SelectField>
        </div>
      );
    default: {
      const unit = field.unit === "MONEY" ? currency : field.unit && UNITS[field.unit];
      return <NumberField {...common} label={unit ? `${label}, ${unit}` : label} />;
    }
  }
}
