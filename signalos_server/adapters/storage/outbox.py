"""The outbox: events are committed with the change they tell of, and numbered without a hole."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from signalos.v1 import event_pb2
from signalos_server.adapters.storage.rows import insert_new
from signalos_server.adapters.storage.tables.accounts import AccountRow
from signalos_server.adapters.storage.tables.events import EventRow, StreamRow
from signalos_server.adapters.storage.tables.users import UserRow
from signalos_server.adapters.storage.wakes import stream_subject, wake
from signalos_server.domain.caller import Role


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event before it has its place in a stream."""

    # Deterministic: the same fact has the same id, at most 100 characters.
    event_id: str
    time: datetime
    # A serialised `signalos.v1.Event` with id, time, account and data, without `seq` and `epoch`.
    payload: bytes


def new_event(event_id: str, time: datetime, event: event_pb2.Event, account_id: str = "") -> NewEvent:
    """Return `event` (its `data` set) as it is stored."""
    event.event_id = event_id
    event.account_id = account_id
    stamp = Timestamp()
    stamp.FromDatetime(time)
    event.time.CopyFrom(stamp)
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


def append_events(session: Session, user_ids: Collection[str], events: Sequence[NewEvent]) -> None:
    """Append `events` in order to the streams of `user_ids`, and wake their readers after the commit.

    An event that a stream has already is left out of it, and takes no number. Streams stay locked until the
    unit has committed, so that numbers appear in the order of commits.
    """
    unique = {event.event_id: event for event in events}
    if not unique or not user_ids:
        return
    streams = _locked_streams(session, sorted(user_ids))
    found = session.execute(
        select(EventRow.user_id, EventRow.event_id).where(
            EventRow.user_id.in_(streams), EventRow.event_id.in_(unique)
        )
    )
    known = {(user_id, event_id) for user_id, event_id in found}
    rows: list[dict[str, object]] = []
    for user_id in streams:
        fresh = [event for event in unique.values() if (user_id, event.event_id) not in known]
        if not fresh:
            continue
        last = session.execute(
            update(StreamRow)
            .where(StreamRow.user_id == user_id)
            .values(seq=StreamRow.seq + len(fresh))
            .returning(StreamRow.seq)
            .execution_options(synchronize_session=False)
        ).scalar_one()
        rows.extend(
            {
                "user_id": user_id,
                "seq": last - len(fresh) + position,
                "event_id": event.event_id,
                "time": event.time,
                "payload": event.payload,
            }
            for position, event in enumerate(fresh, 1)
        )
        wake(session, stream_subject(user_id))
    if rows:
        session.execute(insert(EventRow), rows)


def _locked_streams(session: Session, user_ids: Sequence[str]) -> list[str]:
    """Lock the streams in the order of their ids, so that two units never wait for each other."""
    select_locked = (
        select(StreamRow.user_id)
        .where(StreamRow.user_id.in_(user_ids))
        .order_by(StreamRow.user_id)
        .with_for_update()
    )
    locked = list(session.scalars(select_locked))
    if len(locked) < len(user_ids):
        for user_id in user_ids:
            make_stream(session, user_id)
        locked = list(session.scalars(select_locked))
    return locked
