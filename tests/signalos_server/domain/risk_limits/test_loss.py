"""The arithmetic of losses, and how limits trip."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_server.domain.dealing.denial import Denial
from signalos_server.domain.risk_limits.loss import (
    Base,
    DayOpening,
    Drawdown,
    Meter,
    Peaks,
    daily_loss,
    total_loss,
)
from signalos_server.domain.risk_limits.stages import Levels, LimitState, Reading, Stage

D = Decimal


@pytest.mark.parametrize(
    ("base", "balance", "equity", "transfers", "now", "limit", "current", "headroom"),
    [
        (Base.BALANCE, 10_000, 10_200, 0, 9_900, 500, 100, 400),
        (Base.EQUITY, 10_000, 10_200, 0, 9_900, 510, 300, 210),
        (Base.HIGHER, 10_000, 10_200, 0, 9_900, 510, 300, 210),
        (Base.HIGHER, 10_000, 9_800, 0, 9_900, 500, 100, 400),
        # A gain is a negative loss.
        (Base.BALANCE, 10_000, 10_000, 0, 10_300, 500, -300, 800),
        # A deposit is no gain, a withdrawal no loss, and neither moves the limit.
        (Base.BALANCE, 10_000, 10_000, 5_000, 14_900, 500, 100, 400),
        (Base.BALANCE, 10_000, 10_000, -5_000, 4_900, 500, 100, 400),
        (Base.BALANCE, 10_000, 10_000, 0, 9_500, 500, 500, 0),
        (Base.BALANCE, 10_000, 10_000, 0, 9_400, 500, 600, -100),
    ],
)
def test_a_days_loss_is_counted_from_its_base(
    base: Base, balance: int, equity: int, transfers: int, now: int, limit: int, current: int, headroom: int
) -> None:
    opening = DayOpening(D(balance), D(equity), D(transfers))
    meter = daily_loss(opening, D(now), base, percent=D(5))

    assert isinstance(meter, Meter)
    assert [meter.limit, meter.current, meter.headroom] == [D(limit), D(current), D(headroom)]


def test_our_own_limit_keeps_a_margin_to_the_firms() -> None:
    meter = daily_loss(
        DayOpening(D(10_000), D(10_000)), D(9_900), Base.BALANCE, money=D(500), share=D("0.85")
    )

    assert isinstance(meter, Meter)
    assert meter.limit == 425


def test_an_unknown_opening_denies_opens() -> None:
    denied = daily_loss(None, D(9_900), Base.BALANCE, percent=D(5))

    assert isinstance(denied, Denial)
    assert denied.code == "DAY_BASE_UNKNOWN"


def test_an_order_whose_stop_would_break_the_limit_is_denied_with_the_numbers() -> None:
    meter = Meter("MAX_DAILY_LOSS", D(500), D("432.10"))

    assert meter.admit(D("67.90")) is None
    assert str(meter.admit(D(108))) == "MAX_DAILY_LOSS: limit=500.00 current=432.10 worst_case=540.10"


@pytest.mark.parametrize(
    ("drawdown", "equity", "transfers", "current"),
    [
        (Drawdown.STATIC, 9_500, 0, 500),
        (Drawdown.TRAILING_DAY, 9_500, 0, 1_300),
        (Drawdown.TRAILING_NOW, 9_500, 0, 1_500),
        (Drawdown.STATIC, 11_500, 2_000, 500),
    ],
)
def test_a_total_loss_is_counted_from_where_the_firm_counts(
    drawdown: Drawdown, equity: int, transfers: int, current: int
) -> None:
    peaks = Peaks(D(10_000), D(10_800), D(11_000))
    meter = total_loss(peaks, D(equity), D(transfers), drawdown, D(10))

    assert [meter.limit, meter.current] == [D(1_000), D(current)]


def reading(current: int, at: float, **more: object) -> Reading:
    return Reading(Meter("MAX_DAILY_LOSS", D(100), D(current)), at, **more)  # type: ignore[arg-type]


LEVELS = Levels(D("0.7"), D("0.85"), D(1))


@pytest.mark.parametrize(
    ("readings", "latched"),
    [
        ([reading(50, 0)], Stage.CLEAR),
        ([reading(70, 0)], Stage.WARNING),
        # A warning goes as it came.
        ([reading(70, 0), reading(50, 1)], Stage.CLEAR),
        # One read trips nothing, nor do two within a second.
        ([reading(120, 0)], Stage.CLEAR),
        ([reading(120, 0), reading(120, 0.9)], Stage.CLEAR),
        ([reading(120, 0), reading(120, 1)], Stage.HARD),
        ([reading(120, 0), reading(120, 0.5), reading(120, 1)], Stage.HARD),
        ([reading(90, 0), reading(90, 1)], Stage.SOFT),
        # Only the lower of two reads is confirmed.
        ([reading(90, 0), reading(120, 1)], Stage.SOFT),
        ([reading(90, 0), reading(120, 1), reading(120, 2)], Stage.HARD),
        # A read that fell between the two begins anew.
        ([reading(120, 0), reading(50, 0.5), reading(120, 1)], Stage.CLEAR),
        # What is not plausible counts for nothing and begins anew.
        ([reading(120, 0), reading(120, 1, linked=False)], Stage.CLEAR),
        ([reading(120, 0), reading(120, 1, login_matches=False)], Stage.CLEAR),
        ([reading(120, 0), reading(120, 1, balance=D(0))], Stage.CLEAR),
        ([reading(120, 0), reading(120, 1, linked=False), reading(120, 2)], Stage.CLEAR),
        # Latched: it stays when the loss is won back.
        ([reading(120, 0), reading(120, 1), reading(0, 2)], Stage.HARD),
        ([reading(90, 0), reading(90, 1), reading(10, 2)], Stage.SOFT),
    ],
)
def test_a_limit_trips_on_two_plausible_reads_and_stays(readings: list[Reading], latched: Stage) -> None:
    state = LimitState()
    for each in readings:
        state = state.read(each, LEVELS)

    assert state.latched is latched


def test_a_person_resumes_and_a_broken_limit_trips_again() -> None:
    state = LimitState(Stage.HARD).resume(LEVELS, reading(120, 0).meter)

    assert not state.blocks_opens
    assert state.read(reading(120, 0), LEVELS).read(reading(120, 1), LEVELS).latched is Stage.HARD


def test_levels_have_to_rise() -> None:
    with pytest.raises(ValueError, match="rise"):
        Levels(D("0.9"), D("0.8"), D(1))


@given(st.lists(st.tuples(st.integers(-50, 200), st.floats(0, 5)), max_size=20))
def test_a_latched_stage_never_falls_by_itself(steps: list[tuple[int, float]]) -> None:
    state, at = LimitState(), 0.0
    for current, pause in steps:
        at += pause
        after = state.read(reading(current, at), LEVELS)
        assert after.latched >= state.latched or state.latched is Stage.WARNING
        state = after
