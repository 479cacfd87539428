import { expect, test } from "vitest";
import type { Account, ChainAge } from "../lib/contract";
import type { Money } from "../store/live-state";
import { guardSight, sightOf } from "./chain";

const chain = (guardAgeSeconds: number | null) => ({ accountId: "a", guardAgeSeconds }) as ChainAge;
const account = (blindSeconds: number | null) => ({ accountId: "a", bridge: { terminal: { blindSeconds } } }) as Account;
const NOTHING_READ = { heartbeatAt: 0, money: new Map<string, Money>() };
const read = (age: number) => ({ heartbeatAt: 0, money: new Map([["a", { age, at: 0 } as Money]]) });
const sight = (...of: Parameters<typeof guardSight>) => sightOf(guardSight(...of));

test("a guard that was told of one beat ago is fresh in a quiet market, and slow once the next word is late", () => {
  expect(sight(account(null), chain(4.9), NOTHING_READ, 0)).toBe("fresh");
  expect(sight(account(null), chain(8.1), NOTHING_READ, 0)).toBe("slow");
  expect(sight(account(null), chain(15.1), NOTHING_READ, 0)).toBe("blind");
});

test("every read of the terminal is a look of the guard", () => {
  const heard = guardSight(account(null), chain(20), read(0.5), 0);
  expect(heard?.age).toBe(0.5);
  expect(sightOf(heard)).toBe("fresh");
});

test("a terminal that does not answer leaves no allowance", () => {
  expect(sight(account(3.2), chain(3.5), NOTHING_READ, 0)).toBe("slow");
  expect(sight(account(12), chain(1), NOTHING_READ, 0)).toBe("blind");
});

test("without a word nothing is known", () => {
  expect(sight(account(null), chain(null), NOTHING_READ, 0)).toBe("unknown");
});
