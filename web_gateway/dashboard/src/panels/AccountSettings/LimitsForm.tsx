import { type SubmitEvent, useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { api, ask } from "../../lib/api";
import type { Account } from "../../lib/contract";
import { change } from "../../store/actions";
import { accountName } from "../../store/choice";
import { usePending } from "../../store/pending";
import { LIMITS } from "../../store/queries";
import { Button } from "../../ui/Button";
import { NumberField, typedNumber } from "../../ui/Field";
import { Failed, Loading, Panel } from "../../ui/Panel";
import { toast } from "../../ui/toasts";
import { useLimits } from "../Account/LimitsView";
import { beside, type Refusals } from "./refusals";

const FIELDS = [
  ["maximumOrderLots", "Largest order, lots"],
  ["maximumPositions", "Most positions and orders"],
  ["maximumSpreadPoints", "Widest spread, points"],
  ["minimumEquity", "Least equity to open at"],
] as const;

type Name = (typeof FIELDS)[number][0];
type Typed = Partial<Record<Name, string>>;

/** Limits of one account, enforced by its bridge before each order that increases exposure. */
export function LimitsForm({ account }: { account: Account }) {
  const { accountId } = account;
  const limits = useLimits(accountId);
  const queries = useQueryClient();
  const [typed, setTyped] = useState<Typed>({});
  const [refused, setRefused] = useState<Refusals>({});
  const name = `limits ${accountId}`;
  const busy = usePending(name);
  const set = limits.data?.limits ?? null;
  const text = (field: Name) => typed[field] ?? (set?.[field] == null ? "" : String(set[field]));
  const problem = (field: Name) => {
    const value = typedNumber(text(field));
    if (value !== undefined && !(value > 0)) return "must be above zero, or empty";
    if (field === "maximumPositions" && value !== undefined && !Number.isInteger(value)) return "must be a whole number";
    return undefined;
  };

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    // The account's other limits are not shown here, and stay as they are; what is undefined is left out.
    const shown = Object.fromEntries(FIELDS.map(([field]) => [field, typedNumber(text(field))]));
    const wanted: Record<string, unknown> = { ...set, ...shown };
    if (shown.minimumEquity === undefined) wanted.minimumEquityAction = undefined;
    setRefused({});
    void change(name, "Limits", async () => {
      const answer = await ask(api.PUT("/api/limits", { body: { accountId, limits: wanted as never } }));
      setTyped({});
      await queries.invalidateQueries({ queryKey: [LIMITS] });
      if (answer.applied) toast("done", "Limits applied by the bridge");
      else toast("note", "Limits are recorded; the bridge has not applied them yet");
    }, beside("limits", FIELDS.map(([field]) => field), setRefused));
  };

  return (
    <Panel title={`Limits of ${accountName(account)}`} className="limits-form">
      {limits.isPending ? (
        <Loading what="limits" />
      ) : limits.isError ? (
        <Failed what="Limits" error={limits.error} onRetry={() => void limits.refetch()} />
      ) : (
        <form onSubmit={submit}>
          <div className="field-grid">
            {FIELDS.map(([field, label]) => (
              <NumberField
                key={field}
                label={label}
                value={text(field)}
                problem={problem(field) ?? refused[field]}
                hint="Empty: off."
                onChange={(event) => setTyped((now) => ({ ...now, [field]: event.target.value }))}
              />
            ))}
          </div>
          <div className="form-end">
            <span className="quiet-text">
              {limits.data.applied ? "Applied by the bridge. None of them blocks closing." : "Not applied by the bridge yet."}
            </span>
            <Button
              type="submit"
              busy={busy}
              disabled={Object.keys(typed).length === 0 || FIELDS.some(([field]) => problem(field) !== undefined)}
            >
              Save limits
            </Button>
          </div>
        </form>
      )}
    </Panel>
  );
}
