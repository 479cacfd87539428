// The points of the equity curve: what the server recorded and what this page has seen since, on an even grid of time.
// Where nothing was measured there is no line.

/** Equity at a time, and the stretch of time that it stands for, all in seconds. */
export interface Measured {
  readonly time: number;
  readonly value: number;
  readonly span: number;
}

export interface Slot {
  readonly time: number;
  /** Null: nothing was measured within this slot. */
  readonly value: number | null;
  /** The next measurement is too late for a line to it. */
  readonly gap: boolean;
}

export interface Range {
  readonly name: string;
  /** Seconds back from now; null: all that is on record. */
  readonly seconds: number | null;
}

export const RANGES: readonly Range[] = [
  { name: "1 h", seconds: 3_600 },
  { name: "24 h", seconds: 86_400 },
  { name: "7 d", seconds: 7 * 86_400 },
  { name: "30 d", seconds: 30 * 86_400 },
  { name: "All", seconds: null },
];

/** What the server keeps at most. */
export const ALL_SECONDS = 730 * 86_400;
const SLOTS = 360;
/** A span late is a measurement that was missed, two of them are a gap. */
const GAP_SPANS = 2.5;

/** Both together, oldest first; of one second the page's own. */
export function joined(recorded: readonly Measured[], seen: readonly Measured[]): readonly Measured[] {
  const all = new Map<number, Measured>();
  for (const each of recorded) all.set(each.time, each);
  for (const each of seen) all.set(each.time, each);
  return [...all.values()].sort((a, b) => a.time - b.time);
}

/** The width of a slot, so that a range has some hundreds of them. */
export function stepOf(seconds: number): number {
  return Math.max(1, Math.ceil(seconds / SLOTS));
}

/** An even grid from the first measurement at or after `from` up to `to`; each slot holds its last measurement. */
export function gridded(points: readonly Measured[], from: number, to: number, step: number): readonly Slot[] {
  const within = points.filter((point) => point.time >= from && point.time <= to);
  const first = within[0];
  if (first === undefined) return [];
  const gaps = new Set<number>();
  const last = new Map<number, number>();
  within.forEach((point, index) => {
    const slot = Math.floor(point.time / step);
    last.set(slot, point.value);
    const next = within[index + 1];
    if (next === undefined) return;
    const later = Math.floor(next.time / step);
    if (next.time - point.time > GAP_SPANS * Math.max(point.span, next.span) && later > slot + 1) gaps.add(slot);
  });
  const slots: Slot[] = [];
  for (let slot = Math.floor(first.time / step); slot <= Math.floor(to / step); slot += 1) {
    slots.push({ time: slot * step, value: last.get(slot) ?? null, gap: gaps.has(slot) });
  }
  return slots;
}

export interface Step {
  readonly time: number;
  readonly balance: number;
}

export interface BalanceSlot {
  readonly time: number;
  readonly value: number;
  /** As of the equity: what it did until the next is not known. */
  readonly gap: boolean;
}

/** The balance on the same grid; from its first known point on it stands until the next. */
export function balanceSlots(steps: readonly Step[], grid: readonly Slot[], step: number): readonly BalanceSlot[] {
  const start = grid[0]?.time;
  const end = grid.at(-1)?.time;
  if (start === undefined || end === undefined) return [];
  const values = new Map<number, number>();
  for (const each of steps) {
    const slot = Math.floor(each.time / step) * step;
    // What was before the grid holds at its beginning.
    values.set(Math.max(slot, start), each.balance);
  }
  const gaps = new Set(grid.filter((slot) => slot.gap).map((slot) => slot.time));
  const within = [...values]
    .filter(([time]) => time <= end)
    .map(([time, value]) => ({ time, value, gap: gaps.has(time) }));
  const last = within.at(-1);
  return last === undefined || last.time === end ? within : [...within, { time: end, value: last.value, gap: false }];
}
