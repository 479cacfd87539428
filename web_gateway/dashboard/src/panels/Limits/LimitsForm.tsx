import { type SubmitEvent, useState } from "react";
import { api, ask } from "../../lib/api";
import type { Account, Limits } from "../../lib/contract";
import { change } from "../../store/actions";
import { accountName } from "../../store/choice";
import { usePending } from "../../store/pending";
import { Button } from "../../ui/Button";
import { typedNumber } from "../../ui/Field";
import { Failed, Loading, Panel } from "../../ui/Panel";
import { toast } from "../../ui/toasts";
import { beside, type Refusals } from "../AccountSettings/refusals";
import { DAY_BALANCE, FIELDS, GROUPS } from "./limit-fields";
import { LimitField, LimitGroup } from "./LimitFields";
import { isChanged, isDayNeeded, merged, pathsOf, problemOf, type Typed } from "./limits-draft";
import { readLimits, useLimits, useSetLimits } from "./limits-query";
import { ProfileForm } from "./ProfileForm";

const ALL = [...FIELDS, DAY_BALANCE];

/** Limits of one account: all that may be set, and what was read of the rest stays. */
export function LimitsForm({ account }: { account: Account }) {
  const { accountId, currency } = account;
  const read = useLimits(accountId);
  const told = useSetLimits(accountId);
  const [typed, setTyped] = useState<Typed>({});
  const [refused, setRefused] = useState<Refusals>({});
  const name = `limits ${accountId}`;
  const busy = usePending(name);
  const limits = read.data?.limits ?? null;
  const dayAsked = read.data?.day?.source === "" && isDayNeeded(limits, typed);
  const changed = ALL.some((field) => isChanged(field, limits, typed));
  const wrong = ALL.some((field) => problemOf(field, limits, typed) !== undefined);
  const fields = {
    limits,
    typed,
    refused,
    currency,
    put: (more: Typed) => {
      setTyped((now) => ({ ...now, ...more }));
      setRefused({});
    },
  };

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const dayBalance = dayAsked ? typedNumber(typed[DAY_BALANCE.name] ?? "") : undefined;
    setRefused({});
    void change(
      name,
      "Limits",
      async () => {
        let now: Limits | null;
        try {
          // What another one has changed meanwhile stays.
          now = (await readLimits(accountId)).limits;
        } catch (error) {
          toast("problem", `Limits: NOT sent, as they could not be read before. ${(error as Error).message}`);
          return;
        }
        const body = { accountId, limits: merged(now, typed), ...(dayBalance === undefined ? {} : { dayBalance }) };
        const answer = await ask(api.PUT("/api/limits", { body }));
        setTyped({});
        await told("Limits", answer);
      },
      beside("limits", ALL.flatMap(pathsOf), setRefused),
    );
  };

  return (
    <Panel title={`Limits of ${accountName(account)}`} className="limits-form">
      {read.isPending ? (
        <Loading what="limits" />
      ) : read.data === undefined ? (
        <Failed what="Limits" error={read.error} onRetry={() => void read.refetch()} />
      ) : (
        <>
          <ProfileForm account={account} limits={limits} />
          <form onSubmit={submit} noValidate>
            {GROUPS.map((group) => (
              <LimitGroup key={group.title} group={group} {...fields} />
            ))}
            {dayAsked && (
              <div className="field-grid">
                <LimitField field={DAY_BALANCE} {...fields} />
              </div>
            )}
            <div className="form-end">
              <span className={read.data.applied ? "quiet-text" : "amber-text"}>
                {read.data.applied ? "Applied by the bridge. None of them blocks closing." : "Not applied by the bridge yet."}
              </span>
              <Button type="submit" busy={busy} disabled={!changed || wrong}>
                Save limits
              </Button>
            </div>
          </form>
        </>
      )}
    </Panel>
  );
}
