import { age as inWords } from "../lib/format";

export const STALE_SECONDS = 10;
export const GONE_SECONDS = 20;

/** `fresh` up to 10 s, `stale` up to 20 s, `gone` from then on and where nothing is known. */
export function freshness(seconds: number | null): "fresh" | "stale" | "gone" {
  if (seconds === null || seconds >= GONE_SECONDS) return "gone";
  return seconds >= STALE_SECONDS ? "stale" : "fresh";
}

/** How old a number is. */
export function Age({ seconds }: { seconds: number | null }) {
  return <span className={`age ${freshness(seconds)}`}>{inWords(seconds)}</span>;
}
