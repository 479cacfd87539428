from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.market import Side, SymbolTradeMode, Tick
from signalos_bridge.domain.normalise import (
    Breach,
    Rule,
    check_close_volume,
    check_frozen,
    check_pending_levels,
    check_pending_price,
    check_stop_loss,
    check_take_profit,
    check_tradable,
    check_volume,
    minimum_distance,
    partial_close_volume,
    round_price,
    round_stop_loss,
    round_take_profit,
    volume_down,
)
from signalos_bridge.domain.orders import PendingKind
from tests.signalos_bridge.domain.market_samples import EURUSD, INDEX, a_tick

prices = st.decimals("0.5", "2", places=7)
lots = st.decimals("0.01", "100", places=2)
sides = st.sampled_from(list(Side))


def rule_of(breach: Breach | None) -> Rule | None:
    return None if breach is None else breach.rule


@given(volume=st.decimals("0", "100", places=5))
def test_a_volume_is_never_enlarged(volume: Decimal) -> None:
    rounded = volume_down(volume, EURUSD)

    assert rounded <= volume < rounded + EURUSD.volume_step_lots
    assert rounded % EURUSD.volume_step_lots == 0


@pytest.mark.parametrize(
    ("volume", "rule"),
    [
        ("0.01", None),
        ("100", None),
        ("0.009", Rule.VOLUME_BELOW_MINIMUM),
        ("100.01", Rule.VOLUME_ABOVE_MAXIMUM),
        ("0.015", Rule.VOLUME_OFF_STEP),
    ],
)
def test_a_volume_is_held_against_minimum_maximum_and_step(volume: str, rule: Rule | None) -> None:
    assert rule_of(check_volume(Decimal(volume), EURUSD)) is rule


@given(position=lots, fraction=st.decimals("0.01", "0.99", places=2))
def test_a_partial_close_leaves_both_parts_tradable_or_says_why_not(
    position: Decimal, fraction: Decimal
) -> None:
    closed = partial_close_volume(position, fraction, EURUSD)

    if isinstance(closed, Breach):
        wanted = volume_down(position * fraction, EURUSD)
        assert wanted < EURUSD.volume_min_lots or position - wanted < EURUSD.volume_min_lots
    else:
        assert closed <= position * fraction
        assert closed >= EURUSD.volume_min_lots
        assert position - closed >= EURUSD.volume_min_lots
        assert closed % EURUSD.volume_step_lots == 0


def test_half_of_the_smallest_position_cannot_be_closed() -> None:
    breach = partial_close_volume(Decimal("0.01"), Decimal("0.5"), EURUSD)

    assert isinstance(breach, Breach)
    assert breach.rule is Rule.VOLUME_BELOW_MINIMUM
    assert breach.limit == Decimal("0.01")


@pytest.mark.parametrize("fraction", ["0", "1", "-0.5", "NaN", "Infinity"])
def test_a_fraction_outside_zero_and_one_is_an_error_of_the_caller(fraction: str) -> None:
    with pytest.raises(ValueError, match="fraction"):
        partial_close_volume(Decimal("1"), Decimal(fraction), EURUSD)


def test_all_of_a_position_may_be_closed_even_off_the_step() -> None:
    assert check_close_volume(Decimal("0.015"), Decimal("0.015"), EURUSD) is None


def test_more_than_a_position_has_cannot_be_closed() -> None:
    breach = check_close_volume(Decimal("0.11"), Decimal("0.10"), EURUSD)

    assert rule_of(breach) is Rule.VOLUME_ABOVE_POSITION


def test_a_remainder_below_the_minimum_is_refused_with_the_numbers() -> None:
    breach = check_close_volume(Decimal("0.2"), Decimal("0.25"), INDEX)

    assert breach is not None
    assert breach.rule is Rule.REMAINDER_BELOW_MINIMUM
    assert breach.words == "closing 0.2 of 0.25 lots would leave 0.05, below the minimum of 0.1"


@given(price=prices, side=sides)
def test_a_stop_is_rounded_away_from_the_market_by_less_than_a_tick(price: Decimal, side: Side) -> None:
    rounded = round_stop_loss(price, side, EURUSD)

    assert 0 <= (price - rounded) * side.value < EURUSD.tick_size
    assert 0 <= (round_take_profit(price, side, EURUSD) - price) * side.value < EURUSD.tick_size
    assert abs(round_price(price, EURUSD) - price) <= EURUSD.tick_size / 2


def test_a_price_lands_on_the_tick_size_and_not_on_the_point() -> None:
    assert round_stop_loss(Decimal("20000.40"), Side.BUY, INDEX) == Decimal("20000.25")
    assert round_stop_loss(Decimal("20000.40"), Side.SELL, INDEX) == Decimal("20000.50")
    assert str(round_price(Decimal("20000.5"), INDEX)) == "20000.50"


def test_a_stop_too_close_says_how_close_and_how_far_it_must_be() -> None:
    breach = check_stop_loss(Decimal("1.08512"), Side.BUY, EURUSD, a_tick())

    assert breach is not None
    assert breach.rule is Rule.TOO_CLOSE
    assert breach.words == ("stop loss 1.08512 is 3 points from bid 1.08515; the broker's minimum is 10")


@pytest.mark.parametrize(
    ("side", "stop", "rule"),
    [
        (Side.BUY, "1.08505", None),
        (Side.BUY, "1.08506", Rule.TOO_CLOSE),
        (Side.BUY, "1.08515", Rule.WRONG_SIDE),
        (Side.BUY, "1.08600", Rule.WRONG_SIDE),
        (Side.SELL, "1.08535", None),
        (Side.SELL, "1.08534", Rule.TOO_CLOSE),
        (Side.SELL, "1.08525", Rule.WRONG_SIDE),
    ],
)
def test_a_stop_is_measured_from_the_quote_that_would_close(side: Side, stop: str, rule: Rule | None) -> None:
    assert rule_of(check_stop_loss(Decimal(stop), side, EURUSD, a_tick())) is rule


@given(price=prices, side=sides)
def test_what_is_a_good_stop_is_no_good_take_profit(price: Decimal, side: Side) -> None:
    stop = check_stop_loss(price, side, EURUSD, a_tick())
    target = check_take_profit(price, side, EURUSD, a_tick())

    assert stop is not None or target is not None


def test_a_floating_stops_level_is_twice_the_spread_or_what_was_learnt() -> None:
    floating = replace(EURUSD, stops_level_points=0)

    assert minimum_distance(floating, a_tick()) == Decimal("0.00020")
    assert minimum_distance(replace(floating, learnt_points=35), a_tick()) == Decimal("0.00035")
    assert minimum_distance(EURUSD, a_tick()) == Decimal("0.00010")


def test_without_a_quote_no_level_can_be_judged() -> None:
    tick = Tick("EURUSD", None, None, 0)

    assert rule_of(check_stop_loss(Decimal("1.08"), Side.BUY, EURUSD, tick)) is Rule.NO_QUOTE


def test_a_level_inside_the_freeze_distance_is_not_to_be_touched() -> None:
    assert rule_of(check_frozen(Decimal("1.08511"), Side.BUY, EURUSD, a_tick())) is Rule.FROZEN
    assert check_frozen(Decimal("1.08509"), Side.BUY, EURUSD, a_tick()) is None
    assert check_frozen(None, Side.BUY, EURUSD, a_tick()) is None


@pytest.mark.parametrize(
    ("side", "kind", "price", "rule"),
    [
        (Side.BUY, PendingKind.LIMIT, "1.08500", None),
        (Side.BUY, PendingKind.LIMIT, "1.08520", Rule.TOO_CLOSE),
        (Side.BUY, PendingKind.LIMIT, "1.08600", Rule.WRONG_SIDE),
        (Side.BUY, PendingKind.STOP, "1.08600", None),
        (Side.BUY, PendingKind.STOP, "1.08500", Rule.WRONG_SIDE),
        (Side.SELL, PendingKind.LIMIT, "1.08600", None),
        (Side.SELL, PendingKind.LIMIT, "1.08500", Rule.WRONG_SIDE),
        (Side.SELL, PendingKind.STOP, "1.08500", None),
        (Side.SELL, PendingKind.STOP_LIMIT, "1.08600", Rule.WRONG_SIDE),
    ],
)
def test_pending_orders_wait_on_their_side_of_the_market(
    side: Side, kind: PendingKind, price: str, rule: Rule | None
) -> None:
    assert rule_of(check_pending_price(Decimal(price), side, kind, EURUSD, a_tick())) is rule


def test_levels_of_a_pending_order_are_measured_from_its_own_price() -> None:
    price = Decimal("1.08000")

    assert check_pending_levels(price, Side.BUY, Decimal("1.07900"), Decimal("1.08100"), EURUSD) is None
    breach = check_pending_levels(price, Side.BUY, Decimal("1.08100"), None, EURUSD)
    assert rule_of(breach) is Rule.WRONG_SIDE
    breach = check_pending_levels(price, Side.SELL, None, Decimal("1.07995"), EURUSD)
    assert rule_of(breach) is Rule.TOO_CLOSE


@pytest.mark.parametrize(
    ("mode", "side", "rule"),
    [
        (SymbolTradeMode.FULL, Side.SELL, None),
        (SymbolTradeMode.LONG_ONLY, Side.BUY, None),
        (SymbolTradeMode.LONG_ONLY, Side.SELL, Rule.DIRECTION_NOT_ALLOWED),
        (SymbolTradeMode.SHORT_ONLY, Side.BUY, Rule.DIRECTION_NOT_ALLOWED),
        (SymbolTradeMode.CLOSE_ONLY, Side.BUY, Rule.SYMBOL_DISABLED),
        (SymbolTradeMode.DISABLED, Side.SELL, Rule.SYMBOL_DISABLED),
    ],
)
def test_a_symbol_may_allow_one_direction_only(mode: SymbolTradeMode, side: Side, rule: Rule | None) -> None:
    assert rule_of(check_tradable(side, replace(EURUSD, trade_mode=mode))) is rule
