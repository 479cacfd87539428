import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newKey } from "../../lib/api";
import type { ParsedSignal, SignalDecision } from "../../lib/contract";
import { change } from "../../store/actions";
import { usePending } from "../../store/pending";
import { SIGNALS } from "../../store/queries";
import { Button } from "../../ui/Button";
import { Dialog, DialogActions } from "../../ui/Dialog";
import { SelectField, TextAreaField } from "../../ui/Field";
import { toast } from "../../ui/toasts";
import { useSources } from "./source-data";
import { Decision } from "./Timeline";
import { parseWords } from "./words";

interface Simulated {
  text: string;
  parsed: ParsedSignal | null;
  decisions: readonly SignalDecision[];
}

/** Tells what a message would do, and does nothing; or submits it to a source of one's own, in so many words. */
export function TryMessage({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const sources = useSources();
  const [text, setText] = useState("");
  const [sourceId, setSourceId] = useState("");
  const [found, setFound] = useState<Simulated | null>(null);
  const [problem, setProblem] = useState<string>();
  // One message, however often it is pressed.
  const [key, setKey] = useState(newKey);
  const simulating = usePending("simulate");
  const submitting = usePending("submit signal");
  const source = sources.data?.find((each) => each.sourceId === sourceId);
  const shown = found?.text === text ? found : null;

  const refused = (error: { message: string }) => {
    setProblem(error.message);
    return true;
  };
  const simulate = () => {
    setProblem(undefined);
    void change(
      "simulate",
      "Simulate",
      async () => {
        const answer = await ask(api.POST("/api/signals/simulate", { body: { text, sourceId } }));
        setFound({ text, parsed: answer.parsed, decisions: answer.decisions });
      },
      refused,
    );
  };
  const submit = () => {
    setProblem(undefined);
    void change(
      "submit signal",
      "Submit",
      async () => {
        await ask(api.POST("/api/signals", { body: { text, sourceId }, params: { header: { "Idempotency-Key": key } } }));
        toast("done", "The message is recorded; what is decided on it is shown as it comes");
        await queries.invalidateQueries({ queryKey: [SIGNALS] });
        onClose();
      },
      refused,
    );
  };

  return (
    <Dialog
      title="Try a message"
      description="Simulating tells what would be sent with the prices of now. It stores nothing, and nothing comes of it."
      open
      onClose={onClose}
      wide
    >
      <TextAreaField
        label="Message"
        rows={5}
        maxLength={32_768}
        value={text}
        problem={problem}
        onChange={(event) => {
          setText(event.target.value);
          setKey(newKey());
        }}
      />
      <SelectField label="As of the source" value={sourceId} onChange={(event) => setSourceId(event.target.value)} hint="Without one: by the defaults, for your only account.">
        <option value="">none</option>
        {sources.data?.map((each) => (
          <option key={each.sourceId} value={each.sourceId}>
            {each.name}
          </option>
        ))}
      </SelectField>
      {shown !== null && (
        <div className="timeline simulated" aria-live="polite">
          <section className="detail">
            <h3>Read as</h3>
            <p>{parseWords(shown.parsed)}</p>
            {shown.parsed?.reasons.map((reason) => (
              <p key={reason.code} className="level-note">
                {reason.code}: {reason.message}
              </p>
            ))}
          </section>
          {shown.decisions.length === 0 && <p className="quiet-text">No account would act on it.</p>}
          {shown.decisions.map((decision, index) => (
            <Decision key={`${decision.accountId} ${index}`} decision={decision} simulated />
          ))}
        </div>
      )}
      <DialogActions>
        <Button onClick={onClose}>Close</Button>
        {source?.kind === "API" && (
          <Button busy={submitting} disabled={text.trim() === ""} onClick={submit}>
            Submit it to {source.name}
          </Button>
        )}
        <Button kind="accent" busy={simulating} disabled={text.trim() === ""} onClick={simulate}>
          Simulate
        </Button>
      </DialogActions>
    </Dialog>
  );
}
