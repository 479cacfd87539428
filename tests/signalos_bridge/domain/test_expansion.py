from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.expansion import (
    Expansion,
    OpenFacts,
    Tagger,
    break_even_stop,
    expand_close,
    expand_open,
    out_of_turn,
    turn_note,
)
from signalos_bridge.domain.limits import Exposure, breach
from signalos_bridge.domain.market import Side
from signalos_bridge.domain.orders import ClosePosition, OpenMarket
from signalos_bridge.domain.sizing import split_volume, volume_for_risk
from signalos_bridge.domain.tags import comment_tag, leg_magic, prefix_of
from signalos_bridge.domain.values import CloseAction, Limits, OpenAction, OpenKind, Refusal
from tests.signalos_bridge.domain.market_samples import EURUSD, a_tick
from tests.signalos_bridge.domain.test_guard import a_position

TAGGER = Tagger(77, "cmd")
FACTS = OpenFacts(EURUSD, a_tick(), hedging=True)
BUY = OpenAction("EURUSD", Side.BUY, OpenKind.MARKET, Decimal("0.10"))
lots = st.integers(1, 10_000).map(lambda steps: Decimal(steps) / 100)


def code(result: Expansion | Refusal) -> str:
    assert isinstance(result, Refusal)
    return result.code


@given(lots, st.integers(1, 8))
def test_shares_add_up_are_on_the_step_and_the_first_is_the_largest(volume: Decimal, parts: int) -> None:
    shares = split_volume(volume, parts, EURUSD)

    assert sum(shares) == volume
    assert len(shares) <= parts
    assert all(share >= EURUSD.volume_min_lots and share % EURUSD.volume_step_lots == 0 for share in shares)
    assert shares[0] == max(shares)


@given(st.decimals("0.5", "5000", places=2), st.decimals("1", "2000", places=2))
def test_a_volume_from_risk_never_risks_more(money: Decimal, loss: Decimal) -> None:
    volume = volume_for_risk(money, loss, EURUSD)

    if isinstance(volume, Refusal):
        assert money / loss < EURUSD.volume_min_lots
    else:
        assert volume * loss <= money


@given(lots, st.decimals("0.01", "0.99", places=2))
def test_a_partial_close_leaves_two_parts_that_can_stand(volume: Decimal, fraction: Decimal) -> None:
    position = a_position(volume_lots=volume)

    result = expand_close(CloseAction(1, fraction), position, EURUSD, TAGGER)

    if isinstance(result, Expansion):
        order = result.legs[0].order
        assert isinstance(order, ClosePosition)
        assert order.side is position.side
        assert EURUSD.volume_min_lots <= order.volume_lots <= volume * fraction
        assert volume - order.volume_lots >= EURUSD.volume_min_lots


def test_too_few_lots_for_all_targets_make_fewer_legs_nearest_first_and_say_so() -> None:
    action = replace(
        BUY,
        volume_lots=Decimal("0.02"),
        take_profits=(Decimal("1.09"), Decimal("1.10"), Decimal("1.11")),
    )

    result = expand_open(action, Decimal("0.02"), TAGGER, FACTS)

    assert isinstance(result, Expansion)
    targets = [leg.order.take_profit for leg in result.legs if isinstance(leg.order, OpenMarket)]
    assert targets == [Decimal("1.09000"), Decimal("1.10000")]
    assert "too few" in result.note


def test_several_targets_need_a_hedging_account() -> None:
    action = replace(BUY, take_profits=(Decimal("1.09"), Decimal("1.10")))

    assert code(expand_open(action, Decimal("0.10"), TAGGER, replace(FACTS, hedging=False))) == (
        "HEDGING_REQUIRED"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"stop_loss": Decimal("1.09")}, "WRONG_SIDE"),
        ({"stop_loss": Decimal("1.08514")}, "TOO_CLOSE"),
        ({"take_profits": (Decimal("1.08"),)}, "WRONG_SIDE"),
        ({"volume_lots": Decimal("0.005")}, "VOLUME_BELOW_MINIMUM"),
        ({"volume_lots": Decimal("0.015")}, "VOLUME_OFF_STEP"),
        ({"kind": OpenKind.LIMIT}, "PRICE_MISSING"),
        ({"kind": OpenKind.LIMIT, "price": Decimal("1.09")}, "WRONG_SIDE"),
        (
            {"kind": OpenKind.STOP, "price": Decimal("1.09"), "expire_after_seconds": 60.0},
            "BROKER_TIME_UNKNOWN",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_the_first_call(
    changes: dict[str, object], expected: str
) -> None:
    action = replace(BUY, **changes)  # type: ignore[arg-type]
    assert action.volume_lots is not None

    assert code(expand_open(action, action.volume_lots, TAGGER, FACTS)) == expected


def test_hidden_levels_know_no_minimum_distance_and_only_the_disaster_stop_is_sent() -> None:
    facts = replace(FACTS, disaster_stop=Decimal("1.08000"))
    action = replace(BUY, stop_loss=Decimal("1.08514"), take_profits=(Decimal("1.08516"),))

    result = expand_open(action, Decimal("0.10"), TAGGER, facts)

    assert isinstance(result, Expansion)
    order, hidden = result.legs[0].order, result.legs[0].hidden
    assert isinstance(order, OpenMarket)
    assert (order.stop_loss, order.take_profit) == (Decimal("1.08000"), None)
    assert hidden is not None
    assert (hidden.stop_loss, hidden.take_profit) == (Decimal("1.08514"), Decimal("1.08516"))


def test_where_the_oldest_goes_first_a_symbol_and_side_has_a_turn_of_its_own() -> None:
    young = replace(a_position(), ticket=30, identifier=3, open_time_msc=2_000)
    same_time = replace(young, ticket=20, identifier=2)
    old = replace(young, ticket=40, identifier=4, open_time_msc=1_000)
    others = [
        replace(old, ticket=1, identifier=1, symbol="GBPUSD", open_time_msc=1),
        replace(old, ticket=5, identifier=5, side=Side.SELL, open_time_msc=1),
    ]
    held = [young, same_time, old, *others]

    early = out_of_turn(young, held)
    assert early is not None
    assert (early.code, early.first) == ("FIFO_CLOSE", 4)
    assert "close #40 (BUY" in early.message
    after = out_of_turn(young, [young, same_time, *others])
    assert after is not None
    assert after.first == 2
    assert out_of_turn(young, [young, *others]) is None
    assert [out_of_turn(one, held) for one in (old, *others)] == [None, None, None]
    assert "#40 (BUY" in turn_note("EURUSD", Side.BUY, held)
    assert turn_note("USDJPY", Side.BUY, held) == ""


def test_break_even_covers_spread_and_costs_and_is_rounded_into_profit() -> None:
    position = a_position(open_price="1.08000")

    # 1.05 in money is 10.5 points at 0.10 lots; the spread is 10.
    assert break_even_stop(position, Decimal("1.05"), EURUSD, a_tick()) == Decimal("1.08021")


def test_magic_numbers_are_positive_and_say_whose_they_are() -> None:
    magics = {leg_magic(32767, f"command-{number}", index) for number in range(50) for index in range(3)}

    assert len(magics) == 150
    assert all(0 < magic < 2**63 and prefix_of(magic) == 32767 for magic in magics)
    assert leg_magic(77, "c", 0) == leg_magic(77, "c", 0)


def test_a_comment_begins_with_the_tag_and_fits() -> None:
    tag = comment_tag(leg_magic(77, "c", 0), "my günstige Wahl, with a very long text")

    assert tag.startswith("so-")
    assert len(tag) <= 26
    assert len(comment_tag(5)) == 13


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(maximum_order_lots=Decimal("0.5")), "MAXIMUM_ORDER_LOTS: limit=0.5 current=1"),
        (Limits(maximum_positions=3), "MAXIMUM_POSITIONS: limit=3 current=3"),
        (Limits(maximum_spread_points=Decimal(5)), "MAXIMUM_SPREAD: limit=5 current=10"),
        (Limits(minimum_equity=Decimal(900)), "MINIMUM_EQUITY: limit=900 current=unknown"),
        (Limits(), None),
    ],
)
def test_limits_carry_their_numbers_and_what_is_unknown_is_not_within(
    limits: Limits, expected: str | None
) -> None:
    refusal = breach(limits, Exposure(Decimal(1), 3, Decimal(10), None, True))

    assert (refusal.message if refusal else None) == expected
