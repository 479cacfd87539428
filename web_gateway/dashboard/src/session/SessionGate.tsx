import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useCallback, useEffect, useMemo, useState } from "react";
import { api, ask, Refused, whenSessionIsOver } from "../lib/api";
import { toast } from "../ui/toasts";
import { Entrance } from "./Entrance";
import { type Info, type Scope, type Session, SessionContext, type User } from "./session";

type Standing =
  | { is: "asking" }
  | { is: "unreachable"; why: string }
  | { is: "out"; info: Info; ended: boolean }
  | { is: "in"; user: User; scopes: readonly Scope[]; info: Info };

const RETRY_MILLISECONDS = 2000;

/** Shows the dashboard to who is signed in, and the entrance to everybody else. */
export function SessionGate({ children }: { children: ReactNode }) {
  const [standing, setStanding] = useState<Standing>({ is: "asking" });
  const queries = useQueryClient();

  const find = useCallback(async (ended: boolean) => {
    try {
      const info = await ask(api.GET("/api/system/info"));
      try {
        const { user, scopes } = await ask(api.GET("/api/user"));
        if (user === null) throw new Error("no user");
        setStanding({ is: "in", user, scopes, info });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        queries.clear();
        setStanding({ is: "out", info, ended });
      }
    } catch (error) {
      setStanding((now) => (now.is === "in" ? now : { is: "unreachable", why: (error as Error).message }));
    }
  }, [queries]);

  useEffect(() => {
    void find(false);
  }, [find]);

  useEffect(() => {
    whenSessionIsOver(() =>
      setStanding((now) => {
        if (now.is !== "in") return now;
        queries.clear();
        return { is: "out", info: now.info, ended: true };
      }),
    );
  }, [queries]);

  useEffect(() => {
    if (standing.is !== "unreachable") return;
    const timer = setTimeout(() => void find(false), RETRY_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [standing, find]);

  const session = useMemo<Session | null>(() => {
    if (standing.is !== "in") return null;
    const { user, scopes, info } = standing;
    const signOut = () => {
      ask(api.POST("/api/logout", { body: {} })).then(
        () => {
          queries.clear();
          setStanding({ is: "out", info, ended: false });
        },
        (error: unknown) => toast("problem", `Not signed out: ${(error as Error).message}`),
      );
    };
    return { user, scopes, info, signOut };
  }, [standing, queries]);

  if (session !== null) return <SessionContext value={session}>{children}</SessionContext>;
  if (standing.is === "out") {
    return <Entrance info={standing.info} ended={standing.ended} onDone={() => void find(false)} />;
  }
  return (
    <main className="entrance">
      <div className="entrance-card" role="status">
        {standing.is === "unreachable" ? (
          <>
            <h1>SignalOS</h1>
            <p>{standing.why}</p>
            <p className="quiet-text">
              Trying again every two seconds. To stop trading now, at the terminal's PC:{" "}
              <code>signalos bridge stop</code>
            </p>
          </>
        ) : (
          <p>
            <span className="spinner" aria-hidden="true" /> Connecting…
          </p>
        )}
      </div>
    </main>
  );
}
