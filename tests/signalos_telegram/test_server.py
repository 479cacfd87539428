from __future__ import annotations

import pytest

from signalos.v1.signal_pb2 import SignalGate, SignalKind, SourceKind
from signalos.v1.signal_service_pb2 import (
    ListSourcesResponse,
    ParseSignalResponse,
    SubmitSignalRequest,
    SubmitSignalResponse,
)
from signalos.v1.trade_pb2 import Side
from signalos_telegram.domain.assembling import Reading
from signalos_telegram.server import GrpcServer, ServerError, TelegramSource
from tests.support.fake_server import FakeServer, Refused, serving


def sources() -> ListSourcesResponse:
    response = ListSourcesResponse()
    response.sources.add(source_id="src_1", kind=SourceKind.SOURCE_KIND_WEBHOOK)
    telegram = response.sources.add(source_id="src_2", name="Gold", kind=SourceKind.SOURCE_KIND_TELEGRAM)
    telegram.policy.chats.append("@gold")
    telegram.policy.default_symbol = "XAUUSD"
    return response


async def test_it_speaks_the_contract_with_its_token() -> None:
    fake = FakeServer()
    answer = SubmitSignalResponse()
    answer.signal.signal_id = "sig_1"
    parsed = ParseSignalResponse(
        kind=SignalKind.SIGNAL_KIND_OPEN, gate=SignalGate.SIGNAL_GATE_POLICY, symbol="XAUUSD",
        side=Side.SIDE_BUY, stop_loss_pips=50,
    )  # fmt: skip
    fake.answers |= {
        "ListSources": lambda _: sources(),
        "ParseSignal": lambda _: parsed,
        "SubmitSignal": lambda _: answer,
    }
    async with serving(fake) as address:
        server = GrpcServer(address, "token-ann", None)
        try:
            assert list(await server.sources()) == [TelegramSource("src_2", "Gold", ("@gold",), "XAUUSD")]
            assert await server.read("BUY", "XAUUSD") == Reading(True, True, True, True, True)
            assert await server.submit(SubmitSignalRequest(request_id="k", text="BUY")) == "sig_1"
        finally:
            await server.close()

    assert [name for name, _, _ in fake.asked] == ["ListSources", "ParseSignal", "SubmitSignal"]
    assert {metadata["authorization"] for _, _, metadata in fake.asked} == {"Bearer token-ann"}
    assert fake.asked_of("ParseSignal")[0].context.default_symbol == "XAUUSD"


async def test_a_refusal_keeps_its_code_and_words() -> None:
    def refuse(_: object) -> SubmitSignalResponse:
        raise Refused("INVALID_ARGUMENT", "INVALID_FIELD", "text: too long")

    fake = FakeServer()
    fake.answers["SubmitSignal"] = refuse
    async with serving(fake) as address:
        server = GrpcServer(address, "token-ann", None)
        with pytest.raises(ServerError, match="INVALID_ARGUMENT: text: too long") as told:
            await server.submit(SubmitSignalRequest(request_id="k", text="BUY"))
        await server.close()
    assert told.value.code == "INVALID_ARGUMENT"


async def test_a_server_that_is_away_is_unavailable() -> None:
    async with serving(FakeServer()) as address:
        pass
    server = GrpcServer(address, "token-ann", None)
    with pytest.raises(ServerError) as told:
        await server.sources()
    await server.close()
    assert told.value.code == "UNAVAILABLE"
