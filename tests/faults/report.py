"""What a person sees of many runs, and what is kept of them."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.faults.run import Result, Row
from tests.faults.world import Shape


class Report:
    """Takes results as they come."""

    def __init__(
        self, console: Console, rows: Sequence[Row], seeds: int, shape: Shape, file: Path | None
    ) -> None:
        self._console = console
        self._rows = {row.name: row for row in rows}
        self._seeds = seeds
        self._shape = shape
        self._file = file
        self._results: list[Result] = []
        self._began = time.monotonic()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    @contextmanager
    def progress(self) -> Iterator[None]:
        """Shows how far it is, while it lasts."""
        with Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[last]}"),
            console=self._console,
        ) as progress:
            self._progress = progress
            self._task = progress.add_task("fault runs", total=self._seeds * len(self._rows), last="")
            yield
            self._progress = None

    def told(self, result: Result) -> None:
        """Takes one result; says at once what did not pass."""
        self._results.append(result)
        if self._file is not None:
            self._write(self._file)
        aims = ", ".join(result.aims)
        line = f"{result.row} seed {result.seed}: {result.outcome} ({aims}, {result.seconds:.0f} s)"
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, advance=1, last=line)
        if result.outcome != "passed" or not self._console.is_terminal:
            self._console.print(line, markup=False, soft_wrap=True)
        for words in (result.void, result.skipped, *result.late, *result.violations):
            if words:
                self._console.print(f"    {words}", markup=False, soft_wrap=True)
        if result.violations:
            self._console.print(f"    records: {result.directory}", markup=False)

    def show(self) -> None:
        """Prints the table."""
        table = Table(title=f"faults, timers x {self._shape.time_scale:g}")
        for name in (
            "row",
            "runs",
            "violated",
            "void",
            "late",
            "untimed",
            "back p50",
            "back max",
            "within",
            "commands",
        ):
            table.add_column(name, justify="left" if name == "row" else "right", no_wrap=True)
        table.add_column("fault")
        for name, row in self._rows.items():
            results = [one for one in self._results if one.row == name]
            times = [one.recovery_seconds for one in results if one.recovery_seconds is not None]
            skipped = sum(one.outcome == "skipped" for one in results)
            within = "-" if row.back_within is None else f"{row.back_within:g} s"
            table.add_row(
                name,
                f"{len(results)}" + (f" ({skipped} skipped)" if skipped else ""),
                str(sum(one.outcome == "violated" for one in results)),
                str(sum(one.outcome == "void" for one in results)),
                str(sum(bool(one.late) for one in results)),
                str(sum(not one.timed for one in results)),
                f"{statistics.median(times):.1f} s" if times else "-",
                f"{max(times):.1f} s" if times else "-",
                within + (" + settle" if row.settles else ""),
                str(sum(one.commands for one in results)),
                row.fault,
            )
        self._console.print(table)
        violated = sum(one.outcome == "violated" for one in self._results)
        took = time.monotonic() - self._began
        self._console.print(f"{len(self._results)} runs in {took:.0f} s, {violated} broke a promise")

    def _write(self, path: Path) -> None:
        """Keeps everything as JSON, after each run anew."""
        told = {
            "timeScale": self._shape.time_scale,
            "settleScale": self._shape.settle_scale,
            "results": [{**asdict(one), "outcome": one.outcome} for one in self._results],
        }
        path.write_text(json.dumps(told, indent=1))

    @property
    def exit_code(self) -> int:
        if any(one.violations or one.late for one in self._results):
            return 1
        for name in self._rows:
            outcomes = {one.outcome for one in self._results if one.row == name}
            if outcomes <= {"void"}:
                return 2
        return 0
