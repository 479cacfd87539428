// What is shown, built from a snapshot and the events after it.
export function emptyState() {
  return {
    seq: 0, epoch: "", heartbeatAt: null,
    accounts: new Map(), money: new Map(), trades: new Map(), live: new Map(),
    chains: new Map(), trading: new Map(),
  };
}

const keyed = (items, key) => new Map(items.map((item) => [item[key], item]));

function put(state, trade) {
  if (!trade) return;
  if (trade.state === "CLOSED") state.trades.delete(trade.tradeId);
  else state.trades.set(trade.tradeId, trade);
}

// How old a price was when it came: between two clocks of the server's side, never this machine's.
function aged(frame, live) {
  const ageSeconds = live.readTime ? (Date.parse(frame.timestamp) - Date.parse(live.readTime)) / 1000 : null;
  return { ...live, ageSeconds, arrivedAt: performance.now() };
}

export function apply(state, frame) {
  const { type, data } = frame;
  if (frame.seq !== undefined) {
    if (frame.seq <= state.seq) return;
    state.seq = frame.seq;
  }
  if (type === "snapshot") {
    state.seq = data.seq;
    state.epoch = data.epoch;
    state.accounts = keyed(data.accounts, "accountId");
    state.money = keyed(data.accountStates, "accountId");
    state.trades = keyed(data.trades, "tradeId");
    state.live = keyed(data.live.map((live) => aged(frame, live)), "tradeId");
    state.trading = keyed(data.tradingStates, "accountId");
  } else if (type === "heartbeat") {
    state.chains = keyed(data.chains, "accountId");
    state.heartbeatAt = performance.now();
  } else if (type === "account_update") {
    state.money.set(data.state.accountId, data.state);
  } else if (type === "mt5_status_update") {
    state.accounts.set(data.account.accountId, data.account);
  } else {
    put(state, data.trade);
    for (const live of data.live ?? []) state.live.set(live.tradeId, aged(frame, live));
    if (data.state && data.state.wanted) state.trading.set(data.state.accountId, data.state);
  }
}
