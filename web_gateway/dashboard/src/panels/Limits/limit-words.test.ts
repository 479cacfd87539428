import { expect, test } from "vitest";
import type { LimitUse } from "../../lib/contract";
import { barOf, inUnit, isUnknown, nameOf, wordsOf } from "./limit-words";

const LOSS: LimitUse = {
  code: "MAX_DAILY_LOSS",
  unit: "MONEY",
  limit: 1000,
  current: 720,
  headroom: 280,
  headroomMoney: 280,
  stage: "WARNING",
  latched: false,
  warningLevel: 700,
  softLevel: 850,
  hardLevel: 1000,
  since: null,
  message: "",
};

test("a loss is told with its currency and what may still be lost", () => {
  expect(wordsOf(LOSS, "USD", false)).toEqual({
    name: "Loss of the day",
    numbers: "720.00 of 1,000.00 USD",
    stage: "Near its limit",
    tone: "amber-text",
    left: "280.00 USD may still be lost",
    note: "",
  });
});

test("red is for the hard stage alone, and a lost limit says by how much", () => {
  const broken = { ...LOSS, current: 1100, headroomMoney: -100, stage: "HARD" } as const;
  expect(wordsOf(broken, "USD", false)).toMatchObject({ tone: "problem-text", left: "broken by 100.00 USD" });
  expect(wordsOf(broken, "USD", false).stage).toContain("everything is closed");
  expect(wordsOf({ ...broken, hardLevel: null }, "USD", false).stage).not.toContain("closed");
  expect(wordsOf({ ...broken, stage: "SOFT" }, "USD", false).tone).toBe("amber-text");
});

test("what is not known is unknown with its reason, never 0 and without a bar", () => {
  const unknown = { ...LOSS, limit: 0, current: null, headroomMoney: null, stage: "UNSPECIFIED", message: "the day is not known" } as const;
  expect(isUnknown(unknown)).toBe(true);
  expect(wordsOf(unknown, "USD", false)).toMatchObject({ numbers: "unknown", left: "", note: "the day is not known", tone: "amber-text" });
  expect(barOf(unknown).used).toBeNull();
});

test("what is known of an order alone is not called unknown", () => {
  const spread = { ...LOSS, code: "MAXIMUM_SPREAD", unit: "POINTS", limit: 20, current: null, stage: "UNSPECIFIED", headroomMoney: null, message: "no price" } as const;
  expect(isUnknown(spread)).toBe(false);
  expect(wordsOf(spread, "USD", false)).toMatchObject({ numbers: "20 points an order", note: "", tone: "" });
});

test("a floor is told as one, and fills as it is neared", () => {
  const floor = { ...LOSS, code: "MINIMUM_EQUITY", limit: 9000, current: 10000, warningLevel: 10588.24, softLevel: 9000, hardLevel: null };
  expect(wordsOf(floor, "EUR", false).numbers).toBe("10,000.00 EUR, at least 9,000.00 EUR");
  expect(barOf(floor)).toEqual({ used: 90, marks: [85, 100] });
  expect(barOf({ ...floor, current: 0 }).used).toBe(100);
});

test("a margin level without margin is none, and not unknown", () => {
  const level = { ...LOSS, code: "MINIMUM_MARGIN_LEVEL", unit: "PERCENT", limit: 200, current: null, stage: "UNSPECIFIED", headroomMoney: null, message: "no margin is bound" } as const;
  expect(wordsOf(level, "USD", true)).toMatchObject({ numbers: "no margin bound, at least 200 %", tone: "" });
  expect(wordsOf(level, "USD", false).numbers).toContain("unknown");
});

test("a day that has won has lost nothing", () => {
  expect(wordsOf({ ...LOSS, current: -50, stage: "OK" }, "USD", false).numbers).toBe("none of 1,000.00 USD (50.00 USD won)");
  expect(barOf({ ...LOSS, current: -50 }).used).toBe(0);
});

test("marks stand at the stages, one for those that are the same", () => {
  expect(barOf(LOSS)).toEqual({ used: 72, marks: [70, 85, 100] });
  expect(barOf({ ...LOSS, softLevel: 1000 }).marks).toEqual([70, 100]);
  expect(barOf({ ...LOSS, current: 5000 }).used).toBe(100);
});

test("units and names are words, and a new code is still told", () => {
  expect(["LOTS", "PERCENT", "POINTS", "MULTIPLE", "SECONDS", "COUNT"].map((unit) => inUnit(2.5, unit as LimitUse["unit"], "USD"))).toEqual(["2.50 lots", "2.50 %", "2.50 points", "2.50×", "2.5 s", "2.50"]);
  expect(inUnit(null, "MONEY", "USD")).toBe("unknown");
  expect(nameOf("SOMETHING_NEW")).toBe("something new");
});
