"""What waits to be written to one stream of a bridge: bounded in bytes, conflated where the latest counts.

The servicer's generator is the one writer. A stream that does not take its frames is ended by cancelling its
call, never by cancelling a write.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from signalos.v1 import bridge_service_pb2
from signalos_server.domain.errors import NotAuthenticated, Refusal, WrongState
from signalos_server.domain.frames import (
    AlertAck,
    Delivery,
    Desired,
    EventAck,
    HeartbeatAnswer,
    LeaseGrant,
    OutcomeAck,
    Welcome,
)
from signalos_server.rpc.convert import duration

F = TypeVar("F")

# Of these only the latest counts; it takes the place of the one that still waits.
_CONFLATED = (EventAck, HeartbeatAnswer, LeaseGrant, Desired)
_GRACE_SECONDS = 2.0
# Nothing waits for these at once: they go with the next frame that does, or by themselves soon.
_PATIENT = (EventAck, OutcomeAck, AlertAck)
_PATIENCE_SECONDS = 0.03
# What waits together goes in one message, up to this.
_BATCH_BYTES = 32 << 10


M = TypeVar("M", bridge_service_pb2.ConnectResponse, bridge_service_pb2.ControlResponse)


@dataclass(slots=True)
class _Waiting(Generic[F, M]):
    """A frame that waits."""

    frame: F
    message: M
    size: int


class StreamWriter(Generic[F, M]):
    """The queue of one stream, and its end."""

    def __init__(
        self,
        encode: Callable[[F, int], M],
        nanoseconds: Callable[[], int],
        *,
        maximum_bytes: int,
        combine: Callable[[Sequence[M]], M] | None = None,
    ) -> None:
        """`combine` makes one message of several, None where the other side reads only single ones."""
        self._encode: Callable[[F, int], M] = encode
        self._nanoseconds = nanoseconds
        self._maximum_bytes = maximum_bytes
        self._combine: Callable[[Sequence[M]], M] | None = combine
        self._patience: asyncio.TimerHandle | None = None
        self._queue: deque[_Waiting[F, M]] = deque()
        self._conflated: dict[type[object], _Waiting[F, M]] = {}
        self._bytes = 0
        self._wake = asyncio.Event()
        self._ended: Refusal | None = None
        self._closed = False
        # The call that this stream is; cancelled where it does not take its frames.
        self._call = asyncio.current_task()

    def write(self, frame: F) -> None:
        """Queue a frame; a queue that is full ends the stream."""
        if self._ended is not None or self._closed:
            return
        message = self._encode(frame, self._nanoseconds())
        waiting = _Waiting(frame, message, message.ByteSize())
        kind = type(frame)
        before = self._conflated.get(kind) if isinstance(frame, _CONFLATED) else None
        if before is not None:
            self._bytes += waiting.size - before.size
            before.frame, before.message, before.size = waiting.frame, waiting.message, waiting.size
            return
        if isinstance(frame, _CONFLATED):
            self._conflated[kind] = waiting
        self._queue.append(waiting)
        self._bytes += waiting.size
        if self._bytes > self._maximum_bytes:
            self.end("WRONG_STATE", f"{self._bytes} bytes wait for a bridge that does not read")
            return
        if not isinstance(frame, _PATIENT):
            self._wake.set()
        elif self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._lose_patience)

    def _lose_patience(self) -> None:
        self._patience = None
        self._wake.set()

    def end(self, reason: str, message: str) -> None:
        """Close the stream with an error once what is queued is out, by force after a moment."""
        if self._ended is not None or self._closed:
            return
        if reason == "NOT_AUTHENTICATED":
            self._ended = NotAuthenticated(message)
        else:
            self._ended = WrongState("session", "", "ended", message)
        self._wake.set()
        asyncio.get_running_loop().call_later(_GRACE_SECONDS, self._force)

    def close(self) -> None:
        """Close the stream without an error: the bridge has closed its side."""
        self._closed = True
        self._wake.set()

    def finished(self) -> None:
        """The call is over; nothing is left to force."""
        self._call = None
        self._closed = True
        if self._patience is not None:
            self._patience.cancel()

    def _force(self) -> None:
        if self._call is not None:
            self._call.cancel()

    async def messages(self) -> AsyncIterator[M]:
        """Yield frames as the stream takes them. Raises the refusal that ends it."""
        while True:
            while self._queue:
                taken = [self._stamped(waiting) for waiting in self._together()]
                yield taken[0] if self._combine is None or len(taken) == 1 else self._combine(taken)
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None
            if self._ended is not None:
                raise self._ended
            if self._closed:
                return
            self._wake.clear()
            await self._wake.wait()

    def _next(self) -> _Waiting[F, M]:
        waiting = self._queue.popleft()
        self._bytes -= waiting.size
        kind = type(waiting.frame)
        if self._conflated.get(kind) is waiting:
            del self._conflated[kind]
        return waiting

    def _together(self) -> list[_Waiting[F, M]]:
        """Return the first frame and what waits behind it, as far as it goes in one message."""
        taken = [self._next()]
        # What the other side reads is only known with the welcome, so that it goes alone.
        if self._combine is None or isinstance(taken[0].frame, Welcome):
            return taken
        size = taken[0].size
        while self._queue and size + self._queue[0].size <= _BATCH_BYTES:
            taken.append(self._next())
            size += taken[-1].size
        return taken

    def _stamped(self, waiting: _Waiting[F, M]) -> M:
        """Return the message with the time at which it is handed to the stream."""
        message = waiting.message
        now = self._nanoseconds()
        message.sent_nanoseconds = now
        if isinstance(waiting.frame, Delivery):
            assert isinstance(message, bridge_service_pb2.ConnectResponse)
            left = waiting.frame.expires_at - now / 1e9
            message.command.time_left.CopyFrom(duration(left))
        return message
