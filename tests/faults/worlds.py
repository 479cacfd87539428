"""Runs rows in worlds: several runs one after the other in one, a new one after each run that broke."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.faults.load import Load
from tests.faults.run import Result, Row, run_row
from tests.faults.world import CannotMount, FaultWorld, Shape

Told = Callable[[Result], None]

_RUNS_PER_WORLD = 8


@dataclass(frozen=True, slots=True)
class Batch:
    """Runs that share a world, in their order: row and seed."""

    runs: tuple[tuple[Row, int], ...]


def shares(row: Row, base: Shape) -> bool:
    """Whether a row leaves no mark on a world that is made like all others."""
    return row.per_world > 1 and not row.expected.clocks_moved and row.shape(base) == base


def batches(rows: Sequence[Row], seeds: Sequence[int], base: Shape) -> list[Batch]:
    """All seeds of all rows, in portions; every row has its first seeds before any has its last."""
    shared = [(row, seed) for seed in seeds for row in rows if shares(row, base)]
    found = [shared[at : at + _RUNS_PER_WORLD] for at in range(0, len(shared), _RUNS_PER_WORLD)]
    for row in rows:
        if not shares(row, base):
            found += [
                [(row, seed) for seed in seeds[at : at + row.per_world]]
                for at in range(0, len(seeds), row.per_world)
            ]
    return [Batch(tuple(runs)) for runs in sorted(found, key=lambda runs: runs[0][1])]


async def run_batch(batch: Batch, base: Shape, home: Path, told: Told, *, keep: bool = False) -> None:
    """Runs a batch and tells each result. Worlds of good runs are removed, unless all are kept."""
    left = list(batch.runs)
    while left:
        row, seed = left[0]
        directory = Path(tempfile.mkdtemp(prefix=f"{row.name}-{seed}-", dir=home))
        world = FaultWorld(directory, row.shape(base))
        good = False
        try:
            good = await _in_world(left, world, told)
        finally:
            with suppress(CannotMount):
                await world.close()
            if good and not keep:
                await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)


async def _in_world(left: list[tuple[Row, int]], world: FaultWorld, told: Told) -> bool:
    """Runs until none is left or one broke; takes those that ran from `left`."""
    try:
        await world.open()
    except CannotMount as error:
        for row, seed in left:
            told(Result(row.name, seed, skipped=f"no small disk can be mounted here: {error}"))
        left.clear()
        return True
    except Exception as error:  # noqa: BLE001 - told as the result of its seed
        words = f"the world did not start: {error!r}\n{traceback.format_exc()}"
        row, seed = left.pop(0)
        told(Result(row.name, seed, void=words, directory=str(world.directory)))
        return False
    load = Load(world.client)
    while left:
        row, seed = left.pop(0)
        result = await run_row(row, seed, world, load)
        told(result)
        if result.outcome == "violated":
            return False
    return True
