// Keeps one WebSocket of this tab open and goes on where it ended. What to do and when is `Connection`'s; here
// are the socket, the clock and the browser's events.
import { type Clock, clock as realClock } from "./clock";
import { Connection, type ConnectionView } from "./connection";
import type { ClientFrame, ServerFrame } from "./contract";

/** What is used of a browser's WebSocket. */
export interface SocketLike {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface FrameRecord {
  readonly direction: "in" | "out";
  readonly at: number;
  readonly text: string;
}

export interface LiveSocketOptions {
  readonly open?: () => SocketLike;
  readonly clock?: Clock;
  readonly chance?: () => number;
  readonly onFrame: (frame: ServerFrame) => void;
  readonly onView: (view: ConnectionView) => void;
}

export class LiveSocket {
  private readonly connection: Connection;
  private readonly clock: Clock;
  private readonly openSocket: () => SocketLike;
  private socket: SocketLike | null = null;
  private timer: ReturnType<typeof setInterval> | null = null;
  private shown = "";
  private tap: ((record: FrameRecord) => void) | null = null;

  constructor(private readonly options: LiveSocketOptions) {
    this.clock = options.clock ?? realClock;
    this.openSocket = options.open ?? (() => new WebSocket(address(location)) as SocketLike);
    this.connection = new Connection(options.chance ?? Math.random);
  }

  start(): void {
    this.run((now) => this.connection.start(now));
    this.timer = setInterval(() => this.run((now) => this.connection.tick(now)), 1000);
    if (typeof window !== "undefined") {
      window.addEventListener("online", this.wake);
      document.addEventListener("visibilitychange", this.wakeIfVisible);
    }
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    if (typeof window !== "undefined") {
      window.removeEventListener("online", this.wake);
      document.removeEventListener("visibilitychange", this.wakeIfVisible);
    }
    this.run(() => this.connection.stop());
  }

  retry(): void {
    this.run((now) => this.connection.retry(now));
  }

  send(frame: ClientFrame, timeToLiveMilliseconds: number): void {
    this.run((now) => this.connection.send(now, frame, timeToLiveMilliseconds));
  }

  /** Lets the tester see raw frames; null ends it. */
  watch(tap: ((record: FrameRecord) => void) | null): void {
    this.tap = tap;
  }

  /** For the tester: behaves as if the connection were lost. */
  cut(): void {
    this.socket?.close();
  }

  /** For the tester: reconnects with a position that the gateway cannot serve, so that it tells a gap. */
  forgetPosition(): void {
    this.run((now) => this.connection.injectGap(now));
  }

  private readonly wake = (): void => this.run((now) => this.connection.wake(now));

  private readonly wakeIfVisible = (): void => {
    if (document.visibilityState === "visible") this.wake();
  };

  private run(step: (now: number) => ReturnType<Connection["tick"]>): void {
    for (const effect of step(this.clock.now())) {
      switch (effect.do) {
        case "open":
          this.open();
          break;
        case "close":
          this.abandon();
          break;
        case "send":
          this.write(effect.frame);
          break;
        case "deliver":
          this.options.onFrame(effect.frame);
          break;
      }
    }
    const { view } = this.connection;
    const text = JSON.stringify([view.phase, view.attempt, view.queued, view.retryAt, view.reason, view.latency]);
    if (text !== this.shown) {
      this.shown = text;
      this.options.onView(view);
    }
  }

  private open(): void {
    this.abandon();
    const socket = this.openSocket();
    this.socket = socket;
    socket.onopen = () => this.run((now) => this.connection.opened(now));
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") return;
      this.tap?.({ direction: "in", at: this.clock.now(), text: data });
      const frame = JSON.parse(data) as ServerFrame;
      this.run((now) => this.connection.received(now, frame));
    };
    socket.onclose = ({ code }) => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.run((now) => this.connection.closed(now, code));
    };
  }

  /** Ends a socket that is not listened to any more: a dead one may take minutes to say that it closed. */
  private abandon(): void {
    const { socket } = this;
    this.socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private write(frame: ClientFrame): void {
    const text = JSON.stringify(frame);
    this.tap?.({ direction: "out", at: this.clock.now(), text });
    try {
      this.socket?.send(text);
    } catch {
      // The socket is closing; its close event says so in a moment.
    }
  }
}

function address(page: { protocol: string; host: string }): string {
  return `${page.protocol === "https:" ? "wss" : "ws"}://${page.host}/ws`;
}
