// Uses of limits in words. What is not known is said so, never 0.
import type { LimitDay, LimitUse } from "../../lib/contract";
import { lots, money, number, UNKNOWN, words } from "../../lib/format";
import { FIELDS, type Unit } from "./limit-fields";

/** Known of an order alone. */
const OF_AN_ORDER = new Set(["MAXIMUM_ORDER_LOTS", "MAXIMUM_TRADE_RISK", "MAXIMUM_SPREAD", "MAXIMUM_SPREAD_MEDIAN", "MAXIMUM_SPREAD_STOP"]);
const FLOORS = new Set(["MINIMUM_EQUITY", "MINIMUM_MARGIN_LEVEL"]);

export function nameOf(code: string): string {
  return FIELDS.find((field) => field.code === code)?.label ?? words(code);
}

export function inUnit(value: number | null, unit: Unit, currency: string): string {
  if (value === null) return UNKNOWN;
  const plain = number(value, Number.isInteger(value) ? 0 : 2);
  switch (unit) {
    case "MONEY":
      return money(value, currency);
    case "LOTS":
      return `${lots(value)} lots`;
    case "PERCENT":
      return `${plain} %`;
    case "POINTS":
      return `${plain} points`;
    case "MULTIPLE":
      return `${plain}×`;
    case "SECONDS":
      return `${number(value, Number.isInteger(value) ? 0 : 1)} s`;
    default:
      return plain;
  }
}

export interface UseWords {
  readonly name: string;
  readonly numbers: string;
  readonly stage: string;
  readonly tone: "" | "amber-text" | "problem-text";
  readonly left: string;
  readonly note: string;
}

/** `free`: no margin is bound, so that there is no level which could be too low. */
export function wordsOf(use: LimitUse, currency: string, free: boolean): UseWords {
  const told = { name: nameOf(use.code), numbers: numbersOf(use, currency, free), left: leftOf(use, currency) };
  if (isUnknown(use) && !(free && use.code === "MINIMUM_MARGIN_LEVEL")) {
    return { ...told, stage: "", tone: "amber-text", note: use.message };
  }
  const tone = use.stage === "HARD" ? "problem-text" : use.stage === "WARNING" || use.stage === "SOFT" ? "amber-text" : "";
  return { ...told, stage: stageOf(use), tone, note: ofAnOrder(use) ? "" : use.message };
}

export function isUnknown(use: LimitUse): boolean {
  return use.current === null && !ofAnOrder(use);
}

function ofAnOrder(use: LimitUse): boolean {
  return use.current === null && OF_AN_ORDER.has(use.code);
}

function numbersOf(use: LimitUse, currency: string, free: boolean): string {
  const { code, current, unit } = use;
  // A share of something that is not known is told as 0.
  const limit = current === null && use.limit === 0 ? UNKNOWN : inUnit(use.limit, unit, currency);
  if (ofAnOrder(use)) return `${limit} an order`;
  if (FLOORS.has(code)) {
    const now = free && code === "MINIMUM_MARGIN_LEVEL" ? "no margin bound" : inUnit(current, unit, currency);
    return `${now}, at least ${limit}`;
  }
  if (current !== null && current < 0 && unit === "MONEY") {
    return `none of ${limit} (${inUnit(-current, unit, currency)} ${code === "DAILY_PROFIT_LOCK" ? "lost" : "won"})`;
  }
  // The unit once, where the numbers stand side by side.
  const now = unit === "MONEY" && current !== null ? number(current) : inUnit(current, unit, currency).replace(/ lots$/, "");
  return now === limit && current === null ? UNKNOWN : `${now} of ${limit}`;
}

function leftOf({ headroomMoney: left }: LimitUse, currency: string): string {
  if (left === null) return "";
  return left < 0 ? `broken by ${money(-left, currency)}` : `${money(left, currency)} may still be lost`;
}

function stageOf(use: LimitUse): string {
  switch (use.stage) {
    case "WARNING":
      return "Near its limit";
    case "SOFT":
      return "Nothing new is opened";
    case "HARD":
      return use.hardLevel === null ? "Reached; nothing new is opened" : "Reached; everything is closed, nothing new is opened";
    default:
      return "";
  }
}

export interface Bar {
  /** From 0 to 100; null: not known. */
  readonly used: number | null;
  readonly marks: readonly number[];
}

/** How far a limit is used, and where its stages begin, in percent of the bar. */
export function barOf(use: LimitUse): Bar {
  const at = (value: number) => {
    const share = FLOORS.has(use.code) ? (value > 0 ? use.limit / value : 1) : use.limit > 0 ? value / use.limit : Number(value > 0);
    return Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10;
  };
  const marks = [use.warningLevel, use.softLevel, use.hardLevel].filter((level) => level !== null).map(at);
  return { used: use.current === null ? null : at(use.current), marks: [...new Set(marks)] };
}

/** Where the day's balance is from. */
export function sourceOf(day: LimitDay): string {
  return day.source === "" ? "not known" : day.source === "given" ? "given by a person" : day.source;
}
