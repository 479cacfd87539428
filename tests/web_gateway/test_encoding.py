from __future__ import annotations

import math

import orjson

from signalos.v1.command_pb2 import Command
from signalos.v1.control_service_pb2 import UpdateLimitsResponse
from signalos.v1.event_pb2 import Snapshot
from signalos.v1.trade_pb2 import LiveTrade, Side, Trade
from web_gateway.encoding import Encoder, duration_text, timestamp_text

ENCODER = Encoder()


def test_what_is_not_known_is_null_and_what_is_empty_is_there() -> None:
    written = ENCODER.encode(LiveTrade(trade_id="trd_1", swap=0.0))
    assert written == {
        "tradeId": "trd_1",
        "currentPrice": None,
        "profit": None,
        "swap": 0.0,
        "readTime": None,
    }


def test_tickets_are_text_and_counters_are_numbers() -> None:
    trade = ENCODER.encode(Trade(ticket=2**62, magic=-1))
    assert (trade["ticket"], trade["magic"], trade["positionIdentifier"]) == (str(2**62), "-1", "0")
    assert ENCODER.encode(Snapshot(seq=7))["seq"] == 7
    assert ENCODER.encode(UpdateLimitsResponse(revision=3))["revision"] == 3
    assert ENCODER.encode(Command(stop_generation=2))["stopGeneration"] == 2


def test_enums_lose_their_prefix_and_unknown_ones_say_so() -> None:
    assert ENCODER.encode(Trade(side=Side.SIDE_BUY))["side"] == "BUY"
    assert ENCODER.encode(Trade())["side"] == "UNSPECIFIED"
    newer = Trade.FromString(b"\x30\x63")  # side = 99
    assert ENCODER.encode(newer)["side"] == "UNRECOGNISED_99"


def test_of_a_choice_only_what_is_set_is_there() -> None:
    command = Command()
    command.action.close.fraction = 0.5
    assert ENCODER.encode(command)["action"] == {
        "close": {"positionIdentifier": "0", "fraction": 0.5, "volumeLots": None}
    }


def test_doubles_are_as_short_as_they_can_be_and_not_a_number_is_not_known() -> None:
    trade = Trade(volume_lots=0.1, open_price=math.nan, realised_profit=math.inf)
    text = orjson.dumps(ENCODER.encode(trade)).decode()
    assert '"volumeLots":0.1,' in text
    assert '"openPrice":null' in text
    assert '"realisedProfit":null' in text


def test_times_and_spans_have_as_many_digits_as_they_need() -> None:
    assert timestamp_text(0) == "1970-01-01T00:00:00Z"
    assert timestamp_text(1, 250_000_000) == "1970-01-01T00:00:01.250Z"
    assert timestamp_text(1, 1_000) == "1970-01-01T00:00:01.000001Z"
    assert timestamp_text(-1, 999_999_999) == "1969-12-31T23:59:59.999999999Z"
    assert duration_text(60) == "60s"
    assert duration_text(0, -100_000_000) == "-0.100s"
