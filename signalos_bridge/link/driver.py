"""Runs one machine over one gRPC stream: one reader, one writer, one clock."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

import structlog
from google.protobuf.message import DecodeError, Message
from grpclib.client import Stream
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError
from grpclib.stream import recv_message

from signalos_bridge.clock import Clock
from signalos_bridge.convert.numbers import Malformed
from signalos_bridge.domain.link_timing import Ending
from signalos_bridge.domain.session import Act, Ended, Frame
from signalos_bridge.link.channel import BridgeChannel, ending_of
from signalos_bridge.link.outbox import LOW_WATER_BYTES, Outbox, OutboxFull

log = structlog.get_logger(__name__)

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)

# A bound on sleeping, so that a wake-up that was missed costs no more than this.
_LONGEST_SLEEP_SECONDS = 1.0
# What waits together is written together: each write is encrypted and handed to the system by itself.
_WRITE_BYTES = 16 * 1024
# Of gRPC: whether it is compressed, and its length.
_MESSAGE_HEAD = struct.Struct(">?I")


class Machine(Protocol):
    """What the driver needs of a session's machine."""

    def opened(self, now: float) -> tuple[Act, ...]:
        """The connection stands."""
        ...

    def receive(self, frame: Frame, now: float) -> tuple[Act, ...]:
        """A frame arrived."""
        ...

    def tick(self, now: float) -> tuple[Act, ...]:
        """Time has passed."""
        ...

    def wake_at(self) -> float | None:
        """When time matters next."""
        ...

    def lost(self, words: str, ending: Ending = Ending.LOST) -> tuple[Act, ...]:
        """The connection is gone."""
        ...


class StreamDriver(Generic[RequestT, ResponseT]):
    """One stream's life, from the hello to its end."""

    def __init__(
        self,
        *,
        machine: Machine,
        outbox: Outbox[RequestT],
        clock: Clock,
        translate: Callable[[ResponseT], Iterable[Frame]],
        perform: Callable[[Act], None],
        feed: Callable[[], float | None],
    ) -> None:
        """`translate` returns the frames that came in one. `perform` does what the machine wants, without
        waiting. `feed` puts what waits elsewhere into the outbox, and returns when it wants to be called
        again at the latest."""
        self._machine = machine
        self._outbox = outbox
        self._clock = clock
        self._translate = translate
        self._perform = perform
        self._feed = feed
        # Makes one frame of several, once the other side is known to read that.
        self.combine: Callable[[Sequence[RequestT]], RequestT] | None = None
        self._wake = asyncio.Event()
        self._over = asyncio.Event()
        self._ended: Ended | None = None
        self._error: Exception | None = None
        self._alarm: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Say that something may wait to be sent."""
        self._wake.set()

    def end(self, ending: Ending, words: str) -> None:
        """End the stream for a reason that did not come by it."""
        self._act(self._machine.lost(words, ending))

    async def run(self, channel: BridgeChannel, open_stream: Stream[RequestT, ResponseT]) -> Ended:
        """Live until the stream is over, and abort its connection. Returns why."""
        try:
            async with open_stream as stream:
                # Headers only, into the socket's buffer: reader and writer both need them gone.
                await stream.send_request()
                self._act(self._machine.opened(self._clock.seconds()))
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(self._read(stream), name="reader"),
                        group.create_task(self._write(stream), name="writer"),
                        group.create_task(self._keep_time(), name="ticker"),
                    ]
                    await self._over.wait()
                    channel.abort()
                    for task in tasks:
                        task.cancel()
                if self._error is not None:
                    # Inside of `async with`, which turns it into the status that the server gave.
                    raise self._error
        except GRPCError as error:
            ending, words = ending_of(error)
            self._act(self._machine.lost(words, ending))
        except (StreamTerminatedError, ProtocolError, OSError) as error:
            self._act(self._machine.lost(f"connection lost: {error or type(error).__name__}"))
        finally:
            channel.abort()
        assert self._ended is not None
        return self._ended

    def _act(self, acts: Sequence[Act]) -> None:
        for act in acts:
            if isinstance(act, Ended):
                self._ended = act
                self._over.set()
            else:
                self._perform(act)

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self._over.set()

    async def _read(self, stream: Stream[RequestT, ResponseT]) -> None:
        try:
            while (response := await stream.recv_message()) is not None:
                self._take(response)
            # The server has ended the stream; this raises what status it gave.
            await stream.recv_trailing_metadata()
            self._act(self._machine.lost("the server ended the stream"))
        except StreamTerminatedError as error:
            with contextlib.suppress(Exception):
                await self._read_rest(stream)
            self._fail(error)
        except (GRPCError, ProtocolError, OSError) as error:
            self._fail(error)
        except (Malformed, DecodeError) as error:
            log.error("frame not understood", problem=str(error))
            self._act(self._machine.lost(f"a frame was not understood: {error}", Ending.MALFORMED))
        except OutboxFull as error:
            self._act(self._machine.lost(str(error)))

    async def _read_rest(self, stream: Stream[RequestT, ResponseT]) -> None:
        """Take frames that arrived together with the reset of their stream, such as why it was reset."""
        async with asyncio.timeout(0.1):
            while True:
                response = await recv_message(stream._stream, stream._codec, stream._recv_type)
                if response is None:
                    return
                self._take(response)

    def _take(self, response: ResponseT) -> None:
        now = self._clock.seconds()
        for frame in self._translate(response):
            self._act(self._machine.receive(frame, now))
        self._wake.set()

    async def _write(self, stream: Stream[RequestT, ResponseT]) -> None:
        try:
            while True:
                frame = await self._outbox.take()
                size = frame.ByteSize()
                was_full = self._outbox.waiting_bytes + size >= LOW_WATER_BYTES
                further = self._outbox.take_waiting(_WRITE_BYTES - size)
                if not further:
                    await stream.send_message(frame)
                elif self.combine is not None:
                    await stream.send_message(self.combine([frame, *further]))
                else:
                    await _send_together(stream, [frame, *further])
                if was_full and self._outbox.has_room:
                    self._wake.set()
        except (GRPCError, StreamTerminatedError, ProtocolError, OSError) as error:
            # The reader knows better why, if it is the server's doing; it gets the same news.
            await asyncio.sleep(0.2)
            self._fail(error)

    async def _keep_time(self) -> None:
        try:
            while True:
                # One turn of the loop more, so that what belongs together is fed together.
                await asyncio.sleep(0)
                self._wake.clear()
                self._act(self._machine.tick(self._clock.seconds()))
                again_at = self._feed()
                times = [time for time in (self._machine.wake_at(), again_at) if time is not None]
                pause = min(times, default=float("inf")) - self._clock.seconds()
                self._set_alarm(max(0.0, min(pause, _LONGEST_SLEEP_SECONDS)))
                await self._wake.wait()
        except OutboxFull as error:
            self._act(self._machine.lost(str(error)))
        finally:
            if self._alarm is not None:
                self._alarm.cancel()

    def _set_alarm(self, pause: float) -> None:
        """Wake up after `pause` seconds at the latest. An earlier alarm is left as it is: it costs less."""
        loop = asyncio.get_running_loop()
        at = loop.time() + pause
        if self._alarm is not None:
            if self._alarm.when() <= at:
                return
            self._alarm.cancel()
        self._alarm = loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._wake.set()


async def _send_together(stream: Stream[RequestT, ResponseT], messages: Sequence[RequestT]) -> None:
    """Send messages in one piece; the stream has sent its request already."""
    data = bytearray()
    for message in messages:
        encoded = message.SerializeToString()
        data += _MESSAGE_HEAD.pack(False, len(encoded)) + encoded
    with stream._wrapper:
        await stream._stream.send_data(bytes(data))
