"""A journal after another bridge has managed the account: what is kept, what the server's record replaces.

Also what a bridge lets rest while another one manages the account, and what it finds in the terminal's deals.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from signalos_bridge.domain.command import HiddenLevels
from signalos_bridge.domain.facts import GuardState, PositionRecord, RecordedState, SyncTrigger
from signalos_bridge.domain.market import Side
from signalos_bridge.domain.orders import ClosePosition, OpenMarket
from signalos_bridge.domain.protection import LadderTarget, Protection, ProtectionPlan, StepState, StopMove
from signalos_bridge.domain.tags import bridge_command_id, leg_magic
from signalos_bridge.domain.values import (
    CloseAction,
    DistanceUnit,
    ModifyAction,
    OpenKind,
    TradePolicy,
    TrailingPlan,
    TrailingStop,
)
from signalos_bridge.renewal import Renewed, renew
from tests.signalos_bridge.core_world import PREFIX, World, a_world, buy, eventually

D = Decimal
LADDER = ProtectionPlan(
    (
        LadderTarget(D("1.08600"), D("0.5")),
        LadderTarget(D("1.08700"), D("0.3")),
        LadderTarget(D("1.08800"), D("0.2")),
    )
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path / "journal.db") as made:
        yield made


async def opened(world: World, plan: ProtectionPlan | None = None) -> int:
    """Open 0.10 lots with a stop at 1.08000; return the position's identifier."""
    outcome = await world.open(stop_loss=D("1.08000"), protection=plan)
    if plan is not None:
        await watched(world)
    return outcome.legs[0].position_identifier


async def watched(world: World) -> None:
    """Quotes are told of what is guarded."""
    await eventually(lambda: world.terminal._watch.guarded_symbols)


def protection_of(world: World) -> Protection:
    (record,) = world.core.snapshot().positions
    assert record.protection is not None
    return record.protection


def states(world: World) -> list[StepState]:
    return [step.state for step in protection_of(world).steps]


def volume(world: World, identifier: int) -> Decimal:
    position = world.terminal._broker.positions.get(identifier)
    return D(0) if position is None else position.volume_lots


def closes(world: World) -> list[Decimal]:
    return [order.volume_lots for order in world.terminal.sent if isinstance(order, ClosePosition)]


async def another_bridge_closes(world: World, identifier: int, lots: str, index: int, attempt: int) -> None:
    """Closes a share as the same account's bridge elsewhere would, with the id that its command has."""
    command_id = bridge_command_id("acc_test", identifier, f"ladder:0:{index}", attempt)
    position = world.terminal._broker.positions[identifier]
    left = position.volume_lots - D(lots)
    world.advance()
    world.terminal._broker.trade(
        ClosePosition(
            position.ticket,
            position.symbol,
            position.side,
            D(lots),
            leg_magic(PREFIX, command_id, 0),
            "so-another",
        )
    )
    await eventually(lambda: world.core.snapshot().positions[0].position.volume_lots == left)


async def renewed(world: World, *positions: PositionRecord, **more: object) -> Renewed:
    """Renews the journal of a world whose core has ended, and begins again on it."""
    await world.core.close()
    state = replace(RecordedState(positions, (), world.now_msc), **more)  # type: ignore[arg-type]
    done = await renew(world.path, "acc_test", world.clock, state)
    await world.restart()
    if any(one.protection or one.trailing or one.virtual_stop_loss for one in positions):
        await watched(world)
    return done


# -- what another bridge has closed ----------------------------------------------------------------------


async def test_a_share_that_another_bridge_has_closed_is_not_closed_again(world: World) -> None:
    identifier = await opened(world, LADDER)
    await another_bridge_closes(world, identifier, "0.05", 0, 1)
    world.tick("1.08600", "1.08610")
    await eventually(lambda: states(world)[0] is StepState.DONE)
    assert closes(world) == []
    assert [step.volume_lots for step in protection_of(world).steps] == [D("0.05"), D("0.03"), D("0.02")]
    assert protection_of(world).steps[0].closed_lots == D("0.05")

    world.tick("1.08700", "1.08710")
    await eventually(lambda: volume(world, identifier) == D("0.02"))
    assert closes(world) == [D("0.03")]


async def test_of_a_share_that_another_bridge_closed_in_part_the_rest_is_closed(world: World) -> None:
    identifier = await opened(world, LADDER)
    await another_bridge_closes(world, identifier, "0.02", 0, 2)
    world.tick("1.08600", "1.08610")
    await eventually(lambda: states(world)[0] is StepState.DONE)
    assert closes(world) == [D("0.03")]
    assert volume(world, identifier) == D("0.05")


# -- resting ---------------------------------------------------------------------------------------------


async def test_while_another_bridge_has_the_account_ladders_trailing_stops_and_moves_of_levels_rest(
    world: World,
) -> None:
    identifier = await opened(world, LADDER)
    trailing = TradePolicy(identifier, TrailingPlan(D("0.00050"), DistanceUnit.PRICE), 1)
    assert await world.core.apply_policies(replace(world.policies(), trades=(trailing,))) == []
    world.core.rest("superseded by session 2")
    sent = len(world.terminal.sent)
    assert await world.core.apply_policies(world.policies(stealth=True)) == []
    world.tick("1.08650", "1.08660")
    await world.restart()
    world.tick("1.08660", "1.08670")
    await asyncio.sleep(0.1)
    assert await world.core.unhide_all("planned shutdown") == []
    assert len(world.terminal.sent) == sent
    assert volume(world, identifier) == D("0.10")

    await world.restart()
    world.core.rest("")
    world.tick("1.08670", "1.08680")
    await eventually(lambda: volume(world, identifier) == D("0.05"))
    await world.restart()
    world.tick("1.08700", "1.08710")
    await eventually(lambda: volume(world, identifier) == D("0.02"))


async def test_hidden_levels_are_guarded_while_another_bridge_has_the_account(world: World) -> None:
    await world.core.apply_policies(world.policies(stealth=True))
    identifier = await opened(world)
    assert world.core.snapshot().positions[0].virtual_stop_loss == D("1.08000")
    world.core.rest("superseded by session 2")
    world.tick("1.07999", "1.08009")
    await eventually(lambda: volume(world, identifier) == 0)


# -- renewing --------------------------------------------------------------------------------------------


async def test_a_renewed_journal_has_the_servers_record_and_keeps_its_commands(world: World) -> None:
    await world.core.apply_policies(world.policies(stealth=True))
    identifier = await opened(world)
    before = world.core.journal_id
    (record,) = world.core.snapshot().positions
    told = {outcome.command_id for outcome in world.core.unacknowledged_outcomes()}
    untold = len(world.events())
    tighter = replace(record, virtual_stop_loss=D("1.08400"))

    done = await renewed(world, tighter)

    assert (done.before, done.untold_events) == (before, untold)
    assert world.core.journal_id == done.after != before
    assert world.core.snapshot().positions[0].virtual_stop_loss == D("1.08400")
    assert [event.seq for event in world.events()] == list(range(1, len(world.events()) + 1))
    # What it did itself it knows, and tells.
    assert {outcome.command_id for outcome in world.core.unacknowledged_outcomes()} >= told
    (command_id,) = told
    assert world.core.standings([command_id])[0].state is not None
    world.tick("1.08399", "1.08409")
    await eventually(lambda: volume(world, identifier) == 0)


async def test_an_ended_command_of_before_is_not_taken_for_one_of_after(world: World) -> None:
    """The guard's closes and the trailing stop's moves have numbers that were not used before."""
    trailing = TradePolicy(0, TrailingPlan(D("0.00050"), DistanceUnit.PRICE), 1)
    identifier = await opened(world)
    policies = replace(world.policies(), trades=(replace(trailing, position_identifier=identifier),))
    assert await world.core.apply_policies(policies) == []
    (untrailed,) = world.core.snapshot().positions
    world.tick("1.08600", "1.08610")
    stop_of = world.terminal._broker.positions
    await eventually(lambda: stop_of[identifier].stop_loss == D("1.08550"))

    held = TrailingStop(TrailingPlan(D("0.00050"), DistanceUnit.PRICE))
    await renewed(world, replace(untrailed, position=stop_of[identifier], trailing=held))
    assert await world.core.apply_policies(policies) == []
    world.tick("1.08700", "1.08710")
    await eventually(lambda: stop_of[identifier].stop_loss == D("1.08650"))


async def test_a_stop_that_followed_before_the_journal_was_renewed_follows_again(world: World) -> None:
    """Hidden stops are the record's alone: where the server's has the old one, nothing has moved."""
    plan = ProtectionPlan((LadderTarget(D("1.08600"), D("0.5"), StopMove.BREAK_EVEN),))
    await world.core.apply_policies(world.policies(stealth=True))
    identifier = await opened(world, plan)
    world.tick("1.08600", "1.08610")
    await eventually(lambda: protection_of(world).steps[0].stop_moved)
    (record,) = world.core.snapshot().positions
    assert record.protection is not None
    assert record.virtual_stop_loss == D("1.08535")
    (step,) = record.protection.steps
    behind = replace(
        record,
        virtual_stop_loss=D("1.08000"),
        protection=replace(record.protection, steps=(replace(step, stop_moved=False),)),
    )

    await renewed(world, behind)
    world.tick("1.08590", "1.08600")

    await eventually(lambda: world.core.snapshot().positions[0].virtual_stop_loss == D("1.08535"))
    assert volume(world, identifier) == D("0.05")


async def test_a_share_of_its_own_that_the_server_has_not_heard_of_is_not_closed_again(world: World) -> None:
    identifier = await opened(world, LADDER)
    (before,) = world.core.snapshot().positions
    world.tick("1.08600", "1.08610")
    await eventually(lambda: states(world)[0] is StepState.DONE)

    await renewed(world, replace(before, position=world.terminal._broker.positions[identifier]))
    world.tick("1.08610", "1.08620")
    await eventually(lambda: states(world)[0] is StepState.DONE)
    await asyncio.sleep(0.05)
    assert closes(world) == [D("0.05")]


async def test_a_pending_order_fills_with_the_hidden_levels_that_the_server_has(world: World) -> None:
    await world.core.apply_policies(world.policies(stealth=True))
    await world.deliver(buy(kind=OpenKind.LIMIT, price=D("1.08300"), stop_loss=D("1.08200")))
    (held,) = await eventually(lambda: world.core.snapshot().orders)
    assert held.hidden == HiddenLevels(D("1.08200"), None)

    await renewed(world, orders=(replace(held, hidden=HiddenLevels(D("1.08250"), None)),))
    broker = world.terminal._broker
    (order,) = broker.orders.values()
    del broker.orders[order.ticket]
    lots = order.initial_volume_lots
    broker.trade(OpenMarket("EURUSD", Side.BUY, lots, order.stop_loss, None, order.magic, ""))
    (record,) = await eventually(lambda: world.core.snapshot().positions)
    assert record.virtual_stop_loss == D("1.08250")
    assert record.guard_state is GuardState.ARMED


async def test_a_journal_that_was_not_given_a_record_yet_leaves_levels_where_they_are(world: World) -> None:
    """Nobody has said yet whether levels are to be hidden: they are not shown and hidden again."""
    await world.core.apply_policies(world.policies(stealth=True))
    identifier = await opened(world)
    (record,) = world.core.snapshot().positions
    await world.core.close()
    world.path.unlink()
    world.core = world._core(world.terminal._broker.account)
    world.terminal._stream = type(world.terminal._stream)(world.terminal._begin)
    world.terminal._broker._tell = world.terminal._stream.put
    sent = len(world.terminal.sent)
    await world.start(sync=False)
    await world.core.adopt_record(RecordedState((record,), (), world.now_msc))
    assert (await world.core.sync(SyncTrigger.START, "s", False)).succeeded
    await asyncio.sleep(0.1)
    assert world.core.snapshot().positions[0].position.identifier == identifier
    assert len(world.terminal.sent) == sent


async def test_a_person_can_still_act_on_what_was_taken_over(world: World) -> None:
    identifier = await opened(world)
    (record,) = world.core.snapshot().positions
    await renewed(world, record)
    await world.deliver(ModifyAction(identifier, True, D("1.08100"), False, None))
    assert world.terminal._broker.positions[identifier].stop_loss == D("1.08100")
    await world.deliver(CloseAction(identifier))
    assert volume(world, identifier) == 0
