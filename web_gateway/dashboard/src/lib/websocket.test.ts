import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ServerFrame } from "./contract";
import { LiveSocket, type SocketLike } from "./websocket";

class FakeSocket implements SocketLike {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: string[] = [];
  closed = false;

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.closed = true;
  }

  says(type: string, data: unknown = {}): void {
    this.onmessage?.({ data: JSON.stringify({ type, id: "f", timestamp: "", data }) });
  }
}

let sockets: FakeSocket[];
let frames: ServerFrame[];
let phases: string[];
let live: LiveSocket;
let now: number;

beforeEach(() => {
  vi.useFakeTimers();
  [sockets, frames, phases, now] = [[], [], [], 0];
  live = new LiveSocket({
    open: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    clock: { now: () => now },
    chance: () => 1,
    onFrame: (frame) => frames.push(frame),
    onView: (view) => phases.push(view.phase),
  });
});

afterEach(() => {
  live.stop();
  vi.useRealTimers();
});

function pass(seconds: number): void {
  for (let second = 0; second < seconds; second += 1) {
    now += 1000;
    vi.advanceTimersByTime(1000);
  }
}

test("one socket at a time, opened again by the timer", () => {
  live.start();
  sockets[0]?.onopen?.();
  sockets[0]?.says("authenticated");
  sockets[0]?.says("snapshot", { seq: 3, epoch: "e" });
  expect(sockets[0]?.sent).toEqual(['{"type":"subscribe","data":{}}']);
  expect(frames.map((frame) => frame.type)).toEqual(["authenticated", "snapshot"]);
  sockets[0]?.onclose?.({ code: 1006 });
  pass(1);
  expect(sockets).toHaveLength(2);
  sockets[1]?.says("authenticated");
  expect(sockets[1]?.sent).toEqual(['{"type":"subscribe","data":{"afterSeq":3,"epoch":"e"}}']);
  expect(phases.filter((phase, index) => phase !== phases[index - 1])).toEqual([
    "connecting",
    "connected",
    "disconnected",
    "connecting",
    "connected",
  ]);
});

test("a socket that was given up is not listened to any more", () => {
  live.start();
  const first = sockets[0];
  first?.says("authenticated");
  pass(21);
  expect(first?.closed).toBe(true);
  expect(first?.onmessage).toBeNull();
  expect(first?.onclose).toBeNull();
});

test("stopping ends the socket and the timer", () => {
  live.start();
  live.stop();
  expect(sockets[0]?.closed).toBe(true);
  pass(60);
  expect(sockets).toHaveLength(1);
});
