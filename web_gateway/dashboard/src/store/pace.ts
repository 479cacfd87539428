// How often a part of the page is drawn anew: what is in sight with every change, what is not every two seconds, in
// turns. Without it two hundred trades would each be drawn four times a second for nobody.
import { createContext, type RefObject, useContext, useEffect, useState } from "react";

export type Subscribe = (listener: () => void) => () => void;

const SLOW_MILLISECONDS = 2000;
const TURNS = 8;
/** What is about to come into sight is drawn as if it were. */
const MARGIN = "300px 0px";

const turns: readonly Set<() => void>[] = Array.from({ length: TURNS }, () => new Set<() => void>());
let turn = 0;
let turnedAt = 0;

/**
 * Draws those whose turn it is. Called where the page is drawn anyway, so that what is out of sight costs no layout of
 * its own.
 */
export function takeTurns(now: number): void {
  const due = Math.min(TURNS, Math.floor((now - turnedAt) / (SLOW_MILLISECONDS / TURNS)));
  if (due <= 0) return;
  turnedAt = now;
  for (let taken = 0; taken < due; taken += 1) {
    turn = (turn + 1) % TURNS;
    for (const listener of [...(turns[turn] ?? [])]) listener();
  }
}

/** Every two seconds, in the turn of that number. */
export function slowPace(at: number): Subscribe {
  const mine = turns[at % TURNS] ?? new Set();
  return (listener) => {
    mine.add(listener);
    return () => mine.delete(listener);
  };
}

const SLOW: readonly Subscribe[] = turns.map((_, at) => slowPace(at));

/** Null: with every change. */
export const PaceContext = createContext<Subscribe | null>(null);

/** What to listen to instead of every change; null: nothing. */
export function usePace(): Subscribe | null {
  return useContext(PaceContext);
}

const seen = new WeakMap<Element, (visible: boolean) => void>();
let observer: IntersectionObserver | null = null;
let given = 0;

/** The pace of what stands in `element`. */
export function usePaceOf(element: RefObject<Element | null>): Subscribe | null {
  const [mine] = useState(() => SLOW[(given += 1) % TURNS] ?? null);
  const [visible, setVisible] = useState(true);
  useEffect(() => {
    const target = element.current;
    if (target === null) return;
    observer ??= new IntersectionObserver(
      (entries) => {
        for (const entry of entries) seen.get(entry.target)?.(entry.isIntersecting);
      },
      { rootMargin: MARGIN },
    );
    seen.set(target, setVisible);
    observer.observe(target);
    return () => {
      seen.delete(target);
      observer?.unobserve(target);
    };
  }, [element]);
  return visible ? null : mine;
}
