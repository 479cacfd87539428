"""Plans go over the wire and come back as they were."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos.v1 import protection_pb2
from signalos_bridge.convert import plans
from signalos_bridge.convert.numbers import Malformed
from signalos_bridge.domain.protection import (
    BreakEven,
    BreakEvenPlan,
    LadderStep,
    LadderTarget,
    PlanStart,
    Protection,
    ProtectionPlan,
    StartKind,
    StepState,
    StopMove,
)
from signalos_bridge.domain.values import DistanceUnit, TrailingPlan, TrailingStop

numbers = st.integers(1, 10**7).map(lambda n: Decimal(n).scaleb(-5))
starts = st.one_of(
    st.builds(
        PlanStart, st.sampled_from([kind for kind in StartKind if kind is not StartKind.TARGET]), numbers
    ),
    st.builds(PlanStart, st.just(StartKind.TARGET), st.integers(1, 10).map(Decimal)),
)
targets = st.builds(
    LadderTarget, numbers, st.integers(1, 100).map(lambda n: Decimal(n) / 100), st.sampled_from(StopMove)
)
break_evens = st.builds(BreakEvenPlan, starts, numbers)


@given(st.builds(ProtectionPlan, st.lists(targets, max_size=4).map(tuple), st.none() | break_evens))
def test_a_plan_comes_back_as_it_went(plan: ProtectionPlan) -> None:
    message = plans.protection_plan(plan)
    assert message is not None
    assert plans.protection_plan_of(message) == plan


@given(targets, st.sampled_from(StepState), numbers, st.booleans(), break_evens)
def test_what_is_kept_comes_back_as_it_went(
    target: LadderTarget, state: StepState, lots: Decimal, moved: bool, wish: BreakEvenPlan
) -> None:
    closed = Decimal(0) if state is StepState.WAITING else lots
    kept = Protection((LadderStep(target, state, lots, closed, moved),), BreakEven(wish, moved))
    message = plans.protection(kept)
    assert message is not None
    assert plans.protection_of(message) == kept


@given(numbers, st.sampled_from(DistanceUnit), starts, st.integers(1, 3600).map(float))
def test_a_trailing_stop_comes_back_as_it_went(
    distance: Decimal, unit: DistanceUnit, start: PlanStart, interval: float
) -> None:
    plan = TrailingPlan(distance, unit, Decimal(0), None, start, interval)
    message = plans.trailing_stop(TrailingStop(plan, distance, True, False))
    assert message is not None
    assert plans.trailing_stop_of(message).plan == plan


@pytest.mark.parametrize(
    "plan",
    [
        protection_pb2.ProtectionPlan(targets=[protection_pb2.LadderTarget(price=1.1, share=1.5)]),
        protection_pb2.ProtectionPlan(targets=[protection_pb2.LadderTarget(price=0, share=0.5)]),
        protection_pb2.ProtectionPlan(break_even=protection_pb2.BreakEvenPlan()),
    ],
)
def test_a_plan_that_cannot_be_is_malformed(plan: protection_pb2.ProtectionPlan) -> None:
    with pytest.raises(Malformed):
        plans.protection_plan_of(plan)
