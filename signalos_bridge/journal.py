"""The bridge's journal on disk: SQLite, written by one thread that groups what waits into one synced commit.

A unit of statements is durable when its future resolves. The journal holds no meaning: `store` knows what the
rows are.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import sqlite3
import threading
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from signalos_bridge.wal import committed_tail_damaged

log = logging.getLogger(__name__)

SqlValue = str | int | float | None
Statement = tuple[str, tuple[SqlValue, ...]]

_PROBE_SECONDS = 1.0
_MAX_GROUP = 64
_LATER_SECONDS = 0.2

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS commands (
    command_id TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, state TEXT NOT NULL,
    action_kind TEXT NOT NULL, action TEXT NOT NULL, data TEXT NOT NULL, wall_msc INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS commands_by_age ON commands (wall_msc);
CREATE TABLE IF NOT EXISTS legs (
    command_id TEXT NOT NULL, leg INTEGER NOT NULL, state TEXT NOT NULL, magic INTEGER NOT NULL,
    order_kind TEXT NOT NULL, request TEXT NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (command_id, leg)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attempts (
    command_id TEXT NOT NULL, leg INTEGER NOT NULL, attempt INTEGER NOT NULL, wall_msc INTEGER NOT NULL,
    result TEXT NOT NULL, PRIMARY KEY (command_id, leg, attempt)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outcomes (
    command_id TEXT NOT NULL, number INTEGER NOT NULL, acknowledged INTEGER NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (command_id, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL, wall_msc INTEGER NOT NULL, command_id TEXT NOT NULL,
    kind TEXT NOT NULL, data TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS positions (identifier INTEGER PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (ticket INTEGER PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deals (ticket INTEGER PRIMARY KEY, time_msc INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS policies (identifier INTEGER PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS resolutions (
    command_id TEXT PRIMARY KEY, executed INTEGER NOT NULL, reason TEXT NOT NULL, wall_msc INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stop_tasks (stop_id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
"""


class JournalUnavailable(Exception):  # noqa: N818 (it names a state of the world, not a fault)
    """The journal could not be written (disk full, I/O error). Nothing of the unit is on disk."""


Then = Callable[["JournalUnavailable | None"], None]
"""Called in the loop with how a unit ended, before its future is resolved, and also where nobody waits."""


class _Unit:
    __slots__ = ("done", "statements", "then")

    def __init__(
        self,
        statements: Sequence[Statement],
        done: asyncio.Future[None] | None,
        then: Then | None = None,
    ) -> None:
        self.statements = statements
        self.done = done
        self.then = then

    def end(self, error: JournalUnavailable | None) -> None:
        """Say how it ended, in the loop."""
        if self.then is not None:
            self.then(error)
        if self.done is None or self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class Journal:
    """One file. Writes come from one event loop; reads are made at start, before the first write."""

    def __init__(self, path: Path, on_problem: Callable[[str], None]) -> None:
        """`on_problem` is called in the loop when writing fails (with words) and when it works again ("")."""
        self._path = path
        self._on_problem = on_problem
        # What is put together wakes the thread once.
        self._queue: queue.SimpleQueue[list[_Unit] | None] = queue.SimpleQueue()
        self._later: list[_Unit] = []
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: sqlite3.Connection | None = None
        self._problem = ""
        self._timeout_seconds = 5.0
        self.journal_id = ""
        self.set_aside: Path | None = None

    @property
    def problem(self) -> str:
        """Return why writing fails; empty while it works."""
        return self._problem

    def open(self) -> None:
        """Open or make the file. One that is torn or corrupt is set aside, and `set_aside` says where.

        Raises `JournalUnavailable` when the disk takes no new file.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = self._open_checked()
        except sqlite3.DatabaseError as error:
            if not _is_corruption(error):
                raise JournalUnavailable(str(error)) from error
            log.error("the journal %s is corrupt: %s", self._path, error)
            self._set_aside()
            try:
                self._connection = self._open_checked()
            except sqlite3.DatabaseError as second:
                raise JournalUnavailable(str(second)) from second

    def replace(self) -> None:
        """Set the open file aside and begin a new one; before `start`."""
        if self._connection is not None:
            self._connection.close()
        self._set_aside()
        self.open()

    def start(self) -> None:
        """Begin to take writes, for the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    def read(self, sql: str, parameters: tuple[SqlValue, ...] = ()) -> list[tuple[SqlValue, ...]]:
        """Return rows; only before `start`."""
        if self._connection is None or self._thread is not None:
            raise RuntimeError("the journal is read before it takes writes")
        return self._connection.execute(sql, parameters).fetchall()

    def write(self, statements: Sequence[Statement], then: Then | None = None) -> asyncio.Future[None]:
        """Return a future that resolves once the unit is synced, or raises `JournalUnavailable`.

        Units become durable in the order in which they were given, each whole or not at all. A future that is
        cancelled recalls nothing: `then` is still called.
        """
        unit, done = self._unit(statements, then)
        if unit is not None:
            units, self._later = [*self._later, unit], []
            self._queue.put(units)
        return done

    def write_later(self, statements: Sequence[Statement], then: Then | None = None) -> asyncio.Future[None]:
        """As `write`, for what nobody waits for: it goes with the next unit, or by itself after a moment."""
        unit, done = self._unit(statements, then)
        if unit is not None:
            if not self._later:
                assert self._loop is not None
                self._loop.call_later(_LATER_SECONDS, self._queue_later)
            self._later.append(unit)
        return done

    def _unit(
        self, statements: Sequence[Statement], then: Then | None
    ) -> tuple[_Unit | None, asyncio.Future[None]]:
        if self._loop is None:
            raise JournalUnavailable("the journal is not open")
        done: asyncio.Future[None] = self._loop.create_future()
        unit = _Unit(statements, done, then)
        if self._problem:
            unit.end(JournalUnavailable(self._problem))
            return None, done
        return unit, done

    def _queue_later(self) -> None:
        if self._later:
            units, self._later = self._later, []
            self._queue.put(units)

    async def close(self) -> None:
        """Write what waits, and close the file."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue_later()
            self._queue.put(None)
            await asyncio.to_thread(thread.join)
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        self._loop = None

    # -- the file --------------------------------------------------------------------------------------

    def _open_checked(self) -> sqlite3.Connection:
        if committed_tail_damaged(self._path.with_name(self._path.name + "-wal")):
            raise sqlite3.DatabaseError("database disk image is malformed: a committed tail is damaged")
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        os.close(descriptor)
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=self._timeout_seconds
        )
        try:
            # A second bridge on the same journal must fail here, not trade.
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            verdict = connection.execute("PRAGMA quick_check").fetchone()
            if verdict != ("ok",):
                raise sqlite3.DatabaseError(f"database disk image is malformed: {verdict}")
            connection.executescript(_SCHEMA)
            row = connection.execute("SELECT value FROM meta WHERE name = 'journal_id'").fetchone()
            if row is None:
                made = uuid.uuid4().hex
                connection.execute("INSERT INTO meta VALUES ('journal_id', ?)", (made,))
                row = (made,)
            self.journal_id = str(row[0])
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self) -> None:
        self.set_aside = set_aside(self._path, "corrupt")

    # -- the writer thread -----------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            try:
                first = self._queue.get(timeout=_PROBE_SECONDS if self._problem else None)
            except queue.Empty:
                self._probe()
                continue
            if first is None:
                return
            units = first
            ending = False
            while len(units) < _MAX_GROUP:
                try:
                    further = self._queue.get_nowait()
                except queue.Empty:
                    break
                if further is None:
                    ending = True
                    break
                units += further
            self._commit(units)
            if ending:
                return

    def _commit(self, units: list[_Unit]) -> None:
        try:
            self._execute(units)
        except sqlite3.Error as error:
            # Nothing of the group is on disk. A unit that is itself at fault must not take others along.
            if len(units) > 1 and not _is_storage(error):
                for unit in units:
                    self._commit([unit])
                return
            self._failed(units, error)
        else:
            self._tell(units, None)

    def _execute(self, units: list[_Unit]) -> None:
        connection = self._connection
        assert connection is not None
        connection.execute("BEGIN IMMEDIATE")
        try:
            for unit in units:
                for sql, parameters in unit.statements:
                    connection.execute(sql, parameters)
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise

    def _failed(self, units: list[_Unit], error: sqlite3.Error) -> None:
        words = f"the journal cannot be written: {error}"
        log.error("%s", words)
        if _is_storage(error):
            self._set_problem(words)
        self._tell(units, JournalUnavailable(words))

    def _probe(self) -> None:
        """Try whether the disk takes a write again; as large as a command with its legs would be."""
        padding = "x" * 16384
        try:
            self._execute([_Unit([("INSERT OR REPLACE INTO meta VALUES ('probe', ?)", (padding,))], None)])
            self._execute([_Unit([("DELETE FROM meta WHERE name = 'probe'", ())], None)])
        except sqlite3.Error as error:
            log.warning("the journal still cannot be written: %s", error)
        else:
            self._set_problem("")

    def _set_problem(self, words: str) -> None:
        if bool(words) == bool(self._problem):
            self._problem = words
            return
        self._problem = words
        self._in_loop(lambda: self._on_problem(words))

    def _tell(self, units: list[_Unit], error: JournalUnavailable | None) -> None:
        def resolve() -> None:
            for unit in units:
                unit.end(error)

        self._in_loop(resolve)

    def _in_loop(self, call: Callable[[], None]) -> None:
        # The loop may be gone already when the program ends; nobody waits for the answer then.
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(call)


def set_aside(path: Path, why: str) -> Path:
    """Give a closed journal another name, so that the next start begins a new one; return that name."""
    target = path.with_name(f"{path.name}.{why}-{uuid.uuid4().hex[:8]}")
    os.replace(path, target)
    for suffix in ("-wal", "-shm"):
        side = path.with_name(path.name + suffix)
        if side.exists():
            os.replace(side, target.with_name(target.name + suffix))
    return target


def _is_corruption(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return (code & 0xFF) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return "malformed" in str(error) or "not a database" in str(error)


def _is_storage(error: sqlite3.Error) -> bool:
    """Return whether the disk, and not the statement, is at fault."""
    return isinstance(error, sqlite3.OperationalError) or (
        isinstance(error, sqlite3.DatabaseError)
        and not isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError)
    )
