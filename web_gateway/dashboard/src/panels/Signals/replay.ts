import { useQueryClient } from "@tanstack/react-query";
import { ActionKeys, api, ask, Refused } from "../../lib/api";
import type { Signal } from "../../lib/contract";
import { change } from "../../store/actions";
import { usePending } from "../../store/pending";
import { SIGNALS } from "../../store/queries";
import { toast } from "../../ui/toasts";
import { verdictOf } from "./words";

const keys = new ActionKeys();

/** Has a message decided anew: once, with a key that a repeat after a lost answer finds again. */
export function useReplay(signal: Signal): { busy: boolean; run: () => void } {
  const queries = useQueryClient();
  const name = `replay ${signal.signalId}`;
  const busy = usePending(name);
  const run = () =>
    void change(name, "Replay", async () => {
      try {
        const answer = await ask(
          api.POST("/api/signals/{signalId}/replay", {
            params: { path: { signalId: signal.signalId }, header: { "Idempotency-Key": keys.of(name) } },
            body: {},
          }),
        );
        keys.settled(name);
        const last = Math.max(0, ...(answer.signal?.decisions.map((each) => each.attempt) ?? []));
        const mine = answer.signal?.decisions.filter((each) => each.attempt === last) ?? [];
        toast("note", `Decided anew: ${mine.map((each) => verdictOf(each.outcome).word).join(", ") || "nothing to decide"}`);
      } catch (error) {
        if (error instanceof Refused) keys.settled(name);
        throw error;
      }
    }).then(() => queries.invalidateQueries({ queryKey: [SIGNALS] }));
  return { busy, run };
}
