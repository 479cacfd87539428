"""`python -m tests.simulator`: many runs, one run with its trace, or planted bugs."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.simulator.planted import BUGS
from tests.simulator.report import Summary, run_many, run_one, runs_until_found

_FEW = 100

console = Console()


def main(
    runs: Annotated[int, typer.Option(help="How many runs, from the seed on.")] = 1000,
    seed: Annotated[int, typer.Option(help="The first seed.")] = 1,
    workers: Annotated[int, typer.Option(help="In how many processes.")] = 1,
    minutes: Annotated[float, typer.Option(help="Begin nothing new after so long; 0: no bound.")] = 0.0,
    profile: Annotated[
        str, typer.Option(help="Only this kind of trouble; `machines`: the session machines alone.")
    ] = "",
    trace: Annotated[bool, typer.Option(help="Run the one seed and print all that happens.")] = False,
    planted: Annotated[str, typer.Option(help="A planted bug to find, or `all`.")] = "",
    most: Annotated[int, typer.Option(help="Within how many runs a planted bug has to be found.")] = 5000,
) -> None:
    """Run server and bridge against a model broker, and hold every step against the promises."""
    if trace:
        _trace(seed, "" if planted == "all" else planted, profile)
    elif planted:
        _planted(list(BUGS) if planted == "all" else [planted], most, seed, profile)
    else:
        _many(runs, seed, workers, profile, minutes * 60)


def _trace(seed: int, bug: str, profile: str) -> None:
    report = run_one(seed, bug=bug, trace=True, profile=profile)
    for line in report.trace:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(f"seed {seed}, {report.profile}: {len(report.violations)} violations", markup=False)
    sys.exit(1 if report.violations else 0)


def _many(runs: int, seed: int, workers: int, profile: str, seconds: float) -> None:
    total = Summary()
    began = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("runs", total=runs)
        for part in run_many(seed, runs, workers, profile, seconds):
            total.merge(part)
            progress.advance(task, part.runs)
            progress.update(task, description=f"runs, {len(total.failed)} failed")
    total.wall_seconds = time.monotonic() - began
    _print(total, seed)
    sys.exit(1 if total.failed else 0)


def _print(total: Summary, seed: int) -> None:
    taken = total.taken()
    table = Table("transition", "taken", title="transitions")
    for name, count in sorted(taken.items(), key=lambda item: item[1]):
        style = "red" if count == 0 else "yellow" if count < _FEW else ""
        table.add_row(name, f"{count:,}", style=style)
    console.print(table)
    for report in total.failed[:10]:
        console.print(f"\nseed {report.seed} ({report.profile}):", style="red")
        for words in report.violations[:3]:
            console.print(f"  {words}", markup=False)
        if report.profile == "machines":
            continue
        for line in _end_of(report.seed):
            console.print(f"    {line}", markup=False, highlight=False)
        console.print(f"  python -m tests.simulator --seed {report.seed} --trace", markup=False)
    minutes = total.wall_seconds / 60
    rate = total.runs / minutes if minutes else 0.0
    cpu_rate = total.runs * 60 / total.cpu_seconds if total.cpu_seconds else 0.0
    console.print(
        f"{total.runs:,} runs, seeds {seed} to {seed + total.runs - 1}: {len(total.failed)} with violations\n"
        f"{rate:,.0f} runs a minute; {cpu_rate:,.0f} a minute of processor time\n"
        f"{total.steps:,} steps (fewest in a run {total.fewest_steps}), {total.commands:,} commands "
        f"(fewest asked for in a run {total.fewest_commands}), {total.crashes:,} crashes "
        f"(fewest in a run {total.fewest_crashes})\n"
        f"{total.counts['succeeded']:,} of {total.counts['counted']:,} commands of clients succeeded\n"
        f"transitions: {sum(count >= _FEW for count in taken.values())} of {len(taken)} taken {_FEW} times "
        f"or more, {sum(not count for count in taken.values())} never",
        markup=False,
        highlight=False,
    )


def _end_of(seed: int) -> list[str]:
    """Return the last things that happened before the first violation."""
    trace = run_one(seed, trace=True).trace
    first = next((place for place, line in enumerate(trace) if "VIOLATION" in line), len(trace))
    return [line[:200] for line in trace[max(0, first - 15) : first + 1]]


def _planted(names: list[str], most: int, seed: int, profile: str) -> None:
    table = Table("planted bug", "runs until found", "by", "what was seen", title="planted bugs")
    missed = 0
    for name in names:
        runs, report = runs_until_found(name, most, seed, profile)
        if report is None:
            missed += 1
            table.add_row(f"{name}\n{BUGS[name].words}", f"not in {runs}", "", "", style="red")
        else:
            words = report.violations[0]
            table.add_row(f"{name}\n{BUGS[name].words}", str(runs), report.profile, words[:160])
            console.print(f"{name}: {runs} runs", markup=False, highlight=False)
    console.print(table)
    console.print(f"{len(names) - missed} of {len(names)} were found")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    typer.run(main)
