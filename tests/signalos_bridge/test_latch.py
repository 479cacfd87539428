"""The latch on the disk, written by this process and by others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from signalos_bridge import poke
from signalos_bridge.domain.control import HeldStop
from signalos_bridge.latch import LATCH_FILE, Latch, LatchMissing, LatchUnavailable, stop_locally

STOP = HeldStop("a", True, "news", False, 5)


def test_a_latched_stop_is_there_after_a_restart_and_gone_after_its_rearm(tmp_path: Path) -> None:
    Latch(tmp_path).hold(STOP, 3)
    assert Latch(tmp_path).read().held == (STOP,)
    assert Latch(tmp_path).read().stop_generation == 3

    Latch(tmp_path).clear(("a",), 4)

    assert Latch(tmp_path).read().held == ()
    assert Latch(tmp_path).read().stop_generation == 4


def test_a_look_tells_whether_another_process_wrote(tmp_path: Path) -> None:
    latch = Latch(tmp_path)
    latch.create()
    assert latch.changed()
    latch.read()
    assert not latch.changed()

    Latch(tmp_path).hold(STOP, 0)

    assert latch.changed()
    assert latch.read().held == (STOP,)


def test_a_latch_that_is_missing_or_unreadable_is_said_and_not_taken_for_clear(tmp_path: Path) -> None:
    latch = Latch(tmp_path)
    with pytest.raises(LatchMissing):
        latch.read()
    (tmp_path / LATCH_FILE).mkdir()
    with pytest.raises(LatchUnavailable):
        latch.read()
    with pytest.raises(LatchUnavailable):
        latch.hold(STOP, 0)


def test_a_rebuilt_latch_holds_what_was_known_and_one_stop_for_what_was_not(tmp_path: Path) -> None:
    latch = Latch(tmp_path)
    latch.rebuild([STOP], 2)

    held = latch.read().held

    assert STOP in held
    assert len(held) == 2


def test_a_drill_leaves_the_latch_as_it_was(tmp_path: Path) -> None:
    latch = Latch(tmp_path)
    latch.create()
    before = (tmp_path / LATCH_FILE).read_bytes()

    latch.drill()

    assert (tmp_path / LATCH_FILE).read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
def test_the_latch_is_its_owners_alone(tmp_path: Path) -> None:
    Latch(tmp_path).create()

    assert (tmp_path / LATCH_FILE).stat().st_mode & 0o077 == 0


def test_a_local_stop_is_on_the_disk_although_no_bridge_runs(tmp_path: Path) -> None:
    stopped = stop_locally(tmp_path, "", wait_seconds=0.1)

    assert not stopped.bridge_answered
    (held,) = Latch(tmp_path).read().held
    assert held.stop_id == stopped.stop_id
    assert held.local


def test_stops_from_many_processes_at_once_are_all_held(tmp_path: Path) -> None:
    Latch(tmp_path).create()
    program = (
        "from pathlib import Path; from signalos_bridge.latch import stop_locally\n"
        f"for _ in range(20): stop_locally(Path({str(tmp_path)!r}), 'race', wait_seconds=0)"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program], env={**os.environ}) for _ in range(3)]
    for process in processes:
        assert process.wait(30) == 0

    found = Latch(tmp_path).read()

    assert len(found.held) == 60
    assert all(stop.reason == "race" for stop in found.held)


async def test_a_running_bridge_answers_a_poke_with_the_right_secret_only(tmp_path: Path) -> None:
    import asyncio

    asked: list[str] = []

    def poked(stop_id: str) -> list[str]:
        asked.append(stop_id)
        return [stop.stop_id for stop in Latch(tmp_path).read().held]

    transport, _ = await poke.listen(tmp_path, poked)
    try:
        stopped = await asyncio.to_thread(stop_locally, tmp_path, "by hand", True)
        assert stopped.bridge_answered
        assert stopped.stop_id in asked
        told = (tmp_path / "poke.json").read_text()
        (tmp_path / "poke.json").write_text(told.replace('"secret": "', '"secret": "x'))
        other = await asyncio.to_thread(stop_locally, tmp_path, "by hand", wait_seconds=0.2)
        assert not other.bridge_answered
    finally:
        transport.close()
