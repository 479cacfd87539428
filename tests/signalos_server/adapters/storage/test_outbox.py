"""Numbers of streams: gapless, unique, in the order of commits."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from signalos.v1 import event_pb2
from signalos_server.adapters.storage import Database
from signalos_server.adapters.storage.outbox import append_events, new_event
from signalos_server.adapters.storage.streams import SqlStreams
from signalos_server.adapters.storage.tables.events import EventRow, StreamRow

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def append(session: Session, users: list[str], *event_ids: str, time: datetime = NOW) -> None:
    events = [new_event(event_id, time, event_pb2.Event(), "acc_1") for event_id in event_ids]
    append_events(session, users, events)


async def stored(database: Database, user_id: str) -> list[tuple[int, str]]:
    rows = await database.read(
        lambda session: session.execute(
            select(EventRow.seq, EventRow.event_id).where(EventRow.user_id == user_id).order_by(EventRow.seq)
        ).all()
    )
    return [(seq, event_id) for seq, event_id in rows]


async def test_numbers_have_no_hole_though_many_append_at_once_and_some_fail(database: Database) -> None:
    def unit(session: Session, number: int) -> None:
        users = ["u1", "u2"] if number % 2 else ["u2", "u1"]
        append(session, users, f"e{number}-a", f"e{number}-b")
        if number % 7 == 0:
            raise ValueError("undone")

    await asyncio.gather(
        *(database.run(lambda session, n=n: unit(session, n)) for n in range(60)),  # type: ignore[misc]
        return_exceptions=True,
    )

    good = [n for n in range(60) if n % 7]
    for user in ("u1", "u2"):
        rows = await stored(database, user)
        assert [seq for seq, _ in rows] == list(range(1, 2 * len(good) + 1))
        assert {event_id for _, event_id in rows} == {f"e{n}-{part}" for n in good for part in "ab"}


async def test_the_same_fact_found_twice_is_one_event_and_takes_one_number(database: Database) -> None:
    await database.run(lambda session: append(session, ["u1"], "deal-1", "deal-1"))
    await database.run(lambda session: append(session, ["u1", "u2"], "deal-1", "deal-2"))

    assert await stored(database, "u1") == [(1, "deal-1"), (2, "deal-2")]
    assert await stored(database, "u2") == [(1, "deal-1"), (2, "deal-2")]


async def test_the_same_fact_found_by_many_at_once_is_one_event(database: Database) -> None:
    await asyncio.gather(
        *(database.run(lambda session: append(session, ["u1"], "deal-1")) for _ in range(20))
    )

    assert await stored(database, "u1") == [(1, "deal-1")]


@pytest.mark.parametrize(("keep", "age", "left"), [(3, 999, [8, 9, 10]), (100, 5, [6, 7, 8, 9, 10])])
async def test_retention_declares_what_it_takes_away(
    database: Database, keep: int, age: int, left: list[int]
) -> None:
    for number in range(1, 11):
        time = NOW + timedelta(days=number)
        await database.run(lambda session, n=number, t=time: append(session, ["u1"], f"e{n}", time=t))  # type: ignore[misc]

    streams = SqlStreams(database)
    await streams.forget(keep, NOW + timedelta(days=11 - age))

    batch = await streams.after("u1", 0, 100)
    assert [event.seq for event in batch.events] == left
    assert (batch.head.seq, batch.head.forgotten_seq) == (10, left[0] - 1)
    assert await streams.forget(keep, NOW + timedelta(days=11 - age)) == 0


async def test_a_stream_keeps_its_epoch(database: Database) -> None:
    await database.run(lambda session: append(session, ["u1"], "a"))
    epochs = set()
    for name in ("b", "c"):
        await database.run(lambda session, n=name: append(session, ["u1"], n))  # type: ignore[misc]
        epochs.add(await database.read(lambda session: session.get_one(StreamRow, "u1").epoch))

    assert len(epochs) == 1
