import { useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";
import { api, ask } from "../../lib/api";
import type { Source } from "../../lib/contract";
import { words } from "../../lib/format";
import { useTimes } from "../../session/preferences";
import { change } from "../../store/actions";
import { accountName } from "../../store/choice";
import { useLive } from "../../store/live-store";
import { usePending } from "../../store/pending";
import { SOURCES } from "../../store/queries";
import { Button } from "../../ui/Button";
import { Dialog, DialogActions } from "../../ui/Dialog";
import { SelectField, TextField, typedText } from "../../ui/Field";
import { Empty, Failed, Loading, Panel } from "../../ui/Panel";
import { toast } from "../../ui/toasts";
import { ConfirmDialog } from "../ConfirmDialog";
import { SourceDialog } from "./SourceDialog";
import { useSources } from "./source-data";
import { sizingWords } from "./words";

interface Secret {
  readonly token: string;
  readonly path: string;
}

const KINDS: Record<string, string> = {
  WEBHOOK: "a webhook, e.g. of TradingView",
  TELEGRAM: "Telegram chats",
  API: "a program of mine, over REST or gRPC",
};

const TRUSTS: Record<string, string> = {
  UNSPECIFIED: "observed: nothing is sent",
  OBSERVE: "observed: nothing is sent",
  APPROVE: "asks before each order",
  AUTO: "sends by itself",
};

/** Where messages come from, and what they may do. */
export function Sources() {
  const queries = useQueryClient();
  const sources = useSources();
  const [making, setMaking] = useState(false);
  const [editing, setEditing] = useState<Source | null>(null);
  const [secret, setSecret] = useState<Secret | null>(null);
  const reread = () => queries.invalidateQueries({ queryKey: [SOURCES] });
  return (
    <Panel
      title="Sources"
      actions={
        <Button small kind="accent" onClick={() => setMaking(true)}>
          New source
        </Button>
      }
    >
      {sources.isPending ? (
        <Loading what="sources" />
      ) : sources.isError ? (
        <Failed what="Sources" error={sources.error} onRetry={() => void sources.refetch()} />
      ) : sources.data.length === 0 ? (
        <Empty>No source yet. A new one is observed: its messages are decided and recorded, and nothing is sent.</Empty>
      ) : (
        <ul className="plain-list">
          {sources.data.map((source) => (
            <SourceRow key={source.sourceId} source={source} onEdit={() => setEditing(source)} onSecret={setSecret} onChanged={reread} />
          ))}
        </ul>
      )}
      {making && (
        <NewSource
          onClose={() => setMaking(false)}
          onMade={(source, made) => {
            setMaking(false);
            setSecret(made);
            setEditing(source);
            void reread();
          }}
        />
      )}
      {editing !== null && secret === null && (
        <SourceDialog
          source={editing}
          onClose={() => {
            setEditing(null);
            void reread();
          }}
        />
      )}
      <SecretDialog secret={secret} onClose={() => setSecret(null)} />
    </Panel>
  );
}

interface RowProps {
  source: Source;
  onEdit: () => void;
  onSecret: (secret: Secret) => void;
  onChanged: () => void;
}

function SourceRow({ source, onEdit, onSecret, onChanged }: RowProps) {
  const times = useTimes();
  const accounts = useLive((state) => state.accounts);
  const [asking, setAsking] = useState<"token" | "remove" | null>(null);
  const name = `source ${source.sourceId}`;
  const busy = usePending(name);
  const path = { sourceId: source.sourceId };
  const rotate = () => {
    setAsking(null);
    void change(name, "New token", async () => {
      const { token, hookPath } = await ask(api.POST("/api/sources/{sourceId}/token", { params: { path }, body: {} }));
      onSecret({ token, path: hookPath });
      onChanged();
    });
  };
  const remove = () => {
    setAsking(null);
    void change(name, "Remove", async () => {
      await ask(api.DELETE("/api/sources/{sourceId}", { params: { path } }));
      toast("done", `${source.name} is removed; its messages stay on record`);
      onChanged();
    });
  };
  const trust = source.policy?.trust ?? "UNSPECIFIED";
  return (
    <li data-source={source.sourceId}>
      <div className="source">
        <div>
          <strong>{source.name}</strong>{" "}
          <span className={`tag ${trust === "AUTO" ? "amber" : ""}`}>{source.enabled ? (TRUSTS[trust] ?? words(trust)) : "switched off"}</span>
        </div>
        <div className="quiet-text">
          {words(source.kind)} · last message {source.lastSignalTime === null ? "none yet" : times.recent(source.lastSignalTime)}
          {source.tokenHint !== "" && ` · token …${source.tokenHint}`}
        </div>
        <div className="quiet-text">
          {source.subscriptions.length === 0
            ? "feeds no account"
            : source.subscriptions
                .map((each) => `${accountName(accounts.get(each.accountId))}: ${each.suspended ? "suspended" : sizingWords(each.sizing)}`)
                .join(" · ")}
        </div>
      </div>
      <div className="source-buttons">
        <Button small busy={busy} onClick={onEdit}>
          Change…
        </Button>
        {source.kind === "WEBHOOK" && (
          <Button small kind="quiet" onClick={() => setAsking("token")}>
            New token…
          </Button>
        )}
        <Button small kind="quiet" onClick={() => setAsking("remove")}>
          Remove…
        </Button>
      </div>
      {asking === "token" && (
        <ConfirmDialog
          title={`A new token for ${source.name}?`}
          description="The old one ends at once: whoever posts with it is refused."
          action="Make a new token"
          onConfirm={rotate}
          onClose={() => setAsking(null)}
        />
      )}
      {asking === "remove" && (
        <ConfirmDialog
          title={`Remove ${source.name}?`}
          description="No further message of it is taken. What it sent stays on record, and its trades stay open and managed."
          action="Remove"
          danger
          onConfirm={remove}
          onClose={() => setAsking(null)}
        />
      )}
    </li>
  );
}

interface NewProps {
  onClose: () => void;
  onMade: (source: Source | null, secret: Secret | null) => void;
}

function NewSource({ onClose, onMade }: NewProps) {
  const [problem, setProblem] = useState<string>();
  const busy = usePending("new source");
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const kind = typedText(form, "kind") as Source["kind"];
    setProblem(undefined);
    void change(
      "new source",
      "New source",
      async () => {
        const answer = await ask(api.POST("/api/sources", { body: { name: typedText(form, "name").trim(), kind } }));
        onMade(answer.source, answer.token === "" ? null : { token: answer.token, path: answer.hookPath });
      },
      (refused) => {
        setProblem(refused.message);
        return true;
      },
    );
  };
  return (
    <Dialog title="New source" description="It is observed at first: nothing is sent until you say so." open onClose={onClose}>
      <form onSubmit={submit}>
        <TextField label="Name" name="name" required maxLength={100} autoComplete="off" problem={problem} />
        <SelectField label="Messages come from" name="kind" defaultValue="WEBHOOK">
          {Object.entries(KINDS).map(([kind, text]) => (
            <option key={kind} value={kind}>
              {text}
            </option>
          ))}
        </SelectField>
        <DialogActions>
          <Button onClick={onClose}>Back</Button>
          <Button kind="accent" type="submit" busy={busy}>
            Make the source
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

function SecretDialog({ secret, onClose }: { secret: Secret | null; onClose: () => void }) {
  return (
    <Dialog
      title="Where to post"
      description="The address has its token in it, and is shown this once. Who has it can give signals to this source."
      open={secret !== null}
      onClose={onClose}
    >
      <pre className="code-line" tabIndex={0}>
        {secret === null ? "" : `${location.origin}${secret.path}`}
      </pre>
      <p className="quiet-text">The token alone:</p>
      <pre className="code-line token-line" tabIndex={0}>
        {secret?.token}
      </pre>
      <DialogActions>
        <Button kind="accent" onClick={onClose}>
          I have kept it
        </Button>
      </DialogActions>
    </Dialog>
  );
}
