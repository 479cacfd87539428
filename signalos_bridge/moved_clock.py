"""Clocks that a test can move: the wall clock set wrongly, or a machine that slept.

`SIGNALOS_TEST_CLOCK=FILE` names a file with two numbers of seconds: how far the wall clock is off, and how
long the machine has slept. It is read again whenever it changes. Without the variable the machine's clocks
are used as they are.
"""

from __future__ import annotations

import os

from signalos_bridge.clock import Clock, SystemClock

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

    def seconds(self) -> float:
        """Return monotonic seconds, sleep included."""
        return super().seconds() + self._shift.slept_seconds()

    def wall_msc(self) -> int:
        """Return UTC in milliseconds, as the machine believes it to be."""
        return super().wall_msc() + round(self._shift.wall_seconds() * 1000)


def bridge_clock() -> Clock:
    """Return this machine's clocks, moved where the environment asks for it."""
    path = os.environ.get(VARIABLE)
    return ShiftedClock(ClockShift(path)) if path else SystemClock()
