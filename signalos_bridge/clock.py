"""The bridge's clocks. Wall clocks decide nothing; they are for the audit."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from."""

    def seconds(self) -> float:
        """Return monotonic seconds that count on while the machine sleeps, where the system has such."""
        ...

    def awake_seconds(self) -> float:
        """Return `time.monotonic()`, in which the terminal port states its instants."""
        ...

    def wall_msc(self) -> int:
        """Return UTC in milliseconds, as the machine believes it to be."""
        ...


class SystemClock:
    """This machine's clocks."""

    def __init__(self) -> None:
        # A machine that slept must find its deadlines over; CLOCK_MONOTONIC stands still meanwhile.
        self._boottime: int | None = getattr(time, "CLOCK_BOOTTIME", None)

    def seconds(self) -> float:
        """Return monotonic seconds, sleep included where the system counts it."""
        if self._boottime is None:
            return time.monotonic()
        return time.clock_gettime(self._boottime)

    def awake_seconds(self) -> float:
        """Return `time.monotonic()`."""
        return time.monotonic()

    def wall_msc(self) -> int:
        """Return UTC in milliseconds."""
        return time.time_ns() // 1_000_000
