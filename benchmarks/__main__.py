"""`make bench`: every figure that SignalOS keeps, each beside its reference or budget."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import (
    change_latency,
    close_latency,
    emergency_stop,
    fan_out,
    guard_cost,
    idle_cost,
    parse_speed,
    signal_flow,
    sync_cost,
    verify_cost,
)

Measure = Callable[[Path, Console], Awaitable[Any]]
Show = Callable[[Any, Console], None]

# Each measures in a directory of its own and shows what it found.
PARTS: dict[str, tuple[Measure, Show]] = {
    "close": (close_latency.measure_closes, close_latency.show),
    "change": (change_latency.measure_changes, change_latency.show),
    "fan-out": (fan_out.measure_fan_out, fan_out.show),
    "idle": (idle_cost.measure_idle, idle_cost.show),
    "guard": (guard_cost.measure_guard, guard_cost.show),
    "sync": (sync_cost.measure_syncs, sync_cost.show),
    "parse": (parse_speed.measure_parses, parse_speed.show),
    "signals": (signal_flow.measure_signals, signal_flow.show),
    "stop": (emergency_stop.measure_stops, emergency_stop.show),
    "verify": (verify_cost.measure_verify, verify_cost.show),
}


async def _run(parts: list[str], console: Console) -> None:
    with tempfile.TemporaryDirectory(prefix="signalos-bench-") as scratch:
        for part in parts:
            directory = Path(scratch) / part
            directory.mkdir()
            measure, show = PARTS[part]
            show(await measure(directory, console), console)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which to measure; none: all")
    parts = parser.parse_args().parts or list(PARTS)
    asyncio.run(_run(parts, Console(width=160)))


if __name__ == "__main__":
    main()
