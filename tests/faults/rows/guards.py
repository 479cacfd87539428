"""F29: the bridge is killed while it closes targets, trails a stop and hides levels."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from signalos_bridge.emulator.domain.codes import Entry
from signalos_bridge.emulator.domain.entities import Deal, Position
from signalos_bridge.emulator.ledger import DealRecord, PositionRecord
from signalos_bridge.emulator.operator_messages import SymbolChange
from tests.faults.run import Missed, Row, Run
from tests.faults.verdict import Expectation
from tests.faults.world import LOGIN
from tests.support.world import eventually

# Symbols that nobody else trades, whose prices stand still but for what is done here.
LADDER, TRAILED, HIDDEN = "AUDUSD", "NZDUSD", "USDCAD"
_START = Decimal("1.00000")
_SPREAD = Decimal("0.00004")
_PIP = Decimal("0.0001")
_LOTS = 0.1
_POINTS = ("after_deliver", "after_intent", "after_call", "after_outcome", "after_hidden")
_ALL_SECONDS = 40.0


@dataclass
class _Guarded:
    """The three trades, by what guards them."""

    ladder: int
    trailed: int
    hidden: int


async def _while_guarding(run: Run) -> None:
    await asyncio.to_thread(_calm, run)
    aim = run.dice.choice(_POINTS)
    armed_at = time.time()
    if aim == "after_hidden":
        run.world.arm("bridge", f"{aim}:1")
    guarded = await _opened(run, hide=aim != "after_hidden")
    driving = asyncio.create_task(_drive(run))
    try:
        if aim != "after_hidden":
            run.world.arm("bridge", f"{aim}:{run.dice.randint(1, 6)}")
        if not await run.world.ended("bridge", 15):
            run.world.disarm("bridge")
            raise Missed(f"the bridge did not pass {aim}")
        struck = run.world.struck("bridge", armed_at)
        assert struck is not None
        healed_at = time.time()
        await run.world.start_again("bridge")
        await run.healed(f"bridge:{struck[1]} while it guards", struck[0], healed_at)
    finally:
        await driving
    run.after.append(lambda _: _held(run, guarded))


def _calm(run: Run) -> None:
    with run.world.admin() as broker:
        for symbol in (LADDER, TRAILED, HIDDEN):
            broker.set_symbol(symbol, SymbolChange(closed=False, swing_points=0, spread_points=4))
            broker.set_price(symbol, _START, _START + _SPREAD)


def _price(run: Run, symbol: str, pips: int) -> None:
    with run.world.admin() as broker:
        bid = _START + pips * _PIP
        broker.set_price(symbol, bid, bid + _SPREAD)


async def _opened(run: Run, *, hide: bool) -> _Guarded:
    targets = [{"price": 1.001, "share": 0.5, "stopMove": "BREAK_EVEN"}, {"price": 1.002, "share": 0.5}]
    ladder = await _open(run, LADDER, protection={"targets": targets})
    trailed = await _open(run, TRAILED)
    hidden = await _open(run, HIDDEN)
    path = f"/api/trades/{trailed['tradeId']}"
    await _ask(run, "POST", f"{path}/trailing-stop", {"distance": 0.001, "minInterval": "1s"})
    await _ask(run, "POST", f"/api/trades/{hidden['tradeId']}/stealth", {"stealthMode": True})
    if hide:

        async def concealed() -> bool:
            return bool((await run.world.caller.get(f"/api/trades/{hidden['tradeId']}"))["trade"]["hidden"])

        await eventually(concealed)
    return _Guarded(*(int(one["positionIdentifier"]) for one in (ladder, trailed, hidden)))


async def _open(run: Run, symbol: str, **more: Any) -> dict[str, Any]:
    body = {"symbol": symbol, "side": "BUY", "volumeLots": _LOTS, "stopLoss": 0.995, **more}
    command = (await _ask(run, "POST", "/api/trades", {**body, "timeToLive": "60s", "wait": "30s"}))[
        "command"
    ]
    if command["state"] != "SUCCEEDED":
        raise Missed(f"{symbol} was not opened: {command['state']} {command['message']}")
    return dict((await run.world.caller.get(f"/api/trades/{command['tradeId']}"))["trade"])


async def _ask(run: Run, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    key = f"{run.row.name}-{run.seed}-{run.dice.random()}"
    for _ in range(20):
        call = await run.world.client.call(method, path, body, key)
        if call.accepted:
            return dict(call.response or {})
        await asyncio.sleep(0.2)
    raise Missed(f"{path} was not accepted: {call.status} {call.response}")


async def _drive(run: Run) -> None:
    """Both targets, a rise that the stop follows and a fall to it, and the hidden stop; with pauses."""
    steps = [(LADDER, 11), (TRAILED, 30), (TRAILED, 60), (LADDER, 21), (TRAILED, 90), (HIDDEN, -51)]
    for symbol, pips in steps:
        await asyncio.to_thread(_price, run, symbol, pips)
        await asyncio.sleep(run.dice.uniform(0.2, 1.2))


async def _held(run: Run, guarded: _Guarded) -> None:
    """Each protection came to its end, once; no stop was ever loosened and no hidden position without one."""

    async def over() -> bool:
        left = await asyncio.to_thread(run.world.broker_positions)
        ledger = await asyncio.to_thread(_positions, run, guarded.trailed)
        return guarded.ladder not in left and guarded.hidden not in left and ledger[-1].sl >= _stop(80)

    try:
        await eventually(over, within=_ALL_SECONDS)
    except AssertionError:
        run.violated(f"F29 a protection did not come to its end: {run.world.broker_positions()}")
    for what, identifier, parts in (("ladder", guarded.ladder, 2), ("hidden stop", guarded.hidden, 1)):
        lots = [deal.volume for deal in await asyncio.to_thread(_closing, run, identifier)]
        if sum(lots) != Decimal(str(_LOTS)) or len(lots) != parts:
            run.violated(f"F29 the {what} closed {lots}")
    stops = [one.sl for one in await asyncio.to_thread(_positions, run, guarded.trailed)]
    if any(later < earlier for earlier, later in pairwise(stops)):
        run.violated(f"F29 the trailing stop loosened: {stops}")
    hidden = await asyncio.to_thread(_positions, run, guarded.hidden)
    if any(one.sl == 0 for one in hidden):
        run.violated("F29 the hidden position was without a stop at the broker")
    _leave(run, guarded.trailed)


def _stop(pips: int) -> Decimal:
    return _START + pips * _PIP


def _positions(run: Run, identifier: int) -> list[Position]:
    return [
        record.position
        for record in _ledger(run)
        if isinstance(record, PositionRecord) and record.position.identifier == identifier
    ]


def _closing(run: Run, identifier: int) -> list[Deal]:
    return [
        record.deal
        for record in _ledger(run)
        if isinstance(record, DealRecord)
        and record.deal.position_id == identifier
        and record.deal.entry is not Entry.IN
    ]


def _ledger(run: Run) -> Iterator[Any]:
    with run.world.admin() as broker:
        yield from broker.ledger()


def _leave(run: Run, identifier: int) -> None:
    if identifier in run.world.broker_positions():
        with run.world.admin() as broker:
            broker.close_by_hand(LOGIN, identifier)


ROWS = (
    Row(
        "F29",
        "kill -9 bridge while it guards",
        "during ladder, trailing stop and hiding of levels",
        _while_guarding,
        10,
        settles=True,
        expected=Expectation(refusals=frozenset({"POSITION_GONE"})),
        pause=0.3,
    ),
)
