// What was typed for limits, and the limits that it makes of those that were read. Pure.
import type { Limits } from "../../lib/contract";
import { seconds } from "../../lib/format";
import { typedNumber } from "../../ui/Field";
import { inUnit } from "./limit-words";
import { type Field, FIELDS, MOST_MONEY } from "./limit-fields";

/** What was typed, by the fields' names, where it was touched; `….in`: the unit of an amount. */
export type Typed = Readonly<Record<string, string>>;
type Bag = Record<string, unknown>;

/** Of a toggle that is on. */
export const YES = "yes";
const DAILY = new Set(["dailyLoss", "dailyProfit"]);
const SHIPPED = { warning: 70, soft: 85, hard: 100 } as const;

export const unitName = (field: Field) => `${field.name}.in`;

function at(limits: Limits | null, path: string): unknown {
  return path.split(".").reduce<unknown>((bag, key) => (bag as Bag | null | undefined)?.[key], limits);
}

/** What was read, as it would be typed. */
export function readText(field: Field, limits: Limits | null): string {
  const value = at(limits, field.name);
  switch (field.kind) {
    case "amount": {
      const { percent, money } = (value ?? {}) as { percent?: number | null; money?: number | null };
      return String(percent ?? money ?? "");
    }
    case "span":
      return typeof value === "string" ? String((seconds(value) ?? 0) / (field.per ?? 1)) : "";
    case "choice":
      return field.options?.find(([each]) => each === value)?.[0] ?? field.options?.[0]?.[0] ?? "";
    case "toggle":
      return value === true ? YES : "";
    default:
      return typeof value === "string" || typeof value === "number" ? String(value) : "";
  }
}

export function textOf(field: Field, limits: Limits | null, typed: Typed): string {
  return typed[field.name] ?? readText(field, limits);
}

/** Whether an amount is in percent or in money. */
export function unitOf(field: Field, limits: Limits | null, typed: Typed): string {
  return typed[unitName(field)] ?? (at(limits, `${field.name}.money`) == null ? "percent" : "money");
}

/** A field that means something now: what it needs has a value. */
export function isShown(field: Field, limits: Limits | null, typed: Typed): boolean {
  const parent = FIELDS.find(({ name }) => name === field.needs);
  return parent === undefined || textOf(parent, limits, typed).trim() !== "";
}

/** Whether a limit cannot be counted without the balance at the day's beginning. */
export function isDayNeeded(limits: Limits | null, typed: Typed): boolean {
  return FIELDS.some((field) => DAILY.has(field.name) && textOf(field, limits, typed).trim() !== "");
}

/** Touched, and not as it was read. */
export function isChanged(field: Field, limits: Limits | null, typed: Typed): boolean {
  return textOf(field, limits, typed).trim() !== readText(field, limits) || unitOf(field, limits, typed) !== unitOf(field, limits, {});
}

/** What is wrong with a field, in words. */
export function problemOf(field: Field, limits: Limits | null, typed: Typed): string | undefined {
  const text = textOf(field, limits, typed).trim();
  if (text === "" || !isShown(field, limits, typed)) return undefined;
  switch (field.kind) {
    case "clock":
      return /^([01]\d|2[0-3]):[0-5]\d$/.test(text) ? undefined : "must be a time from 00:00 to 23:59, or empty";
    case "zone":
      return isZone(text) ? undefined : "must be a time zone such as Europe/Prague, or empty";
    case "choice":
    case "toggle":
      return undefined;
  }
  const value = typedNumber(text) ?? NaN;
  const most = field.kind === "amount" && unitOf(field, limits, typed) === "money" ? MOST_MONEY : (field.most ?? MOST_MONEY);
  if (!(value > 0)) return "must be above zero, or empty";
  if (value > most) return `must be at most ${most.toLocaleString("en-US")}`;
  if (field.unit === "COUNT" && !Number.isInteger(value)) return "must be a whole number";
  return risingProblem(field, value, limits, typed);
}

function risingProblem(field: Field, value: number, limits: Limits | null, typed: Typed): string | undefined {
  const [, of, stage] = /^(.*\.levels\.)(warning|soft|hard)Percent$/.exec(field.name) ?? [];
  if (stage !== "warning" && stage !== "soft") return undefined;
  const next = stage === "warning" ? "soft" : "hard";
  const above = FIELDS.find(({ name }) => name === `${of}${next}Percent`);
  const level = (above && typedNumber(textOf(above, limits, typed))) ?? SHIPPED[next];
  return value > level ? `must not be above the next, ${level}` : undefined;
}

function isZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

/** The limits that were read with what was changed, and nothing else. */
export function merged(limits: Limits | null, typed: Typed): Limits {
  const body = structuredClone(limits ?? {}) as Bag;
  for (const field of FIELDS) {
    if (isChanged(field, limits, typed)) write(body, field, textOf(field, limits, typed).trim(), unitOf(field, limits, typed));
  }
  for (const field of FIELDS) {
    if (field.needs === undefined || isShown(field, limits, typed)) continue;
    // Without what it needs it is off, and so is what holds both.
    body[field.name.split(".")[0] ?? ""] = undefined;
  }
  return body as Limits;
}

function write(body: Bag, field: Field, text: string, unit: string): void {
  const path = field.name.split(".");
  const last = path.pop() ?? "";
  const bag = path.reduce((at, key) => (at[key] ??= {}) as Bag, body);
  const value = typedNumber(text);
  if (field.kind === "amount") {
    bag[last] = value === undefined ? undefined : { ...(bag[last] as Bag | null), percent: null, money: null, [unit]: value };
  } else if (field.kind === "toggle") bag[last] = text === YES;
  else if (field.kind === "number") bag[last] = value;
  else if (field.kind === "span") bag[last] = value === undefined ? undefined : `${Number((value * (field.per ?? 1)).toFixed(3))}s`;
  else bag[last] = text;
}

/** Where the server's refusals of a field may point. */
export function pathsOf(field: Field): string[] {
  const { name } = field;
  if (field.kind === "amount") return [name, `${name}.percent`, `${name}.money`];
  return name.endsWith("warningPercent") ? [name, name.slice(0, name.lastIndexOf("."))] : [name];
}

/** Between these nothing changes: a part that is as shipped comes and goes with its limit. */
const NOTHING = new Set(["\u2013", "not set", "no"]);

export interface Difference {
  readonly label: string;
  readonly before: string;
  readonly after: string;
}

/** What differs between two sets of limits, in words. */
export function differences(before: Limits | null, after: Limits | null, currency: string): Difference[] {
  const fields = FIELDS.map((field) => {
    const parent = FIELDS.find(({ name }) => name === field.needs);
    return {
      label: parent === undefined ? field.label : `${parent.label}: ${field.label.toLowerCase()}`,
      before: said(field, before, currency),
      after: said(field, after, currency),
    };
  });
  return fields.filter(({ before, after }) => before !== after && !(NOTHING.has(before) && NOTHING.has(after)));
}

function said(field: Field, limits: Limits | null, currency: string): string {
  const text = readText(field, limits);
  if (!isShown(field, limits, {})) return "\u2013";
  if (field.kind === "toggle") return text === YES ? "yes" : "no";
  if (field.kind === "choice") return field.options?.find(([each]) => each === text)?.[1] ?? text;
  if (text === "") return field.needs === undefined && field.kind !== "clock" && field.kind !== "zone" ? "off" : "not set";
  if (field.kind === "clock" || field.kind === "zone") return text;
  const unit = field.kind !== "amount" ? (field.unit ?? "COUNT") : unitOf(field, limits, {}) === "money" ? "MONEY" : "PERCENT";
  return inUnit(Number(text), unit, currency);
}
