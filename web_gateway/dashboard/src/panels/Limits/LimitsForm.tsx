import { useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";
import { api, ask } from "../../lib/api";
import type { Account } from "../../lib/contract";
import { change } from "../../store/actions";
import { accountName } from "../../store/choice";
import { usePending } from "../../store/pending";
import { LIMITS } from "../../store/queries";
import { Button } from "../../ui/Button";
import { typedNumber } from "../../ui/Field";
import { Failed, Loading, Panel } from "../../ui/Panel";
import { toast } from "../../ui/toasts";
import { beside, type Refusals } from "../AccountSettings/refusals";
import { DAY_BALANCE, FIELDS, GROUPS } from "./limit-fields";
import { LimitField, LimitGroup } from "./LimitFields";
import { isChanged, merged, pathsOf, problemOf, type Typed } from "./limits-draft";
import { useLimits } from "./limits-query";
import { ProfileForm } from "./ProfileForm";

const ALL = [...FIELDS, DAY_BALANCE];

/** Limits of one account: all that may be set, and what was read of the rest stays. */
export function LimitsForm({ account }: { account: Account }) {
  const { accountId, currency } = account;
  const read = useLimits(accountId);
  const queries = useQueryClient();
  const [typed, setTyped] = useState<Typed>({});
  const [refused, setRefused] = useState<Refusals>({});
  const name = `limits ${accountId}`;
  const busy = usePending(name);
  const limits = read.data?.limits ?? null;
  const day = read.data?.day;
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
    const dayBalance = typedNumber(typed[DAY_BALANCE.name] ?? "");
    const body = { accountId, limits: merged(limits, typed), ...(dayBalance === undefined ? {} : { dayBalance }) };
    setRefused({});
    void change(
      name,
      "Limits",
      async () => {
        const answer = await ask(api.PUT("/api/limits", { body }));
        setTyped({});
        await queries.invalidateQueries({ queryKey: [LIMITS] });
        if (answer.applied) toast("done", "Limits applied by the bridge");
        else toast("note", "Limits are recorded; the bridge has not applied them yet");
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
            {day?.source === "" && <LimitField field={DAY_BALANCE} {...fields} />}
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
