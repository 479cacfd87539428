import { request, ServerRefused } from "./request.js";
import { connect } from "./stream.js";
import { emptyState, apply } from "./state.js";

const byId = (id) => document.getElementById(id);
let state = emptyState();
let stream = null;
const pending = new Set();
// Tells the stops that were shown last; a re-arm names them by it.
let generation = null;
let asking = false;
let connected = false;
// The key of each close whose outcome is not known: pressed again it is the same close, never a second one.
const keys = new Map();

function show(name) {
  for (const id of ["login", "setup", "desk"]) byId(id).hidden = id !== name;
  byId("logout").hidden = name !== "desk";
}

function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
}

function cell(row, text) {
  const td = document.createElement("td");
  td.textContent = text;
  row.append(td);
  return td;
}

const number = (value, digits) => (value === null || value === undefined ? "unknown" : value.toFixed(digits));
const level = (value) => (value === null || value === undefined ? "none" : String(value));
const age = (seconds) => (seconds === null || seconds === undefined ? "unknown" : `${seconds.toFixed(0)} s`);

// Old from here on: what the server said, and the time since then by this machine's steady clock.
const grown = (seconds, at) =>
  seconds === null || seconds === undefined || at === null || at === undefined
    ? null : Math.max(0, seconds + (performance.now() - at) / 1000);

function bridgeWords(account, chain) {
  if (!account.bridge) return "not paired";
  // Before the first heartbeat the snapshot is the newest word; after it, or without a connection, it is old.
  if (!chain && (!connected || state.heartbeatAt !== null)) return "unknown";
  if (!chain) return account.bridge.state === "CONNECTED" ? "connected" : "away";
  if (chain.bridgeAgeSeconds == null) return "away";
  return `heard ${age(grown(chain.bridgeAgeSeconds, state.heartbeatAt))} ago`;
}

function readWords(seconds) {
  const old = grown(seconds, state.heartbeatAt);
  return old === null ? "unknown" : `read ${age(old)} ago`;
}

function trading(setting) {
  if (!setting || !setting.wanted) return "unknown";
  const applied = setting.applied && setting.applied.revision === setting.wanted.revision;
  const word = setting.wanted.stopped ? "stopped" : setting.wanted.paused ? "paused" : "allowed";
  return applied ? word : `${word} (not yet applied)`;
}

function renderAccounts() {
  byId("accounts").replaceChildren(...[...state.accounts.values()].map((account) => {
    const row = document.createElement("tr");
    const money = state.money.get(account.accountId) ?? {};
    const chain = state.chains.get(account.accountId);
    cell(row, `${account.name} ${account.login ?? ""}`);
    cell(row, `${number(money.balance, 2)} ${account.currency}`);
    cell(row, number(money.equity, 2));
    cell(row, bridgeWords(account, chain));
    cell(row, readWords(chain?.terminalAgeSeconds));
    cell(row, readWords(chain?.guardAgeSeconds));
    cell(row, trading(state.trading.get(account.accountId)));
    return row;
  }));
}

function renderTrades() {
  byId("trades").replaceChildren(...[...state.trades.values()].map((trade) => {
    const row = document.createElement("tr");
    const live = state.live.get(trade.tradeId) ?? {};
    const seconds = grown(live.ageSeconds, live.arrivedAt);
    cell(row, trade.symbol);
    cell(row, trade.side.toLowerCase());
    cell(row, String(trade.volumeLots));
    cell(row, String(trade.openPrice));
    cell(row, live.currentPrice == null ? "unknown" : String(live.currentPrice));
    cell(row, level(trade.stopLoss));
    cell(row, level(trade.takeProfit));
    const profit = cell(row, live.profit == null ? "unknown" : `${live.profit < 0 ? "−" : "+"}${Math.abs(live.profit).toFixed(2)}`);
    profit.classList.toggle("stale", seconds === null || seconds > 10);
    cell(row, age(seconds));
    const button = document.createElement("button");
    button.type = "button";
    button.disabled = pending.has(trade.tradeId);
    button.textContent = button.disabled ? "Closing…" : "Close";
    button.addEventListener("click", () => close(trade));
    cell(row, "").append(button);
    return row;
  }));
}

const FINAL = new Set(["SUCCEEDED", "PARTIAL", "REJECTED", "EXPIRED", "CANCELLED", "FENCED"]);

// Not `crypto.randomUUID`, which is missing where the page does not come by TLS or from this machine.
const newKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

async function close(trade) {
  pending.add(trade.tradeId);
  renderTrades();
  try {
    const key = keys.get(trade.tradeId) ?? newKey();
    keys.set(trade.tradeId, key);
    const path = `/api/trades/${encodeURIComponent(trade.tradeId)}/close`;
    const { command } = await request("POST", path, {}, key);
    if (FINAL.has(command.state)) keys.delete(trade.tradeId);
    const done = command.state === "SUCCEEDED";
    notice(done ? "" : `${trade.symbol}: close is ${command.state.toLowerCase()} ${command.message}`);
  } catch (error) {
    if (error instanceof ServerRefused) {
      keys.delete(trade.tradeId);
      notice(`${trade.symbol}: ${error.message}`);
    } else {
      notice(`${trade.symbol}: the server is unreachable; whether it took the close is not known. `
        + "Once it is back, look at the trade, or press Close again: that is the same close, not a second one.");
    }
  } finally {
    pending.delete(trade.tradeId);
    renderTrades();
  }
}

async function stop() {
  const button = byId("stop");
  button.disabled = true;
  byId("stop-report").textContent = "stopping…";
  try {
    const answer = await request("POST", "/api/trading/emergency-stop", { reason: "from the page" });
    const accounts = answer.report?.accounts ?? [];
    const latched = accounts.filter((account) => account.latchTime).length;
    byId("stop-report").textContent =
      `stopped; latched at ${latched} of ${accounts.length} bridges${answer.recorded ? "" : "; not yet recorded"}`;
  } catch (error) {
    byId("stop-report").textContent = error instanceof ServerRefused
      ? `refused: ${error.message}`
      : "NOT delivered: the server is unreachable. At the PC: signalos bridge stop";
  } finally {
    button.disabled = false;
  }
}

function applied(setting) {
  return Boolean(setting?.wanted && setting.applied?.revision === setting.wanted.revision);
}

// A stop that is in force is shown with its way out; what no bridge has confirmed yet is asked for until it has.
function renderStopped() {
  const stopped = [...state.trading.values()].some((setting) => setting.wanted?.stopped);
  byId("rearm").hidden = !stopped;
  if (!stopped) generation = null;
  if (asking || byId("desk").hidden) return;
  const unapplied = [...state.trading.values()].some((setting) => !applied(setting));
  if (unapplied || (stopped && generation === null)) askTradingState();
}

async function askTradingState() {
  asking = true;
  try {
    const answer = await request("GET", "/api/trading/state");
    // The stops that are shown now are the ones that a re-arm leads out of.
    generation = answer.generation;
    for (const one of answer.states) state.trading.set(one.accountId, one);
  } catch {
    // The next second asks again; what is shown says that it is not confirmed.
  } finally {
    setTimeout(() => { asking = false; renderStopped(); }, 1000);
  }
  render();
}

async function rearm(event) {
  event.preventDefault();
  const form = event.target;
  const { reason, password } = Object.fromEntries(new FormData(form));
  try {
    const answer = await request("POST", "/api/trading/rearm", { generation, reason, password });
    for (const one of answer.states) state.trading.set(one.accountId, one);
    form.reset();
    byId("stop-report").textContent = "";
    notice("");
  } catch (error) {
    notice(`Not re-armed: ${error.message}`);
  }
  // Refused because of another stop, for example: show that one first.
  generation = null;
  render();
}

async function pairBridge() {
  try {
    const { code, expireTime } = await request("POST", "/api/bridges/pair", {});
    byId("pair-report").textContent =
      `${code} (good once, until ${new Date(expireTime).toLocaleTimeString()}); at the terminal's PC: `
      + `signalos bridge pair ${code}`;
  } catch (error) {
    notice(`No pairing code: ${error.message}`);
  }
}

function render() {
  renderAccounts();
  renderTrades();
  renderStopped();
}

function follow() {
  stream?.stop();
  state = emptyState();
  stream = connect({
    status: (text) => {
      byId("connection").textContent = text;
      connected = text === "connected";
    },
    frame: (frame) => { apply(state, frame); render(); },
    signedOut: start,
  });
  show("desk");
}

async function start() {
  stream?.stop();
  try {
    await request("GET", "/api/user");
    follow();
  } catch (error) {
    if (!(error instanceof ServerRefused)) {
      notice("The server is unreachable.");
      setTimeout(start, 2000);
      return;
    }
    const info = await request("GET", "/api/system/info").catch(() => ({}));
    byId("connection").textContent = "signed out";
    show(info.setupNeeded ? "setup" : "login");
  }
}

function onSubmit(id, path, then) {
  byId(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    try {
      await request("POST", path, Object.fromEntries(new FormData(form)));
      notice("");
      form.reset();
      then();
    } catch (error) {
      notice(error.message);
    }
  });
}

onSubmit("login", "/api/login", follow);
onSubmit("setup", "/api/setup", () => show("login"));
byId("stop").addEventListener("click", stop);
byId("logout").addEventListener("click", async () => {
  await request("POST", "/api/logout", {}).catch((error) => notice(error.message));
  start();
});
byId("rearm").addEventListener("submit", rearm);
byId("pair").addEventListener("click", pairBridge);
setInterval(render, 1000);
start();
