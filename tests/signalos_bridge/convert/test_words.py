"""Every word of the bridge's has one in the contract, and numbers survive the way."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.convert import words
from signalos_bridge.convert.incoming import action as action_of
from signalos_bridge.convert.numbers import Malformed, decimal_of, duration_of, seconds_of
from signalos_bridge.convert.outgoing import action
from signalos_bridge.domain import facts, market, values

WAYS = [
    (values.CommandState, words.command_state),
    (values.LegState, words.leg_state),
    (values.CommandOrigin, words.command_origin),
    (values.AlertSeverity, words.alert_severity),
    (values.LapsePolicy, words.lapse_policy),
    (values.FloorAction, words.floor_action),
    (values.DistanceUnit, words.distance_unit),
    (facts.TradeOrigin, words.trade_origin),
    (facts.CloseCause, words.close_cause),
    (facts.GuardState, words.guard_state),
    (facts.OrderStanding, words.order_standing),
    (facts.StopTicketState, words.stop_ticket_state),
    (facts.SyncTrigger, words.sync_trigger),
    (facts.SyncDifferenceKind, words.difference_kind),
]


@pytest.mark.parametrize(("kind", "way"), WAYS, ids=lambda each: getattr(each, "__name__", ""))
def test_every_word_has_one_of_its_own_in_the_contract(kind: type[Enum], way: object) -> None:
    assert callable(way)
    numbers = [way(each) for each in kind]

    assert len(set(numbers)) == len(numbers)
    assert 0 not in numbers


def test_words_come_back_as_they_went() -> None:
    for origin in values.CommandOrigin:
        assert words.command_origin_of(words.command_origin(origin)) is origin
    for policy in values.LapsePolicy:
        assert words.lapse_policy_of(words.lapse_policy(policy)) is policy
    for unit in values.DistanceUnit:
        assert words.distance_unit_of(words.distance_unit(unit)) is unit
    for trigger in facts.SyncTrigger:
        assert words.sync_trigger_of(words.sync_trigger(trigger)) is trigger
    for kind in market.OrderType:
        assert words.ORDER_TYPES[kind]
    for state in market.TerminalState:
        assert words.TERMINAL_STATES[state]


@given(st.decimals(min_value="0.00001", max_value="999999", places=5))
def test_a_price_comes_back_as_the_decimal_that_it_was(price: Decimal) -> None:
    assert decimal_of(float(price), "price") == price


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(Malformed):
        decimal_of(value, "price")


@given(st.floats(-1e6, 1e6))
def test_durations_keep_their_sign_and_microseconds(seconds: float) -> None:
    assert seconds_of(duration_of(seconds)) == pytest.approx(seconds, abs=1e-5)


PRICES = st.decimals(min_value="0.01", max_value="9999", places=2)
ACTIONS = st.one_of(
    st.builds(
        values.OpenAction,
        symbol=st.just("EURUSD"),
        side=st.sampled_from(market.Side),
        kind=st.sampled_from(values.OpenKind),
        volume_lots=PRICES,
        risk=st.none(),
        price=st.none() | PRICES,
        stop_loss=st.none() | PRICES,
        take_profits=st.lists(PRICES, max_size=3).map(tuple),
        deviation_points=st.none() | st.integers(0, 50),
        expire_after_seconds=st.none() | st.integers(1, 1000).map(float),
        comment=st.just("note"),
    ),
    st.builds(
        values.OpenAction,
        symbol=st.just("EURUSD"),
        side=st.just(market.Side.BUY),
        kind=st.just(values.OpenKind.MARKET),
        volume_lots=st.none(),
        risk=st.builds(values.RiskAmount, money=PRICES),
    ),
    st.builds(values.CloseAction, st.integers(1, 99), st.none() | PRICES, st.none() | PRICES),
    st.builds(
        values.ModifyAction, st.integers(1, 99), st.booleans(), st.none() | PRICES, st.booleans(), st.none()
    ),
    st.builds(
        values.ModifyOrderAction,
        st.integers(1, 99),
        st.none() | PRICES,
        st.booleans(),
        st.none() | PRICES,
        st.booleans(),
        st.none() | PRICES,
    ),
    st.builds(values.CancelOrderAction, st.integers(1, 99)),
    st.builds(values.CloseAllAction, st.booleans(), st.sampled_from(["", "EURUSD"])),
    st.builds(values.AdoptAction, st.integers(1, 99)),
    st.builds(values.BreakEvenAction, st.integers(1, 99)),
)


@given(ACTIONS)
def test_an_action_comes_back_as_it_went(value: values.Action) -> None:
    assert action_of(action(value)) == value
