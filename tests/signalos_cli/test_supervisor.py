"""The supervisor with real processes, which are small dummies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform == "win32", reason="sends signals as POSIX has them"),
]

SCRIPT = Path(__file__).with_name("supervise_dummies.py")


def eventually(true: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


class Run:
    """A supervisor over two dummies, `first` and `second`."""

    def __init__(self, directory: Path, mode: str) -> None:
        self.directory = directory
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(directory), mode],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def diary(self) -> list[list[str]]:
        try:
            return [line.split() for line in (self.directory / "diary").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def pids(self, name: str, what: str = "started") -> list[int]:
        return [int(entry[2]) for entry in self.diary() if entry[0] == name and entry[1].startswith(what)]

    def all_pids(self) -> list[int]:
        children = [int(entry[1].rpartition("-")[2]) for entry in self.diary() if "has-child" in entry[1]]
        return self.pids("first") + self.pids("second") + children

    def wait_ready(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def finish(self, seconds: float = 15.0) -> str:
        _, told = self.process.communicate(timeout=seconds)
        return told


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def start_one(mode: str = "") -> Run:
        runs.append(Run(tmp_path, mode))
        return runs[-1]

    yield start_one
    for run in runs:
        for pid in [run.process.pid, *run.all_pids()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        run.process.communicate()


def gone(pids: list[int]) -> bool:
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                return False
    return True


def test_all_start_in_order_and_ctrl_c_ends_them_in_reverse(start: Callable[..., Run]) -> None:
    run = start()

    assert run.wait_ready() == "ready 127.0.0.1:1234\n"
    run.process.send_signal(signal.SIGINT)
    told = run.finish()

    assert run.process.returncode == 0
    assert [entry[:2] for entry in run.diary()] == [
        ["first", "started"],
        ["second", "started"],
        ["second", "ended"],
        ["first", "ended"],
    ]
    assert "first speaks" in told
    assert gone(run.all_pids())


def test_a_program_killed_with_9_comes_back_and_is_said(start: Callable[..., Run]) -> None:
    run = start()
    run.wait_ready()

    os.kill(run.pids("first")[0], signal.SIGKILL)
    eventually(lambda: len(run.pids("first")) == 2, "first is started again")
    run.process.terminate()
    told = run.finish()

    assert "first ended (killed by signal 9); starts again in 0.1 s" in told
    assert run.process.returncode == 0
    assert len(run.pids("second")) == 1
    assert gone(run.all_pids())


def test_a_supervisor_killed_with_9_leaves_no_orphans(start: Callable[..., Run]) -> None:
    run = start()
    run.wait_ready()

    run.process.kill()
    run.finish()

    eventually(lambda: gone(run.all_pids()), "the programs end by themselves")
    assert run.pids("first", "ended")
    assert run.pids("second", "ended")


def test_a_deaf_program_of_a_killed_supervisor_ends_too(start: Callable[..., Run]) -> None:
    run = start("deaf")
    run.wait_ready()

    run.process.kill()
    run.finish()

    eventually(lambda: gone(run.all_pids()), "the deaf one ends after its grace")


def test_one_that_does_not_end_when_asked_is_killed(start: Callable[..., Run]) -> None:
    run = start("deaf")
    run.wait_ready()

    run.process.terminate()
    told = run.finish()

    assert "second took longer than 1 s; kills it" in told
    assert gone(run.all_pids())


def test_what_a_killed_program_left_behind_is_ended_before_it_comes_back(start: Callable[..., Run]) -> None:
    run = start("parent")
    run.wait_ready()
    child = next(int(entry[1].rpartition("-")[2]) for entry in run.diary() if "has-child" in entry[1])

    os.kill(run.pids("second")[0], signal.SIGKILL)
    eventually(lambda: len(run.pids("second")) == 2, "second is started again")

    assert gone([child])


def test_wrong_settings_end_everything_with_a_word_and_no_second_try(start: Callable[..., Run]) -> None:
    run = start("wrong")

    told = run.finish()

    assert run.process.returncode == 1
    assert "the settings are wrong" in told
    assert "second cannot start: exit code 2; ends everything" in told
    assert len(run.pids("second")) == 1
    assert gone(run.all_pids())
