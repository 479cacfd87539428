"""One WebSocket: what waits for it, when it is too slow, and when it is dead. Told the time."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from dataclasses import dataclass
from typing import Final

from web_gateway.doors import Caller
from web_gateway.live.frames import EventFrame, FrameWriter, merge_live
from web_gateway.live.phases import Phase, Step, advance
from web_gateway.live.protocol import Wire
from web_gateway.settings import Timings

CLOSE_NOT_AUTHENTICATED: Final = 4001
CLOSE_TOO_SLOW: Final = 4008
CLOSE_BAD_CREDENTIALS: Final = 4503
CLOSE_BAD_ORIGIN: Final = 4504

MAXIMUM_WAITING_FRAMES: Final = 2_000
MAXIMUM_WAITING_BYTES: Final = 1024 * 1024
# Lossless frames that a client which acknowledges may leave unacknowledged.
ACK_WINDOW: Final = 1_000

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a client wants to go on."""

    epoch: str
    after_seq: int


class Socket:
    """A socket's own state. Methods are called on the loop, one at a time."""

    __slots__ = (
        "_acknowledged",
        "_bytes_since_pong",
        "_drained",
        "_ephemeral",
        "_paused_since",
        "_ping_payload",
        "_pinged_at",
        "_quiet_since",
        "_timings",
        "_waiting",
        "_waiting_bytes",
        "_wire",
        "_writer",
        "authenticated_at",
        "caller",
        "connected_at",
        "cursor",
        "epoch",
        "number",
        "phase",
        "subscribed_early",
        "user_id",
        "wanted",
        "was_cut",
    )

    def __init__(self, wire: Wire, caller: Caller, writer: FrameWriter, timings: Timings, now: float) -> None:
        self._wire = wire
        self._writer = writer
        self._timings = timings
        self.caller = caller
        self.number = next(_numbers)
        self.user_id = ""
        self.phase = Phase.CONNECTED
        self.connected_at = now
        self.authenticated_at = now
        # The last lossless event that this socket was given, and the epoch that it belongs to; before the
        # first, no epoch.
        self.epoch = ""
        self.cursor = 0
        self.wanted: Cursor | None = None
        # It said from where it wants the stream before its token was checked.
        self.subscribed_early = False
        self.was_cut = False
        self._acknowledged: int | None = None
        # Made only while something waits: a quiet socket should cost little.
        self._waiting: deque[tuple[int | None, bytes]] | None = None
        self._waiting_bytes = 0
        self._ephemeral: dict[str, EventFrame | bytes] | None = None
        self._drained: asyncio.Event | None = None
        self._paused_since: float | None = None
        self._ping_payload: bytes | None = None
        self._pinged_at = now
        self._quiet_since = now
        self._bytes_since_pong = 0

    def step(self, step: Step) -> None:
        """Moves on in the table of phases."""
        self.phase = advance(self.phase, step)

    @property
    def open(self) -> bool:
        """It takes frames."""
        return self.phase is not Phase.CLOSED

    @property
    def waiting(self) -> int:
        """Frames that could not be sent yet."""
        return (len(self._waiting) if self._waiting else 0) + (len(self._ephemeral) if self._ephemeral else 0)

    def push(self, frame: bytes, now: float, seq: int | None = None) -> None:
        """Sends a frame that must not be lost, in order; `seq` marks it as lossless.

        A socket that lets too much wait is cut.
        """
        if not self.open:
            return
        if seq is not None:
            self.cursor = seq
        if not self._waiting and not self._wire.paused and not self._window_full(seq):
            self._write(frame)
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append((seq, frame))
        self._waiting_bytes += len(frame)
        if len(self._waiting) > MAXIMUM_WAITING_FRAMES or self._waiting_bytes > MAXIMUM_WAITING_BYTES:
            self.cut("more waits than a reader may leave unread")

    def rebase(self, epoch: str, seq: int) -> None:
        """A snapshot was given, or the client's own cursor taken over: lossless events go on after `seq`."""
        self.epoch = epoch
        self.cursor = seq
        if self._acknowledged is not None:
            self._acknowledged = seq

    def offer(self, frame: EventFrame, now: float) -> None:
        """Gives the socket an event of the live stream: lossless once and in order, else the newest."""
        if self.phase is not Phase.LIVE:
            return
        if frame.seq is not None:
            if frame.seq > self.cursor:
                self.push(frame.wire, now, frame.seq)
            return
        if not self._waiting and not self._wire.paused:
            self._write(frame.wire)
            return
        if self._ephemeral is None:
            self._ephemeral = {}
        key = f"{frame.type}:{frame.event.account_id}"
        older = self._ephemeral.get(key)
        if frame.type == "trade_update" and isinstance(older, EventFrame):
            merged = self._writer.event(merge_live(older.event, frame.event))
            frame = frame if merged is None else merged
        self._ephemeral[key] = frame

    def offer_heartbeat(self, frame: bytes) -> None:
        """Sends a heartbeat, or keeps it in place of an older one."""
        if self.phase not in (Phase.AUTHENTICATED, Phase.JOINING, Phase.LIVE):
            return
        if not self._waiting and not self._wire.paused:
            self._write(frame)
            return
        if self._ephemeral is None:
            self._ephemeral = {}
        self._ephemeral["heartbeat"] = frame

    def acknowledge(self, seq: int) -> None:
        """The client has everything up to `seq`; from now on that bounds what is in flight."""
        if self._acknowledged is None or seq > self._acknowledged:
            self._acknowledged = seq
        self._drain()

    def cut(self, reason: str) -> None:
        """Says 4008; the connection is aborted 2 s later if that does not get through."""
        self.was_cut = True
        self.close(CLOSE_TOO_SLOW, reason)

    def close(self, code: int, reason: str) -> None:
        """Ends the socket."""
        if self.open:
            self._wire.close_now(code, reason)
            self.ended()

    def ended(self) -> None:
        """The connection is gone."""
        self.phase = Phase.CLOSED
        self._waiting = None
        self._ephemeral = None
        self._waiting_bytes = 0
        if self._drained is not None:
            self._drained.set()

    def tick(self, now: float) -> None:
        """Looks at the clock; to be called about twice a second."""
        if not self.open:
            return
        timings = self._timings
        if self.phase in (Phase.CONNECTED, Phase.CHECKING):
            if now - self.connected_at >= timings.authenticate_seconds:
                self.close(CLOSE_NOT_AUTHENTICATED, "not authenticated in time")
            return
        if self._paused_since is None:
            self._paused_since = now if self._wire.paused else None
        elif now - self._paused_since >= timings.stalled_seconds:
            self.cut("the reader has stalled")
            return
        if self._ping_payload is not None:
            if now - self._pinged_at >= timings.pong_seconds:
                self.cut("no answer to a ping")
        elif (
            now - self._quiet_since >= timings.ping_seconds
            or self._bytes_since_pong >= timings.ping_after_bytes
        ):
            # Kernels buffer much for a reader that has stalled; what is unanswered shows it sooner.
            self._ping_payload = self.number.to_bytes(4, "big") + int(now * 1000).to_bytes(8, "big")
            self._pinged_at = now
            self._bytes_since_pong = 0
            self._wire.ping(self._ping_payload)

    def pong(self, payload: bytes, now: float) -> None:
        """The peer answered a ping."""
        if payload == self._ping_payload:
            self._ping_payload = None
            self._quiet_since = now

    def paused(self, now: float) -> None:
        """The send buffer is full."""
        self._paused_since = now

    def resumed(self) -> None:
        """The send buffer has room again."""
        self._paused_since = None
        self._drain()

    async def drained(self) -> None:
        """Waits until nothing lossless waits any more, or the socket has ended."""
        while self.open and (self._waiting or self._wire.paused):
            self._drained = asyncio.Event()
            await self._drained.wait()
        self._drained = None

    def _drain(self) -> None:
        while self._waiting and not self._wire.paused:
            seq, frame = self._waiting[0]
            if self._window_full(seq):
                return
            self._waiting.popleft()
            self._waiting_bytes -= len(frame)
            self._write(frame)
        if self._waiting or self._wire.paused:
            return
        self._waiting = None
        if self._ephemeral is not None:
            ephemeral, self._ephemeral = self._ephemeral, None
            for newest in ephemeral.values():
                self._write(newest if isinstance(newest, bytes) else newest.wire)
        if self._drained is not None:
            self._drained.set()

    def _window_full(self, seq: int | None) -> bool:
        return seq is not None and self._acknowledged is not None and seq - self._acknowledged > ACK_WINDOW

    def _write(self, frame: bytes) -> None:
        self._bytes_since_pong += len(frame)
        self._wire.write_frame(frame)
