// Milliseconds that never go back and that count a laptop's sleep, which `performance.now` may leave out.
export interface Clock {
  now(): number;
}

/** A clock of a steady and a wall reading: where the wall runs ahead by more than `jump`, the machine slept. */
export function sleepCountingClock(steady: () => number, wall: () => number, jump = 2_000): Clock {
  let lastSteady = steady();
  let lastWall = wall();
  let slept = 0;
  return {
    now() {
      const nowSteady = steady();
      const nowWall = wall();
      const ahead = nowWall - lastWall - (nowSteady - lastSteady);
      if (ahead > jump) slept += ahead;
      lastSteady = nowSteady;
      lastWall = nowWall;
      return nowSteady + slept;
    },
  };
}

export const clock: Clock = sleepCountingClock(
  () => performance.now(),
  () => Date.now(),
);
