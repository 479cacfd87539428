// The emergency stop by plain REST: it needs no socket, no key, and may be pressed as often as one likes.
import { useSyncExternalStore } from "react";
import { api, ask, Refused } from "../../lib/api";
import type { LiveStore } from "../../store/live-store";
import { once } from "../../store/pending";

export interface StopCall {
  readonly is: "idle" | "sending" | "delivered" | "failed";
  readonly text: string;
}

let call: StopCall = { is: "idle", text: "" };
const listeners = new Set<() => void>();
const ANSWER_MILLISECONDS = 12_000;

function set(next: StopCall): void {
  call = next;
  for (const listener of listeners) listener();
}

export function useStopCall(): StopCall {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => call,
  );
}

export function forgetStopCall(): void {
  set({ is: "idle", text: "" });
}

/** Stops the accounts named; null: all that the caller may trade. */
export async function emergencyStop(
  store: LiveStore,
  accountIds: readonly string[] | null,
  closePositions: boolean,
): Promise<void> {
  await once(`stop ${closePositions ? "close" : "halt"}`, async () => {
    set({ is: "sending", text: closePositions ? "Closing everything…" : "Stopping…" });
    const scope = accountIds === null ? {} : { scope: "ACCOUNTS" as const, accountIds: [...accountIds] };
    try {
      const answer = await ask(
        api.POST("/api/trading/emergency-stop", {
          body: { closePositions, reason: "pressed in the dashboard", ...scope },
          signal: AbortSignal.timeout(ANSWER_MILLISECONDS),
        }),
      );
      store.stop(answer.report);
      const notes = [
        answer.recorded ? "" : "in force, not yet recorded in the database",
        answer.unreachedAccountIds.length === 0
          ? ""
          : `${answer.unreachedAccountIds.length} bridges were not reached: they latch when they are back`,
      ].filter(Boolean);
      set({ is: "delivered", text: notes.join("; ") });
    } catch (error) {
      const why = error instanceof Refused ? `refused: ${error.message}` : (error as Error).message;
      set({ is: "failed", text: why });
    }
  });
}
