"""Users' streams of events: a snapshot or the rest since a cursor, then everything after it.

Each stream that somebody reads has one tail here: one read of the database for each wake serves all of its
readers. A reader is a cursor, not a queue, so that a slow one costs nothing; prices and profits are kept
latest-only for each reader. Wake-ups may be lost: the tails are compared with the database every second.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from signalos_server.domain.caller import Caller
from signalos_server.domain.errors import StorageUnavailable, TooManyStreams
from signalos_server.service.live import Ages, LiveMoney, LiveTrade
from signalos_server.service.ports import Bus, Clock
from signalos_server.service.stream_ports import EventEncoder, Snapshots, StreamHead, Streams

log = structlog.get_logger(__name__)

_BATCH = 500


@dataclass(frozen=True, slots=True)
class HubSettings:
    """How often, how long and how much."""

    poll_seconds: float = 1.0
    heartbeat_seconds: float = 5.0
    live_seconds: float = 0.25
    # A caller whose token is revoked reads no longer than this.
    check_seconds: float = 2.0
    streams_of_user: int = 64
    tail_events: int = 2_000
    tail_bytes: int = 8 << 20
    keep_events: int = 100_000
    keep_age: timedelta = timedelta(days=14)
    retention_seconds: float = 300.0


@dataclass(slots=True)
class _Numbers:
    """Prices and money of one account that a reader has not been sent yet; the latest of each."""

    trades: dict[str, LiveTrade]
    money: LiveMoney | None
    # Encoded once for all readers that keep up; dropped once more was merged in.
    shared: list[bytes] | None


@dataclass(slots=True, eq=False)
class _Reader:
    """One subscriber."""

    caller: Caller
    wants_numbers: bool
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    numbers: dict[str, _Numbers] = field(default_factory=dict)


@dataclass(slots=True)
class _Tail:
    """The newest events of a stream that somebody reads."""

    head: StreamHead
    readers: set[_Reader] = field(default_factory=set)
    # Without a hole, up to `head.seq`; ready for the wire.
    events: deque[tuple[int, bytes]] = field(default_factory=deque)
    size: int = 0
    refreshing: asyncio.Task[None] | None = None
    stale: bool = False


class EventHub:
    """Serves every subscriber of this node."""

    def __init__(
        self,
        streams: Streams,
        snapshots: Snapshots,
        encoder: EventEncoder,
        bus: Bus,
        clock: Clock,
        ages: Callable[[str], Ages],
        settings: HubSettings,
    ) -> None:
        self._streams = streams
        self._snapshots = snapshots
        self._encoder = encoder
        self._clock = clock
        self._ages = ages
        self._settings = settings
        self._tails: dict[str, _Tail] = {}
        self._owners: dict[str, str] = {}
        self._changed: dict[str, _Numbers] = {}
        self._closing = asyncio.Event()
        self._subscription = bus.subscribe("stream.>", self._woken)

    # What others tell.

    def numbers(self, account_id: str, trades: Sequence[LiveTrade], money: LiveMoney | None) -> None:
        """Take prices, profits and money; they are passed on a few times a second, latest only."""
        changed = self._changed.get(account_id)
        if changed is None:
            changed = self._changed[account_id] = _Numbers({}, None, None)
        changed.trades.update((trade.trade_id, trade) for trade in trades)
        changed.money = money or changed.money

    def _woken(self, subject: str, _payload: bytes) -> None:
        tail = self._tails.get(subject.partition(".")[2])
        if tail is not None:
            self._refresh(subject.partition(".")[2], tail)

    # Background work.

    async def run(self) -> None:
        """Compare the tails with the database, pass numbers on, and forget old events, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._poll())
            group.create_task(self._pass_numbers())
            group.create_task(self._retain())

    def stop(self) -> None:
        """End every subscriber's stream; none is taken any more."""
        self._closing.set()
        self._subscription.close()
        for tail in self._tails.values():
            for reader in tail.readers:
                reader.ready.set()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._settings.poll_seconds)
            try:
                self._owners = await self._streams.account_owners()
                heads = await self._streams.heads(list(self._tails))
            except StorageUnavailable as error:
                log.warning("streams cannot be polled", reason=str(error))
                continue
            for user_id, head in heads.items():
                tail = self._tails.get(user_id)
                if tail is not None and (head.epoch, head.seq) != (tail.head.epoch, tail.head.seq):
                    self._refresh(user_id, tail)

    async def _pass_numbers(self) -> None:
        while True:
            await asyncio.sleep(self._settings.live_seconds)
            changed, self._changed = self._changed, {}
            for account_id, numbers in changed.items():
                readers = [reader for reader in self._all_readers() if self._sees(reader, account_id)]
                if readers:
                    numbers.shared = self._encode(account_id, numbers)
                for reader in readers:
                    _merge(reader.numbers, account_id, numbers)
                    reader.ready.set()

    async def _retain(self) -> None:
        while True:
            try:
                before = self._clock.now() - self._settings.keep_age
                forgotten = await self._streams.forget(self._settings.keep_events, before)
                if forgotten:
                    log.info("old events were forgotten", events=forgotten)
            except StorageUnavailable as error:
                log.warning("old events cannot be forgotten", reason=str(error))
            await asyncio.sleep(self._settings.retention_seconds)

    # Subscribers.

    async def subscribe(
        self,
        caller: Caller,
        epoch: str,
        after_seq: int,
        *,
        lossless_only: bool,
        still_allowed: Callable[[], Awaitable[object]],
    ) -> AsyncGenerator[bytes]:
        """Yield serialised events: a snapshot or what came after the cursor, then everything after it.

        `still_allowed` is asked every few seconds and raises once the caller's token is revoked. Ends when
        the hub is stopped. Raises `TooManyStreams` and `StorageUnavailable`.
        """
        reader = _Reader(caller, wants_numbers=not lossless_only)
        tail = await self._join(caller.user_id, reader)
        try:
            async for wire in self._serve(tail, reader, epoch, after_seq, still_allowed):
                yield wire
        finally:
            tail.readers.discard(reader)
            if not tail.readers and self._tails.get(caller.user_id) is tail:
                del self._tails[caller.user_id]
                if tail.refreshing is not None:
                    tail.refreshing.cancel()

    async def _join(self, user_id: str, reader: _Reader) -> _Tail:
        # Not what the tail remembers: a cursor is judged by where the stream stands now.
        head = (await self._streams.heads([user_id])).get(user_id) or StreamHead("", 0, 0)
        tail = self._tails.get(user_id)
        if tail is None:
            tail = self._tails[user_id] = _Tail(head)
        if len(tail.readers) >= self._settings.streams_of_user:
            raise TooManyStreams(self._settings.streams_of_user)
        tail.readers.add(reader)
        if (tail.head.epoch, tail.head.seq) != (head.epoch, head.seq):
            self._refresh(user_id, tail)
        return tail

    async def _serve(
        self,
        tail: _Tail,
        reader: _Reader,
        epoch: str,
        after_seq: int,
        still_allowed: Callable[[], Awaitable[object]],
    ) -> AsyncGenerator[bytes]:
        user_id = reader.caller.user_id
        cursor, missing = after_seq, ""
        if not epoch:
            missing = "start"
        else:
            first = await self._streams.after(user_id, after_seq, 1)
            missing = _unservable(first.head, epoch, after_seq)
        checked = beat = self._clock.monotonic()
        while not self._closing.is_set():
            reader.ready.clear()
            if not missing and tail.head.epoch and tail.head.epoch != epoch:
                missing = "epoch"
            if missing:
                if missing != "start":
                    yield self._encoder.gap(cursor, epoch, missing, self._clock.now())
                taken = await self._snapshots.take(user_id, sees_all=reader.caller.sees_all)
                cursor, epoch, missing = taken.head.seq, taken.head.epoch, ""
                yield taken.wire
                await self._caught_up(user_id, tail, epoch)
            while tail.head.epoch == epoch and cursor < tail.head.seq and not missing:
                events = self._from_tail(tail, cursor)
                if events is None:
                    batch = await self._streams.after(user_id, cursor, _BATCH)
                    missing = _unservable(batch.head, epoch, cursor)
                    events = [
                        (event.seq, self._encoder.numbered(event.payload, event.seq, epoch))
                        for event in batch.events
                    ]
                    if not missing and (not events or events[0][0] != cursor + 1):
                        missing = "retention"
                if missing:
                    break
                for seq, wire in events:
                    yield wire
                    cursor = seq
            if missing:
                continue
            for account_id in list(reader.numbers):
                numbers = reader.numbers.pop(account_id)
                for wire in numbers.shared or self._encode(account_id, numbers):
                    yield wire
            now = self._clock.monotonic()
            if now - checked >= self._settings.check_seconds:
                await still_allowed()
                checked = now
            if now - beat >= self._settings.heartbeat_seconds:
                beat = now
                yield self._heartbeat(reader, cursor, epoch)
            rest = min(
                self._settings.check_seconds - (self._clock.monotonic() - checked),
                self._settings.heartbeat_seconds - (self._clock.monotonic() - beat),
            )
            with suppress(TimeoutError):
                async with asyncio.timeout(max(rest, 0.01)):
                    await reader.ready.wait()

    async def _caught_up(self, user_id: str, tail: _Tail, epoch: str) -> None:
        """Have the tail of a stream whose epoch is new read on from there, before its head is trusted."""
        if tail.head.epoch != epoch:
            self._refresh(user_id, tail)
            if tail.refreshing is not None:
                await asyncio.shield(tail.refreshing)

    def _from_tail(self, tail: _Tail, cursor: int) -> list[tuple[int, bytes]] | None:
        """Return the events after `cursor` from memory, or None where they begin later there."""
        if not tail.events or tail.events[0][0] > cursor + 1:
            return None
        newest = tail.events[-1][0]
        count = min(newest - cursor, _BATCH)
        start = len(tail.events) - (newest - cursor)
        return [tail.events[position] for position in range(start, start + count)]

    def _heartbeat(self, reader: _Reader, seq: int, epoch: str) -> bytes:
        accounts = sorted(account for account in self._owners if self._owner_sees(reader, account))
        return self._encoder.heartbeat(
            seq, epoch, [self._ages(account) for account in accounts], self._clock.now()
        )

    def _all_readers(self) -> list[_Reader]:
        return [reader for tail in self._tails.values() for reader in tail.readers]

    def _sees(self, reader: _Reader, account_id: str) -> bool:
        return reader.wants_numbers and self._owner_sees(reader, account_id)

    def _owner_sees(self, reader: _Reader, account_id: str) -> bool:
        return reader.caller.sees_all or self._owners.get(account_id) == reader.caller.user_id

    def _encode(self, account_id: str, numbers: _Numbers) -> list[bytes]:
        trades = list(numbers.trades.values())
        return self._encoder.numbers(account_id, trades, numbers.money, self._clock.now())

    # Tails.

    def _refresh(self, user_id: str, tail: _Tail) -> None:
        """Read what is new, once at a time; a wake that comes meanwhile reads again."""
        tail.stale = True
        if tail.refreshing is None:
            tail.refreshing = asyncio.create_task(self._read_new(user_id, tail))

    async def _read_new(self, user_id: str, tail: _Tail) -> None:
        try:
            while tail.stale:
                tail.stale = False
                batch = await self._streams.after(user_id, tail.head.seq, _BATCH)
                if batch.head.epoch != tail.head.epoch or batch.head.seq < tail.head.seq:
                    tail.events.clear()
                    tail.size = 0
                    tail.head = batch.head
                elif batch.events:
                    if batch.events[0].seq != tail.head.seq + 1:
                        # Retention overtook this tail: what it holds does not join on to what came.
                        tail.events.clear()
                        tail.size = 0
                    for event in batch.events:
                        wire = self._encoder.numbered(event.payload, event.seq, batch.head.epoch)
                        tail.events.append((event.seq, wire))
                        tail.size += len(wire)
                    last = batch.events[-1].seq
                    tail.head = StreamHead(batch.head.epoch, last, batch.head.forgotten_seq)
                    tail.stale = tail.stale or last < batch.head.seq
                    self._trim(tail)
                for reader in tail.readers:
                    reader.ready.set()
        except StorageUnavailable as error:
            log.warning("a stream cannot be read; the next poll tries again", reason=str(error))
        finally:
            tail.refreshing = None

    def _trim(self, tail: _Tail) -> None:
        while len(tail.events) > self._settings.tail_events or tail.size > self._settings.tail_bytes:
            tail.size -= len(tail.events.popleft()[1])


def _unservable(head: StreamHead, epoch: str, after_seq: int) -> str:
    """Return why a cursor cannot be served; empty: it can."""
    if head.epoch != epoch:
        return "epoch"
    if after_seq > head.seq:
        return "cursor"
    if after_seq < head.forgotten_seq:
        return "retention"
    return ""


def _merge(pending: dict[str, _Numbers], account_id: str, numbers: _Numbers) -> None:
    before = pending.get(account_id)
    if before is None:
        pending[account_id] = _Numbers(numbers.trades, numbers.money, numbers.shared)
    else:
        trades = {**before.trades, **numbers.trades}
        pending[account_id] = _Numbers(trades, numbers.money or before.money, None)
