import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";
import { api, ask } from "../../lib/api";
import type { Account, StopSettings, StopTrigger } from "../../lib/contract";
import { seconds as inSeconds, words } from "../../lib/format";
import { change } from "../../store/actions";
import { accountName } from "../../store/choice";
import { usePending } from "../../store/pending";
import { STOP_SETTINGS } from "../../store/queries";
import { Button } from "../../ui/Button";
import { NumberField, SelectField, typedNumber } from "../../ui/Field";
import { Failed, Loading, Panel } from "../../ui/Panel";
import { Toggle } from "../../ui/Toggle";
import { toast } from "../../ui/toasts";
import { beside, type Refusals } from "./refusals";

/** What stops an account by itself, and what its bridge does when nobody is there to decide. */
export function StopForm({ account }: { account: Account }) {
  const { accountId } = account;
  const settings = useQuery({
    queryKey: [STOP_SETTINGS, accountId],
    queryFn: () => ask(api.GET("/api/trading/stop-settings", { params: { query: { accountId } } })),
  });
  return (
    <Panel title={`What stops ${accountName(account)} by itself`}>
      {settings.isPending ? (
        <Loading what="stop settings" />
      ) : settings.isError ? (
        <Failed what="Stop settings" error={settings.error} onRetry={() => void settings.refetch()} />
      ) : settings.data.settings === null ? (
        <p className="problem-text">The server told no stop settings.</p>
      ) : (
        <Form
          key={JSON.stringify(settings.data.settings)}
          accountId={accountId}
          set={settings.data.settings}
          applied={settings.data.applied}
        />
      )}
    </Panel>
  );
}

type Kind = StopTrigger["kind"];
type Lapse = StopSettings["lapsePolicy"];

const LAPSES: readonly (readonly [Lapse, string])[] = [
  ["CANCEL_PENDINGS", "cancel our pending orders"],
  ["HOLD", "leave them; they can still fill"],
  ["FLATTEN", "cancel them and close every managed position"],
];

const RULES: Partial<Record<Kind, { title: string; threshold: string; window?: string }>> = {
  UNKNOWN_OUTCOMES: { title: "Outcomes that nobody knows", threshold: "so many", window: "within, seconds" },
  OPEN_RATE: { title: "Too many opens", threshold: "more than, a second", window: "throughout, seconds" },
  IDENTICAL_OPENS: { title: "The same open again and again", threshold: "so many", window: "within, seconds" },
  CLOCK_JUMP: { title: "A clock that jumps", threshold: "by, seconds" },
  LOOP_LAG: { title: "A program that cannot keep up", threshold: "late by, seconds, three times", window: "within, seconds" },
};

interface Rule {
  kind: Kind;
  enabled: boolean;
  threshold: string;
  window: string;
}

function rulesOf(set: StopSettings): readonly Rule[] {
  return set.triggers.map((trigger) => ({
    kind: trigger.kind,
    enabled: trigger.enabled,
    threshold: trigger.threshold === null ? "" : String(trigger.threshold),
    window: String(inSeconds(trigger.window) ?? ""),
  }));
}

interface FormProps {
  accountId: string;
  set: StopSettings;
  applied: boolean;
}

function Form({ accountId, set, applied }: FormProps) {
  const queries = useQueryClient();
  const [before] = useState(() => rulesOf(set));
  const [rules, setRules] = useState(before);
  const [lapse, setLapse] = useState<Lapse>(set.lapsePolicy === "UNSPECIFIED" ? "CANCEL_PENDINGS" : set.lapsePolicy);
  const [refused, setRefused] = useState<Refusals>({});
  const name = `stop settings ${accountId}`;
  const busy = usePending(name);
  const put = (kind: Kind, more: Partial<Rule>) =>
    setRules((now) => now.map((rule) => (rule.kind === kind ? { ...rule, ...more } : rule)));

  const problem = (typed: string) => {
    const value = typedNumber(typed);
    return value !== undefined && !(value > 0) ? "must be above zero, or empty for as shipped" : undefined;
  };
  const changed = rules.filter((rule, index) => JSON.stringify(rule) !== JSON.stringify(before[index]));
  const lapseChanged = lapse !== set.lapsePolicy && !(set.lapsePolicy === "UNSPECIFIED" && lapse === "CANCEL_PENDINGS");
  const wrong = rules.some((rule) => problem(rule.threshold) !== undefined || problem(rule.window) !== undefined);
  // The server counts the rules that were sent.
  const refusedOf = (kind: Kind, field: "threshold" | "window") =>
    refused[`triggers[${changed.findIndex((rule) => rule.kind === kind)}].${field}`];

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const triggers = changed.map((rule) => {
      const threshold = typedNumber(rule.threshold);
      const window = typedNumber(rule.window);
      return {
        kind: rule.kind,
        enabled: rule.enabled,
        ...(threshold === undefined ? {} : { threshold }),
        ...(window === undefined ? {} : { window: `${window}s` }),
      };
    });
    setRefused({});
    void change(
      name,
      "Stop settings",
      async () => {
        const answer = await ask(
          api.PUT("/api/trading/stop-settings", {
            body: { accountId, triggers: triggers as StopTrigger[], ...(lapseChanged ? { lapsePolicy: lapse } : {}) },
          }),
        );
        queries.setQueryData([STOP_SETTINGS, accountId], answer);
        if (answer.applied) toast("done", "Stop settings are in force");
        else toast("note", "Stop settings are recorded; the bridge has not applied what it does on its own yet");
      },
      beside(
        "",
        triggers.flatMap((_, index) => [`triggers[${index}].threshold`, `triggers[${index}].window`]),
        setRefused,
      ),
    );
  };

  return (
    <form onSubmit={submit} noValidate>
      <p className="quiet-text">Each of these halts and closes nothing; it is re-armed like any other stop.</p>
      <ul className="rules">
        {rules.map((rule) => {
          const { title, threshold, window } = RULES[rule.kind] ?? { title: words(rule.kind), threshold: "from" };
          return (
            <li key={rule.kind} className="rule" data-rule={rule.kind}>
              <Toggle label={title} checked={rule.enabled} onChange={(enabled) => put(rule.kind, { enabled })} />
              <NumberField
                label={threshold}
                value={rule.threshold}
                disabled={!rule.enabled}
                problem={problem(rule.threshold) ?? refusedOf(rule.kind, "threshold")}
                onChange={(event) => put(rule.kind, { threshold: event.target.value })}
              />
              {window === undefined ? (
                <span />
              ) : (
                <NumberField
                  label={window}
                  value={rule.window}
                  disabled={!rule.enabled}
                  problem={problem(rule.window) ?? refusedOf(rule.kind, "window")}
                  onChange={(event) => put(rule.kind, { window: event.target.value })}
                />
              )}
            </li>
          );
        })}
      </ul>
      <div className="lapse">
        <SelectField
          label="When the server is away and the lease lapses, the bridge will"
          value={lapse}
          onChange={(event) => setLapse(LAPSES.find(([each]) => each === event.target.value)?.[0] ?? lapse)}
          hint="It opens nothing then, in any case. Levels stay guarded."
        >
          {LAPSES.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </SelectField>
      </div>
      <div className="form-end">
        <span className={applied ? "quiet-text" : "amber-text"}>
          {applied
            ? "In force; what the bridge does on its own is applied by it."
            : "The rules are in force at the server; the bridge has not applied yet what it does on its own."}
        </span>
        <Button type="submit" busy={busy} disabled={(changed.length === 0 && !lapseChanged) || wrong}>
          Save stop settings
        </Button>
      </div>
    </form>
  );
}
