"""Signals and sources on the wire."""

# ruff: noqa: N802 - methods are named as the contract names them
from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from grpc.aio import ServicerContext

from signalos.v1 import signal_pb2, signal_service_pb2_grpc
from signalos.v1 import signal_service_pb2 as pb
from signalos_server.domain.errors import InvalidField
from signalos_server.domain.pages import decode_page, encode_page, page_size
from signalos_server.domain.pipeline.formats import FORMATS
from signalos_server.domain.pipeline.words import SignalState, SourceKind
from signalos_server.domain.signals.machine_build import symbol_of
from signalos_server.domain.signals.model import Context as Known
from signalos_server.domain.signals.model import Kind, Parse
from signalos_server.domain.signals.parse import parse
from signalos_server.rpc.call import caller
from signalos_server.rpc.convert import datetime_of
from signalos_server.rpc.convert_signal_records import decision_to_proto, kind_of, signal_to_proto
from signalos_server.rpc.convert_signals import parsed_message
from signalos_server.rpc.convert_sources import rules_of, source_to_proto, subscription_of
from signalos_server.service.ports import Clock
from signalos_server.service.signal_records import SignalFilter
from signalos_server.service.signals.approval import Approvals
from signalos_server.service.signals.intake import Message
from signalos_server.service.signals.pipeline import SignalPipeline
from signalos_server.service.signals.reads import SignalReads
from signalos_server.service.signals.simulate import Simulation
from signalos_server.service.signals.sources import Sources, SourceWish

Context = ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class SignalUseCases:
    """What the servicer calls."""

    pipeline: SignalPipeline
    approvals: Approvals
    simulation: Simulation
    sources: Sources
    reads: SignalReads


class SignalServicer(signal_service_pb2_grpc.SignalServiceServicer):
    """Translates `SignalService`."""

    def __init__(self, clock: Clock, cases: SignalUseCases) -> None:
        self._clock = clock
        self._cases = cases

    async def ParseSignal(self, request: pb.ParseSignalRequest, context: Context) -> pb.ParseSignalResponse:
        """Read a message; store nothing."""
        message = parsed_message(parse(request.text, self._known(request.context)))
        # The response has the fields of `ParsedSignal`, number for number.
        return pb.ParseSignalResponse.FromString(message.SerializeToString())

    def _known(self, context: signal_pb2.SignalContext, default_symbol: str = "") -> Known:
        default = default_symbol or None
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

    async def SubmitSignal(
        self, request: pb.SubmitSignalRequest, context: Context
    ) -> pb.SubmitSignalResponse:
        """Take a message."""
        said = datetime_of(request, "say_time")
        if said is None and request.HasField("say_time"):
            raise InvalidField("sayTime", "is no time of the years 1 to 9999")
        message = Message(
            text=request.text,
            external_id=request.external_id,
            sender=request.sender,
            say_time=said,
            reply_to_external_id=request.reply_to_external_id,
            edited=request.edited,
            deleted=request.deleted,
            request_id=request.request_id,
            request_hash=_hash_of(request),
        )
        view = await self._cases.pipeline.submit(caller(), request.source_id, message)
        return pb.SubmitSignalResponse(signal=signal_to_proto(view))

    async def SubmitWebhook(
        self, request: pb.SubmitWebhookRequest, context: Context
    ) -> pb.SubmitWebhookResponse:
        """Take what a webhook was sent."""
        return pb.SubmitWebhookResponse(
            signal_id=await self._cases.pipeline.webhook(request.token, request.body)
        )

    async def ListSignals(self, request: pb.ListSignalsRequest, context: Context) -> pb.ListSignalsResponse:
        """List signals, newest first."""
        size = page_size(request.page_size, 50, 200)
        position = decode_page("signals", request.page_token, int)
        before = None if position is None else int(position[0])
        wanted = SignalFilter(
            user_id=caller().user_id,
            source_id=request.source_id,
            state=SignalState(request.state) if request.state else None,
            kind=kind_of(request.kind),
            account_id=request.account_id,
            query=request.query,
            code=request.code,
        )
        found = await self._cases.reads.page(caller(), wanted, size + 1, before)
        response = pb.ListSignalsResponse(signals=[signal_to_proto(view) for _, view in found[:size]])
        if len(found) > size:
            response.next_page_token = encode_page("signals", found[size - 1][0])
        return response

    async def ListSignalFormats(
        self, request: pb.ListSignalFormatsRequest, context: Context
    ) -> pb.ListSignalFormatsResponse:
        """Tell which notations are understood."""
        formats = [
            pb.SignalFormat(
                code=one.code,
                description=one.description,
                example=one.example,
                parsed=parsed_message(parse(one.example)),
            )
            for one in FORMATS
        ]
        return pb.ListSignalFormatsResponse(formats=formats)

    async def GetSignal(self, request: pb.GetSignalRequest, context: Context) -> pb.GetSignalResponse:
        """Read one signal."""
        view = await self._cases.reads.get(caller(), request.signal_id)
        return pb.GetSignalResponse(signal=signal_to_proto(view))

    async def SimulateSignal(
        self, request: pb.SimulateSignalRequest, context: Context
    ) -> pb.SimulateSignalResponse:
        """Tell what would be sent."""
        default = ""
        if request.source_id:
            source = await self._cases.sources.get(caller(), request.source_id)
            default = source.rules.default_symbol
        parsed = parse(request.text, self._known(request.context, default))
        decisions = await self._cases.simulation.simulate(
            caller(), request.text, parsed, request.source_id, request.account_ids, request.sender
        )
        return pb.SimulateSignalResponse(
            parsed=parsed_message(parsed), decisions=[decision_to_proto(one) for one in decisions]
        )

    async def ReplaySignal(
        self, request: pb.ReplaySignalRequest, context: Context
    ) -> pb.ReplaySignalResponse:
        """Decide a signal anew."""
        view = await self._cases.approvals.replay(
            caller(), request.signal_id, request.request_id, _hash_of(request), request.account_ids
        )
        return pb.ReplaySignalResponse(signal=signal_to_proto(view))

    async def ApproveSignal(
        self, request: pb.ApproveSignalRequest, context: Context
    ) -> pb.ApproveSignalResponse:
        """Say yes."""
        view = await self._cases.approvals.approve(
            caller(), request.signal_id, request.decision_ids, request.trade_ids
        )
        return pb.ApproveSignalResponse(signal=signal_to_proto(view))

    async def RejectSignal(
        self, request: pb.RejectSignalRequest, context: Context
    ) -> pb.RejectSignalResponse:
        """Say no."""
        view = await self._cases.approvals.reject(
            caller(), request.signal_id, request.decision_ids, request.reason
        )
        return pb.RejectSignalResponse(signal=signal_to_proto(view))

    # Sources.

    async def ListSources(self, request: pb.ListSourcesRequest, context: Context) -> pb.ListSourcesResponse:
        """List the caller's sources."""
        found = await self._cases.sources.page(caller())
        return pb.ListSourcesResponse(sources=map(source_to_proto, found))

    async def GetSource(self, request: pb.GetSourceRequest, context: Context) -> pb.GetSourceResponse:
        """Read one source."""
        source = await self._cases.sources.get(caller(), request.source_id)
        return pb.GetSourceResponse(source=source_to_proto(source))

    async def CreateSource(
        self, request: pb.CreateSourceRequest, context: Context
    ) -> pb.CreateSourceResponse:
        """Make a source."""
        kind = SourceKind(request.kind)
        source, token = await self._cases.sources.create(caller(), kind, _wish_of(request))
        return pb.CreateSourceResponse(
            source=source_to_proto(source), token=token, hook_path=_hook_path(token)
        )

    async def UpdateSource(
        self, request: pb.UpdateSourceRequest, context: Context
    ) -> pb.UpdateSourceResponse:
        """Replace what a source is."""
        source = await self._cases.sources.update(
            caller(),
            request.source_id,
            _wish_of(request),
            enabled=request.enabled,
            revision=request.revision,
        )
        return pb.UpdateSourceResponse(source=source_to_proto(source))

    async def DeleteSource(
        self, request: pb.DeleteSourceRequest, context: Context
    ) -> pb.DeleteSourceResponse:
        """End a source."""
        await self._cases.sources.delete(caller(), request.source_id)
        return pb.DeleteSourceResponse()

    async def RotateSourceToken(
        self, request: pb.RotateSourceTokenRequest, context: Context
    ) -> pb.RotateSourceTokenResponse:
        """Give a webhook a new token."""
        token = await self._cases.sources.rotate(caller(), request.source_id)
        return pb.RotateSourceTokenResponse(token=token, hook_path=_hook_path(token))


def _wish_of(request: pb.CreateSourceRequest | pb.UpdateSourceRequest) -> SourceWish:
    return SourceWish(
        name=request.name,
        rules=rules_of(request.policy),
        subscriptions=tuple(map(subscription_of, request.subscriptions)),
    )


def _hook_path(token: str) -> str:
    return f"/api/hooks/{token}" if token else ""


def _hash_of(request: Any) -> str:
    """Return what makes two calls under one key the same."""
    name = request.DESCRIPTOR.name.encode()
    return hashlib.sha256(name + b"\0" + request.SerializeToString(deterministic=True)).hexdigest()
