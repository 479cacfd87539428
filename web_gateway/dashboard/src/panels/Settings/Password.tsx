import { type SubmitEvent, useState } from "react";
import { api, ask } from "../../lib/api";
import { once, usePending } from "../../store/pending";
import { Button } from "../../ui/Button";
import { TextField, typedText } from "../../ui/Field";
import { Panel } from "../../ui/Panel";
import { toast } from "../../ui/toasts";

export function Password() {
  const [problem, setProblem] = useState("");
  const busy = usePending("password");
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const data = new FormData(form);
    const currentPassword = typedText(data, "current");
    const newPassword = typedText(data, "new");
    void once("password", async () => {
      setProblem("");
      try {
        await ask(api.POST("/api/password", { body: { currentPassword, newPassword } }));
        form.reset();
        toast("done", "Password changed; every other session has ended");
      } catch (error) {
        setProblem((error as Error).message);
      }
    });
  };
  return (
    <Panel title="Password">
      <form onSubmit={submit} className="settings-grid">
        <TextField label="Present password" name="current" type="password" required autoComplete="current-password" />
        <TextField
          label="New password"
          name="new"
          type="password"
          required
          minLength={10}
          maxLength={200}
          autoComplete="new-password"
          hint="At least 10 characters."
        />
        <div className="form-end">
          <span className="entrance-problem" role="alert">
            {problem}
          </span>
          <Button type="submit" busy={busy}>
            Change password
          </Button>
        </div>
      </form>
    </Panel>
  );
}
