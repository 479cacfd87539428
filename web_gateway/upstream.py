"""Calls to the server: one channel, each call with the caller's own token and a dead-line."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.message import Message

from signalos.v1.event_service_pb2 import SubscribeRequest, SubscribeResponse
from web_gateway.doors import Caller

_KEY_CHECK_SECONDS: Final = 1.0

# A server that comes back is found within a second or two; its death is found at the next call, and a
# machine that vanished without a word within 20 s.
_CHANNEL_OPTIONS: Final = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.max_receive_message_length", 32 * 1024 * 1024),
    ("grpc.enable_retries", 0),
)

AnyMessage = TypeVar("AnyMessage", bound=Message)
_Metadata = tuple[tuple[str, str], ...]


class GatewayKey:
    """The key by which the server knows that the forwarded address is true: a file that the server makes."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._value = ""
        self._modified = 0
        self._checked_at = float("-inf")

    def value(self, now: float) -> str:
        """The key, or nothing while the server has not made it. Read again when the file changes."""
        if self._path is None or now - self._checked_at < _KEY_CHECK_SECONDS:
            return self._value
        self._checked_at = now
        try:
            modified = self._path.stat().st_mtime_ns
            if modified != self._modified:
                self._value = self._path.read_text(encoding="ascii").strip()
                self._modified = modified
        except (OSError, UnicodeDecodeError):
            self._value = ""
            self._modified = 0
        return self._value


class Upstream:
    """The server, as the gateway calls it."""

    def __init__(self, channel: grpc.aio.Channel, key: GatewayKey) -> None:
        self._channel = channel
        self._key = key
        self._methods: dict[str, Callable[..., Any]] = {}

    @classmethod
    def connect(cls, address: str, tls_ca: Path | None, key: GatewayKey) -> Upstream:
        """Opens the channel; connecting happens with the first call."""
        options = list(_CHANNEL_OPTIONS)
        if tls_ca is None:
            return cls(grpc.aio.insecure_channel(address, options=options), key)
        credentials = grpc.ssl_channel_credentials(tls_ca.read_bytes())
        return cls(grpc.aio.secure_channel(address, credentials, options=options), key)

    async def call(
        self,
        path: str,
        request: Message,
        response_class: type[AnyMessage],
        caller: Caller,
        *,
        seconds: float,
        check_only: bool = False,
    ) -> AnyMessage:
        """Calls the unary method at `path`. Raises `grpc.aio.AioRpcError`.

        With `check_only` the call does not count as a use of the caller's session: it was not the person who
        asked.
        """
        method = self._methods.get(path)
        if method is None:
            method = self._channel.unary_unary(
                path,
                request_serializer=_serialize,
                response_deserializer=response_class.FromString,
            )
            self._methods[path] = method
        metadata = self.metadata(caller)
        if check_only:
            metadata = (*metadata, ("signalos-check-only", "1"))
        response: AnyMessage = await method(request, timeout=seconds, metadata=metadata)
        return response

    async def subscribe(
        self, request: SubscribeRequest, caller: Caller
    ) -> AsyncGenerator[SubscribeResponse, None]:
        """The stream of a user. Raises `grpc.aio.AioRpcError` when it breaks."""
        call = self._channel.unary_stream(
            "/signalos.v1.EventService/Subscribe",
            request_serializer=_serialize,
            response_deserializer=SubscribeResponse.FromString,
        )(request, metadata=self.metadata(caller))
        try:
            async for response in call:
                yield response
        finally:
            call.cancel()

    def metadata(self, caller: Caller) -> _Metadata:
        """What goes with each call."""
        pairs: list[tuple[str, str]] = []
        if caller.token:
            pairs.append(("authorization", f"Bearer {caller.token}"))
        key = self._key.value(time.monotonic())
        if key:
            pairs.append(("signalos-gateway-key", key))
            pairs.append(("signalos-client-address", _visible(caller.address)))
            pairs.append(("signalos-user-agent", _visible(caller.user_agent)))
        return tuple(pairs)

    async def close(self, grace_seconds: float) -> None:
        """Ends the channel; calls under way may take `grace_seconds` more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds + 1):
                await self._channel.close(grace_seconds)


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def _visible(text: str) -> str:
    """What gRPC metadata takes: printable ASCII."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text).strip()
