from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from signalos_bridge.domain.facts import TrailingChanged
from signalos_bridge.domain.orders import ModifyLevels
from signalos_bridge.domain.values import DistanceUnit, Policies, TradePolicy, TrailingPlan
from tests.signalos_bridge.core_world import World, a_world, eventually

PLAN = TrailingPlan(Decimal(50), DistanceUnit.POINTS)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path / "journal.db") as made:
        yield made


def with_trail(world: World, identifier: int, plan: TrailingPlan | None, revision: int = 1) -> Policies:
    return replace(world.policies(), trades=(TradePolicy(identifier, plan, revision),))


def stop_of(world: World, identifier: int) -> Decimal | None:
    return world.terminal._broker.positions[identifier].stop_loss


async def test_a_stop_follows_the_market_and_never_goes_back(world: World) -> None:
    identifier = (await world.open()).legs[0].position_identifier
    assert await world.core.apply_policies(with_trail(world, identifier, PLAN)) == []

    world.tick("1.08600", "1.08610")
    await eventually(lambda: stop_of(world, identifier) == Decimal("1.08550") or None)
    world.tick("1.08560", "1.08570")

    assert stop_of(world, identifier) == Decimal("1.08550")
    record = world.core.snapshot().positions[0]
    assert record.trailing is not None
    assert record.trailing.high_water_price == Decimal("1.08600")


async def test_it_waits_for_its_activation(world: World) -> None:
    identifier = (await world.open()).legs[0].position_identifier
    await world.core.apply_policies(with_trail(world, identifier, replace(PLAN, activation=Decimal(100))))

    world.tick("1.08600", "1.08610")
    assert stop_of(world, identifier) is None
    world.tick("1.08630", "1.08640")

    await eventually(lambda: stop_of(world, identifier) == Decimal("1.08580") or None)


async def test_the_mark_survives_a_restart(world: World) -> None:
    identifier = (await world.open()).legs[0].position_identifier
    await world.core.apply_policies(with_trail(world, identifier, PLAN))
    world.tick("1.08600", "1.08610")
    await eventually(lambda: stop_of(world, identifier))
    await world.restart()

    trailing = world.core.snapshot().positions[0].trailing

    assert trailing is not None
    assert trailing.high_water_price == Decimal("1.08600")


async def test_a_resent_policy_changes_nothing_and_a_stop_loosened_by_hand_suspends_it(
    world: World,
) -> None:
    identifier = (await world.open()).legs[0].position_identifier
    policies = with_trail(world, identifier, PLAN)
    await world.core.apply_policies(policies)
    world.tick("1.08600", "1.08610")
    await eventually(
        lambda: (
            any(isinstance(e.fact, TrailingChanged) and "->" in e.fact.change for e in world.events()) or None
        )
    )
    world.advance()
    world.terminal._broker.trade(ModifyLevels(identifier, "EURUSD", Decimal("1.08000"), None, True))
    trailing = await eventually(
        lambda: (
            held
            if (held := world.core.snapshot().positions[0].trailing) is not None and held.suspended
            else None
        )
    )
    await world.core.apply_policies(policies)
    world.tick("1.08700", "1.08710")

    assert trailing.suspended
    assert stop_of(world, identifier) == Decimal("1.08000")


async def test_under_stealth_the_hidden_stop_trails(world: World) -> None:
    await world.core.apply_policies(world.policies(stealth=True))
    opened = await world.open(stop_loss=Decimal("1.08400"))
    identifier = opened.legs[0].position_identifier
    disaster = stop_of(world, identifier)
    await world.core.apply_policies(replace(with_trail(world, identifier, PLAN), stealth=True, revision=2))

    world.tick("1.08600", "1.08610")
    await eventually(
        lambda: world.core.snapshot().positions[0].virtual_stop_loss == Decimal("1.08550") or None
    )

    assert disaster is not None
    assert (stop_of(world, identifier) or Decimal(0)) >= disaster
    assert (stop_of(world, identifier) or Decimal(9)) < Decimal("1.08550")


async def test_the_first_hidden_stop_that_a_position_has_is_guarded(world: World) -> None:
    await world.core.apply_policies(world.policies(stealth=True))
    identifier = (await world.open()).legs[0].position_identifier
    assert world.core.snapshot().positions[0].virtual_stop_loss is None
    await world.core.apply_policies(replace(with_trail(world, identifier, PLAN), stealth=True, revision=2))

    world.tick("1.08600", "1.08610")
    await eventually(
        lambda: world.core.snapshot().positions[0].virtual_stop_loss == Decimal("1.08550") or None
    )
    world.tick("1.08540", "1.08550")

    await eventually(lambda: identifier not in world.terminal._broker.positions or None)


async def test_a_distance_below_the_brokers_minimum_is_refused_with_its_numbers(world: World) -> None:
    identifier = (await world.open()).legs[0].position_identifier

    problems = await world.core.apply_policies(
        with_trail(world, identifier, TrailingPlan(Decimal(5), DistanceUnit.POINTS))
    )

    assert len(problems) == 1
    assert "0.00005 is below the broker's minimum 0.00010" in problems[0]


async def test_the_days_budget_survives_a_restart_and_hidden_moves_cost_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = (await world.open()).legs[0].position_identifier
    await world.core.apply_policies(with_trail(world, identifier, PLAN))
    world.tick("1.08600", "1.08610")
    await eventually(lambda: stop_of(world, identifier) == Decimal("1.08550") or None)
    monkeypatch.setattr("signalos_bridge.trailer.MOVES_A_DAY", 1)

    await world.restart()
    world.tick("1.08700", "1.08710")
    await eventually(lambda: "TRAILING_BUDGET" in {a.code for a in world.core.take_alerts()} or None)

    assert stop_of(world, identifier) == Decimal("1.08550")
    await world.core.apply_policies(replace(with_trail(world, identifier, PLAN), stealth=True, revision=2))
    await eventually(lambda: world.core.snapshot().positions[0].hidden or None)
    world.tick("1.08800", "1.08810")
    await eventually(
        lambda: world.core.snapshot().positions[0].virtual_stop_loss == Decimal("1.08750") or None
    )
