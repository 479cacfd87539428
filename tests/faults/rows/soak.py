"""F27: one fault after the other in one world; memory and descriptors stay flat."""

from __future__ import annotations

import asyncio
import time

import psutil

from tests.faults.rows import links
from tests.faults.run import Row, Run

_FAULTS = 8
_EVERY_SECONDS = 60.0
_WARM_UP = 3
_FLAT_BYTES = 32 << 20
_FLAT_DESCRIPTORS = 8
_PROGRAMS = ("server", "gateway", "bridge")


async def _soak(run: Run) -> None:
    first: dict[str, tuple[int, int]] = {}
    for number in range(_FAULTS):
        began = time.monotonic()
        if number % 4 == 3:
            at = time.time()
            await run.world.kill_terminal_child("bridge")
            await run.healed("terminal's process killed", at, time.time())
        else:
            await links.line(run)
        await asyncio.sleep(max(0.0, _EVERY_SECONDS * run.scale - (time.monotonic() - began)))
        if number + 1 == _WARM_UP:
            first = _sizes(run)
    last = _sizes(run)
    for program, (memory, descriptors) in last.items():
        grown = memory - first[program][0]
        run.notes[f"{program}_mib"] = round(grown / (1 << 20), 1)
        run.notes[f"{program}_fds"] = descriptors - first[program][1]
        if grown > _FLAT_BYTES:
            run.violated(f"F27 {program} grew by {grown >> 20} MiB")
        if descriptors - first[program][1] > _FLAT_DESCRIPTORS:
            run.violated(f"F27 {program} has {descriptors} descriptors, {first[program][1]} before")


def _sizes(run: Run) -> dict[str, tuple[int, int]]:
    found = {}
    for program in _PROGRAMS:
        process = psutil.Process(run.world.programs[program].process.pid)
        found[program] = (process.memory_info().rss, process.num_fds())
    return found


ROWS = (
    Row(
        "F27",
        "soak: one fault a minute",
        "flat, zero violations",
        _soak,
        15,
        settles=True,
        per_world=1,
        pause=0.3,
    ),
)
