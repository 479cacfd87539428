// A source as it is typed: what it may do, and which accounts follow it how.
import type { Source, SourcePolicy, Subscription, SymbolMapping } from "../../lib/contract";
import { seconds as inSeconds } from "../../lib/format";
import { typedNumber } from "../../ui/Field";

export type Sizing = "equityPercent" | "balancePercent" | "money" | "fixedLots" | "signalLots";

export interface FollowerDraft {
  readonly accountId: string;
  readonly follows: boolean;
  readonly suspended: boolean;
  readonly sizing: Sizing;
  readonly amount: string;
  readonly maximumRiskPercent: string;
  readonly maximumPositions: string;
  readonly commissionPerLot: string;
  readonly opposite: Subscription["opposite"];
  readonly split: Subscription["split"];
  readonly stopPlan: NonNullable<Subscription["stopPlan"]>;
  readonly symbolMap: string;
}

export interface SourceDraft {
  readonly name: string;
  readonly enabled: boolean;
  readonly trust: SourcePolicy["trust"];
  readonly senders: string;
  readonly chats: string;
  readonly defaultSymbol: string;
  readonly maximumAge: string;
  readonly approveWithin: string;
  readonly duplicateWindow: string;
  readonly duplicatesAcrossSources: boolean;
  readonly maximumDriftPercent: string;
  readonly maximumSpreadPercent: string;
  readonly fillingLimits: boolean;
  readonly symbols: string;
  readonly symbolMap: string;
  readonly windows: string;
  readonly followers: readonly FollowerDraft[];
}

export type SourceProblems = Readonly<Record<string, string>>;

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

export function draftOfSource(source: Source, accountIds: readonly string[]): SourceDraft {
  const { policy } = source;
  const known = source.subscriptions.map((each) => each.accountId);
  return {
    name: source.name,
    enabled: source.enabled,
    trust: policy === null || policy.trust === "UNSPECIFIED" ? "OBSERVE" : policy.trust,
    senders: lines(policy?.senders),
    chats: lines(policy?.chats),
    defaultSymbol: policy?.defaultSymbol ?? "",
    maximumAge: text(inSeconds(policy?.maximumAge)),
    approveWithin: text(inSeconds(policy?.approveWithin)),
    duplicateWindow: text(inSeconds(policy?.duplicateWindow)),
    duplicatesAcrossSources: policy?.duplicatesAcrossSources ?? false,
    maximumDriftPercent: text(policy?.maximumDriftPercent),
    maximumSpreadPercent: text(policy?.maximumSpreadPercent),
    fillingLimits: policy?.fillingLimits ?? false,
    symbols: (policy?.symbols ?? []).join(", "),
    symbolMap: mapText(policy?.symbolMap),
    windows: (policy?.windows ?? [])
      .map(({ days, start, end, timeZone }) => `${days.map((day) => DAYS[day - 1] ?? "").join(",")} ${start}-${end} ${timeZone}`)
      .join("\n"),
    followers: [...new Set([...accountIds, ...known])].map((accountId) =>
      followerOf(accountId, source.subscriptions.find((each) => each.accountId === accountId)),
    ),
  };
}

function followerOf(accountId: string, set: Subscription | undefined): FollowerDraft {
  const sizing = set?.sizing ?? null;
  const kinds = ["equityPercent", "balancePercent", "money", "fixedLots"] as const;
  const kind = kinds.find((each) => sizing?.[each] !== undefined);
  return {
    accountId,
    follows: set !== undefined,
    suspended: set?.suspended ?? false,
    sizing: sizing?.signalLots === true ? "signalLots" : (kind ?? "equityPercent"),
    amount: kind === undefined ? "" : text(sizing?.[kind]),
    maximumRiskPercent: text(set?.maximumRiskPercent),
    maximumPositions: text(set?.maximumPositions),
    commissionPerLot: text(set?.commissionPerLot),
    opposite: set === undefined || set.opposite === "UNSPECIFIED" ? "DENY" : set.opposite,
    split: set === undefined || set.split === "UNSPECIFIED" ? "LADDER" : set.split,
    stopPlan: set?.stopPlan == null || set.stopPlan === "UNSPECIFIED" ? "FOLLOW" : set.stopPlan,
    symbolMap: mapText(set?.symbolMap),
  };
}

export interface SourceBody {
  name: string;
  enabled: boolean;
  policy: Partial<SourcePolicy>;
  subscriptions: Partial<Subscription>[];
}

/** What is sent, or null while something is wrong; what is wrong is named by its field. */
export function sourceBody(draft: SourceDraft): { body: SourceBody | null; problems: SourceProblems } {
  const problems: Record<string, string> = {};
  const ranged = (field: string, typed: string, least: number, most: number, whole = false) => {
    const value = typedNumber(typed);
    if (value === undefined) return undefined;
    if (!(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
      problems[field] = `must be a ${whole ? "whole " : ""}number from ${least} to ${most}, or empty`;
    }
    return value;
  };
  if (draft.name.trim() === "") problems.name = "needed";
  const policy: Partial<SourcePolicy> = {
    trust: draft.trust,
    senders: listed(draft.senders),
    chats: listed(draft.chats),
    defaultSymbol: draft.defaultSymbol.trim(),
    duplicatesAcrossSources: draft.duplicatesAcrossSources,
    fillingLimits: draft.fillingLimits,
    symbols: draft.symbols.split(/[\s,]+/).filter(Boolean),
    symbolMap: mapOf("symbolMap", draft.symbolMap, problems),
    windows: windowsOf(draft.windows, problems),
    ...set("maximumAge", duration(ranged("maximumAge", draft.maximumAge, 1, 86_400))),
    ...set("approveWithin", duration(ranged("approveWithin", draft.approveWithin, 5, 86_400))),
    ...set("duplicateWindow", duration(ranged("duplicateWindow", draft.duplicateWindow, 0, 604_800))),
    ...set("maximumDriftPercent", ranged("maximumDriftPercent", draft.maximumDriftPercent, 0, 100)),
    ...set("maximumSpreadPercent", ranged("maximumSpreadPercent", draft.maximumSpreadPercent, 0.01, 100)),
  };
  const subscriptions = draft.followers
    .filter((each) => each.follows)
    .map((each): Partial<Subscription> => {
      const at = (field: string) => `${each.accountId}.${field}`;
      const most = each.sizing === "money" ? 1e9 : each.sizing === "fixedLots" ? 1000 : 100;
      const amount = each.sizing === "signalLots" ? undefined : ranged(at("amount"), each.amount, 0.0001, most);
      if (amount === undefined && (each.sizing === "money" || each.sizing === "fixedLots")) problems[at("amount")] = "needed";
      return {
        accountId: each.accountId,
        suspended: each.suspended,
        opposite: each.opposite,
        split: each.split,
        stopPlan: each.stopPlan,
        symbolMap: mapOf(at("symbolMap"), each.symbolMap, problems),
        ...(each.sizing === "signalLots" ? { sizing: { signalLots: true } } : amount === undefined ? {} : { sizing: { [each.sizing]: amount } }),
        ...set("maximumRiskPercent", ranged(at("maximumRiskPercent"), each.maximumRiskPercent, 0.0001, 100)),
        ...set("maximumPositions", ranged(at("maximumPositions"), each.maximumPositions, 1, 1000, true)),
        ...set("commissionPerLot", ranged(at("commissionPerLot"), each.commissionPerLot, 0, 1000)),
      };
    });
  const right = Object.keys(problems).length === 0;
  return { body: right ? { name: draft.name.trim(), enabled: draft.enabled, policy, subscriptions } : null, problems };
}

/** The server's refusals by this page's fields. */
export function refusedOf(errors: readonly { field: string; description: string }[], body: SourceBody): SourceProblems {
  return Object.fromEntries(
    errors.map(({ field, description }) => {
      const follower = /^subscriptions\[(\d+)\]\.?(.*)$/.exec(field);
      if (follower === null) return [field.replace(/^policy\./, "").replace(/\[.*$/, ""), description];
      const accountId = body.subscriptions[Number(follower[1])]?.accountId ?? "";
      const name = (follower[2] ?? "").replace(/\[.*$/, "");
      return [`${accountId}.${name.startsWith("sizing") ? "amount" : name}`, description];
    }),
  );
}

function windowsOf(typed: string, problems: Record<string, string>): SourcePolicy["windows"] {
  return typed.split("\n").map((line) => line.trim()).filter(Boolean).flatMap((line) => {
    const found = /^(\S+)\s+([0-2]\d:[0-5]\d)\s*-\s*([0-2]\d:[0-5]\d)\s+(\S+)$/.exec(line);
    const days = found === null ? null : daysOf(found[1] ?? "");
    if (found === null || days === null) {
      problems.windows = `not understood: ${line}`;
      return [];
    }
    return [{ days, start: found[2] ?? "", end: found[3] ?? "", timeZone: found[4] ?? "" }];
  });
}

/** `mon-fri`, `sat,sun`; null: not understood. */
function daysOf(typed: string): number[] | null {
  const days = new Set<number>();
  for (const part of typed.toLowerCase().split(",")) {
    const [from, to = from] = part.split("-").map((each) => DAYS.findIndex((day) => day === each.slice(0, 3)) + 1);
    if (from === undefined || to === undefined || from === 0 || to === 0 || from > to) return null;
    for (let day = from; day <= to; day += 1) days.add(day);
  }
  return [...days].sort();
}

function mapOf(field: string, typed: string, problems: Record<string, string>): SymbolMapping[] {
  return listed(typed).flatMap((line) => {
    const [symbol = "", brokerSymbol = "", ...more] = line.split("=").map((each) => each.trim());
    if (symbol === "" || brokerSymbol === "" || more.length > 0) {
      problems[field] = `not understood: ${line}`;
      return [];
    }
    return [{ symbol, brokerSymbol }];
  });
}

function mapText(map: readonly SymbolMapping[] | undefined): string {
  return (map ?? []).map(({ symbol, brokerSymbol }) => `${symbol} = ${brokerSymbol}`).join("\n");
}

function listed(typed: string): string[] {
  return [...new Set(typed.split("\n").map((each) => each.trim()).filter(Boolean))];
}

function lines(values: readonly string[] | undefined): string {
  return (values ?? []).join("\n");
}

function text(value: number | null | undefined): string {
  return value === null || value === undefined ? "" : String(value);
}

function duration(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `${value}s`;
}

function set<Name extends string, Value>(name: Name, value: Value | undefined): { [Each in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [Each in Name]: Value });
}
