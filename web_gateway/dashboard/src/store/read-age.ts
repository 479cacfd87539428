import { type Aged, readAge } from "./live-state";
import { useLive } from "./live-store";
import { useNow } from "./now";

/** Seconds since a number of this account was last read as it is, counting on by itself. */
export function useReadAge(accountId: string, aged: Aged | undefined): number | null {
  const terminal = useLive((state) => state.chains.get(accountId)?.terminalAgeSeconds);
  const heartbeatAt = useLive((state) => state.heartbeatAt);
  return readAge(aged, terminal, heartbeatAt, useNow());
}
