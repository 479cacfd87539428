import { expect, test } from "vitest";
import { draftBody, EMPTY_DRAFT } from "./order-draft";

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
  expect(draftBody(EMPTY_DRAFT, "acc_1")).toEqual({ body: null, problems: {} });
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

test("a price typed before the order became a market order is left out", () => {
  expect(draftBody({ ...draft, price: "1.2" }, "acc_1").body).not.toHaveProperty("price");
});
