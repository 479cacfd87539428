"""What a quote costs the guard: hidden levels, ladders and trailing stops of many positions in one symbol."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Latencies, latencies, milliseconds
from signalos_bridge.domain.market import Tick
from signalos_bridge.domain.protection import (
    BreakEvenPlan,
    LadderTarget,
    PlanStart,
    ProtectionPlan,
    StartKind,
)
from signalos_bridge.domain.values import DistanceUnit, TradePolicy, TrailingPlan
from signalos_bridge.terminal.port import TicksArrived
from tests.signalos_bridge.core_world import a_world

POSITIONS = 200
TICKS = 1000
BUDGET_SECONDS = 0.001
_FAR = Decimal("1.20000")
_PLAN = ProtectionPlan(
    (LadderTarget(_FAR, Decimal("0.5")), LadderTarget(_FAR + 1, Decimal("0.5"))),
    BreakEvenPlan(PlanStart(StartKind.RISK, Decimal(3))),
)
_TRAILING = TrailingPlan(Decimal(500), DistanceUnit.POINTS, activation=Decimal(2000))


@dataclass(frozen=True, slots=True)
class GuardFigures:
    """Processor time of one quote, in seconds: as it is, and the bare comparisons beside it."""

    quote: Latencies
    bare: Latencies


async def measure_guard(directory: Path, console: Console) -> GuardFigures:
    """Opens positions that have everything to be guarded; quotes are held against them that cross nothing."""
    async with a_world(directory / "journal.db") as world:
        await world.core.apply_policies(world.policies(stealth=True))
        identifiers: list[int] = []
        with console.status(f"{POSITIONS} positions are opened"):
            for _ in range(POSITIONS):
                outcome = await world.open(
                    "0.02", stop_loss=Decimal("1.05000"), take_profits=(Decimal("1.30000"),), protection=_PLAN
                )
                identifiers.append(outcome.legs[0].position_identifier)
        trailed = tuple(TradePolicy(identifier, _TRAILING, 1) for identifier in identifiers)
        await world.core.apply_policies(replace(world.policies(stealth=True), trades=trailed))
        guard = world.core._guard
        assert guard.guarded_count == POSITIONS

        def quote(number: int) -> None:
            bid = Decimal("1.08400") + Decimal(number % 100) * Decimal("0.00001")
            tick = Tick("EURUSD", bid, bid + Decimal("0.00010"), world.now_msc + number)
            guard.on_ticks(TicksArrived("EURUSD", (tick,), True, 0.0))

        levels = [(Decimal("1.05000"), Decimal("1.30000"))] * POSITIONS

        def bare(number: int) -> None:
            bid = Decimal("1.08400") + Decimal(number % 100) * Decimal("0.00001")
            for stop, target in levels:
                if bid <= stop or bid >= target:
                    raise AssertionError("nothing is crossed here")

        return GuardFigures(_timed(quote), _timed(bare))


def _timed(work: Callable[[int], None]) -> Latencies:
    samples: list[float] = []
    for number in range(TICKS):
        start = time.thread_time()
        work(number)
        samples.append(time.thread_time() - start)
    return latencies(samples)


def show(figures: GuardFigures, console: Console) -> None:
    table = Table(
        title=f"One quote against {POSITIONS} guarded positions "
        f"(processor time; budget: p50 {milliseconds(BUDGET_SECONDS)})"
    )
    for column in ("", "p50", "p99"):
        table.add_column(column, justify="right" if column else "left")
    for name, each in (
        ("stops, targets, ladders, break-even and trailing", figures.quote),
        ("two bare comparisons for each", figures.bare),
    ):
        table.add_row(name, milliseconds(each.p50), milliseconds(each.p99))
    table.add_row("ratio", f"{figures.quote.p50 / figures.bare.p50:.1f}", "")
    console.print(table)
