"""Users' streams in the database: read, snapshot, forget."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from signalos.v1 import event_pb2
from signalos_server.adapters.clock import Clock
from signalos_server.adapters.storage.database import Database
from signalos_server.adapters.storage.tables.accounts import AccountRow
from signalos_server.adapters.storage.tables.events import EventRow, StreamRow
from signalos_server.service.stream_ports import Batch, StoredEvent, StreamHead, TakenSnapshot

_FORGET_AT_ONCE = 5_000


class SqlStreams:
    """The streams of `service.stream_ports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def heads(self, user_ids: Collection[str]) -> dict[str, StreamHead]:
        """Return where the streams stand."""
        if not user_ids:
            return {}

        def unit(session: Session) -> dict[str, StreamHead]:
            rows = session.execute(
                select(StreamRow.user_id, StreamRow.epoch, StreamRow.seq, StreamRow.forgotten_seq).where(
                    StreamRow.user_id.in_(user_ids)
                )
            )
            return {user_id: StreamHead(epoch, seq, gone) for user_id, epoch, seq, gone in rows}

        return await self._database.read(unit)

    async def after(self, user_id: str, after_seq: int, limit: int) -> Batch:
        """Return events after a cursor, and the head as of the same moment."""

        def unit(session: Session) -> Batch:
            head = stream_head(session, user_id)
            rows = session.execute(
                select(EventRow.seq, EventRow.payload)
                .where(EventRow.user_id == user_id, EventRow.seq > after_seq)
                .order_by(EventRow.seq)
                .limit(limit)
            )
            return Batch(head, tuple(StoredEvent(seq, payload) for seq, payload in rows))

        return await self._database.read(unit)

    async def account_owners(self) -> dict[str, str]:
        """Return the owner of each account."""
        return await self._database.read(
            lambda session: {
                row.account_id: row.owner_user_id
                for row in session.execute(select(AccountRow.account_id, AccountRow.owner_user_id))
            }
        )

    async def forget(self, keep_count: int, before: datetime) -> int:
        """Take away events beyond count and age, a piece at a time, so that nobody waits long."""
        users = await self._database.read(lambda session: list(session.scalars(select(StreamRow.user_id))))
        forgotten = 0
        for user_id in users:
            while True:
                count = await self._database.run(
                    lambda session, user_id=user_id: _forget(session, user_id, keep_count, before)  # type: ignore[misc]
                )
                forgotten += count
                if count < _FORGET_AT_ONCE:
                    break
        return forgotten


def stream_head(session: Session, user_id: str) -> StreamHead:
    """Return where a user's stream stands."""
    row = session.execute(
        select(StreamRow.epoch, StreamRow.seq, StreamRow.forgotten_seq).where(StreamRow.user_id == user_id)
    ).one_or_none()
    return StreamHead("", 0, 0) if row is None else StreamHead(*row)


def _forget(session: Session, user_id: str, keep_count: int, before: datetime) -> int:
    stream = session.execute(
        select(StreamRow.seq, StreamRow.forgotten_seq).where(StreamRow.user_id == user_id)
    ).one()
    aged = session.scalar(
        select(func.max(EventRow.seq)).where(EventRow.user_id == user_id, EventRow.time < before)
    )
    last = max(stream.seq - keep_count, aged or 0)
    last = min(last, stream.forgotten_seq + _FORGET_AT_ONCE)
    if last <= stream.forgotten_seq:
        return 0
    # First the word that they are gone, then they: a reader never finds a hole that nobody declared.
    session.execute(update(StreamRow).where(StreamRow.user_id == user_id).values(forgotten_seq=last))
    session.execute(delete(EventRow).where(EventRow.user_id == user_id, EventRow.seq <= last))
    return int(last - stream.forgotten_seq)


@dataclass(frozen=True, slots=True)
class Viewer:
    """For whom a snapshot is read, and which accounts it shows."""

    user_id: str
    sees_all: bool
    account_ids: tuple[str, ...]


# Fills its part of a snapshot; called on the event loop, where memory may be looked at.
Fill = Callable[[event_pb2.Snapshot], None]
# Reads what a part needs, in the snapshot's one state of the database.
SnapshotPart = Callable[[Session, Viewer], Fill]


class SqlSnapshots:
    """The snapshots of `service.stream_ports`, put together from parts."""

    def __init__(self, database: Database, clock: Clock, parts: Sequence[SnapshotPart]) -> None:
        self._database = database
        self._clock = clock
        self._parts = parts

    async def message(self, user_id: str, *, sees_all: bool) -> tuple[StreamHead, event_pb2.Snapshot]:
        """Read all that is, and the head of the stream with it."""

        def unit(session: Session) -> tuple[StreamHead, list[Fill]]:
            head = stream_head(session, user_id)
            accounts = select(AccountRow.account_id).order_by(AccountRow.create_time, AccountRow.account_id)
            if not sees_all:
                accounts = accounts.where(AccountRow.owner_user_id == user_id)
            viewer = Viewer(user_id, sees_all, tuple(session.scalars(accounts)))
            return head, [part(session, viewer) for part in self._parts]

        head, fills = await self._database.read(unit)
        snapshot = event_pb2.Snapshot(seq=head.seq, epoch=head.epoch)
        snapshot.time.FromDatetime(self._clock.now())
        for fill in fills:
            fill(snapshot)
        return head, snapshot

    async def take(self, user_id: str, *, sees_all: bool) -> TakenSnapshot:
        """Read a snapshot as it goes into a stream."""
        head, snapshot = await self.message(user_id, sees_all=sees_all)
        event = event_pb2.Event(
            event_id=f"snapshot:{head.epoch}:{head.seq}", epoch=head.epoch, snapshot=snapshot
        )
        event.time.CopyFrom(snapshot.time)
        return TakenSnapshot(head, event.SerializeToString())
