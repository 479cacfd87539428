"""The take-profit ladder: shares, targets reached, what is closed, where the stop goes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain import ladder
from signalos_bridge.domain.market import Position, Reason, Side, SymbolSpec
from signalos_bridge.domain.protection import (
    LadderTarget,
    Protection,
    ProtectionPlan,
    StepState,
    StopMove,
    kept,
)
from tests.signalos_bridge.domain.market_samples import EURUSD, INDEX

D = Decimal


def position(side: Side = Side.BUY, volume: str = "0.10") -> Position:
    return Position(
        ticket=7,
        identifier=7,
        symbol="EURUSD",
        side=side,
        volume_lots=D(volume),
        open_price=D("1.10000"),
        stop_loss=D("1.09500") if side is Side.BUY else D("1.10500"),
        take_profit=None,
        current_price=None,
        profit=D(0),
        swap=D(0),
        magic=1,
        comment="",
        open_time_msc=0,
        update_time_msc=0,
        reason=Reason.OTHER,
    )


def plan(*shares: str, move: StopMove = StopMove.STAY, side: Side = Side.BUY) -> ProtectionPlan:
    return ProtectionPlan(
        tuple(
            LadderTarget(D("1.10000") + side.value * D("0.00100") * (index + 1), D(share), move)
            for index, share in enumerate(shares)
        )
    )


def protection(*shares: str, move: StopMove = StopMove.STAY, side: Side = Side.BUY) -> Protection:
    found = kept(plan(*shares, move=move, side=side))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("volume", "shares", "parts"),
    [
        ("0.10", ["0.5", "0.3", "0.2"], ["0.05", "0.03", "0.02"]),
        ("0.10", ["0.33", "0.33", "0.34"], ["0.04", "0.03", "0.03"]),
        ("0.02", ["0.5", "0.3", "0.2"], ["0.01", "0.01", "0"]),
        ("0.01", ["0.5", "0.5"], ["0.01", "0"]),
        ("0.03", ["0.1", "0.1", "0.8"], ["0.01", "0", "0.02"]),
        ("0.10", ["0.5"], ["0.05"]),
        ("0.03", ["0.1", "0.5"], ["0", "0.01"]),
        ("0.10", [], []),
    ],
)
def test_the_volume_is_split_by_lot_step_and_rounding_goes_to_the_nearest_targets(
    volume: str, shares: list[str], parts: list[str]
) -> None:
    assert ladder.split(D(volume), [D(share) for share in shares], EURUSD) == tuple(map(D, parts))


@given(
    lots=st.integers(1, 5000),
    weights=st.lists(st.integers(1, 100), min_size=1, max_size=10),
    runs_on=st.booleans(),
    spec=st.sampled_from([EURUSD, INDEX, replace(EURUSD, volume_min_lots=D("0.03"))]),
)
def test_parts_are_tradable_and_add_up_whatever_is_asked(
    lots: int, weights: list[int], runs_on: bool, spec: SymbolSpec
) -> None:
    volume = spec.volume_min_lots + spec.volume_step_lots * (lots - 1)
    whole = D(sum(weights) + (50 if runs_on else 0))
    shares = [D(weight) / whole for weight in weights]
    if not runs_on:
        shares[-1] = 1 - sum(shares[:-1], D(0))
    parts = ladder.split(volume, shares, spec)
    total = sum(parts, D(0))
    assert all(part == 0 or part >= spec.volume_min_lots for part in parts)
    assert all(part % spec.volume_step_lots == 0 for part in parts)
    rest = volume - total
    assert rest == 0 or rest >= spec.volume_min_lots
    if not runs_on:
        assert rest == 0


@pytest.mark.parametrize("side", list(Side))
def test_every_target_that_the_best_price_went_through_is_triggered_at_once(side: Side) -> None:
    before = protection("0.5", "0.3", "0.2", side=side)
    after = ladder.reached(before, position(side), D("1.10000") + side.value * D("0.00250"), EURUSD)
    assert [step.state for step in after.steps] == [
        StepState.TRIGGERED,
        StepState.TRIGGERED,
        StepState.WAITING,
    ]
    assert [step.volume_lots for step in after.steps] == [D("0.05"), D("0.03"), D("0.02")]


def test_a_target_is_reached_at_its_price_and_not_a_tick_before() -> None:
    before = protection("0.5")
    assert ladder.reached(before, position(), D("1.10099"), EURUSD) is before
    assert ladder.due(ladder.reached(before, position(), D("1.10100"), EURUSD)) == 0


def test_volumes_are_fixed_by_the_first_target_and_stay_when_a_part_is_closed_by_hand() -> None:
    one = ladder.reached(protection("0.5", "0.3", "0.2"), position(), D("1.10100"), EURUSD)
    two = ladder.reached(one, position(volume="0.02"), D("1.10200"), EURUSD)
    assert [step.volume_lots for step in two.steps] == [D("0.05"), D("0.03"), D("0.02")]


def test_a_target_whose_share_is_too_small_is_skipped_and_never_closes() -> None:
    after = ladder.reached(protection("0.5", "0.3", "0.2"), position(volume="0.02"), D("1.2"), EURUSD)
    assert [step.state for step in after.steps] == [
        StepState.TRIGGERED,
        StepState.TRIGGERED,
        StepState.SKIPPED,
    ]


def test_the_last_target_of_a_ladder_that_closes_all_takes_whatever_is_left() -> None:
    kept_ = ladder.reached(protection("0.5", "0.5"), position(), D("1.10200"), EURUSD)
    assert ladder.close_volume(kept_, 0, D(0), D("0.10"), EURUSD) == D("0.05")
    kept_ = ladder.closed(kept_, 0, D("0.05"))
    assert ladder.close_volume(kept_, 1, D(0), D("0.07"), EURUSD) is None


def test_an_attempt_that_closed_a_part_leaves_the_rest_to_the_next() -> None:
    kept_ = ladder.reached(protection("0.5"), position(), D("1.10100"), EURUSD)
    assert ladder.close_volume(kept_, 0, D("0.02"), D("0.08"), EURUSD) == D("0.03")
    assert ladder.close_volume(kept_, 0, D("0.05"), D("0.05"), EURUSD) == 0


def test_no_rest_below_the_smallest_lot_is_left() -> None:
    spec = replace(EURUSD, volume_min_lots=D("0.03"))
    kept_ = ladder.reached(protection("0.5"), position(), D("1.10100"), spec)
    # By hand, half of it was closed meanwhile.
    assert ladder.close_volume(kept_, 0, D(0), D("0.06"), spec) is None


def test_the_stop_follows_the_farthest_target_that_was_closed() -> None:
    kept_ = protection("0.4", "0.3", "0.3", move=StopMove.PREVIOUS_TARGET)
    kept_ = ladder.reached(kept_, position(), D("1.10200"), EURUSD)
    assert ladder.owed_move(kept_) is None
    kept_ = ladder.closed(kept_, 0, D("0.04"))
    assert ladder.owed_move(kept_) == 0
    assert ladder.goes_to_break_even(kept_, 0)
    kept_ = ladder.closed(kept_, 1, D("0.03"))
    assert ladder.owed_move(kept_) == 1
    assert not ladder.goes_to_break_even(kept_, 1)
    assert ladder.followed_stop(kept_, 1, Side.BUY, D("1.09500"), EURUSD) == D("1.10100")
    done = ladder.moved(kept_, 1)
    assert ladder.owed_move(done) is None
    assert [step.stop_moved for step in done.steps] == [True, True, False]


@pytest.mark.parametrize("side", list(Side))
def test_the_stop_never_loosens_to_the_target_before(side: Side) -> None:
    kept_ = ladder.reached(
        protection("0.5", "0.5", move=StopMove.PREVIOUS_TARGET, side=side),
        position(side),
        D("1.10000") + side.value * D("0.00200"),
        EURUSD,
    )
    tighter = D("1.10000") + side.value * D("0.00150")
    assert ladder.followed_stop(kept_, 1, side, tighter, EURUSD) is None


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (plan("0.6", "0.6"), "add up to 1.2"),
        (plan("0"), "above 0"),
        (plan(*["0.05"] * 11), "more than 10"),
        (ProtectionPlan(tuple(reversed(plan("0.5", "0.5").targets))), "not beyond"),
        (ProtectionPlan((LadderTarget(D("1.05"), D(1)),)), "must be above the market at 1.10020"),
    ],
)
def test_a_ladder_that_makes_no_sense_is_refused_with_the_numbers(wanted: ProtectionPlan, words: str) -> None:
    problem = ladder.problem_of(wanted, Side.BUY, D("1.10020"))
    assert problem is not None
    assert words in problem.message


@given(st.data())
def test_over_any_walk_each_target_triggers_once_at_the_first_price_beyond_it(data: st.DataObject) -> None:
    side = data.draw(st.sampled_from(list(Side)))
    kept_ = protection("0.4", "0.3", "0.3", side=side)
    here = position(side)
    walk = data.draw(st.lists(st.integers(-400, 400), min_size=1, max_size=40))
    best = None
    seen: list[Protection] = [kept_]
    for step in walk:
        price = D("1.10000") + D(step) * EURUSD.point
        best = price if best is None else max(best, price, key=lambda value: value * side.value)
        kept_ = ladder.reached(kept_, here, price, EURUSD)
        for each in kept_.steps:
            crossed = (best - each.target.price) * side.value >= 0
            assert (each.state is StepState.TRIGGERED) == crossed
        seen.append(kept_)
    for before, after in pairwise(seen):
        for one, other in zip(before.steps, after.steps, strict=True):
            assert one.state is StepState.WAITING or other.state is one.state
