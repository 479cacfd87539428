"""Users' streams on the wire."""

# ruff: noqa: N802 - methods are named as the contract names them
from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Protocol

from grpc.aio import ServicerContext

from signalos.v1 import event_pb2, event_service_pb2_grpc
from signalos.v1 import event_service_pb2 as pb
from signalos_server.domain.pages import page_size
from signalos_server.rpc.call import caller, current_call
from signalos_server.rpc.edge import Authenticator
from signalos_server.rpc.event_messages import ContractEncoder, subscribe_response
from signalos_server.service.events import EventHub
from signalos_server.service.stream_ports import StreamHead, Streams

Context = ServicerContext[Any, Any]


class SnapshotMessages(Protocol):
    """Reads snapshots as messages."""

    async def message(self, user_id: str, *, sees_all: bool) -> tuple[StreamHead, event_pb2.Snapshot]:
        """Read all that is, and the head of the stream with it."""


class EventServicer(event_service_pb2_grpc.EventServiceServicer):
    """Translates `EventService`."""

    def __init__(
        self, hub: EventHub, streams: Streams, snapshots: SnapshotMessages, authenticator: Authenticator
    ) -> None:
        self._hub = hub
        self._streams = streams
        self._snapshots = snapshots
        self._authenticator = authenticator
        self._encoder = ContractEncoder()

    async def Subscribe(  # type: ignore[override]  # bytes: written once for all readers
        self, request: pb.SubscribeRequest, context: Context
    ) -> AsyncGenerator[bytes]:
        """Stream a snapshot or what came after the cursor, then everything after it."""
        bearer = current_call().bearer

        async def still_allowed() -> object:
            return await self._authenticator.authenticate(bearer, survives_storage=True, is_use=False)

        events = self._hub.subscribe(
            caller(),
            request.epoch,
            request.after_seq,
            lossless_only=request.lossless_only,
            still_allowed=still_allowed,
        )
        async with aclosing(events):
            async for wire in events:
                yield subscribe_response(wire)

    async def GetSnapshot(self, request: pb.GetSnapshotRequest, context: Context) -> pb.GetSnapshotResponse:
        """Read a snapshot."""
        who = caller()
        _, snapshot = await self._snapshots.message(who.user_id, sees_all=who.sees_all)
        return pb.GetSnapshotResponse(snapshot=snapshot)

    async def ListEvents(self, request: pb.ListEventsRequest, context: Context) -> pb.ListEventsResponse:
        """List events after a cursor."""
        size = page_size(request.page_size, 200, 1000)
        batch = await self._streams.after(caller().user_id, request.after_seq, size)
        head = batch.head
        response = pb.ListEventsResponse(last_seq=head.seq, epoch=head.epoch)
        # 0 asks for the oldest that is kept, so that nothing is missing before it.
        from_start = request.after_seq == 0 and not request.epoch
        response.gap = not from_start and (
            (bool(request.epoch) and request.epoch != head.epoch)
            or not head.forgotten_seq <= request.after_seq <= head.seq
        )
        if not response.gap:
            response.events.extend(
                event_pb2.Event.FromString(self._encoder.numbered(event.payload, event.seq, head.epoch))
                for event in batch.events
            )
        return response
