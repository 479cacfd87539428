"""Failpoints: armed by the environment only, counted, told, and struck once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PASS_FOUR_TIMES = """
from {package}.failpoints import reach
for number in range(4):
    print(number, flush=True)
    reach("a")
    reach("b")
"""


@pytest.fixture(params=["signalos_server", "signalos_bridge"])
def package(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(package: str, failpoints: str | None) -> tuple[int, int]:
    """Return how often the loop began, and the exit code."""
    environment = {name: value for name, value in os.environ.items() if name != "SIGNALOS_FAILPOINTS"}
    if failpoints is not None:
        environment["SIGNALOS_FAILPOINTS"] = failpoints
    done = subprocess.run(
        [sys.executable, "-c", PASS_FOUR_TIMES.format(package=package)],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return len(done.stdout.split()), done.returncode


def test_nothing_happens_without_the_environment(package: str) -> None:
    assert run(package, None) == (4, 0)


def test_the_process_dies_at_the_asked_passing(package: str) -> None:
    assert run(package, "b:3") == (3, -signal.SIGKILL)


def test_a_file_arms_once_and_every_passing_is_told(package: str, tmp_path: Path) -> None:
    armed = tmp_path / "points"
    armed.write_text("a:2")

    assert run(package, f"@{armed}") == (2, -signal.SIGKILL)
    assert not armed.exists()
    told = [line.split()[1:] for line in (tmp_path / "points.log").read_text().splitlines()]
    assert told == [["a", "passed"], ["b", "passed"], ["a", "kill"]]
    assert run(package, f"@{armed}") == (4, 0)


def test_a_pause_holds_the_passing_up_and_goes_on(package: str, tmp_path: Path) -> None:
    armed = tmp_path / "points"
    armed.write_text("b:1=pause(300)")

    assert run(package, f"@{armed}") == (4, 0)
    lines = [line.split() for line in (tmp_path / "points.log").read_text().splitlines()]
    assert lines[1][1:] == ["b", "pause"]
    assert float(lines[2][0]) - float(lines[1][0]) >= 0.3


def test_a_wrong_text_is_refused(package: str) -> None:
    assert run(package, "a=explode") == (0, 1)
