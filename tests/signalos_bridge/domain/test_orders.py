from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.market import Side
from signalos_bridge.domain.orders import (
    CancelPending,
    CloseBy,
    ClosePosition,
    ModifyLevels,
    ModifyPending,
    OpenMarket,
    Order,
    PendingKind,
    PlacePending,
    Priority,
    loosens,
    operation_of,
    priority_of,
)

LOT = Decimal("0.1")
PRICE = Decimal("1.1")

OPEN = OpenMarket("EURUSD", Side.BUY, LOT, None, None, 1, "tag")
PLACE = PlacePending("EURUSD", Side.BUY, PendingKind.LIMIT, LOT, PRICE, None, None, 1, "tag")
CLOSE = ClosePosition(1, "EURUSD", Side.BUY, LOT, 1, "tag")
CLOSE_BY = CloseBy(1, 2, "EURUSD", 1, "tag")
TIGHTEN = ModifyLevels(1, "EURUSD", PRICE, None, loosening=False)
LOOSEN = ModifyLevels(1, "EURUSD", None, None, loosening=True)
MOVE = ModifyPending(1, "EURUSD", PRICE, None, None)
CANCEL = CancelPending(1, "EURUSD")


@pytest.mark.parametrize("order", [OPEN, PLACE, LOOSEN, MOVE])
def test_what_can_cost_more_than_before_increases_risk(order: Order) -> None:
    assert order.increases_risk


@pytest.mark.parametrize("order", [CLOSE, CLOSE_BY, TIGHTEN, CANCEL])
def test_closing_cancelling_and_tightening_do_not_increase_risk(order: Order) -> None:
    assert not order.increases_risk


def test_closes_and_cancels_go_before_modifies_and_those_before_opens() -> None:
    orders: list[Order] = [OPEN, TIGHTEN, CLOSE, CANCEL, MOVE, PLACE]
    waiting = sorted(orders, key=priority_of)

    assert [priority_of(order) for order in waiting] == [
        Priority.CLOSE,
        Priority.CLOSE,
        Priority.MODIFY,
        Priority.MODIFY,
        Priority.OPEN,
        Priority.OPEN,
    ]
    assert len({operation_of(order) for order in waiting}) == 6


@given(
    side=st.sampled_from(list(Side)),
    one=st.none() | st.decimals("1", "2", places=2),
    other=st.none() | st.decimals("1", "2", places=2),
)
def test_a_move_and_its_reverse_never_both_loosen(
    side: Side, one: Decimal | None, other: Decimal | None
) -> None:
    assert not (loosens(side, one, other) and loosens(side, other, one))


def test_removing_a_stop_loosens_and_setting_the_first_does_not() -> None:
    assert loosens(Side.BUY, PRICE, None)
    assert not loosens(Side.BUY, None, PRICE)
    assert loosens(Side.SELL, PRICE, PRICE + 1)
    assert not loosens(Side.SELL, PRICE, PRICE - Decimal("0.1"))


@pytest.mark.parametrize("comment", ["x" * 27, "with space", "ümlaut", "a#b"])
def test_a_comment_that_brokers_may_not_keep_is_refused(comment: str) -> None:
    with pytest.raises(ValueError, match="comment"):
        OpenMarket("EURUSD", Side.BUY, LOT, None, None, 1, comment)


@pytest.mark.parametrize("volume", ["0", "-1", "NaN", "Infinity"])
def test_a_volume_that_is_none_is_refused(volume: str) -> None:
    with pytest.raises(ValueError, match="volume"):
        ClosePosition(1, "EURUSD", Side.BUY, Decimal(volume), 1, "tag")


def test_a_magic_of_more_than_63_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="magic"):
        OpenMarket("EURUSD", Side.BUY, LOT, None, None, 2**63, "tag")


def test_a_stop_limit_order_needs_its_second_price_and_others_have_none() -> None:
    with pytest.raises(ValueError, match="stop limit price"):
        PlacePending("EURUSD", Side.BUY, PendingKind.STOP_LIMIT, LOT, PRICE, None, None, 1, "tag")
    with pytest.raises(ValueError, match="stop limit price"):
        PlacePending("EURUSD", Side.BUY, PendingKind.STOP, LOT, PRICE, None, None, 1, "tag", PRICE)
