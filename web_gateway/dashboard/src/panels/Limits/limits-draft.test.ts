import { expect, test } from "vitest";
import type { Limits } from "../../lib/contract";
import { DAY_BALANCE, type Field, FIELDS } from "./limit-fields";
import { differences, isChanged, isDayNeeded, isShown, merged, pathsOf, problemOf, readText, textOf, type Typed, unitOf } from "./limits-draft";

const NONE = { dailyLoss: null, minimumEquityAction: "UNSPECIFIED", mandatoryStop: false, profileId: "" } as unknown as Limits;
const SET = {
  ...NONE,
  maximumLeverage: 30,
  minimumEquity: 9000,
  minimumEquityAction: "FLATTEN",
  maximumAccountAge: "1.500s",
  consecutiveLosses: { count: 3, cooldown: "1800s" },
  dailyLoss: {
    percent: 4.25,
    money: null,
    base: "HIGHER",
    keepPositions: true,
    levels: { warningPercent: 50, softPercent: 80, hardPercent: 100 },
  },
  tradeRisk: { percent: 1, money: null },
  notYetKnown: 7,
} as unknown as Limits;

function field(name: string): Field {
  const found = [...FIELDS, DAY_BALANCE].find((each) => each.name === name);
  if (found === undefined) throw new Error(name);
  return found;
}

/** As JSON: what is undefined is left out. */
function sent(limits: Limits, typed: Typed): unknown {
  return JSON.parse(JSON.stringify(merged(limits, typed)));
}

function problem(name: string, text: string, more: Typed = {}, limits = SET): string | undefined {
  return problemOf(field(name), limits, { [name]: text, ...more });
}

test("every name is a field of its own", () => {
  expect(new Set(FIELDS.map(({ name }) => name)).size).toBe(FIELDS.length);
  for (const { needs } of FIELDS) if (needs !== undefined) field(needs);
});

test("what was read is shown as it would be typed", () => {
  const texts = ["maximumLeverage", "dailyLoss", "dailyLoss.base", "dailyLoss.levels.softPercent", "maximumAccountAge", "consecutiveLosses.cooldown", "dailyLoss.keepPositions", "day.timeZone"];
  expect(texts.map((name) => readText(field(name), SET))).toEqual(["30", "4.25", "HIGHER", "80", "1.5", "30", "yes", ""]);
  expect(FIELDS.map((each) => [each.kind, readText(each, NONE)]).filter(([kind, text]) => kind !== "choice" && text !== "")).toEqual([]);
});

test("nothing typed sends what was read, unknown fields too", () => {
  expect(sent(SET, {})).toEqual(SET);
  expect(FIELDS.some((each) => isChanged(each, SET, {}))).toBe(false);
  expect(sent(SET, { maximumLeverage: "30" })).toEqual(SET);
});

test("only what was changed differs from what was read", () => {
  expect(sent(SET, { maximumLeverage: "20,5", "dailyLoss.levels.softPercent": "75" })).toEqual({
    ...SET,
    maximumLeverage: 20.5,
    dailyLoss: { ...SET.dailyLoss, levels: { warningPercent: 50, softPercent: 75, hardPercent: 100 } },
  });
});

test("an amount in the other unit drops the first, and keeps what belongs to it", () => {
  const typed = { dailyLoss: "500", "dailyLoss.in": "money" };
  expect(sent(SET, typed)).toEqual({ ...SET, dailyLoss: { ...SET.dailyLoss, percent: null, money: 500 } });
  expect(unitOf(field("dailyLoss"), SET, typed)).toBe("money");
});

test("what was unset stays unset", () => {
  const none = { ...NONE, dailyLoss: undefined, minimumEquityAction: undefined };
  expect(sent(NONE, { dailyLoss: "4" })).toEqual({ ...none, dailyLoss: { percent: 4, money: null } });
  expect(sent(NONE, { "consecutiveLosses.count": "3" })).toEqual({ ...none, consecutiveLosses: { count: 3 } });
  expect(sent(NONE, { "day.timeZone": "Europe/Prague" })).toEqual({ ...none, day: { timeZone: "Europe/Prague" } });
});

test("empty is off, with all that belongs to it", () => {
  const off = sent(SET, { dailyLoss: "", "dailyLoss.base": "EQUITY", tradeRisk: " ", minimumEquity: "", "consecutiveLosses.count": "" });
  const { dailyLoss, tradeRisk, minimumEquity, minimumEquityAction, consecutiveLosses, ...rest } = SET;
  expect([dailyLoss, tradeRisk, minimumEquity, minimumEquityAction, consecutiveLosses]).not.toContain(undefined);
  expect(off).toEqual(rest);
});

test("durations are sent in seconds", () => {
  expect(sent(NONE, { stopMissingAfter: "2.5" })).toMatchObject({ stopMissingAfter: "2.5s" });
  expect(sent(SET, { "consecutiveLosses.cooldown": "45" })).toMatchObject({ consecutiveLosses: { count: 3, cooldown: "2700s" } });
});

test("what belongs to a limit is shown with it alone", () => {
  expect(isShown(field("dailyLoss.base"), NONE, {})).toBe(false);
  expect(isShown(field("dailyLoss.base"), NONE, { dailyLoss: "4" })).toBe(true);
  expect(isShown(field("minimumEquityAction"), SET, { minimumEquity: "" })).toBe(false);
  expect(textOf(field("dailyLoss"), SET, { dailyLoss: "3" })).toBe("3");
});

test("the day's balance is asked for where a limit counts from it", () => {
  expect(isDayNeeded(SET, {})).toBe(true);
  expect(isDayNeeded(SET, { dailyLoss: "" })).toBe(false);
  expect(isDayNeeded(NONE, { totalLoss: "8" })).toBe(false);
  expect(isDayNeeded(NONE, { dailyProfit: "3" })).toBe(true);
});

test.each([
  ["maximumOrderLots", "-1", "above zero"],
  ["maximumOrderLots", "ten", "above zero"],
  ["maximumOrderLots", "10001", "10,000"],
  ["maximumPositions", "1.5", "whole number"],
  ["dailyLoss", "101", "100"],
  ["dailyProfit", "10001", "10,000"],
  ["maximumAccountAge", "3601", "3,600"],
  ["dailyLoss.levels.warningPercent", "81", "not be above the next, 80"],
  ["day.beginsAt", "24:00", "00:00 to 23:59"],
  ["day.timeZone", "Europe/Nowhere", "Europe/Prague"],
  ["dayBalance", "0", "above zero"],
])("%s refuses %s", (name, text, words) => {
  expect(problem(name, text)).toContain(words);
});

test("what is empty, hidden or within its range is no problem", () => {
  expect(problem("maximumOrderLots", "")).toBeUndefined();
  expect(problem("maximumPositions", "3")).toBeUndefined();
  expect(problem("dailyLoss", "5000", { "dailyLoss.in": "money" })).toBeUndefined();
  expect(problem("dailyLoss.levels.warningPercent", "101", { dailyLoss: "" })).toBeUndefined();
  expect(problem("day.beginsAt", "17:00")).toBeUndefined();
  // The next one is as shipped where it is not set.
  expect(problem("dailyLoss.levels.warningPercent", "86", { dailyLoss: "4" }, NONE)).toContain("85");
});

test("a refusal of a part finds its field", () => {
  expect(pathsOf(field("dailyLoss"))).toContain("dailyLoss.percent");
  expect(pathsOf(field("totalLoss.levels.warningPercent"))).toContain("totalLoss.levels");
  expect(pathsOf(field("day.timeZone"))).toEqual(["day.timeZone"]);
});

test("differences are told in words, and nothing else is", () => {
  const after = { ...SET, maximumLeverage: null, dailyLoss: null, totalLoss: { percent: 8.5, money: null, drawdown: "STATIC", startBalance: null } };
  expect(differences(SET, SET, "USD")).toEqual([]);
  const told = Object.fromEntries(differences(SET, after as unknown as Limits, "USD").map((each) => [each.label, `${each.before} > ${each.after}`]));
  expect(told).toMatchObject({
    "Loss of the day": "4.25 % > off",
    "Loss of the day: keep positions": "yes > \u2013",
    "Loss in all": "off > 8.50 %",
    "Loss in all: counted from": "\u2013 > the starting balance",
    Leverage: "30× > off",
  });
  expect(told).not.toHaveProperty("Least equity");
  // As shipped is no news of a limit that is new.
  expect(Object.keys(told).filter((label) => label.startsWith("Loss in all"))).toHaveLength(2);
});
