import { useEffect } from "react";
import { api, ask } from "../lib/api";
import { useConnection, useLiveParts } from "../store/live-store";

const AFTER_MILLISECONDS = 2000;
const EVERY_MILLISECONDS = 5000;

/** While the socket is away, what is shown is read by plain calls; each number keeps its own age. */
export function SnapshotFallback() {
  const { store } = useLiveParts();
  const { phase, reason } = useConnection();
  const away = phase !== "connected" && reason !== "credentials";
  useEffect(() => {
    if (!away) return;
    let timer: ReturnType<typeof setTimeout> | null = null;
    const read = async () => {
      try {
        const { snapshot } = await ask(api.GET("/api/snapshot", { signal: AbortSignal.timeout(EVERY_MILLISECONDS) }));
        if (snapshot !== null) store.snapshot(snapshot);
      } catch {
        // What is shown stays, and goes on growing old.
      }
      timer = setTimeout(() => void read(), EVERY_MILLISECONDS);
    };
    timer = setTimeout(() => void read(), AFTER_MILLISECONDS);
    return () => {
      if (timer !== null) clearTimeout(timer);
    };
  }, [away, store]);
  return null;
}
