// The one live state of this page, told to React at most once a frame; a hidden tab goes on reading and draws
// nothing.
import { createContext, useContext, useSyncExternalStore } from "react";
import { clock } from "../lib/clock";
import type { ConnectionView } from "../lib/connection";
import type { Alert, Command, ServerFrame, Snapshot, StopReport, TradingState } from "../lib/contract";
import type { LiveSocket } from "../lib/websocket";
import { apply, type LiveState, NOTHING, withAlert, withCommand, withStop, withTrading } from "./live-state";

export class LiveStore {
  private state: LiveState = NOTHING;
  private view: ConnectionView;
  private readonly listeners = new Set<() => void>();
  private readonly frameListeners = new Set<(frame: ServerFrame) => void>();
  private scheduled = false;
  private told: { readonly time: number; readonly at: number } | null = null;

  constructor() {
    this.view = {
      phase: "disconnected",
      attempt: 0,
      queued: 0,
      retryAt: null,
      reason: "stopped",
      latency: null,
      heardAt: null,
    };
    document.addEventListener("visibilitychange", () => this.schedule());
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly current = (): LiveState => this.state;
  readonly connection = (): ConnectionView => this.view;

  /** Hears of each frame as it comes. */
  listen(listener: (frame: ServerFrame) => void): () => void {
    this.frameListeners.add(listener);
    return () => this.frameListeners.delete(listener);
  }

  frame(frame: ServerFrame): void {
    const at = clock.now();
    this.told = { time: Date.parse(frame.timestamp), at };
    this.set(apply(this.state, frame, at));
    for (const listener of this.frameListeners) listener(frame);
  }

  /** A snapshot that was read by a call. */
  snapshot(data: Snapshot): void {
    // Without its time no age can be told, so that it is of no use.
    if (data.time === null) return;
    this.set(apply(this.state, { type: "snapshot", id: "", timestamp: data.time, data }, clock.now()));
  }

  /** What the server's clock last said, and when that was on ours. */
  serverTime(): { readonly time: number; readonly at: number } | null {
    return this.told;
  }

  connectionChanged(view: ConnectionView): void {
    this.view = view;
    this.schedule();
  }

  command(command: Command): void {
    this.set(withCommand(this.state, command));
  }

  trading(states: readonly TradingState[]): void {
    this.set(states.reduce(withTrading, this.state));
  }

  stop(report: StopReport | null): void {
    this.set(withStop(this.state, report));
  }

  alert(alert: Alert | null): void {
    this.set(withAlert(this.state, alert));
  }

  private set(next: LiveState): void {
    if (next === this.state) return;
    this.state = next;
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled || document.visibilityState === "hidden") return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      for (const listener of this.listeners) listener();
    });
  }
}

export interface Live {
  readonly store: LiveStore;
  readonly socket: LiveSocket;
}

export const LiveContext = createContext<Live | null>(null);

export function useLiveParts(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error("outside of a session");
  return live;
}

/** What `select` picks of the live state; it has to answer with the same object while nothing changed. */
export function useLive<Picked>(select: (state: LiveState) => Picked): Picked {
  const { store } = useLiveParts();
  return useSyncExternalStore(store.subscribe, () => select(store.current()));
}

export function useConnection(): ConnectionView {
  const { store } = useLiveParts();
  return useSyncExternalStore(store.subscribe, store.connection);
}
