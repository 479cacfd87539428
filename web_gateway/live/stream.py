"""The live stream of one user: one subscription at the server, and that user's sockets behind it.

A socket joins in this order: it is given a snapshot (or what it missed since its cursor), then what
happened meanwhile, and becomes live in the same step of the loop in which it has everything. So nothing is
lost between the two and nothing comes twice.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

import grpc
import structlog

from signalos.v1.event_pb2 import Event, StreamHeartbeat
from signalos.v1.event_service_pb2 import (
    GetSnapshotRequest,
    GetSnapshotResponse,
    ListEventsRequest,
    ListEventsResponse,
    SubscribeRequest,
)
from web_gateway.doors import Caller
from web_gateway.live.frames import EventFrame, FrameWriter
from web_gateway.live.phases import Phase, Step
from web_gateway.live.protocol import loop_time
from web_gateway.live.socket import Cursor, Socket
from web_gateway.metrics import Metrics
from web_gateway.settings import Timings
from web_gateway.upstream import Upstream

_log = structlog.get_logger(__name__)

_RECENT_FRAMES: Final = 512
_PAGE_SIZE: Final = 200
_SNAPSHOT_AGE_SECONDS: Final = 1.0
_FIRST_DELAY_SECONDS: Final = 0.25
_LONGEST_DELAY_SECONDS: Final = 5.0
_REFUSING_CODES: Final = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


class UserStream:
    """Runs as one task; `join` runs as a task for each socket that joins."""

    def __init__(
        self,
        user_id: str,
        upstream: Upstream,
        writer: FrameWriter,
        timings: Timings,
        metrics: Metrics,
        on_refused: Callable[[], None],
    ) -> None:
        self.user_id = user_id
        self.sockets: set[Socket] = set()
        self.empty_since: float | None = None
        self._upstream = upstream
        self._writer = writer
        self._timings = timings
        self._metrics = metrics
        self._on_refused = on_refused
        self._epoch = ""
        self._seq = 0
        # Raised whenever the stream loses its place, so that those who join begin again.
        self._resets = 0
        self._placed = asyncio.Event()
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=_RECENT_FRAMES)
        self._snapshot: tuple[float, str, int, bytes] | None = None
        self._snapshot_task: asyncio.Task[tuple[float, str, int, bytes]] | None = None
        self._connected = False
        self._heard_at = loop_time()
        self._heartbeat = StreamHeartbeat()
        self._heartbeat_heard_at = self._heard_at
        self._heartbeat_sent_at = self._heard_at

    async def run(self) -> None:
        """Keeps the subscription for as long as there are sockets; ends only when it is cancelled."""
        delay = _FIRST_DELAY_SECONDS
        while True:
            caller = self._caller()
            if caller is None:
                # The last socket has gone; the hub ends this stream soon unless another one comes.
                await asyncio.sleep(_FIRST_DELAY_SECONDS)
                continue
            heard_before = self._heard_at
            try:
                await self._follow(caller)
            except grpc.aio.AioRpcError as error:
                code = error.code()
                _log.warning("stream broken", user_id=self.user_id, code=code.name, detail=error.details())
                if code in _REFUSING_CODES:
                    self._on_refused()
            except TimeoutError:
                _log.warning("stream silent", user_id=self.user_id)
            self._lost()
            if self._heard_at > heard_before:
                delay = _FIRST_DELAY_SECONDS
            await asyncio.sleep(random.uniform(0, delay))  # noqa: S311  (spreads load, guards nothing)
            delay = min(_LONGEST_DELAY_SECONDS, delay * 2)

    async def join(self, socket: Socket) -> None:
        """Brings a socket that is JOINING up to the live stream."""
        delay = _FIRST_DELAY_SECONDS
        while socket.phase is Phase.JOINING:
            try:
                await self._placed.wait()
                if await self._bring_up(socket):
                    return
                # The stream lost its place meanwhile: again, from what the socket has by now.
                if socket.epoch:
                    socket.wanted = Cursor(socket.epoch, socket.cursor)
            except grpc.aio.AioRpcError as error:
                if error.code() in _REFUSING_CODES:
                    self._on_refused()
                await asyncio.sleep(random.uniform(0, delay))  # noqa: S311  (spreads load, guards nothing)
                delay = min(_LONGEST_DELAY_SECONDS, delay * 2)

    def tick(self, now: float) -> None:
        """About twice a second: says how things are where the server does not."""
        if now - self._heartbeat_sent_at < self._timings.heartbeat_seconds + 0.5:
            return
        self._beat(now)

    async def _follow(self, caller: Caller) -> None:
        request = SubscribeRequest(epoch=self._epoch, after_seq=self._seq)
        async with aclosing(self._upstream.subscribe(request, caller)) as responses:
            iterator = responses.__aiter__()
            while True:
                async with asyncio.timeout(self._timings.upstream_silence_seconds):
                    try:
                        response = await iterator.__anext__()
                    except StopAsyncIteration:
                        return
                self._heard_at = loop_time()
                self._connected = True
                if not self._take(response.event):
                    return

    def _take(self, event: Event) -> bool:
        """Passes one event on. False: the stream is not what it should be, and has to be opened again."""
        kind = event.WhichOneof("data")
        if kind == "snapshot":
            self._replaced(event)
            return True
        if kind == "gap":
            self._misplaced(event)
            return True
        if kind == "heartbeat":
            self._heartbeat = event.heartbeat
            self._heartbeat_heard_at = self._heard_at
            self._beat(self._heard_at)
            return True
        frame = self._writer.event(event)
        if frame is None:
            _log.warning("event of an unknown kind", event_id=event.event_id)
            if event.HasField("seq"):
                # Its place in the order is known, its content is not: those who read on take a snapshot.
                return self._skip(event)
            return True
        if frame.seq is not None:
            if frame.seq <= self._seq:
                return True
            if frame.seq != self._seq + 1:
                _log.error("hole in the stream", user_id=self.user_id, seq=frame.seq, after=self._seq)
                return False
            self._seq = frame.seq
            self._recent.append((frame.seq, frame.wire))
        self._deliver(frame)
        return True

    def _deliver(self, frame: EventFrame) -> None:
        now = self._heard_at
        for socket in self.sockets:
            socket.offer(frame, now)
        self._metrics.frames.inc(len(self.sockets))

    def _skip(self, event: Event) -> bool:
        self._seq = max(self._seq, event.seq)
        self._recent.clear()
        return True

    def _misplaced(self, event: Event) -> None:
        """Events are missing: whoever is live is told; the snapshot that follows makes it whole."""
        self._placed.clear()
        self._resets += 1
        frame = self._writer.event(event)
        assert frame is not None
        for socket in self.sockets:
            if socket.phase is Phase.LIVE:
                socket.push(frame.wire, self._heard_at)

    def _replaced(self, event: Event) -> None:
        frame = self._writer.event(event)
        assert frame is not None
        before = Cursor(self._epoch, self._seq)
        was_placed = self._placed.is_set()
        if was_placed:
            self._resets += 1
        self._epoch = event.snapshot.epoch
        self._seq = event.snapshot.seq
        self._recent.clear()
        self._snapshot = (self._heard_at, self._epoch, self._seq, frame.wire)
        self._placed.set()
        for socket in self.sockets:
            if socket.phase is Phase.LIVE:
                if was_placed:
                    socket.push(
                        self._writer.gap(before.after_seq, before.epoch, "resynchronised"), self._heard_at
                    )
                socket.push(frame.wire, self._heard_at)
                socket.rebase(self._epoch, self._seq)

    def _lost(self) -> None:
        if not self._connected:
            return
        self._connected = False
        now = loop_time()
        error = self._writer.error(
            "SERVER_AWAY", "the server's stream broke; what is shown grows old until it is back"
        )
        for socket in self.sockets:
            if socket.phase is Phase.LIVE:
                socket.push(error, now)
        self._beat(now)

    def _beat(self, now: float) -> None:
        self._heartbeat_sent_at = now
        frame = self._writer.heartbeat(
            self._heartbeat,
            server_connected=self._connected,
            server_age_seconds=now - self._heard_at,
            added_age=now - self._heartbeat_heard_at,
        )
        for socket in self.sockets:
            socket.offer_heartbeat(frame)

    async def _bring_up(self, socket: Socket) -> bool:
        """False if the stream lost its place meanwhile."""
        resets = self._resets
        wanted = socket.wanted
        resumable = wanted is not None and wanted.epoch == self._epoch and wanted.after_seq <= self._seq
        if wanted is not None and resumable:
            socket.rebase(wanted.epoch, wanted.after_seq)
        else:
            if wanted is not None:
                reason = "epoch" if wanted.epoch != self._epoch else "cursor"
                socket.push(self._writer.gap(wanted.after_seq, wanted.epoch, reason), loop_time())
                socket.wanted = None
            if not await self._give_snapshot(socket):
                return False
        while True:
            if resets != self._resets or not self._placed.is_set():
                return False
            if not socket.open:
                return True
            if socket.cursor >= self._seq:
                # In one step with the comparison: what comes next goes to a live socket.
                socket.step(Step.CAUGHT_UP)
                socket.wanted = None
                return True
            if not self._push_recent(socket):
                page = await self._page(socket)
                if resets != self._resets or page.epoch != self._epoch:
                    return False
                if page.gap or not page.events:
                    gap = self._writer.gap(socket.cursor, self._epoch, "retention")
                    socket.push(gap, loop_time())
                    if not await self._give_snapshot(socket):
                        return False
                else:
                    self._push_page(socket, page)
            await socket.drained()

    def _push_recent(self, socket: Socket) -> bool:
        """Gives what is still in memory; False if that does not reach back far enough."""
        if not self._recent or self._recent[0][0] > socket.cursor + 1:
            return False
        now = loop_time()
        for seq, wire in list(self._recent):
            if seq > socket.cursor:
                socket.push(wire, now, seq)
        return True

    def _push_page(self, socket: Socket, page: ListEventsResponse) -> None:
        now = loop_time()
        for event in page.events:
            if event.seq != socket.cursor + 1:
                continue
            frame = self._writer.event(event)
            if frame is None:
                socket.cursor = event.seq
            else:
                socket.push(frame.wire, now, event.seq)

    async def _page(self, socket: Socket) -> ListEventsResponse:
        request = ListEventsRequest(epoch=self._epoch, after_seq=socket.cursor, page_size=_PAGE_SIZE)
        return await self._upstream.call(
            "/signalos.v1.EventService/ListEvents",
            request,
            ListEventsResponse,
            socket.caller,
            seconds=self._timings.call_seconds,
        )

    async def _give_snapshot(self, socket: Socket) -> bool:
        """Sends a snapshot that is at most a second old; those who join together share one.

        False: it is of another epoch than the stream, which has not noticed yet.
        """
        kept = self._snapshot
        if kept is None or loop_time() - kept[0] > _SNAPSHOT_AGE_SECONDS or kept[1] != self._epoch:
            task = self._snapshot_task
            if task is None or task.done():
                task = asyncio.create_task(self._read_snapshot(socket.caller))
                self._snapshot_task = task
            kept = await asyncio.shield(task)
            if kept[1] != self._epoch:
                await asyncio.sleep(_FIRST_DELAY_SECONDS)
                return False
            self._snapshot = kept
        _, epoch, seq, wire = kept
        socket.push(wire, loop_time())
        socket.rebase(epoch, seq)
        return True

    async def _read_snapshot(self, caller: Caller) -> tuple[float, str, int, bytes]:
        began = loop_time()
        response = await self._upstream.call(
            "/signalos.v1.EventService/GetSnapshot",
            GetSnapshotRequest(),
            GetSnapshotResponse,
            caller,
            seconds=self._timings.call_seconds,
        )
        snapshot = response.snapshot
        return began, snapshot.epoch, snapshot.seq, self._writer.snapshot(snapshot)

    def _caller(self) -> Caller | None:
        """Whose token the subscription goes by: the socket's that was authenticated last."""
        candidates = [socket for socket in self.sockets if socket.open]
        if not candidates:
            return None
        return max(candidates, key=lambda socket: socket.authenticated_at).caller
