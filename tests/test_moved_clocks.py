"""Clocks that tests move: as the machine's without the environment, moved while a program runs with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from signalos_bridge.clock import SystemClock
from signalos_bridge.moved_clock import VARIABLE, bridge_clock
from signalos_server.adapters.moments import MachineMoments
from signalos_server.adapters.moved_clock import server_clocks


def test_without_the_environment_clocks_are_the_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)

    assert type(bridge_clock()) is SystemClock
    assert type(server_clocks()[1]) is MachineMoments


def move(file: Path, wall: float, slept: float) -> None:
    beside = file.with_suffix(".new")
    beside.write_text(f"{wall} {slept}")
    os.replace(beside, file)


def test_a_running_program_sees_the_wall_move_and_the_sleep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "clock"
    monkeypatch.setenv(VARIABLE, str(file))
    bridge, (server, moments) = bridge_clock(), server_clocks()
    before = (bridge.wall_msc(), bridge.seconds(), moments.moment(), moments.monotonic_nanoseconds())
    server_before = (server.now(), server.monotonic())

    move(file, -3600, 0)
    assert -3_600_000 <= bridge.wall_msc() - before[0] < -3_590_000
    assert -3600 <= (moments.moment().wall - before[2].wall).total_seconds() < -3590
    assert -3600 <= (server.now() - server_before[0]).total_seconds() < -3590
    assert bridge.seconds() - before[1] < 10

    move(file, 0, 60)
    assert 60 <= bridge.seconds() - before[1] < 70
    assert 60 <= moments.moment().monotonic_seconds - before[2].monotonic_seconds < 70
    assert 60 <= server.monotonic() - server_before[1] < 70
    assert 60e9 <= moments.monotonic_nanoseconds() - before[3] < 70e9
