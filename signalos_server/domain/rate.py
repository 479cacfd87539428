"""Rate limits: token buckets that are told the time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many a second after that."""

    burst: float
    per_second: float


class Buckets:
    """One bucket for each key, all of one rate; the memory is bounded.

    A forgotten key is one that was least recently used: its bucket is as good as full by then, unless
    somebody cycles through more than `capacity` keys on purpose.
    """

    def __init__(self, rate: Rate, capacity: int = 10_000) -> None:
        self._rate = rate
        self._capacity = capacity
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """Take one; return 0.0, or the seconds until one can be taken (then nothing was)."""
        level = self._level(key, now)
        if level < 1.0:
            self._levels[key] = (level, now)
            return (1.0 - level) / self._rate.per_second
        self._levels[key] = (level - 1.0, now)
        self._levels.move_to_end(key)
        while len(self._levels) > self._capacity:
            self._levels.popitem(last=False)
        return 0.0

    def wait_seconds(self, key: str, now: float) -> float:
        """Return the seconds until one can be taken, taking nothing."""
        return max(0.0, (1.0 - self._level(key, now)) / self._rate.per_second)

    def forget(self, key: str) -> None:
        """Fill the bucket of `key`."""
        self._levels.pop(key, None)

    def _level(self, key: str, now: float) -> float:
        level, since = self._levels.get(key, (self._rate.burst, now))
        return min(self._rate.burst, level + max(0.0, now - since) * self._rate.per_second)
