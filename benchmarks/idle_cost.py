"""What the whole demo costs while nobody does anything, with five open positions and moving prices."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

SECONDS = 30


@dataclass(frozen=True, slots=True)
class IdleFigures:
    """Share of one core by program, in percent."""

    percent: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.percent.values())


async def measure_idle(directory: Path, console: Console) -> IdleFigures:
    """Counts the processor time of every process of `signalos up --demo`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "signalos_cli", "up", "--demo", "--data-dir", str(directory),
        "--http-port", "0", "--grpc-port", "0",
        env={**os.environ, "SIGNALOS_DEMO_PASSWORD": "a demo for a benchmark"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        with console.status("the demo starts"):
            async with asyncio.timeout(60):
                assert (await process.stdout.readline()).startswith(b"ready ")
            await asyncio.sleep(10)
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        names = [_name(member) for member in family]
        before = [_seconds(member) for member in family]
        with console.status(f"the demo idles for {SECONDS} s"):
            await asyncio.sleep(SECONDS)
        spent = [_seconds(member) - start for member, start in zip(family, before, strict=True)]
    finally:
        process.send_signal(signal.SIGINT)
        await process.wait()
    percent: dict[str, float] = {}
    for name, seconds in zip(names, spent, strict=True):
        percent[name] = percent.get(name, 0.0) + seconds / SECONDS * 100
    return IdleFigures(percent)


def show(figures: IdleFigures, console: Console) -> None:
    table = Table(title="The idle demo, in percent of one core (budget: 15 in all)")
    table.add_column("process")
    table.add_column("percent", justify="right")
    for name, percent in figures.percent.items():
        table.add_row(name, f"{percent:.1f}")
    table.add_row("in all", f"{figures.total:.1f}", style="bold")
    console.print(table)


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    # A bridge's own arguments name the emulator too.
    for word in ("up", "server", "gateway", "bridge", "emulator"):
        if word in words:
            return word
    return "terminal child"
