"""How late the event loop is: the loop that does the work measures itself."""

from __future__ import annotations

import asyncio

from signalos_bridge.clock import Clock

_PERIOD_SECONDS = 0.1
_SPAN_SECONDS = 5.0


class LoopMeter:
    """The worst lateness of the last five to ten seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._worst = 0.0
        self._worst_before = 0.0
        self._began_at = clock.awake_seconds()

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            before = self._clock.awake_seconds()
            await asyncio.sleep(_PERIOD_SECONDS)
            now = self._clock.awake_seconds()
            if now - self._began_at >= _SPAN_SECONDS:
                self._worst_before, self._worst, self._began_at = self._worst, 0.0, now
            self._worst = max(self._worst, now - before - _PERIOD_SECONDS)

    def worst(self) -> float:
        """Return the worst lateness in seconds."""
        return max(0.0, self._worst, self._worst_before)
