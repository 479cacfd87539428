import { expect, test } from "vitest";
import type { Source } from "../../lib/contract";
import { draftOfSource, refusedOf, sourceBody } from "./source-draft";

const SOURCE = {
  sourceId: "src_1",
  name: "Gold room",
  kind: "WEBHOOK",
  enabled: true,
  policy: {
    trust: "APPROVE", senders: ["ann", "bob"], chats: [], defaultSymbol: "XAUUSD", maximumAge: "90s", approveWithin: null,
    duplicateWindow: "0s", duplicatesAcrossSources: true, maximumDriftPercent: 25, maximumSpreadPercent: null, fillingLimits: false,
    symbols: ["XAUUSD"], symbolMap: [{ symbol: "XAUUSD", brokerSymbol: "GOLD.pro" }],
    windows: [{ days: [1, 2, 5], start: "08:00", end: "17:00", timeZone: "Europe/London" }],
  },
  subscriptions: [
    {
      accountId: "acc_1", suspended: false, sizing: { fixedLots: 0.1 }, maximumRiskPercent: 2, maximumPositions: null, symbolMap: [],
      opposite: "HEDGE", split: "ORDERS", stopPlan: "STAY", commissionPerLot: null,
    },
  ],
} as unknown as Source;

test("what was read is sent again as it was", () => {
  const { body, problems } = sourceBody(draftOfSource(SOURCE, ["acc_1", "acc_2"]));
  expect(problems).toEqual({});
  expect(body?.policy).toEqual({
    trust: "APPROVE", senders: ["ann", "bob"], chats: [], defaultSymbol: "XAUUSD", maximumAge: "90s", duplicateWindow: "0s",
    duplicatesAcrossSources: true, maximumDriftPercent: 25, fillingLimits: false, symbols: ["XAUUSD"],
    symbolMap: [{ symbol: "XAUUSD", brokerSymbol: "GOLD.pro" }],
    windows: [{ days: [1, 2, 5], start: "08:00", end: "17:00", timeZone: "Europe/London" }],
  });
  expect(body?.subscriptions).toEqual([
    {
      accountId: "acc_1", suspended: false, sizing: { fixedLots: 0.1 }, maximumRiskPercent: 2, symbolMap: [], opposite: "HEDGE",
      split: "ORDERS", stopPlan: "STAY",
    },
  ]);
});

test("a source that nobody follows feeds nobody, and one that says nothing is observed", () => {
  const draft = draftOfSource({ ...SOURCE, policy: null, subscriptions: [] }, ["acc_1"]);
  expect(draft.trust).toBe("OBSERVE");
  expect(sourceBody(draft).body?.subscriptions).toEqual([]);
});

test("what is wrong is named by its field and never sent", () => {
  const draft = draftOfSource(SOURCE, ["acc_1"]);
  const [follower] = draft.followers;
  if (follower === undefined) throw new Error("no follower");
  const { body, problems } = sourceBody({
    ...draft,
    name: " ",
    maximumAge: "0",
    symbolMap: "XAUUSD GOLD",
    windows: "every day",
    followers: [{ ...follower, amount: "", maximumPositions: "1.5" }],
  });
  expect(body).toBeNull();
  expect(Object.keys(problems).sort()).toEqual(
    ["acc_1.amount", "acc_1.maximumPositions", "maximumAge", "name", "symbolMap", "windows"].sort(),
  );
});

test("days are read as ranges and lists", () => {
  const draft = draftOfSource(SOURCE, []);
  const windows = (typed: string) => sourceBody({ ...draft, windows: typed }).body?.policy.windows?.[0]?.days;
  expect(windows("Mon-Fri 08:00-17:00 UTC")).toEqual([1, 2, 3, 4, 5]);
  expect(windows("sat,sun 00:00-12:00 UTC")).toEqual([6, 7]);
  expect(windows("fri-mon 00:00-12:00 UTC")).toBeUndefined();
});

test("the server's refusals find their fields", () => {
  const { body } = sourceBody(draftOfSource(SOURCE, ["acc_1"]));
  if (body === null) throw new Error("no body");
  const errors = [
    { field: "policy.windows[0].timeZone", description: "a" },
    { field: "subscriptions[0].sizing.fixedLots", description: "b" },
    { field: "name", description: "c" },
  ];
  expect(refusedOf(errors, body)).toEqual({ windows: "a", "acc_1.amount": "b", name: "c" });
});
