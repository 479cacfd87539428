// A ladder and a move to break-even: as typed, as sent, and what of a kept one is left to do.
import type { Protection, ProtectionPlan, StopMove, Trade } from "../../lib/contract";
import { price as priced } from "../../lib/format";
import { typedNumber } from "../../ui/Field";
import { draftOf, type StartDraft, startOf } from "./start-draft";

export interface TargetDraft {
  /** Keeps its fields together while others come and go. */
  readonly id: number;
  readonly price: string;
  /** Percent. */
  readonly share: string;
  readonly move: StopMove;
}

export interface BreakEvenDraft {
  readonly start: StartDraft;
  readonly offset: string;
}

export interface PlanDraft {
  readonly targets: readonly TargetDraft[];
  readonly breakEven: BreakEvenDraft | null;
}

export const NO_PLAN: PlanDraft = { targets: [], breakEven: null };
export const MOST_TARGETS = 10;

/** By path, e.g. `targets[0].price`, `targets`, `breakEven.start`. */
export type PlanProblems = Readonly<Record<string, string>>;

export interface PlanScene {
  readonly side: Trade["side"];
  /** What closing pays now, or the price of a pending order; null: not known, so that the bridge judges. */
  readonly market: number | null;
  /** A first risk can be counted. */
  readonly risk: boolean;
}

let lastId = 0;

export function newTarget(share = "", move: StopMove = "UNSPECIFIED"): TargetDraft {
  lastId += 1;
  return { id: lastId, price: "", share, move };
}

/** The plan, or null while something is missing or wrong; an empty draft is an empty plan. */
export function planOf(draft: PlanDraft, scene: PlanScene): { plan: ProtectionPlan | null; problems: PlanProblems; left: number } {
  const problems: Record<string, string> = {};
  let complete = true;
  let total = 0;
  let before = scene.market;
  const buy = scene.side === "BUY";
  const targets = draft.targets.map((each, index) => {
    const level = typedNumber(each.price);
    const share = typedNumber(each.share);
    if (level === undefined || share === undefined) complete = false;
    if (level !== undefined && !(level > 0)) problems[`targets[${index}].price`] = "must be a price above zero";
    else if (level !== undefined && before !== null && (buy ? level <= before : level >= before)) {
      const what = index === 0 ? "the market" : "the target before";
      problems[`targets[${index}].price`] = `must be ${buy ? "above" : "below"} ${what} (${before})`;
    }
    if (level !== undefined && level > 0) before = level;
    if (share !== undefined && !(share > 0 && share <= 100)) problems[`targets[${index}].share`] = "must be above 0, at most 100 %";
    else total += share ?? 0;
    return { price: level ?? 0, share: hundredth(share ?? 0), stopMove: each.move };
  });
  total = Number(total.toFixed(8));
  if (total > 100) problems.targets = `The shares add up to ${total} %, more than all of it.`;
  let breakEven: ProtectionPlan["breakEven"] = null;
  if (draft.breakEven !== null) {
    const { start, problem } = startOf(draft.breakEven.start, { targets: targets.length, risk: scene.risk });
    const offset = typedNumber(draft.breakEven.offset) ?? 0;
    if (problem !== undefined) problems["breakEven.start"] = problem;
    if (!(offset >= 0)) problems["breakEven.offset"] = "must be zero or above";
    if (start === null) complete = false;
    else breakEven = { start, offset };
  }
  const right = complete && Object.keys(problems).length === 0;
  return { plan: right ? { targets, breakEven } : null, problems, left: Number((100 - total).toFixed(8)) };
}

/** What is wanted, as it would be typed. */
export function draftOfPlan(plan: ProtectionPlan | null, digits: number | undefined): PlanDraft {
  return {
    targets: (plan?.targets ?? []).map((target) => ({
      ...newTarget(percent(target.share), target.stopMove),
      price: priced(target.price, digits),
    })),
    breakEven: breakEvenDraft(plan?.breakEven ?? null),
  };
}

/**
 * What is left of a kept plan, as it would be typed: targets that were reached are left out, and the shares of the
 * others are of what is open then.
 */
export function draftOfKept(kept: Protection | null, digits: number | undefined): PlanDraft {
  const steps = kept?.steps ?? [];
  const gone = steps.filter((step) => step.state === "DONE" || step.state === "TRIGGERED");
  const rest = 1 - gone.reduce((sum, step) => sum + (step.target?.share ?? 0), 0);
  const targets = steps.flatMap((step) => (step.state === "WAITING" && step.target !== null ? [step.target] : []));
  return {
    targets: targets.map((target) => ({
      ...newTarget(percent(rest > 0 ? Math.min(1, target.share / rest) : target.share), target.stopMove),
      price: priced(target.price, digits),
    })),
    breakEven: kept?.breakEven == null || kept.breakEven.done ? null : breakEvenDraft(kept.breakEven.plan),
  };
}

function breakEvenDraft(plan: ProtectionPlan["breakEven"]): BreakEvenDraft | null {
  const start = plan === null ? null : draftOf(plan.start);
  if (plan === null || start === null) return null;
  return { start, offset: plan.offset === 0 ? "" : String(plan.offset) };
}

/** The server's refusals by this page's paths. */
export function refusedFields(errors: readonly { field: string; description: string }[]): PlanProblems {
  return Object.fromEntries(
    errors.flatMap(({ field, description }) => {
      const path = field.replace(/^(plan|protection)\./, "");
      if (path.startsWith("breakEven.start")) return [["breakEven.start", description]];
      return path.startsWith("targets") || path.startsWith("breakEven") ? [[path, description]] : [];
    }),
  );
}

function hundredth(share: number): number {
  return Number((share / 100).toFixed(8));
}

/** Of a share; rounded down where it needs to be, so that all of them together are no more than all. */
function percent(share: number): string {
  return String(Math.floor(share * 1e4 + 1e-6) / 100);
}

export const MOVES: readonly (readonly [StopMove, string])[] = [
  ["UNSPECIFIED", "stays"],
  ["BREAK_EVEN", "to break-even"],
  ["PREVIOUS_TARGET", "to the target before"],
];

export function moveWords(move: StopMove): string {
  return MOVES.find(([each]) => each === move)?.[1] ?? "in a way that this page does not know";
}
