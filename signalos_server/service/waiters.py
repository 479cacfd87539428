"""Those who wait in memory for a commit to tell them something."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class Watch(Generic[T]):
    """One listener; listens from the entry of its context to the exit, and misses nothing between."""

    def __init__(self, waiting: defaultdict[str, set[Watch[T]]], key: str) -> None:
        self._waiting = waiting
        self._key = key
        self._told = asyncio.Event()
        self._latest: T | None = None

    def __enter__(self) -> Watch[T]:
        self._waiting[self._key].add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        listeners = self._waiting[self._key]
        listeners.discard(self)
        if not listeners:
            del self._waiting[self._key]

    def tell(self, value: T) -> None:
        """Take in a value; the latest one counts."""
        self._latest = value
        self._told.set()

    async def until(self, seconds: float, wanted: Callable[[T], bool]) -> T | None:
        """Return the first latest value that is wanted; after `seconds` the last one that came, or None."""
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                while self._latest is None or not wanted(self._latest):
                    self._told.clear()
                    await self._told.wait()
        except TimeoutError:
            pass
        return self._latest


class Waiters(Generic[T]):
    """Listeners by key."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[Watch[T]]] = defaultdict(set)

    def tell(self, key: str, value: T) -> None:
        """Tell those who listen for `key`."""
        for watch in tuple(self._waiting.get(key, ())):
            watch.tell(value)

    def watch(self, key: str) -> Watch[T]:
        """Return a listener; use it as a context."""
        return Watch(self._waiting, key)
