"""Which plans the server takes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from signalos_server.domain.errors import OutOfRange
from signalos_server.domain.protection import (
    BreakEvenPlan,
    LadderTarget,
    PlanStart,
    ProtectionPlan,
    StartKind,
)
from signalos_server.domain.protection_rules import check_plan
from signalos_server.domain.words import Side

D = Decimal


def ladder(*prices: str, share: str = "0.5") -> ProtectionPlan:
    return ProtectionPlan(tuple(LadderTarget(D(price), D(share)) for price in prices))


def starting(kind: StartKind) -> ProtectionPlan:
    return ProtectionPlan((), BreakEvenPlan(PlanStart(kind, D(1))))


@pytest.mark.parametrize(("side", "prices"), [(Side.BUY, ("1.2", "1.3")), (Side.SELL, ("1.0", "0.9"))])
def test_targets_from_the_nearest_on_are_taken_at_both_sides(side: Side, prices: tuple[str, str]) -> None:
    check_plan(ladder(*prices), side, D("1.1"), None)
    check_plan(ladder(*prices), side, None, None)


@pytest.mark.parametrize(
    ("plan", "side", "field", "bound"),
    [
        (ladder("1.2", "1.3", share="0.6"), Side.BUY, "plan.targets", "maximum"),
        (ladder("1.3", "1.2"), Side.BUY, "plan.targets[1].price", "minimum"),
        (ladder("1.1"), Side.BUY, "plan.targets[0].price", "minimum"),
        (ladder("1.2"), Side.SELL, "plan.targets[0].price", "maximum"),
        (starting(StartKind.TARGET), Side.BUY, "plan.breakEven.start.target", "maximum"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_field_and_bound(
    plan: ProtectionPlan, side: Side, field: str, bound: str
) -> None:
    with pytest.raises(OutOfRange) as refused:
        check_plan(plan, side, D("1.1"), D("1.0"))
    assert refused.value.metadata["field"] == field
    assert bound in refused.value.metadata


def test_a_multiple_of_the_risk_needs_a_stop_that_was_there() -> None:
    check_plan(starting(StartKind.RISK), Side.BUY, D("1.1"), D("1.0"))
    with pytest.raises(OutOfRange) as refused:
        check_plan(starting(StartKind.RISK), Side.BUY, D("1.1"), None)
    assert refused.value.metadata["field"] == "plan.breakEven.start.riskMultiple"
