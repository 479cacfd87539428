import type { Account, StopReport } from "../../lib/contract";
import { count, type Times } from "../../lib/format";

/** Stops in force at the accounts that are shown, newest first, each with these accounts alone. */
export function inForce(stops: ReadonlyMap<string, StopReport>, accounts: readonly Account[]): StopReport[] {
  const shown = new Set(accounts.map((account) => account.accountId));
  return [...stops.values()]
    .filter((stop) => stop.rearmTime === null)
    .map((stop) => ({ ...stop, accounts: stop.accounts.filter((each) => shown.has(each.accountId)) }))
    .filter((stop) => stop.accounts.length > 0)
    .sort((a, b) => (b.createTime ?? "").localeCompare(a.createTime ?? ""));
}

/** How far the stops have come, in one sentence; "flat" only where it was read again at every account. */
export function verdict(stops: readonly StopReport[], times: Times): string {
  if (stops.length === 0) return "Stopped; its report is on its way.";
  const accounts = stops.flatMap((stop) => stop.accounts.map((account) => ({ stop, account })));
  const unlatched = new Set(accounts.filter(({ account }) => account.latchTime === null).map(({ account }) => account.accountId));
  if (unlatched.size > 0) {
    return `Stopped at the server; not latched yet at ${count(unlatched.size, "bridge")}.`;
  }
  const closing = accounts.filter(({ stop }) => stop.closePositions);
  if (closing.length > 0) {
    const open = closing.filter(({ account }) => account.flatTime === null);
    if (open.length > 0) {
      const problems = open.map(({ account }) => account.problem).filter(Boolean);
      return `Stopped, closing: not flat yet.${problems.length > 0 ? ` ${problems.join("; ")}` : ""}`;
    }
    const last = closing.map(({ account }) => account.flatTime ?? "").sort().at(-1);
    return `Flat, verified ${times.at(last)}.`;
  }
  const cancelling = accounts.filter(({ account }) => account.cancelTime === null).length;
  if (cancelling > 0) return "Stopped; pending orders are being cancelled.";
  return "Stopped. Nothing opens; open positions stay, and stay guarded.";
}
