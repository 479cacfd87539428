"""When plans begin, and what is kept of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from signalos_bridge.domain.market import Side
from signalos_bridge.domain.protection import (
    BreakEvenPlan,
    PlanStart,
    ProtectionPlan,
    StartKind,
    StepState,
    has_begun,
    kept,
)
from tests.signalos_bridge.domain.market_samples import EURUSD, INDEX
from tests.signalos_bridge.domain.test_ladder import plan, position

D = Decimal


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(
    ("kind", "value", "needed"),
    [
        (StartKind.DISTANCE, "0.00200", "0.00200"),
        (StartKind.POINTS, "200", "0.00200"),
        (StartKind.PIPS, "20", "0.00200"),
        (StartKind.RISK, "1", "0.00500"),
        (StartKind.RISK, "0.5", "0.00250"),
        # 0.10 lots: a point is worth 0.1 of the account's money.
        (StartKind.MONEY, "15", "0.00150"),
    ],
)
def test_a_plan_begins_at_its_profit_and_not_a_tick_before(
    side: Side, kind: StartKind, value: str, needed: str
) -> None:
    here = position(side)
    at = here.open_price + side.value * D(needed)

    def begun(price: Decimal) -> bool:
        return has_begun(PlanStart(kind, D(value)), here, price, here.stop_loss, EURUSD, 0)

    assert begun(at)
    assert not begun(at - side.value * EURUSD.point)
    assert not begun(here.open_price - side.value * D(needed)), "a trade that loses begins nothing"


@pytest.mark.parametrize("side", list(Side))
def test_a_price_is_reached_from_its_own_side(side: Side) -> None:
    start = PlanStart(StartKind.PRICE, D("1.10000") + side.value * D("0.00300"))
    here = position(side)
    assert has_begun(start, here, start.value, None, EURUSD, 0)
    assert not has_begun(start, here, start.value - side.value * EURUSD.point, None, EURUSD, 0)


def test_swap_counts_in_money() -> None:
    here = replace(position(), swap=D("-5"))
    start = PlanStart(StartKind.MONEY, D("15"))
    assert not has_begun(start, here, D("1.10150"), None, EURUSD, 0)
    assert has_begun(start, here, D("1.10200"), None, EURUSD, 0)


def test_what_cannot_be_counted_has_not_begun() -> None:
    risk = PlanStart(StartKind.RISK, D(1))
    assert not has_begun(risk, position(), D("1.2"), None, EURUSD, 0)
    worthless = replace(EURUSD, tick_value=D(0), tick_value_profit=D(0), tick_value_loss=D(0))
    assert not has_begun(PlanStart(StartKind.MONEY, D(1)), position(), D("1.2"), None, worthless, 0)


def test_a_target_counts_those_that_were_closed() -> None:
    start = PlanStart(StartKind.TARGET, D(2))
    assert not has_begun(start, position(), D("1.2"), None, EURUSD, 1)
    assert has_begun(start, position(), D("1.0"), None, EURUSD, 2)


def test_a_pip_is_a_point_where_the_quote_has_no_fractional_digit() -> None:
    start = PlanStart(StartKind.PIPS, D(100))
    here = replace(position(), symbol="NAS100", open_price=D("20000"))
    assert has_begun(start, here, D("20001"), None, INDEX, 0)
    assert not has_begun(start, here, D("20000.75"), None, INDEX, 0)


def test_nothing_is_kept_of_a_plan_that_wants_nothing() -> None:
    assert kept(None) is None
    assert kept(ProtectionPlan()) is None


def test_what_is_kept_says_what_was_wanted_and_is_active_until_all_is_done() -> None:
    wanted = replace(plan("0.5", "0.5"), break_even=BreakEvenPlan(PlanStart(StartKind.TARGET, D(1))))
    found = kept(wanted)
    assert found is not None
    assert found.plan == wanted
    assert found.active
    assert found.break_even is not None
    done = replace(
        found,
        steps=tuple(replace(step, state=StepState.DONE) for step in found.steps),
        break_even=replace(found.break_even, done=True),
    )
    assert not done.active
    assert done.targets_done == 2
