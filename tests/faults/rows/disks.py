"""F17-F19: the disk of the journal or of the server is full, and a journal whose end was damaged."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import struct
import time
from dataclasses import replace
from pathlib import Path

from tests.faults.person import marks_are_explained, resolve_lost
from tests.faults.run import Missed, Row, Run
from tests.faults.stops import call_stop, rearm, until_latched
from tests.faults.verdict import Expectation
from tests.faults.world import Shape

_DISK_MIB = 24
_FULL_SECONDS = 4.0
_PIECE = b"\0" * 65536
_WAL_HEADER, _FRAME_HEADER = 32, 24


def fill(directory: Path) -> Path:
    """Takes every byte that is left on a small disk; returns the file to remove."""
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file:
        size = len(_PIECE)
        while size:
            try:
                file.write(_PIECE[:size])
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2
    return ballast


# -- F17 -----------------------------------------------------------------------------------------------


async def _journal_full(run: Run) -> None:
    first = len(run.load.asked)
    began = time.time()
    ballast = await asyncio.to_thread(fill, run.world.directory / "bridge")
    await asyncio.sleep(_FULL_SECONDS)
    # Nothing that opens leaves while the journal takes nothing: a command without a record has no order.
    healed_at = time.time()
    await asyncio.to_thread(ballast.unlink)
    await run.healed("bridge:disk full", began, healed_at)
    if not any(one.reason == "JOURNAL_UNAVAILABLE" for one in run.load.asked[first:]):
        raise Missed("the journal never met the end of its disk")
    alerts = await run.world.client.call("GET", "/api/alerts")
    if alerts.accepted and not any("JOURNAL" in one["code"] for one in alerts.response["alerts"]):
        run.violated("F17 no alert says that the journal's disk is full")


# -- F18 -----------------------------------------------------------------------------------------------


async def _server_full(run: Run) -> None:
    calls_before = len(run.world.client.calls)
    began = time.time()
    ballast = await asyncio.to_thread(fill, run.world.directory / "server")
    await asyncio.sleep(_FULL_SECONDS / 2)
    run.stopped = True
    stop_id = await call_stop(run)
    run.notes["latched"] = await until_latched(run, stop_id, time.time()) - began - _FULL_SECONDS / 2
    await asyncio.sleep(_FULL_SECONDS / 2)
    refused = [
        call
        for call in run.world.client.calls[calls_before:]
        if call.status == 503 and call.reason == "STORAGE_UNAVAILABLE"
    ]
    healed_at = time.time()
    await asyncio.to_thread(ballast.unlink)
    await run.healed("server:disk full", began, healed_at)
    began = time.time()
    await rearm(run, stop_id)
    run.stopped = False
    await run.healed("emergency stop", began, time.time())
    if not refused:
        raise Missed("the database never met the end of its disk")


# -- F19 -----------------------------------------------------------------------------------------------


async def _journal_damaged(run: Run) -> None:
    point = run.dice.choice(("after_intent", "after_call", "after_outcome"))
    at, _ = await run.strike("bridge", f"{point}:{run.dice.randint(1, 4)}")
    wal = run.world.directory / "bridge" / "journal.db-wal"
    kind = run.dice.choice(("torn", "flipped"))
    damage = _tear if kind == "torn" else _flip
    if not await asyncio.to_thread(damage, wal, run.dice):
        raise Missed("the journal had no tail to damage")
    healed_at = time.time()
    await run.world.start_again("bridge")
    if kind == "flipped":
        await resolve_lost(run)
    await run.healed(f"journal:{kind} at {point}", at, healed_at)
    if kind == "flipped":
        run.after.append(marks_are_explained)
        alerts = await run.world.client.call("GET", "/api/alerts")
        codes = {one["code"] for one in alerts.response["alerts"]} if alerts.accepted else set()
        if not codes & {"JOURNAL_CORRUPT", "JOURNAL_BEHIND"}:
            run.violated(f"F19 the damaged journal was not told: {sorted(codes)}")


def _tear(wal: Path, dice: random.Random) -> bool:
    """Half a frame more, as of a write that the power cut short."""
    data = wal.read_bytes()
    if len(data) < _WAL_HEADER + _FRAME_HEADER:
        return False
    (page_size,) = struct.unpack_from(">I", data, 8)
    frame = data[_WAL_HEADER : _WAL_HEADER + _FRAME_HEADER] + dice.randbytes(page_size)
    end = _end_of_frames(data, page_size)
    with wal.open("r+b") as file:
        file.seek(end)
        file.write(frame[: dice.randint(1, len(frame) - 1)])
    return True


def _flip(wal: Path, dice: random.Random) -> bool:
    """One bit of the last frames that had been committed."""
    data = wal.read_bytes()
    if len(data) < _WAL_HEADER + _FRAME_HEADER:
        return False
    (page_size,) = struct.unpack_from(">I", data, 8)
    size = _FRAME_HEADER + page_size
    end = _end_of_frames(data, page_size)
    last = (end - _WAL_HEADER) // size
    if last < 3:
        return False
    start = _WAL_HEADER + (last - dice.randint(1, 3)) * size
    at = start + _FRAME_HEADER + dice.randrange(page_size)
    with wal.open("r+b") as file:
        file.seek(at)
        file.write(bytes([data[at] ^ (1 << dice.randrange(8))]))
        os.fsync(file.fileno())
    return True


def _end_of_frames(data: bytes, page_size: int) -> int:
    """Where the frames of the log's present round end; what follows is left over from an earlier one."""
    salts, end = data[16:24], _WAL_HEADER
    size = _FRAME_HEADER + page_size
    while end + size <= len(data) and data[end + 8 : end + 16] == salts:
        end += size
    return end


def _small_bridge_disk(shape: Shape) -> Shape:
    return replace(shape, bridge_disk_mib=_DISK_MIB)


def _small_server_disk(shape: Shape) -> Shape:
    return replace(shape, server_disk_mib=_DISK_MIB)


ROWS = (
    Row(
        "F17",
        "journal's disk full",
        "no order is sent; entries blocked, said, self-heals",
        _journal_full,
        10,
        settles=True,
        shape=_small_bridge_disk,
        expected=Expectation(refusals=frozenset({"JOURNAL_UNAVAILABLE", "SYNC_IN_PROGRESS"})),
        pause=0.2,
    ),
    Row(
        "F18",
        "server's disk full",
        "new commands refused, stop accepted, no corruption",
        _server_full,
        10,
        shape=_small_server_disk,
        expected=Expectation(refusals=frozenset({"STOPPED", "FENCED", "ORDER_GONE", "TRADING_STOPPED"})),
    ),
    Row(
        "F19",
        "torn or flipped journal tail",
        "detected, cut, UNKNOWN, never guessed",
        _journal_damaged,
        None,
        settles=True,
        per_world=1,
        expected=Expectation(
            refusals=frozenset({"UNKNOWN_OPEN", "SYNC_IN_PROGRESS", "RESOLVED_NOT_EXECUTED"}),
            # Looked at by the row itself, see `marks_are_explained`.
            findings=frozenset({"ORPHAN_EXECUTION"}),
            enough=0.75,
        ),
    ),
)
