"""What both engines promise of a unit of work."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from signalos_server.adapters.storage import Database
from signalos_server.adapters.storage.rows import insert_new
from signalos_server.adapters.storage.tables.events import StreamRow


def add_stream(user_id: str) -> StreamRow:
    return StreamRow(user_id=user_id, epoch="e", seq=0, forgotten_seq=0)


def count_streams(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(StreamRow)) or 0


async def test_a_result_is_returned_once_its_changes_are_there_for_others(database: Database) -> None:
    def unit(session: Session) -> str:
        session.add(add_stream("a"))
        return "done"

    assert await database.run(unit) == "done"
    assert await database.read(count_streams) == 1


async def test_a_failing_unit_is_undone_alone_among_those_that_commit_with_it(database: Database) -> None:
    def unit(number: int, session: Session) -> int:
        session.add(add_stream(f"u{number}"))
        session.flush()
        if number % 3 == 0:
            raise ValueError(f"unit {number}")
        return number

    results = await asyncio.gather(
        *(database.run(partial(unit, n)) for n in range(30)), return_exceptions=True
    )

    assert [r if isinstance(r, int) else str(r) for r in results] == [
        f"unit {n}" if n % 3 == 0 else n for n in range(30)
    ]
    assert await database.read(count_streams) == 20


async def test_a_broken_unique_rule_reaches_its_own_caller_only(database: Database) -> None:
    async def add(user_id: str) -> None:
        await database.run(lambda session: session.add(add_stream(user_id)))

    results = await asyncio.gather(add("a"), add("a"), add("b"), return_exceptions=True)

    assert sorted(type(r).__name__ for r in results) == ["IntegrityError", "NoneType", "NoneType"]
    assert any(isinstance(r, IntegrityError) for r in results)
    assert await database.read(count_streams) == 2


async def test_insert_new_counts_only_what_it_inserted(database: Database) -> None:
    rows = [{"user_id": name, "epoch": "e", "seq": 0, "forgotten_seq": 0} for name in ("a", "b", "a")]

    assert await database.run(lambda session: insert_new(session, StreamRow, rows)) == 2
    assert await database.run(lambda session: insert_new(session, StreamRow, rows)) == 0


async def test_a_read_sees_one_state_of_the_database_throughout(database: Database) -> None:
    loop = asyncio.get_running_loop()
    await database.run(lambda session: session.add(add_stream("a")))
    between = loop.create_future()

    def write(session: Session) -> None:
        session.add(add_stream("b"))

    async def write_between() -> None:
        await between
        await database.run(write)

    writer = asyncio.create_task(write_between())

    if "postgresql" in repr(type(database)).lower():
        # Both run on the loop here: the write comes between two awaits of the read's queries.
        from sqlalchemy.util import await_only

        def read(session: Session) -> tuple[int, int]:
            first = count_streams(session)
            between.set_result(None)
            await_only(writer)
            return first, count_streams(session)
    else:
        import threading

        written = threading.Event()
        writer.add_done_callback(lambda _: written.set())

        def read(session: Session) -> tuple[int, int]:
            first = count_streams(session)
            loop.call_soon_threadsafe(between.set_result, None)
            assert written.wait(5)
            return first, count_streams(session)

    assert await database.read(read) == (1, 1)
    assert await database.read(count_streams) == 2


async def test_what_was_read_can_be_used_after_its_session(database: Database) -> None:
    await database.run(lambda session: session.add(add_stream("a")))

    row = await database.read(lambda session: session.get_one(StreamRow, "a"))

    assert (row.user_id, row.seq) == ("a", 0)


async def test_times_come_back_to_the_microsecond_in_utc(database: Database) -> None:
    from signalos_server.adapters.storage.tables.users import SetupCodeRow

    moment = datetime(2026, 3, 4, 5, 6, 7, 891011, tzinfo=UTC)
    await database.run(
        lambda session: session.add(SetupCodeRow(setup_code_id=1, secret_hash="x", create_time=moment))
    )

    row = await database.read(lambda session: session.get_one(SetupCodeRow, 1))

    assert row.create_time == moment
    assert row.create_time.tzinfo is UTC


async def test_a_closed_database_accepts_nothing(database: Database) -> None:
    from signalos_server.domain.errors import StorageUnavailable

    await database.close()

    with pytest.raises(StorageUnavailable):
        await database.run(count_streams)
    with pytest.raises(StorageUnavailable):
        await database.read(count_streams)
