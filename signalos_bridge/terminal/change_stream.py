"""Changes on their way to their one consumer: in order, and never a silent hole."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from signalos_bridge.terminal.port import TerminalChange, WatchStarted

MOST_WAITING = 20_000


class ChangeStream:
    """A queue that asks for a new beginning when its consumer has fallen too far behind."""

    def __init__(self, begin_again: Callable[[str], None], most_waiting: int = MOST_WAITING) -> None:
        self._begin_again = begin_again
        self._most_waiting = most_waiting
        self._waiting: deque[TerminalChange] = deque()
        self._skipping = False
        self._closed = False
        self._arrived = asyncio.Event()

    def put(self, change: TerminalChange) -> None:
        """Add a change; past the limit everything is dropped up to the beginning that is asked for."""
        if self._skipping:
            if not isinstance(change, WatchStarted):
                return
            self._skipping = False
        elif len(self._waiting) >= self._most_waiting:
            self._waiting.clear()
            self._skipping = True
            self._begin_again("the bridge fell behind")
            return
        self._waiting.append(change)
        self._arrived.set()

    def close(self) -> None:
        """End the stream after what is in it."""
        self._closed = True
        self._arrived.set()

    async def __aiter__(self) -> AsyncIterator[TerminalChange]:
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._closed:
                return
            self._arrived.clear()
            await self._arrived.wait()
