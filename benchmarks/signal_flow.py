"""A thousand messages a minute, beside a caller of the REST door whose commands they must not delay."""

from __future__ import annotations

import asyncio
import collections
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Latencies, latencies, milliseconds
from benchmarks.http_client import HttpClient
from benchmarks.processor import processor_seconds
from tests.support.world import Caller, World, traded_account

MESSAGES = 1000
SECONDS = 60.0
"""The load: so many messages, evenly over so long."""
QUIET_SECONDS = 30.0
"""How long the caller is measured without messages, before them and again after them."""
PAUSE_SECONDS = 0.1
"""What the caller waits between two commands."""
TEXT_SOURCES = 3
"""Sources of plain text over REST; one more is the webhook of a chart."""
GROUP = 10
"""Of so many messages one is an order and two (of the webhook one) change it later; the rest is talk."""
UPDATE_SECONDS = (3.0, 6.0)
"""How long after its order a part is closed, and then all of it."""
SETTLE_SECONDS = 20.0
"""What is still undecided so long after the last message counts as never decided."""
CALLER_SYMBOL = "AUDUSD"
"""What the caller trades, and no source does."""
SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY", "XAUUSD")
TALK = (
    "Good morning traders, NFP at 14:30, be careful with your risk today",
    "TP1 hit +35 pips, well done everybody",
    "EURUSD looks heavy below 1.0950, watching for now",
    "What do you think about gold this week?",
    "Join our VIP room, 50% off until Friday https://example.com/vip",
    "We closed last week with +420 pips, 12 wins and 3 losses",
    "No trade yet, waiting for the London open",
)


@dataclass
class Commands:
    """How long the caller's commands took, in seconds, by their kind."""

    samples: dict[str, list[float]] = field(default_factory=lambda: collections.defaultdict(list))

    def of(self, kind: str) -> Latencies:
        return latencies(self.samples[kind])

    def all(self) -> Latencies:
        return latencies([sample for samples in self.samples.values() for sample in samples])


@dataclass(frozen=True, slots=True)
class SignalFigures:
    """What the messages cost, what became of them, and what the caller felt of them."""

    quiet: Commands
    loaded: Commands
    sent: int
    seconds: float
    decided: int
    backlog: int
    never_decided: int
    to_decision: Latencies
    to_end: Latencies
    results: dict[str, int]
    # Seconds for each message by program, above what the same time costs without messages.
    processor: dict[str, float]


async def measure_signals(directory: Path, console: Console) -> SignalFigures:
    """The caller alone, the caller beside the messages, the caller alone again: one world, one run."""
    async with traded_account(directory) as (world, trader):
        sources = await _sources(trader)
        prices = {symbol: await _price(trader, symbol) for symbol in SYMBOLS}
        price = await _price(trader, CALLER_SYMBOL)
        quiet, loaded = Commands(), Commands()
        await _call_for(world, trader, Commands(), price, 5.0)
        with console.status(f"the caller alone, {QUIET_SECONDS:.0f} s"):
            spent = [processor_seconds(world)]
            await _call_for(world, trader, quiet, price, QUIET_SECONDS)
            spent.append(processor_seconds(world))
        with console.status(f"the caller beside {MESSAGES} messages in {SECONDS:.0f} s"):
            over = asyncio.Event()
            start = time.time()
            async with asyncio.TaskGroup() as group:
                group.create_task(_call(world, trader, loaded, price, over))
                said = await _say_all(world, trader, sources, prices)
                end = time.time()
                over.set()
        # What the last messages of it cost is theirs too.
        await asyncio.sleep(2.0)
        spent.append(processor_seconds(world))
        with console.status("what became of the messages"):
            signals = await _settled(trader, set(said))
        with console.status(f"the caller alone again, {QUIET_SECONDS:.0f} s"):
            spent.append(processor_seconds(world))
            await _call_for(world, trader, quiet, price, QUIET_SECONDS)
            spent.append(processor_seconds(world))
    return _figures(quiet, loaded, said, signals, (start, end), spent)


def show(figures: SignalFigures, console: Console) -> None:
    table = Table(
        title="Commands over REST beside 1,000 messages a minute (reference: without them, same run)"
    )
    for heading in (
        "command",
        "p50 without",
        "p99 without",
        "p50 with",
        "p99 with",
        "p50 ratio",
        "p99 ratio",
    ):
        table.add_column(heading, justify="right")
    rows = [(kind, figures.quiet.of(kind), figures.loaded.of(kind)) for kind in sorted(figures.quiet.samples)]
    for kind, without, beside in (*rows, ("all", figures.quiet.all(), figures.loaded.all())):
        table.add_row(
            f"{kind} ({len(without.seconds)}, {len(beside.seconds)})",
            *map(milliseconds, (without.p50, without.p99, beside.p50, beside.p99)),
            f"{beside.p50 / without.p50:.2f}",
            f"{beside.p99 / without.p99:.2f}",
        )
    console.print(table)
    console.print(
        f"{figures.sent} messages in {figures.seconds:.0f} s; "
        f"{figures.decided / figures.seconds * 60:.0f} a minute decided; "
        f"{figures.backlog} undecided when the last was sent, {figures.never_decided} for good. "
        f"From sending to the decision: p50 {milliseconds(figures.to_decision.p50)}, "
        f"p99 {milliseconds(figures.to_decision.p99)} (talk, which has none, to its reading: "
        f"p50 {milliseconds(figures.to_end.p50)}, p99 {milliseconds(figures.to_end.p99)})"
    )
    console.print("What became of them: " + ", ".join(f"{n} {name}" for name, n in figures.results.items()))
    table = Table(title="Processor time of a message by program, orders and updates carried out")
    for name in (*figures.processor, "in all"):
        table.add_column(name, justify="right")
    table.add_row(*map(milliseconds, (*figures.processor.values(), sum(figures.processor.values()))))
    console.print(table)


def _figures(
    quiet: Commands,
    loaded: Commands,
    said: dict[str, float],
    signals: dict[str, dict[str, Any]],
    during: tuple[float, float],
    spent: Sequence[dict[str, float]],
) -> SignalFigures:
    start, end = during
    to_decision, to_end, decided, backlog = [], [], 0, 0
    results: collections.Counter[str] = collections.Counter()
    for signal_id, began in said.items():
        signal = signals.get(signal_id)
        done = None if signal is None else _decided_at(signal)
        if signal is None or done is None:
            results["undecided"] += 1
            backlog += 1
            continue
        decided += done <= end
        backlog += done > end
        if signal["decisions"]:
            to_decision.append(done - began)
            ends = (f"{one['kind']} {one['outcome']} {one['code']}" for one in signal["decisions"])
            results.update(map(str.strip, ends))
        else:
            to_end.append(done - began)
            results[str(signal["state"])] += 1
    # What the programs and the caller's commands cost in as much time without messages.
    alone = {
        name: (spent[1][name] - spent[0][name] + spent[4][name] - spent[3][name]) / (2 * QUIET_SECONDS)
        for name in spent[0]
    }
    return SignalFigures(
        quiet=quiet,
        loaded=loaded,
        sent=len(said),
        seconds=end - start,
        decided=decided,
        backlog=backlog,
        never_decided=results["undecided"],
        to_decision=latencies(to_decision),
        to_end=latencies(to_end),
        results=dict(sorted(results.items(), key=lambda item: -item[1])),
        processor={
            name: (spent[2][name] - spent[1][name] - alone[name] * (end - start)) / len(said)
            for name in alone
        },
    )


def _decided_at(signal: dict[str, Any]) -> float | None:
    """When the last account had decided, or the message was read where none has to; all share one clock."""
    if signal["state"] == "RECEIVED" and not signal["decisions"]:
        return None
    times = [one["decideTime"] for one in signal["decisions"]]
    if None in times:
        return None
    return max(datetime.fromisoformat(one).timestamp() for one in times or [signal["updateTime"]])


# -- the sources -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Source:
    source_id: str
    # Of a webhook.
    path: str = ""


@dataclass(frozen=True, slots=True)
class _Message:
    """`after` seconds from the start; `body` without its source."""

    after: float
    source: _Source
    body: dict[str, Any]


async def _sources(trader: Caller) -> list[_Source]:
    # So many opens a second are what the rule against runaway programs is there to stop.
    calm = {"triggers": [{"kind": "OPEN_RATE", "enabled": False}]}
    changed = await trader.client.put("/api/trading/stop-settings", json=calm)
    assert changed.status_code == 200, changed.text
    subscription = {
        "accountId": trader.account_id,
        "sizing": {"equityPercent": 0.05},
        "maximumPositions": 500,
        "opposite": "HEDGE",
    }
    sources = []
    for number, kind in enumerate(("API",) * TEXT_SOURCES + ("WEBHOOK",)):
        answer = await trader.post(
            "/api/sources",
            {
                "name": f"source {number}",
                "kind": kind,
                "policy": {"trust": "AUTO"},
                "subscriptions": [subscription],
            },
        )
        assert answer.status_code == 200, answer.text
        told = answer.json()
        sources.append(_Source(told["source"]["sourceId"], told.get("hookPath") or ""))
    return sources


async def _price(trader: Caller, symbol: str) -> float:
    answer = await trader.open(symbol, lots=0.01, accountId=trader.account_id, validateOnly=True)
    assert answer.status_code == 200, answer.text
    return float(answer.json()["preview"]["price"])


def _messages(sources: Sequence[_Source], prices: dict[str, float]) -> list[_Message]:
    """What is said when: orders in turn by each source, each changed by replies later, with talk between."""
    chance = random.Random(6)
    gap = SECONDS / MESSAGES
    slots: list[tuple[_Source, dict[str, Any]] | None] = [None] * MESSAGES
    for number in range(MESSAGES // GROUP):
        at = number * GROUP
        source = sources[number % len(sources)]
        symbol = SYMBOLS[number // len(sources) % len(SYMBOLS)]
        later = _webhook(number, symbol) if source.path else _text(number, symbol, prices[symbol], chance)
        for body, after in zip(later, (0.0, *UPDATE_SECONDS[-(len(later) - 1) :]), strict=True):
            slot = at + round(after / gap)
            while slot < MESSAGES and slots[slot] is not None:
                slot += 1
            if slot < MESSAGES:
                slots[slot] = (source, body)
    for slot, taken in enumerate(slots):
        if taken is None:
            source = chance.choice(sources)
            slots[slot] = (source, {"text": f"{chance.choice(TALK)} ({slot})"})
    return [_Message(slot * gap, *taken) for slot, taken in enumerate(slots) if taken is not None]


def _text(number: int, symbol: str, price: float, chance: random.Random) -> list[dict[str, Any]]:
    side = chance.choice((1, -1))
    # No two orders mean the same: distances differ by a little.
    stop, *targets = (price * (1 + side * part * (1 + number / 1000)) for part in (-0.004, 0.004, 0.008))
    digits = 5 if price < 10 else 2
    lines = [f"{symbol} {'BUY' if side > 0 else 'SELL'} NOW", f"SL {stop:.{digits}f}"]
    lines += [f"TP{at} {target:.{digits}f}" for at, target in enumerate(targets, 1)]
    reply = {"replyToExternalId": f"order-{number}"}
    return [
        {"text": "\n".join(lines), "externalId": f"order-{number}"},
        {"text": "close half", **reply},
        {"text": "close now", **reply},
    ]


def _webhook(number: int, symbol: str) -> list[dict[str, Any]]:
    pips = 40 + number / 10
    order = {"ticker": symbol, "action": "buy", "sl_pips": pips, "tp_pips": 2 * pips}
    return [order, {"ticker": symbol, "action": "close", "comment": f"end of {number}"}]


async def _say_all(
    world: World, trader: Caller, sources: Sequence[_Source], prices: dict[str, float]
) -> dict[str, float]:
    """Say everything at its time, whatever the answers take; return when each signal was sent."""
    said: dict[str, float] = {}
    # The one that has rested longest goes first: the gateway ends connections that rest for long.
    idle: collections.deque[HttpClient] = collections.deque()

    async def say(message: _Message) -> None:
        client = idle.popleft() if idle else await HttpClient.open(world.address("gateway"), trader.token)
        began = time.time()
        if message.source.path:
            status, answer = await client.post(message.source.path, message.body, "")
            assert status == 202, answer
            said[answer["signalId"]] = began
        else:
            body = {"sourceId": message.source.source_id, **message.body}
            status, answer = await client.post("/api/signals", body, str(uuid.uuid4()))
            assert status == 200, answer
            said[answer["signal"]["signalId"]] = began
        idle.append(client)

    start = asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as group:
        for message in _messages(sources, prices):
            await asyncio.sleep(max(0.0, start + message.after - asyncio.get_running_loop().time()))
            group.create_task(say(message))
    for client in idle:
        await client.close()
    assert len(said) == MESSAGES, f"{MESSAGES - len(said)} messages were taken for repetitions"
    return said


async def _settled(trader: Caller, wanted: set[str]) -> dict[str, dict[str, Any]]:
    """Return the signals once all are decided, or none more is after `SETTLE_SECONDS`."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        found = await _all_signals(trader)
        open_ones = [one for one in wanted if one not in found or _decided_at(found[one]) is None]
        if not open_ones or time.monotonic() > deadline:
            return found
        await asyncio.sleep(1.0)


async def _all_signals(trader: Caller) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    token = ""
    while True:
        parameters = {"pageSize": "200", **({"pageToken": token} if token else {})}
        page = await trader.get("/api/signals", **parameters)
        found |= {one["signalId"]: one for one in page["signals"]}
        token = page["nextPageToken"]
        if not token:
            return found


# -- the caller --------------------------------------------------------------------------------------------


async def _call_for(world: World, trader: Caller, commands: Commands, price: float, seconds: float) -> None:
    end = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, end.set)
    await _call(world, trader, commands, price, end)


async def _call(world: World, trader: Caller, commands: Commands, price: float, end: asyncio.Event) -> None:
    """Opens, moves the stop of, and closes one position after the other, until the end is set."""
    client = await HttpClient.open(world.address("gateway"), trader.token)

    async def call(kind: str, method: str, path: str, body: dict[str, Any]) -> str:
        await asyncio.sleep(PAUSE_SECONDS)
        start = time.perf_counter()
        status, answer = await client.send(method, path, body, str(uuid.uuid4()))
        commands.samples[kind].append(time.perf_counter() - start)
        assert status == 200, answer
        assert answer["command"]["state"] == "SUCCEEDED", answer
        return str(answer["command"]["tradeId"])

    while not end.is_set():
        body = {"accountId": trader.account_id, "symbol": CALLER_SYMBOL, "side": "BUY", "volumeLots": 0.01}
        path = f"/api/trades/{await call('open', 'POST', '/api/trades', body)}"
        await call("modify", "PUT", f"{path}/modify", {"stopLoss": round(price * 0.99, 5)})
        await call("close", "POST", f"{path}/close", {})
    await client.close()
