import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../lib/api";
import { useTimes } from "../../session/preferences";
import { change } from "../../store/actions";
import { usePending } from "../../store/pending";
import { Button } from "../../ui/Button";
import { Failed, Loading, Panel } from "../../ui/Panel";

export function Sessions() {
  const times = useTimes();
  const busy = usePending("session");
  const sessions = useQuery({
    queryKey: ["sessions"],
    queryFn: async () => (await ask(api.GET("/api/sessions"))).sessions,
  });
  const end = (sessionId: string) =>
    void change("session", "Session", async () => {
      await ask(api.DELETE("/api/sessions/{sessionId}", { params: { path: { sessionId } } }));
      await sessions.refetch();
    });
  return (
    <Panel title="Sessions">
      {sessions.isPending ? (
        <Loading what="sessions" />
      ) : sessions.isError ? (
        <Failed what="Sessions" error={sessions.error} onRetry={() => void sessions.refetch()} />
      ) : (
        <ul className="plain-list">
          {sessions.data.map((session) => (
            <li key={session.sessionId}>
              <div>
                <strong>{session.address || "address not known"}</strong>{" "}
                {session.current && <span className="tag">this one</span>}
                <div className="quiet-text">
                  signed in {times.recent(session.createTime)}, last used {times.recent(session.lastUseTime)}
                </div>
                <div className="quiet-text agent">{session.userAgent}</div>
              </div>
              {!session.current && (
                <Button small busy={busy} onClick={() => end(session.sessionId)}>
                  End
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
