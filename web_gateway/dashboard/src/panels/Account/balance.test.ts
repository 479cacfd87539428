import { expect, test } from "vitest";
import type { Deal } from "../../lib/contract";
import { balanceBefore } from "./balance";

function deal(time: string | null, profit: number, more: Partial<Deal> = {}): Deal {
  return { time, profit, commission: 0, swap: 0, fee: 0, ...more } as Deal;
}

const NOW = { time: Date.parse("2026-01-31T12:00:00Z"), balance: 1000 };
const second = (text: string) => Date.parse(text) / 1000;

test("walks back from the balance of now, costs included", () => {
  const deals = [
    deal("2026-01-31T11:00:00Z", 50, { commission: -7, swap: -3 }),
    deal("2026-01-31T10:30:00Z", 0),
    deal("2026-01-31T10:00:00Z", -20),
  ];
  expect(balanceBefore(NOW, deals)).toEqual([
    { time: second("2026-01-31T10:00:00Z"), balance: 960 },
    { time: second("2026-01-31T11:00:00Z"), balance: 1000 },
    { time: second("2026-01-31T12:00:00Z"), balance: 1000 },
  ]);
});

test("deals of one second are one point", () => {
  const deals = [deal("2026-01-31T11:00:00.9Z", 10), deal("2026-01-31T11:00:00.1Z", 10), deal("2026-01-31T10:00:00Z", 5)];
  expect(balanceBefore(NOW, deals).map((point) => point.balance)).toEqual([980, 1000, 1000]);
});

test("ends where a time is not known instead of guessing", () => {
  expect(balanceBefore(NOW, [deal(null, 10), deal("2026-01-31T10:00:00Z", 5)])).toHaveLength(1);
});
