import { useSyncExternalStore } from "react";

export type ToastKind = "done" | "note" | "problem";

export interface Toast {
  readonly id: number;
  readonly kind: ToastKind;
  readonly text: string;
}

const SECONDS: Record<ToastKind, number> = { done: 5, note: 8, problem: 20 };
const SHOWN = 4;

let toasts: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

/** Tells what became of an action. The same words again take the place of the first. */
export function toast(kind: ToastKind, text: string): void {
  last += 1;
  const id = last;
  set([...toasts.filter((each) => each.text !== text), { id, kind, text }].slice(-SHOWN));
  setTimeout(() => dismiss(id), SECONDS[kind] * 1000);
}

export function dismiss(id: number): void {
  if (toasts.some((each) => each.id === id)) set(toasts.filter((each) => each.id !== id));
}

export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
}
