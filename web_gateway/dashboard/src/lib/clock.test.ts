import { expect, test } from "vitest";
import { sleepCountingClock } from "./clock";

test("counts what the steady clock left out, and nothing else", () => {
  let steady = 0;
  let wall = 1_000_000;
  const clock = sleepCountingClock(
    () => steady,
    () => wall,
  );
  steady += 5_000;
  wall += 5_000;
  expect(clock.now()).toBe(5_000);
  steady += 100;
  wall += 3_600_100;
  expect(clock.now()).toBe(3_605_100);
  steady += 100;
  wall -= 7_200_000;
  expect(clock.now()).toBe(3_605_200);
});
