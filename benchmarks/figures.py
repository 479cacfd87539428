"""Latencies, percentiles and how they are told."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Latencies:
    """Sorted durations in seconds."""

    seconds: tuple[float, ...]

    def percentile(self, percent: float) -> float:
        """The nearest-rank percentile, in seconds; `nan` without a sample."""
        if not self.seconds:
            return math.nan
        rank = max(1, math.ceil(percent / 100 * len(self.seconds)))
        return self.seconds[rank - 1]

    @property
    def p50(self) -> float:
        """The median, in seconds."""
        return self.percentile(50)

    @property
    def p99(self) -> float:
        """The 99th percentile, in seconds."""
        return self.percentile(99)


def latencies(samples: Sequence[float]) -> Latencies:
    """Sorts samples in seconds."""
    return Latencies(tuple(sorted(samples)))


def milliseconds(seconds: float) -> str:
    """Seconds as text in milliseconds, or a dash where nothing was measured."""
    return "-" if math.isnan(seconds) else f"{seconds * 1e3:.2f} ms"


async def measure(callers: Sequence[Callable[[int], Awaitable[object]]], calls_each: int) -> Latencies:
    """Lets each caller make `calls_each` calls one after another, all callers at once."""
    samples: list[float] = []

    async def run(caller: Callable[[int], Awaitable[object]]) -> None:
        for number in range(calls_each):
            start = time.perf_counter()
            await caller(number)
            samples.append(time.perf_counter() - start)

    async with asyncio.TaskGroup() as group:
        for caller in callers:
            group.create_task(run(caller))
    return latencies(samples)
