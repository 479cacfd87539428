"""Reading a message over the contract."""

from __future__ import annotations

import grpc
import pytest

from signalos.v1 import signal_pb2, trade_pb2
from signalos.v1 import signal_service_pb2 as pb
from signalos_server.domain.caller import Role
from signalos_server.domain.signals.model import Announcement, EntryType, Gate, Kind, Target
from tests.signalos_server.serving import World, error_of


async def parsed(
    world: World, text: str, user_name: str = "trader", **context: object
) -> pb.ParseSignalResponse:
    user = await world.sign_in(user_name, Role.TRADER)
    request = pb.ParseSignalRequest(text=text, context=signal_pb2.SignalContext(**context))  # type: ignore[arg-type]
    response: pb.ParseSignalResponse = await user.signals.ParseSignal(request, metadata=user.metadata)
    return response


async def test_an_order_is_answered_field_by_field(world: World) -> None:
    found = await parsed(world, "XAUUSD SELL LIMIT 2350-2355 SL 2362 TP 2345 2340 risk 1%")

    assert found == pb.ParseSignalResponse(
        kind=signal_pb2.SIGNAL_KIND_OPEN,
        symbol="XAUUSD",
        side=trade_pb2.SIDE_SELL,
        order_type=signal_pb2.SIGNAL_ORDER_TYPE_LIMIT,
        entry_low=2350,
        entry_high=2355,
        stop_loss=2362,
        take_profits=[2345, 2340],
        risk_percent=1,
        gate=signal_pb2.SIGNAL_GATE_OK,
    )


async def test_an_update_has_the_instrument_of_the_message_replied_to(world: World) -> None:
    found = await parsed(world, "close half, SL to BE", reply_to="XAUUSD BUY 2340 SL 2330 TP 2350")

    assert (found.kind, found.symbol, found.fraction) == (signal_pb2.SIGNAL_KIND_PARTIAL_CLOSE, "XAUUSD", 0.5)
    assert [other.kind for other in found.also] == [signal_pb2.SIGNAL_KIND_BREAKEVEN]


async def test_a_reply_to_what_is_not_known_is_a_reply_all_the_same(world: World) -> None:
    found = await parsed(world, "close now", reply_to="4711")

    assert (found.symbol, found.target, found.gate) == (
        "",
        signal_pb2.SIGNAL_TARGET_POSITION,
        signal_pb2.SIGNAL_GATE_OK,
    )


async def test_what_holds_a_message_is_told_with_its_place(world: World) -> None:
    text = "XAUUSD BUY 2340 SL 233O TP 2350"
    found = await parsed(world, text)
    broken = next(reason for reason in found.reasons if reason.code == "CORRUPT_FIGURE")

    assert found.gate == signal_pb2.SIGNAL_GATE_POLICY
    assert not found.HasField("stop_loss")
    assert text[broken.start : broken.end] == "233O"


async def test_a_default_symbol_is_taken_by_word_and_refused_when_unknown(world: World) -> None:
    found = await parsed(world, "BUY 2340 SL 2330 TP 2350", default_symbol="gold")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await parsed(world, "BUY 2340", "other", default_symbol="unobtainium")

    assert found.symbol == "XAUUSD"
    assert error_of(caught.value)[:2] == ("INVALID_ARGUMENT", "INVALID_FIELD")


def test_the_response_has_the_fields_of_a_parsed_signal() -> None:
    def fields(descriptor: object) -> list[tuple[str, int, object]]:
        return [(field.name, field.number, field.type) for field in descriptor.fields]  # type: ignore[attr-defined]

    assert fields(pb.ParseSignalResponse.DESCRIPTOR) == fields(signal_pb2.ParsedSignal.DESCRIPTOR)


def test_each_word_of_a_parse_has_its_namesake_in_the_contract() -> None:
    pairs = (
        (Kind, signal_pb2.SignalKind, "SIGNAL_KIND_"),
        (Gate, signal_pb2.SignalGate, "SIGNAL_GATE_"),
        (EntryType, signal_pb2.SignalOrderType, "SIGNAL_ORDER_TYPE_"),
        (Target, signal_pb2.SignalTarget, "SIGNAL_TARGET_"),
        (Announcement, signal_pb2.SignalAnnouncement, "SIGNAL_ANNOUNCEMENT_"),
    )
    for ours, theirs, prefix in pairs:
        names = {name.removeprefix(prefix) for name in theirs.keys()} - {"UNSPECIFIED"}  # noqa: SIM118 - no mapping
        assert names == set(ours.__members__)
