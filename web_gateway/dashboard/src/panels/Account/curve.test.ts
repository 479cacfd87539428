import { expect, test } from "vitest";
import { balanceSlots, gridded, joined, stepOf } from "./curve";

const at = (time: number, value = time, span = 60) => ({ time, value, span });

test("what the server recorded and what the page saw are one curve, the page's own where both are", () => {
  expect(joined([at(0, 1), at(60, 2)], [at(60, 3, 1), at(61, 4, 1)]).map(({ time, value }) => [time, value])).toEqual([
    [0, 1],
    [60, 3],
    [61, 4],
  ]);
});

test("the grid is even in time, and each slot holds its last measurement", () => {
  const slots = gridded([at(600, 1), at(660, 2), at(690, 3), at(780, 4)], 0, 845, 60);
  expect(slots.map(({ time, value }) => [time, value])).toEqual([
    [600, 1],
    [660, 3],
    [720, null],
    [780, 4],
    [840, null],
  ]);
});

test("where nothing was measured there is a gap, and a measurement that is merely late makes none", () => {
  const gapsOf = (...times: number[]) => gridded(times.map((time) => at(time)), 0, 10_000, 30).filter((slot) => slot.gap).map((slot) => slot.time);
  expect(gapsOf(600, 660, 720)).toEqual([]);
  expect(gapsOf(600, 740)).toEqual([]);
  expect(gapsOf(600, 760)).toEqual([600]);
  expect(gapsOf(600, 760, 820, 2000)).toEqual([600, 810]);
});

test("coarse old samples are no gaps", () => {
  expect(gridded([at(0, 1, 900), at(1700, 2, 900), at(1760, 3)], 0, 2000, 60).filter((slot) => slot.gap)).toEqual([]);
});

test("the range begins with what is on record", () => {
  expect(gridded([at(100), at(160)], 130, 200, 10)[0]?.time).toBe(160);
  expect(gridded([at(100)], 130, 200, 10)).toEqual([]);
  expect(stepOf(86_400)).toBe(240);
  expect(stepOf(60)).toBe(1);
});

test("the balance stands from its first known point to the end, and what was before the grid holds at its beginning", () => {
  const grid = gridded([at(600), at(660), at(780)], 0, 780, 60);
  expect(balanceSlots([{ time: 10, balance: 5 }, { time: 725, balance: 7 }], grid, 60)).toEqual([
    { time: 600, value: 5, gap: false },
    { time: 720, value: 7, gap: false },
    { time: 780, value: 7, gap: false },
  ]);
  expect(balanceSlots([{ time: 725, balance: 7 }], grid, 60)[0]).toMatchObject({ time: 720, value: 7 });
  expect(balanceSlots([], grid, 60)).toEqual([]);
});
