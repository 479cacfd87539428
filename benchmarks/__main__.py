"""`make bench`: every figure that SignalOS keeps, each beside its reference or budget."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks import change_latency, close_latency, fan_out, idle_cost, parse_speed

PARTS = ("close", "change", "fan-out", "idle", "parse")


async def _run(parts: list[str], console: Console) -> None:
    with tempfile.TemporaryDirectory(prefix="signalos-bench-") as scratch:
        root = Path(scratch)
        for part in parts:
            directory = root / part
            directory.mkdir()
            if part == "close":
                close_latency.show(await close_latency.measure_closes(directory, console), console)
            elif part == "change":
                change_latency.show(await change_latency.measure_changes(directory, console), console)
            elif part == "fan-out":
                fan_out.show(await fan_out.measure_fan_out(directory, console), console)
            elif part == "parse":
                parse_speed.show(parse_speed.measure_parses(), console)
            else:
                idle_cost.show(await idle_cost.measure_idle(directory, console), console)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which to measure; none: all")
    parts = parser.parse_args().parts or list(PARTS)
    asyncio.run(_run(parts, Console(width=160)))


if __name__ == "__main__":
    main()
