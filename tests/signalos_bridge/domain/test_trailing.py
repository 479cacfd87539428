from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.market import Side, Tick
from signalos_bridge.domain.stealth import Money, disaster_stop, ratchet, tighter
from signalos_bridge.domain.trailing import advance, as_price, next_stop
from signalos_bridge.domain.values import DistanceUnit, TrailingPlan, TrailingStop
from tests.signalos_bridge.domain.market_samples import EURUSD
from tests.signalos_bridge.domain.test_guard import a_position

prices = st.decimals(Decimal("1.05000"), Decimal("1.15000"), places=5)
plans = st.builds(
    TrailingPlan,
    distance=st.integers(10, 2000).map(Decimal),
    unit=st.just(DistanceUnit.POINTS),
    step=st.integers(0, 100).map(Decimal),
    activation=st.none() | st.integers(1, 500).map(Decimal),
)


def a_quote(bid: Decimal) -> Tick:
    return Tick("EURUSD", bid, bid + Decimal("0.00010"), 1)


@given(st.sampled_from(Side), plans, st.lists(prices, max_size=40), st.booleans(), st.none() | prices)
def test_the_effective_stop_never_loosens(
    side: Side, plan: TrailingPlan, bids: list[Decimal], hidden: bool, first_stop: Decimal | None
) -> None:
    position, trailing, stop = a_position(side), TrailingStop(plan), first_stop
    for bid in bids:
        tick = a_quote(bid)
        trailing = advance(trailing, position, (tick,), EURUSD).trailing
        moved = next_stop(trailing, position, stop, tick, EURUSD, hidden=hidden)
        if moved is not None:
            assert tighter(side, stop, moved) == moved
            assert trailing.activated
            if not hidden:
                market = tick.closing_price(side)
                assert market is not None
                assert (market - moved) * side.value >= Decimal("0.00010")
            stop = moved


@given(st.sampled_from(Side), plans, st.lists(prices, max_size=40))
def test_a_losing_trade_activates_nothing_and_the_mark_only_gets_better(
    side: Side, plan: TrailingPlan, bids: list[Decimal]
) -> None:
    position, trailing = a_position(side), TrailingStop(replace(plan, activation=Decimal(50)))
    for bid in bids:
        tick = a_quote(bid)
        before = trailing
        trailing = advance(trailing, position, (tick,), EURUSD).trailing
        price = tick.closing_price(side)
        assert price is not None
        if trailing.activated and not before.activated:
            assert (price - position.open_price) * side.value >= Decimal("0.00050")
        if before.high_water_price is not None and trailing.high_water_price is not None:
            assert (trailing.high_water_price - before.high_water_price) * side.value >= 0


@given(st.sampled_from(Side), prices, prices)
def test_the_disaster_stop_lies_beyond_the_hidden_one(side: Side, bid: Decimal, hidden: Decimal) -> None:
    tick = a_quote(bid)
    market = tick.closing_price(side)
    assert market is not None
    if (market - hidden) * side.value <= 0:
        return
    stop = disaster_stop(side, Decimal("0.1"), hidden, EURUSD, tick, Money(None, Decimal(1)))

    assert stop is not None
    assert (hidden - stop) * side.value > 0


@given(st.sampled_from(Side), st.none() | prices, st.none() | prices)
def test_a_ratchet_only_tightens(side: Side, held: Decimal | None, wanted: Decimal | None) -> None:
    moved = ratchet(side, held, wanted, Decimal("0.00001"))

    if moved is not None and held is not None:
        assert (moved - held) * side.value > 0


@pytest.mark.parametrize(
    ("unit", "digits", "expected"),
    [
        (DistanceUnit.PRICE, 5, "2"),
        (DistanceUnit.POINTS, 5, "0.00002"),
        (DistanceUnit.PIPS, 5, "0.00020"),
        (DistanceUnit.PIPS, 4, "0.00002"),
    ],
)
def test_units_are_differences_of_prices(unit: DistanceUnit, digits: int, expected: str) -> None:
    assert as_price(Decimal(2), unit, replace(EURUSD, digits=digits)) == Decimal(expected)


def test_without_a_hidden_stop_the_disaster_is_two_percent_of_equity() -> None:
    tick = a_quote(Decimal("1.10000"))
    money = Money(Decimal(10_000), Decimal(1))

    stop = disaster_stop(Side.BUY, Decimal("0.10"), None, EURUSD, tick, money)

    # 200 in money is 2,000 points at 0.10 lots.
    assert stop == Decimal("1.08000")
