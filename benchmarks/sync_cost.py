"""How long a force sync takes with many positions, and with much that happened while the bridge was away."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.operator_messages import PlaceByHand
from tests.support.world import Caller, World, eventually, traded_account

LOGIN = 5001
POSITIONS = 500
DEALS = 5000
_DEAL, _BUY = 1, 0


@dataclass(frozen=True, slots=True)
class SyncFigures:
    """One sync, and how long the caller waited for it in seconds, if one did."""

    what: str
    budget_seconds: float
    report: dict[str, Any]
    caller_seconds: float | None

    @property
    def seconds(self) -> float:
        """From its beginning to its end, as the report says."""
        start, end = (datetime.fromisoformat(self.report[name]) for name in ("startTime", "endTime"))
        return (end - start).total_seconds()


async def measure_syncs(directory: Path, console: Console) -> list[SyncFigures]:
    """Lets positions and deals appear while the bridge is away, and syncs when it is back."""
    figures: list[SyncFigures] = []
    async with traded_account(directory, f"{LOGIN}:USD:10000000:hedging") as (world, trader):
        with BrokerAdmin.of(directory / "emulator") as broker:
            await _away(world)
            for _ in track(range(POSITIONS), "positions are opened by hand", console=console):
                _open(broker)
            figures.append(await _back(world, trader, f"start, {POSITIONS} new positions", 2.0))
            figures.append(await _button(world, trader, f"button, {POSITIONS} positions, nothing new", 2.0))
            await _away(world)
            for _ in track(range(DEALS // 2), "positions are opened and closed by hand", console=console):
                broker.close_by_hand(LOGIN, _open(broker))
            figures.append(await _back(world, trader, f"start, {DEALS} new deals", 5.0))
            figures.append(
                await _button(world, trader, f"button, {POSITIONS} positions, {DEALS} deals known", 5.0)
            )
    return figures


def _open(broker: BrokerAdmin) -> int:
    order = PlaceByHand(action=_DEAL, symbol="EURUSD", volume=0.01, type=_BUY)
    return broker.place_by_hand(LOGIN, order).order


async def _away(world: World) -> None:
    world.kill("bridge")
    await world.programs["bridge"].process.wait()


async def _reports(trader: Caller) -> list[dict[str, Any]]:
    reports: list[dict[str, Any]] = (await trader.get("/api/sync-reports"))["reports"]
    return reports


async def _back(world: World, trader: Caller, what: str, budget: float) -> SyncFigures:
    known = {report["syncId"] for report in await _reports(trader)}
    await world.start_bridge(LOGIN)

    async def synced() -> dict[str, Any] | None:
        for report in await _reports(trader):
            if report["syncId"] not in known and report["succeeded"] and report["differences"]:
                return report
        return None

    return SyncFigures(what, budget, await eventually(synced, within=60.0), None)


async def _button(world: World, trader: Caller, what: str, budget: float) -> SyncFigures:
    start = time.perf_counter()
    answer = await trader.post("/api/firebridge/force-sync", {"wait": "30s"})
    waited = time.perf_counter() - start
    (report,) = answer.json()["reports"]
    assert report["succeeded"], report
    return SyncFigures(what, budget, report, waited)


def show(figures: list[SyncFigures], console: Console) -> None:
    table = Table(title="Force sync")
    for column in (
        "what",
        "positions",
        "deals read",
        "differences",
        "the sync",
        "the caller waited",
        "budget",
    ):
        table.add_column(column, justify="left" if column == "what" else "right")
    for one in figures:
        waited = "-" if one.caller_seconds is None else f"{one.caller_seconds:.2f} s"
        report = one.report
        table.add_row(
            one.what,
            str(report["positionCount"]),
            str(report["dealCount"]),
            str(len(report["differences"])),
            f"{one.seconds:.2f} s",
            waited,
            f"{one.budget_seconds:.0f} s",
        )
    console.print(table)
