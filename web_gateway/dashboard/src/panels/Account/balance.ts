// The balance as the broker's deals tell it, backwards from what it is now.
import type { Deal } from "../../lib/contract";

export interface BalancePoint {
  /** Seconds. */
  readonly time: number;
  readonly balance: number;
}

/** Points oldest first. `deals` are those of one account, newest first, without a hole up to now. */
export function balanceBefore(now: { time: number; balance: number }, deals: readonly Deal[]): BalancePoint[] {
  const points: BalancePoint[] = [{ time: Math.floor(now.time / 1000), balance: now.balance }];
  let { balance } = now;
  for (const deal of deals) {
    const at = deal.time ?? null;
    const sum = deal.profit + deal.commission + deal.swap + deal.fee;
    if (at === null) return points.reverse();
    if (sum !== 0) {
      const time = Math.floor(Date.parse(at) / 1000);
      const last = points.at(-1);
      // Several deals of one second are one point, with the balance after the last of them.
      if (last === undefined || time < last.time) points.push({ time, balance: round(balance) });
      balance -= sum;
    }
  }
  return points.reverse();
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
