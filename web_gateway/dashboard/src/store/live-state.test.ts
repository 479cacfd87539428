import { describe, expect, test } from "vitest";
import type { Command, ServerFrame, Trade, TradingState } from "../lib/contract";
import { ageOf, apply, grown, judged, type LiveState, NOTHING, openCommandOn, readAge, withCommand, withTrading } from "./live-state";

const AT = "2026-01-31T12:00:10Z";

function frame(type: string, data: unknown, seq?: number, timestamp = AT): ServerFrame {
  return { type, id: "f", timestamp, data, ...(seq === undefined ? {} : { seq }) } as ServerFrame;
}

const EMPTY = {
  seq: 10,
  epoch: "e1",
  time: AT,
  accounts: [],
  accountStates: [],
  trades: [],
  live: [],
  orders: [],
  commands: [],
  tradingStates: [],
  alerts: [],
  stops: [],
};

const trade = (tradeId: string, more: object = {}) => ({ tradeId, accountId: "a", state: "OPEN", ...more }) as Trade;
const command = (state: string, commandId = "c1") => ({ commandId, state }) as Command;
const after = (...frames: ServerFrame[]) => frames.reduce((state, each) => apply(state, each, 0), NOTHING);

test("before a snapshot nothing is known, not even that there is nothing", () => {
  expect(NOTHING.ready).toBe(false);
  expect(after(frame("heartbeat", { chains: [], serverConnected: true, serverAgeSeconds: 0 })).ready).toBe(false);
  expect(after(frame("snapshot", EMPTY)).ready).toBe(true);
});

describe("trades", () => {
  test("come, change and go", () => {
    const opened = after(frame("snapshot", EMPTY), frame("trade_opened", { trade: trade("t1") }, 11));
    expect([...opened.trades.keys()]).toEqual(["t1"]);
    const closed = apply(opened, frame("trade_closed", { trade: trade("t1", { state: "CLOSED" }) }, 12), 0);
    expect(closed.trades.size).toBe(0);
  });

  test("whose position is missing stay on show", () => {
    const state = after(
      frame("snapshot", EMPTY),
      frame("trade_update", { trade: trade("t1", { state: "UNKNOWN_MISSING" }), live: [] }, 11),
    );
    expect(state.trades.get("t1")?.state).toBe("UNKNOWN_MISSING");
  });

  test("an event that a snapshot read apart already contains changes nothing", () => {
    const state = after(frame("snapshot", { ...EMPTY, seq: 20 }), frame("trade_opened", { trade: trade("t1") }, 15));
    expect(state.trades.size).toBe(0);
    expect(apply(state, frame("trade_opened", { trade: trade("t2") }, 21), 0).trades.size).toBe(1);
  });

  test("a later snapshot replaces all of it, of a new epoch too", () => {
    const state = after(
      frame("snapshot", { ...EMPTY, seq: 900, trades: [trade("old")] }),
      frame("snapshot", { ...EMPTY, seq: 3, epoch: "e2", trades: [trade("new")] }),
    );
    expect([...state.trades.keys()]).toEqual(["new"]);
    expect(apply(state, frame("trade_opened", { trade: trade("t4") }, 4), 0).trades.size).toBe(2);
  });
});

describe("ages", () => {
  const quoted = (now: number) =>
    apply(
      NOTHING,
      frame("trade_update", { trade: null, live: [{ tradeId: "t1", profit: 1, readTime: "2026-01-31T12:00:08Z" }] }),
      now,
    );

  test("begin with the server's own two clocks and grow with ours", () => {
    const quote = quoted(5_000).quotes.get("t1");
    expect(ageOf(quote, 5_000)).toBe(2);
    expect(ageOf(quote, 12_000)).toBe(9);
    expect(ageOf(undefined, 0)).toBeNull();
  });

  test("of what was never read are not known", () => {
    const state = apply(NOTHING, frame("trade_update", { trade: null, live: [{ tradeId: "t1", readTime: null }] }), 0);
    expect(ageOf(state.quotes.get("t1"), 60_000)).toBeNull();
  });

  test("end at the last read of the terminal, which would have told a change", () => {
    const quote = quoted(0).quotes.get("t1");
    expect(readAge(quote, 0.1, 60_000, 62_000)).toBeCloseTo(2.1);
    expect(readAge(quote, null, 60_000, 62_000)).toBe(64);
    expect(readAge(undefined, 0.1, 60_000, 62_000)).toBeNull();
  });

  test("of the chain go on growing while no heartbeat comes, and are judged once one is late", () => {
    expect(grown(0.4, 1_000, 6_000)).toBeCloseTo(5.4);
    expect(judged(0.4, 1_000, 6_000)).toBeCloseTo(0.4);
    expect(judged(0.4, 1_000, 17_000)).toBeCloseTo(10.4);
    expect(judged(null, 1_000, 6_000)).toBeNull();
    expect(grown(0.4, null, 6_000)).toBeNull();
  });
});

describe("commands", () => {
  test("an answer that was overtaken does not take an ended command back", () => {
    const ended = withCommand(NOTHING, command("SUCCEEDED"));
    expect(withCommand(ended, command("RUNNING")).commands.get("c1")?.state).toBe("SUCCEEDED");
  });

  test("an unknown one may end any way", () => {
    const unknown = withCommand(NOTHING, command("UNKNOWN"));
    expect(withCommand(unknown, command("RUNNING")).commands.get("c1")?.state).toBe("UNKNOWN");
    expect(withCommand(unknown, command("REJECTED")).commands.get("c1")?.state).toBe("REJECTED");
  });

  test("what had not ended and is in no snapshot is not shown as open", () => {
    const state = after(frame("snapshot", { ...EMPTY, commands: [command("RUNNING")] }), frame("snapshot", EMPTY));
    expect(state.commands.size).toBe(0);
  });

  test("that have not ended are found by their trade or order", () => {
    const open = { ...command("RUNNING"), tradeId: "t1", orderId: "" };
    const state = withCommand(NOTHING, open);
    expect(openCommandOn(state.commands, "t1")?.commandId).toBe("c1");
    expect(openCommandOn(state.commands, "t2")).toBeUndefined();
    const ended = withCommand(state, { ...open, state: "SUCCEEDED" });
    expect(openCommandOn(ended.commands, "t1")).toBeUndefined();
  });

  test("only ended ones are forgotten", () => {
    let state: LiveState = withCommand(NOTHING, command("UNKNOWN", "kept"));
    for (let number = 0; number < 300; number += 1) state = withCommand(state, command("SUCCEEDED", `c${number}`));
    expect(state.commands.size).toBe(200);
    expect(state.commands.has("kept")).toBe(true);
  });
});

test("wanted and applied never go back to an older revision", () => {
  const trading = (revision: number, applied: number | null) =>
    ({ accountId: "a", wanted: { revision }, applied: applied === null ? null : { revision: applied } }) as TradingState;
  const state = withTrading(NOTHING, trading(5, 5));
  expect(withTrading(state, trading(4, 4)).trading.get("a")?.wanted?.revision).toBe(5);
  expect(withTrading(state, trading(5, 4)).trading.get("a")?.applied?.revision).toBe(5);
  expect(withTrading(state, trading(6, 5)).trading.get("a")?.wanted?.revision).toBe(6);
});

test("a stop is one report, whichever account tells of it", () => {
  const report = (accountId: string) => ({ stopId: "s", rearmTime: null, accounts: [{ accountId }] });
  const state = after(
    frame("snapshot", EMPTY),
    frame("emergency_stop", { report: report("a"), state: null }, 11),
    frame("stop_progress", { report: report("b") }, 12),
    frame("stop_progress", { report: report("a") }, 13),
  );
  expect(state.stops.get("s")?.accounts.map((each) => each.accountId)).toEqual(["b", "a"]);
  expect(apply(state, frame("trading_rearmed", { state: null, stopIds: ["s"], reason: "" }, 14), 0).stops.size).toBe(0);
});

test("equity is kept as it was seen, one point a second", () => {
  const money = (equity: number | null, timestamp: string) =>
    frame("account_update", { state: { accountId: "a", equity, readTime: timestamp } }, undefined, timestamp);
  const state = after(
    money(1, "2026-01-31T12:00:00.1Z"),
    money(2, "2026-01-31T12:00:00.9Z"),
    money(null, "2026-01-31T12:00:01Z"),
    money(3, "2026-01-31T12:00:02Z"),
  );
  expect(state.equity.get("a")?.map((point) => point.equity)).toEqual([2, 3]);
});
