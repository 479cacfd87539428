import { age as inWords } from "../lib/format";
import { ageOf, type Aged } from "../store/live-state";
import { useNow } from "../store/now";

export const STALE_SECONDS = 10;
export const GONE_SECONDS = 20;

/** `fresh` up to 10 s, `stale` up to 20 s, `gone` from then on and where nothing is known. */
export function freshness(seconds: number | null): "fresh" | "stale" | "gone" {
  if (seconds === null || seconds >= GONE_SECONDS) return "gone";
  return seconds >= STALE_SECONDS ? "stale" : "fresh";
}

/** How old a number is, counting on by itself. */
export function Age({ of }: { of: Aged | undefined }) {
  const seconds = ageOf(of, useNow());
  return <span className={`age ${freshness(seconds)}`}>{inWords(seconds)}</span>;
}
