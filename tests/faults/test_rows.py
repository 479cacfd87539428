"""Each row of the fault table once, with scaled timers; `make faults` runs many seeds of each.

Recovery is asserted, its promised time is not: beside other tests a machine is as slow as it is.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.rows import ROWS
from tests.faults.run import Result
from tests.faults.world import Shape
from tests.faults.worlds import Batch, run_batch

pytestmark = pytest.mark.integration

# Rows that are measurements of their own, or take longer than a suite of tests may.
NOT_HERE: frozenset[str] = frozenset()
# A run that misses its window says so, and another seed tries again.
TRIES = 3


@pytest.mark.parametrize("name", [name for name in ROWS if name not in NOT_HERE])
async def test_every_promise_holds_under_the_fault(name: str, tmp_path: Path) -> None:
    results: list[Result] = []
    for seed in range(1, TRIES + 1):
        batch = Batch(ROWS[name], (seed,))
        async with asyncio.timeout(180):
            await run_batch(batch, Shape(), tmp_path, results.append)
        if results[-1].outcome != "void":
            break
    last = results[-1]
    if last.skipped:
        pytest.skip(last.skipped)
    assert not last.violations, "\n".join(last.violations)
    assert not last.void, [one.void for one in results]
