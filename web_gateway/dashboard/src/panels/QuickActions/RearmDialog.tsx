import { useQuery } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";
import { api, ask, Refused } from "../../lib/api";
import type { StopReport } from "../../lib/contract";
import { count } from "../../lib/format";
import { useTimes } from "../../session/preferences";
import { useLiveParts } from "../../store/live-store";
import { once, usePending } from "../../store/pending";
import { GENERATION } from "../../store/queries";
import { Button } from "../../ui/Button";
import { Dialog, DialogActions } from "../../ui/Dialog";
import { TextField, typedText } from "../../ui/Field";
import { Failed } from "../../ui/Panel";
import { toast } from "../../ui/toasts";
import { isApplied } from "./standing";
import { forgetStopCall } from "./stopping";

interface Props {
  stops: readonly StopReport[];
  openCount: number;
  onClose: () => void;
}

/** The only way out of a stop: it shows why it stopped and what is open, and wants a reason and the password. */
export function RearmDialog({ stops, openCount, onClose }: Props) {
  const { store } = useLiveParts();
  const times = useTimes();
  const [problem, setProblem] = useState("");
  const busy = usePending("rearm");
  // The stops that are shown now are the ones that are led out of: a later one is refused as stale.
  const state = useQuery({
    queryKey: [GENERATION, "rearm"],
    queryFn: () => ask(api.GET("/api/trading/state")),
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
  const flattening = state.data?.states.some((each) => each.flattenRunning) ?? false;
  // Only stops at the accounts that are shown; what was seen is what is named.
  const stopIds = stops.map((stop) => stop.stopId);

  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const reason = typedText(form, "reason");
    const password = typedText(form, "password");
    void once("rearm", async () => {
      setProblem("");
      try {
        const body =
          stopIds.length > 0 ? { stopIds, reason, password } : { generation: state.data?.generation ?? "", reason, password };
        const { states } = await ask(api.POST("/api/trading/rearm", { body }));
        store.trading(states);
        forgetStopCall();
        if (states.every(isApplied)) toast("done", "Re-armed, applied by the bridge");
        else toast("note", "Re-armed at the server; the bridge has not applied it yet");
        onClose();
      } catch (error) {
        if (error instanceof Refused) setProblem(error.message);
        else setProblem(`No answer: ${(error as Error).message} Whether it is re-armed is not known yet.`);
        void state.refetch();
      }
    });
  };

  return (
    <Dialog title="Re-arm trading" open onClose={onClose} description="After this, signals and orders open trades again.">
      <div className="rearm-why">
        {stops.map((stop) => (
          <p key={stop.stopId}>
            Stopped {times.on(stop.createTime)} ({stop.source}){stop.reason === "" ? "" : `: “${stop.reason}”`}
          </p>
        ))}
        <p>{openCount === 0 ? "Nothing is open." : `${count(openCount, "position is", "positions are")} open.`}</p>
      </div>
      {state.isError && <Failed what="The trading state" error={state.error} onRetry={() => void state.refetch()} />}
      {flattening && <p className="notice">Everything is being closed; re-arming is refused until that has ended.</p>}
      <form onSubmit={submit}>
        <TextField
          label="Why it is safe again"
          name="reason"
          required
          minLength={3}
          maxLength={500}
          autoComplete="off"
          hint="At least 3 characters; it is kept in the audit."
        />
        <TextField label="Your password" name="password" type="password" required autoComplete="current-password" />
        <div className="entrance-problem" role="alert">
          {problem}
        </div>
        <DialogActions>
          <Button onClick={onClose}>Stay stopped</Button>
          <Button kind="accent" type="submit" busy={busy} disabled={flattening || state.data === undefined}>
            Re-arm
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
