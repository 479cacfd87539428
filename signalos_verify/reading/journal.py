"""A bridge's journal and latch. The bridge holds its journal alone, so a copy is read, taken while it rests.

A copy is good when neither the file nor the head of its log changed while it was taken: the log only grows
then, and what is torn at its end belongs to no transaction.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import time
import zlib
from collections import defaultdict
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from signalos_verify.domain.records import HeldStop, Journal, JournalOutcome
from signalos_verify.reading.errors import RecordUnreadable

JOURNAL_FILE = "journal.db"
LATCH_FILE = "stops.latch"
_WAL_HEAD_BYTES = 32
_TRIES = 50
_WAIT_SECONDS = 0.05


def read_bridge(directory: Path) -> Journal:
    """Return what a bridge remembers; `directory` is its data directory. Raises `RecordUnreadable`."""
    path = directory / JOURNAL_FILE
    if not path.is_file():
        raise RecordUnreadable(f"there is no journal at {path}")
    latch = read_latch(directory / LATCH_FILE)
    with tempfile.TemporaryDirectory(prefix="signalos-verify-") as scratch:
        copy = _copy(path, Path(scratch))
        try:
            with closing(sqlite3.connect(copy)) as connection:
                return _journal(connection, str(path), latch)
        except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
            raise RecordUnreadable(f"the journal {path} cannot be read: {error}") from error


def _copy(path: Path, scratch: Path) -> Path:
    wal = path.with_name(path.name + "-wal")
    for _ in range(_TRIES):
        before = _stamp(path, wal)
        target = scratch / path.name
        for suffix in ("", "-wal"):
            (scratch / (path.name + suffix)).unlink(missing_ok=True)
        try:
            shutil.copyfile(path, target)
            if wal.exists():
                shutil.copyfile(wal, scratch / wal.name)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise RecordUnreadable(f"the journal {path} cannot be read: {error.strerror}") from error
        if _stamp(path, wal) == before:
            return target
        time.sleep(_WAIT_SECONDS)
    raise RecordUnreadable(f"the journal {path} changes too fast to be copied; try again, or end the bridge")


def _stamp(path: Path, wal: Path) -> tuple[int, int, int, bytes]:
    try:
        found = path.stat()
        with wal.open("rb") as log:
            head = log.read(_WAL_HEAD_BYTES)
    except FileNotFoundError:
        head = b""
        if not path.exists():
            return 0, 0, 0, head
        found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, head


def _journal(connection: sqlite3.Connection, path: str, latch: tuple[HeldStop, ...]) -> Journal:
    meta = dict(connection.execute("SELECT name, value FROM meta"))
    acknowledged = int(meta.get("acknowledged_seq", "0"))
    (last,) = connection.execute("SELECT COALESCE(MAX(seq), 0) FROM events").fetchone()
    attempts: dict[tuple[str, int], int] = defaultdict(int)
    for command_id, leg in connection.execute("SELECT command_id, leg FROM attempts"):
        attempts[command_id, leg] += 1
    (oldest,) = connection.execute("SELECT MIN(wall_msc) FROM commands").fetchone()
    return Journal(
        path=path,
        journal_id=meta["journal_id"],
        prefix=int(meta.get("prefix", "0")),
        acknowledged_seq=acknowledged,
        last_seq=max(acknowledged, last),
        commands=dict(connection.execute("SELECT command_id, state FROM commands")),
        outcomes=tuple(
            JournalOutcome(command_id, number, bool(acknowledged), json.loads(data)["state"])
            for command_id, number, acknowledged, data in connection.execute(
                "SELECT command_id, number, acknowledged, data FROM outcomes"
            )
        ),
        legs={
            magic: (command_id, attempts[command_id, leg])
            for command_id, leg, magic in connection.execute("SELECT command_id, leg, magic FROM legs")
        },
        positions=dict(
            _position(identifier, data)
            for identifier, data in connection.execute("SELECT identifier, data FROM positions")
        ),
        orders=frozenset(ticket for (ticket,) in connection.execute("SELECT ticket FROM orders")),
        latch=latch,
        oldest_command=None if oldest is None else oldest / 1000,
    )


def _position(identifier: int, data: str) -> tuple[int, Decimal]:
    return identifier, Decimal(json.loads(data)["record"]["position"]["volume_lots"])


def read_latch(path: Path) -> tuple[HeldStop, ...]:
    """Return the stops of a latch file, cleared ones too; none where there is no file."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise RecordUnreadable(f"the latch {path} cannot be read: {error.strerror}") from error
    held: dict[str, float] = {}
    cleared: set[str] = set()
    for line in lines:
        record = _latch_record(line)
        if record.get("kind") == "stop":
            held.setdefault(str(record["stop_id"]), int(record.get("latched_wall_msc") or 0) / 1000)
        elif record.get("kind") == "clear":
            cleared.update(str(stop_id) for stop_id in record["stop_ids"])
    return tuple(HeldStop(stop_id, latched, stop_id in cleared) for stop_id, latched in held.items())


def _latch_record(line: bytes) -> dict[str, Any]:
    """Return a record; empty for what is none, which the bridge counts as a stop of its own making."""
    checksum, _, body = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        return {}
    try:
        record = json.loads(body)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
