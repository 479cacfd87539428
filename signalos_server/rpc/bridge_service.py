"""Bridges on the wire: pairing, and the two streams of a session."""

# ruff: noqa: N802 - methods are named as the contract names them
from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import structlog
from grpc.aio import ServicerContext

from signalos.v1 import bridge_service_pb2 as pb
from signalos.v1 import bridge_service_pb2_grpc
from signalos_server.domain.bridge_session import Stream
from signalos_server.domain.errors import InvalidField, NotAuthenticated
from signalos_server.domain.frames import ToControl, ToData
from signalos_server.domain.happenings import BridgeView
from signalos_server.rpc.call import current_call
from signalos_server.rpc.convert_accounts import identity_of
from signalos_server.rpc.convert_frames import (
    BadFrame,
    batch_to_proto,
    control_frame_of,
    control_frame_to_proto,
    data_frame_to_proto,
    data_frames_of,
    hello_of,
)
from signalos_server.rpc.stream_writer import StreamWriter
from signalos_server.service.accounts import Accounts
from signalos_server.service.bridge_sessions import BridgeSessions
from signalos_server.service.hub import LiveSession

log = structlog.get_logger(__name__)

Context = ServicerContext[Any, Any]

_DATA_BYTES = 8 << 20
_CONTROL_BYTES = 1 << 20
_HELLO_SECONDS = 10.0

DataWriter = StreamWriter[ToData, pb.ConnectResponse]
ControlWriter = StreamWriter[ToControl, pb.ControlResponse]


class SessionWire:
    """The writers of one session's streams."""

    def __init__(self, data: DataWriter) -> None:
        self.data = data
        self.control: ControlWriter | None = None

    def write(self, stream: Stream, frame: ToData | ToControl) -> None:
        """Queue a frame. The session's machine sends to each stream only what is of it."""
        if stream is Stream.DATA:
            self.data.write(frame)  # type: ignore[arg-type]
        elif self.control is not None:
            self.control.write(frame)  # type: ignore[arg-type]

    def end(self, stream: Stream, reason: str, message: str) -> None:
        """Close a stream."""
        writer: DataWriter | ControlWriter | None = self.data if stream is Stream.DATA else self.control
        if writer is not None:
            writer.end(reason, message)


class BridgeServicer(bridge_service_pb2_grpc.BridgeServiceServicer):
    """Translates `BridgeService`."""

    def __init__(
        self,
        accounts: Accounts,
        sessions: BridgeSessions,
        nanoseconds: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._nanoseconds = nanoseconds
        self._monotonic = monotonic

    async def Pair(self, request: pb.PairRequest, context: Context) -> pb.PairResponse:
        """Trade a pairing code for a credential."""
        paired = await self._accounts.pair(
            request.code,
            request.bridge_name,
            identity_of(request.identity),
            request.version,
            current_call().address,
        )
        return pb.PairResponse(
            bridge_id=paired.bridge_id, account_id=paired.account_id, credential=paired.credential
        )

    async def _authenticate(self, context: Context) -> BridgeView:
        bridge_id = dict(context.invocation_metadata() or ()).get("signalos-bridge", "")
        if not isinstance(bridge_id, str) or not bridge_id:
            raise NotAuthenticated("no bridge is named; send `signalos-bridge: BRIDGE_ID`")
        return await self._accounts.authenticate_bridge(bridge_id, current_call().bearer)

    async def Connect(
        self, requests: AsyncIterator[pb.ConnectRequest], context: Context
    ) -> AsyncGenerator[pb.ConnectResponse]:
        """Serve a bridge's data stream."""
        bridge = await self._authenticate(context)
        hello = await _first(requests)
        if hello.WhichOneof("message") != "hello" or hello.hello.bridge_id != bridge.bridge_id:
            raise InvalidField("hello", "the first frame is the hello of the bridge that is authenticated")
        greeting = _readable(lambda: hello_of(hello.hello))
        wire: SessionWire | None = None

        def make_wire(epoch: int) -> SessionWire:
            nonlocal wire
            encode = partial(data_frame_to_proto, epoch)
            combine = batch_to_proto if greeting.takes_batches else None
            wire = SessionWire(
                StreamWriter(encode, self._nanoseconds, maximum_bytes=_DATA_BYTES, combine=combine)
            )
            return wire

        session = await self._sessions.open(bridge.bridge_id, greeting, make_wire, current_call().address)
        assert wire is not None
        writer = wire.data
        reader = asyncio.create_task(self._read_data(session, requests, writer))
        try:
            async for message in writer.messages():
                yield message
        finally:
            writer.finished()
            reader.cancel()
            session.perform(session.machine.lost(Stream.DATA, "the stream has ended"))

    async def _read_data(
        self, session: LiveSession, requests: AsyncIterator[pb.ConnectRequest], writer: DataWriter
    ) -> None:
        machine, now = session.machine, self._monotonic
        with _ending(writer, session, Stream.DATA):
            async for request in requests:
                for frame in data_frames_of(request):
                    session.perform(machine.receive(Stream.DATA, request.epoch, frame, now()))

    async def Control(
        self, requests: AsyncIterator[pb.ControlRequest], context: Context
    ) -> AsyncGenerator[pb.ControlResponse]:
        """Serve a bridge's control stream."""
        bridge = await self._authenticate(context)
        hello = await _first(requests)
        if hello.WhichOneof("message") != "hello" or hello.hello.bridge_id != bridge.bridge_id:
            raise InvalidField("hello", "the first frame is the hello of the bridge that is authenticated")
        greeting = _readable(lambda: control_frame_of(hello))
        session = self._sessions.find(bridge.bridge_id, bridge.account_id, hello.epoch)
        writer: ControlWriter = StreamWriter(
            partial(control_frame_to_proto, session.epoch), self._nanoseconds, maximum_bytes=_CONTROL_BYTES
        )
        wire = session.wire
        assert isinstance(wire, SessionWire)
        if wire.control is not None:
            wire.control.end("WRONG_STATE", "the bridge opened its control stream anew")
        wire.control = writer
        machine = session.machine
        session.perform(machine.open_control(self._monotonic()))
        session.perform(machine.receive(Stream.CONTROL, hello.epoch, greeting, self._monotonic()))
        reader = asyncio.create_task(self._read_control(session, requests, writer))
        try:
            async for message in writer.messages():
                yield message
        finally:
            writer.finished()
            reader.cancel()
            if wire.control is writer:
                wire.control = None
                session.perform(machine.lost(Stream.CONTROL, "the stream has ended"))

    async def _read_control(
        self, session: LiveSession, requests: AsyncIterator[pb.ControlRequest], writer: ControlWriter
    ) -> None:
        machine, now = session.machine, self._monotonic
        with _ending(writer, session, Stream.CONTROL):
            async for request in requests:
                frame = control_frame_of(request)
                session.perform(machine.receive(Stream.CONTROL, request.epoch, frame, now()))


@contextlib.contextmanager
def _ending(writer: DataWriter | ControlWriter, session: LiveSession, stream: Stream) -> Iterator[None]:
    """End the stream when its reader ends, for whatever reason."""
    try:
        yield
    except BadFrame as error:
        log.warning("bad frame", bridge_id=session.bridge_id, stream=stream.value, problem=str(error))
        writer.end("WRONG_STATE", f"a frame cannot be read: {error}")
    except Exception:
        log.exception("a bridge's stream failed", bridge_id=session.bridge_id, stream=stream.value)
        writer.end("WRONG_STATE", "the server failed on a frame")
    else:
        writer.close()


async def _first(requests: AsyncIterator[Any]) -> Any:
    try:
        async with asyncio.timeout(_HELLO_SECONDS):
            return await anext(aiter(requests))
    except (TimeoutError, StopAsyncIteration):
        raise InvalidField("hello", "no hello came") from None


def _readable(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except BadFrame as error:
        raise InvalidField("hello", str(error)) from error
