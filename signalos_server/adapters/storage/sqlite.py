"""SQLite: one writer thread that commits waiting units together, and a few reader threads.

A commit is one fsync; with a savepoint for each unit, twenty waiting callers share it, and one that fails is
undone alone. One writer also means that no unit ever meets a lock of this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import structlog
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from signalos_server.adapters.storage.database import Database, StorageLimits, T, Unit
from signalos_server.adapters.storage.prepared import driver_of
from signalos_server.adapters.storage.unit_session import UnitSession
from signalos_server.adapters.storage.wakes import Wake, wakes_of
from signalos_server.domain.errors import CommitUnknown, StorageUnavailable
from signalos_server.failpoints import reach

log = structlog.get_logger(__name__)

# More units than this in one commit only make the first of them wait for the last.
_GROUP_UNITS = 128
_GROUP_SECONDS = 0.02

_BEGIN = "BEGIN IMMEDIATE"

# The write-ahead log was written and its sync failed: after a crash the commit might be found in it.
_SYNC_FAILED = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})


class _CancelledError(Exception):
    """The caller went away before its unit began."""


@dataclass(slots=True)
class _Waiting:
    """A unit that waits for the writer, and where its answer goes."""

    unit: Callable[[Session], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    since: float
    result: Any = None
    wakes: frozenset[str] = frozenset()
    error: BaseException | None = None


def sqlite_engine(url: URL, *, begin: str, lock_seconds: float, pool_size: int, read_only: bool) -> Engine:
    """Return an engine whose transactions start with `begin`; the driver starts none by itself."""
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": lock_seconds},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # In this order: switching the journal mode may wait for a lock.
        for pragma in (
            f"busy_timeout={int(lock_seconds * 1000)}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-16000",
            "temp_store=MEMORY",
            *(("query_only=ON",) if read_only else ()),
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # The writer begins by itself; a unit that asks for a session joins it.
        if not driver_of(connection).in_transaction:
            connection.exec_driver_sql(begin)

    return engine


def _is_storage_failure(error: BaseException) -> bool:
    """Whether the engine failed (locked, full, unreadable) rather than the unit."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, sqlite3.OperationalError)


def _unavailable(error: BaseException) -> StorageUnavailable:
    detail = getattr(error, "orig", None) or error
    return StorageUnavailable(f"the database did not commit ({detail}); nothing was accepted")


class SqliteDatabase(Database):
    """A SQLite file in WAL mode, every commit synced."""

    def __init__(self, url: URL, limits: StorageLimits, wake: Wake) -> None:
        self._limits = limits
        self._wake = wake
        # None ends the writer: nothing is put behind it.
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        # Of the writer thread alone: what a group was too long for.
        self._put_back: deque[_Waiting] = deque()
        self._closing = False
        self._engine = sqlite_engine(
            url, begin=_BEGIN, lock_seconds=limits.lock_seconds, pool_size=1, read_only=False
        )
        # The writer thread's, from one group to the next: to fetch it for each costs more than a statement.
        self._connection: Connection | None = None
        self._read_engine = sqlite_engine(
            url,
            begin="BEGIN",
            lock_seconds=limits.lock_seconds,
            pool_size=limits.reader_threads,
            read_only=True,
        )
        self._readers = ThreadPoolExecutor(limits.reader_threads, thread_name_prefix="sqlite-reader")
        self._reading = asyncio.Semaphore(limits.reader_threads)
        self._writer = threading.Thread(target=self._write, name="sqlite-writer", daemon=True)
        self._writer.start()

    async def run(self, unit: Unit[T]) -> T:
        loop = asyncio.get_running_loop()
        waiting = _Waiting(unit, loop.create_future(), loop, time.monotonic())
        if self._closing:
            raise StorageUnavailable("the database is being closed; nothing was accepted")
        if self._queue.qsize() >= self._limits.queue_units:
            raise StorageUnavailable("too much waits for the database; nothing was accepted")
        self._queue.put(waiting)
        result: T = await waiting.future
        return result

    async def read(self, unit: Unit[T]) -> T:
        try:
            async with asyncio.timeout(self._limits.queue_seconds):
                await self._reading.acquire()
        except TimeoutError as error:
            raise StorageUnavailable("too much waits to read the database") from error
        loop = asyncio.get_running_loop()
        try:
            done = loop.run_in_executor(self._readers, self._read, unit)
        except RuntimeError as error:
            self._reading.release()
            raise StorageUnavailable("the database is being closed") from error
        # The place is free once the thread is, not once its caller has gone.
        done.add_done_callback(lambda _: self._reading.release())
        return await asyncio.shield(done)

    def _read(self, unit: Unit[T]) -> T:
        try:
            with self._read_engine.connect() as connection, connection.begin() as transaction:
                with UnitSession(connection, alone=True) as session:
                    result = unit(session)
                    session.let_go()
                transaction.rollback()
                return result
        except DBAPIError as error:
            if _is_storage_failure(error):
                raise StorageUnavailable(f"the database cannot be read ({error.orig})") from error
            raise

    async def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._readers.shutdown)
        self._read_engine.dispose()
        self._engine.dispose()

    # The writer thread.

    def _write(self) -> None:
        while True:
            group = self._next_group()
            if group is None:
                self._let_go()
                return
            self._commit(group)
            reach("after_commit")
            self._answer(group)

    def _next_group(self) -> list[_Waiting] | None:
        group: list[_Waiting] = []
        while len(group) < _GROUP_UNITS:
            if self._put_back:
                group.append(self._put_back.popleft())
                continue
            try:
                waiting = self._queue.get(block=not group)
            except Empty:
                break
            if waiting is None:
                if not group:
                    return None
                # Met again once these are committed.
                self._queue.put(None)
                break
            group.append(waiting)
        return group

    def _commit(self, group: list[_Waiting]) -> None:
        """Run the units of `group` in one transaction, and set each one's result or error."""
        try:
            connection = self._connection = self._connection or self._engine.connect()
            driver = driver_of(connection)
            driver.execute(_BEGIN)
            started = time.monotonic()
            ran: list[_Waiting] = []
            for position, waiting in enumerate(group):
                if position and time.monotonic() - started > _GROUP_SECONDS:
                    self._put_back.extendleft(reversed(group[position:]))
                    del group[position:]
                    break
                self._run_unit(connection, driver, waiting, alone=len(group) == 1)
                if waiting.error is None:
                    ran.append(waiting)
            self._finish(connection, driver, ran)
        # The thread must outlive whatever happens to one group: each caller is told instead.
        except Exception as error:
            if not _is_storage_failure(error):
                log.exception("a group of units failed")
            self._let_go()
            refusal = error if isinstance(error, CommitUnknown) else _unavailable(error)
            for waiting in group:
                if waiting.error is None:
                    waiting.error = refusal

    def _let_go(self) -> None:
        """Give the connection back, which undoes what is not committed; the next group takes one anew."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.close()
        except Exception:
            log.exception("a connection did not close")

    def _run_unit(
        self, connection: Connection, driver: sqlite3.Connection, waiting: _Waiting, *, alone: bool
    ) -> None:
        """Run one unit; `alone`: nobody else is in the transaction, so that it needs no savepoint."""
        if waiting.future.cancelled():
            waiting.error = _CancelledError()
            return
        if time.monotonic() - waiting.since > self._limits.queue_seconds:
            waiting.error = StorageUnavailable("the database was too slow; nothing was accepted")
            return
        if not alone:
            driver.execute("SAVEPOINT unit")
        try:
            with UnitSession(connection, alone=alone) as session:
                waiting.result = waiting.unit(session)
                session.finish()
                waiting.wakes = wakes_of(session)
            if not alone:
                driver.execute("RELEASE unit")
        # Whatever a unit raises belongs to its caller, and to nobody else in the group.
        except Exception as error:
            if not alone:
                if not driver.in_transaction:
                    # The engine itself gave up (disk full, I/O error) and undid the whole group.
                    raise
                driver.execute("ROLLBACK TO unit")
                driver.execute("RELEASE unit")
            waiting.error = _unavailable(error) if _is_storage_failure(error) else error

    def _finish(self, connection: Connection, driver: sqlite3.Connection, ran: list[_Waiting]) -> None:
        # Where a unit began a session, the engine counts on ending the transaction itself.
        begun = connection.get_transaction()
        if not ran:
            if begun is not None:
                begun.rollback()
            if driver.in_transaction:
                driver.rollback()
            return
        if not driver.in_transaction:
            # A unit went on after the engine had given up: a commit would say that all is well.
            raise sqlite3.OperationalError("the transaction was undone")
        try:
            if begun is not None:
                begun.commit()
            else:
                driver.commit()
        except (DBAPIError, sqlite3.Error) as error:
            code = getattr(getattr(error, "orig", error), "sqlite_errorcode", 0)
            # Where even that fails, giving the connection back undoes it.
            with contextlib.suppress(sqlite3.Error):
                driver.rollback()
            if code in _SYNC_FAILED:
                raise CommitUnknown("the disk did not confirm the commit") from error
            raise

    def _answer(self, group: list[_Waiting]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
        for waiting in group:
            by_loop.setdefault(waiting.loop, []).append(waiting)
        for loop, answered in by_loop.items():
            try:
                loop.call_soon_threadsafe(self._resolve, answered)
            except RuntimeError:
                log.warning("callers ended before their units were committed", units=len(answered))

    def _resolve(self, group: list[_Waiting]) -> None:
        wakes = frozenset[str]().union(*(waiting.wakes for waiting in group if waiting.error is None))
        if wakes:
            reach("before_publish")
            self._wake(wakes)
        for waiting in group:
            if waiting.future.done():
                continue
            if waiting.error is not None:
                waiting.future.set_exception(waiting.error)
            else:
                waiting.future.set_result(waiting.result)
