import { expect, test } from "vitest";
import { draftBody, EMPTY_DRAFT } from "./order-draft";
import { newTarget } from "./Protection/plan-draft";

const draft = { ...EMPTY_DRAFT, symbol: "EURUSD", size: "0,10" };

test("a body has what was typed and nothing else", () => {
  expect(draftBody({ ...draft, stopLoss: "1.07" }, "acc_1").body).toEqual({
    accountId: "acc_1",
    symbol: "EURUSD",
    side: "BUY",
    orderType: "MARKET",
    volumeLots: 0.1,
    stopLoss: 1.07,
  });
});

test("what is missing makes no body, and no complaint yet", () => {
  expect(draftBody(EMPTY_DRAFT, "acc_1")).toMatchObject({ body: null, problems: {}, planProblems: {} });
  expect(draftBody({ ...draft, type: "LIMIT" }, "acc_1").body).toBeNull();
  expect(draftBody(draft, "").body).toBeNull();
});

test("what is no number is said so and never sent", () => {
  const { body, problems } = draftBody({ ...draft, size: "ten", takeProfit: "-1" }, "acc_1");
  expect(body).toBeNull();
  expect(Object.keys(problems)).toEqual(["size", "takeProfit"]);
});

test("risk needs a stop", () => {
  expect(draftBody({ ...draft, sizeBy: "risk", size: "1" }, "acc_1").problems.stopLoss).toContain("needed");
  expect(draftBody({ ...draft, sizeBy: "risk", size: "1", stopLoss: "1.07" }, "acc_1").body).toMatchObject({
    risk: { equityPercent: 1 },
  });
  expect(draftBody({ ...draft, sizeBy: "risk", size: "101", stopLoss: "1" }, "acc_1").problems.size).toContain("100");
});

test("a ladder with shares goes with the order, and a wrong one holds it back", () => {
  const target = { ...newTarget("50", "BREAK_EVEN"), price: "1.12" };
  const laddered = { ...draft, plan: { targets: [target], breakEven: null } };
  expect(draftBody(laddered, "acc_1").body?.protection).toEqual({
    targets: [{ price: 1.12, share: 0.5, stopMove: "BREAK_EVEN" }],
    breakEven: null,
  });
  const limit = { ...laddered, type: "LIMIT", price: "1.13" } as const;
  expect(draftBody(limit, "acc_1")).toMatchObject({ body: null, planProblems: { "targets[0].price": expect.any(String) as string } });
});

test("break-even by risk needs a stop", () => {
  const breakEven = { start: { kind: "riskMultiple", value: "1" }, offset: "" } as const;
  const moved = { ...draft, plan: { targets: [], breakEven } };
  expect(draftBody(moved, "acc_1").planProblems["breakEven.start"]).toContain("stop loss");
  expect(draftBody({ ...moved, stopLoss: "1.07" }, "acc_1").body?.protection?.breakEven).toEqual({
    start: { riskMultiple: 1 },
    offset: 0,
  });
});

test("a price typed before the order became a market order is left out", () => {
  expect(draftBody({ ...draft, price: "1.2" }, "acc_1").body).not.toHaveProperty("price");
});
