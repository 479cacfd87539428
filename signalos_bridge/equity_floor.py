"""Stops the account by itself when its equity stays below the least that is allowed, if that is wished."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal

import structlog

from signalos_bridge.clock import Clock
from signalos_bridge.domain.control import HeldStop
from signalos_bridge.domain.equity_floor import FloorWatch, Funds
from signalos_bridge.domain.values import FloorAction

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 0.2


class EquityFloor:
    """Looks at the equity, whether the server is there or not."""

    def __init__(
        self,
        funds: Callable[[], Funds],
        held: Callable[[], Sequence[HeldStop]],
        stop: Callable[[HeldStop, int], bool],
        clock: Clock,
    ) -> None:
        self._funds = funds
        self._held = held
        self._stop = stop
        self._clock = clock
        self._watch = FloorWatch()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    def look(self) -> None:
        """Look once."""
        funds = self._funds()
        self._watch, trips = self._watch.look(funds, self._clock.awake_seconds())
        if not trips or funds.reading is None:
            return
        closes = funds.action is FloorAction.FLATTEN
        held = self._held()
        if any(stop.close_positions or not closes for stop in held):
            # Stopped already, and as hard.
            return
        floor = (funds.floor or Decimal(0)).normalize()
        reason = f"MINIMUM_EQUITY: limit={floor:f} current={funds.reading.equity:f}"
        log.error("equity is below its least: stopping", reason=reason, closes=closes)
        self._stop(HeldStop(str(uuid.uuid4()), closes, reason, True, self._clock.wall_msc()), 0)
