// What is known live: a snapshot and every event after it. Pure; `now` is the local steady clock in
// milliseconds, so that ages go on growing without a word from the server.
import type {
  Account,
  AccountState,
  Alert,
  ChainAge,
  Command,
  LiveTrade,
  Order,
  ServerFrame,
  StopReport,
  SyncReport,
  Trade,
  TradingState,
} from "../lib/contract";

/** Something whose age was `age` seconds when it came at `at`; null: its age is not known. */
export interface Aged {
  readonly age: number | null;
  readonly at: number;
}

export type Quote = LiveTrade & Aged;
export type Money = AccountState & Aged;

export interface EquityPoint {
  readonly time: number;
  readonly equity: number;
}

type Table<Value> = ReadonlyMap<string, Value>;

export interface LiveState {
  /** A snapshot was had; false: nothing is known, and nothing may be drawn as empty. */
  readonly ready: boolean;
  /** The last lossless event that is in here. */
  readonly seq: number;
  readonly accounts: Table<Account>;
  readonly money: Table<Money>;
  readonly trades: Table<Trade>;
  readonly quotes: Table<Quote>;
  readonly orders: Table<Order>;
  /** Open ones, and those that ended since the page was opened. */
  readonly commands: Table<Command>;
  readonly trading: Table<TradingState>;
  readonly alerts: Table<Alert>;
  /** Stops in force, and those whose progress was told. */
  readonly stops: Table<StopReport>;
  readonly syncs: Table<SyncReport>;
  readonly chains: Table<ChainAge>;
  /** When the ages of `chains` and `server` were told. */
  readonly heartbeatAt: number | null;
  readonly server: { readonly connected: boolean; readonly age: number } | null;
  /** Equity of each account as seen by this page, oldest first. */
  readonly equity: Table<readonly EquityPoint[]>;
}

const COMMANDS_KEPT = 200;
const EQUITY_KEPT = 3600;

export const NOTHING: LiveState = {
  ready: false,
  seq: 0,
  accounts: new Map(),
  money: new Map(),
  trades: new Map(),
  quotes: new Map(),
  orders: new Map(),
  commands: new Map(),
  trading: new Map(),
  alerts: new Map(),
  stops: new Map(),
  syncs: new Map(),
  chains: new Map(),
  heartbeatAt: null,
  server: null,
  equity: new Map(),
};

export const FINAL_STATES: ReadonlySet<string> = new Set([
  "SUCCEEDED",
  "PARTIAL",
  "REJECTED",
  "EXPIRED",
  "CANCELLED",
  "FENCED",
]);

export function isFinal(command: Command): boolean {
  return FINAL_STATES.has(command.state);
}

const openCommands = new WeakMap<LiveState["commands"], ReadonlyMap<string, Command>>();

/** A command on this trade or pending order that has not ended; asked by every row at every change. */
export function openCommandOn(commands: LiveState["commands"], id: string): Command | undefined {
  let open = openCommands.get(commands);
  if (open === undefined) {
    const found = new Map<string, Command>();
    for (const command of commands.values()) {
      if (isFinal(command)) continue;
      if (command.tradeId !== "") found.set(command.tradeId, command);
      if (command.orderId !== "") found.set(command.orderId, command);
    }
    openCommands.set(commands, found);
    open = found;
  }
  return open.get(id);
}

/** Seconds old by now; null: not known. */
export function ageOf(aged: Aged | undefined, now: number): number | null {
  if (aged === undefined || aged.age === null) return null;
  return Math.max(0, aged.age + (now - aged.at) / 1000);
}

/**
 * Seconds since the terminal was last read with this number as it is. The bridge sends what has changed alone, so
 * that a later read without a word of it confirms it; null: not known.
 */
export function readAge(
  aged: Aged | undefined,
  terminalAgeSeconds: number | null | undefined,
  heartbeatAt: number | null,
  now: number,
): number | null {
  const own = ageOf(aged, now);
  const read = grown(terminalAgeSeconds, heartbeatAt, now);
  return own === null || read === null ? own : Math.min(own, read);
}

/** Seconds since what the heartbeat said; null: it said nothing. */
export function grown(seconds: number | null | undefined, since: number | null, now: number): number | null {
  if (seconds === null || seconds === undefined || since === null) return null;
  return Math.max(0, seconds + (now - since) / 1000);
}

/** The gateway's heartbeat comes every 5 s; until the next one is late, growing older is no sign of trouble. */
const BEAT_SECONDS = 6;

/** The age to judge by: what the heartbeat said, and only that time since which it should not have been silent. */
export function judged(seconds: number | null | undefined, since: number | null, now: number): number | null {
  const age = grown(seconds, since, now);
  if (age === null || seconds === null || seconds === undefined) return null;
  return Math.max(seconds, age - BEAT_SECONDS);
}

export function apply(state: LiveState, frame: ServerFrame, now: number): LiveState {
  if (frame.seq === undefined) return applied(state, frame, now);
  // A snapshot that was read apart from the stream may be ahead of it.
  if (frame.seq <= state.seq) return state;
  return { ...applied(state, frame, now), seq: frame.seq };
}

function applied(state: LiveState, frame: ServerFrame, now: number): LiveState {
  switch (frame.type) {
    case "snapshot": {
      const { data } = frame;
      const money = byId(data.accountStates.map((each) => aged(each, frame.timestamp, now)), "accountId");
      return {
        ready: true,
        seq: data.seq,
        accounts: byId(data.accounts, "accountId"),
        money,
        trades: byId(data.trades, "tradeId"),
        quotes: byId(data.live.map((each) => aged(each, frame.timestamp, now)), "tradeId"),
        orders: byId(data.orders, "orderId"),
        // What ended while nobody listened is not in it; what had not ended and is missing has.
        commands: new Map([
          ...[...state.commands].filter(([, command]) => isFinal(command)),
          ...byId(data.commands, "commandId"),
        ]),
        trading: byId(data.tradingStates, "accountId"),
        alerts: byId(data.alerts, "alertId"),
        stops: byId(data.stops, "stopId"),
        syncs: state.syncs,
        chains: state.chains,
        heartbeatAt: state.heartbeatAt,
        server: state.server,
        equity: withPoints(state.equity, money, Date.parse(frame.timestamp)),
      };
    }
    case "heartbeat":
      return {
        ...state,
        chains: byId(frame.data.chains, "accountId"),
        heartbeatAt: now,
        server: { connected: frame.data.serverConnected, age: frame.data.serverAgeSeconds },
      };
    case "trade_opened":
      return { ...state, trades: withTrade(state.trades, frame.data.trade) };
    case "trade_update":
    case "trailing_stop_update": {
      const live = frame.type === "trade_update" ? frame.data.live : [];
      let { quotes } = state;
      if (live.length > 0) {
        const next = new Map(quotes);
        for (const each of live) next.set(each.tradeId, aged(each, frame.timestamp, now));
        quotes = next;
      }
      return { ...state, quotes, trades: withTrade(state.trades, frame.data.trade) };
    }
    case "trade_closed": {
      const quotes = new Map(state.quotes);
      if (frame.data.trade !== null) quotes.delete(frame.data.trade.tradeId);
      return { ...state, quotes, trades: withTrade(state.trades, frame.data.trade) };
    }
    case "order_update":
      return { ...state, orders: withOrder(state.orders, frame.data.order) };
    case "command_update":
      return frame.data.command === null ? state : withCommand(state, frame.data.command);
    case "mt5_status_update": {
      const { account } = frame.data;
      return account === null ? state : { ...state, accounts: put(state.accounts, account.accountId, account) };
    }
    case "account_update": {
      if (frame.data.state === null) return state;
      const read = aged(frame.data.state, frame.timestamp, now);
      const money = new Map([[read.accountId, read]]);
      return {
        ...state,
        money: put(state.money, read.accountId, read),
        equity: withPoints(state.equity, money, Date.parse(frame.timestamp)),
      };
    }
    case "emergency_stop":
      return withStop(withTrading(state, frame.data.state), frame.data.report);
    case "stop_progress":
      return withStop(state, frame.data.report);
    case "trading_rearmed": {
      const stops = new Map(state.stops);
      for (const stopId of frame.data.stopIds) stops.delete(stopId);
      return { ...withTrading(state, frame.data.state), stops };
    }
    case "trading_paused":
    case "trading_resumed":
    case "stealth_changed":
      return withTrading(state, frame.data.state);
    case "desktop_sync_complete": {
      const { report } = frame.data;
      return report === null ? state : { ...state, syncs: put(state.syncs, report.accountId, report) };
    }
    case "error_alert":
      return withAlert(state, frame.data.alert);
    default:
      return state;
  }
}

/** What an answer over REST tells; the newer of two words is kept. */
export function withCommand(state: LiveState, command: Command): LiveState {
  const known = state.commands.get(command.commandId);
  if (known !== undefined && rank(known) > rank(command)) return state;
  const commands = new Map(state.commands);
  commands.set(command.commandId, command);
  for (const [id, each] of commands) {
    if (commands.size <= COMMANDS_KEPT) break;
    if (isFinal(each)) commands.delete(id);
  }
  return { ...state, commands };
}

/** A word of the bridge can be overtaken by an answer that was read before it; the higher revision is newer. */
export function withTrading(state: LiveState, trading: TradingState | null): LiveState {
  if (trading === null) return state;
  const known = state.trading.get(trading.accountId);
  if (known !== undefined && revision(known) > revision(trading)) return state;
  return { ...state, trading: put(state.trading, trading.accountId, trading) };
}

/** Reports come account by account; they are joined to one. */
export function withStop(state: LiveState, report: StopReport | null): LiveState {
  if (report === null) return state;
  const known = state.stops.get(report.stopId);
  const told = new Set(report.accounts.map((account) => account.accountId));
  const others = known?.accounts.filter((account) => !told.has(account.accountId)) ?? [];
  const joined = { ...report, accounts: [...others, ...report.accounts] };
  return { ...state, stops: put(state.stops, report.stopId, joined) };
}

const RANKS: Record<string, number> = { PENDING: 0, DELIVERED: 1, RUNNING: 2, UNKNOWN: 3 };

function rank(command: Command): number {
  return RANKS[command.state] ?? 4;
}

function revision(trading: TradingState): number {
  return (trading.wanted?.revision ?? 0) * 2 + (trading.applied?.revision === trading.wanted?.revision ? 1 : 0);
}

function withTrade(trades: Table<Trade>, trade: Trade | null): Table<Trade> {
  if (trade === null) return trades;
  return trade.state === "CLOSED" ? without(trades, trade.tradeId) : put(trades, trade.tradeId, trade);
}

function withOrder(orders: Table<Order>, order: Order | null): Table<Order> {
  if (order === null) return orders;
  const stands = order.state === "WORKING" || order.state === "UNKNOWN_MISSING";
  return stands ? put(orders, order.orderId, order) : without(orders, order.orderId);
}

/** Only what is not acknowledged is kept. */
export function withAlert(state: LiveState, alert: Alert | null): LiveState {
  if (alert === null) return state;
  const { alertId, acknowledgeTime } = alert;
  const alerts = acknowledgeTime === null ? put(state.alerts, alertId, alert) : without(state.alerts, alertId);
  return { ...state, alerts };
}

function withPoints(
  equity: LiveState["equity"],
  money: ReadonlyMap<string, Money>,
  time: number,
): LiveState["equity"] {
  const next = new Map(equity);
  const second = Math.floor(time / 1000);
  for (const [accountId, read] of money) {
    if (read.equity === null) continue;
    const points = next.get(accountId) ?? [];
    const last = points.at(-1);
    if (last !== undefined && last.time > second) continue;
    const kept = last?.time === second ? points.slice(0, -1) : points.slice(-(EQUITY_KEPT - 1));
    next.set(accountId, [...kept, { time: second, equity: read.equity }]);
  }
  return next;
}

/** How old it was when it came: between two clocks of the server's side, never this machine's. */
function aged<Read extends { readTime: string | null }>(read: Read, timestamp: string, now: number): Read & Aged {
  const age = read.readTime === null ? null : (Date.parse(timestamp) - Date.parse(read.readTime)) / 1000;
  return { ...read, age, at: now };
}

function byId<Key extends string, Value extends { [Name in Key]: string }>(
  values: readonly Value[],
  key: Key,
): ReadonlyMap<string, Value> {
  return new Map(values.map((value) => [value[key], value]));
}

function put<Value>(table: Table<Value>, id: string, value: Value): Table<Value> {
  return new Map(table).set(id, value);
}

function without<Value>(table: Table<Value>, id: string): Table<Value> {
  if (!table.has(id)) return table;
  const next = new Map(table);
  next.delete(id);
  return next;
}
