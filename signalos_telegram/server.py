"""The server, as this program calls it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import grpc

from signalos.v1.signal_pb2 import ParsedSignal, SignalGate, SignalKind, SourceKind
from signalos.v1.signal_service_pb2 import (
    ListSourcesRequest,
    ParseSignalRequest,
    ParseSignalResponse,
    SubmitSignalRequest,
)
from signalos.v1.signal_service_pb2_grpc import SignalServiceStub
from signalos_telegram.domain.assembling import Reading

_CALL_SECONDS: Final = 10.0
_CHANNEL_OPTIONS: Final = (
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.enable_retries", 0),
)


class ServerError(Exception):
    """The server did not take it. `code` is the gRPC status."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code


@dataclass(frozen=True, slots=True)
class TelegramSource:
    """A source of the kind `TELEGRAM`: its chats as they were named."""

    source_id: str
    name: str
    chats: tuple[str, ...]
    default_symbol: str = ""


class Server(Protocol):
    """What the rest of the program needs of the server. Every call raises `ServerError`."""

    async def sources(self) -> Sequence[TelegramSource]: ...

    async def read(self, text: str, default_symbol: str) -> Reading: ...

    async def submit(self, request: SubmitSignalRequest) -> str: ...


class GrpcServer:
    """The server at an address, called with an API token."""

    def __init__(self, address: str, token: str, tls_ca: Path | None) -> None:
        options = list(_CHANNEL_OPTIONS)
        if tls_ca is None:
            self._channel = grpc.aio.insecure_channel(address, options=options)
        else:
            credentials = grpc.ssl_channel_credentials(tls_ca.read_bytes())
            self._channel = grpc.aio.secure_channel(address, credentials, options=options)
        self._stub = SignalServiceStub(self._channel)
        self._metadata = (("authorization", f"Bearer {token}"),)

    async def close(self) -> None:
        await self._channel.close(1.0)

    async def sources(self) -> Sequence[TelegramSource]:
        """The sources that read Telegram, oldest first."""
        try:
            response = await self._stub.ListSources(
                ListSourcesRequest(), timeout=_CALL_SECONDS, metadata=self._metadata
            )
        except grpc.aio.AioRpcError as error:
            raise _server_error(error) from None
        return [
            TelegramSource(
                source.source_id, source.name, tuple(source.policy.chats), source.policy.default_symbol
            )
            for source in response.sources
            if source.kind == SourceKind.SOURCE_KIND_TELEGRAM
        ]

    async def read(self, text: str, default_symbol: str) -> Reading:
        """What a text says, as far as assembling needs it."""
        request = ParseSignalRequest(text=text)
        request.context.default_symbol = default_symbol
        try:
            response = await self._stub.ParseSignal(request, timeout=_CALL_SECONDS, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise _server_error(error) from None
        return reading_from(response)

    async def submit(self, request: SubmitSignalRequest) -> str:
        """Hands a message on; returns the signal's id once it is committed."""
        try:
            response = await self._stub.SubmitSignal(request, timeout=_CALL_SECONDS, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise _server_error(error) from None
        return response.signal.signal_id


def reading_from(parsed: ParsedSignal | ParseSignalResponse) -> Reading:
    """The part of a parse that assembling needs."""
    return Reading(
        opens=parsed.kind == SignalKind.SIGNAL_KIND_OPEN,
        may_be_sent=parsed.gate in (SignalGate.SIGNAL_GATE_OK, SignalGate.SIGNAL_GATE_POLICY),
        has_symbol=bool(parsed.symbol),
        has_side=parsed.HasField("side"),
        has_stop=parsed.HasField("stop_loss") or parsed.HasField("stop_loss_pips"),
        further=len(parsed.also),
    )


def _server_error(error: grpc.aio.AioRpcError) -> ServerError:
    return ServerError(error.code().name, error.details() or "")
