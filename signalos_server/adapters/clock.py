"""The clocks and the dice, given to whoever needs them."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from typing import Protocol

from signalos_server.domain.identifiers import new_identifier


class Clock(Protocol):
    """What time it is."""

    def now(self) -> datetime:
        """Return the wall clock's time, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow, counting sleep where the system has such a clock."""


class SystemClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        # Linux's monotonic clock stands still while the machine sleeps; this one does not.
        self._clock = getattr(time, "CLOCK_BOOTTIME", None)
        self._started = self._read()

    def _read(self) -> float:
        return time.monotonic() if self._clock is None else time.clock_gettime(self._clock)

    def now(self) -> datetime:
        """Return the wall clock's time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the seconds since this object was made."""
        return self._read() - self._started


def make_identifier(prefix: str, clock: Clock) -> str:
    """Return a new identifier such as `acc_01j9…`."""
    return new_identifier(prefix, int(clock.now().timestamp() * 1000), secrets.randbits(80))
