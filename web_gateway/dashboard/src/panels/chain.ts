// The chain from this page to the broker, link by link, as the last heartbeat told it and time has gone on.
import type { Account, ChainAge } from "../lib/contract";
import type { ConnectionView } from "../lib/connection";
import { age, words } from "../lib/format";
import { ageOf, grown, judged, type LiveState } from "../store/live-state";
import { GONE_SECONDS, STALE_SECONDS } from "../ui/Age";
import type { LampState } from "../ui/Lamp";

export interface Link {
  readonly name: "server" | "bridge" | "terminal" | "guard";
  readonly lamp: LampState;
  /** Short, beside the lamp. */
  readonly text: string;
  /** The whole of it. */
  readonly words: string;
}

const GUARD_SLOW_SECONDS = 3;
const GUARD_BLIND_SECONDS = 10;
/** The bridge tells by itself that often when its guard last looked. */
const BRIDGE_BEAT_SECONDS = 5;
const QUIET_MARKET_SECONDS = 60;

export function serverLink(connection: ConnectionView, state: LiveState, now: number): Link {
  const seconds = grown(state.server?.age, state.heartbeatAt, now);
  if (connection.phase !== "connected") {
    const since = connection.heardAt === null ? null : (now - connection.heardAt) / 1000;
    const heard = since === null ? "never heard" : `heard ${age(since)} ago`;
    return { name: "server", lamp: "off", text: since === null ? "away" : age(since), words: `not connected, ${heard}` };
  }
  if (state.server === null || seconds === null) {
    return { name: "server", lamp: "unknown", text: "…", words: "no heartbeat yet" };
  }
  if (!state.server.connected) {
    return { name: "server", lamp: "off", text: age(seconds), words: `the gateway lost the server ${age(seconds)} ago` };
  }
  return { name: "server", lamp: lampOf(judged(state.server.age, state.heartbeatAt, now) ?? seconds), text: age(seconds), words: `heard ${age(seconds)} ago` };
}

export function accountLinks(account: Account, chain: ChainAge | undefined, state: LiveState, now: number): Link[] {
  const since = state.heartbeatAt;
  // Money that was read is a read of the terminal, and came by the bridge: it may be newer than the heartbeat.
  const read = ageOf(state.money.get(account.accountId), now);
  const of = (seconds: number | null | undefined): Heard | null => {
    const age = grown(seconds, since, now);
    const judge = judged(seconds, since, now);
    if (age === null || judge === null) return null;
    return { age: least(age, read), judge: least(judge, read) };
  };
  return [
    bridgeLink(account, chain, of(chain?.bridgeAgeSeconds)),
    terminalLink(account, chain, of(chain?.terminalAgeSeconds)),
    guardLink(account, guardSight(account, chain, state, now)),
  ];
}

/**
 * How long ago the guard last looked: each read of the terminal is a look. It is judged slow once a word of it is
 * late, or once the bridge says that its terminal does not answer.
 */
export function guardSight(
  account: Account | undefined,
  chain: ChainAge | undefined,
  { heartbeatAt, money }: Pick<LiveState, "heartbeatAt" | "money">,
  now: number,
): Heard | null {
  const told = grown(chain?.guardAgeSeconds, heartbeatAt, now);
  const judge = judged(chain?.guardAgeSeconds, heartbeatAt, now);
  if (told === null || judge === null) return null;
  const read = account === undefined ? null : ageOf(money.get(account.accountId), now);
  const blind = account?.bridge?.terminal?.blindSeconds ?? null;
  const age = least(told, read);
  return { age, judge: blind === null ? Math.max(0, least(judge, read) - BRIDGE_BEAT_SECONDS) : Math.max(age, blind) };
}

export type Sight = "fresh" | "slow" | "blind" | "unknown";

export function sightOf(heard: Heard | null): Sight {
  if (heard === null) return "unknown";
  return heard.judge >= GUARD_BLIND_SECONDS ? "blind" : heard.judge >= GUARD_SLOW_SECONDS ? "slow" : "fresh";
}

/** Seconds, as shown and as judged. */
export interface Heard {
  readonly age: number;
  readonly judge: number;
}

function least(seconds: number, other: number | null): number {
  return other === null ? seconds : Math.min(seconds, other);
}

/** A market without ticks is a state of its own, and no fault. */
export function marketWords(chain: ChainAge | undefined, since: number | null, now: number): string | null {
  const seconds = grown(chain?.tickAgeSeconds, since, now);
  if (seconds === null || seconds < QUIET_MARKET_SECONDS) return null;
  return `no tick for ${age(seconds)}`;
}

function bridgeLink(account: Account, chain: ChainAge | undefined, heard: Heard | null): Link {
  const { bridge } = account;
  if (bridge === null) return { name: "bridge", lamp: "off", text: "none", words: "no bridge is paired" };
  if (chain === undefined) return { name: "bridge", lamp: "unknown", text: "…", words: "not known yet" };
  if (heard === null) return { name: "bridge", lamp: "off", text: "away", words: words(bridge.state) };
  if (bridge.state === "DEGRADED") {
    return { name: "bridge", lamp: "slow", text: age(heard.age), words: "only one of its two streams lives: it may not open" };
  }
  return { name: "bridge", lamp: lampOf(heard.judge), text: age(heard.age), words: `heard ${age(heard.age)} ago` };
}

function terminalLink(account: Account, chain: ChainAge | undefined, heard: Heard | null): Link {
  const terminal = account.bridge?.terminal ?? null;
  if (heard === null) return { name: "terminal", lamp: "unknown", text: "…", words: "not known" };
  const text = age(heard.age);
  if (chain?.brokerConnected === false) {
    return { name: "terminal", lamp: "off", text, words: `read ${text} ago; it has no connection to the broker` };
  }
  if (terminal !== null && terminal.state !== "READY" && terminal.state !== "UNSPECIFIED") {
    const why = terminal.errorText === "" ? words(terminal.state) : `${words(terminal.state)}: ${terminal.errorText}`;
    return { name: "terminal", lamp: "off", text, words: why };
  }
  return { name: "terminal", lamp: lampOf(heard.judge), text, words: `read ${text} ago` };
}

function guardLink(account: Account, heard: Heard | null): Link {
  if (heard === null) return { name: "guard", lamp: "unknown", text: "…", words: "not known" };
  const many = account.bridge?.terminal?.guardedCount ?? 0;
  const what = many === 0 ? "no hidden level to guard" : `guards ${many} hidden ${many === 1 ? "level" : "levels"}`;
  const { age: seconds } = heard;
  const lamp = ({ fresh: "on", slow: "slow", blind: "alarm", unknown: "unknown" } as const)[sightOf(heard)];
  return { name: "guard", lamp, text: age(seconds), words: `${what}, last look ${age(seconds)} ago` };
}

function lampOf(seconds: number): LampState {
  return seconds >= GONE_SECONDS ? "off" : seconds >= STALE_SECONDS ? "slow" : "on";
}

const ORDER: readonly LampState[] = ["on", "unknown", "slow", "off", "alarm"];

/** The worst of several accounts' links of one kind. */
export function worst(links: readonly Link[]): Link | undefined {
  return [...links].sort((a, b) => ORDER.indexOf(b.lamp) - ORDER.indexOf(a.lamp))[0];
}
