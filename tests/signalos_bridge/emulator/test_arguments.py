"""What may go into a request."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.emulator import arguments
from signalos_bridge.emulator.errors import CallFailed, LastError
from signalos_bridge.emulator.structures import TradeRequest

FIELDS = TradeRequest.__match_args__
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=40),
    st.datetimes(),
    st.lists(st.integers(), max_size=2),
)


def outcome(read: Callable[[], Any]) -> tuple[Any, CallFailed | None]:
    """Return what is read, or why nothing is."""
    try:
        return read(), None
    except CallFailed as failure:
        return None, failure


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), ANYTHING))
def test_a_request_is_read_or_refused_with_the_name_of_a_field(request: dict[str, Any]) -> None:
    read, failure = outcome(lambda: arguments.trade_request((request,), None, 29))

    if failure is not None:
        assert failure.code == LastError.INVALID_PARAMS
        assert failure.text.removeprefix('Invalid "').removesuffix('" argument') in request
    else:
        assert read == {name: request[name] for name in FIELDS if name in request}
        assert all(type(value) in (int, float, str) for value in read.values())


@given(st.one_of(ANYTHING, st.tuples(ANYTHING)))
def test_only_a_dictionary_is_a_request(request: Any) -> None:
    with pytest.raises(CallFailed, match="Invalid arguments"):
        arguments.trade_request((request,), None, 29)


@given(ANYTHING)
def test_a_time_is_whole_seconds_of_32_bits_or_refused(value: Any) -> None:
    read, failure = outcome(lambda: arguments.seconds(value))

    if failure is not None:
        assert failure.text == "Invalid arguments"
    else:
        assert -(1 << 31) <= read < 1 << 31


def test_keywords_are_a_request_and_an_empty_mapping_of_them_too() -> None:
    assert arguments.trade_request((), {"action": 1}, 29) == {"action": 1}
    assert arguments.trade_request((), {}, 29) == {}
