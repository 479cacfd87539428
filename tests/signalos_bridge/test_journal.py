from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from signalos_bridge.journal import Journal, JournalUnavailable
from signalos_bridge.wal import committed_tail_damaged


async def opened(path: Path, told: list[str] | None = None) -> Journal:
    journal = Journal(path, (told if told is not None else []).append)
    journal.open()
    journal.start()
    return journal


def row(name: str, value: str = "x") -> tuple[str, tuple[str, str]]:
    return "INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value)


async def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = await opened(path)
    made = journal.journal_id
    await journal.write([row("a", "1")])
    await journal.close()

    again = Journal(path, lambda _words: None)
    again.open()

    assert again.journal_id == made
    assert again.read("SELECT value FROM meta WHERE name = 'a'") == [("1",)]
    await again.close()


async def test_a_second_bridge_cannot_open_the_same_journal(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "journal.db")
    await journal.write([row("a")])
    second = Journal(tmp_path / "journal.db", lambda _words: None)
    second._timeout_seconds = 0.0

    with pytest.raises(JournalUnavailable):
        second.open()
    await journal.close()


async def test_a_corrupt_file_is_set_aside_and_a_new_journal_begun(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = await opened(path)
    made = journal.journal_id
    await journal.close()
    path.write_bytes(b"this is no database" * 500)

    again = Journal(path, lambda _words: None)
    again.open()

    assert again.journal_id != made
    assert again.set_aside is not None
    assert again.set_aside.exists()
    await again.close()


async def test_a_flipped_bit_in_a_committed_tail_is_detected_and_a_cut_tail_is_not(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = await opened(path)
    for number in range(20):
        await journal.write([row(f"n{number}", "x" * 500)])
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("journal.db", "journal.db-wal"):
        shutil.copy(tmp_path / name, copy / name)
    await journal.close()
    wal = copy / "journal.db-wal"
    assert not committed_tail_damaged(wal)

    data = bytearray(wal.read_bytes())
    cut = copy / "cut-wal"
    cut.write_bytes(data[:-1000])
    data[-1000] ^= 0x40
    wal.write_bytes(bytes(data))

    assert committed_tail_damaged(wal)
    assert not committed_tail_damaged(cut)
    damaged = Journal(copy / "journal.db", lambda _words: None)
    damaged.open()
    assert damaged.set_aside is not None
    await damaged.close()


async def test_a_unit_at_fault_does_not_take_others_along(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "journal.db")
    good = journal.write([row("good")])
    bad = journal.write([("INSERT INTO events VALUES (1, 'a', 1, 'c', 'k', 'd')", ())] * 2)
    also = journal.write([row("also")])

    await good
    await also
    with pytest.raises(JournalUnavailable):
        await bad
    assert journal.problem == ""
    await journal.close()


async def test_a_full_disk_is_said_and_heals(tmp_path: Path) -> None:
    told: list[str] = []
    journal = await opened(tmp_path / "journal.db", told)
    await journal.write([row("before")])
    connection = journal._connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(JournalUnavailable):
        await journal.write([row("large", "x" * 100_000)])
    assert "full" in journal.problem
    with pytest.raises(JournalUnavailable):
        await journal.write([row("small")])
    connection.execute("PRAGMA max_page_count = 100000")
    journal._probe()

    await journal.write([row("after")])
    assert told[0].startswith("the journal cannot be written")
    assert told[-1] == ""
    await journal.close()
