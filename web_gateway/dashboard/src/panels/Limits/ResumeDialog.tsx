import { useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";
import { api, ask, Refused } from "../../lib/api";
import type { Account, LimitUse } from "../../lib/contract";
import { useTimes } from "../../session/preferences";
import { accountName } from "../../store/choice";
import { once, usePending } from "../../store/pending";
import { LIMITS } from "../../store/queries";
import { Button } from "../../ui/Button";
import { Dialog, DialogActions } from "../../ui/Dialog";
import { TextField, typedText } from "../../ui/Field";
import { toast } from "../../ui/toasts";
import { nameOf, wordsOf } from "./limit-words";

interface Props {
  account: Account;
  uses: readonly LimitUse[];
  onClose: () => void;
}

/** Ends what limits have latched: exactly those that are shown, with a reason. */
export function ResumeDialog({ account, uses, onClose }: Props) {
  const { accountId, currency } = account;
  const queries = useQueryClient();
  const times = useTimes();
  const [problem, setProblem] = useState("");
  const name = `resume limits ${accountId}`;
  const busy = usePending(name);
  const hard = uses.some((use) => use.stage === "HARD");

  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const reason = typedText(new FormData(event.currentTarget), "reason");
    void once(name, async () => {
      setProblem("");
      try {
        const body = { accountId, codes: uses.map((use) => use.code), reason };
        const { resumedCodes } = await ask(api.POST("/api/limits/resume", { body }));
        toast("done", `Resumed: ${resumedCodes.map(nameOf).join(", ")}${hard ? ". The stop still has to be re-armed." : ""}`);
        onClose();
      } catch (error) {
        if (error instanceof Refused) setProblem(error.message);
        else setProblem(`No answer: ${(error as Error).message} Whether they are resumed is not known yet.`);
      }
      await queries.invalidateQueries({ queryKey: [LIMITS] });
    });
  };

  return (
    <Dialog
      title={`Resume limits of ${accountName(account)}`}
      open
      onClose={onClose}
      description="After this, orders open trades again as far as the limits allow. One that is still broken blocks again at once."
    >
      <ul className="plain-list">
        {uses.map((use) => (
          <li key={use.code}>
            <span>
              {nameOf(use.code)}: {wordsOf(use, currency, false).numbers}
            </span>
            <span className="quiet-text">since {times.recent(use.since)}</span>
          </li>
        ))}
      </ul>
      {hard && <p className="notice">It stopped the account too. That stop stays: it has to be re-armed separately.</p>}
      <form onSubmit={submit}>
        <TextField
          label="Why it is right"
          name="reason"
          required
          minLength={3}
          maxLength={500}
          autoComplete="off"
          hint="At least 3 characters; it is kept in the audit."
        />
        <div className="entrance-problem" role="alert">
          {problem}
        </div>
        <DialogActions>
          <Button onClick={onClose}>Stay as it is</Button>
          <Button kind="accent" type="submit" busy={busy} disabled={uses.length === 0}>
            Resume
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
