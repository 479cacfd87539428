"""Ladders and moves to break-even, on a real core with a terminal in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from signalos_bridge.domain.facts import PositionRecord
from signalos_bridge.domain.orders import ClosePosition, ModifyLevels
from signalos_bridge.domain.outcomes import NotDone, Retry
from signalos_bridge.domain.protection import (
    BreakEvenPlan,
    LadderTarget,
    PlanStart,
    Protection,
    ProtectionPlan,
    StartKind,
    StepState,
    StopMove,
)
from signalos_bridge.domain.values import (
    CloseAction,
    CommandOrigin,
    DistanceUnit,
    Policies,
    TradePolicy,
    TrailingPlan,
)
from tests.signalos_bridge.core_world import World, a_world, eventually

D = Decimal
# The market stands at 1.08515 / 1.08525, so that a buy opens at 1.08525.
LADDER = ProtectionPlan(
    (
        LadderTarget(D("1.08600"), D("0.5"), StopMove.BREAK_EVEN),
        LadderTarget(D("1.08700"), D("0.3"), StopMove.PREVIOUS_TARGET),
        LadderTarget(D("1.08800"), D("0.2")),
    )
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path / "journal.db") as made:
        yield made


def wanted(
    world: World, identifier: int, plan: ProtectionPlan | None, revision: int = 1, **changes: object
) -> Policies:
    policy = TradePolicy(identifier, None, 0, plan, revision)
    return replace(world.policies(), trades=(replace(policy, **changes),))  # type: ignore[arg-type]


async def opened(world: World, plan: ProtectionPlan | None = LADDER) -> int:
    """Open 0.10 lots with a stop at 1.08000 and a plan; return the position's identifier."""
    outcome = await world.open(stop_loss=D("1.08000"), protection=plan)
    if plan is not None:
        # Quotes are told of what is guarded.
        await eventually(lambda: world.terminal._watch.guarded_symbols)
    return outcome.legs[0].position_identifier


def record_of(world: World) -> PositionRecord:
    return world.core.snapshot().positions[0]


def protection_of(world: World) -> Protection:
    kept = record_of(world).protection
    assert kept is not None
    return kept


def states(world: World) -> list[StepState]:
    return [step.state for step in protection_of(world).steps]


def volume_of(world: World, identifier: int) -> Decimal:
    position = world.terminal._broker.positions.get(identifier)
    return D(0) if position is None else position.volume_lots


def stop_of(world: World, identifier: int) -> Decimal | None:
    return world.terminal._broker.positions[identifier].stop_loss


def closes(world: World) -> list[Decimal]:
    return [order.volume_lots for order in world.terminal.sent if isinstance(order, ClosePosition)]


async def test_each_target_closes_its_share_once_and_the_stop_follows(world: World) -> None:
    identifier = await opened(world)
    world.tick("1.08599", "1.08609")
    world.tick("1.08600", "1.08610")
    await eventually(lambda: volume_of(world, identifier) == D("0.05"))
    # Spread of a tenth of a pip beyond the open price.
    await eventually(lambda: stop_of(world, identifier) == D("1.08535"))

    world.tick("1.08550", "1.08560")
    world.tick("1.08600", "1.08610")
    world.tick("1.08700", "1.08710")
    await eventually(lambda: volume_of(world, identifier) == D("0.02"))
    await eventually(lambda: stop_of(world, identifier) == D("1.08600"))

    world.tick("1.08800", "1.08810")
    await eventually(lambda: not world.terminal._broker.positions)
    assert closes(world) == [D("0.05"), D("0.03"), D("0.02")]


async def test_a_gap_over_all_targets_closes_all_shares(world: World) -> None:
    identifier = await opened(world)
    world.tick("1.09000", "1.09010")
    await eventually(lambda: volume_of(world, identifier) == 0)
    assert closes(world) == [D("0.05"), D("0.03"), D("0.02")]


async def test_a_target_that_was_touched_for_one_tick_is_closed_all_the_same(world: World) -> None:
    identifier = await opened(world)
    world.tick("1.08700", "1.08710")
    world.tick("1.08400", "1.08410")
    await eventually(lambda: volume_of(world, identifier) == D("0.02"))
    assert closes(world) == [D("0.05"), D("0.03")]


async def test_what_was_closed_stays_closed_over_a_restart(world: World) -> None:
    identifier = await opened(world)
    world.tick("1.08600", "1.08610")
    await eventually(lambda: states(world)[0] is StepState.DONE)
    await world.restart()
    world.tick("1.08610", "1.08620")
    world.tick("1.08700", "1.08710")
    await eventually(lambda: volume_of(world, identifier) == D("0.02"))
    assert closes(world) == [D("0.05"), D("0.03")]


async def test_a_target_that_was_reached_before_a_restart_is_closed_after_it(world: World) -> None:
    identifier = await opened(world)
    refuse = [True]
    world.terminal.before = lambda order: (
        refused() if refuse[0] and isinstance(order, ClosePosition) else None
    )
    world.tick("1.08600", "1.08610")
    await eventually(lambda: states(world)[0] is StepState.TRIGGERED)
    world.tick("1.08400", "1.08410")
    refuse[0] = False
    await world.restart()
    await eventually(lambda: volume_of(world, identifier) == D("0.05"))
    assert volume_of(world, identifier) == D("0.05")


async def test_a_refused_close_is_tried_again_and_closes_no_more_than_its_share(world: World) -> None:
    identifier = await opened(world)
    answers = [refused(), refused()]
    world.terminal.before = lambda order: (
        answers.pop() if answers and isinstance(order, ClosePosition) else None
    )
    world.tick("1.08600", "1.08610")
    await eventually(lambda: states(world)[0] is StepState.DONE)
    assert volume_of(world, identifier) == D("0.05")


async def test_a_position_that_the_terminal_does_not_show_is_waited_for_with_quotes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = await opened(world)
    reads: list[int] = []

    async def gone(ticket: int) -> None:
        reads.append(ticket)

    monkeypatch.setattr(world.terminal, "position", gone)
    world.tick("1.08600", "1.08610")
    await eventually(lambda: states(world)[0] is StepState.TRIGGERED)
    await asyncio.sleep(0.05)
    assert 0 < len(reads) < 10
    monkeypatch.undo()
    world.tick("1.08590", "1.08600")
    await eventually(lambda: volume_of(world, identifier) == D("0.05"))


async def test_half_closed_by_hand_before_the_first_target_leaves_shares_of_the_rest(world: World) -> None:
    identifier = await opened(world)
    await world.deliver(CloseAction(identifier, volume_lots=D("0.06")))
    world.tick("1.08600", "1.08610")
    await eventually(lambda: volume_of(world, identifier) == D("0.02"))


async def test_a_ladder_can_be_set_replaced_and_taken_away(world: World) -> None:
    identifier = await opened(world, None)
    assert await world.core.apply_policies(wanted(world, identifier, LADDER)) == []
    assert protection_of(world).plan == LADDER
    nearer = ProtectionPlan((LadderTarget(D("1.08550"), D("0.2")),))
    assert await world.core.apply_policies(wanted(world, identifier, nearer, 2)) == []
    world.tick("1.08550", "1.08560")
    await eventually(lambda: volume_of(world, identifier) == D("0.08"))
    assert await world.core.apply_policies(wanted(world, identifier, None, 3)) == []
    assert record_of(world).protection is None
    world.tick("1.08900", "1.08910")
    world.tick("1.08910", "1.08920")
    assert volume_of(world, identifier) == D("0.08")


async def test_a_resent_policy_begins_nothing_anew(world: World) -> None:
    identifier = await opened(world, None)
    policies = wanted(world, identifier, LADDER)
    await world.core.apply_policies(policies)
    world.tick("1.08600", "1.08610")
    await eventually(lambda: states(world)[0] is StepState.DONE)
    await world.core.apply_policies(policies)
    assert states(world)[0] is StepState.DONE
    world.tick("1.08610", "1.08620")
    assert volume_of(world, identifier) == D("0.05")


async def test_a_target_behind_the_market_is_refused_with_the_numbers(world: World) -> None:
    identifier = await opened(world, None)
    behind = ProtectionPlan((LadderTarget(D("1.08400"), D(1)),))
    problems = await world.core.apply_policies(wanted(world, identifier, behind))
    assert len(problems) == 1
    assert "must be above the market at 1.085" in problems[0]
    assert record_of(world).protection is None


async def test_a_policy_of_the_trailing_stop_alone_leaves_the_ladder_of_the_opening(world: World) -> None:
    identifier = await opened(world)
    trailing = TrailingPlan(D(50), DistanceUnit.POINTS)
    policies = replace(world.policies(), trades=(TradePolicy(identifier, trailing, 1),))
    assert await world.core.apply_policies(policies) == []
    assert protection_of(world).plan == LADDER


async def test_a_trailing_stop_starts_after_the_first_target(world: World) -> None:
    identifier = await opened(world, ProtectionPlan((LadderTarget(D("1.08600"), D("0.5")),)))
    trailing = TrailingPlan(D(50), DistanceUnit.POINTS, start=PlanStart(StartKind.TARGET, D(1)))
    await world.core.apply_policies(replace(world.policies(), trades=(TradePolicy(identifier, trailing, 1),)))
    world.tick("1.08590", "1.08600")
    assert stop_of(world, identifier) == D("1.08000")
    world.tick("1.08600", "1.08610")
    await eventually(lambda: states(world)[0] is StepState.DONE)
    world.tick("1.08620", "1.08630")
    await eventually(lambda: stop_of(world, identifier) == D("1.08570"))


async def test_break_even_begins_at_its_multiple_of_the_first_risk_and_only_once(world: World) -> None:
    plan = ProtectionPlan((), BreakEvenPlan(PlanStart(StartKind.RISK, D("0.5")), D("0.00010")))
    identifier = await opened(world, plan)
    # The first risk is 52.5 pips.
    world.tick("1.08787", "1.08797")
    assert stop_of(world, identifier) == D("1.08000")
    world.tick("1.08788", "1.08798")
    await eventually(lambda: stop_of(world, identifier) == D("1.08545"))
    await eventually(lambda: (kept := protection_of(world).break_even) is not None and kept.done)
    world.tick("1.08900", "1.08910")
    moves = [order for order in world.terminal.sent if isinstance(order, ModifyLevels)]
    assert len(moves) == 1


async def test_a_refused_move_of_the_stop_is_tried_again_and_the_old_stop_stands(world: World) -> None:
    plan = ProtectionPlan((), BreakEvenPlan(PlanStart(StartKind.POINTS, D(100))))
    identifier = await opened(world, plan)
    answers = [refused()]
    world.terminal.before = lambda order: (
        answers.pop() if answers and isinstance(order, ModifyLevels) else None
    )
    world.tick("1.08700", "1.08710")
    await eventually(lambda: not answers)
    assert stop_of(world, identifier) == D("1.08000")

    def moved() -> bool:
        world.tick("1.08700", "1.08710")
        return stop_of(world, identifier) == D("1.08535")

    await eventually(moved)


async def test_a_hidden_stop_follows_too_and_never_reaches_the_broker(world: World) -> None:
    await world.core.apply_policies(world.policies(stealth=True))
    identifier = await opened(world)
    world.tick("1.08600", "1.08610")
    await eventually(lambda: record_of(world).virtual_stop_loss == D("1.08535"))
    stop = stop_of(world, identifier)
    assert stop is not None
    assert stop < D("1.08535")


async def test_a_crossed_stop_wins_over_the_ladder(world: World) -> None:
    await world.core.apply_policies(world.policies(stealth=True))
    identifier = await opened(world)
    world.tick("1.07900", "1.07910")
    await eventually(lambda: volume_of(world, identifier) == 0)
    assert closes(world) == [D("0.10")]


async def test_what_it_starts_is_told_as_the_ladders_own(world: World) -> None:
    await opened(world)
    world.tick("1.08600", "1.08610")
    await eventually(lambda: protection_of(world).steps[0].stop_moved)
    local = [outcome.local for outcome in world.core.unacknowledged_outcomes() if outcome.local is not None]
    assert {start.origin for start in local} == {CommandOrigin.LADDER}
    assert [start.cause for start in local] == [
        "target 1 at 1.08600 was reached",
        "the stop follows target 1",
    ]


def refused() -> NotDone:
    return NotDone("MARKET_CLOSED", "the market is closed", Retry.NEVER, 10018)
