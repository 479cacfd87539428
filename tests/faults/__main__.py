"""Runs rows of the fault table: `python -m tests.faults --rows F1,F3 --seeds 20 --workers 2`.

Exits with 1 when a promise was broken or kept too late, with 2 when a row proved nothing because all of its
runs were void.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tests.faults.plants import PLANTS, environment_of
from tests.faults.report import Report
from tests.faults.rows import ROWS
from tests.faults.run import Result, Row
from tests.faults.stops import with_stop
from tests.faults.world import Shape
from tests.faults.worlds import Batch, batches, run_batch

# A log has no width of its own.
console = Console(highlight=False, width=None if Console().is_terminal else 140)


def main(
    rows: Annotated[str, typer.Option(help="Names such as F1,F3; `all` for every row.")] = "all",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each row.")] = 5,
    first_seed: Annotated[int, typer.Option(help="The seed of the first run.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Worlds side by side.")] = 2,
    time_scale: Annotated[
        float,
        typer.Option(
            min=0.05,
            max=1.0,
            help="Of heartbeats, leases and the like; a busy machine cannot keep short ones.",
        ),
    ] = Shape().time_scale,
    real_timers: Annotated[
        bool, typer.Option("--real-timers", help="All times of a deployment, the settle times too.")
    ] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="F22: an emergency stop at a random instant of each run.")
    ] = False,
    postgresql: Annotated[
        bool, typer.Option("--postgresql", help="Every server on PostgreSQL instead of SQLite.")
    ] = False,
    home: Annotated[
        Path | None, typer.Option(help="Where worlds live; those that broke a promise are kept.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where the results go, as JSON.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keeps the worlds of good runs too.")] = False,
    planted: Annotated[
        str,
        typer.Option(help="Rows whose planted bug is to be found, or `all`; at most `--seeds` runs each."),
    ] = "",
) -> None:
    """Put whole systems of real processes under faults and hold their records against each other."""
    # Told to end is as Ctrl-C: every world is closed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if planted:
        sys.exit(asyncio.run(_find(planted, range(first_seed, first_seed + seeds), time_scale)))
    chosen = _chosen(rows)
    if stop:
        chosen = [with_stop(row) for row in chosen]
    base = Shape(postgresql=postgresql, time_scale=time_scale)
    if real_timers:
        base = replace(base, time_scale=1.0, settle_scale=1.0)
    where = home or Path(tempfile.mkdtemp(prefix="signalos-faults-"))
    where.mkdir(parents=True, exist_ok=True)
    report = Report(console, chosen, seeds, base, json_file)
    work = batches(chosen, range(first_seed, first_seed + seeds), base)
    asyncio.run(_run(work, base, where, report, workers, keep=keep))
    report.show()
    sys.exit(report.exit_code)


def _chosen(text: str) -> list[Row]:
    if text == "all":
        return list(ROWS.values())
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise typer.BadParameter(f"no such rows: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    return [ROWS[name] for name in names]


async def _find(text: str, seeds: range, time_scale: float) -> int:
    """Run rows with their planted bugs; return 1 where one was not found."""
    names = list(PLANTS) if text == "all" else [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in PLANTS]:
        raise typer.BadParameter(f"no bug is planted for {', '.join(unknown)}; there are {', '.join(PLANTS)}")
    missed = 0
    for name in names:
        shape = Shape(time_scale=time_scale, environment=environment_of(name))
        found = await _runs_until_found(ROWS[name], seeds, shape)
        missed += not found
        console.print(f"{name} {PLANTS[name].words}: {found or f'not found in {len(seeds)} runs'}")
    return 1 if missed else 0


async def _runs_until_found(row: Row, seeds: range, shape: Shape) -> str:
    """Return after how many runs a broken promise was found, and which; empty: none was."""
    results: list[Result] = []
    for count, seed in enumerate(seeds, 1):
        with tempfile.TemporaryDirectory(prefix="signalos-planted-") as home:
            await run_batch(Batch(((row, seed),)), shape, Path(home), results.append)
        if words := [*results[-1].violations, *results[-1].late]:
            return f"{count} runs, {' '.join(words[0].split())[:200]}"
    return ""


async def _run(
    work: list[Batch], base: Shape, home: Path, report: Report, workers: int, *, keep: bool
) -> None:
    waiting = list(reversed(work))

    async def worker() -> None:
        while waiting:
            await run_batch(waiting.pop(), base, home, report.told, keep=keep)

    with report.progress():
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(worker())


if __name__ == "__main__":
    typer.run(main)
