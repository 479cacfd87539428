import { useQuery } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";
import { api, ask } from "../../lib/api";
import { words } from "../../lib/format";
import { useTimes } from "../../session/preferences";
import { type Scope, useSession } from "../../session/session";
import { change } from "../../store/actions";
import { usePending } from "../../store/pending";
import { Button } from "../../ui/Button";
import { Dialog, DialogActions } from "../../ui/Dialog";
import { SelectField, TextField, typedText } from "../../ui/Field";
import { Empty, Failed, Loading, Panel } from "../../ui/Panel";
import { ConfirmDialog } from "../ConfirmDialog";

const SCOPES: readonly (readonly [Scope, string])[] = [
  ["VIEW", "see everything"],
  ["TRADE", "trade, pause and stop"],
  ["REARM", "re-arm, change limits, pair bridges"],
  ["ADMIN", "administer"],
];
const DAYS = [1, 7, 30, 90, 365];

/** Secrets by which programs act for this user. */
export function Tokens() {
  const times = useTimes();
  const { scopes: mine } = useSession();
  const [secret, setSecret] = useState<string | null>(null);
  const [ending, setEnding] = useState<{ id: string; name: string } | null>(null);
  const busy = usePending("token");
  const tokens = useQuery({
    queryKey: ["tokens"],
    queryFn: async () => (await ask(api.GET("/api/tokens"))).tokens,
  });
  const make = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const data = new FormData(form);
    const days = Number(data.get("days"));
    const scope = SCOPES.find(([each]) => each === data.get("scope"))?.[0] ?? "VIEW";
    void change("token", "Token", async () => {
      const answer = await ask(
        api.POST("/api/tokens", {
          body: {
            name: typedText(data, "name"),
            scopes: [scope],
            ...(days > 0 ? { timeToLive: `${days * 86_400}s` } : {}),
          },
        }),
      );
      form.reset();
      setSecret(answer.secret);
      await tokens.refetch();
    });
  };
  const end = (tokenId: string) =>
    void change("token", "Token", async () => {
      setEnding(null);
      await ask(api.DELETE("/api/tokens/{tokenId}", { params: { path: { tokenId } } }));
      await tokens.refetch();
    });

  return (
    <Panel title="API tokens">
      {tokens.isPending ? (
        <Loading what="tokens" />
      ) : tokens.isError ? (
        <Failed what="Tokens" error={tokens.error} onRetry={() => void tokens.refetch()} />
      ) : tokens.data.length === 0 ? (
        <Empty>No token. Programs sign in with one.</Empty>
      ) : (
        <ul className="plain-list">
          {tokens.data.map((token) => (
            <li key={token.tokenId}>
              <div>
                <strong>{token.name}</strong> <span className="quiet-text">{token.scopes.map(words).join(", ")}</span>
                <div className="quiet-text">
                  made {times.recent(token.createTime)}, last used{" "}
                  {token.lastUseTime === null ? "never" : times.recent(token.lastUseTime)},{" "}
                  {token.expireTime === null ? "never ends" : `ends ${times.on(token.expireTime)}`}
                </div>
              </div>
              <Button small kind="quiet" busy={busy} onClick={() => setEnding({ id: token.tokenId, name: token.name })}>
                Revoke…
              </Button>
            </li>
          ))}
        </ul>
      )}
      <form onSubmit={make} className="settings-grid token-form">
        <TextField label="Name" name="name" required maxLength={100} autoComplete="off" />
        <SelectField label="It may" name="scope" defaultValue="VIEW">
          {SCOPES.filter(([scope]) => mine.includes(scope)).map(([scope, text]) => (
            <option key={scope} value={scope}>
              {text}
            </option>
          ))}
        </SelectField>
        <SelectField label="Ends after" name="days" defaultValue="90">
          {DAYS.map((days) => (
            <option key={days} value={days}>
              {days === 1 ? "a day" : `${days} days`}
            </option>
          ))}
          <option value="0">never</option>
        </SelectField>
        <div className="form-end">
          <Button type="submit" busy={busy}>
            Make a token
          </Button>
        </div>
      </form>
      {ending !== null && (
        <ConfirmDialog
          title={`Revoke ${ending.name}?`}
          description="Programs that use it are refused from now on."
          action="Revoke"
          danger
          onConfirm={() => end(ending.id)}
          onClose={() => setEnding(null)}
        />
      )}
      <Dialog
        title="The token's secret"
        description="It is shown this once. Programs send it as: Authorization: Bearer SECRET"
        open={secret !== null}
        onClose={() => setSecret(null)}
      >
        <pre className="code-line" tabIndex={0}>{secret}</pre>
        <DialogActions>
          <Button kind="accent" onClick={() => setSecret(null)}>
            I have kept it
          </Button>
        </DialogActions>
      </Dialog>
    </Panel>
  );
}
