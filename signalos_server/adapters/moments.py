"""The clocks that commands are timed by: a monotonic one that outlives the server, and the wall."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from pathlib import Path

from signalos_server.domain.command import Moment

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class MachineMoments:
    """Reads this machine's clocks. `monotonic` counts sleep where the system has such a clock."""

    def __init__(self) -> None:
        self.server_boot = secrets.token_hex(16)
        self._clock = getattr(time, "CLOCK_BOOTTIME", None)
        # Elsewhere nothing names the run of the clock, so that it is believed within one start only.
        self._machine_boot = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else self.server_boot

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""
        return time.monotonic() if self._clock is None else time.clock_gettime(self._clock)

    def monotonic_nanoseconds(self) -> int:
        """Return the same clock in nanoseconds."""
        return time.monotonic_ns() if self._clock is None else time.clock_gettime_ns(self._clock)

    def now(self) -> datetime:
        """Return the wall clock's time, in UTC."""
        return datetime.now(UTC)

    def moment(self) -> Moment:
        """Return one reading of both."""
        return Moment(self.now(), self.monotonic(), self.server_boot, self._machine_boot)
