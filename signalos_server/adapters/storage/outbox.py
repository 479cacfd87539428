"""The outbox: events are committed with the change they tell of, and numbered without a hole."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import BigInteger, LargeBinary, String, bindparam, select, text
from sqlalchemy.orm import Session

from signalos.v1 import event_pb2
from signalos_server.adapters.storage.prepared import Prepared
from signalos_server.adapters.storage.rows import insert_new
from signalos_server.adapters.storage.tables.accounts import AccountRow
from signalos_server.adapters.storage.tables.events import StreamRow
from signalos_server.adapters.storage.tables.users import UserRow
from signalos_server.adapters.storage.types import UtcTime
from signalos_server.adapters.storage.wakes import stream_subject, wake
from signalos_server.domain.caller import Role

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event before it has its place in a stream."""

    # Deterministic: the same fact has the same id, at most 100 characters.
    event_id: str
    time: datetime
    # A serialised `signalos.v1.Event` with id, time, account and data, without `seq` and `epoch`.
    payload: bytes


def new_event(
    event_id: str,
    time: datetime,
    event: event_pb2.Event,
    account_id: str = "",
    session: tuple[str, int] | None = None,
) -> NewEvent:
    """Return `event` (its `data` set) as it is stored; `session`: the bridge and epoch that told it."""
    event.event_id = event_id
    event.account_id = account_id
    if session is not None:
        event.session.bridge_id, event.session.epoch = session
    since = time - _EPOCH
    event.time.seconds = since.days * 86_400 + since.seconds
    event.time.nanos = since.microseconds * 1_000
    return NewEvent(event_id, time, event.SerializeToString())


def account_audience(session: Session, account_id: str) -> frozenset[str]:
    """Return whose streams an account's events belong in: its owner's and every administrator's."""
    owner = session.scalar(select(AccountRow.owner_user_id).where(AccountRow.account_id == account_id))
    return system_audience(session) | ({owner} if owner is not None else set())


def system_audience(session: Session) -> frozenset[str]:
    """Return whose streams the system's own events belong in: every administrator's."""
    return frozenset(session.scalars(select(UserRow.user_id).where(UserRow.role == Role.ADMIN)))


def make_stream(session: Session, user_id: str) -> None:
    """Make the user's stream, if there is none."""
    insert_new(
        session,
        StreamRow,
        [{"user_id": user_id, "epoch": secrets.token_hex(8), "seq": 0, "forgotten_seq": 0}],
    )


# Written out, since every commit takes this way: composing them costs more than running them.
_ALLOCATE = Prepared(
    text("UPDATE streams SET seq = seq + :count WHERE user_id = :user_id RETURNING seq").bindparams(
        bindparam("count", type_=BigInteger), bindparam("user_id", type_=String)
    )
)
_INSERT = Prepared(
    text(
        "INSERT INTO events (user_id, seq, event_id, time, payload)"
        " VALUES (:user_id, :seq, :event_id, :time, :payload)"
        " ON CONFLICT (user_id, event_id) DO NOTHING"
    ).bindparams(
        bindparam("user_id", type_=String),
        bindparam("seq", type_=BigInteger),
        bindparam("event_id", type_=String),
        bindparam("time", type_=UtcTime),
        bindparam("payload", type_=LargeBinary),
    )
)


def append_events(session: Session, user_ids: Collection[str], events: Sequence[NewEvent]) -> None:
    """Append `events` in order to the streams of `user_ids`, and wake their readers after the commit.

    An event that a stream has already is left out of it, and takes no number. Streams stay locked until the
    unit has committed, so that numbers appear in the order of commits.
    """
    if not events or not user_ids:
        return
    session.flush()
    connection = session.connection()
    # In the order of their ids, so that two units never wait for each other.
    for user_id in sorted(user_ids):
        count = len(events)
        last = _allocate(session, user_id, count)
        seq = last - count
        for event in events:
            seq += _INSERT.count(
                connection,
                {
                    "user_id": user_id,
                    "seq": seq + 1,
                    "event_id": event.event_id,
                    "time": event.time,
                    "payload": event.payload,
                },
            )
        if seq < last:
            # Numbers of events that the stream had already; nobody else could take one meanwhile.
            _ALLOCATE.all(connection, {"count": seq - last, "user_id": user_id})
        if seq > last - count:
            wake(session, stream_subject(user_id))


def _allocate(session: Session, user_id: str, count: int) -> int:
    """Take the next `count` numbers of a stream, and return the last of them."""
    given = {"count": count, "user_id": user_id}
    last = _ALLOCATE.one_or_none(session.connection(), given)
    if last is None:
        make_stream(session, user_id)
        last = _ALLOCATE.one_or_none(session.connection(), given)
        assert last is not None
    return int(last.seq)
