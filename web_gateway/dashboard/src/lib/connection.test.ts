import { describe, expect, test } from "vitest";
import { BACKOFF_SECONDS, Connection, type Effect, QUEUE_LIMIT } from "./connection";
import type { ServerFrame } from "./contract";

const ALL = () => 1;

function frame(type: string, data: unknown = {}, seq?: number): ServerFrame {
  return { type, id: "f", timestamp: "2026-01-31T12:00:00Z", data, ...(seq === undefined ? {} : { seq }) } as ServerFrame;
}

const authenticated = frame("authenticated", { userId: "usr_1", userName: "ann" });
const snapshot = (seq: number, epoch = "e1") => frame("snapshot", { seq, epoch });
const event = (seq: number) => frame("trade_update", { trade: null }, seq);
const sent = (effects: Effect[]) => effects.flatMap((each) => (each.do === "send" ? [each.frame] : []));
const delivered = (effects: Effect[]) => effects.flatMap((each) => (each.do === "deliver" ? [each.frame] : []));
const does = (effects: Effect[]) => effects.map((each) => each.do);

function connected(seq = 10, chance = ALL): Connection {
  const connection = new Connection(chance);
  connection.start(0);
  connection.opened(0);
  connection.received(0, authenticated);
  connection.received(0, snapshot(seq));
  return connection;
}

describe("reconnecting", () => {
  test("waits 1, 2, 4, 8, 16, 30 and then always 30 seconds, at most, and never gives up", () => {
    const connection = new Connection(ALL);
    connection.start(0);
    let now = 0;
    const waits: number[] = [];
    for (let round = 0; round < 9; round += 1) {
      connection.closed(now, 1006);
      const { retryAt, phase } = connection.view;
      expect(phase).toBe("disconnected");
      waits.push(((retryAt ?? 0) - now) / 1000);
      while (connection.view.phase === "disconnected") {
        now += 1000;
        connection.tick(now);
      }
      expect(connection.view.phase).toBe("connecting");
    }
    expect(waits).toEqual([...BACKOFF_SECONDS, 30, 30, 30]);
    expect(connection.view.attempt).toBe(10);
  });

  test("spreads the wait over all of it", () => {
    const connection = new Connection(() => 0.25);
    connection.start(0);
    connection.closed(0, 1006);
    expect(connection.view.retryAt).toBe(250);
  });

  test("tries at once when the network or the tab comes back", () => {
    const connection = new Connection(ALL);
    connection.start(0);
    connection.closed(0, 1006);
    connection.tick(1000);
    connection.closed(1000, 1006);
    expect(does(connection.wake(1001))).toEqual(["open"]);
    expect(connection.view.attempt).toBe(1);
  });

  test("counts from one again only after the gateway has spoken", () => {
    const connection = connected();
    connection.closed(0, 1001);
    connection.tick(1000);
    expect(connection.view.attempt).toBe(1);
    connection.received(1000, authenticated);
    connection.closed(1100, 4001);
    connection.tick(2100);
    expect(connection.view.attempt).toBe(2);
  });

  test("gives up a socket that never gets to authentication", () => {
    const connection = new Connection(ALL);
    connection.start(0);
    connection.opened(100);
    expect(connection.tick(14_000)).toEqual([]);
    expect(does(connection.tick(15_000))).toEqual(["close"]);
    expect(connection.view).toMatchObject({ phase: "disconnected", reason: "silent", retryAt: 16_000 });
  });

  test.each([
    [4503, "credentials"],
    [4504, "origin"],
  ] as const)("is over for good after %i, and says why", (code, reason) => {
    const connection = connected();
    connection.closed(5, code);
    expect(connection.view).toMatchObject({ phase: "error", reason, retryAt: null });
    expect(connection.tick(10_000_000)).toEqual([]);
    expect(connection.wake(10_000_000)).toEqual([]);
    expect(does(connection.retry(10_000_001))).toEqual(["open"]);
  });

  test("a stopped connection stays stopped", () => {
    const connection = connected();
    expect(does(connection.stop())).toEqual(["close"]);
    expect(connection.closed(1, 1005)).toEqual([]);
    expect(connection.tick(10_000)).toEqual([]);
    expect(connection.view.phase).toBe("disconnected");
  });
});

describe("resuming", () => {
  test("begins with a snapshot and goes on after the last event", () => {
    const connection = new Connection(ALL);
    connection.start(0);
    expect(sent(connection.received(0, authenticated))).toEqual([{ type: "subscribe", data: {} }]);
    connection.received(0, snapshot(10));
    connection.received(1, event(11));
    connection.closed(2, 1006);
    connection.tick(1002);
    expect(sent(connection.received(1003, authenticated))).toEqual([
      { type: "subscribe", data: { afterSeq: 11, epoch: "e1" } },
    ]);
    expect(delivered(connection.received(1004, event(12)))).toHaveLength(1);
  });

  test("drops what it has had", () => {
    const connection = connected(10);
    expect(delivered(connection.received(1, event(11)))).toHaveLength(1);
    expect(connection.received(2, event(11))).toEqual([]);
    expect(connection.received(2, event(7))).toEqual([]);
    expect(delivered(connection.received(3, frame("trade_update", { live: [] })))).toHaveLength(1);
  });

  test("takes nothing between a gap and its snapshot", () => {
    const connection = connected(10);
    expect(delivered(connection.received(1, frame("gap", { afterSeq: 10, epoch: "e1", reason: "epoch" })))).toHaveLength(1);
    expect(connection.received(1, event(11))).toEqual([]);
    connection.received(2, snapshot(40, "e2"));
    expect(connection.position).toEqual({ afterSeq: 40, epoch: "e2" });
    expect(delivered(connection.received(3, event(41)))).toHaveLength(1);
  });

  test("fetches everything anew where a hole was not announced", () => {
    const connection = connected(10);
    expect(does(connection.received(1, event(12)))).toEqual(["close"]);
    expect(connection.view).toMatchObject({ phase: "disconnected", reason: "gap" });
    connection.tick(1001);
    expect(sent(connection.received(1002, authenticated))).toEqual([{ type: "subscribe", data: {} }]);
  });
});

describe("heartbeat", () => {
  test("pings every 30 seconds and measures the answer", () => {
    const connection = connected();
    for (let now = 1000; now < 30_000; now += 1000) {
      connection.received(now, frame("heartbeat"));
      expect(connection.tick(now)).toEqual([]);
    }
    const [ping] = sent(connection.tick(30_000));
    expect(ping?.type).toBe("ping");
    connection.received(30_042, frame("pong", { id: ping?.id }));
    expect(connection.view.latency).toBe(42);
    expect(connection.tick(31_000)).toEqual([]);
  });

  test("a pong that does not come in time is a dead connection", () => {
    const connection = connected();
    for (let now = 1000; now <= 39_000; now += 1000) {
      connection.received(now, frame("heartbeat"));
      connection.tick(now);
    }
    expect(connection.view.phase).toBe("connected");
    connection.received(39_500, frame("heartbeat"));
    expect(does(connection.tick(40_000))).toEqual(["close"]);
    expect(connection.view).toMatchObject({ phase: "disconnected", reason: "silent" });
  });

  test("so are 20 seconds without any word", () => {
    const connection = connected();
    for (let now = 1000; now <= 20_000; now += 1000) expect(connection.tick(now)).toEqual([]);
    expect(does(connection.tick(21_000))).toEqual(["close"]);
  });

  test("a late answer to an earlier ping is none to this one", () => {
    const connection = connected();
    connection.wake(1000);
    connection.received(1001, frame("pong", { id: "another" }));
    expect(connection.view.latency).toBeNull();
  });
});

describe("a laptop's sleep", () => {
  test("makes it ask at once whether the connection still lives", () => {
    const connection = connected();
    connection.tick(1000);
    const [probe] = sent(connection.tick(3_600_000));
    expect(probe?.type).toBe("ping");
    expect(connection.tick(3_604_000)).toEqual([]);
    expect(does(connection.tick(3_605_000))).toEqual(["close"]);
  });

  test("does not end a connection that answers", () => {
    const connection = connected();
    connection.tick(1000);
    const [probe] = sent(connection.tick(3_600_000));
    connection.received(3_600_100, frame("pong", { id: probe?.id }));
    expect(connection.tick(3_605_000)).toEqual([]);
    expect(connection.view.phase).toBe("connected");
  });

  test("and a slow timer of a hidden tab is no reason to drop it", () => {
    const connection = connected();
    for (let minute = 1; minute <= 10; minute += 1) {
      const now = minute * 60_000;
      connection.received(now - 1000, frame("heartbeat"));
      const [ping] = sent(connection.tick(now));
      if (ping !== undefined) connection.received(now + 20, frame("pong", { id: ping.id }));
    }
    expect(connection.view.phase).toBe("connected");
  });

  test("ends a wait", () => {
    const connection = new Connection(ALL);
    connection.start(0);
    for (let round = 0; round < 6; round += 1) {
      connection.closed(0, 1006);
      connection.retry(0);
      connection.closed(0, 1006);
    }
    connection.tick(1);
    expect(does(connection.tick(600_000))).toEqual(["open"]);
  });
});

describe("the queue", () => {
  const test_ = (number: number) => ({ type: "test" as const, data: { number } });

  test("is flushed only after authentication, behind the subscription", () => {
    const connection = new Connection(ALL);
    connection.start(0);
    expect(connection.send(0, test_(1), 60_000)).toEqual([]);
    expect(connection.opened(10)).toEqual([]);
    expect(connection.view.queued).toBe(1);
    expect(sent(connection.received(20, authenticated))).toEqual([{ type: "subscribe", data: {} }, test_(1)]);
    expect(connection.view.queued).toBe(0);
    expect(sent(connection.send(30, test_(2), 60_000))).toEqual([test_(2)]);
  });

  test(`keeps the newest ${QUEUE_LIMIT}`, () => {
    const connection = new Connection(ALL);
    for (let number = 0; number < QUEUE_LIMIT + 20; number += 1) connection.send(0, test_(number), 60_000);
    connection.start(0);
    const [, first, ...rest] = sent(connection.received(1, authenticated));
    expect(first).toEqual(test_(20));
    expect(rest).toHaveLength(QUEUE_LIMIT - 1);
  });

  test("forgets what is over its time", () => {
    const connection = new Connection(ALL);
    connection.start(0);
    connection.send(0, test_(1), 1_000);
    connection.send(0, test_(2), 5_000);
    connection.tick(2_000);
    expect(connection.view.queued).toBe(1);
    expect(sent(connection.received(6_000, authenticated))).toEqual([{ type: "subscribe", data: {} }]);
  });
});
