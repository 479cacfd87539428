"""A bridge's disk: what was synced outlives a kill, what was only asked for does not."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from random import Random
from typing import Any

from signalos_bridge import journal as real
from signalos_bridge.domain.audit_heads import KeptHeads
from signalos_bridge.domain.control import HeldStop
from signalos_bridge.domain.latch_records import LatchContents, contents, header_record
from signalos_bridge.journal import JournalUnavailable, SqlValue, Statement, Then, _Unit
from signalos_bridge.latch import Latch, LatchMissing, LatchUnavailable

_NO_SPACE = "database or disk is full"


@cache
def _empty_journal() -> bytes:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(real._SCHEMA)
    return bytes(connection.serialize())


class Disk:
    """What is on it. The world looks at `held` and `torn_latches`; the bridge's code never does."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.latch: bytes | None = None
        self.latch_writes = 0
        self.kept: Any = None
        self.heads = KeptHeads()
        self.full = False
        # The stops whose record was synced and which no synced re-arm has named, by the world's own book.
        self.held: dict[str, HeldStop] = {}
        self.on_held: Callable[[str], None] = lambda _stop_id: None
        self.new_journal()

    def new_journal(self) -> None:
        """Put an empty journal in the place of what there is."""
        self.journal = sqlite3.connect(":memory:", isolation_level=None)
        self.journal.deserialize(_empty_journal())
        self.journal_id = f"{self._random.getrandbits(128):032x}"
        self.journal.execute("INSERT INTO meta VALUES ('journal_id', ?)", (self.journal_id,))

    def close(self) -> None:
        """Let go of the database."""
        self.journal.close()


class SimJournal:
    """See `signalos_bridge.journal.Journal`: the same promises, with a disk of the simulation below."""

    def __init__(self, disk: Disk, on_problem: Callable[[str], None]) -> None:
        self._disk = disk
        self._on_problem = on_problem
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[_Unit] = []
        self._later: list[_Unit] = []
        self._writing = False
        self._problem = ""
        self.journal_id = disk.journal_id
        self.set_aside = None

    @property
    def problem(self) -> str:
        return self._problem

    def open(self) -> None:
        if self._disk.full:
            raise JournalUnavailable(_NO_SPACE)
        self.journal_id = self._disk.journal_id

    def replace(self) -> None:
        raise AssertionError("the journal holds what it should not")

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()

    def read(self, sql: str, parameters: tuple[SqlValue, ...] = ()) -> list[tuple[SqlValue, ...]]:
        return self._disk.journal.execute(sql, parameters).fetchall()

    def write(self, statements: Sequence[Statement], then: Then | None = None) -> asyncio.Future[None]:
        unit, done = self._unit(statements, then)
        if unit is not None:
            self._queue_later()
            self._waiting.append(unit)
            self._begin()
        return done

    def write_later(self, statements: Sequence[Statement], then: Then | None = None) -> asyncio.Future[None]:
        unit, done = self._unit(statements, then)
        if unit is not None:
            assert self._loop is not None
            if not self._later:
                self._loop.call_later(0.2, self._flush_later)
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

    async def close(self) -> None:
        self._flush_later()
        while self._writing or self._waiting:  # noqa: ASYNC110 (an orderly end is seldom)
            await asyncio.sleep(0.01)
        self._loop = None

    def _queue_later(self) -> None:
        self._waiting += self._later
        self._later.clear()

    def _flush_later(self) -> None:
        self._queue_later()
        self._begin()

    def _begin(self) -> None:
        if not self._writing and self._waiting:
            assert self._loop is not None
            self._writing = True
            self._loop.call_later(self._loop._disk_seconds(), self._sync)  # type: ignore[attr-defined]

    def _sync(self) -> None:
        """The one instant at which a group becomes durable, whole or not at all."""
        units, self._waiting = self._waiting, []
        assert self._loop is not None
        error = None
        if self._disk.full:
            error = JournalUnavailable(f"the journal cannot be written: {_NO_SPACE}")
        else:
            journal = self._disk.journal
            journal.execute("BEGIN")
            for unit in units:
                for sql, parameters in unit.statements:
                    journal.execute(sql, parameters)
            journal.execute("COMMIT")
        self._loop.call_later(self._loop._disk_seconds(), self._tell, units, error)  # type: ignore[attr-defined]

    def _tell(self, units: Iterable[_Unit], error: JournalUnavailable | None) -> None:
        self._writing = False
        if error is not None and not self._problem:
            self._problem = str(error)
            self._on_problem(self._problem)
            assert self._loop is not None
            self._loop.call_later(1.0, self._probe)
        for unit in units:
            unit.end(error)
        self._begin()

    def _probe(self) -> None:
        if self._disk.full:
            assert self._loop is not None
            self._loop.call_later(1.0, self._probe)
        else:
            self._problem = ""
            self._on_problem("")


class SimLatch(Latch):
    """The latch file of a disk of the simulation; what stands in it is written and read by the real code."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._read_writes = -1

    @property
    def exists(self) -> bool:
        return self._disk.latch is not None

    def create(self) -> None:
        if self._disk.latch is None:
            self._append(header_record())

    def changed(self) -> bool:
        return self._disk.latch_writes != self._read_writes

    def read(self) -> LatchContents:
        if self._disk.latch is None:
            raise LatchMissing("the latch file is missing")
        self._read_writes = self._disk.latch_writes
        return contents(self._disk.latch)

    def hold(self, stop: HeldStop, stop_generation: int) -> None:
        super().hold(stop, stop_generation)
        self._disk.held.setdefault(stop.stop_id, stop)
        self._disk.on_held(stop.stop_id)

    def clear(self, stop_ids: tuple[str, ...], stop_generation: int) -> None:
        super().clear(stop_ids, stop_generation)
        for stop_id in stop_ids:
            self._disk.held.pop(stop_id, None)

    def drill(self) -> None:
        if self._disk.full:
            raise LatchUnavailable(_NO_SPACE)

    def _write(self, record: bytes) -> None:
        if self._disk.full:
            raise LatchUnavailable(f"the latch cannot be written: {_NO_SPACE}")
        self._append(record)

    def _append(self, record: bytes) -> None:
        self._disk.latch = (self._disk.latch or b"") + record
        self._disk.latch_writes += 1


class SimKept:
    """What `signalos_bridge.kept` is to the controller."""

    from signalos_bridge.kept import KeptDamaged

    @staticmethod
    def load(disk: Disk) -> Any:
        return disk.kept

    @staticmethod
    def store(disk: Disk, kept: Any, last_epoch: tuple[int, int]) -> None:
        if disk.full:
            raise OSError(28, "No space left on device")
        disk.kept = (kept, last_epoch)


class SimHeads:
    """What `signalos_bridge.kept_heads` is to the controller."""

    from signalos_bridge.kept_heads import HEADS_FILE, HeadsDamaged

    @staticmethod
    def load(disk: Disk) -> KeptHeads:
        return disk.heads

    @staticmethod
    def store(disk: Disk, kept: KeptHeads) -> None:
        if disk.full:
            raise OSError(28, "No space left on device")
        disk.heads = kept
