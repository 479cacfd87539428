"""Hiding and showing levels: what the broker holds, what a restart finds, what does not fit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from signalos_bridge.clock import SystemClock
from signalos_bridge.domain.command import HiddenLevels, Leg, LevelChange
from signalos_bridge.domain.facts import GuardState, OrderChanged
from signalos_bridge.domain.market import MarginMode, Position, Side
from signalos_bridge.domain.orders import ModifyLevels, ModifyPending, OpenMarket, Order
from signalos_bridge.domain.outcomes import Ambiguous, NotDone, Retry
from signalos_bridge.domain.values import (
    CommandState,
    Limits,
    ModifyAction,
    ModifyOrderAction,
    OpenKind,
    Policies,
    RiskAmount,
    StealthSettings,
    TradePolicy,
)
from signalos_bridge.store import Batch
from signalos_bridge.terminal.port import StatusChanged
from tests.signalos_bridge.core_world import ACCOUNT, World, a_world, buy, eventually
from tests.signalos_bridge.domain.market_samples import EURUSD

STOP, TARGET = Decimal("1.08400"), Decimal("1.08700")
DISASTER = Decimal("1.08285")
POINT = Decimal("0.00001")
INVALID = NotDone("INVALID_STOPS", "invalid stops", Retry.NEVER, 10016)
CLOSED = NotDone("MARKET_CLOSED", "market closed", Retry.NEVER, 10018)


@pytest.fixture(params=[MarginMode.RETAIL_HEDGING, MarginMode.RETAIL_NETTING])
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    account = replace(ACCOUNT, margin_mode=request.param)
    async with a_world(tmp_path / "journal.db", account) as made:
        yield made


def stealthy(world: World, on: bool = True, floor: str | None = None, **settings: object) -> Policies:
    limits = Limits(minimum_equity=None if floor is None else Decimal(floor))
    return replace(
        world.policies(stealth=on, limits=limits),
        stealth_settings=StealthSettings(**settings),  # type: ignore[arg-type]
    )


def for_trade(policies: Policies, identifier: int, stealth: bool | None) -> Policies:
    return replace(policies, trades=(TradePolicy(identifier, None, 0, stealth=stealth),))


async def a_position(world: World, **changes: object) -> int:
    changes = {"stop_loss": STOP, "take_profits": (TARGET,), **changes}
    opened = await world.open(**changes)  # type: ignore[arg-type]
    assert opened.state is CommandState.SUCCEEDED, opened.message
    return opened.legs[0].position_identifier


def at_broker(world: World, identifier: int) -> Position:
    return world.terminal._broker.positions[identifier]


def levels(world: World, identifier: int) -> tuple[Decimal | None, Decimal | None]:
    position = at_broker(world, identifier)
    return position.stop_loss, position.take_profit


async def shows(world: World, identifier: int, stop: Decimal | None, target: Decimal | None) -> None:
    await eventually(lambda: levels(world, identifier) == (stop, target) or None)


async def test_one_trade_is_hidden_alone_and_shown_alone(world: World) -> None:
    identifier = await a_position(world)
    visible = stealthy(world, on=False)

    await world.core.apply_policies(for_trade(visible, identifier, True))
    await shows(world, identifier, DISASTER, None)
    await world.core.apply_policies(for_trade(stealthy(world), identifier, False))
    await shows(world, identifier, STOP, TARGET)
    await eventually(lambda: not world.core.snapshot().positions[0].hidden or None)
    await world.core.apply_policies(for_trade(stealthy(world), identifier, None))
    await shows(world, identifier, DISASTER, None)


async def test_what_is_wanted_of_one_trade_survives_a_restart(world: World) -> None:
    identifier = await a_position(world)
    await world.core.apply_policies(for_trade(stealthy(world, on=False), identifier, True))
    await shows(world, identifier, DISASTER, None)

    await world.restart()

    assert world.core.snapshot().positions[0].hidden
    assert levels(world, identifier) == (DISASTER, None)


async def test_hiding_that_the_broker_refuses_for_long_is_done_once_it_can_be(world: World) -> None:
    identifier = await a_position(world)
    world.terminal.before = lambda order: CLOSED if isinstance(order, ModifyLevels) else None
    await world.core.apply_policies(stealthy(world))
    await eventually(lambda: "LEVELS_NOT_MOVED" in {a.code for a in world.core.take_alerts()} or None)
    # Guarded all the while, and visible.
    assert world.core.snapshot().positions[0].guard_state is GuardState.ARMED
    assert levels(world, identifier) == (STOP, TARGET)

    world.terminal.before = None

    await shows(world, identifier, DISASTER, None)


async def test_a_restart_between_journal_and_broker_goes_on_hiding(world: World) -> None:
    identifier = await a_position(world)
    world.terminal.before = lambda order: CLOSED if isinstance(order, ModifyLevels) else None
    await world.core.apply_policies(stealthy(world))
    await eventually(lambda: world.core.snapshot().positions[0].hidden or None)

    world.terminal.before = None
    await world.restart()

    await shows(world, identifier, DISASTER, None)
    record = world.core.snapshot().positions[0]
    assert (record.virtual_stop_loss, record.virtual_take_profit) == (STOP, TARGET)


async def test_a_position_without_a_stop_is_hidden_behind_two_percent_of_equity(world: World) -> None:
    identifier = await a_position(world, stop_loss=None)

    await world.core.apply_policies(stealthy(world))

    # 200 of 10,000 in 0.10 lots are 2,000 points below the bid.
    await shows(world, identifier, Decimal("1.06515"), None)


async def test_a_position_without_a_stop_stays_visible_where_the_headroom_is_too_small(
    world: World,
) -> None:
    identifier = await a_position(world, stop_loss=None)

    await world.core.apply_policies(stealthy(world, floor="9999"))
    await eventually(lambda: "LEVELS_NOT_MOVED" in {a.code for a in world.core.take_alerts()} or None)

    assert levels(world, identifier) == (None, TARGET)
    assert not world.core.snapshot().positions[0].hidden


async def test_the_headroom_brings_the_disaster_stop_nearer(world: World) -> None:
    identifier = await a_position(world)

    # 15 in 0.10 lots are 150 points, and twice the hidden distance would be 230.
    await world.core.apply_policies(stealthy(world, floor="9985"))

    await eventually(lambda: at_broker(world, identifier).take_profit is None or None)
    stop = at_broker(world, identifier).stop_loss
    assert stop is not None
    assert Decimal("1.08365") <= stop < STOP


async def test_an_open_whose_disaster_does_not_fit_is_denied_with_the_numbers(world: World) -> None:
    await world.core.apply_policies(stealthy(world, floor="9990"))

    command_id = await world.deliver(buy(stop_loss=STOP))

    outcome = await world.outcome(command_id)
    assert outcome.state is CommandState.REJECTED
    assert "DISASTER_STOP_HEADROOM: limit=10.00 worst_case=13.70" in outcome.message
    assert not world.terminal.sent


async def test_a_volume_from_risk_shrinks_until_its_disaster_fits(world: World) -> None:
    await world.core.apply_policies(stealthy(world, floor="9990"))

    # 12.50 at the hidden stop, 125 points away, would be 0.10 lots.
    command_id = await world.deliver(
        buy(stop_loss=STOP, volume_lots=None, risk=RiskAmount(money=Decimal("12.50")))
    )

    outcome = await world.outcome(command_id)
    assert outcome.state is CommandState.SUCCEEDED
    (sent,) = [order for order in world.terminal.sent if isinstance(order, OpenMarket)]
    assert sent.volume_lots == Decimal("0.07")
    assert "0.07 lots fit" in outcome.message
    assert sent.stop_loss is not None
    assert (Decimal("1.08525") - sent.stop_loss) * 100_000 * sent.volume_lots <= 10


async def test_where_a_stop_is_mandatory_only_the_take_profit_is_hidden(world: World) -> None:
    await world.core.apply_policies(stealthy(world, mandatory_stop=True))
    identifier = await a_position(world)

    assert levels(world, identifier) == (STOP, None)
    record = world.core.snapshot().positions[0]
    assert (record.virtual_stop_loss, record.virtual_take_profit) == (None, TARGET)
    await world.deliver(ModifyAction(identifier, True, Decimal("1.08450"), True, Decimal("1.08800")))
    assert levels(world, identifier) == (Decimal("1.08450"), None)
    assert world.core.snapshot().positions[0].virtual_take_profit == Decimal("1.08800")

    world.tick("1.08800", "1.08810")
    await eventually(lambda: not world.terminal._broker.positions or None)


async def test_a_profile_that_becomes_mandatory_gets_its_real_stop_shown(world: World) -> None:
    await world.core.apply_policies(stealthy(world))
    identifier = await a_position(world)
    assert levels(world, identifier) == (DISASTER, None)

    await world.core.apply_policies(stealthy(world, mandatory_stop=True))
    await shows(world, identifier, STOP, None)
    await world.core.apply_policies(stealthy(world))

    await shows(world, identifier, DISASTER, None)


async def test_a_disaster_stop_that_is_removed_by_hand_comes_back_at_once(world: World) -> None:
    await world.core.apply_policies(stealthy(world))
    identifier = await a_position(world)

    world.terminal._broker._keep(replace(at_broker(world, identifier), stop_loss=None))

    await eventually(lambda: at_broker(world, identifier).stop_loss)
    assert world.core.snapshot().positions[0].virtual_stop_loss == STOP


async def test_distances_are_learnt_from_levels_that_the_broker_did_not_take(world: World) -> None:
    identifier = await a_position(world)
    minimum = Decimal("0.00100")

    def far_enough(order: Order) -> NotDone | None:
        stop = order.stop_loss if isinstance(order, ModifyLevels) else None
        return INVALID if stop is not None and Decimal("1.08515") - stop < minimum else None

    world.terminal.before = far_enough
    await world.deliver(ModifyAction(identifier, True, Decimal("1.08450"), False, None))
    command_id = await world.deliver(ModifyAction(identifier, True, Decimal("1.08425"), False, None))

    outcome = await world.outcome(command_id)
    # 65 points were refused, so that half as much again is believed to be needed.
    assert "is 90 points from bid 1.08515; the broker's minimum is 98" in outcome.message


async def test_a_ladders_move_does_not_take_a_triggered_close_back(world: World) -> None:
    await world.core.apply_policies(stealthy(world))
    await a_position(world)
    world.terminal.before = lambda _order: CLOSED
    world.tick("1.08390", "1.08400")
    await eventually(
        lambda: world.core.snapshot().positions[0].guard_state is GuardState.CLOSE_FAILED or None
    )
    (record,) = world.core.snapshot().positions
    change = LevelChange(
        record.position.identifier, HiddenLevels(Decimal("1.08380"), None), False, "a ladder's move", True
    )
    leg = Leg(0, 0, None, Decimal(0), level_change=change)
    await world.core._recorder.commit_levels(Batch(), leg, None)

    assert world.core.snapshot().positions[0].guard_state is not GuardState.ARMED


class SetClock(SystemClock):
    """A wall clock that is set by hand."""

    wall = 0

    def wall_msc(self) -> int:
        return self.wall or super().wall_msc()


async def test_levels_are_shown_before_the_weeks_close_and_hidden_again_after_it(tmp_path: Path) -> None:
    clock = SetClock()
    # A Friday, 21:44 UTC: a minute before the quarter of an hour before New York's 17:00.
    clock.wall = int(datetime(2026, 1, 16, 21, 44, tzinfo=UTC).timestamp() * 1000)
    async with a_world(tmp_path / "journal.db", clock=clock, market_week=True) as world:
        await world.core.apply_policies(stealthy(world))
        identifier = await a_position(world)
        assert levels(world, identifier) == (DISASTER, None)

        clock.wall += 60_000
        await shows(world, identifier, STOP, TARGET)
        assert "LEVELS_SHOWN" in {alert.code for alert in world.core.take_alerts()}

        clock.wall += 3 * 24 * 3600 * 1000
        await shows(world, identifier, DISASTER, None)


async def test_levels_are_shown_after_repeated_losses_of_the_brokers_link(world: World) -> None:
    await world.core.apply_policies(stealthy(world, link_losses=2))
    identifier = await a_position(world)

    for connected in (False, True, False, True):
        status = replace(world.terminal.status, connected=connected)
        world.core._status_changed(StatusChanged(status, 0.0))

    await shows(world, identifier, STOP, TARGET)
    (told,) = [alert for alert in world.core.take_alerts() if alert.code == "LEVELS_SHOWN"]
    assert "the link to the broker was lost 2 times" in told.message


async def test_a_planned_shutdown_shows_levels_and_the_next_start_hides_them(world: World) -> None:
    await world.core.apply_policies(stealthy(world))
    identifier = await a_position(world)

    assert await world.core.unhide_all("planned shutdown") == []
    assert levels(world, identifier) == (STOP, TARGET)
    await world.restart()

    await shows(world, identifier, DISASTER, None)


async def test_a_shutdown_says_what_stays_hidden(world: World) -> None:
    await world.core.apply_policies(stealthy(world))
    await a_position(world)
    world.terminal.before = lambda order: CLOSED if isinstance(order, ModifyLevels) else None

    (problem,) = await world.core.unhide_all("planned shutdown")

    assert "market closed" in problem


async def test_a_take_profit_waits_for_its_confirmation_and_a_stop_does_not(world: World) -> None:
    await world.core.apply_policies(stealthy(world, target_delay_seconds=0.2))
    await a_position(world)

    world.tick("1.08700", "1.08710")
    world.tick("1.08690", "1.08700")
    await asyncio.sleep(0.3)
    assert world.terminal._broker.positions, "it was not reached all the while"
    world.tick("1.08700", "1.08710")
    assert world.terminal._broker.positions
    await eventually(lambda: not world.terminal._broker.positions or None)

    world.tick("1.08515", "1.08525")
    await a_position(world)
    world.tick("1.08710", "1.08720")
    world.tick("1.08390", "1.08400")
    await eventually(lambda: not world.terminal._broker.positions or None)
    words = "virtual stop loss 1.08400 crossed by bid 1.08390"
    await eventually(
        lambda: any(o.local and words in o.local.cause for o in world.core.unacknowledged_outcomes()) or None
    )


async def test_a_wide_spread_holds_a_take_profit_back_and_not_a_stop(world: World) -> None:
    await world.core.apply_policies(stealthy(world, target_spread_points=Decimal(20)))
    await a_position(world)

    world.tick("1.08710", "1.08750")
    await asyncio.sleep(0.05)
    assert world.terminal._broker.positions
    world.tick("1.08390", "1.08450")

    await eventually(lambda: not world.terminal._broker.positions or None)


async def test_a_hidden_pending_orders_levels_are_changed_unseen_and_guarded_from_its_fill_on(
    world: World,
) -> None:
    await world.core.apply_policies(stealthy(world))
    price = Decimal("1.08300")
    placed = buy(kind=OpenKind.LIMIT, price=price, stop_loss=Decimal("1.08200"), take_profits=(TARGET,))
    await world.deliver(placed)
    (order,) = await eventually(lambda: list(world.terminal._broker.orders.values()) or None)
    assert (order.stop_loss, order.take_profit) == (Decimal("1.08100"), None)

    wider, further = Decimal("1.08150"), Decimal("1.08900")
    command_id = await world.deliver(ModifyOrderAction(order.ticket, None, True, wider, True, further))
    assert (await world.outcome(command_id)).state is CommandState.SUCCEEDED
    (order,) = world.terminal._broker.orders.values()
    assert (order.stop_loss, order.take_profit) == (Decimal("1.08000"), None)

    await world.restart()
    broker = world.terminal._broker
    del broker.orders[order.ticket]
    broker.trade(
        OpenMarket("EURUSD", Side.BUY, order.initial_volume_lots, order.stop_loss, None, order.magic, "")
    )
    (record,) = await eventually(lambda: world.core.snapshot().positions or None)
    assert (record.virtual_stop_loss, record.virtual_take_profit) == (wider, further)
    assert record.guard_state is GuardState.ARMED


async def a_hidden_order(world: World) -> int:
    placed = buy(
        kind=OpenKind.LIMIT,
        price=Decimal("1.08300"),
        stop_loss=Decimal("1.08200"),
        take_profits=(TARGET,),
    )
    outcome = await world.outcome(await world.deliver(placed))
    assert outcome.state is CommandState.SUCCEEDED, outcome
    (order,) = await eventually(lambda: world.core.snapshot().orders or None)
    return order.ticket


def of_the_order(world: World) -> HiddenLevels | None:
    (order,) = world.core.snapshot().orders
    return order.hidden


async def test_a_working_order_tells_its_hidden_levels_and_each_change_of_them(world: World) -> None:
    await world.core.apply_policies(stealthy(world))
    ticket = await a_hidden_order(world)
    assert of_the_order(world) == HiddenLevels(Decimal("1.08200"), TARGET)

    further = Decimal("1.08900")
    await world.deliver(ModifyOrderAction(ticket, None, False, None, True, further))

    assert of_the_order(world) == HiddenLevels(Decimal("1.08200"), further)
    changes = [event.fact for event in world.events() if isinstance(event.fact, OrderChanged)]
    assert changes[-1].change == f"hidden take profit {TARGET} -> {further}"
    assert changes[-1].order.stop_loss == Decimal("1.08100")


async def test_hidden_levels_stay_where_the_broker_refuses_the_disaster_stop_behind_them(
    world: World,
) -> None:
    await world.core.apply_policies(stealthy(world))
    identifier = await a_position(world)
    world.terminal.before = lambda order: INVALID if isinstance(order, ModifyLevels) else None

    command_id = await world.deliver(ModifyAction(identifier, True, Decimal("1.08200"), True, None))

    assert (await world.outcome(command_id)).state is CommandState.REJECTED
    (record,) = world.core.snapshot().positions
    assert (record.virtual_stop_loss, record.virtual_take_profit) == (STOP, TARGET)


async def test_hidden_levels_of_an_order_stay_where_the_broker_refuses_to_move_it(world: World) -> None:
    await world.core.apply_policies(stealthy(world))
    ticket = await a_hidden_order(world)
    world.terminal.before = lambda order: INVALID if isinstance(order, ModifyPending) else None

    command_id = await world.deliver(ModifyOrderAction(ticket, None, True, Decimal("1.08100"), True, None))

    assert (await world.outcome(command_id)).state is CommandState.REJECTED
    assert of_the_order(world) == HiddenLevels(Decimal("1.08200"), TARGET)


async def test_hidden_levels_come_with_the_outcome_that_nobody_knew_at_first(world: World) -> None:
    await world.core.apply_policies(stealthy(world))
    identifier = await a_position(world)
    world.terminal.after = lambda order: (
        Ambiguous("no answer", 120) if isinstance(order, ModifyLevels) else None
    )
    lower = Decimal("1.08200")

    command_id = await world.deliver(ModifyAction(identifier, True, lower, False, None))

    assert (await world.outcome(command_id)).state is CommandState.SUCCEEDED
    (record,) = world.core.snapshot().positions
    assert (record.virtual_stop_loss, record.virtual_take_profit) == (lower, TARGET)


async def test_the_headroom_is_what_all_disaster_stops_together_may_lose(world: World) -> None:
    # The disaster stop of 0.10 lots is 230 points away: 23 of the 30 that may be lost.
    await world.core.apply_policies(stealthy(world, floor="9970"))
    await a_position(world)

    def quoted() -> bool:
        world.tick("1.08515", "1.08525")
        return bool(world.core._view.ticks)

    await eventually(quoted)

    outcome = await world.outcome(await world.deliver(buy(stop_loss=STOP)))

    assert outcome.state is CommandState.REJECTED
    assert "DISASTER_STOP_HEADROOM: limit=7.00 worst_case=13.70" in outcome.message


async def test_a_hidden_level_may_be_nearer_than_the_broker_allows(world: World) -> None:
    await world.core.apply_policies(stealthy(world))
    world.terminal._broker.symbols["EURUSD"] = replace(EURUSD, stops_level_points=50)
    price = Decimal("1.08300")
    near = buy(kind=OpenKind.LIMIT, price=price, stop_loss=price - POINT, take_profits=(price + POINT,))
    wrong = buy(kind=OpenKind.LIMIT, price=price, stop_loss=price + POINT)

    placed = await world.outcome(await world.deliver(near))
    refused = await world.outcome(await world.deliver(wrong))

    assert placed.state is CommandState.SUCCEEDED, placed.message
    assert (refused.state, refused.reason) == (CommandState.REJECTED, "WRONG_SIDE")
