"""A server of the bridge's contract that does what a test tells it, on a real socket, with grpcio.

It keeps the session protocol (epochs, welcome, heartbeats, leases) unless told not to, and records what the
bridge says.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import grpc
import grpc.aio
from google.protobuf.duration_pb2 import Duration

from signalos.v1 import bridge_pb2, bridge_service_pb2, bridge_service_pb2_grpc

Request = bridge_service_pb2.ConnectRequest | bridge_service_pb2.ControlRequest


def seconds(value: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(value * 1e9))
    return duration


@dataclass(slots=True)
class Script:
    """How the server behaves. Times in seconds."""

    heartbeat: float = 0.2
    dead_after: float = 1.0
    lease: float = 3.0
    event_credit: int = 100
    grant_leases: bool = True
    answer_heartbeats: bool = True
    acknowledge: bool = True
    send_desired_state: bool = True
    revision: int = 1
    open_command_ids: tuple[str, ...] = ()
    new_journal: bool = False
    full_state: bridge_pb2.RecordedState | None = None
    journal_outdated: bool = False
    committed_event_seq: int = 0
    takes_batches: bool = False
    refuse_with: grpc.StatusCode | None = None
    # While clear, nothing of the data stream is read, so that its window closes.
    reading: asyncio.Event = field(default_factory=asyncio.Event)


class Stream:
    """One stream of one bridge, as the server sees it."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.outgoing: asyncio.Queue[
            bridge_service_pb2.ConnectResponse | bridge_service_pb2.ControlResponse | None
        ] = asyncio.Queue()
        self.over = asyncio.Event()

    def send(self, response: bridge_service_pb2.ConnectResponse | bridge_service_pb2.ControlResponse) -> None:
        response.epoch = self.epoch
        self.outgoing.put_nowait(response)

    def end(self) -> None:
        self.outgoing.put_nowait(None)


class ScriptedServer(bridge_service_pb2_grpc.BridgeServiceServicer):
    """`async with ScriptedServer() as server: … server.address`."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.script.reading.set()
        self.epoch = 0
        self.connect: Stream | None = None
        self.control: Stream | None = None
        self.said: list[tuple[float, Request]] = []
        self.batches: list[bridge_service_pb2.ConnectRequest] = []
        self.metadata: list[dict[str, str]] = []
        self.pair_requests: list[bridge_service_pb2.PairRequest] = []
        self._changed = asyncio.Condition()
        self._server: grpc.aio.Server | None = None
        self.address = ""

    async def __aenter__(self) -> ScriptedServer:
        await self.start("127.0.0.1:0")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self, address: str, credentials: grpc.ServerCredentials | None = None) -> None:
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        bridge_service_pb2_grpc.add_BridgeServiceServicer_to_server(self, self._server)
        if credentials is None:
            port = self._server.add_insecure_port(address)
        else:
            port = self._server.add_secure_port(address, credentials)
        await self._server.start()
        self.address = f"127.0.0.1:{port}"

    async def stop(self) -> None:
        assert self._server is not None
        for stream in (self.connect, self.control):
            if stream is not None:
                stream.end()
        await self._server.stop(0.2)

    def of(self, kind: str) -> list[Request]:
        """What the bridge has said of one kind, in order."""
        return [request for _, request in self.said if request.WhichOneof("message") == kind]

    async def until(self, holds: Callable[[], bool], within: float = 5.0) -> float:
        """Wait until something holds; returns how long that took."""
        start = time.monotonic()
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(holds)
        return time.monotonic() - start

    async def live(self) -> None:
        """Wait until both streams live and the desired state is applied."""
        await self.until(lambda: self.control is not None and bool(self.of("applied")))

    async def Pair(  # noqa: N802 (the contract's name)
        self,
        request: bridge_service_pb2.PairRequest,
        context: grpc.aio.ServicerContext[
            bridge_service_pb2.PairRequest, Awaitable[bridge_service_pb2.PairResponse]
        ],
    ) -> bridge_service_pb2.PairResponse:
        self.pair_requests.append(request)
        if self.script.refuse_with is not None:
            await context.abort(self.script.refuse_with, "no such code")
        return bridge_service_pb2.PairResponse(
            bridge_id="brg_1", account_id="acc_1", credential="very-secret"
        )

    async def Connect(  # noqa: N802
        self,
        request_iterator: AsyncIterator[bridge_service_pb2.ConnectRequest],
        context: grpc.aio.ServicerContext[
            AsyncIterator[bridge_service_pb2.ConnectRequest],
            AsyncIterator[bridge_service_pb2.ConnectResponse],
        ],
    ) -> AsyncIterator[bridge_service_pb2.ConnectResponse]:
        self._note_metadata(context)
        if self.script.refuse_with is not None:
            await context.abort(self.script.refuse_with, "refused by the script")
        hello = await anext(request_iterator)
        await self._note(hello)
        self.epoch += 1
        if self.connect is not None and not self.connect.over.is_set():
            self.connect.send(
                bridge_service_pb2.ConnectResponse(
                    superseded=bridge_pb2.Superseded(epoch=self.epoch, address="10.0.0.9:1")
                )
            )
            self.connect.end()
        stream = self.connect = Stream(self.epoch)
        script = self.script
        stream.send(
            bridge_service_pb2.ConnectResponse(
                welcome=bridge_pb2.BridgeWelcome(
                    epoch=stream.epoch,
                    account_id="acc_1",
                    committed_event_seq=script.committed_event_seq,
                    journal_outdated=script.journal_outdated,
                    new_journal=script.new_journal,
                    full_state=script.full_state,
                    heartbeat_interval=seconds(script.heartbeat),
                    dead_after=seconds(script.dead_after),
                    lease_duration=seconds(script.lease),
                    event_credit=script.event_credit,
                    open_command_ids=script.open_command_ids,
                    magic_prefix=77,
                    takes_batches=script.takes_batches,
                )
            )
        )
        reader = asyncio.ensure_future(self._read_connect(request_iterator, stream))
        try:
            while (response := await stream.outgoing.get()) is not None:
                assert isinstance(response, bridge_service_pb2.ConnectResponse)
                response.sent_nanoseconds = time.monotonic_ns()
                yield response
        finally:
            stream.over.set()
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _read_connect(
        self, requests: AsyncIterator[bridge_service_pb2.ConnectRequest], stream: Stream
    ) -> None:
        while True:
            await self.script.reading.wait()
            try:
                request = await anext(requests)
            except StopAsyncIteration:
                return
            if request.HasField("batch"):
                self.batches.append(request)
            for one in request.batch.frames or [request]:
                await self._take(one, stream)

    async def _take(self, request: bridge_service_pb2.ConnectRequest, stream: Stream) -> None:
        kind = request.WhichOneof("message")
        if kind == "heartbeat" and self.script.answer_heartbeats:
            stream.send(
                bridge_service_pb2.ConnectResponse(
                    heartbeat=bridge_pb2.ServerHeartbeat(number=request.heartbeat.number)
                )
            )
        elif kind == "event" and self.script.acknowledge:
            stream.send(
                bridge_service_pb2.ConnectResponse(event_ack=bridge_pb2.EventAck(seq=request.event.seq))
            )
        elif kind == "outcome" and self.script.acknowledge:
            stream.send(
                bridge_service_pb2.ConnectResponse(
                    outcome_ack=bridge_pb2.OutcomeAck(
                        command_id=request.outcome.command_id,
                        outcome_number=request.outcome.outcome_number,
                    )
                )
            )
        await self._note(request)

    async def Control(  # noqa: N802
        self,
        request_iterator: AsyncIterator[bridge_service_pb2.ControlRequest],
        context: grpc.aio.ServicerContext[
            AsyncIterator[bridge_service_pb2.ControlRequest],
            AsyncIterator[bridge_service_pb2.ControlResponse],
        ],
    ) -> AsyncIterator[bridge_service_pb2.ControlResponse]:
        self._note_metadata(context)
        hello = await anext(request_iterator)
        await self._note(hello)
        if hello.epoch != self.epoch:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not the live epoch")
        stream = self.control = Stream(hello.epoch)
        if self.script.send_desired_state:
            stream.send(
                bridge_service_pb2.ControlResponse(
                    desired_state=bridge_pb2.DesiredState(
                        revision=self.script.revision, stop_generation=hello.hello.stop_generation
                    )
                )
            )
        reader = asyncio.ensure_future(self._read_control(request_iterator, stream))
        try:
            while (response := await stream.outgoing.get()) is not None:
                assert isinstance(response, bridge_service_pb2.ControlResponse)
                response.sent_nanoseconds = time.monotonic_ns()
                yield response
        finally:
            stream.over.set()
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _read_control(
        self, requests: AsyncIterator[bridge_service_pb2.ControlRequest], stream: Stream
    ) -> None:
        async for request in requests:
            if request.WhichOneof("message") == "heartbeat" and self.script.answer_heartbeats:
                if self.script.grant_leases:
                    answer = bridge_service_pb2.ControlResponse(
                        lease_grant=bridge_pb2.LeaseGrant(heartbeat_number=request.heartbeat.number)
                    )
                else:
                    answer = bridge_service_pb2.ControlResponse(
                        heartbeat=bridge_pb2.ServerHeartbeat(number=request.heartbeat.number)
                    )
                stream.send(answer)
            await self._note(request)

    async def _note(self, request: Request) -> None:
        async with self._changed:
            self.said.append((time.monotonic(), request))
            self._changed.notify_all()

    def _note_metadata(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self.metadata.append({key: str(value) for key, value in context.invocation_metadata() or ()})
