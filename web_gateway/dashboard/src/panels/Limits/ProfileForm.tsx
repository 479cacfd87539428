import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../lib/api";
import type { Account, Limits } from "../../lib/contract";
import { change } from "../../store/actions";
import { usePending } from "../../store/pending";
import { Button } from "../../ui/Button";
import { NumberField, SelectField, typedNumber } from "../../ui/Field";
import { Failed, Loading } from "../../ui/Panel";
import { beside, type Refusals } from "../AccountSettings/refusals";
import { MOST_MONEY } from "./limit-fields";
import { differences } from "./limits-draft";
import { useSetLimits } from "./limits-query";

interface Props {
  account: Account;
  limits: Limits | null;
}

/** Starts from the limits of a firm, which are shown before they are set. */
export function ProfileForm(props: Props) {
  const [open, setOpen] = useState(false);
  const from = props.limits?.profileId;
  return (
    <details className="more-fields" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Start from a profile{from && `, now from ${from}`}</summary>
      {open && <Profiles {...props} />}
    </details>
  );
}

function Profiles({ account, limits }: Props) {
  const { accountId, currency } = account;
  const told = useSetLimits(accountId);
  const profiles = useQuery({
    queryKey: ["limit profiles"],
    queryFn: async () => (await ask(api.GET("/api/limit-profiles"))).profiles,
    staleTime: Infinity,
  });
  const [chosen, setChosen] = useState({ profileId: "", phase: "", share: "", start: "" });
  const [refused, setRefused] = useState<Refusals>({});
  const [seen, setSeen] = useState<{ of: string; after: Limits | null } | null>(null);
  const name = `limit profile ${accountId}`;
  const busy = usePending(name);
  if (profiles.isPending) return <Loading what="profiles" />;
  if (profiles.isError) return <Failed what="Profiles" error={profiles.error} onRetry={() => void profiles.refetch()} />;

  const profile = profiles.data.find((each) => each.profileId === chosen.profileId);
  const put = (more: Partial<typeof chosen>) => setChosen((now) => ({ ...now, ...more }));
  const share = typedNumber(chosen.share);
  const start = typedNumber(chosen.start);
  const problems = {
    sharePercent: share !== undefined && !(share > 0 && share <= 100) ? "must be above 0, up to 100, or empty" : undefined,
    startBalance: start !== undefined && !(start > 0 && start <= MOST_MONEY) ? "must be above zero, or empty" : undefined,
  };
  const wrong = Object.values(problems).some(Boolean);
  // What was previewed holds for these limits and this choice alone.
  const of = JSON.stringify([limits, chosen]);
  const rows = seen?.of === of ? differences(limits, seen.after, currency) : null;

  const send = (dryRun: boolean) => {
    setRefused({});
    const sent = {
      accountId,
      profileId: chosen.profileId,
      phase: chosen.phase,
      dryRun,
      ...(share === undefined ? {} : { sharePercent: share }),
      ...(start === undefined ? {} : { startBalance: start }),
    };
    void change(
      name,
      "Profile",
      async () => {
        const answer = await ask(api.POST("/api/limits/profile", { body: sent }));
        setSeen(dryRun ? { of, after: answer.limits } : null);
        if (!dryRun) await told("The profile's limits", answer);
      },
      beside("", Object.keys(problems), setRefused),
    );
  };

  return (
    <>
      <div className="field-grid">
        <SelectField label="Profile" value={chosen.profileId} onChange={(event) => put({ profileId: event.target.value, phase: "" })}>
          <option value="">choose one</option>
          {profiles.data.map((each) => (
            <option key={each.profileId} value={each.profileId}>
              {each.name}
            </option>
          ))}
        </SelectField>
        <SelectField label="Phase" value={chosen.phase} disabled={!profile} onChange={(event) => put({ phase: event.target.value })}>
          {profile?.phases.map((each, index) => (
            <option key={each.phase} value={index === 0 ? "" : each.phase}>
              {each.name}
            </option>
          ))}
        </SelectField>
        <NumberField
          label="Our share of the firm's losses, %"
          value={chosen.share}
          problem={problems.sharePercent ?? refused.sharePercent}
          hint="Empty: 85."
          onChange={(event) => put({ share: event.target.value })}
        />
        <NumberField
          label={`Starting balance that the firm counts from, ${currency}`}
          value={chosen.start}
          problem={problems.startBalance ?? refused.startBalance}
          hint="Empty: the balance when it is first needed."
          onChange={(event) => put({ start: event.target.value })}
        />
      </div>
      {profile && (
        <div className="notice">
          <p>
            <b>As of {profile.asOf}.</b> {profile.caution}
          </p>
          {profile.notCovered !== "" && (
            <p>
              <b>Not covered:</b> {profile.notCovered}
            </p>
          )}
        </div>
      )}
      {rows !== null && (
        <ul className="plain-list" aria-label="What would change">
          {rows.length === 0 && <li>Nothing would change.</li>}
          {rows.map(({ label, before, after }) => (
            <li key={label}>
              <span>{label}</span>
              <span className="number">
                {before} → <b>{after}</b>
              </span>
            </li>
          ))}
        </ul>
      )}
      <div className="form-end">
        <span className="quiet-text">What a profile says nothing of stays as it is.</span>
        <Button busy={busy} disabled={!profile || wrong} onClick={() => send(true)}>
          Preview
        </Button>
        <Button kind="accent" busy={busy} disabled={rows === null} onClick={() => send(false)}>
          Apply
        </Button>
      </div>
    </>
  );
}
