"""The part of the fault table that fits a suite of tests: each row once, with scaled timers.

Recovery is asserted, its promised time is not: beside other tests a machine is as slow as it is.
`make faults` runs many seeds of each row and compares the times.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.load import Load
from tests.faults.rows import ROWS
from tests.faults.run import Result, Row, run_row
from tests.faults.world import CannotMount, FaultWorld, Shape
from tests.faults.worlds import Batch, run_batch, shares

# A run that misses its window says so, and another seed tries again.
_TRIES = 4
_RUN_SECONDS = 240
# Short enough for a suite, long enough for a machine that runs other tests beside.
_SHAPE = Shape(time_scale=0.4)
# Less is asked than in `make faults`, and is still asked all the while.
_PAUSE_SECONDS = 0.15


class Worlds:
    """Rows that leave no mark share a world; it is made anew after one that broke a promise."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="signalos-faults-"))
        self._shared: FaultWorld | None = None
        self._load: Load | None = None
        self._numbers = itertools.count(1)

    async def run(self, row: Row, seed: int) -> Result:
        """One run, in the world that is there or in one of its own."""
        row = replace(row, pause=max(row.pause, _PAUSE_SECONDS))
        if not shares(row, _SHAPE):
            results: list[Result] = []
            await run_batch(Batch(((row, seed),)), _SHAPE, self._home, results.append)
            return results[-1]
        if self._shared is None:
            self._shared = FaultWorld(self._home / f"shared-{next(self._numbers)}", _SHAPE)
            await self._shared.open()
            self._load = Load(self._shared.client)
        assert self._load is not None
        result = await run_row(row, seed, self._shared, self._load)
        if result.violations:
            await self._leave()
        return result

    async def _leave(self) -> None:
        if self._shared is not None:
            await self._shared.close()
        self._shared = None

    async def close(self) -> None:
        with suppress(CannotMount):
            await self._leave()
        await asyncio.to_thread(shutil.rmtree, self._home, ignore_errors=True)


async def holds(name: str, worlds: Worlds) -> None:
    """Asserts that every promise holds under a row's fault, and that its window was hit."""
    results = []
    for seed in range(1, _TRIES + 1):
        async with asyncio.timeout(_RUN_SECONDS):
            results.append(await worlds.run(ROWS[name], seed))
        if results[-1].outcome != "void":
            break
    last = results[-1]
    if last.skipped:
        pytest.skip(last.skipped)
    assert not last.violations, "\n".join(last.violations)
    assert not last.void, [one.void for one in results]
