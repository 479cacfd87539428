import { expect, test } from "vitest";
import type { Symbol_ } from "../../lib/contract";
import { split } from "./splitting";

const symbol = { volumeStepLots: 0.01, volumeMinimumLots: 0.01 } as Symbol_;

test("a part is rounded down to the volume step", () => {
  expect(split(0.3, 33, symbol)).toEqual({ part: 0.09, unavailable: undefined });
  expect(split(0.3, 50, { ...symbol, volumeStepLots: 0.1, volumeMinimumLots: 0.1 }).part).toBe(0.1);
  expect(split(0.2, 50, { ...symbol, volumeStepLots: 0.1, volumeMinimumLots: 0.1 }).unavailable).toBeUndefined();
});

test("the smallest lot cannot be split, and the reason has the numbers", () => {
  expect(split(0.01, 50, symbol).unavailable).toBe("0.00 is below the minimum of 0.01 lots");
  expect(split(0.15, 75, { ...symbol, volumeMinimumLots: 0.05 }).unavailable).toContain("the rest, 0.04");
});

test("without the symbol's steps the bridge decides", () => {
  expect(split(0.01, 50, undefined).unavailable).toBeUndefined();
});
