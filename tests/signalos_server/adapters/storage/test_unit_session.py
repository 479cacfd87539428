"""Units that share a commit on SQLite: with a session or without, each is undone alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from signalos_server.adapters.storage import Database, database_url, open_database
from signalos_server.adapters.storage.migrate import upgrade
from signalos_server.adapters.storage.prepared import Prepared, driver_of
from signalos_server.adapters.storage.tables.events import StreamRow
from signalos_server.domain.errors import StorageUnavailable

_INSERT = Prepared(
    text("INSERT INTO streams (user_id, epoch, seq, forgotten_seq) VALUES (:user_id, 'e', 0, 0)")
)


class RefusedError(Exception):
    """A unit changed its mind."""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = database_url(f"sqlite:///{tmp_path / 'test.sqlite3'}", tmp_path)
    await upgrade(url)
    opened = open_database(url)
    yield opened
    await opened.close()


def by_statement(session: Session, name: str) -> None:
    _INSERT.count(session.connection(), {"user_id": name})


def by_mapper(session: Session, name: str) -> None:
    session.add(StreamRow(user_id=name, epoch="e", seq=0, forgotten_seq=0))


def by_both(session: Session, name: str) -> None:
    by_statement(session, f"{name}-statement")
    by_mapper(session, f"{name}-mapper")


def refused(session: Session, name: str) -> None:
    by_both(session, name)
    raise RefusedError


def doubled(session: Session, name: str) -> None:
    """Fails with its flush, at the unit's end."""
    by_statement(session, name)
    by_mapper(session, name)


def names(session: Session) -> set[str]:
    return set(session.scalars(select(StreamRow.user_id)))


async def together(database: Database, *units: Callable[[Session], None]) -> list[object]:
    """Runs units in one transaction: the writer is held until all of them wait."""
    held = threading.Event()
    first = asyncio.create_task(database.run(lambda _: held.wait(10)))
    await asyncio.sleep(0)
    rest = asyncio.gather(*(database.run(unit) for unit in units), return_exceptions=True)
    await asyncio.sleep(0)
    held.set()
    await first
    return list(await rest)


async def test_a_unit_that_fails_in_a_group_is_undone_alone(database: Database) -> None:
    results = await together(
        database,
        lambda session: by_statement(session, "a"),
        lambda session: refused(session, "b"),
        lambda session: by_both(session, "c"),
        lambda session: doubled(session, "d"),
        lambda session: by_statement(session, "e"),
        lambda session: by_mapper(session, "f"),
    )

    assert [type(result) for result in results] == [
        type(None),
        RefusedError,
        type(None),
        IntegrityError,
        type(None),
        type(None),
    ]
    assert await database.read(names) == {"a", "c-statement", "c-mapper", "e", "f"}


@pytest.mark.parametrize("unit", [refused, doubled])
async def test_a_unit_that_fails_alone_leaves_nothing_and_the_next_one_commits(
    database: Database, unit: Callable[[Session, str], None]
) -> None:
    with pytest.raises((RefusedError, IntegrityError)):
        await database.run(lambda session: unit(session, "a"))

    await database.run(lambda session: by_statement(session, "b"))
    await database.run(lambda session: by_both(session, "c"))

    assert await database.read(names) == {"b", "c-statement", "c-mapper"}


async def test_a_unit_reads_through_its_session_what_it_wrote_without(database: Database) -> None:
    def unit(session: Session) -> set[str]:
        by_statement(session, "a")
        return names(session)

    assert await database.run(unit) == {"a"}


async def test_a_unit_whose_transaction_was_undone_is_not_told_to_be_committed(database: Database) -> None:
    def unit(session: Session) -> None:
        by_statement(session, "a")
        driver_of(session.connection()).rollback()

    with pytest.raises(StorageUnavailable):
        await database.run(unit)

    await database.run(lambda session: by_statement(session, "b"))
    assert await database.read(names) == {"b"}


@pytest.mark.parametrize("change", [by_statement, by_mapper])
async def test_whoever_looks_at_the_session_of_a_unit_that_is_over_begins_nothing(
    database: Database, change: Callable[[Session, str], None]
) -> None:
    seen: list[Session] = []

    def failing(session: Session) -> None:
        seen.append(session)
        change(session, "a")
        raise RefusedError

    with pytest.raises(RefusedError):
        await database.run(failing)
    # As the log of an error does, which shows all values of its traceback.
    assert not hasattr(seen[0], "__rich_repr__")

    await database.run(lambda session: by_statement(session, "b"))
    rows = await database.read(lambda session: list(session.scalars(select(StreamRow.user_id))))
    assert rows == ["b"]
