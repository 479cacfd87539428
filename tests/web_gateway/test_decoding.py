from __future__ import annotations

import contextlib
from typing import Any

import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st

from signalos.v1.auth_service_pb2 import CreateApiTokenRequest
from signalos.v1.command_service_pb2 import ResolveCommandRequest
from signalos.v1.trade_service_pb2 import ListTradesRequest, OpenTradeRequest, SetProtectionRequest
from tests.web_gateway.test_strict_json import values
from web_gateway.decoding import Decoder, InputError
from web_gateway.encoding import Encoder
from web_gateway.routes import contract_routes, contract_services
from web_gateway.strict_json import JsonValue

DECODER = Decoder()
ENCODER = Encoder()
ROUTES = contract_routes(contract_services())


def problems_of(value: JsonValue, message: Message) -> dict[str, str]:
    with pytest.raises(InputError) as refused:
        DECODER.decode(value, message, reserved={})
    return {each.path: each.problem for each in refused.value.problems}


def opened(**members: Any) -> OpenTradeRequest:
    message = OpenTradeRequest()
    DECODER.decode(members, message, reserved={})
    return message


@pytest.mark.parametrize("name", ["BUY", "SIDE_BUY"])
def test_enums_are_taken_with_and_without_their_prefix(name: str) -> None:
    assert opened(side=name).side == 1


@pytest.mark.parametrize("side", ["buy", "LONG", "", 1, True, ["BUY"]])
def test_enums_are_taken_by_known_name_only(side: Any) -> None:
    assert "must be one of BUY, SELL" in problems_of({"side": side}, OpenTradeRequest())["side"]


@pytest.mark.parametrize("value", [True, "1", "1_0", "NaN", [], {}, 10**400])
def test_numbers_are_json_numbers_and_the_range_is_named(value: Any) -> None:
    told = problems_of({"volumeLots": value}, OpenTradeRequest())["volumeLots"]
    assert told.startswith("must be a number above 0 and at most 10000")


@pytest.mark.parametrize("value", [1.0, 1.5, "1", 2**31, -(2**31) - 1, True])
def test_small_integers_are_whole_numbers_in_range(value: Any) -> None:
    assert "deviationPoints" in problems_of({"deviationPoints": value}, OpenTradeRequest())


@pytest.mark.parametrize("value", [7, "7", "-0", 2**63 - 1, str(2**63 - 1)])
def test_wide_integers_are_taken_as_text_too(value: Any) -> None:
    message = ResolveCommandRequest()
    DECODER.decode({"executedTicket": value}, message, reserved={})
    assert message.executed_ticket == int(value)


@pytest.mark.parametrize("value", ["7.0", "1_0", " 7", "٧", 2**63, str(2**63), "", "+7"])
def test_wide_integers_are_not_taken_in_other_forms(value: Any) -> None:
    assert "executedTicket" in problems_of({"executedTicket": value}, ResolveCommandRequest())


def test_of_two_choices_one_is_given() -> None:
    told = problems_of({"executedTicket": 1, "notExecuted": True}, ResolveCommandRequest())
    assert told == {"notExecuted": "give executedTicket or notExecuted, not both"}


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [("60s", 60, 0), ("0.5s", 0, 500_000_000), ("-1.000000001s", -1, -1), ("0s", 0, 0)],
)
def test_durations_are_seconds_with_an_s(text: str, seconds: int, nanos: int) -> None:
    span = opened(timeToLive=text).time_to_live
    assert (span.seconds, span.nanos) == (seconds, nanos)


@pytest.mark.parametrize("text", ["60", 60, "1m", "1.s", ".5s", "1e3s", "s", "999999999999s"])
def test_other_durations_are_refused_with_the_range(text: Any) -> None:
    told = problems_of({"timeToLive": text}, OpenTradeRequest())["timeToLive"]
    assert told.startswith('must be a duration, e.g. "60s" or "0.5s", from 0.1 s to 900 s')


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("1970-01-01T00:00:00Z", 0, 0),
        ("1970-01-01T01:00:00.25+01:00", 0, 250_000_000),
        ("1969-12-31T23:59:59.5Z", -1, 500_000_000),
        ("2026-01-31t12:00:00z", 1769860800, 0),
    ],
)
def test_times_are_rfc_3339(text: str, seconds: int, nanos: int) -> None:
    message = ListTradesRequest()
    DECODER.decode_query([("startTime", text)], message, bound=frozenset())
    assert (message.start_time.seconds, message.start_time.nanos) == (seconds, nanos)


@pytest.mark.parametrize(
    "text", ["2026-01-31", "2026-02-30T00:00:00Z", "2026-01-31T12:00:00", "now", "0001-01-01T00:00:00+10:00"]
)
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        DECODER.decode_query([("startTime", text)], ListTradesRequest(), bound=frozenset())


def test_all_problems_are_told_with_their_places() -> None:
    told = problems_of(
        {"symbol": 1, "risk": {"money": "x", "more": 1}, "takeProfits": [1, "2"], "nope": 1},
        OpenTradeRequest(),
    )
    assert set(told) == {"symbol", "risk.money", "risk.more", "takeProfits[1]", "nope"}


@pytest.mark.parametrize(("body", "stated"), [({}, False), ({"plan": None}, True), ({"plan": {}}, True)])
def test_a_null_for_a_plan_is_an_empty_one_and_a_missing_one_is_missing(
    body: dict[str, JsonValue], stated: bool
) -> None:
    message = SetProtectionRequest()
    DECODER.decode(body, message, reserved={})
    assert message.HasField("plan") is stated


def test_null_is_unset_but_not_an_element() -> None:
    assert not opened(stopLoss=None, risk=None).HasField("stop_loss")
    assert set(problems_of({"scopes": ["VIEW", None]}, CreateApiTokenRequest())) == {"scopes[1]"}


@given(values, st.sampled_from(ROUTES))
def test_no_value_does_anything_but_fill_or_be_refused(value: Any, route: Any) -> None:
    with contextlib.suppress(InputError):
        DECODER.decode(value, GetMessageClass(route.request)(), reserved={})


doubles = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.builds(
        OpenTradeRequest,
        symbol=st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
        side=st.sampled_from([0, 1, 2]),
        volume_lots=st.none() | doubles,
        take_profits=st.lists(doubles, max_size=3),
        deviation_points=st.none() | st.integers(-(2**31), 2**31 - 1),
        validate_only=st.booleans(),
    )
)
def test_what_is_written_reads_back(message: OpenTradeRequest) -> None:
    message.time_to_live.FromNanoseconds(1_500_000_000)
    message.risk.money = 5.0
    again = OpenTradeRequest()
    DECODER.decode(ENCODER.encode(message), again, reserved={})
    assert again == message
