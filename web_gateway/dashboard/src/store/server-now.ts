// The server's clock, by the times that its frames carry: this machine's may be wrong.
import { useLiveParts } from "./live-store";
import { useNow } from "./now";

/** Milliseconds since 1970 on the server's clock; null: it has told no time yet. Told anew each second. */
export function useServerNow(): number | null {
  const { store } = useLiveParts();
  const now = useNow();
  const told = store.serverTime();
  return told === null ? null : told.time + Math.max(0, now - told.at);
}
