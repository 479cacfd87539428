// What was typed for a new order, as the body of the call.
import type { paths } from "../generated/contract";
import { typedNumber } from "../ui/Field";

export interface Draft {
  symbol: string;
  side: "BUY" | "SELL";
  type: "MARKET" | "LIMIT" | "STOP";
  sizeBy: "lots" | "risk";
  size: string;
  price: string;
  stopLoss: string;
  takeProfit: string;
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
};

export type OpenBody = NonNullable<paths["/api/trades"]["post"]["requestBody"]>["content"]["application/json"];
export type DraftProblems = Partial<Record<"size" | "price" | "stopLoss" | "takeProfit", string>>;

/** The body, or null while something is missing or wrong; what is wrong is named, what is missing is not yet. */
export function draftBody(draft: Draft, accountId: string): { body: OpenBody | null; problems: DraftProblems } {
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
  const complete =
    draft.symbol !== "" && size !== undefined && (draft.type === "MARKET" || price !== undefined) && accountId !== "";
  if (!complete || Object.keys(problems).length > 0) return { body: null, problems };
  return {
    problems,
    body: {
      accountId,
      symbol: draft.symbol,
      side: draft.side,
      orderType: draft.type,
      ...(draft.sizeBy === "lots" ? { volumeLots: size } : { risk: { equityPercent: size } }),
      ...(price === undefined ? {} : { price }),
      ...(stopLoss === undefined ? {} : { stopLoss }),
      ...(takeProfit === undefined ? {} : { takeProfit }),
    },
  };
}
