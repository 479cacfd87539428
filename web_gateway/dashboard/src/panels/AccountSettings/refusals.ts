// What the server refuses of a form, by the form's own fields.
import type { Refused } from "../../lib/api";

export type Refusals = Readonly<Record<string, string>>;

/** Shows refusals beside their fields; answers whether there is a field for one of them. */
export function beside(
  prefix: string,
  fields: readonly string[],
  show: (refusals: Refusals) => void,
): (refused: Refused) => boolean {
  return (refused) => {
    const found = Object.fromEntries(
      refused.problem.errors.map((each) => [
        each.field.startsWith(`${prefix}.`) ? each.field.slice(prefix.length + 1) : each.field,
        each.description,
      ]),
    );
    show(found);
    return Object.keys(found).some((field) => fields.includes(field));
  };
}
