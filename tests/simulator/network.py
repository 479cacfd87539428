"""Connections between bridge and server: ordered within a stream as TCP is, and broken in every way TCP is.

Latency, held frames, drops of the whole connection of which each side learns when it learns of it,
connections that are half open and say nothing to anyone, repeats of frames, and dials that fail.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import TYPE_CHECKING, Any

from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError

from signalos.v1 import bridge_service_pb2 as pb
from signalos_server.domain.caller import Caller
from signalos_server.domain.errors import Refusal
from signalos_server.rpc.call import Call, set_call
from tests.simulator.loop import PROCESS, Process

if TYPE_CHECKING:
    from tests.simulator.loop import VirtualLoop
    from tests.simulator.programs import Server

# Frames that may come twice, as they do when a side tells again what was not acknowledged in time.
REPEATABLE = frozenset(
    {"event", "outcome", "receipt", "command", "cancel_command", "event_ack", "outcome_ack", "stop",
     "stop_stage", "rearm", "lease_grant", "heartbeat"}
)  # fmt: skip


class Direction:
    """One way of a connection."""

    def __init__(self, network: Network, name: str) -> None:
        self._network = network
        self.name = name
        self._free_at = 0.0
        self.held_until = 0.0
        self.arrived: deque[Any] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self.dropped = False
        self.closed = False
        self.serial = 0

    def send(self, item: Any) -> None:
        """Put a frame on its way. Frames keep their order."""
        if self.dropped:
            return
        network = self._network
        now = network.loop.time()
        at = max(self._free_at, now + network.latency(), self.held_until)
        self._free_at = at
        network.at(at, self._arrive, item)
        if network.repeat and not isinstance(item, End) and network.random.random() < network.repeat:
            kind = item.WhichOneof("message")
            if kind in REPEATABLE:
                network.count("frame repeated")
                late = network.random.choice((0.0, 0.05, 0.5, 3.0) if kind == "stop" else (0.0, 0.05, 0.5))
                network.at(max(at, now + late), self._arrive, item)

    def _arrive(self, item: Any) -> None:
        if self.dropped:
            return
        if self.held_until > self._network.loop.time():
            # Held while it was under way.
            self._network.at(self.held_until, self._arrive, item)
            self._free_at = max(self._free_at, self.held_until)
            return
        if self.closed:
            return
        self.arrived.append(item)
        if isinstance(item, End):
            self.closed = True
        else:
            if self._network.note is not None:
                self._network.note(self, item)
            self._network.arrived(item)
        self._ring()

    def _ring(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def drop(self) -> None:
        """Lose what is under way and all that is sent from now on."""
        self.dropped = True

    def end(self, error: Exception | None) -> None:
        """Let the reader know at once that the connection is gone."""
        if not self.closed:
            self.closed = True
            self.arrived.append(End(error))
            self._ring()

    async def read(self) -> Any:
        """Return the next frame or end."""
        while not self.arrived:
            assert self._waiter is None
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self.arrived.popleft()


class End:
    """The end of a stream as its reader sees it."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error


class Pipe:
    """One connection with its one stream."""

    def __init__(self, network: Network, control: bool) -> None:
        self.network = network
        self.control = control
        name = "control" if control else "data"
        self.up = Direction(network, f"{name} up")
        self.down = Direction(network, f"{name} down")
        self.call: asyncio.Task[None] | None = None
        self.server: Server | None = None
        self.bridge_gone = False

    @property
    def open(self) -> bool:
        return not (self.up.closed and self.down.closed)

    def cut(self) -> None:
        """The connection breaks: what is under way is lost, and each side is told some time later."""
        random = self.network.random
        self.up.drop()
        self.down.drop()
        self.network.after(random.choice((0.0, 0.01, 0.2, 1.0)), self.bridge_learns)
        self.network.after(random.choice((0.0, 0.01, 0.2, 1.0)), self.server_learns)

    def half_open(self) -> None:
        """Nothing passes any more, and nobody is told."""
        self.up.drop()
        self.down.drop()

    def hold(self, seconds: float, *, up: bool, down: bool) -> None:
        """Keep frames back for a while; then all of them come at once."""
        until = self.network.loop.time() + seconds
        if up:
            self.up.held_until = max(self.up.held_until, until)
        if down:
            self.down.held_until = max(self.down.held_until, until)

    def bridge_learns(self) -> None:
        self.down.end(StreamTerminatedError("Connection lost"))

    def server_learns(self) -> None:
        self.up.end(None)
        if self.call is not None and not self.call.done():
            self.call.cancel()

    def abort(self) -> None:
        """The bridge closes its end; the server hears of it, unless nothing passes."""
        if self.bridge_gone:
            return
        self.bridge_gone = True
        self.down.drop()
        self.down.end(StreamTerminatedError("Connection lost"))
        if not self.up.dropped:
            # After what was sent before it.
            at = max(self.up._free_at, self.network.loop.time() + self.network.latency())
            self.network.at(at, self.server_learns)


class Network:
    """All connections."""

    def __init__(self, loop: VirtualLoop, random: Random, count: Callable[[str], None]) -> None:
        self.loop = loop
        self.random = random
        self.count = count
        self.pipes: list[Pipe] = []
        self.server: Server | None = None
        self.down = False
        self.repeat = 0.0
        self.slow = 0.0
        self._context = contextvars.copy_context()
        self.on_error: Callable[[str], None] = lambda _words: None
        self.arrived: Callable[[Any], None] = lambda _frame: None
        # Told of each frame that arrives, where a run is traced.
        self.note: Callable[[Direction, Any], None] | None = None
        # Told of each lease that reaches a bridge: whose it is, and from when it counts.
        self.on_lease: Callable[[Process | None, float], None] = lambda _process, _sent_at: None

    def latency(self) -> float:
        return self.random.choice((0.0005, 0.001, 0.003, 0.01)) + self.slow * self.random.random()

    def at(self, when: float, call: Callable[..., None], *args: Any) -> None:
        self.loop.call_at(when, call, *args, context=self._context)

    def after(self, seconds: float, call: Callable[..., None], *args: Any) -> None:
        self.at(self.loop.time() + seconds, call, *args)

    def newest(self, control: bool) -> Pipe | None:
        """Return the connection that was opened last, if it still stands."""
        for pipe in reversed(self.pipes):
            if pipe.control is control:
                return pipe if pipe.open else None
        return None

    def server_died(self, server: Server, silently: bool) -> None:
        """The kernel of its machine closes its connections, or the machine is gone without a word."""
        for pipe in self.pipes:
            if pipe.server is server and pipe.open:
                pipe.up.drop()
                pipe.up.closed = True
                pipe.down.drop()
                if not silently:
                    self.after(self.latency(), pipe.bridge_learns)

    def bridge_died(self, process: Process, silently: bool) -> None:
        for pipe in self.pipes:
            if pipe.open and not pipe.bridge_gone:
                pipe.bridge_gone = True
                pipe.down.drop()
                pipe.down.closed = True
                if silently:
                    pipe.up.drop()
                else:
                    at = max(pipe.up._free_at, self.loop.time() + self.latency())
                    self.at(at, pipe.server_learns)


class SimChannel:
    """What `BridgeChannel` is to the link."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.pipe: Pipe | None = None

    async def connect(self, timeout_seconds: float) -> None:
        network = self.network
        await asyncio.sleep(network.latency())
        if network.down:
            await asyncio.sleep(timeout_seconds * 0.2)
            raise TimeoutError
        if network.server is None or network.server.process.dead:
            raise ConnectionRefusedError("connection refused")
        self.server = network.server

    def abort(self) -> None:
        if self.pipe is not None:
            self.pipe.abort()


class SimStub:
    """What `BridgeServiceStub` is to the link."""

    def __init__(self, channel: SimChannel) -> None:
        self.Connect = _Method(channel, control=False)
        self.Control = _Method(channel, control=True)


class _Method:
    def __init__(self, channel: SimChannel, *, control: bool) -> None:
        self._channel = channel
        self._control = control

    def open(self, metadata: dict[str, str]) -> SimStream:
        return SimStream(self._channel, self._control, metadata)


class SimStream:
    """What a stream of grpclib is to the driver."""

    def __init__(self, channel: SimChannel, control: bool, metadata: dict[str, str]) -> None:
        self._channel = channel
        self._control = control
        self._metadata = metadata
        self._pipe: Pipe | None = None
        # A book of one's own: when each heartbeat was sent.
        self._beats: dict[int, float] = {}

    async def __aenter__(self) -> SimStream:
        return self

    async def __aexit__(self, *_: Any) -> None:
        return None

    async def send_request(self) -> None:
        network = self._channel.network
        server = self._channel.server
        pipe = Pipe(network, self._control)
        self._pipe = self._channel.pipe = pipe
        network.pipes.append(pipe)
        pipe.server = server
        if server.process.dead or network.down:
            network.after(network.latency(), pipe.bridge_learns)
            pipe.half_open()
            return
        pipe.call = network.loop.create_task(
            _serve(pipe, server, self._metadata, self._control), context=server.process.context.copy()
        )

    async def send_message(self, message: Any) -> None:
        assert self._pipe is not None
        if self._pipe.down.closed and self._pipe.bridge_gone:
            raise StreamTerminatedError("Connection lost")
        # Copied: the sender may write into it again.
        frame = type(message)()
        frame.ParseFromString(message.SerializeToString())
        if self._control and frame.WhichOneof("message") == "heartbeat":
            self._beats.setdefault(frame.heartbeat.number, self._pipe.network.loop.time())
        self._pipe.up.send(frame)

    async def recv_message(self) -> Any:
        assert self._pipe is not None
        item = await self._pipe.down.read()
        if isinstance(item, End):
            self._pipe.down.arrived.append(item)
            if item.error is not None:
                raise item.error
            return None
        if self._control and item.WhichOneof("message") == "lease_grant":
            sent_at = self._beats.get(item.lease_grant.heartbeat_number)
            if sent_at is not None:
                self._pipe.network.on_lease(PROCESS.get(), sent_at)
        return item

    async def recv_trailing_metadata(self) -> None:
        return None


async def send_together(stream: SimStream, messages: list[Any]) -> None:
    """What `_send_together` of the driver is."""
    for message in messages:
        await stream.send_message(message)


class _Context:
    def __init__(self, metadata: dict[str, str]) -> None:
        self._metadata = metadata

    def invocation_metadata(self) -> Any:
        return tuple(self._metadata.items())


async def _requests(pipe: Pipe) -> AsyncIterator[Any]:
    while True:
        item = await pipe.up.read()
        if isinstance(item, End):
            pipe.up.arrived.append(item)
            return
        yield item


async def _serve(pipe: Pipe, server: Server, metadata: dict[str, str], control: bool) -> None:
    """The server's side of one call, as the gRPC server runs it."""
    caller: Caller | None = None
    bearer = metadata["authorization"].removeprefix("Bearer ")
    set_call(Call("bridge", "0", "10.0.0.5", "", False, bearer, caller))
    method = server.servicer.Control if control else server.servicer.Connect
    try:
        responses = method(_requests(pipe), _Context(metadata))  # type: ignore[arg-type]
        async for message in responses:
            frame: Any = pb.ControlResponse() if control else pb.ConnectResponse()
            frame.ParseFromString(message.SerializeToString())
            pipe.down.send(frame)
        pipe.down.send(End(None))
    except Refusal as error:
        pipe.down.send(End(GRPCError(Status[error.status.value], error.message)))
    except asyncio.CancelledError:
        pipe.down.send(End(StreamTerminatedError("the call was cancelled")))
        raise
    except Exception as error:  # noqa: BLE001 (as the gRPC server does, and the world is told)
        pipe.network.on_error(f"a call of the bridge failed: {error!r}")
        pipe.down.send(End(GRPCError(Status.UNKNOWN, repr(error))))
