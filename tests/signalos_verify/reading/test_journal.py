"""A bridge's journal is read while the bridge holds it alone, and its latch as the bridge writes it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from signalos_bridge.domain.control import HeldStop
from signalos_bridge.journal import Journal
from signalos_bridge.latch import Latch
from signalos_verify.reading.errors import RecordUnreadable
from signalos_verify.reading.journal import read_bridge, read_latch


async def test_a_journal_is_read_while_its_bridge_writes_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db", lambda words: None)
    journal.open()
    journal.start()
    writing = True

    async def write() -> int:
        number = 0
        while writing:
            number += 1
            row = ('INSERT INTO outcomes VALUES (?, 1, 0, \'{"state": "SUCCEEDED"}\')', (f"c{number}",))
            await journal.write([row])
        return number

    writer = asyncio.create_task(write())
    await asyncio.sleep(0.05)
    try:
        found = [await asyncio.to_thread(read_bridge, tmp_path) for _ in range(5)]
    finally:
        writing = False
        written = await writer
        await journal.close()
    after = read_bridge(tmp_path)

    counts = [len(one.outcomes) for one in found]
    assert counts == sorted(counts)
    assert 0 < counts[0] <= written == len(after.outcomes)
    assert {one.journal_id for one in found} == {journal.journal_id}


def test_a_latch_is_read_as_the_bridge_writes_it(tmp_path: Path) -> None:
    latch = Latch(tmp_path)
    latch.create()
    latch.hold(HeldStop("s1", False, "a reason", False, 1_700_000_000_500), 1)
    latch.hold(HeldStop("s2", True, "", True, 1_700_000_001_000), 2)
    latch.clear(("s1",), 3)

    held = {stop.stop_id: (stop.latched, stop.cleared) for stop in read_latch(tmp_path / "stops.latch")}

    assert held == {"s1": (1_700_000_000.5, True), "s2": (1_700_000_001.0, False)}


def test_where_there_is_no_journal_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordUnreadable, match="there is no journal"):
        read_bridge(tmp_path)
