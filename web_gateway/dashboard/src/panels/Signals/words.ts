// Signals in a trader's words.
import type { ParsedSignal, Signal, SignalDecision, SignalPlan, SignalSizing } from "../../lib/contract";
import { lots, number, words } from "../../lib/format";

const KINDS: Record<string, string> = {
  MODIFY: "change levels",
  CLOSE: "close",
  PARTIAL_CLOSE: "close a part",
  BREAKEVEN: "stop to the entry",
  CANCEL: "cancel pending orders",
  NONE: "nothing to do",
};

/** What a message was read as, in one line. */
export function parseWords(parsed: ParsedSignal | null): string {
  if (parsed === null) return "not read yet";
  const own = actionWords(parsed);
  return [own, ...parsed.also.map(actionWords)].join("; then ");
}

function actionWords(parsed: ParsedSignal): string {
  if (parsed.kind !== "OPEN") {
    const parts = [
      KINDS[parsed.kind] ?? words(parsed.kind),
      parsed.fraction === null ? "" : `${number(parsed.fraction * 100, 0)} %`,
      parsed.symbol === "" ? "" : `of ${parsed.symbol}`,
      parsed.stopLoss === null ? "" : `stop ${parsed.stopLoss}`,
      parsed.takeProfits.length === 0 ? "" : `target ${parsed.takeProfits.join(", ")}`,
      parsed.event === null ? "" : `(tells: ${words(parsed.event)})`,
    ];
    return parts.filter(Boolean).join(" ");
  }
  const type = parsed.orderType === null || parsed.orderType === "AUTO" || parsed.orderType === "MARKET" ? "" : words(parsed.orderType);
  const entry =
    parsed.entryLow === null
      ? "at the market"
      : parsed.entryHigh === null || parsed.entryHigh === parsed.entryLow
        ? `at ${parsed.entryLow}`
        : `at ${parsed.entryLow} to ${parsed.entryHigh}`;
  const stop =
    parsed.stopLoss !== null ? `stop ${parsed.stopLoss}` : parsed.stopLossPips !== null ? `stop ${parsed.stopLossPips} pips` : "no stop";
  const targets = parsed.takeProfits.length > 0 ? parsed.takeProfits.join(", ") : parsed.takeProfitPips.map((pips) => `${pips} pips`).join(", ");
  const parts = [
    [parsed.side === null ? "side not said" : words(parsed.side), parsed.symbol || "nothing named", type, entry].filter(Boolean).join(" "),
    stop,
    targets === "" ? (parsed.takeProfitOpen ? "open target" : "no target") : `${parsed.takeProfits.length > 1 ? "targets" : "target"} ${targets}`,
  ];
  return parts.join(", ");
}

export type Tone = "good" | "bad" | "open" | "quiet";

interface Verdict {
  readonly word: string;
  readonly tone: Tone;
}

const OUTCOMES: Partial<Record<SignalDecision["outcome"], Verdict>> = {
  PENDING: { word: "being decided", tone: "open" },
  SENT: { word: "sent", tone: "good" },
  APPROVAL: { word: "waits for your word", tone: "open" },
  QUESTION: { word: "asks you", tone: "open" },
  HELD: { word: "waits", tone: "open" },
  SKIPPED: { word: "not traded", tone: "quiet" },
  DENIED: { word: "denied", tone: "bad" },
  REJECTED: { word: "rejected by a person", tone: "quiet" },
  EXPIRED: { word: "nobody answered in time", tone: "bad" },
  WITHDRAWN: { word: "withdrawn", tone: "quiet" },
};

export function verdictOf(outcome: SignalDecision["outcome"]): Verdict {
  return OUTCOMES[outcome] ?? { word: words(outcome), tone: "quiet" };
}

export const STATES: readonly (readonly [Signal["state"], string])[] = [
  ["WAITING", "waits for a person"],
  ["ACTED", "acted upon"],
  ["NOT_TRADED", "not traded"],
  ["NO_ACTION", "nothing to do"],
  ["RECEIVED", "being decided"],
];

export function stateWords(state: Signal["state"]): string {
  return STATES.find(([each]) => each === state)?.[1] ?? words(state);
}

/** A person's word is waited for. */
export function waits(decision: SignalDecision): boolean {
  return decision.outcome === "APPROVAL" || decision.outcome === "QUESTION";
}

/** The decisions of the last attempt at each account and action; earlier ones are history. */
export function latest(decisions: readonly SignalDecision[]): readonly SignalDecision[] {
  const found = new Map<string, SignalDecision>();
  for (const decision of decisions) {
    const key = `${decision.accountId} ${decision.actionIndex}`;
    const known = found.get(key);
    if (known === undefined || known.attempt <= decision.attempt) found.set(key, decision);
  }
  return [...found.values()];
}

/** Why in a line: the code, and what it means with its numbers. */
export function whyWords(decision: Pick<SignalDecision, "code" | "message">): string {
  if (decision.message === "") return decision.code;
  return decision.message.startsWith(decision.code) || decision.code === "" ? decision.message : `${decision.code}: ${decision.message}`;
}

export function planWords(plan: SignalPlan, currency: string): string {
  const how = plan.orderType === "MARKET" ? "at the market" : `${words(plan.orderType)} at ${plan.price ?? "unknown"}`;
  const stop = plan.stopLoss === null ? "no stop known" : `stop ${plan.stopLoss}`;
  const targets = plan.legs.map((leg) => `${lots(leg.volumeLots)} to ${leg.takeProfit ?? "no target"}`).join(", ");
  const worst = plan.worstCaseMoney === null ? "" : `, at worst ${number(plan.worstCaseMoney)} ${currency}`;
  return `${words(plan.side)} ${plan.symbol} ${lots(plan.volumeLots)} lots ${how}, ${stop}; risk ${number(plan.riskMoney)} ${currency}${worst}${targets === "" ? "" : `; ${targets}`}`;
}

export function sizingWords(sizing: SignalSizing | null): string {
  if (sizing?.fixedLots !== undefined) return `${lots(sizing.fixedLots)} lots`;
  if (sizing?.equityPercent !== undefined) return `${sizing.equityPercent} % of equity`;
  if (sizing?.balancePercent !== undefined) return `${sizing.balancePercent} % of balance`;
  if (sizing?.money !== undefined) return `${sizing.money} in money`;
  if (sizing?.signalLots === true) return "the message's lots";
  return "0.5 % of equity";
}

/** `1:59`, and nothing below zero. */
export function countDown(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
