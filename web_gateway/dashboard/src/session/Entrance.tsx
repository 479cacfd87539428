import { type SubmitEvent, useState } from "react";
import { api, ask } from "../lib/api";
import { Button } from "../ui/Button";
import { TextField, typedText } from "../ui/Field";
import { Mark } from "../ui/Mark";
import type { Info } from "./session";

type Way = "login" | "register" | "setup";

interface Props {
  info: Info;
  /** A session was there and has ended. */
  ended: boolean;
  onDone: () => void;
}

const TITLES: Record<Way, string> = {
  login: "Sign in",
  register: "Make a user",
  setup: "Make the first user",
};

/** Sign-in, sign-up where it is open, and the making of the first user. */
export function Entrance({ info, ended, onDone }: Props) {
  const [way, setWay] = useState<Way>(info.setupNeeded ? "setup" : "login");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);

  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (busy) return;
    const form = new FormData(event.currentTarget);
    const text = (name: string) => typedText(form, name);
    const userName = text("userName");
    const password = text("password");
    setBusy(true);
    setProblem("");
    try {
      if (way === "register") await ask(api.POST("/api/register", { body: { userName, password } }));
      if (way === "setup") {
        await ask(api.POST("/api/setup", { body: { userName, password, setupCode: text("setupCode") } }));
      }
      await ask(api.POST("/api/login", { body: { userName, password } }));
      onDone();
    } catch (error) {
      setProblem((error as Error).message);
      setBusy(false);
    }
  };

  return (
    <main className="entrance">
      <form className="entrance-card" onSubmit={(event) => void submit(event)}>
        <div className="entrance-brand">
          <Mark />
          <span>SignalOS</span>
        </div>
        <h1>{TITLES[way]}</h1>
        {ended && way === "login" && (
          <p className="notice">Your session has ended. Sign in again; what runs at the terminals went on.</p>
        )}
        {way === "setup" && (
          <TextField
            label="Set-up code"
            name="setupCode"
            required
            minLength={8}
            autoComplete="off"
            hint="Printed by the server at its first start."
          />
        )}
        <TextField label="User name" name="userName" required autoComplete="username" maxLength={64} />
        <TextField
          label="Password"
          name="password"
          type="password"
          required
          minLength={way === "login" ? 1 : 10}
          maxLength={200}
          autoComplete={way === "login" ? "current-password" : "new-password"}
          hint={way === "login" ? undefined : "At least 10 characters."}
        />
        <div className="entrance-problem" role="alert">
          {problem}
        </div>
        <Button kind="accent" type="submit" busy={busy}>
          {TITLES[way]}
        </Button>
        {way === "login" && info.registrationOpen && (
          <Button kind="quiet" onClick={() => setWay("register")}>
            Make a user
          </Button>
        )}
        {way === "register" && (
          <Button kind="quiet" onClick={() => setWay("login")}>
            I have a user already
          </Button>
        )}
        {way === "login" && !info.registrationOpen && (
          <p className="quiet-text">New users are made by an administrator: sign-up is not open here.</p>
        )}
      </form>
    </main>
  );
}
