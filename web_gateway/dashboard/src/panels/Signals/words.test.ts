import { expect, test } from "vitest";
import type { ParsedSignal, SignalDecision } from "../../lib/contract";
import { countDown, latest, parseWords, sizingWords, whyWords } from "./words";

const EMPTY = {
  kind: "OPEN", symbol: "XAUUSD", side: "BUY", orderType: "MARKET", entryLow: null, entryHigh: null, stopLoss: null, takeProfits: [],
  stopLossPips: null, takeProfitPips: [], takeProfitOpen: false, fraction: null, event: null, also: [],
} as unknown as ParsedSignal;

test("an order is read out with its entry, stop and targets; what is missing is said to be", () => {
  expect(parseWords(null)).toBe("not read yet");
  expect(parseWords(EMPTY)).toBe("buy XAUUSD at the market, no stop, no target");
  expect(
    parseWords({ ...EMPTY, orderType: "LIMIT", entryLow: 2340, entryHigh: 2345, stopLoss: 2330, takeProfits: [2350, 2360] }),
  ).toBe("buy XAUUSD limit at 2340 to 2345, stop 2330, targets 2350, 2360");
  expect(parseWords({ ...EMPTY, stopLossPips: 30, takeProfitPips: [50], side: null })).toBe(
    "side not said XAUUSD at the market, stop 30 pips, target 50 pips",
  );
});

test("an update is read out, and what is done besides", () => {
  const close = { ...EMPTY, kind: "PARTIAL_CLOSE", fraction: 0.5, also: [{ ...EMPTY, kind: "BREAKEVEN", symbol: "" }] } as ParsedSignal;
  expect(parseWords(close)).toBe("close a part 50 % of XAUUSD; then stop to the entry");
});

test("only the last attempt at an account and action counts", () => {
  const decision = (decisionId: string, accountId: string, actionIndex: number, attempt: number) =>
    ({ decisionId, accountId, actionIndex, attempt }) as SignalDecision;
  const all = [decision("a", "x", 0, 0), decision("b", "y", 0, 0), decision("c", "x", 0, 1), decision("d", "x", 1, 0)];
  expect(latest(all).map((each) => each.decisionId)).toEqual(["c", "b", "d"]);
});

test("a reason has its code once", () => {
  expect(whyWords({ code: "MAX_RISK", message: "MAX_RISK: limit=1" })).toBe("MAX_RISK: limit=1");
  expect(whyWords({ code: "TOO_OLD", message: "written 90 s ago" })).toBe("TOO_OLD: written 90 s ago");
  expect(whyWords({ code: "", message: "sent" })).toBe("sent");
});

test("a count-down never goes below zero", () => {
  expect([119_001, 60_000, 900, -5].map(countDown)).toEqual(["2:00", "1:00", "0:01", "0:00"]);
});

test("a sizing that is not said is the default", () => {
  expect(sizingWords(null)).toBe("0.5 % of equity");
  expect(sizingWords({ fixedLots: 0.1 })).toBe("0.10 lots");
});
