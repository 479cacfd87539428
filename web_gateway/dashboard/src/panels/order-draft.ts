// What was typed for a new order, as the body of the call.
import type { paths } from "../generated/contract";
import { typedNumber } from "../ui/Field";
import { NO_PLAN, type PlanDraft, type PlanProblems, planOf } from "./Protection/plan-draft";

export interface Draft {
  symbol: string;
  side: "BUY" | "SELL";
  type: "MARKET" | "LIMIT" | "STOP";
  sizeBy: "lots" | "risk";
  size: string;
  price: string;
  stopLoss: string;
  takeProfit: string;
  /** What the bridge does with the trade by itself. */
  plan: PlanDraft;
}

export const EMPTY_DRAFT: Draft = {
  symbol: "",
  side: "BUY",
  type: "MARKET",
  sizeBy: "lots",
  size: "",
  price: "",
  stopLoss: "",
  takeProfit: "",
  plan: NO_PLAN,
};

export type OpenBody = NonNullable<paths["/api/trades"]["post"]["requestBody"]>["content"]["application/json"];
export type DraftProblems = Partial<Record<"size" | "price" | "stopLoss" | "takeProfit", string>>;

export interface DraftRead {
  readonly body: OpenBody | null;
  readonly problems: DraftProblems;
  readonly planProblems: PlanProblems;
  /** Percent that runs on after the last target. */
  readonly left: number;
}

/** The body, or null while something is missing or wrong; what is wrong is named, what is missing is not yet. */
export function draftBody(draft: Draft, accountId: string): DraftRead {
  const problems: DraftProblems = {};
  const read = (name: keyof DraftProblems, text: string) => {
    const value = typedNumber(text);
    if (value !== undefined && !(value > 0)) problems[name] = "must be a number above zero";
    return value;
  };
  const size = read("size", draft.size);
  const price = draft.type === "MARKET" ? undefined : read("price", draft.price);
  const stopLoss = read("stopLoss", draft.stopLoss);
  const takeProfit = read("takeProfit", draft.takeProfit);
  if (draft.sizeBy === "risk" && size !== undefined && size > 100) problems.size = "must be at most 100 %";
  if (draft.sizeBy === "risk" && size !== undefined && stopLoss === undefined) {
    problems.stopLoss = "needed: the risk is counted to the stop";
  }
  const { plan, problems: planProblems, left } = planOf(draft.plan, {
    side: draft.side,
    // The bridge holds an order at the market against its own quote.
    market: price !== undefined && price > 0 ? price : null,
    risk: stopLoss !== undefined,
  });
  const complete =
    plan !== null &&
    draft.symbol !== "" && size !== undefined && (draft.type === "MARKET" || price !== undefined) && accountId !== "";
  if (!complete || Object.keys(problems).length > 0) return { body: null, problems, planProblems, left };
  return {
    problems,
    planProblems,
    left,
    body: {
      accountId,
      symbol: draft.symbol,
      side: draft.side,
      orderType: draft.type,
      ...(draft.sizeBy === "lots" ? { volumeLots: size } : { risk: { equityPercent: size } }),
      ...(price === undefined ? {} : { price }),
      ...(stopLoss === undefined ? {} : { stopLoss }),
      ...(takeProfit === undefined ? {} : { takeProfit }),
      ...(plan.targets.length === 0 && plan.breakEven === null ? {} : { protection: plan }),
    },
  };
}
