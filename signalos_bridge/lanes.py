"""Turns: whoever wants the same position, order or symbol goes one after the other, the urgent first."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from signalos_bridge.domain.orders import Priority


class Lanes:
    """Locks by key whose waiters are served by priority, then in order of arrival."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[int, int, asyncio.Future[None]]]] = {}
        self._numbers = count()

    def try_take(self, key: str) -> bool:
        """Take the key if nobody has it; give it back with `release`."""
        if key in self._waiting:
            return False
        self._waiting[key] = []
        return True

    def busy(self, key: str) -> bool:
        """Return whether somebody has the key."""
        return key in self._waiting

    def release(self, key: str) -> None:
        """Hand the key to the most urgent waiter, or give it back."""
        waiters = self._waiting[key]
        while waiters:
            _, _, turn = heapq.heappop(waiters)
            if not turn.done():
                turn.set_result(None)
                return
        del self._waiting[key]

    @asynccontextmanager
    async def hold(self, key: str, priority: Priority) -> AsyncIterator[None]:
        """Wait for the key and have it for the block."""
        if not self.try_take(key):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting[key], (priority, next(self._numbers), turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    # It was handed over in the same instant.
                    self.release(key)
                raise
        try:
            yield
        finally:
            self.release(key)
