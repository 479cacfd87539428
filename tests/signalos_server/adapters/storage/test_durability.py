"""What is acknowledged is there, whatever dies; what is not accepted is told so."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from signalos_server.adapters.storage import Database, StorageLimits, database_url, open_database
from signalos_server.adapters.storage.migrate import upgrade
from signalos_server.adapters.storage.tables.events import StreamRow
from signalos_server.domain.errors import CommitUnknown, StorageUnavailable
from tests.support.postgres import postgres_database

QUICK = StorageLimits(lock_seconds=0.3, queue_seconds=2.0, statement_seconds=3.0, pool_size=3)


def add(session: Session, name: str, payload: str = "e") -> None:
    session.add(StreamRow(user_id=name, epoch=payload, seq=0, forgotten_seq=0))


def names(session: Session) -> set[str]:
    return set(session.scalars(select(StreamRow.user_id)))


async def prepared(url: str) -> Database:
    await upgrade(database_url(url, Path()))
    return open_database(database_url(url, Path()), QUICK)


@pytest.fixture
async def sqlite_file(tmp_path: Path) -> Path:
    return tmp_path / "test.sqlite3"


@pytest.fixture
async def sqlite(sqlite_file: Path) -> AsyncIterator[Database]:
    database = await prepared(f"sqlite:///{sqlite_file}")
    yield database
    await database.close()


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Database]:
    database = await prepared(postgres_url)
    yield database
    await database.close()


@pytest.fixture
def postgres_url(postgres_socket: str) -> object:
    with postgres_database(postgres_socket) as url:
        yield url


@pytest.mark.integration
async def test_a_kill_in_the_middle_of_commits_loses_nothing_acknowledged(storage_url: str) -> None:
    database = await prepared(storage_url)
    script = "tests.signalos_server.adapters.storage.acknowledging_writer"
    acknowledged: list[str] = []
    for _ in range(3):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", script, storage_url, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        started = len(acknowledged)
        while len(acknowledged) - started < 200:
            line = await process.stdout.readline()
            assert line, "the writer ended by itself"
            acknowledged.append(line.decode().strip())
        process.kill()
        rest = await process.stdout.read()
        await process.wait()
        acknowledged += rest.decode().rpartition("\n")[0].split()

        assert set(acknowledged) <= await database.read(names)
        await database.run(lambda session: session.execute(text("DELETE FROM streams")))
        acknowledged.clear()
    await database.close()


async def test_a_file_that_another_process_holds_is_unavailable_and_accepts_nothing(
    sqlite: Database, sqlite_file: Path
) -> None:
    other = sqlite3.connect(sqlite_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    results = await asyncio.gather(
        *(sqlite.run(lambda session, n=n: add(session, f"u{n}")) for n in range(5)),  # type: ignore[misc]
        return_exceptions=True,
    )
    other.execute("ROLLBACK")
    other.close()
    await sqlite.run(lambda session: add(session, "after"))

    assert [type(result) for result in results] == [StorageUnavailable] * 5
    assert await sqlite.read(names) == {"after"}


async def test_a_full_disk_is_unavailable_and_heals(sqlite: Database) -> None:
    await sqlite.run(lambda session: add(session, "before"))

    async def limit(pages: int) -> None:
        pragma = text(f"PRAGMA max_page_count={pages}")
        await sqlite.run(lambda session: session.execute(pragma) and None)

    await limit(1)
    results = await asyncio.gather(
        *(
            sqlite.run(lambda session, n=n: add(session, f"u{n}", "x" * 100_000))  # type: ignore[misc]
            for n in range(5)
        ),
        return_exceptions=True,
    )
    await limit(1_000_000)
    await sqlite.run(lambda session: add(session, "after"))

    assert {type(result) for result in results} == {StorageUnavailable}
    assert await sqlite.read(names) == {"before", "after"}


async def test_a_unit_whose_caller_gave_up_before_it_began_is_not_run(sqlite: Database) -> None:
    held, release = threading.Event(), threading.Event()

    def hold(_session: Session) -> None:
        held.set()
        release.wait(5)

    holding = asyncio.create_task(sqlite.run(hold))
    await asyncio.to_thread(held.wait, 5)
    given_up = asyncio.create_task(sqlite.run(lambda session: add(session, "given up")))
    await asyncio.sleep(0)
    given_up.cancel()
    release.set()
    await holding

    assert await sqlite.read(names) == set()


async def test_a_row_that_is_locked_too_long_is_unavailable_and_the_loop_runs_on(
    postgres: Database, postgres_url: str
) -> None:
    await postgres.run(lambda session: add(session, "hot"))
    other = await prepared(postgres_url)
    locked, longest = asyncio.Event(), 0.0
    over, beside = threading.Event(), 0.0

    def lock(session: Session) -> None:
        session.scalars(select(StreamRow).with_for_update()).all()
        locked.set()
        session.execute(text("SELECT pg_sleep(1.5)"))

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - before)

    def watch_machine() -> None:
        nonlocal beside
        while not over.is_set():
            before = time.monotonic()
            time.sleep(0.01)
            beside = max(beside, time.monotonic() - before)

    holding = asyncio.create_task(other.run(lock))
    await locked.wait()
    watching = asyncio.create_task(watch())
    watching_machine = asyncio.create_task(asyncio.to_thread(watch_machine))
    change = update(StreamRow).values(seq=7)
    results = await asyncio.gather(
        *(postgres.run(lambda session: session.execute(change).rowcount) for _ in range(6)),  # type: ignore[attr-defined]
        return_exceptions=True,
    )
    watching.cancel()
    over.set()
    await watching_machine
    await holding
    await other.close()

    assert {type(result) for result in results} == {StorageUnavailable}
    # What a busy machine takes from a thread that waits for nothing, it takes from the loop too.
    assert longest < 0.2 + beside
    assert await postgres.run(lambda session: session.get_one(StreamRow, "hot").seq) == 0


async def test_a_deadlock_is_run_again_until_both_units_have_committed(postgres: Database) -> None:
    for name in ("a", "b"):
        await postgres.run(partial(add, name=name))
    meeting = asyncio.Barrier(2)
    attempts = 0

    def unit(session: Session, first: str, second: str) -> None:
        nonlocal attempts
        from sqlalchemy.util import await_only

        attempts += 1
        for position, name in enumerate((first, second)):
            session.execute(update(StreamRow).where(StreamRow.user_id == name).values(seq=StreamRow.seq + 1))
            if position == 0 and attempts <= 2:
                await_only(meeting.wait())

    longer = open_database(database_url(await url_of(postgres), Path()), StorageLimits())
    await asyncio.gather(
        longer.run(lambda session: unit(session, "a", "b")),
        longer.run(lambda session: unit(session, "b", "a")),
    )
    await longer.close()

    assert attempts == 3
    rows = await postgres.read(lambda session: list(session.scalars(select(StreamRow.seq))))
    assert rows == [2, 2]


async def url_of(database: Database) -> str:
    url = database._engine.url  # type: ignore[attr-defined]
    return str(url.render_as_string(hide_password=False))


async def test_a_link_that_breaks_inside_a_commit_leaves_its_outcome_unknown(postgres: Database) -> None:
    slow_commit = """
        CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(2); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON streams
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION linger();
    """
    for statement in slow_commit.split(";\n        CREATE C"):
        ready = statement if statement.lstrip().startswith("CREATE F") else f"CREATE C{statement}"
        await postgres.run(lambda session, s=ready: session.execute(text(s)) and None)  # type: ignore[misc]
    find = text("SELECT pid FROM pg_stat_activity WHERE query LIKE 'COMMIT%' AND state = 'active'")
    cut = text("SELECT pg_terminate_backend(:pid)")

    committing = asyncio.create_task(postgres.run(lambda session: add(session, "unknown")))
    pids: list[int] = []
    while not pids:
        pids = await postgres.read(lambda session: list(session.scalars(find)))
    await postgres.read(lambda session: session.execute(cut, {"pid": pids[0]}).all() and None)

    with pytest.raises(CommitUnknown):
        await committing
    await postgres.run(lambda session: session.execute(text("DROP TRIGGER slow ON streams")) and None)
    await postgres.run(lambda session: add(session, "after"))


async def test_a_server_that_is_away_is_unavailable_at_once(tmp_path: Path) -> None:
    url = database_url(f"postgresql://postgres@/none?host={tmp_path}", tmp_path)
    database = open_database(url, QUICK)

    with pytest.raises(StorageUnavailable):
        await database.run(lambda session: add(session, "nobody"))
    with pytest.raises(StorageUnavailable):
        await database.read(names)
    await database.close()


async def test_more_callers_than_connections_wait_and_are_served(postgres_url: str) -> None:
    await upgrade(database_url(postgres_url, Path()))
    # What is counted are connections, not time: on a busy machine each takes a while to be made.
    patient = StorageLimits(lock_seconds=20.0, queue_seconds=60.0, statement_seconds=30.0, pool_size=3)
    database = open_database(database_url(postgres_url, Path()), patient)
    await asyncio.gather(
        *(database.run(lambda session, n=n: add(session, f"u{n}")) for n in range(50))  # type: ignore[misc]
    )

    assert len(await database.read(names)) == 50
    await database.close()
