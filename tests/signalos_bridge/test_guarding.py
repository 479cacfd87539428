from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from signalos_bridge.domain.facts import CloseCause, GuardState, PositionClosed
from signalos_bridge.domain.market import Position
from signalos_bridge.domain.orders import ClosePosition, Order
from signalos_bridge.domain.outcomes import NotDone, Retry
from signalos_bridge.domain.values import CommandOrigin, CommandState, ModifyAction
from signalos_bridge.terminal.port import TerminalAnswer
from tests.signalos_bridge.core_world import World, a_world, eventually

STOP, TARGET = Decimal("1.08400"), Decimal("1.08700")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path / "journal.db") as made:
        yield made


async def a_hidden_position(world: World) -> int:
    await world.core.apply_policies(world.policies(stealth=True))
    opened = await world.open(stop_loss=STOP, take_profits=(TARGET,))
    await eventually(lambda: world.core.status().guarded_count)
    return opened.legs[0].position_identifier


def at_broker(world: World, identifier: int) -> Position:
    return world.terminal._broker.positions[identifier]


def closes(world: World) -> list[ClosePosition]:
    return [order for order in world.terminal.sent if isinstance(order, ClosePosition)]


async def test_hidden_levels_stay_at_the_bridge_and_a_disaster_stop_goes_to_the_broker(
    world: World,
) -> None:
    identifier = await a_hidden_position(world)

    record = world.core.snapshot().positions[0]
    assert (record.virtual_stop_loss, record.virtual_take_profit) == (STOP, TARGET)
    assert record.guard_state is GuardState.ARMED
    # Twice the 115 points between the bid and the hidden stop.
    assert at_broker(world, identifier).stop_loss == Decimal("1.08285")
    assert at_broker(world, identifier).take_profit is None


async def test_a_target_that_was_crossed_before_the_position_was_on_record_is_closed(world: World) -> None:
    """The quote came between the fill and the record of it, and no other follows."""
    await world.core.apply_policies(world.policies(stealth=True))
    await world.open(stop_loss=STOP)
    await eventually(lambda: world.core.status().guarded_count)

    def moves(_order: Order) -> None:
        world.terminal.after = None
        world.tick("1.08710", "1.08720")

    world.terminal.after = moves
    opened = await world.open(stop_loss=STOP, take_profits=(TARGET,))

    await eventually(lambda: closes(world))
    (close,) = closes(world)
    assert close.ticket == opened.legs[0].position_identifier


async def test_a_crossed_stop_is_closed_once_at_the_first_quote_beyond_it(world: World) -> None:
    await a_hidden_position(world)
    world.tick("1.08401", "1.08411")
    assert not closes(world)

    for bid in ("1.08400", "1.08390", "1.08380"):
        world.tick(bid, "1.08410")
    closed = await eventually(
        lambda: next((e for e in world.events() if isinstance(e.fact, PositionClosed)), None)
    )

    assert isinstance(closed.fact, PositionClosed)
    assert closed.fact.cause is CloseCause.VIRTUAL_STOP_LOSS
    assert len(closes(world)) == 1
    outcome = next(
        o for o in world.core.unacknowledged_outcomes() if o.local and o.local.origin is CommandOrigin.GUARD
    )
    assert outcome.local is not None
    assert "virtual stop loss 1.08400 crossed by bid 1.08400" in outcome.local.cause


async def test_a_crossed_target_is_closed_for_its_own_reason(world: World) -> None:
    await a_hidden_position(world)

    world.tick("1.08700", "1.08710")
    closed = await eventually(
        lambda: next((e.fact for e in world.events() if isinstance(e.fact, PositionClosed)), None)
    )

    assert closed.cause is CloseCause.VIRTUAL_TAKE_PROFIT


async def test_a_failed_close_is_tried_again_and_said(world: World) -> None:
    await a_hidden_position(world)
    refusals = [NotDone("REJECTED", "rejected", Retry.NEVER, 10006)]
    world.terminal.before = lambda _order: refusals.pop() if refusals else None

    world.tick("1.08390", "1.08400")
    await eventually(lambda: not world.terminal._broker.positions or None)

    assert "GUARD_CLOSE_FAILED" in {alert.code for alert in world.core.take_alerts()}
    assert len(world.terminal._broker.deals) == 2


async def test_levels_that_are_given_while_a_close_is_under_way_outlive_its_failure(world: World) -> None:
    identifier = await a_hidden_position(world)
    rejected = NotDone("REJECTED", "rejected", Retry.NEVER, 10006)
    asked, answer = asyncio.Event(), asyncio.Event()
    submit = world.terminal.submit

    async def slow(order: Order, **how: Any) -> TerminalAnswer:
        if isinstance(order, ClosePosition) and not answer.is_set():
            asked.set()
            await answer.wait()
            return TerminalAnswer(rejected, None, None, 0.0, 0.0)
        return await submit(order, **how)

    world.terminal.submit = slow  # type: ignore[method-assign]
    world.tick("1.08390", "1.08400")
    await asked.wait()
    stop = Decimal("1.08000")
    command_id = await world.deliver(ModifyAction(identifier, True, stop, False, None), wait=False)
    answer.set()

    # They come with the broker's disaster stop, which waits for the close to have failed.
    assert (await world.outcome(command_id)).state is CommandState.SUCCEEDED
    (known,) = world.core.snapshot().positions
    assert (known.virtual_stop_loss, known.guard_state) == (stop, GuardState.ARMED)
    assert "GUARD_CLOSE_FAILED" in {a.code for a in world.core.take_alerts()}
    await asyncio.sleep(0.6)
    assert len(world.core.snapshot().positions) == 1


async def test_levels_crossed_while_the_bridge_was_down_are_closed_at_the_first_quote(
    world: World,
) -> None:
    await a_hidden_position(world)
    await world.restart()
    assert world.core.snapshot().positions[0].virtual_stop_loss == STOP

    world.tick("1.08300", "1.08310")
    await eventually(lambda: not world.terminal._broker.positions or None)

    def told() -> bool:
        return any(alert.code == "CROSSED_WHILE_BLIND" for alert in world.core.take_alerts())

    await eventually(lambda: told() or None)
    assert len(closes(world)) == 1


async def test_stealth_is_turned_off_for_open_positions_by_one_request(world: World) -> None:
    identifier = await a_hidden_position(world)

    await world.core.apply_policies(world.policies(stealth=False))
    await eventually(lambda: not world.core.snapshot().positions[0].hidden or None)

    position, record = at_broker(world, identifier), world.core.snapshot().positions[0]
    assert (position.stop_loss, position.take_profit) == (STOP, TARGET)
    assert (record.virtual_stop_loss, record.guard_state) == (None, None)


async def test_stealth_is_turned_on_for_open_positions(world: World) -> None:
    opened = await world.open(stop_loss=STOP, take_profits=(TARGET,))
    identifier = opened.legs[0].position_identifier

    await world.core.apply_policies(world.policies(stealth=True))
    await eventually(lambda: at_broker(world, identifier).take_profit is None or None)

    record = world.core.snapshot().positions[0]
    assert (record.virtual_stop_loss, record.virtual_take_profit) == (STOP, TARGET)
    assert at_broker(world, identifier).stop_loss == Decimal("1.08285")


async def test_external_positions_are_not_hidden(world: World) -> None:
    position = world.by_hand(stop_loss="1.08000")
    await eventually(lambda: world.core.snapshot().positions)
    await world.core.apply_policies(world.policies(stealth=True))

    assert at_broker(world, position.identifier).stop_loss == Decimal("1.08000")
    assert not world.core.snapshot().positions[0].hidden


async def test_a_modify_of_hidden_levels_stays_hidden_and_ratchets_the_disaster_stop(
    world: World,
) -> None:
    identifier = await a_hidden_position(world)
    tighter = Decimal("1.08450")
    await world.deliver(ModifyAction(identifier, True, tighter, False, None))

    record = world.core.snapshot().positions[0]
    assert record.virtual_stop_loss == tighter
    assert record.virtual_take_profit == TARGET
    stop = at_broker(world, identifier).stop_loss
    assert stop is not None
    assert Decimal("1.08285") < stop < tighter


async def test_a_missing_disaster_stop_is_sent_again(world: World) -> None:
    await world.core.apply_policies(world.policies(stealth=True))
    broker = world.terminal._broker
    trade = broker.trade

    def without_levels(order: object) -> object:
        answer = trade(order)  # type: ignore[arg-type]
        for ticket, position in list(broker.positions.items()):
            if position.stop_loss is not None and len(world.terminal.sent) == 0:
                broker._keep(_bare(position))
                del ticket
        return answer

    broker.trade = without_levels  # type: ignore[method-assign,assignment]
    opened = await world.open(stop_loss=STOP)
    broker.trade = trade  # type: ignore[method-assign]
    identifier = opened.legs[0].position_identifier

    await eventually(lambda: at_broker(world, identifier).stop_loss)


def _bare(position: Position) -> Position:
    return replace(position, stop_loss=None)


async def test_a_new_position_that_is_crossed_at_its_first_quote_was_not_crossed_unseen(
    world: World,
) -> None:
    await a_hidden_position(world)

    world.tick("1.08300", "1.08310")
    await eventually(lambda: not world.terminal._broker.positions or None)

    assert "CROSSED_WHILE_BLIND" not in {alert.code for alert in world.core.take_alerts()}


async def test_a_target_that_was_crossed_before_a_restart_is_not_told_as_a_stop(world: World) -> None:
    await a_hidden_position(world)
    world.terminal.before = lambda _order: NotDone("REJECTED", "rejected", Retry.NEVER, 10006)
    world.tick("1.08700", "1.08710")
    await eventually(
        lambda: world.core.snapshot().positions[0].guard_state is GuardState.CLOSE_FAILED or None
    )
    world.tick("1.08500", "1.08510")

    world.terminal.before = None
    await world.restart()

    closed = await eventually(
        lambda: next((e.fact for e in world.events() if isinstance(e.fact, PositionClosed)), None)
    )
    assert closed.cause is CloseCause.VIRTUAL_TAKE_PROFIT


async def test_a_broker_that_refuses_for_long_gets_a_stop_just_beyond_the_market_and_the_close_goes_on(
    world: World,
) -> None:
    identifier = await a_hidden_position(world)
    closed = NotDone("REJECTED", "rejected", Retry.NEVER, 10006)
    world.terminal.before = lambda order: closed if isinstance(order, ClosePosition) else None

    world.tick("1.08390", "1.08400")
    await eventually(
        lambda: at_broker(world, identifier).stop_loss == Decimal("1.08379") or None, seconds=20.0
    )
    # The market came back: what was crossed is closed all the same.
    world.tick("1.08500", "1.08510")
    world.terminal.before = None

    await eventually(lambda: not world.terminal._broker.positions or None, seconds=20.0)


async def test_a_market_that_is_closed_at_the_crossing_is_closed_in_when_it_opens_with_a_gap(
    world: World,
) -> None:
    await a_hidden_position(world)
    shut = NotDone("MARKET_CLOSED", "market closed", Retry.NEVER, 10018)
    world.terminal.before = lambda _order: shut
    world.tick("1.08400", "1.08410")
    await eventually(lambda: "GUARD_CLOSE_FAILED" in {a.code for a in world.core.take_alerts()} or None)

    world.tick("1.08000", "1.08010")
    world.terminal.before = None
    await eventually(lambda: not world.terminal._broker.positions or None)

    assert world.terminal._broker.deals[-1].price == Decimal("1.08000")
    assert len([deal for deal in world.terminal._broker.deals if deal.entry.reduces]) == 1
