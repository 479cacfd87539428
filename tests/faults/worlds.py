"""Runs rows in worlds: some seeds one after the other in one world, a new world after each one that broke."""

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


@dataclass(frozen=True, slots=True)
class Batch:
    """Seeds of one row that share a world."""

    row: Row
    seeds: tuple[int, ...]


def batches(rows: Sequence[Row], seeds: Sequence[int]) -> list[Batch]:
    """All seeds of all rows, in portions; every row has its first seeds before any has its last."""
    found = [
        (at, Batch(row, tuple(seeds[at : at + row.per_world])))
        for row in rows
        for at in range(0, len(seeds), row.per_world)
    ]
    return [batch for _, batch in sorted(found, key=lambda one: one[0])]


async def run_batch(batch: Batch, base: Shape, home: Path, told: Told, *, keep: bool = False) -> None:
    """Runs a batch and tells each result. Worlds of good runs are removed, unless all are kept."""
    left = list(batch.seeds)
    while left:
        directory = Path(tempfile.mkdtemp(prefix=f"{batch.row.name}-{left[0]}-", dir=home))
        world = FaultWorld(directory, batch.row.shape(base))
        good = False
        try:
            good = await _in_world(batch.row, left, world, told)
        finally:
            with suppress(CannotMount):
                await world.close()
            if good and not keep:
                await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)


async def _in_world(row: Row, left: list[int], world: FaultWorld, told: Told) -> bool:
    """Runs seeds until none is left or one broke; takes those that ran from `left`."""
    try:
        await world.open()
    except CannotMount as error:
        for seed in left:
            told(Result(row.name, seed, skipped=f"no small disk can be mounted here: {error}"))
        left.clear()
        return True
    except Exception as error:  # noqa: BLE001 - told as the result of its seed
        words = f"the world did not start: {error!r}\n{traceback.format_exc()}"
        told(Result(row.name, left.pop(0), void=words, directory=str(world.directory)))
        return False
    load = Load(world.client, row.load_lanes)
    while left:
        result = await run_row(row, left.pop(0), world, load)
        told(result)
        if result.outcome == "violated":
            return False
    return True
