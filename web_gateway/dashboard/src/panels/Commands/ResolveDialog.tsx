import { type SubmitEvent, useState } from "react";
import { api, ask, Refused } from "../../lib/api";
import type { Command } from "../../lib/contract";
import { words } from "../../lib/format";
import { useLive, useLiveParts } from "../../store/live-store";
import { once, usePending } from "../../store/pending";
import { Button } from "../../ui/Button";
import { Dialog, DialogActions } from "../../ui/Dialog";
import { TextField, typedText } from "../../ui/Field";
import { toast } from "../../ui/toasts";
import { useTimes } from "../../session/preferences";
import { accountName } from "../../store/choice";
import { asked } from "./asked";

/** What is known of it, and what to look for at the broker. */
function Evidence({ command }: { command: Command }) {
  const times = useTimes();
  const account = useLive((state) => state.accounts.get(command.accountId));
  const facts: [string, string][] = [
    ["Account", accountName(account)],
    ["Accepted", times.on(command.createTime)],
    ["Call began", command.runTime === null ? "not known" : times.on(command.runTime)],
    ...command.legs.flatMap((leg): [string, string][] => {
      const order = command.legs.length > 1 ? `Order ${leg.index + 1}` : "Order";
      const many = leg.attemptCount === 1 ? "called once" : `called ${leg.attemptCount} times`;
      return [
        [`${order}: magic number`, leg.magic],
        ...(leg.ticket === null ? [] : ([[`${order}: acts on ticket`, leg.ticket]] as [string, string][])),
        [`${order}: last answer`, [many, leg.retcode === null ? "" : `return code ${leg.retcode}`, leg.message].filter(Boolean).join(", ")],
      ];
    }),
    ...(command.message === "" ? [] : ([["Known", command.message]] as [string, string][])),
  ];
  return (
    <dl className="facts evidence">
      {facts.map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Says what became of a command that nobody knows, as a person who looked at the broker's records. */
export function ResolveDialog({ command, onClose }: { command: Command; onClose: () => void }) {
  const { store } = useLiveParts();
  const [executed, setExecuted] = useState<boolean | null>(null);
  const [problem, setProblem] = useState("");
  const name = `resolve ${command.commandId}`;
  const busy = usePending(name);

  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const reason = typedText(form, "reason");
    const ticket = typedText(form, "ticket").trim();
    const finding = executed === true ? { executedTicket: ticket } : { notExecuted: true as const };
    void once(name, async () => {
      setProblem("");
      try {
        const answer = await ask(
          api.POST("/api/commands/{commandId}/resolve", {
            params: { path: { commandId: command.commandId } },
            body: { ...finding, reason },
          }),
        );
        if (answer.command !== null) store.command(answer.command);
        toast("done", `Resolved as ${words(answer.command?.state ?? "")}`);
        onClose();
      } catch (error) {
        const words_ = (error as Error).message;
        setProblem(error instanceof Refused ? words_ : `No answer: ${words_} Whether it was recorded is not known.`);
      }
    });
  };

  return (
    <Dialog
      title="Was it executed?"
      description={`“${asked(command)}” got no clear answer from the terminal. Look it up at the broker, then say what you found. It is audited, and never sent again.`}
      open
      onClose={onClose}
    >
      <Evidence command={command} />
      <form onSubmit={submit}>
        <div className="segments" role="group" aria-label="What you found">
          <button type="button" aria-pressed={executed === true} onClick={() => setExecuted(true)}>
            It was executed
          </button>
          <button type="button" aria-pressed={executed === false} onClick={() => setExecuted(false)}>
            It was not
          </button>
        </div>
        {executed === true && (
          <TextField
            label="Ticket that shows it"
            name="ticket"
            required
            inputMode="numeric"
            pattern="[1-9][0-9]{0,18}"
            autoComplete="off"
            hint="Of the broker's position, order or deal."
          />
        )}
        <TextField
          label="How you know"
          name="reason"
          required
          minLength={3}
          maxLength={500}
          autoComplete="off"
          hint="At least 3 characters."
        />
        <div className="entrance-problem" role="alert">
          {problem}
        </div>
        <DialogActions>
          <Button onClick={onClose}>Leave it unknown</Button>
          <Button kind="accent" type="submit" busy={busy} disabled={executed === null}>
            Resolve
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
