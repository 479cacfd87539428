import { type SubmitEvent, useState } from "react";
import { api, ask } from "../../lib/api";
import type { Source, SourcePolicy, Subscription } from "../../lib/contract";
import { change } from "../../store/actions";
import { accountName } from "../../store/choice";
import { useLive } from "../../store/live-store";
import { usePending } from "../../store/pending";
import { Button } from "../../ui/Button";
import { Dialog, DialogActions } from "../../ui/Dialog";
import { NumberField, SelectField, TextAreaField, TextField } from "../../ui/Field";
import { Toggle } from "../../ui/Toggle";
import { toast } from "../../ui/toasts";
import { draftOfSource, type FollowerDraft, refusedOf, type Sizing, sourceBody, type SourceDraft, type SourceProblems } from "./source-draft";

const TRUSTS: readonly (readonly [SourcePolicy["trust"], string])[] = [
  ["OBSERVE", "Observe"],
  ["APPROVE", "Ask me"],
  ["AUTO", "Send by itself"],
];

const TRUST_WORDS: Record<string, string> = {
  OBSERVE: "Its messages are decided and recorded, and nothing is sent.",
  APPROVE: "Each order waits for your word, and ends unsent where you say nothing.",
  AUTO: "Where every check passes an order goes to the terminal by itself.",
};

/** What a source may do, and which accounts follow it how. */
export function SourceDialog({ source, onClose }: { source: Source; onClose: () => void }) {
  const accounts = useLive((state) => state.accounts);
  const [before] = useState(() => draftOfSource(source, [...accounts.keys()]));
  const [draft, setDraft] = useState(before);
  const [refused, setRefused] = useState<SourceProblems>({});
  const name = `source ${source.sourceId}`;
  const busy = usePending(name);
  const { body, problems: wrong } = sourceBody(draft);
  const problems: SourceProblems = { ...refused, ...wrong };
  const put = (more: Partial<SourceDraft>) => {
    setRefused({});
    setDraft((now) => ({ ...now, ...more }));
  };
  const putFollower = (accountId: string, more: Partial<FollowerDraft>) =>
    put({ followers: draft.followers.map((each) => (each.accountId === accountId ? { ...each, ...more } : each)) });
  const field = (key: keyof SourceDraft & keyof typeof LABELS, hint: string) => (
    <NumberField label={LABELS[key]} value={draft[key]} hint={hint} problem={problems[key]} onChange={(event) => put({ [key]: event.target.value })} />
  );

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (body === null) return;
    void change(
      name,
      "Source",
      async () => {
        await ask(
          api.PUT("/api/sources/{sourceId}", {
            params: { path: { sourceId: source.sourceId } },
            body: {
              name: body.name,
              enabled: body.enabled,
              policy: body.policy as SourcePolicy,
              subscriptions: body.subscriptions as Subscription[],
              // Somebody else's change is not overwritten.
              revision: source.revision,
            },
          }),
        );
        toast("done", `${body.name} is changed`);
        onClose();
      },
      (error) => {
        const fields = refusedOf(error.problem.errors, body);
        setRefused(Object.keys(fields).length > 0 ? fields : { form: error.message });
        return true;
      },
    );
  };

  const unplaced = Object.entries(refused).filter(([key]) => !(key in draft) && !draft.followers.some((each) => key.startsWith(`${each.accountId}.`)));

  return (
    <Dialog title={source.name} description="What its messages may do, and which accounts follow it." open onClose={onClose} wide>
      <form onSubmit={submit} noValidate>
        <div className="field-grid">
          <TextField label="Name" value={draft.name} maxLength={100} problem={problems.name} onChange={(event) => put({ name: event.target.value })} />
          <div className="field field-toggle">
            <Toggle label="Switched on" checked={draft.enabled} onChange={(enabled) => put({ enabled })} />
            <div className="field-hint">Off: its messages are recorded, and nothing comes of them.</div>
          </div>
        </div>
        <div className="segments" role="group" aria-label="Trust">
          {TRUSTS.map(([trust, text]) => (
            <button key={trust} type="button" aria-pressed={draft.trust === trust} onClick={() => put({ trust })}>
              {text}
            </button>
          ))}
        </div>
        <p className={draft.trust === "AUTO" ? "notice" : "quiet-text"}>{TRUST_WORDS[draft.trust]}</p>
        <fieldset className="followers">
          <legend>Accounts that follow it</legend>
          {draft.followers.length === 0 && <p className="quiet-text">There is no account yet.</p>}
          {draft.followers.map((follower) => (
            <Follower
              key={follower.accountId}
              follower={follower}
              name={accountName(accounts.get(follower.accountId))}
              currency={accounts.get(follower.accountId)?.currency ?? ""}
              problem={(key) => problems[`${follower.accountId}.${key}`]}
              onChange={(more) => putFollower(follower.accountId, more)}
            />
          ))}
        </fieldset>
        <details className="more-fields">
          <summary>Who may speak, about what, and when</summary>
          <div className="field-grid">
            <TextAreaField label="Senders" rows={3} value={draft.senders} hint="One a line; empty: everybody." problem={problems.senders} onChange={(event) => put({ senders: event.target.value })} />
            {source.kind === "TELEGRAM" && (
              <TextAreaField label="Chats" rows={3} value={draft.chats} hint="By number or name, one a line." problem={problems.chats} onChange={(event) => put({ chats: event.target.value })} />
            )}
            <TextAreaField label="Symbol map" rows={3} value={draft.symbolMap} placeholder="XAUUSD = GOLD.pro" hint="Theirs = the broker's, one a line." problem={problems.symbolMap} onChange={(event) => put({ symbolMap: event.target.value })} />
            <TextAreaField label="May open at" rows={3} value={draft.windows} placeholder="mon-fri 08:00-17:00 Europe/London" hint="One a line; empty: always." problem={problems.windows} onChange={(event) => put({ windows: event.target.value })} />
            <TextField label="Only these instruments" value={draft.symbols} placeholder="XAUUSD, EURUSD" hint="Empty: all." problem={problems.symbols} onChange={(event) => put({ symbols: event.target.value })} />
            <TextField label="Meant where none is named" value={draft.defaultSymbol} maxLength={32} problem={problems.defaultSymbol} onChange={(event) => put({ defaultSymbol: event.target.value })} />
          </div>
        </details>
        <details className="more-fields">
          <summary>How far messages are followed</summary>
          <div className="field-grid">
            {field("maximumAge", "Empty: 60.")}
            {field("approveWithin", "Empty: 120.")}
            {field("duplicateWindow", "Empty: an hour; 0: none is.")}
            {field("maximumDriftPercent", "Empty: 20.")}
            {field("maximumSpreadPercent", "Empty: 15.")}
            <div className="field field-toggle">
              <Toggle label="Repetitions of my other sources count" checked={draft.duplicatesAcrossSources} onChange={(duplicatesAcrossSources) => put({ duplicatesAcrossSources })} />
              <Toggle label="Send limit orders that would fill at once" checked={draft.fillingLimits} onChange={(fillingLimits) => put({ fillingLimits })} />
            </div>
          </div>
        </details>
        {unplaced.map(([key, text]) => (
          <p key={key} className="field-problem" role="alert">
            {text}
          </p>
        ))}
        <DialogActions>
          <Button onClick={onClose}>Back</Button>
          <Button kind="accent" type="submit" busy={busy} disabled={body === null || draft === before}>
            Save
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

const LABELS = {
  maximumAge: "Oldest message, seconds",
  approveWithin: "Time for my word, seconds",
  duplicateWindow: "A repetition within, seconds",
  maximumDriftPercent: "Market moved at most, % of the stop's distance",
  maximumSpreadPercent: "Widest spread, % of the stop's distance",
} as const;

const SIZINGS: readonly (readonly [Sizing, string])[] = [
  ["equityPercent", "% of equity at risk"],
  ["balancePercent", "% of balance at risk"],
  ["money", "money at risk"],
  ["fixedLots", "lots, always"],
  ["signalLots", "the message's lots"],
];

interface FollowerProps {
  follower: FollowerDraft;
  name: string;
  currency: string;
  problem: (field: string) => string | undefined;
  onChange: (more: Partial<FollowerDraft>) => void;
}

function Follower({ follower, name, currency, problem, onChange }: FollowerProps) {
  const { follows, sizing } = follower;
  return (
    <div className="follower" data-follower={follower.accountId}>
      <Toggle label={name} checked={follows} onChange={(on) => onChange({ follows: on })} />
      {follows && (
        <div className="field-grid">
          <SelectField label="Size" value={sizing} onChange={(event) => onChange({ sizing: SIZINGS.find(([each]) => each === event.target.value)?.[0] ?? sizing })}>
            {SIZINGS.map(([value, text]) => (
              <option key={value} value={value}>
                {value === "money" && currency !== "" ? `${currency} at risk` : text}
              </option>
            ))}
          </SelectField>
          {sizing !== "signalLots" && (
            <NumberField
              label="How much"
              value={follower.amount}
              hint={sizing === "equityPercent" || sizing === "balancePercent" ? "Empty: 0.5 % of equity." : undefined}
              problem={problem("amount")}
              onChange={(event) => onChange({ amount: event.target.value })}
            />
          )}
          <NumberField label="One signal risks at most, % of equity" value={follower.maximumRiskPercent} hint="Empty: 1." problem={problem("maximumRiskPercent")} onChange={(event) => onChange({ maximumRiskPercent: event.target.value })} />
          <NumberField label="Most positions and orders" value={follower.maximumPositions} hint="Empty: 10." problem={problem("maximumPositions")} onChange={(event) => onChange({ maximumPositions: event.target.value })} />
          <NumberField label="Commission of a lot, both ways" value={follower.commissionPerLot} hint="Empty: none." problem={problem("commissionPerLot")} onChange={(event) => onChange({ commissionPerLot: event.target.value })} />
          <SelectField label="Against an open trade of the symbol" value={follower.opposite} onChange={(event) => onChange({ opposite: event.target.value as Subscription["opposite"] })}>
            <option value="DENY">denied</option>
            <option value="CLOSE_FIRST">closes that first</option>
            <option value="HEDGE">both are held</option>
          </SelectField>
          <SelectField label="Several targets" value={follower.split} onChange={(event) => onChange({ split: event.target.value as Subscription["split"] })}>
            <option value="LADDER">one position with a ladder</option>
            <option value="ORDERS">an order for each</option>
          </SelectField>
          <SelectField label="The stop after each target" value={follower.stopPlan} onChange={(event) => onChange({ stopPlan: event.target.value as FollowerDraft["stopPlan"] })}>
            <option value="FOLLOW">break-even, then follows</option>
            <option value="BREAK_EVEN">break-even once</option>
            <option value="STAY">stays</option>
          </SelectField>
          <TextAreaField label="Symbols of this broker" rows={2} value={follower.symbolMap} placeholder="XAUUSD = GOLD" hint="Wins over the source's map." problem={problem("symbolMap")} onChange={(event) => onChange({ symbolMap: event.target.value })} />
          <div className="field field-toggle">
            <Toggle label="Does not follow for now" checked={follower.suspended} onChange={(suspended) => onChange({ suspended })} />
          </div>
        </div>
      )}
    </div>
  );
}
