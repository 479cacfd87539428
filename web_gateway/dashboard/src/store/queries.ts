// Lists over REST are read anew when the stream tells that they have changed.
import type { QueryClient } from "@tanstack/react-query";
import type { ServerFrame } from "../lib/contract";
import type { LiveStore } from "./live-store";

export const COMMANDS = "commands";
/** One trade with what is wanted of it. */
export const TRADE = "trade";
export const TRADES = "trades";
export const DEALS = "deals";
export const ALERTS = "alerts";
/** How equity went, as recorded. */
export const EQUITY = "equity";
export const BRIDGES = "bridges";
export const LIMITS = "limits";
export const STEALTH = "stealth settings";
export const STOP_SETTINGS = "stop settings";
export const DRILLS = "drills";
export const SIGNALS = "signals";
export const SOURCES = "sources";
export const SYNCS = "syncs";
export const STOPS = "stops";
export const GENERATION = "generation";

const CHANGED_BY: Partial<Record<ServerFrame["type"], readonly string[]>> = {
  command_update: [COMMANDS, TRADE],
  trailing_stop_update: [TRADE],
  stealth_changed: [TRADE, STEALTH],
  trade_opened: [LIMITS],
  trade_closed: [TRADES, DEALS, LIMITS],
  error_alert: [ALERTS],
  limits_update: [LIMITS],
  mt5_status_update: [BRIDGES, LIMITS],
  desktop_sync_complete: [SYNCS],
  emergency_stop: [STOPS, GENERATION],
  trading_rearmed: [STOPS, GENERATION],
  signal_created: [SIGNALS, SOURCES],
  signal_updated: [SIGNALS],
  signal_replay: [SIGNALS],
  snapshot: [SIGNALS, SOURCES, EQUITY, COMMANDS, TRADE, TRADES, DEALS, ALERTS, BRIDGES, LIMITS, SYNCS, STOPS, GENERATION],
};
/** Many events at once are one reading. */
const GATHER_MILLISECONDS = 300;

export function whenHeard(store: LiveStore, queries: QueryClient): () => void {
  const changed = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  const end = store.listen((frame) => {
    for (const key of CHANGED_BY[frame.type] ?? []) changed.add(key);
    // Without a trade it is prices, several times a second.
    if (frame.type === "trade_update" && frame.data.trade !== null) changed.add(TRADE);
    if (changed.size === 0 || timer !== null) return;
    timer = setTimeout(() => {
      timer = null;
      for (const key of changed) void queries.invalidateQueries({ queryKey: [key] });
      changed.clear();
    }, GATHER_MILLISECONDS);
  });
  return () => {
    end();
    if (timer !== null) clearTimeout(timer);
  };
}
