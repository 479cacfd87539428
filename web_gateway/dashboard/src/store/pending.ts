// What is being done now, by name, so that nothing is done twice from anywhere on the page.
import { useSyncExternalStore } from "react";

let pending: ReadonlySet<string> = new Set();
const listeners = new Set<() => void>();

function set(next: ReadonlySet<string>): void {
  pending = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Runs `action` unless one of the same name still runs; answers whether it ran. */
export async function once(name: string, action: () => Promise<void>): Promise<boolean> {
  if (pending.has(name)) return false;
  set(new Set([...pending, name]));
  try {
    await action();
  } finally {
    set(new Set([...pending].filter((each) => each !== name)));
  }
  return true;
}

export function usePending(name: string): boolean {
  return useSyncExternalStore(subscribe, () => pending.has(name));
}
