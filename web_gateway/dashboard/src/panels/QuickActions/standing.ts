// Whether accounts may trade, wanted and applied told apart, in words.
import type { Account, TradingState } from "../../lib/contract";
import type { Times } from "../../lib/format";
import { accountName } from "../../store/choice";

export interface Standing {
  readonly word: "unknown" | "stopped" | "paused" | "trading";
  readonly title: string;
  /** The bridges have applied what is wanted, everywhere. */
  readonly applied: boolean;
  readonly notes: readonly string[];
}

export function isApplied(state: TradingState): boolean {
  return state.wanted !== null && state.applied !== null && state.applied.revision === state.wanted.revision;
}

export function standing(
  accounts: readonly Account[],
  trading: ReadonlyMap<string, TradingState>,
  times: Times,
): Standing {
  const states = accounts.flatMap((account) => trading.get(account.accountId) ?? []);
  if (accounts.length === 0) return { word: "unknown", title: "No account yet", applied: true, notes: [] };
  if (states.length < accounts.length || states.some((state) => state.wanted === null)) {
    return { word: "unknown", title: "Not known", applied: false, notes: ["whether trading is allowed is not known"] };
  }
  const stopped = states.filter((state) => state.wanted?.stopped);
  const paused = states.filter((state) => state.wanted?.paused);
  const applied = states.every(isApplied);
  const named = accounts.length > 1;
  const notes = states.flatMap((state) => {
    const account = accounts.find((each) => each.accountId === state.accountId);
    const who = named ? `${accountName(account)}: ` : "";
    return [`${who}${noteOf(state, account, times)}`];
  });
  const of = (many: number) => (many === accounts.length ? "" : ` at ${many} of ${accounts.length}`);
  if (stopped.length > 0) return { word: "stopped", title: `Stopped${of(stopped.length)}`, applied, notes };
  if (paused.length > 0) return { word: "paused", title: `Paused${of(paused.length)}`, applied, notes };
  return { word: "trading", title: "Trading allowed", applied, notes };
}

function noteOf(state: TradingState, account: Account | undefined, times: Times): string {
  if (account?.bridge == null) return "no bridge is paired, so nothing can trade";
  if (state.problem !== "") return `not applied by the bridge: ${state.problem}`;
  if (!isApplied(state)) {
    return state.applied === null ? "wanted; no bridge has confirmed it yet" : "wanted; the bridge has not applied it yet";
  }
  const since = state.applyTime === null ? "applied by the bridge" : `applied by the bridge ${times.recent(state.applyTime)}`;
  if (state.wanted?.stopped === true || state.leaseHeld) return since;
  return `${since}; it holds no lease, so it opens nothing now`;
}
