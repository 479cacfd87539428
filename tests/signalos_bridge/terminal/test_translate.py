from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.market import Reason
from signalos_bridge.terminal import translate


@given(points=st.integers(1, 10**7), digits=st.integers(0, 8))
def test_a_price_survives_the_float_in_between(points: int, digits: int) -> None:
    price = Decimal(points).scaleb(-digits)

    assert translate.decimal(float(price), digits) == price
    assert translate.exact(float(price)) == price


@given(steps=st.integers(1, 10_000))
def test_lots_are_free_of_float_dust(steps: int) -> None:
    assert translate.volume(steps * 0.01) == Decimal(steps) * Decimal("0.01")


def test_zero_and_the_largest_double_mean_that_there_is_no_price() -> None:
    assert translate.optional_price(0.0, 5) is None
    assert translate.optional_price(1.7976931348623157e308, 5) is None
    assert translate.optional_price(1.5, 5) == Decimal("1.50000")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_an_error_and_not_a_price(value: float) -> None:
    with pytest.raises(ValueError, match="number"):
        translate.decimal(value, 5)
    with pytest.raises(ValueError, match="number"):
        translate.exact(value)


def test_a_reason_that_metatrader_adds_later_is_other() -> None:
    raw = SimpleNamespace(
        ticket=1, identifier=1, symbol="EURUSD", type=1, volume=0.1, price_open=1.1, sl=0.0, tp=1.0,
        price_current=1.1, profit=-0.5, swap=0.0, magic=2**62, comment="c", time_msc=1, time_update_msc=2,
        reason=77,
    )  # fmt: skip

    position = translate.position(raw, 5, 2)

    assert position.reason is Reason.OTHER
    assert (position.stop_loss, position.take_profit) == (None, Decimal("1.00000"))
    assert (position.profit, position.magic) == (Decimal("-0.50"), 2**62)


def test_none_in_the_place_of_a_result_keeps_the_last_error() -> None:
    answer = translate.answer(None, 5, (-10005, "IPC timeout"))

    assert answer.retcode is None
    assert (answer.error_code, answer.error_text) == (-10005, "IPC timeout")


def test_ticks_of_an_array_keep_their_order_and_milliseconds() -> None:
    array = np.array(
        [(1, 1.1, 1.2, 1001), (1, 1.11, 0.0, 1002)],
        dtype=[("time", "<i8"), ("bid", "<f8"), ("ask", "<f8"), ("time_msc", "<i8")],
    )

    first, second = translate.tick_rows("EURUSD", array, 2)

    assert (first.bid, first.ask, first.time_msc) == (Decimal("1.10"), Decimal("1.20"), 1001)
    assert (second.bid, second.ask, second.time_msc) == (Decimal("1.11"), None, 1002)
