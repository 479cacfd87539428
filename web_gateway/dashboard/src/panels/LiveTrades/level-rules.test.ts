import { expect, test } from "vitest";
import type { Symbol_, Trade } from "../../lib/contract";
import { levelProblem, moneyAt } from "./level-rules";

test.each([
  ["stopLoss", "BUY", 1.2, "must be below the market (1.1)"],
  ["stopLoss", "SELL", 1.0, "must be above the market (1.1)"],
  ["takeProfit", "BUY", 1.0, "must be above the market (1.1)"],
  ["takeProfit", "SELL", 1.2, "must be below the market (1.1)"],
  ["stopLoss", "BUY", 1.0, undefined],
  ["stopLoss", "BUY", Number.NaN, "must be a price above zero"],
  ["stopLoss", "BUY", undefined, undefined],
] as const)("%s of a %s at %s", (which, side, level, problem) => {
  expect(levelProblem(which, side, level, 1.1)).toBe(problem);
});

test("without a market the bridge decides", () => {
  expect(levelProblem("stopLoss", "BUY", 5, null)).toBeUndefined();
});

test("money at a level counts ticks, and is not known without their worth", () => {
  const trade = { side: "SELL", openPrice: 1.1, volumeLots: 0.5 } as Trade;
  const symbol = { tickSize: 0.00001, tickValue: 1 } as Symbol_;
  expect(moneyAt(trade, 1.101, symbol)).toBeCloseTo(-50);
  expect(moneyAt(trade, 1.101, { ...symbol, tickValue: 0 })).toBeNull();
  expect(moneyAt(trade, 1.101, undefined)).toBeNull();
});
