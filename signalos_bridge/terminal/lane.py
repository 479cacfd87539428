"""The one lane to the terminal: what waits, and what goes next. Pure; the shell owns clock and pipe."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from signalos_bridge.domain.orders import Priority

T = TypeVar("T")


@dataclass(slots=True)
class Waiting(Generic[T]):
    """One call in the lane."""

    priority: Priority
    serial: int
    item: T
    withdrawn: bool = field(default=False)

    def __lt__(self, other: Waiting[T]) -> bool:
        return (self.priority, self.serial) < (other.priority, other.serial)


class Lane(Generic[T]):
    """Calls by priority, and among equals in order of arrival."""

    def __init__(self) -> None:
        self._heap: list[Waiting[T]] = []
        self._serial = 0

    def __len__(self) -> int:
        return sum(not waiting.withdrawn for waiting in self._heap)

    def join(self, item: T, priority: Priority) -> Waiting[T]:
        """Add a call at the end of its priority."""
        self._serial += 1
        waiting = Waiting(priority, self._serial, item)
        heapq.heappush(self._heap, waiting)
        return waiting

    def withdraw(self, waiting: Waiting[T]) -> None:
        """Take a call out, wherever it is."""
        waiting.withdrawn = True

    def next(self) -> T | None:
        """Take out the most urgent call; None: nobody waits."""
        while self._heap:
            waiting = heapq.heappop(self._heap)
            if not waiting.withdrawn:
                return waiting.item
        return None

    def drain(self) -> list[T]:
        """Take out everything, the most urgent first."""
        items: list[T] = []
        while (item := self.next()) is not None:
            items.append(item)
        return items
