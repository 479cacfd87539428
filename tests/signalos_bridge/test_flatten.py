from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from signalos_bridge.domain.facts import StopProgress, StopTicketState
from signalos_bridge.domain.market import DealEntry
from signalos_bridge.domain.orders import CancelPending
from signalos_bridge.domain.outcomes import NotDone, Retry
from signalos_bridge.domain.values import LapsePolicy, OpenKind
from tests.signalos_bridge.core_world import PREFIX, World, a_world, buy, eventually


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


async def _appears_after_a_finished_flatten(world: World, magic: int) -> str:
    world.gate.latched = True
    done = await world.core.stop("stop-1", True, lambda _progress: None)
    assert done.complete
    world.by_hand(magic=magic)
    alert = await eventually(
        lambda: next((one for one in world.core.take_alerts() if one.code == "POSITION_AFTER_STOP"), None)
    )
    return alert.known


async def test_a_position_of_our_own_order_is_closed_after_a_finished_flatten(world: World) -> None:
    await a_pending_order(world)
    (order,) = world.terminal._broker.orders.values()

    assert await _appears_after_a_finished_flatten(world, order.magic) == "It is closed."

    await eventually(lambda: not world.terminal._broker.positions)


async def test_a_position_of_another_bridges_order_is_left_after_a_finished_flatten(world: World) -> None:
    """It may have been opened after a re-arm that this bridge was not there to hear."""
    another = (PREFIX << 48) | 4711

    assert await _appears_after_a_finished_flatten(world, another) == "It was left as it is."

    await asyncio.sleep(0.3)
    assert len(world.terminal._broker.positions) == 1


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


async def test_refusals_are_retried_ever_more_slowly_and_the_report_says_when_next(world: World) -> None:
    await world.open()
    calls: list[float] = []

    def refuse(_order: object) -> NotDone | None:
        calls.append(world.clock.seconds())
        return NotDone("REJECTED", "rejected", Retry.NEVER, 10006) if len(calls) < 6 else None

    world.terminal.before = refuse
    told: list[tuple[float, StopProgress]] = []

    done = await world.core.stop("stop-1", True, lambda made: told.append((world.clock.seconds(), made)))

    assert done.complete
    gaps = [after - before for before, after in itertools.pairwise(calls)]
    # 1, 2, 4, then 5 times what is waited first.
    for gap, least in zip(gaps, (0.05, 0.10, 0.20, 0.25, 0.25), strict=True):
        assert gap >= least * 0.9
    waiting = [
        (at, made) for at, made in told if any(t.state is StopTicketState.RETRYING for t in made.tickets)
    ]
    assert {made.tickets[0].attempt_count for _, made in waiting} == {1, 2, 3, 4, 5}
    assert all(made.next_attempts[False, made.tickets[0].ticket] >= at - 0.05 for at, made in waiting)
    assert done.next_attempts == {}


async def test_an_order_that_fills_while_it_is_cancelled_is_found_by_the_second_reading(world: World) -> None:
    ticket = await a_pending_order(world)
    broker = world.terminal._broker
    hidden: list[object] = []

    def fills(order: object) -> NotDone | None:
        if hidden or not isinstance(order, CancelPending):
            return None
        # Filled at the broker, and the position is not shown yet.
        del broker.orders[ticket]
        world.by_hand()
        ticket_filled, filled = broker.positions.popitem()
        hidden.append(filled)
        asyncio.get_running_loop().call_later(0.2, broker.positions.__setitem__, ticket_filled, filled)
        return NotDone("ORDER_GONE", "the order is not there any more", Retry.NEVER, 10013)

    world.terminal.before = fills
    flat_too_early: list[StopProgress] = []

    done = await world.core.stop(
        "stop-1",
        True,
        lambda made: flat_too_early.append(made) if made.complete and broker.positions else None,
    )

    assert hidden
    assert done.complete
    assert not broker.positions
    assert flat_too_early == []
    assert {(each.is_order, each.state) for each in done.tickets} == {
        (True, StopTicketState.DONE),
        (False, StopTicketState.DONE),
    }


@pytest.mark.parametrize("stage", range(9))
async def test_a_flatten_that_ends_at_any_stage_goes_on_and_closes_each_position_once(
    world: World, stage: int
) -> None:
    await world.open()
    world.by_hand()
    await a_pending_order(world)
    world.gate.latched = True
    words = 0
    enough = asyncio.Event()

    def count(_made: StopProgress) -> None:
        nonlocal words
        words += 1
        if words > stage:
            enough.set()

    first = asyncio.ensure_future(world.core.stop("stop-1", True, count))
    await asyncio.wait((first, asyncio.ensure_future(enough.wait())), return_when=asyncio.FIRST_COMPLETED)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await world.restart()

    done = await world.core.stop("stop-1", True, lambda _made: None)

    assert done.complete
    assert done.flat_at is not None
    assert not world.terminal._broker.positions
    assert not world.terminal._broker.orders
    outs = [deal for deal in world.terminal._broker.deals if deal.entry is DealEntry.OUT]
    assert len(outs) == 2
    assert {ticket.state for ticket in done.tickets} == {StopTicketState.DONE}


async def test_a_lapse_that_flattens_closes_what_is_ours_and_leaves_what_is_not(world: World) -> None:
    await world.open()
    theirs = world.by_hand()
    await a_pending_order(world)

    said = await world.core.lapse(LapsePolicy.FLATTEN)

    assert said == "1 orders were cancelled, 1 positions were closed"
    assert list(world.terminal._broker.positions) == [theirs.ticket]


async def test_a_position_that_appears_without_a_lease_is_flagged_and_left(world: World) -> None:
    world.gate.lapsed = True

    await world.open()

    (alert,) = await eventually(
        lambda: [alert for alert in world.core.take_alerts() if alert.code == "POSITION_AFTER_LAPSE"]
    )
    assert "appeared while there was no trading lease" in alert.message
    assert len(world.terminal._broker.positions) == 1
