"""From a position's change at the broker, by somebody's hand, to the frame at a WebSocket client."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.figures import Latencies, latencies, milliseconds
from signalos_bridge.emulator.admin import BrokerAdmin
from tests.support.web_socket import probe
from tests.support.world import traded_account

CHANGES = 100


async def measure_changes(directory: Path, console: Console) -> Latencies:
    """Moves a stop by hand again and again, at instants that are not in step with the polling."""
    samples = []
    async with traded_account(directory) as (world, trader):
        opened = await trader.open("EURUSD", "BUY", 0.01)
        assert opened.status_code == 200, opened.text
        (position,) = [t["trade"] for t in await trader.live_trades()]
        with BrokerAdmin.of(directory / "emulator") as broker:
            async with probe(world.address("gateway"), trader.token) as socket:
                await socket.until(lambda frame: frame["type"] == "snapshot")
                with console.status("changing a stop by hand"):
                    for number in range(CHANGES):
                        await asyncio.sleep(random.uniform(0.05, 0.15))
                        stop = round(position["openPrice"] - 0.01 - number * 0.0001, 5)
                        seen = len(socket.frames)
                        start = time.perf_counter()
                        await asyncio.to_thread(
                            broker.modify_by_hand, 5001, int(position["ticket"]), str(stop), Decimal(0)
                        )
                        await socket.until(_stop_is(stop), since=seen)
                        samples.append(time.perf_counter() - start)
    return latencies(samples)


def _stop_is(stop: float) -> Callable[[dict[str, Any]], bool]:
    def wanted(frame: dict[str, Any]) -> bool:
        trade = frame["data"].get("trade") if frame["type"] == "trade_update" else None
        return trade is not None and abs((trade["stopLoss"] or 0) - stop) < 1e-9

    return wanted


def show(figures: Latencies, console: Console) -> None:
    console.print(
        f"Change at the broker to WebSocket frame: p50 {milliseconds(figures.p50)}, "
        f"p99 {milliseconds(figures.p99)} (budget: 60 ms, 150 ms; the bridge polls every 50 ms)"
    )
