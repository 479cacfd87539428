import { expect, test } from "vitest";
import type { Account, AccountStop, StopReport } from "../../lib/contract";
import { Times } from "../../lib/format";
import { inForce, verdict } from "./verdict";

const TIMES = new Times("UTC");
const AT = "2026-01-31T12:00:01.500Z";

function at(accountId: string, more: Partial<AccountStop> = {}): AccountStop {
  const usual: Partial<AccountStop> = {
    accountId,
    latchTime: null,
    quietTime: null,
    cancelTime: null,
    flatTime: null,
    reached: true,
    leaseExpireTime: null,
    tickets: [],
    externalOrderCount: 0,
    problem: "",
    unrecalledCommandIds: [],
  };
  return { ...usual, ...more } as AccountStop;
}

function stop(accounts: AccountStop[], more: Partial<StopReport> = {}): StopReport {
  const usual: Partial<StopReport> = {
    stopId: "s1",
    createTime: AT,
    userId: "",
    reason: "",
    closePositions: false,
    source: "api",
    accounts,
    complete: false,
    rearmTime: null,
  };
  return { ...usual, ...more } as StopReport;
}

test("a stop is not called latched before every bridge said so", () => {
  const half = stop([at("a", { latchTime: AT }), at("b")]);
  expect(verdict([half], TIMES)).toBe("Stopped at the server; not latched yet at 1 bridge.");
});

test("flat is said only once it was verified at every account", () => {
  const done = { latchTime: AT, quietTime: AT, cancelTime: AT, flatTime: AT };
  const half = stop([at("a", done), at("b", { ...done, flatTime: null, problem: "market closed until 00:05 (XAUUSD)" })], {
    closePositions: true,
  });
  expect(verdict([half], TIMES)).toBe("Stopped, closing: not flat yet. market closed until 00:05 (XAUUSD)");
  expect(verdict([stop([at("a", done), at("b", done)], { closePositions: true })], TIMES)).toBe(
    "Flat, verified 12:00:01.",
  );
});

test("a halt says that positions stay", () => {
  const halted = stop([at("a", { latchTime: AT, quietTime: AT, cancelTime: AT })]);
  expect(verdict([halted], TIMES)).toContain("open positions stay");
});

test("only stops in force at the accounts that are shown count", () => {
  const accounts = [{ accountId: "a" }] as Account[];
  const stops = new Map([
    ["s1", stop([at("a"), at("b")])],
    ["s2", stop([at("b")], { stopId: "s2" })],
    ["s3", stop([at("a")], { stopId: "s3", rearmTime: AT })],
  ]);
  expect(inForce(stops, accounts).map((each) => [each.stopId, each.accounts.length])).toEqual([["s1", 1]]);
});
