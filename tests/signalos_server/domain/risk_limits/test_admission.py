"""What an account's limits say of an order, and what of it is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_server.domain.errors import InvalidFields
from signalos_server.domain.order_rules import Market
from signalos_server.domain.records import SymbolSpec
from signalos_server.domain.risk_limits.admission import admit, admit_change
from signalos_server.domain.risk_limits.days import DayAnchor
from signalos_server.domain.risk_limits.exposure import AskedOrder, Holding
from signalos_server.domain.risk_limits.facts import AccountFacts, AccountMoney, LosingRow
from signalos_server.domain.risk_limits.ledger import DayRecord, Latch, Ledger, Source
from signalos_server.domain.risk_limits.loss import Base, Drawdown
from signalos_server.domain.risk_limits.stages import Levels, Stage
from signalos_server.domain.risk_limits.terms import (
    Amount,
    DailyLoss,
    Limits,
    LossRow,
    ProfitLock,
    TotalLoss,
    TradingDay,
    check_limits,
)
from signalos_server.domain.risk_limits.uses import uses
from signalos_server.domain.words import EquityFloorAction, Side

D = Decimal
NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
START = datetime(2026, 5, 5, tzinfo=UTC)


def spec(symbol: str, base: str, profit: str, tick_value: str = "1", point: str = "0.00001") -> SymbolSpec:
    return SymbolSpec(
        symbol=symbol,
        digits=5,
        point=D(point),
        tick_size=D(point),
        volume_minimum_lots=D("0.01"),
        volume_maximum_lots=D(100),
        volume_step_lots=D("0.01"),
        tick_value=D(tick_value),
        contract_size=D(100_000),
        base_currency=base,
        profit_currency=profit,
    )


SPECS = {one.symbol: one for one in (spec("EURUSD", "EUR", "USD"), spec("GBPUSD", "GBP", "USD"))}
BUY = AskedOrder("acc", "EURUSD", Side.BUY, D("0.10"), D("1.10000"), D("1.09000"))
HELD = Holding("EURUSD", Side.BUY, D("0.10"), D("1.10000"), D("1.09500"))
MONEY = AccountMoney(balance=D(10_000), equity=D(9_900), margin_level_percent=D(500))
FACTS = AccountFacts(
    now=NOW,
    anchor=DayAnchor(time(0), UTC),
    money=MONEY,
    money_age_seconds=0.5,
    holdings=(HELD,),
    specs=SPECS,
    market=Market(D("1.09990"), D("1.10000")),
    median_spread_points=D(5),
    day=DayRecord(START, D(10_000), D(10_000), D(0), Source.READ),
    transfers=D(0),
    all_transfers=D(0),
    trades_today=4,
    requests_today=100,
    ledger=Ledger("acc", START, D(10_000), D(10_000), D(10_500)),
)


@pytest.mark.parametrize(
    ("limits", "changed", "denial"),
    [
        (Limits(maximum_order_lots=D("0.10")), {}, None),
        (Limits(maximum_order_lots=D("0.09")), {}, "MAXIMUM_ORDER_LOTS: limit=0.09 current=0.1"),
        (Limits(maximum_positions=2), {}, None),
        (Limits(maximum_positions=1), {}, "MAXIMUM_POSITIONS: limit=1 current=1 with_order=2"),
        (Limits(maximum_symbol_lots=D("0.20")), {}, None),
        (
            Limits(maximum_symbol_lots=D("0.19")),
            {},
            "MAXIMUM_SYMBOL_LOTS: limit=0.19 current=0.1 with_order=0.2",
        ),
        (Limits(maximum_symbol_lots=D("0.10")), {"symbol": "GBPUSD"}, None),
        (
            Limits(maximum_total_lots=D("0.19")),
            {"symbol": "GBPUSD"},
            "MAXIMUM_TOTAL_LOTS: limit=0.19 current=0.1 with_order=0.2",
        ),
        # Two times 11 000 against 9 900.
        (Limits(maximum_leverage=D("2.23")), {}, None),
        (Limits(maximum_leverage=D(2)), {}, "MAXIMUM_LEVERAGE: limit=2 current=1.11 with_order=2.22"),
        (
            Limits(maximum_currency_exposure_percent=D(200)),
            {},
            "MAXIMUM_CURRENCY_EXPOSURE: limit=200 current=111.11 with_order=222.22",
        ),
        # The other way: it offsets.
        (Limits(maximum_currency_exposure_percent=D(200)), {"side": Side.SELL, "stop_loss": D("1.11")}, None),
        # An order that waits offsets nothing.
        (
            Limits(maximum_currency_exposure_percent=D(100)),
            {"side": Side.SELL, "stop_loss": D("1.11"), "market": False},
            "MAXIMUM_CURRENCY_EXPOSURE: limit=100 current=111.11 with_order=111.11",
        ),
        # Dollars are short in both.
        (
            Limits(maximum_currency_exposure_percent=D(200)),
            {"symbol": "GBPUSD"},
            "MAXIMUM_CURRENCY_EXPOSURE: limit=200 current=111.11 with_order=222.22",
        ),
        (Limits(trade_risk=Amount(money=D(100))), {}, None),
        (Limits(trade_risk=Amount(percent=D(1))), {}, "MAXIMUM_TRADE_RISK: limit=99 current=100"),
        (
            Limits(trade_risk=Amount(money=D(100))),
            {"stop_loss": None},
            "MAXIMUM_TRADE_RISK: limit=100 current=unknown",
        ),
        (Limits(idea_risk=Amount(money=D(150))), {}, None),
        (
            Limits(idea_risk=Amount(money=D(149))),
            {},
            "MAXIMUM_IDEA_RISK: limit=149 current=50 with_order=150",
        ),
        # Another side is another idea.
        (Limits(idea_risk=Amount(money=D(149))), {"side": Side.SELL, "stop_loss": D("1.11")}, None),
        (Limits(mandatory_stop=True), {}, None),
        (Limits(mandatory_stop=True), {"stop_loss": None}, "MANDATORY_STOP"),
        (Limits(maximum_spread_points=D(10)), {}, None),
        (Limits(maximum_spread_points=D(9)), {}, "MAXIMUM_SPREAD: limit=9 current=10"),
        (Limits(maximum_spread_points=D(9)), {"market": False}, None),
        (Limits(maximum_spread_median_factor=D(2)), {}, None),
        (Limits(maximum_spread_median_factor=D("1.9")), {}, "MAXIMUM_SPREAD_MEDIAN: limit=1.9 current=2"),
        (Limits(maximum_spread_stop_percent=D(1)), {}, None),
        (Limits(maximum_spread_stop_percent=D("0.9")), {}, "MAXIMUM_SPREAD_STOP: limit=0.9 current=1"),
        (Limits(maximum_trades_a_day=5), {}, None),
        (Limits(maximum_trades_a_day=4), {}, "MAXIMUM_TRADES_A_DAY: limit=4 current=4 with_order=5"),
        (
            Limits(maximum_requests_a_day=100),
            {},
            "MAXIMUM_REQUESTS_A_DAY: limit=100 current=100 with_order=101",
        ),
        (Limits(minimum_margin_level_percent=D(500)), {}, None),
        (Limits(minimum_margin_level_percent=D(501)), {}, "MINIMUM_MARGIN_LEVEL: limit=501 current=500"),
        (Limits(minimum_equity=D(9_900)), {}, None),
        (Limits(minimum_equity=D(9_901)), {}, "MINIMUM_EQUITY: limit=9901 current=9900"),
        # 100 are lost, 50 may be at the stop of what is open, 100 at that of the order.
        (Limits(daily_loss=DailyLoss(Amount(money=D(250)))), {}, None),
        (
            Limits(daily_loss=DailyLoss(Amount(money=D(249)))),
            {},
            "MAX_DAILY_LOSS: limit=249.00 current=100.00 worst_case=250.00",
        ),
        (
            Limits(daily_loss=DailyLoss(Amount(money=D(250)))),
            {"worst_case_money": D(101)},
            "MAX_DAILY_LOSS: limit=250.00 current=100.00 worst_case=251.00",
        ),
        (
            Limits(total_loss=TotalLoss(Amount(money=D(749)), Drawdown.TRAILING_NOW)),
            {},
            "MAX_TOTAL_LOSS: limit=749.00 current=600.00 worst_case=750.00",
        ),
        (Limits(total_loss=TotalLoss(Amount(money=D(249)), Drawdown.STATIC, D(9_900))), {}, None),
    ],
)
def test_an_order_is_held_against_each_limit(
    limits: Limits, changed: dict[str, Any], denial: str | None
) -> None:
    found = admit(limits, FACTS, replace(BUY, **changed))

    assert (None if found is None else str(found).split(": the account")[0]) == denial


@pytest.mark.parametrize(
    ("limits", "changed", "code"),
    [
        (Limits(minimum_equity=D(1)), {"money": None}, "STALE_ACCOUNT"),
        (Limits(maximum_account_age_seconds=5.0), {"money": None}, "STALE_ACCOUNT"),
        (Limits(daily_loss=DailyLoss(Amount(percent=D(5)))), {"day": None}, "DAY_BASE_UNKNOWN"),
        (Limits(daily_loss=DailyLoss(Amount(percent=D(5)))), {"transfers": None}, "DAY_BASE_UNKNOWN"),
        (
            Limits(daily_loss=DailyLoss(Amount(percent=D(5)), Base.HIGHER)),
            {"day": replace(FACTS.day or pytest.fail("a day"), equity=None)},
            "DAY_BASE_UNKNOWN",
        ),
        (Limits(daily_profit=ProfitLock(Amount(percent=D(5)))), {"day": None}, "DAY_BASE_UNKNOWN"),
        (Limits(total_loss=TotalLoss(Amount(percent=D(5)))), {"all_transfers": None}, "DAY_BASE_UNKNOWN"),
        (Limits(maximum_spread_points=D(100)), {"market": None}, "MAXIMUM_SPREAD"),
        (Limits(maximum_leverage=D(100)), {"specs": {}}, "MAXIMUM_LEVERAGE"),
        (Limits(maximum_trades_a_day=100), {"trades_today": None}, "MAXIMUM_TRADES_A_DAY"),
        (Limits(daily_loss=DailyLoss(Amount(percent=D(50)))), {"specs": {}}, "RISK_UNKNOWN"),
    ],
)
def test_what_is_not_known_is_not_within_a_limit_and_shows_no_headroom(
    limits: Limits, changed: dict[str, Any], code: str
) -> None:
    facts = replace(FACTS, **changed)

    denial = admit(limits, facts, BUY)

    assert denial is not None
    assert denial.code == code
    shown = {use.code: use for use in uses(limits, facts)}
    for use in shown.values():
        if use.current is None:
            assert use.headroom is None
            assert use.headroom_money is None


def test_a_row_of_losses_blocks_for_its_cooldown_or_until_the_day_ends() -> None:
    lost = replace(FACTS, losing_row=LosingRow(3, NOW - timedelta(minutes=30)))
    hour = Limits(consecutive_losses=LossRow(3, 3_600.0))
    day = Limits(consecutive_losses=LossRow(3))

    denial = admit(hour, lost, BUY)
    assert denial is not None
    assert dict(denial.numbers)["until"] == "2026-05-05T12:30:00+00:00"
    assert admit(hour, replace(lost, now=NOW + timedelta(minutes=31)), BUY) is None
    assert admit(day, replace(lost, now=NOW + timedelta(hours=11)), BUY) is not None
    assert admit(day, replace(lost, now=NOW + timedelta(hours=12)), BUY) is None
    assert admit(hour, replace(lost, losing_row=LosingRow(2, NOW)), BUY) is None


def test_what_is_latched_blocks_with_the_numbers_that_it_was_latched_by() -> None:
    latch = Latch("MAX_DAILY_LOSS", Stage.SOFT, NOW, D(500), D("432.104"))
    facts = replace(FACTS, ledger=replace(FACTS.ledger, latches=(latch,)))

    denial = admit(Limits(maximum_positions=10), facts, BUY)

    assert str(denial) == "MAX_DAILY_LOSS: limit=500.00 current=432.10 stage=SOFT"


def test_a_change_is_held_against_losses_and_not_against_counts() -> None:
    full = Limits(maximum_positions=1, maximum_trades_a_day=1, daily_loss=DailyLoss(Amount(money=D(250))))
    position = replace(BUY, market=False)

    assert admit_change(full, FACTS, position) is None
    wider = replace(position, stop_loss=D("1.08900"))
    assert str(admit_change(full, FACTS, wider)).startswith("MAX_DAILY_LOSS: limit=250.00")
    assert str(
        admit_change(Limits(mandatory_stop=True), FACTS, replace(position, stop_loss=None))
    ).startswith("MANDATORY_STOP")


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        (Limits(maximum_order_lots=D(0)), "limits.maximumOrderLots"),
        (Limits(maximum_positions=10_001), "limits.maximumPositions"),
        (Limits(daily_loss=DailyLoss(Amount())), "limits.dailyLoss"),
        (Limits(daily_loss=DailyLoss(Amount(D(5), D(500)))), "limits.dailyLoss"),
        (Limits(daily_loss=DailyLoss(Amount(D(101)))), "limits.dailyLoss.percent"),
        (Limits(total_loss=TotalLoss(Amount(money=D(-1)))), "limits.totalLoss.money"),
        (Limits(total_loss=TotalLoss(Amount(D(5)), start_balance=D(0))), "limits.totalLoss.startBalance"),
        (Limits(day=TradingDay("24:00")), "limits.day.beginsAt"),
        (Limits(consecutive_losses=LossRow(0)), "limits.consecutiveLosses.count"),
        (Limits(consecutive_losses=LossRow(3, 0.5)), "limits.consecutiveLosses.cooldown"),
        (Limits(maximum_account_age_seconds=3_601.0), "limits.maximumAccountAge"),
        (Limits(minimum_equity_action=EquityFloorAction.HALT), "limits.minimumEquityAction"),
    ],
)
def test_a_bad_value_is_refused_with_its_field_and_range(limits: Limits, field: str) -> None:
    with pytest.raises(InvalidFields) as caught:
        check_limits(limits)

    ((name, words),) = caught.value.violations
    assert name == field
    assert words


_amounts = st.one_of(
    st.builds(Amount, percent=st.decimals("0.1", 100, places=1)),
    st.builds(Amount, money=st.decimals(1, 100_000, places=2)),
)
ANY_LIMITS = st.builds(
    Limits,
    maximum_order_lots=st.none() | st.decimals("0.01", 10, places=2),
    maximum_positions=st.none() | st.integers(1, 5),
    maximum_spread_points=st.none() | st.decimals(1, 50, places=0),
    minimum_equity=st.none() | st.decimals(1, 100_000, places=0),
    daily_loss=st.none() | st.builds(DailyLoss, _amounts, st.sampled_from(Base)),
    total_loss=st.none() | st.builds(TotalLoss, _amounts, st.sampled_from(Drawdown)),
    daily_profit=st.none() | st.builds(ProfitLock, _amounts),
    maximum_symbol_lots=st.none() | st.decimals("0.01", 10, places=2),
    maximum_leverage=st.none() | st.decimals("0.1", 100, places=1),
    maximum_currency_exposure_percent=st.none() | st.decimals(1, 1_000, places=0),
    trade_risk=st.none() | _amounts,
    idea_risk=st.none() | _amounts,
    mandatory_stop=st.booleans(),
    maximum_trades_a_day=st.none() | st.integers(1, 10),
)


@given(limits=ANY_LIMITS, lots=st.decimals("0.01", 5, places=2), more=st.decimals("0.01", 5, places=2))
def test_a_larger_order_never_passes_where_a_smaller_one_does_not(
    limits: Limits, lots: Decimal, more: Decimal
) -> None:
    smaller = admit(limits, FACTS, replace(BUY, volume_lots=lots))
    larger = admit(limits, FACTS, replace(BUY, volume_lots=lots + more))

    assert smaller is None or larger is not None


@given(limits=ANY_LIMITS)
def test_each_limit_that_is_set_is_shown_once(limits: Limits) -> None:
    shown = [use.code for use in uses(limits, FACTS)]

    assert len(shown) == len(set(shown))
    for use in uses(limits, FACTS):
        if use.current is not None and use.headroom is not None and use.code != "STALE_ACCOUNT":
            assert use.headroom in (use.limit - use.current, use.current - use.limit)


def test_levels_are_shown_in_money() -> None:
    limits = Limits(daily_loss=DailyLoss(Amount(money=D(1_000)), levels=Levels(D("0.5"), D("0.8"), D("0.9"))))

    (use, _) = uses(limits, FACTS)

    assert [use.warning_level, use.soft_level, use.hard_level] == [D(500), D(800), D(900)]
