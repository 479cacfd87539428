import { expect, test } from "vitest";
import { partsOf } from "./row-parts";

const placed = (...indexes: number[]) => indexes.map((index) => ({ index, start: 100 + index * 40, end: 140 + index * 40 }));

test("what is left out above, between and below has the height of its rows", () => {
  expect(partsOf(placed(2, 3, 7), 100, 100 + 10 * 40)).toEqual([
    { space: 80, after: -1 },
    { row: 2 },
    { row: 3 },
    { space: 120, after: 3 },
    { row: 7 },
    { space: 80, after: 7 },
  ]);
});

test("a table that is drawn whole has no space in it", () => {
  expect(partsOf(placed(0, 1, 2), 100, 220)).toEqual([{ row: 0 }, { row: 1 }, { row: 2 }]);
});

test("before anything is placed there is nothing but space", () => {
  expect(partsOf([], 100, 180)).toEqual([{ space: 80, after: -1 }]);
});
