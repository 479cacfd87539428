// When a plan begins, as it is typed, as it is sent, and in words.
import type { PlanStart } from "../../lib/contract";
import { price as priced } from "../../lib/format";
import { typedNumber } from "../../ui/Field";

export type StartKind = keyof PlanStart;

export interface StartDraft {
  readonly kind: StartKind;
  readonly value: string;
}

export const START_KINDS: readonly (readonly [StartKind, string])[] = [
  ["riskMultiple", "R in profit (first risk)"],
  ["pips", "pips in profit"],
  ["points", "points in profit"],
  ["distance", "in price, in profit"],
  ["money", "in money, in profit"],
  ["price", "the market's price"],
  ["target", "targets closed"],
];

export interface StartRules {
  /** Targets of the ladder that it can count. */
  readonly targets: number;
  /** The trade has, or had, a stop loss that counts its first risk. */
  readonly risk: boolean;
}

/** What is sent; null while something is missing or wrong, and then `problem` says what is wrong. */
export function startOf(draft: StartDraft, rules: StartRules): { start: PlanStart | null; problem?: string } {
  const value = typedNumber(draft.value);
  if (draft.kind === "riskMultiple" && !rules.risk) {
    return { start: null, problem: "needs a trade that has had a stop loss, which counts its first risk" };
  }
  if (draft.kind === "target" && rules.targets === 0) return { start: null, problem: "there is no ladder whose targets could be counted" };
  if (value === undefined) return { start: null };
  if (!Number.isFinite(value)) return { start: null, problem: "must be a number" };
  if (draft.kind === "target") {
    if (!Number.isInteger(value) || value < 1 || value > rules.targets) {
      return { start: null, problem: `must be a whole number from 1 to ${rules.targets}, the targets of the ladder` };
    }
  } else if (draft.kind === "distance" || draft.kind === "points" || draft.kind === "pips") {
    if (value < 0) return { start: null, problem: "must be zero or above" };
  } else if (value <= 0) return { start: null, problem: "must be above zero" };
  return { start: { [draft.kind]: value } };
}

export function draftOf(start: PlanStart | null): StartDraft | null {
  for (const [kind] of START_KINDS) {
    const value = start?.[kind];
    if (value !== undefined) return { kind, value: String(value) };
  }
  return null;
}

/** `at 1 R`, `at 20 pips in profit`, … */
export function startWords(start: PlanStart | null, currency: string, digits: number | undefined): string {
  const draft = draftOf(start);
  if (draft === null) return "at once";
  const { kind, value } = draft;
  switch (kind) {
    case "riskMultiple":
      return `at ${value} R in profit`;
    case "pips":
      return `at ${value} pips in profit`;
    case "points":
      return `at ${value} points in profit`;
    case "distance":
      return `at ${value} in price in profit`;
    case "money":
      return `at ${value} ${currency} in profit`;
    case "price":
      return `at ${priced(Number(value), digits)}`;
    case "target":
      return value === "1" ? "once a target is closed" : `once ${value} targets are closed`;
  }
}
