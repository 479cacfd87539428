// The life of the connection, without socket, clock or chance: it is told what happened and when, and answers
// with what to do. `websocket.ts` is the shell around it.
import type { ClientFrame, ServerFrame } from "./contract";

/** `error` is final until a person acts: the session is over, or this page may not connect. */
export type ConnectionPhase = "connecting" | "connected" | "disconnected" | "error";

export interface ConnectionView {
  readonly phase: ConnectionPhase;
  /** Tries since the connection last worked. */
  readonly attempt: number;
  /** Frames of ours that wait for a connection. */
  readonly queued: number;
  /** When the next try begins, on the clock of `now`; null: none is waited for. */
  readonly retryAt: number | null;
  /** Why it is in `error`, or why it was lost. */
  readonly reason: "" | "credentials" | "origin" | "silent" | "closed" | "gap" | "slow" | "stopped";
  /** Of the last ping, in milliseconds; null: none was answered yet. */
  readonly latency: number | null;
  /** Milliseconds of the clock when the last frame came; null: none did. */
  readonly heardAt: number | null;
}

export interface Cursor {
  readonly afterSeq: number;
  readonly epoch: string;
}

export type Effect =
  | { do: "open" }
  | { do: "close" }
  | { do: "send"; frame: ClientFrame }
  | { do: "deliver"; frame: ServerFrame };

export const BACKOFF_SECONDS = [1, 2, 4, 8, 16, 30] as const;
export const QUEUE_LIMIT = 100;
const OPEN_MILLISECONDS = 15_000;
const PING_EVERY_MILLISECONDS = 30_000;
const PONG_MILLISECONDS = 10_000;
const PROBE_MILLISECONDS = 5_000;
/** The gateway's own heartbeat comes every 5 s. */
const SILENCE_MILLISECONDS = 20_000;
/** Ticks come every second; where one is this late, the machine slept. */
const SLEPT_MILLISECONDS = 15_000;
const CREDENTIALS_BAD = 4503;
const ORIGIN_BAD = 4504;
const TOO_SLOW = 4008;

interface Queued {
  frame: ClientFrame;
  until: number;
}

export class Connection {
  private phase: ConnectionPhase = "disconnected";
  private attempt = 0;
  private reason: ConnectionView["reason"] = "stopped";
  private retryAt: number | null = null;
  private openUntil: number | null = null;
  private cursor: Cursor | null = null;
  private awaitsSnapshot = true;
  private queue: Queued[] = [];
  private pingAt = 0;
  private ping: { id: string; sentAt: number; until: number } | null = null;
  private pings = 0;
  private latency: number | null = null;
  private heardAt: number | null = null;
  /** What the silence is counted from: the last frame, or a probe after it. */
  private quietSince = 0;
  private tickedAt: number | null = null;

  /** `chance` answers with a number from 0 to 1, for the jitter. */
  constructor(private readonly chance: () => number) {}

  get view(): ConnectionView {
    const { phase, attempt, retryAt, reason, latency, heardAt } = this;
    return { phase, attempt, queued: this.queue.length, retryAt, reason, latency, heardAt };
  }

  get position(): Cursor | null {
    return this.cursor;
  }

  start(now: number): Effect[] {
    this.tickedAt = now;
    this.attempt = 0;
    return this.open(now);
  }

  stop(): Effect[] {
    const open = this.openUntil !== null || this.phase === "connected";
    this.lose("disconnected", "stopped");
    this.retryAt = null;
    this.queue = [];
    this.cursor = null;
    return open ? [{ do: "close" }] : [];
  }

  /** The socket is open; the gateway now looks at the cookie. */
  opened(now: number): Effect[] {
    this.quietSince = now;
    return [];
  }

  closed(now: number, code: number): Effect[] {
    if (this.phase === "error" || this.reason === "stopped") return [];
    if (this.phase === "disconnected" && this.retryAt !== null) return [];
    if (code === CREDENTIALS_BAD || code === ORIGIN_BAD) {
      this.lose("error", code === CREDENTIALS_BAD ? "credentials" : "origin");
      this.retryAt = null;
      return [];
    }
    this.waitToRetry(now, code === TOO_SLOW ? "slow" : "closed");
    return [];
  }

  /** Time went by. */
  tick(now: number): Effect[] {
    const slept = this.tickedAt !== null && now - this.tickedAt > SLEPT_MILLISECONDS;
    this.tickedAt = now;
    this.queue = this.queue.filter((waiting) => waiting.until > now);
    if (slept) return this.wake(now);
    switch (this.phase) {
      case "disconnected":
        return this.retryAt !== null && now >= this.retryAt ? this.open(now) : [];
      case "connecting":
        return this.openUntil !== null && now >= this.openUntil ? this.drop(now, "silent") : [];
      case "connected":
        return this.beat(now);
      case "error":
        return [];
    }
  }

  /** The network or the tab is back, or the machine woke: what waits is tried at once, what is open is probed. */
  wake(now: number): Effect[] {
    if (this.phase === "disconnected" && this.retryAt !== null) {
      this.attempt = 0;
      return this.open(now);
    }
    if (this.phase === "connected" && this.ping === null) return this.sendPing(now, PROBE_MILLISECONDS);
    return [];
  }

  /** A person asks to try again. */
  retry(now: number): Effect[] {
    if (this.phase === "connected" || this.phase === "connecting") return [];
    this.attempt = 0;
    return this.open(now);
  }

  /** Takes a frame of ours: sent now, or once authenticated again unless its time is over by then. */
  send(now: number, frame: ClientFrame, timeToLive: number): Effect[] {
    if (this.phase === "connected") return [{ do: "send", frame }];
    this.queue = [...this.queue, { frame, until: now + timeToLive }].slice(-QUEUE_LIMIT);
    return [];
  }

  /** For the tester: asks for an epoch that the gateway does not have; it answers with a gap and a snapshot. */
  injectGap(now: number): Effect[] {
    if (this.phase !== "connected" || this.cursor === null) return [];
    this.cursor = { ...this.cursor, epoch: "injected-gap" };
    this.lose("disconnected", "gap");
    this.attempt = 0;
    return [{ do: "close" }, ...this.open(now)];
  }

  received(now: number, frame: ServerFrame): Effect[] {
    this.heardAt = now;
    this.quietSince = now;
    switch (frame.type) {
      case "authenticated":
        return this.authenticated(now, frame);
      case "pong":
        if (this.ping !== null && frame.data.id === this.ping.id) {
          this.latency = now - this.ping.sentAt;
          this.ping = null;
        }
        return [{ do: "deliver", frame }];
      case "snapshot":
        this.attempt = 0;
        this.awaitsSnapshot = false;
        this.cursor = { afterSeq: frame.data.seq, epoch: frame.data.epoch };
        return [{ do: "deliver", frame }];
      case "gap":
        // What follows is a snapshot; nothing before it fits what we have.
        this.awaitsSnapshot = true;
        return [{ do: "deliver", frame }];
      case "heartbeat":
        this.attempt = 0;
        return [{ do: "deliver", frame }];
      default:
        return frame.seq === undefined ? [{ do: "deliver", frame }] : this.numbered(now, frame, frame.seq);
    }
  }

  private numbered(now: number, frame: ServerFrame, seq: number): Effect[] {
    if (this.cursor === null || this.awaitsSnapshot) return [];
    if (seq <= this.cursor.afterSeq) return [];
    if (seq > this.cursor.afterSeq + 1) {
      // A hole that the gateway did not announce: what is shown would be wrong, so it is fetched anew.
      this.cursor = null;
      return this.drop(now, "gap");
    }
    this.cursor = { ...this.cursor, afterSeq: seq };
    return [{ do: "deliver", frame }];
  }

  private authenticated(now: number, frame: ServerFrame): Effect[] {
    this.phase = "connected";
    this.reason = "";
    this.openUntil = null;
    this.retryAt = null;
    this.ping = null;
    this.pingAt = now + PING_EVERY_MILLISECONDS;
    this.awaitsSnapshot = this.cursor === null;
    const waiting = this.queue.filter((queued) => queued.until > now);
    this.queue = [];
    return [
      { do: "deliver", frame },
      { do: "send", frame: { type: "subscribe", data: this.cursor ?? {} } },
      ...waiting.map((queued): Effect => ({ do: "send", frame: queued.frame })),
    ];
  }

  private beat(now: number): Effect[] {
    const silent = now - this.quietSince > SILENCE_MILLISECONDS;
    if (silent || (this.ping !== null && now >= this.ping.until)) return this.drop(now, "silent");
    return this.ping === null && now >= this.pingAt ? this.sendPing(now, PONG_MILLISECONDS) : [];
  }

  private sendPing(now: number, within: number): Effect[] {
    this.pings += 1;
    const id = `p${this.pings}`;
    this.ping = { id, sentAt: now, until: now + within };
    this.pingAt = now + PING_EVERY_MILLISECONDS;
    // After a sleep nothing could have been heard.
    this.quietSince = now;
    return [{ do: "send", frame: { type: "ping", id } }];
  }

  private open(now: number): Effect[] {
    this.phase = "connecting";
    this.reason = "";
    this.attempt += 1;
    this.retryAt = null;
    this.openUntil = now + OPEN_MILLISECONDS;
    return [{ do: "open" }];
  }

  private drop(now: number, reason: ConnectionView["reason"]): Effect[] {
    this.waitToRetry(now, reason);
    return [{ do: "close" }];
  }

  private waitToRetry(now: number, reason: ConnectionView["reason"]): void {
    this.lose("disconnected", reason);
    const step = BACKOFF_SECONDS[Math.min(Math.max(this.attempt, 1), BACKOFF_SECONDS.length) - 1] ?? 30;
    this.retryAt = now + this.chance() * step * 1000;
  }

  private lose(phase: ConnectionPhase, reason: ConnectionView["reason"]): void {
    this.phase = phase;
    this.reason = reason;
    this.openUntil = null;
    this.ping = null;
    this.awaitsSnapshot = true;
  }
}
