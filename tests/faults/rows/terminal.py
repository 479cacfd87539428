"""F20, F21: what terminals and brokers do to orders, and what happens at the account while nobody watches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal

from signalos_bridge.emulator.admin import AdminRefused, BrokerAdmin
from signalos_bridge.emulator.domain.codes import Side
from signalos_bridge.emulator.domain.entities import Position
from signalos_bridge.emulator.faults import (
    AnyFault,
    DealLater,
    Delay,
    HoldGil,
    Lag,
    NotSynchronised,
    PartialFill,
    Phase,
    Reject,
    RewriteComment,
    TellNone,
    TellRetcode,
)
from signalos_bridge.emulator.operator_messages import PlaceByHand, TerminalChange
from tests.faults.run import Missed, Row, Run
from tests.faults.verdict import Expectation
from tests.faults.world import LOGIN, OTHER_LOGIN
from tests.support.world import eventually

_TIMEOUT, _CONNECTION = 10012, 10031
# `last_error` codes after which an order may have been carried out.
_IPC_TIMEOUT, _FAILED = -10005, -1
_DEAL = 1

# -- F20 -----------------------------------------------------------------------------------------------


def _stall(run: Run) -> list[AnyFault]:
    """Longer than the watchdog of an order allows, or just short of it."""
    longer = run.dice.random() < 0.2
    milliseconds = 32_000 if longer else run.dice.randint(1_000, 6_000)
    phase = run.dice.choice((Phase.BEFORE, Phase.AFTER))
    kind = run.dice.choice((HoldGil, Delay))
    return [kind(function="order_send", milliseconds=milliseconds, phase=phase, count=1)]


def _count(run: Run) -> int:
    return run.dice.randint(1, 3)


_TERMINAL_FAULTS: dict[str, Callable[[Run], list[AnyFault]]] = {
    "stalls": _stall,
    "time-out and executes": lambda run: [TellRetcode(retcode=_TIMEOUT, count=_count(run))],
    "no connection and executes": lambda run: [TellRetcode(retcode=_CONNECTION, count=_count(run))],
    "None and executed": lambda run: [
        TellNone(function="order_send", code=_IPC_TIMEOUT, executed=True, count=_count(run))
    ],
    "None and not executed": lambda run: [
        TellNone(function="order_send", code=_FAILED, executed=False, count=_count(run))
    ],
    "partial fill": lambda run: [PartialFill(volume=Decimal("0.01"), action=_DEAL, count=3)],
    "requote": lambda run: [Reject(retcode=10004, action=_DEAL, count=_count(run))],
    "comment rewritten": lambda run: [RewriteComment(comment="[{comment}]")],
    "deal later": lambda run: [DealLater(milliseconds=run.dice.randint(200, 3000), count=3)],
    "shows later": lambda run: [Lag(login=LOGIN, milliseconds=run.dice.randint(50, 800))],
}


async def _terminal(run: Run) -> None:
    if run.dice.random() < 0.15:
        await _not_synchronised(run)
        return
    name = run.dice.choice(list(_TERMINAL_FAULTS))
    faults = _TERMINAL_FAULTS[name](run)
    began = time.time()
    numbers = await asyncio.to_thread(_add, run, faults)

    async def struck() -> bool:
        return await asyncio.to_thread(_struck, run, numbers)

    try:
        if not isinstance(faults[0], Lag):
            await eventually(struck, within=20)
    except AssertionError:
        raise Missed(f"no order met the fault: {name}") from None
    finally:
        if isinstance(faults[0], RewriteComment | Lag):
            await asyncio.sleep(3)
    stalled = max((getattr(one, "milliseconds", 0) / 1000 for one in faults), default=0.0)
    await asyncio.sleep(min(stalled, 33.0) if name == "stalls" else 0.5)
    await asyncio.to_thread(_clear, run)
    await run.healed(f"terminal:{name}", began, time.time())


async def _not_synchronised(run: Run) -> None:
    """The terminal's process starts again, and reads as empty until it has synchronised."""
    began = time.time()
    numbers = await asyncio.to_thread(_add, run, [NotSynchronised()])
    await run.world.kill_terminal_child("bridge")
    await asyncio.sleep(run.dice.uniform(1, 4))
    struck = await asyncio.to_thread(_struck, run, numbers)
    await asyncio.to_thread(_clear, run)
    await run.healed("terminal:() before it synchronised", began, time.time())
    if not struck:
        raise Missed("nothing was read while the terminal was empty")


def _add(run: Run, faults: list[AnyFault]) -> list[int]:
    with run.world.admin() as broker:
        return [broker.add_fault(fault) for fault in faults]


def _struck(run: Run, numbers: list[int]) -> bool:
    with run.world.admin() as broker:
        return any(active.struck for active in broker.faults() if active.identifier in numbers)


def _clear(run: Run) -> None:
    with run.world.admin() as broker:
        broker.clear_faults()


# -- F21 -----------------------------------------------------------------------------------------------


async def _meanwhile(run: Run) -> None:
    """The line is cut, or the bridge is down; somebody trades by hand. A sync explains each difference."""
    world = run.world
    for _ in range(4):
        await world.client.call(
            "POST",
            "/api/trades",
            {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.1, "timeToLive": "60s", "wait": "20s"},
            f"{run.row.name}-{run.seed}-{run.dice.random()}",
        )
    aim = run.dice.choice(("line cut", "bridge down"))
    began = time.time()
    if aim == "line cut":
        world.link.refuse = True
        world.link.reset()
    else:
        world.kill("bridge")
        await world.gone("bridge")
    done = await asyncio.to_thread(_by_hand, run)
    await asyncio.sleep(run.dice.uniform(0, 1))
    healed_at = time.time()
    if aim == "line cut":
        world.link.refuse = False
    else:
        await world.start_again("bridge")
    await run.healed(f"{aim}: {', '.join(done)}", began, healed_at)
    if not done:
        raise Missed("there was nothing to trade by hand")
    run.after.append(_second_sync_is_empty)


def _by_hand(run: Run) -> list[str]:
    done = []
    with run.world.admin() as broker:
        positions = [one for one in broker.positions(LOGIN) if one.symbol == "EURUSD" and one.volume >= 0]
        run.dice.shuffle(positions)
        for kind, position in zip(("closed", "halved", "stop moved", "stop hit"), positions, strict=False):
            try:
                _one_by_hand(broker, kind, position)
            except AdminRefused:
                continue
            done.append(kind)
        order = PlaceByHand(action=_DEAL, symbol="GBPUSD", volume=0.2, type=0, type_filling=1)
        if broker.place_by_hand(LOGIN, order).retcode == 10009:
            done.append("opened")
        if run.dice.random() < 0.3:
            # The terminal is logged in to another account for a moment: nothing there is ours.
            broker.set_terminal(LOGIN, TerminalChange(login=OTHER_LOGIN))
            time.sleep(0.7)
            broker.set_terminal(LOGIN, TerminalChange(login=LOGIN))
            done.append("account switched")
    return done


def _one_by_hand(broker: BrokerAdmin, kind: str, position: Position) -> None:
    if kind == "closed":
        broker.close_by_hand(LOGIN, position.ticket)
    elif kind == "halved":
        broker.close_by_hand(LOGIN, position.ticket, "0.01")
    elif kind == "stop moved":
        broker.modify_by_hand(LOGIN, position.ticket, "0.9" if position.side is Side.BUY else "1.5", "0")
    else:
        bid, _ = broker.quote(position.symbol)
        near = Decimal("0.00010") * (-1 if position.side is Side.BUY else 1)
        broker.modify_by_hand(LOGIN, position.ticket, str(bid + near), "0")
        broker.jump(position.symbol, -300 if position.side is Side.BUY else 300)
        broker.jump(position.symbol, 300 if position.side is Side.BUY else -300)


async def _second_sync_is_empty(run: Run) -> None:
    """Whatever happened is on record by now: a sync finds nothing, twice."""
    for number in (1, 2):
        call = await run.world.client.call("POST", "/api/firebridge/force-sync", {"wait": "10s"})
        reports = call.response["reports"] if call.accepted else []
        if not reports or not reports[0]["succeeded"]:
            run.violated(f"F21 sync {number} did not succeed: {call.response}")
            continue
        # The first may come upon a command of the fault that was still looked for.
        odd = [one for one in reports[0]["differences"] if number == 2 or one["kind"] != "COMMAND_RESOLVED"]
        if odd:
            run.violated(f"F21 sync {number} still finds {odd}")


ROWS = (
    Row(
        "F20",
        "terminal stalls, lies, fills in part, requotes, is empty",
        "UNKNOWN is resolved, nothing sent again before",
        _terminal,
        None,
        settles=True,
        expected=Expectation(refusals=frozenset({"UNKNOWN_OPEN", "SYNC_IN_PROGRESS"}), enough=0.75),
    ),
    Row(
        "F21",
        "closed, halved, moved, opened by hand during a gap",
        "force sync explains each; a second finds nothing",
        _meanwhile,
        5,
        settles=True,
        expected=Expectation(refusals=frozenset({"POSITION_GONE"})),
    ),
)
