"""What the contract's rules say to people."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from buf.validate import validate_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor

from signalos.v1 import (
    auth_service_pb2,
    control_service_pb2,
    order_pb2,
    order_service_pb2,
    trade_pb2,
    trade_service_pb2,
)
from signalos_server.domain.errors import InvalidFields
from signalos_server.rpc.statuses import validate

_FILES = ("auth_service", "order_service", "trade_service", "control_service")


def _messages() -> Iterator[Descriptor]:
    for name in _FILES:
        file = descriptor_pool.Default().FindFileByName(f"signalos/v1/{name}.proto")
        yield from file.message_types_by_name.values()


def test_no_pattern_of_the_contract_is_told_as_a_pattern() -> None:
    patterned = [
        (message, field)
        for message in _messages()
        for field in message.fields
        if field.GetOptions().Extensions[validate_pb2.field].string.pattern
    ]

    assert patterned
    for message, field in patterned:
        request = getattr(_module(message), message.name)(**{field.name: "\u00e9"})
        with pytest.raises(InvalidFields) as refused:
            validate(request)
        assert "regex" not in refused.value.message, (message.name, field.name)


def _module(message: Descriptor) -> object:
    stem = message.file.name.rpartition("/")[2].removesuffix(".proto")
    return {
        "auth_service": auth_service_pb2,
        "control_service": control_service_pb2,
        "order_service": order_service_pb2,
        "trade_service": trade_service_pb2,
    }[stem]


def test_what_is_wrong_with_the_whole_request_is_told_without_a_field() -> None:
    with pytest.raises(InvalidFields) as refused:
        validate(control_service_pb2.RearmRequest(reason="all is well"))

    assert refused.value.message == "name the stops, or give the generation that you were shown"


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (
            trade_service_pb2.OpenTradeRequest(request_id="k", symbol="EURUSD", volume_lots=0.1),
            "must be one of BUY, SELL",
        ),
        (
            trade_service_pb2.OpenTradeRequest(
                request_id="k",
                symbol="EURUSD",
                side=trade_pb2.SIDE_BUY,
                volume_lots=0.1,
                order_type=order_pb2.ORDER_TYPE_STOP_LIMIT,
                price=1.1,
            ),
            "must be one of MARKET, LIMIT, STOP",
        ),
        (
            trade_service_pb2.OpenTradeRequest(request_id="k", symbol="EURUSD", side=trade_pb2.SIDE_BUY),
            "give exactly one of volumeLots and risk",
        ),
    ],
)
def test_a_rule_speaks_of_names_that_the_caller_may_write(
    request_: trade_service_pb2.OpenTradeRequest, words: str
) -> None:
    with pytest.raises(InvalidFields) as refused:
        validate(request_)

    assert any(description == words for _, description in refused.value.violations), refused.value.violations
