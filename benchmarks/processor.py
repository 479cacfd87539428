"""Processor time by program: what a machine that others use as well tells more truly than a clock."""

from __future__ import annotations

import psutil

from tests.support.world import World


def processor_seconds(world: World) -> dict[str, float]:
    """Seconds of user and system time so far of each program, and of a bridge's terminal child beside it."""
    spent: dict[str, float] = {}
    for name, program in world.programs.items():
        process = psutil.Process(program.process.pid)
        spent[name] = _seconds(process)
        if name.startswith("bridge"):
            spent[f"{name}'s terminal"] = sum(map(_seconds, process.children(recursive=True)))
    return spent


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
