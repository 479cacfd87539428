"""Times, spans and live numbers between the wire and the inside."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from signalos.v1 import bridge_service_pb2
from signalos_server.domain.command import Leg
from signalos_server.domain.frames import LivePosition, LiveUpdate
from signalos_server.domain.words import LegState
from signalos_server.rpc.convert import decimal_of, duration, timestamp
from signalos_server.rpc.convert_commands import leg_of, leg_to_proto
from signalos_server.rpc.convert_frames import BadFrame, data_frame_of


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_is_written_as_the_library_writes_it(value: datetime) -> None:
    expected = Timestamp()
    expected.FromDatetime(value)

    assert timestamp(value) == expected


@given(st.timedeltas(timedelta(days=-4000), timedelta(days=4000)))
def test_a_span_is_written_as_the_library_writes_it(value: timedelta) -> None:
    expected = Duration()
    expected.FromTimedelta(value)

    assert duration(value) == expected


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, 12))
def test_a_decimal_of_fifteen_digits_comes_out_as_it_was_sent(digits: int, places: int) -> None:
    sent = Decimal(digits).scaleb(-places)

    assert decimal_of(float(sent)) == sent


def test_what_arithmetic_leaves_behind_the_digits_of_a_double_is_no_part_of_it() -> None:
    assert decimal_of(1.08726 - 0.01) == Decimal("1.07726")
    assert decimal_of(0.1 + 0.2) == Decimal("0.3")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not a number"):
        decimal_of(value)


def live_frame(**numbers: float) -> bridge_service_pb2.ConnectRequest:
    request = bridge_service_pb2.ConnectRequest()
    position = request.live.positions.add(identifier=7, current_price=1.1, profit=-2.5, swap=0.0)
    for name, value in numbers.items():
        setattr(position, name, value)
    return request


def test_live_numbers_are_read() -> None:
    assert data_frame_of(live_frame()) == LiveUpdate(
        positions=(LivePosition(7, 1.1, -2.5, 0.0),), account=None, read_age_seconds=0.0, quotes=()
    )


@pytest.mark.parametrize("name", ["current_price", "profit", "swap"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_live_numbers_that_are_none_are_refused(name: str, value: float) -> None:
    with pytest.raises(BadFrame, match=name):
        data_frame_of(live_frame(**{name: value}))


def test_live_numbers_whose_sum_alone_is_too_large_are_read() -> None:
    request = live_frame(current_price=1.7e308, profit=1.7e308)

    found = data_frame_of(request)

    assert isinstance(found, LiveUpdate)
    assert found.positions[0].profit == 1.7e308


@pytest.mark.parametrize(
    "break_it",
    [
        lambda live: live.quotes.add(symbol="EURUSD", bid=float("nan"), ask=1.0),
        lambda live: live.quotes.add(symbol="E" * 65, bid=1.0, ask=1.0),
        lambda live: setattr(live.account, "equity", float("inf")),
        lambda live: setattr(live, "read_age_seconds", float("nan")),
    ],
)
def test_a_live_frame_with_a_bad_part_is_refused(break_it: object) -> None:
    request = live_frame()
    break_it(request.live)  # type: ignore[operator]

    with pytest.raises(BadFrame):
        data_frame_of(request)


def test_a_ticket_that_a_leg_has_not_got_is_unset_and_never_zero() -> None:
    leg = leg_to_proto(Leg(index=0, state=LegState.PLANNED, magic=7))
    set_fields = {field.name for field, _ in leg.ListFields()}
    assert set_fields == {"state", "magic"}
    assert leg_of(leg).deal_ticket == 0
