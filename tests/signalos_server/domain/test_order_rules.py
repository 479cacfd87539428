"""Orders, levels, volumes and distances against a symbol's rules, with the numbers."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_server.domain.actions import Open
from signalos_server.domain.errors import OutOfRange
from signalos_server.domain.order_rules import (
    Hides,
    Market,
    check_levels,
    check_open,
    check_part,
    check_trailing,
    check_volume,
    distance_in_price,
    part_of,
)
from signalos_server.domain.records import SymbolSpec, TrailingStop
from signalos_server.domain.words import DistanceUnit, OrderType, Side, SymbolTradeMode

D = Decimal
POINT = D("0.00001")
SPEC = SymbolSpec(
    symbol="EURUSD",
    digits=5,
    point=POINT,
    tick_size=POINT,
    volume_minimum_lots=D("0.01"),
    volume_maximum_lots=D("50"),
    volume_step_lots=D("0.01"),
    stops_level_points=10,
    trade_mode=SymbolTradeMode.FULL,
)
MARKET = Market(bid=D("1.10000"), ask=D("1.10010"))


@pytest.mark.parametrize("volume", ["0.001", "0.015", "50.01", "0"])
def test_a_volume_off_the_rules_is_refused_with_them(volume: str) -> None:
    with pytest.raises(OutOfRange) as refused:
        check_volume(SPEC, D(volume))
    assert refused.value.metadata == {
        "field": "volumeLots",
        "value": volume,
        "minimum": "0.01",
        "maximum": "50",
        "step": "0.01",
    }


@pytest.mark.parametrize(
    ("side", "stop_loss", "take_profit", "fits"),
    [
        (Side.BUY, "1.09990", None, True),
        (Side.BUY, "1.09991", None, False),  # inside the stops level
        (Side.BUY, "1.10020", None, False),  # the wrong side
        (Side.BUY, None, "1.10010", True),
        (Side.BUY, None, "1.10009", False),
        (Side.SELL, "1.10020", None, True),
        (Side.SELL, "1.10019", None, False),
        (Side.SELL, None, "1.10000", True),
        (Side.SELL, None, "1.10020", False),
        (Side.BUY, "1.099905", None, False),  # between two ticks
    ],
)
def test_a_level_has_to_be_on_its_side_and_beyond_the_stops_level(
    side: Side, stop_loss: str | None, take_profit: str | None, fits: bool
) -> None:
    stop = D(stop_loss) if stop_loss else None
    targets = (D(take_profit),) if take_profit else ()
    if fits:
        check_levels(SPEC, side, MARKET.closing(side), stop, targets)
        return
    with pytest.raises(OutOfRange):
        check_levels(SPEC, side, MARKET.closing(side), stop, targets)


def test_without_a_quote_levels_are_held_against_each_other() -> None:
    check_levels(SPEC, Side.BUY, None, D("1.0"), (D("1.2"),))
    with pytest.raises(OutOfRange):
        check_levels(SPEC, Side.BUY, None, D("1.2"), (D("1.0"),))


@pytest.mark.parametrize(
    ("side", "kind", "price", "fits"),
    [
        (Side.BUY, OrderType.LIMIT, "1.09900", True),
        (Side.BUY, OrderType.LIMIT, "1.10100", False),
        (Side.BUY, OrderType.STOP, "1.10100", True),
        (Side.BUY, OrderType.STOP, "1.10015", False),
        (Side.SELL, OrderType.LIMIT, "1.10100", True),
        (Side.SELL, OrderType.LIMIT, "1.09900", False),
        (Side.SELL, OrderType.STOP, "1.09900", True),
        (Side.SELL, OrderType.STOP, "1.10100", False),
    ],
)
def test_a_pending_order_waits_on_its_side_of_the_market(
    side: Side, kind: OrderType, price: str, fits: bool
) -> None:
    action = Open("EURUSD", side, kind, volume_lots=D("0.1"), price=D(price))
    if fits:
        check_open(SPEC, action, MARKET)
        return
    with pytest.raises(OutOfRange):
        check_open(SPEC, action, MARKET)


def test_a_symbol_that_takes_buys_only_refuses_sells() -> None:
    from dataclasses import replace

    spec = replace(SPEC, trade_mode=SymbolTradeMode.LONG_ONLY)
    check_open(spec, Open("EURUSD", Side.BUY, volume_lots=D("0.1")), MARKET)
    with pytest.raises(OutOfRange):
        check_open(spec, Open("EURUSD", Side.SELL, volume_lots=D("0.1")), MARKET)


@given(st.integers(1, 5000), st.integers(1, 99))
def test_a_part_is_rounded_down_to_the_step_and_never_enlarged(hundredths: int, percent: int) -> None:
    lots = D(hundredths) / 100
    part = part_of(SPEC, lots, D(percent) / 100)
    assert part <= lots * percent / 100 < part + SPEC.volume_step_lots
    assert part % SPEC.volume_step_lots == 0


def test_half_of_the_smallest_lot_is_refused_with_the_numbers() -> None:
    part = part_of(SPEC, D("0.01"), D("0.5"))
    with pytest.raises(OutOfRange) as refused:
        check_part(SPEC, D("0.01"), part, "percentage")
    assert refused.value.metadata["minimum"] == "0.01"


@pytest.mark.parametrize(
    ("open_lots", "part", "why"),
    [
        ("0.07", "0.5", "0.5 lots are more than the 0.07 that are open; a part is from 0.01 to 0.06 lots"),
        ("0.01", "0.5", "0.5 lots are more than the 0.01 that are open; the trade is too small for parts"),
        ("0.07", "0.07", "0.07 lots are all that is open: close the trade instead"),
        (
            "0.1",
            "0.00",
            "this part of 0.1 lots is less than the smallest lot, 0.01; a part is from 0.01 to 0.09",
        ),
    ],
)
def test_a_part_that_cannot_be_closed_is_refused_with_what_can(open_lots: str, part: str, why: str) -> None:
    with pytest.raises(OutOfRange) as refused:
        check_part(SPEC, D(open_lots), D(part), "volumeLots")
    assert why in refused.value.message
    assert "-" not in refused.value.message
    assert D(refused.value.metadata["maximum"]) >= 0


@pytest.mark.parametrize(
    ("distance", "unit", "why"),
    [
        (
            "20",
            DistanceUnit.PRICE,
            "a distance of 20 (unit PRICE) is not from 0.0001 (the broker's minimum) to 0.22",
        ),
        ("5", DistanceUnit.POINTS, "5 (unit POINTS) is not from 10 (the broker's minimum) to 22000 (20 %"),
        ("0.5", DistanceUnit.PIPS, "0.5 (unit PIPS) is not from 1 (the broker's minimum) to 2200 (20 %"),
    ],
)
def test_a_trailing_distance_is_refused_in_the_unit_in_which_it_was_given(
    distance: str, unit: DistanceUnit, why: str
) -> None:
    with pytest.raises(OutOfRange) as refused:
        check_trailing(SPEC, TrailingStop(D(distance), unit), D("1.1"))
    assert why in refused.value.message
    assert refused.value.metadata["value"] == distance
    assert refused.value.metadata["unit"] == unit.name
    assert ("needs its unit" in refused.value.message) is (unit is DistanceUnit.PRICE)


def test_what_bounds_a_hidden_trailing_stop_is_named_a_tick() -> None:
    near = TrailingStop(D("0.5"), DistanceUnit.POINTS)
    with pytest.raises(OutOfRange, match=r"from 1 \(one tick\)"):
        check_trailing(SPEC, near, D("1.1"), Hides(stop_loss=True))


def test_a_level_on_the_wrong_side_is_refused_with_where_the_market_is() -> None:
    with pytest.raises(OutOfRange, match=r"stopLoss 1\.2 has to be below .*: the market is at 1\.1$"):
        check_levels(SPEC, Side.BUY, D("1.1"), D("1.2"), ())


@pytest.mark.parametrize(
    ("distance", "unit", "price"),
    [
        ("0.002", DistanceUnit.PRICE, "0.002"),
        ("20", DistanceUnit.POINTS, "0.0002"),
        ("2", DistanceUnit.PIPS, "0.0002"),
    ],
)
def test_a_distance_means_the_same_in_every_unit(distance: str, unit: DistanceUnit, price: str) -> None:
    assert distance_in_price(SPEC, D(distance), unit) == D(price)


@pytest.mark.parametrize(
    ("distance", "fits"), [("0.00009", False), ("0.0001", True), ("0.22", True), ("0.23", False)]
)
def test_a_trailing_stop_is_neither_too_near_nor_absurdly_far(distance: str, fits: bool) -> None:
    trailing = TrailingStop(D(distance))
    if fits:
        check_trailing(SPEC, trailing, D("1.1"))
        return
    with pytest.raises(OutOfRange):
        check_trailing(SPEC, trailing, D("1.1"))


def test_a_level_that_is_too_near_is_refused_with_its_points_and_the_brokers() -> None:
    with pytest.raises(OutOfRange, match=r"it is 3 points from 1\.08515; the broker's minimum is 10"):
        check_levels(SPEC, Side.BUY, D("1.08515"), D("1.08512"), ())


def test_what_the_broker_does_not_see_only_has_to_be_on_its_side() -> None:
    both = Hides(stop_loss=True, take_profit=True)
    near = (D("1.09999"), (D("1.10001"),))
    with pytest.raises(OutOfRange):
        check_levels(SPEC, Side.BUY, MARKET.bid, *near)
    check_levels(SPEC, Side.BUY, MARKET.bid, *near, both)
    with pytest.raises(OutOfRange):
        check_levels(SPEC, Side.BUY, MARKET.bid, *near, Hides(take_profit=True))
    with pytest.raises(OutOfRange):
        check_levels(SPEC, Side.BUY, MARKET.bid, D("1.10001"), (), both)
    trailing = TrailingStop(D("0.00002"))
    with pytest.raises(OutOfRange):
        check_trailing(SPEC, trailing, MARKET.bid)
    check_trailing(SPEC, trailing, MARKET.bid, both)
