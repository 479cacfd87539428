import { describe, expect, test } from "vitest";
import type { Protection } from "../../lib/contract";
import { draftOfKept, draftOfPlan, newTarget, NO_PLAN, type PlanDraft, planOf, refusedFields } from "./plan-draft";
import { startOf, startWords } from "./start-draft";

const BUY = { side: "BUY", market: 1.1, risk: true } as const;
const target = (price: string, share: string) => ({ ...newTarget(share), price });
const ladder = (...targets: [string, string][]): PlanDraft => ({
  targets: targets.map(([price, share]) => target(price, share)),
  breakEven: null,
});

describe("a ladder", () => {
  test("is sent with shares of one, and what runs on is counted", () => {
    const { plan, left } = planOf(ladder(["1.101", "50"], ["1,102", "30"]), BUY);
    expect(plan?.targets).toEqual([
      { price: 1.101, share: 0.5, stopMove: "UNSPECIFIED" },
      { price: 1.102, share: 0.3, stopMove: "UNSPECIFIED" },
    ]);
    expect(left).toBe(20);
  });

  test("that lacks something makes no plan, and no complaint yet", () => {
    expect(planOf(ladder(["1.101", ""]), BUY)).toMatchObject({ plan: null, problems: {} });
  });

  test("goes from the market away, for a sell downwards", () => {
    expect(planOf(ladder(["1.099", "50"]), BUY).problems["targets[0].price"]).toContain("above the market (1.1)");
    expect(planOf(ladder(["1.102", "50"], ["1.101", "50"]), BUY).problems["targets[1].price"]).toContain("the target before");
    const sell = { ...BUY, side: "SELL" } as const;
    expect(planOf(ladder(["1.099", "50"], ["1.098", "50"]), sell).problems).toEqual({});
    expect(planOf(ladder(["1.101", "50"]), sell).problems["targets[0].price"]).toContain("below the market");
  });

  test("is not held against a market that is not known", () => {
    expect(planOf(ladder(["0.5", "50"]), { ...BUY, market: null }).problems).toEqual({});
  });

  test("of more than all of it is refused; thirds are not", () => {
    expect(planOf(ladder(["1.2", "60"], ["1.3", "50"]), BUY).problems.targets).toContain("110 %");
    expect(planOf(ladder(["1.2", "33.3"], ["1.3", "33.3"], ["1.4", "33.4"]), BUY).problems).toEqual({});
  });

  test("of nothing is an empty plan, which takes everything away", () => {
    expect(planOf(NO_PLAN, BUY).plan).toEqual({ targets: [], breakEven: null });
  });
});

describe("what is kept", () => {
  const step = (price: number, share: number, state: string) => ({
    target: { price, share, stopMove: "BREAK_EVEN" },
    state,
    volumeLots: null,
    closedVolumeLots: 0,
    stopMoved: false,
  });
  const kept = { steps: [step(1.1, 0.5, "DONE"), step(1.2, 0.3, "WAITING"), step(1.3, 0.2, "WAITING")], breakEven: null };

  test("is typed as what is left of it, in shares of what is open then", () => {
    const draft = draftOfKept(kept as Protection, 2);
    expect(draft.targets.map(({ price, share }) => [price, share])).toEqual([
      ["1.20", "60"],
      ["1.30", "40"],
    ]);
  });

  test("with nothing closed is typed as it was wanted", () => {
    const plan = planOf(ladder(["1.101", "33.33"], ["1.102", "66.67"]), BUY).plan;
    expect(draftOfPlan(plan, 3).targets.map((each) => each.share)).toEqual(["33.33", "66.67"]);
  });
});

describe("a start", () => {
  const rules = { targets: 2, risk: true };

  test("is one of seven kinds", () => {
    expect(startOf({ kind: "riskMultiple", value: "1.5" }, rules).start).toEqual({ riskMultiple: 1.5 });
    expect(startOf({ kind: "pips", value: "0" }, rules).start).toEqual({ pips: 0 });
    expect(startOf({ kind: "money", value: "0" }, rules).problem).toContain("above zero");
    expect(startOf({ kind: "target", value: "3" }, rules).problem).toContain("from 1 to 2");
    expect(startOf({ kind: "target", value: "1.5" }, rules).problem).toBeDefined();
  });

  test("by risk needs a first stop, by target a ladder", () => {
    expect(startOf({ kind: "riskMultiple", value: "1" }, { ...rules, risk: false }).problem).toContain("stop loss");
    expect(startOf({ kind: "target", value: "1" }, { ...rules, targets: 0 }).problem).toContain("no ladder");
  });

  test("is said in words", () => {
    expect(startWords(null, "USD", 5)).toBe("at once");
    expect(startWords({ riskMultiple: 1 }, "USD", 5)).toBe("at 1 R in profit");
    expect(startWords({ price: 1.1 }, "USD", 5)).toBe("at 1.10000");
    expect(startWords({ target: 1 }, "USD", 5)).toBe("once a target is closed");
  });
});

test("the server's refusals find their fields", () => {
  const errors = [
    { field: "plan.targets[1].price", description: "a" },
    { field: "protection.breakEven.start.riskMultiple", description: "b" },
    { field: "symbol", description: "c" },
  ];
  expect(refusedFields(errors)).toEqual({ "targets[1].price": "a", "breakEven.start": "b" });
});
