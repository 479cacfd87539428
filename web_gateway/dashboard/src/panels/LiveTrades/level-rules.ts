// What a level would mean; the bridge checks it against the live market.
import type { Symbol_, Trade } from "../../lib/contract";

type Which = "stopLoss" | "takeProfit";

/** Why a level cannot be right; `undefined`: it may be. */
export function levelProblem(
  which: Which,
  side: Trade["side"],
  level: number | undefined,
  market: number | null,
): string | undefined {
  if (level === undefined) return undefined;
  if (!Number.isFinite(level) || level <= 0) return "must be a price above zero";
  if (market === null || (side !== "BUY" && side !== "SELL")) return undefined;
  const below = (side === "BUY") === (which === "stopLoss");
  if (below && level >= market) return `must be below the market (${market})`;
  if (!below && level <= market) return `must be above the market (${market})`;
  return undefined;
}

/** Profit or loss of the trade at a price, without costs, in the account's currency; null: not known. */
export function moneyAt(trade: Trade, level: number, symbol: Symbol_ | undefined): number | null {
  if (symbol === undefined || !(symbol.tickSize > 0) || !(symbol.tickValue > 0) || !Number.isFinite(level)) return null;
  const way = trade.side === "BUY" ? 1 : -1;
  return ((level - trade.openPrice) / symbol.tickSize) * symbol.tickValue * trade.volumeLots * way;
}
