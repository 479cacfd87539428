import { expect, test } from "vitest";
import { slowPace, takeTurns } from "./pace";

test("what is out of sight is drawn every two seconds, in turns, and all of it after a pause", () => {
  const drawn: number[] = [];
  const ends = Array.from({ length: 8 }, (_, at) => slowPace(at)(() => drawn.push(at)));
  takeTurns(10_000);
  drawn.length = 0;
  takeTurns(10_100);
  expect(drawn).toEqual([]);
  takeTurns(10_250);
  expect(drawn).toHaveLength(1);
  for (let now = 10_500; now <= 12_000; now += 250) takeTurns(now);
  expect([...drawn].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  drawn.length = 0;
  takeTurns(60_000);
  expect([...drawn].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  drawn.length = 0;
  for (const end of ends) end();
  takeTurns(90_000);
  expect(drawn).toEqual([]);
});
