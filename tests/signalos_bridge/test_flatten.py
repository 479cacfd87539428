from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from signalos_bridge.domain.facts import StopProgress, StopTicketState
from signalos_bridge.domain.outcomes import NotDone, Retry
from signalos_bridge.domain.values import LapsePolicy, OpenKind
from tests.signalos_bridge.core_world import World, a_world, buy, eventually


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path / "journal.db") as made:
        yield made


async def a_pending_order(world: World) -> int:
    outcome = await world.outcome(await world.deliver(buy(kind=OpenKind.LIMIT, price=Decimal("1.08000"))))
    await eventually(lambda: world.core.snapshot().orders)
    return outcome.legs[0].order_ticket


async def test_a_halt_cancels_our_orders_and_leaves_positions(world: World) -> None:
    await world.open()
    await a_pending_order(world)
    world.gate.latched = True
    told: list[StopProgress] = []

    done = await world.core.stop("stop-1", False, told.append)

    assert done.complete
    assert done.flat_at is None
    assert done.quiet_at is not None
    assert done.cancelled_at is not None
    assert not world.terminal._broker.orders
    assert len(world.terminal._broker.positions) == 1
    assert told[-1].complete


async def test_a_flatten_closes_everything_external_too_and_is_not_done_twice(world: World) -> None:
    await world.open()
    world.by_hand()
    await a_pending_order(world)
    world.gate.latched = True

    done = await world.core.stop("stop-1", True, lambda _progress: None)
    deals = len(world.terminal._broker.deals)
    again = await world.core.stop("stop-1", True, lambda _progress: None)

    assert done.complete
    assert done.flat_at is not None
    assert not world.terminal._broker.positions
    assert {ticket.state for ticket in done.tickets} == {StopTicketState.DONE}
    assert len(done.tickets) == 3
    assert sum(ticket.external for ticket in done.tickets) == 1
    assert again.complete
    assert len(world.terminal._broker.deals) == deals


async def test_refused_closes_are_retried_and_a_closed_market_is_waited_for(world: World) -> None:
    await world.open()
    answers = [
        NotDone("MARKET_CLOSED", "the market is closed", Retry.NEVER, 10018),
        NotDone("REJECTED", "rejected", Retry.NEVER, 10006),
    ]
    world.terminal.before = lambda _order: answers.pop() if answers else None
    told: list[StopProgress] = []

    done = await world.core.stop("stop-1", True, told.append)

    states = {ticket.state for progress in told for ticket in progress.tickets}
    assert {StopTicketState.RETRYING, StopTicketState.MARKET_CLOSED} <= states
    assert any("market is closed" in progress.problem for progress in told)
    assert done.complete
    assert done.tickets[0].attempt_count == 3


async def test_an_unfinished_flatten_goes_on_after_a_restart(world: World) -> None:
    await world.open()
    world.terminal.before = lambda _order: NotDone("REJECTED", "rejected", Retry.NEVER, 10006)
    interrupted = asyncio.ensure_future(world.core.stop("stop-1", True, lambda _progress: None))
    await eventually(lambda: len(world.terminal.sent) >= 2 or None)
    interrupted.cancel()
    await asyncio.gather(interrupted, return_exceptions=True)
    await world.restart()
    world.terminal.before = None

    done = await world.core.stop("stop-1", True, lambda _progress: None)

    assert done.complete
    assert not world.terminal._broker.positions


async def test_a_lapse_cancels_pendings_or_says_what_can_still_fill(world: World) -> None:
    await world.open()
    await a_pending_order(world)

    held = await world.core.lapse(LapsePolicy.HOLD)
    cancelled = await world.core.lapse(LapsePolicy.CANCEL_PENDINGS)

    assert held == "1 orders can still fill"
    assert cancelled == "1 orders were cancelled, 0 positions were closed"
    assert len(world.terminal._broker.positions) == 1
