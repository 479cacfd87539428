// The time, told to whatever shows an age.
import { useSyncExternalStore } from "react";
import { clock } from "../lib/clock";

const EVERY_MILLISECONDS = 1000;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | null = null;
let told = clock.now();

function tell(): void {
  if (document.visibilityState === "hidden") return;
  told = clock.now();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === null) {
    timer = setInterval(tell, EVERY_MILLISECONDS);
    document.addEventListener("visibilitychange", tell);
    told = clock.now();
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0 && timer !== null) {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tell);
      timer = null;
    }
  };
}

/** The steady clock's milliseconds, anew each second while the tab is seen. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => told);
}
