"""Clocks that a test can move: the wall clock set wrongly, or a machine that slept.

`SIGNALOS_TEST_CLOCK=FILE` names a file with two numbers of seconds: how far the wall clock is off, and how
long the machine has slept. It is read again whenever it changes. Without the variable the machine's clocks
are used as they are.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from signalos_server.adapters.clock import SystemClock
from signalos_server.adapters.moments import MachineMoments

VARIABLE = "SIGNALOS_TEST_CLOCK"


class ClockShift:
    """How far a test has moved the clocks."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._wall = self._slept = 0.0

    def wall_seconds(self) -> float:
        """Return how far the wall clock is off."""
        self._read()
        return self._wall

    def slept_seconds(self) -> float:
        """Return how long the machine has slept."""
        self._read()
        return self._slept

    def _read(self) -> None:
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            self._wall = self._slept = 0.0
            return
        stamp = (found.st_ino, found.st_mtime_ns)
        if stamp != self._stamp:
            with open(self._path, encoding="ascii") as file:
                wall, slept = file.read().split()
            self._wall, self._slept = float(wall), float(slept)
            self._stamp = stamp


class ShiftedClock(SystemClock):
    """This machine's clocks, moved by a test."""

    def __init__(self, shift: ClockShift) -> None:
        super().__init__()
        self._shift = shift

    def now(self) -> datetime:
        """Return the wall clock's time, in UTC."""
        return super().now() + timedelta(seconds=self._shift.wall_seconds())

    def monotonic(self) -> float:
        """Return the seconds since this object was made, sleep included."""
        return super().monotonic() + self._shift.slept_seconds()


class ShiftedMoments(MachineMoments):
    """This machine's clocks, moved by a test."""

    def __init__(self, shift: ClockShift) -> None:
        super().__init__()
        self._shift = shift

    def now(self) -> datetime:
        """Return the wall clock's time, in UTC."""
        return super().now() + timedelta(seconds=self._shift.wall_seconds())

    def monotonic(self) -> float:
        """Return seconds that only ever grow, sleep included."""
        return super().monotonic() + self._shift.slept_seconds()

    def monotonic_nanoseconds(self) -> int:
        """Return the same clock in nanoseconds."""
        return super().monotonic_nanoseconds() + round(self._shift.slept_seconds() * 1e9)


def server_clocks() -> tuple[SystemClock, MachineMoments]:
    """Return this machine's clocks, moved where the environment asks for it."""
    path = os.environ.get(VARIABLE)
    if not path:
        return SystemClock(), MachineMoments()
    shift = ClockShift(path)
    return ShiftedClock(shift), ShiftedMoments(shift)
