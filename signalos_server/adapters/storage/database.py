"""The database behind the server: units of work, whichever engine the URL names.

A unit of work is a plain function of a `Session`. It may run more than once (a deadlock is retried), so that
its only effects are on that session. It does not commit, roll back or close: its changes hold once
`Database.run` has returned, and an exception out of it undoes them all and is raised to the caller.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, make_url
from sqlalchemy.orm import Session

from signalos_server.adapters.storage.wakes import Wake, no_wake

T = TypeVar("T")
Unit = Callable[[Session], T]


@dataclass(frozen=True, slots=True)
class StorageLimits:
    """How long a unit may wait, and how many may wait, before it is refused with nothing accepted."""

    queue_units: int = 20_000
    queue_seconds: float = 10.0
    lock_seconds: float = 4.0
    statement_seconds: float = 10.0
    pool_size: int = 10
    reader_threads: int = 4


class Database(ABC):
    """One database. Its methods never hold up the event loop."""

    @abstractmethod
    async def run(self, unit: Unit[T]) -> T:
        """Run `unit` and return its result once it is durably committed.

        Raises what the unit raised (all undone), `StorageUnavailable` (nothing was accepted), or
        `CommitUnknown` (the commit may or may not hold). A caller that is cancelled meanwhile does not stop
        a unit that has begun.
        """

    @abstractmethod
    async def read(self, unit: Unit[T]) -> T:
        """Run `unit` on one consistent snapshot, without writing. Raises `StorageUnavailable`."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what was begun, refuse what was not, and let go of the database."""


def database_url(url: str | None, data_dir: Path) -> URL:
    """Return the URL with its driver; `None` is the SQLite file in `data_dir`."""
    if url is None:
        return URL.create("sqlite+pysqlite", database=str(data_dir / "signalos.sqlite3"))
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError("SQLite needs a file: what is accepted has to outlive the process")
        return parsed.set(drivername="sqlite+pysqlite")
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+asyncpg")
    raise ValueError(f"{backend} is no database that SignalOS works on: PostgreSQL and SQLite are")


def open_database(url: URL, limits: StorageLimits | None = None, wake: Wake = no_wake) -> Database:
    """Return the database at `url`; the schema is `migrate.upgrade`'s matter.

    `wake` is given the subjects that a committed unit has named with `wakes.wake`.
    """
    from signalos_server.adapters.storage.postgresql import PostgresqlDatabase
    from signalos_server.adapters.storage.sqlite import SqliteDatabase

    bounds = limits or StorageLimits()
    if url.get_backend_name() == "sqlite":
        return SqliteDatabase(url, bounds, wake)
    return PostgresqlDatabase(url, bounds, wake)
