"""Many runs, and what came of them together."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from tests.simulator.machines import run_machines
from tests.simulator.planted import plant
from tests.simulator.transitions import counted, every
from tests.simulator.world import Report, World

_CHUNK = 20
_CHUNK_OF_MACHINES = 500


@dataclass(slots=True)
class Summary:
    """What many runs came to."""

    runs: int = 0
    steps: int = 0
    fewest_steps: int = 0
    commands: int = 0
    fewest_commands: int = 0
    crashes: int = 0
    fewest_crashes: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    profiles: Counter[str] = field(default_factory=Counter)
    failed: list[Report] = field(default_factory=list)
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0

    def add(self, report: Report) -> None:
        """Take in a run."""
        first = self.runs == len(self.failed)
        self.runs += 1
        self.steps += report.steps
        self.commands += report.commands
        self.crashes += report.crashes
        self.profiles[report.profile] += 1
        self.counts += report.counts
        if report.violations:
            self.failed.append(report)
            return
        self.fewest_steps = report.steps if first else min(self.fewest_steps, report.steps)
        self.fewest_commands = report.asked if first else min(self.fewest_commands, report.asked)
        self.fewest_crashes = report.crashes if first else min(self.fewest_crashes, report.crashes)

    def merge(self, other: Summary) -> None:
        """Take in the runs of another one."""
        for name in ("steps", "commands", "crashes"):
            setattr(
                self,
                f"fewest_{name}",
                getattr(other, f"fewest_{name}")
                if self.runs == len(self.failed)
                else getattr(self, f"fewest_{name}")
                if other.runs == len(other.failed)
                else min(getattr(self, f"fewest_{name}"), getattr(other, f"fewest_{name}")),
            )
        self.runs += other.runs
        self.steps += other.steps
        self.commands += other.commands
        self.crashes += other.crashes
        self.counts += other.counts
        self.profiles += other.profiles
        self.failed += other.failed
        self.cpu_seconds += other.cpu_seconds

    def taken(self) -> dict[str, int]:
        """Return how often each transition of every table was taken."""
        return {name: self.counts.get(name, 0) for name in every()}


def run_one(seed: int, *, bug: str = "", trace: bool = False, profile: str = "") -> Report:
    """Run one seed, with its transitions counted. The profile `machines` is that of the machines alone."""
    if profile == "machines":
        counts: Counter[str] = Counter()
        with plant(bug), counted(counts):
            report = run_machines(seed)
        report.counts += counts
        return report
    with plant(bug):
        world = World(seed, trace=trace, profile=profile)
        with counted(world.counts):
            return world.run()


def run_chunk(first: int, count: int, bug: str = "", profile: str = "") -> Summary:
    """Run seeds that follow each other."""
    began = time.process_time()
    summary = Summary()
    for seed in range(first, first + count):
        summary.add(run_one(seed, bug=bug, profile=profile))
    summary.cpu_seconds = time.process_time() - began
    return summary


def run_many(
    first: int, count: int, workers: int, profile: str = "", seconds: float = 0.0
) -> Iterator[Summary]:
    """Run seeds in processes; yield each part as it is done. After `seconds` (0: never) none is begun."""
    until = time.monotonic() + seconds if seconds else float("inf")
    size = _CHUNK_OF_MACHINES if profile == "machines" else _CHUNK
    chunks = [(start, min(size, first + count - start)) for start in range(first, first + count, size)]
    if workers <= 1:
        for start, length in chunks:
            if time.monotonic() < until:
                yield run_chunk(start, length, "", profile)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_gently) as pool:
        waiting = deque(pool.submit(run_chunk, *chunk, "", profile) for chunk in chunks[: 2 * workers])
        left = iter(chunks[2 * workers :])
        while waiting:
            yield waiting.popleft().result()
            # One for one, in the order of the seeds.
            if time.monotonic() < until and (chunk := next(left, None)) is not None:
                waiting.append(pool.submit(run_chunk, *chunk, "", profile))


def _gently() -> None:
    os.nice(5)


def runs_until_found(bug: str, most: int, first: int = 1, profile: str = "") -> tuple[int, Report | None]:
    """Return how many runs it took to find a planted bug, and the run that found it; None: it was not."""
    for number, seed in enumerate(range(first, first + most), 1):
        report = run_one(seed, bug=bug, profile=profile)
        # What fails without the bug as well is another one.
        if report.violations and not run_one(seed, profile=profile).violations:
            return number, report
    return most, None
