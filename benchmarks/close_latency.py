"""REST close, from request to answer with the broker's outcome, beside the bare hops of the same run."""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Latencies, latencies, milliseconds
from benchmarks.http_client import HttpClient
from benchmarks.processor import processor_seconds
from benchmarks.reference import Reference, measure_reference
from tests.support.world import Caller, World, eventually, traded_account

CLOSES = {1: 200, 20: 25}
"""How many closes each caller makes, by the number of callers."""
HOPS = ("to the commit", "to the bridge's journal", "to the terminal call", "to the outcome", "to the caller")


@dataclass(frozen=True, slots=True)
class CloseFigures:
    """What closing cost at one number of callers, and where the time went (medians in seconds)."""

    callers: int
    closes: Latencies
    hops: tuple[float, ...]
    reference: Reference
    # Seconds for each close by program, with what the program does in that time anyway.
    processor: dict[str, float]

    @property
    def ratio(self) -> float:
        """The median beside the sum of the bare hops."""
        return self.closes.p50 / self.reference.p50_sum

    @property
    def tail(self) -> float:
        """The 99th percentile beside the median."""
        return self.closes.p99 / self.closes.p50


async def measure_closes(directory: Path, console: Console) -> list[CloseFigures]:
    """Runs both numbers of callers in one world; each close is of a position of its own."""
    figures = []
    async with traded_account(directory) as (world, trader):
        for callers, closes_each in CLOSES.items():
            with console.status(f"opening {callers * closes_each} positions"):
                trade_ids = await _open_positions(world, trader, callers * closes_each)
            with console.status(f"closing with {callers} callers"):
                before = processor_seconds(world)
                closes, hops = await _close(world, trader, callers, trade_ids)
                spent = processor_seconds(world)
            processor = {name: (spent[name] - before[name]) / len(trade_ids) for name in before}
            with console.status(f"the bare hops with {callers} callers"):
                reference = await measure_reference(callers, closes_each)
            figures.append(CloseFigures(callers, closes, hops, reference, processor))
    return figures


def show(figures: list[CloseFigures], console: Console) -> None:
    table = Table(title="REST close to the broker's outcome (budget: p50 <= 6 x bare hops, p99 <= 4 x p50)")
    for heading in ("callers", "p50", "p99", "bare hops", "p50 / bare", "p99 / p50", *HOPS):
        table.add_column(heading, justify="right")
    for figure in figures:
        table.add_row(
            str(figure.callers),
            milliseconds(figure.closes.p50),
            milliseconds(figure.closes.p99),
            milliseconds(figure.reference.p50_sum),
            f"{figure.ratio:.1f}",
            f"{figure.tail:.1f}",
            *(milliseconds(hop) for hop in figure.hops),
        )
    console.print(table)
    table = Table(title="Processor time of a close by program")
    table.add_column("callers", justify="right")
    for name in figures[0].processor:
        table.add_column(name, justify="right")
    table.add_column("in all", justify="right")
    for figure in figures:
        spent = [*figure.processor.values(), sum(figure.processor.values())]
        table.add_row(str(figure.callers), *map(milliseconds, spent))
    console.print(table)


async def _open_positions(world: World, trader: Caller, count: int) -> list[str]:
    numbers = itertools.count()
    trade_ids: list[str] = []
    # So many opens a second are what the rule against runaway programs is there to stop.
    calm = {"triggers": [{"kind": "OPEN_RATE", "enabled": False}]}
    changed = await trader.client.put("/api/trading/stop-settings", json=calm)
    assert changed.status_code == 200, changed.text

    async def lane() -> None:
        client = await HttpClient.open(world.address("gateway"), trader.token)
        body = {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.01, "timeToLive": "30s", "wait": "20s"}
        while next(numbers) < count:
            status, answer = await client.post("/api/trades", body, str(uuid.uuid4()))
            assert status == 200, answer
            assert answer["command"]["state"] == "SUCCEEDED", answer
            trade_ids.append(answer["command"]["tradeId"])
        await client.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(lane())

    async def all_shown() -> bool:
        return len(await trader.live_trades()) == count

    await eventually(all_shown)
    return trade_ids


async def _close(
    world: World, trader: Caller, callers: int, trade_ids: list[str]
) -> tuple[Latencies, tuple[float, ...]]:
    waiting = list(trade_ids)
    samples: list[float] = []
    hops: list[tuple[float, ...]] = []

    async def lane() -> None:
        client = await HttpClient.open(world.address("gateway"), trader.token)
        while waiting:
            trade_id = waiting.pop()
            began, start = time.time(), time.perf_counter()
            status, answer = await client.post(f"/api/trades/{trade_id}/close", {}, f"close-{trade_id}")
            samples.append(time.perf_counter() - start)
            ended = time.time()
            assert status == 200, answer
            assert answer["command"]["state"] == "SUCCEEDED", answer
            hops.append(_hops(answer["command"], began, ended))
        await client.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(lane())
    medians = tuple(latencies([hop[index] for hop in hops]).p50 for index in range(len(HOPS)))
    return latencies(samples), medians


def _hops(command: dict[str, Any], began: float, ended: float) -> tuple[float, ...]:
    """Differences of the command's own times; all programs of a run share the machine's clock."""
    marks = [began]
    for name in ("createTime", "deliverTime", "runTime", "endTime"):
        told = command[name]
        marks.append(datetime.fromisoformat(told).timestamp() if told else marks[-1])
    marks.append(ended)
    return tuple(later - earlier for earlier, later in itertools.pairwise(marks))
