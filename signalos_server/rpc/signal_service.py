"""Signals on the wire."""

# ruff: noqa: N802 - methods are named as the contract names them
from __future__ import annotations

from typing import Any

from grpc.aio import ServicerContext

from signalos.v1 import signal_pb2, signal_service_pb2_grpc
from signalos.v1 import signal_service_pb2 as pb
from signalos_server.domain.errors import InvalidField
from signalos_server.domain.signals.machine_build import symbol_of
from signalos_server.domain.signals.model import Context as Known
from signalos_server.domain.signals.model import Kind, Parse
from signalos_server.domain.signals.parse import parse
from signalos_server.rpc.convert_signals import parsed_message
from signalos_server.service.ports import Clock

Context = ServicerContext[Any, Any]


class SignalServicer(signal_service_pb2_grpc.SignalServiceServicer):
    """Translates `SignalService`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ParseSignal(self, request: pb.ParseSignalRequest, context: Context) -> pb.ParseSignalResponse:
        """Read a message; store nothing."""
        message = parsed_message(parse(request.text, self._known(request.context)))
        # The response has the fields of `ParsedSignal`, number for number.
        return pb.ParseSignalResponse.FromString(message.SerializeToString())

    def _known(self, context: signal_pb2.SignalContext) -> Known:
        default = None
        if context.default_symbol:
            default = symbol_of(context.default_symbol)
            if default is None:
                raise InvalidField("context.defaultSymbol", "names no known instrument")
        now = self._clock.now()
        parent: Parse | None = None
        if context.HasField("reply_to"):
            parent = parse(context.reply_to, Known(default_symbol=default, now=now))
        return Known(
            parent=parent if parent is not None and parent.kind is not Kind.NONE else None,
            is_reply=context.HasField("reply_to"),
            edited=context.edited,
            default_symbol=default,
            now=now,
        )
