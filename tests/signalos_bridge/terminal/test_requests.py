from __future__ import annotations

from decimal import Decimal

import pytest

from signalos_bridge.domain.market import Filling, Side
from signalos_bridge.domain.orders import (
    CancelPending,
    CloseBy,
    ClosePosition,
    ModifyLevels,
    ModifyPending,
    OpenMarket,
    PendingKind,
    PlacePending,
)
from signalos_bridge.terminal import requests
from tests.signalos_bridge.domain.market_samples import a_tick

LOT = Decimal("0.29")
PRICE = Decimal("1.08500")


@pytest.mark.parametrize(("side", "kind", "price"), [(Side.BUY, 0, 1.08525), (Side.SELL, 1, 1.08515)])
def test_a_buy_is_sent_at_the_ask_and_a_sell_at_the_bid(side: Side, kind: int, price: float) -> None:
    order = OpenMarket("EURUSD", side, LOT, PRICE, None, 5, "tag")

    assert requests.as_mapping(requests.open_market(order, a_tick(), Filling.FOK)) == {
        "action": 1,
        "symbol": "EURUSD",
        "volume": 0.29,
        "type": kind,
        "price": price,
        "sl": 1.085,
        "tp": 0.0,
        "deviation": 20,
        "type_filling": 0,
        "type_time": 0,
        "magic": 5,
        "comment": "tag",
    }


@pytest.mark.parametrize(("side", "kind", "price"), [(Side.BUY, 1, 1.08515), (Side.SELL, 0, 1.08525)])
def test_a_close_is_the_opposite_deal_and_names_its_position(side: Side, kind: int, price: float) -> None:
    order = ClosePosition(77, "EURUSD", side, LOT, 5, "tag")

    price_now = a_tick().closing_price(side)
    sent = requests.as_mapping(requests.close_position(order, Decimal("0.2"), price_now, Filling.IOC))

    assert (sent["position"], sent["symbol"], sent["type"], sent["price"]) == (77, "EURUSD", kind, price)
    assert (sent["volume"], sent["type_filling"]) == (0.2, 1)


def test_a_change_of_levels_always_sends_both_and_the_symbol() -> None:
    sent = requests.as_mapping(requests.modify_levels(ModifyLevels(77, "EURUSD", PRICE, None, False)))

    assert sent == {"action": 6, "symbol": "EURUSD", "sl": 1.085, "tp": 0.0, "position": 77, "magic": 0}


@pytest.mark.parametrize(
    ("side", "kind", "number"),
    [
        (Side.BUY, PendingKind.LIMIT, 2),
        (Side.SELL, PendingKind.LIMIT, 3),
        (Side.BUY, PendingKind.STOP, 4),
        (Side.SELL, PendingKind.STOP, 5),
        (Side.BUY, PendingKind.STOP_LIMIT, 6),
        (Side.SELL, PendingKind.STOP_LIMIT, 7),
    ],
)
def test_a_pending_order_has_metatraders_number(side: Side, kind: PendingKind, number: int) -> None:
    second = PRICE if kind is PendingKind.STOP_LIMIT else None
    order = PlacePending("EURUSD", side, kind, LOT, PRICE, None, None, 5, "tag", second)

    sent = requests.as_mapping(requests.place_pending(order, Filling.RETURN))

    assert (sent["action"], sent["type"], sent["type_time"]) == (5, number, 0)
    assert ("stoplimit" in sent) is (kind is PendingKind.STOP_LIMIT)
    assert "expiration" not in sent


def test_an_expiration_comes_with_its_kind_of_life() -> None:
    order = ModifyPending(9, "EURUSD", PRICE, None, None, expiration_time_seconds=1_700_000_000)

    sent = requests.as_mapping(requests.modify_pending(order))

    assert (sent["action"], sent["order"], sent["type_time"], sent["expiration"]) == (7, 9, 2, 1_700_000_000)
    assert (sent["sl"], sent["tp"]) == (0.0, 0.0)


def test_a_cancel_and_a_close_by_name_what_they_end() -> None:
    assert requests.as_mapping(requests.cancel_pending(CancelPending(9, "EURUSD"))) == {
        "action": 8,
        "symbol": "EURUSD",
        "order": 9,
        "magic": 0,
    }
    sent = requests.as_mapping(requests.close_by(CloseBy(7, 8, "EURUSD", 5, "tag")))
    assert (sent["action"], sent["position"], sent["position_by"]) == (10, 7, 8)
