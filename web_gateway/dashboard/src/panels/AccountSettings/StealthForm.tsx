import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";
import { api, ask } from "../../lib/api";
import type { Account, StealthSettings } from "../../lib/contract";
import { seconds as inSeconds } from "../../lib/format";
import { change } from "../../store/actions";
import { accountName } from "../../store/choice";
import { usePending } from "../../store/pending";
import { STEALTH } from "../../store/queries";
import { Button } from "../../ui/Button";
import { NumberField, typedNumber } from "../../ui/Field";
import { Failed, Loading, Panel } from "../../ui/Panel";
import { Toggle } from "../../ui/Toggle";
import { toast } from "../../ui/toasts";
import { beside, type Refusals } from "./refusals";

/** How the levels of an account are hidden, once stealth is on. */
export function StealthForm({ account }: { account: Account }) {
  const { accountId } = account;
  const settings = useQuery({
    queryKey: [STEALTH, accountId],
    queryFn: () => ask(api.GET("/api/trading/stealth-settings", { params: { query: { accountId } } })),
  });
  return (
    <Panel title={`Hidden levels of ${accountName(account)}`}>
      {settings.isPending ? (
        <Loading what="how levels are hidden" />
      ) : settings.isError ? (
        <Failed what="How levels are hidden" error={settings.error} onRetry={() => void settings.refetch()} />
      ) : (
        <Form key={JSON.stringify(settings.data.settings)} accountId={accountId} set={settings.data.settings} applied={settings.data.applied} />
      )}
    </Panel>
  );
}

interface Typed {
  mandatoryStop: boolean;
  hiddenOverWeekend: boolean;
  takeProfitMaximumSpreadPoints: string;
  takeProfitDelay: string;
  linkLosses: string;
}

const MOST_DELAY = 60;
const MOST_LOSSES = 1000;

function typedOf(set: StealthSettings | null): Typed {
  return {
    mandatoryStop: set?.mandatoryStop ?? false,
    hiddenOverWeekend: set?.hiddenOverWeekend ?? false,
    takeProfitMaximumSpreadPoints: text(set?.takeProfitMaximumSpreadPoints),
    takeProfitDelay: text(inSeconds(set?.takeProfitDelay)),
    linkLosses: text(set?.linkLosses),
  };
}

function text(value: number | null | undefined): string {
  return value === null || value === undefined ? "" : String(value);
}

interface FormProps {
  accountId: string;
  set: StealthSettings | null;
  applied: boolean;
}

function Form({ accountId, set, applied }: FormProps) {
  const queries = useQueryClient();
  const [before] = useState(() => typedOf(set));
  const [typed, setTyped] = useState(before);
  const [refused, setRefused] = useState<Refusals>({});
  const name = `stealth settings ${accountId}`;
  const busy = usePending(name);
  const put = (more: Partial<Typed>) => setTyped((now) => ({ ...now, ...more }));

  const spread = typedNumber(typed.takeProfitMaximumSpreadPoints);
  const delay = typedNumber(typed.takeProfitDelay);
  const losses = typedNumber(typed.linkLosses);
  const problems = {
    takeProfitMaximumSpreadPoints: spread !== undefined && !(spread > 0) ? "must be above zero, or empty" : undefined,
    takeProfitDelay:
      delay !== undefined && !(delay >= 0 && delay <= MOST_DELAY) ? `must be from 0 to ${MOST_DELAY} s` : undefined,
    linkLosses:
      losses !== undefined && !(Number.isInteger(losses) && losses >= 0 && losses <= MOST_LOSSES)
        ? `must be a whole number from 0 to ${MOST_LOSSES}`
        : undefined,
  };
  const wrong = Object.values(problems).some((each) => each !== undefined);
  const changed = JSON.stringify(typed) !== JSON.stringify(before);

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const settings = {
      mandatoryStop: typed.mandatoryStop,
      hiddenOverWeekend: typed.hiddenOverWeekend,
      ...(spread === undefined ? {} : { takeProfitMaximumSpreadPoints: spread }),
      ...(delay === undefined ? {} : { takeProfitDelay: `${delay}s` }),
      ...(losses === undefined ? {} : { linkLosses: losses }),
    };
    setRefused({});
    void change(
      name,
      "Hidden levels",
      async () => {
        const answer = await ask(api.PUT("/api/trading/stealth-settings", { body: { accountId, settings: settings as StealthSettings } }));
        queries.setQueryData([STEALTH, accountId], answer);
        if (answer.applied) toast("done", "How levels are hidden is applied by the bridge");
        else toast("note", "How levels are hidden is recorded; the bridge has not applied it yet");
      },
      beside("settings", Object.keys(problems), setRefused),
    );
  };

  return (
    <form onSubmit={submit} noValidate>
      <div className="field-grid">
        <div className="field">
          <Toggle
            label="A stop has to be shown"
            checked={typed.mandatoryStop}
            onChange={(mandatoryStop) => put({ mandatoryStop })}
          />
          <div className="field-hint">Then only take profits are hidden, and the broker's stop is the real one.</div>
        </div>
        <div className="field">
          <Toggle
            label="Stay hidden over the weekend"
            checked={typed.hiddenOverWeekend}
            onChange={(hiddenOverWeekend) => put({ hiddenOverWeekend })}
          />
          <div className="field-hint">Else levels are written to the broker before the week closes, and hidden again after it opens.</div>
        </div>
        <NumberField
          label="Take profit waits while the spread is above, points"
          value={typed.takeProfitMaximumSpreadPoints}
          problem={problems.takeProfitMaximumSpreadPoints ?? refused.takeProfitMaximumSpreadPoints}
          hint="Empty: it never waits. A stop loss never does."
          onChange={(event) => put({ takeProfitMaximumSpreadPoints: event.target.value })}
        />
        <NumberField
          label="Take profit has to be reached for, seconds"
          value={typed.takeProfitDelay}
          problem={problems.takeProfitDelay ?? refused.takeProfitDelay}
          hint="Empty: its first quote is enough."
          onChange={(event) => put({ takeProfitDelay: event.target.value })}
        />
        <NumberField
          label="Show levels after so many losses of the broker's link in an hour"
          value={typed.linkLosses}
          problem={problems.linkLosses ?? refused.linkLosses}
          hint="Empty: 3, as shipped; 0: never."
          onChange={(event) => put({ linkLosses: event.target.value })}
        />
      </div>
      <div className="form-end">
        <span className={applied ? "quiet-text" : "amber-text"}>
          {applied ? "Applied by the bridge." : "Wanted; not applied by the bridge yet."}
        </span>
        <Button type="submit" busy={busy} disabled={!changed || wrong}>
          Save how levels are hidden
        </Button>
      </div>
    </form>
  );
}
