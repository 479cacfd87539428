"""One run: load, a fault aimed at a window, its heal, the way back, rest, and the verdict."""

from __future__ import annotations

import asyncio
import os
import random
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx

from tests.faults.load import Load
from tests.faults.verdict import Expectation, Verdict, Window, judge
from tests.faults.world import FaultWorld, Shape

_LOAD_BEFORE_SECONDS = (0.6, 1.6)
_LOAD_AFTER_SECONDS = (1.0, 10.0)
_LEAST_COMMANDS = 30
# The longest that the terminal's silence is watched before it is believed, unscaled.
_SETTLE_SECONDS = 120.0
_REST_SECONDS = 60.0
# The way back may take this much longer than promised before it is given up; it is late then all the same.
_PATIENCE = 8.0
# Processes that want to run, for each processor: above this, times are those of the machine.
_BUSY_LOAD = 3.0
_STOOD_STILL_SECONDS = 1.0


class Missed(Exception):  # noqa: N818 - says what became of an aim
    """The run did not hit the window that it aimed at: it proves nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault of the table of promises."""

    name: str
    fault: str
    aim: str
    inject: Callable[[Run], Awaitable[None]]
    # Seconds; None: nothing is promised.
    back_within: float | None
    # Resolving what is unknown adds the time that the terminal's silence is watched.
    settles: bool = False
    shape: Callable[[Shape], Shape] = lambda shape: shape
    expected: Expectation = field(default_factory=Expectation)
    # How many seeds may run one after the other in one world.
    per_world: int = 5
    # Seconds between what a lane asks for, on average.
    pause: float = 0.05


@dataclass
class Result:
    """What became of one run."""

    row: str
    seed: int
    aims: list[str] = field(default_factory=list)
    void: str = ""
    skipped: str = ""
    violations: list[str] = field(default_factory=list)
    # All is well again, but later than promised: on a busy machine that proves nothing.
    late: list[str] = field(default_factory=list)
    recovery_seconds: float | None = None
    # The machine's load, and whether it was low enough to judge times.
    load: float = 0.0
    timed: bool = True
    # For how many seconds this program itself waited for a processor, at worst.
    stood_still: float = 0.0
    notes: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    commands: int = 0
    # What did not succeed, and why.
    others: list[str] = field(default_factory=list)
    seconds: float = 0.0
    directory: str = ""

    @property
    def outcome(self) -> str:
        if self.skipped:
            return "skipped"
        if self.violations:
            return "violated"
        if self.void:
            return "void"
        return "late" if self.late else "passed"


class Run:
    """What a row's fault works with."""

    def __init__(self, row: Row, seed: int, world: FaultWorld, load: Load) -> None:
        self.row = row
        self.seed = seed
        self.world = world
        self.load = load
        self.dice = random.Random(f"{row.name} {seed}")
        self.windows: list[Window] = []
        self.notes: dict[str, float] = {}
        self.found: list[str] = []
        self.late: list[str] = []
        # Asked once all is at rest.
        self.after: list[Callable[[Run], Awaitable[None]]] = []
        # Whether trading is stopped on purpose just now, and whether the row's own fault is over.
        self.stopped = False
        self.fault_over = asyncio.Event()

    @property
    def scale(self) -> float:
        """What a time of a deployment is multiplied by here."""
        return self.world.shape.time_scale

    @property
    def settle_seconds(self) -> float:
        return _SETTLE_SECONDS * self.world.shape.settle_scale if self.row.settles else 0.0

    def violated(self, words: str) -> None:
        self.found.append(words)

    @asynccontextmanager
    async def window(self, aim: str) -> AsyncIterator[None]:
        """A fault from its first effect to its heal; then waits until all is well again.

        What raises `Missed` inside leaves no window.
        """
        began_at = time.time()
        yield
        await self.healed(aim, began_at, time.time())

    async def healed(self, aim: str, began_at: float, healed_at: float) -> None:
        """Measures the way back from a heal."""
        recovered_at = await self._recovered(healed_at)
        self.windows.append(Window(aim, began_at, healed_at, recovered_at, True))
        limit = self.row.back_within
        if recovered_at is None:
            self.violated(f"P7 {aim}: not back: {await self.what_is_missing(healed_at)}")
        elif limit is not None and recovered_at - healed_at > limit + self.settle_seconds:
            took = recovered_at - healed_at
            self.late.append(f"P7 {aim}: back after {took:.1f} s, not {limit + self.settle_seconds:.1f} s")

    async def _recovered(self, healed_at: float) -> float | None:
        limit = (self.row.back_within or 30.0) + self.settle_seconds
        deadline = time.time() + limit * _PATIENCE
        while time.time() < deadline:
            if not await self.what_is_missing(healed_at):
                return time.time()
            await asyncio.sleep(0.05)
        return None

    async def what_is_missing(self, healed_at: float) -> str:
        """What is not yet as it was before the fault; nothing: all is."""
        caller = self.world.caller
        try:
            if not await caller.bridge_connected():
                return "the bridge is not connected"
            if not self.stopped and not await caller.may_open():
                return "nothing may be opened"
        except (AssertionError, httpx.HTTPError) as error:
            return f"the gateway does not answer: {str(error)[:200]}"
        waiting = self.load.unsettled_before(healed_at)
        if waiting:
            return f"{len(waiting)} commands wait, e.g. {waiting[0].key} {waiting[0].state}"
        deaf = [probe for probe in self.world.probes if probe.present.is_set() and not probe.connected]
        return f"{len(deaf)} probes are not connected" if deaf else ""

    async def until_asked(self, count: int) -> None:
        """Lets the load go on for a while, and longer where little was asked yet."""
        least, most = _LOAD_AFTER_SECONDS
        await asyncio.sleep(least)
        with suppress(TimeoutError):
            async with asyncio.timeout(most - least):
                await self.load.until_asked(count)

    async def strike(self, program: str, points: str, within: float = 15.0) -> tuple[float, str]:
        """Arms a failpoint and waits until it has killed the program. Raises `Missed`."""
        armed_at = time.time()
        self.world.arm(program, points)
        if not await self.world.ended(program, within):
            self.world.disarm(program)
            raise Missed(f"{program} did not pass {points} within {within} s")
        struck = self.world.struck(program, armed_at)
        if struck is None:
            raise Missed(f"{program} ended, but not at {points}")
        return struck


class LoopWatch:
    """How long this very program waited for a processor, at worst."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def run(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.1)
            self.worst = max(self.worst, time.monotonic() - before - 0.1)


def of_times(finding: str) -> bool:
    """Whether a finding may come of nothing but a machine that stands still."""
    return (
        finding.startswith(("P7", "P1 only", "F10", "F15", "the run broke"))
        or "though no fault touched it" in finding
        or "never answered" in finding
    )


async def run_row(row: Row, seed: int, world: FaultWorld, load: Load) -> Result:
    """One run in a world that is well; never raises."""
    began = time.monotonic()
    run = Run(row, seed, world, load)
    result = Result(row.name, seed, directory=str(world.directory))
    first = len(load.asked)
    watch = LoopWatch()
    watching = asyncio.create_task(watch.run())
    try:
        load.start(f"{row.name}-{seed}", row.pause)
        await asyncio.sleep(run.dice.uniform(*_LOAD_BEFORE_SECONDS))
        try:
            await row.inject(run)
        except Missed as missed:
            result.void = str(missed)
            await world.revive()
        await run.until_asked(first + _LEAST_COMMANDS)
        never = await load.stop(_REST_SECONDS + run.settle_seconds)
        run.found += [f"P1 {words}" for words in never]
        for check in run.after:
            await check(run)
        verdict = await _at_rest(run, first)
        run.found += verdict.violations
        result.counts = verdict.counts
    except Exception as error:  # noqa: BLE001 - a run that breaks is a finding, not the end of all runs
        run.found.append(f"the run broke: {error!r}\n{traceback.format_exc()}")
        await load.stop(0.1)
    finally:
        watching.cancel()
    result.violations = run.found
    result.stood_still = round(watch.worst, 1)
    if watch.worst > _STOOD_STILL_SECONDS:
        # Who was not served in time may expire or be late: that is the machine's doing. What was done twice,
        # lost or untrue is not.
        result.violations = [words for words in run.found if not of_times(words)]
        soft = [words for words in run.found if of_times(words)]
        if soft:
            result.void = f"this machine stood still for {watch.worst:.1f} s: {'; '.join(soft)[:500]}"
    # Where a processor is fought for, nothing is said of times.
    result.load = round(os.getloadavg()[0], 1)
    result.timed = result.load <= _BUSY_LOAD * (os.cpu_count() or 1)
    result.late = run.late if result.timed else []
    result.aims = [window.aim for window in run.windows]
    times = [window.recovery_seconds for window in run.windows if window.recovery_seconds is not None]
    result.recovery_seconds = max(times, default=None)
    result.notes = run.notes
    result.commands = len(load.asked) - first
    result.others = [
        f"{one.key}: {one.refused or one.state} {one.reason or one.words}".strip()
        for one in load.asked[first:]
        if one.state != "SUCCEEDED"
    ]
    result.seconds = time.monotonic() - began
    return result


async def _at_rest(run: Run, first: int) -> Verdict:
    """Judges once all is at rest: what is still being told or looked for has its time to come to an end."""
    deadline = time.monotonic() + _REST_SECONDS / 4 + _SETTLE_SECONDS * run.world.shape.settle_scale
    asked = run.load.asked[first:]
    while True:
        verdict = await judge(run.world, asked, run.windows, run.row.expected)
        passing = [words for words in verdict.violations if _may_pass(words)]
        if not passing or time.monotonic() > deadline:
            return verdict
        await asyncio.sleep(0.3)


def _may_pass(finding: str) -> bool:
    return finding.startswith("P7") or "UNKNOWN_REMAINS" in finding or "NOT_FINAL" in finding
