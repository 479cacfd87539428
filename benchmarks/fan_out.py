"""One account's updates, four a second, to five hundred WebSocket clients of one gateway."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from websockets.asyncio.client import connect

from tests.support.world import Caller, World, traded_account

CLIENTS = 500
SECONDS = 20


@dataclass(frozen=True, slots=True)
class FanOutFigures:
    """What five hundred sockets saw and cost."""

    clients: int
    lossless_expected: int
    lossless_missed: int
    live_frames_a_second: float
    resident_bytes_each: float


async def measure_fan_out(directory: Path, console: Console) -> FanOutFigures:
    """The clients live in a process of their own."""
    async with traded_account(directory) as (world, trader):
        for _ in range(5):
            assert (await trader.open()).status_code == 200
        gateway = psutil.Process(world.programs["gateway"].process.pid)
        await asyncio.sleep(1)
        before = gateway.memory_info().rss
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.fan_out", world.address("gateway"), trader.token,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        with console.status(f"{CLIENTS} sockets connect"):
            assert (await process.stdout.readline()).strip() == b"connected"
        with console.status(f"{CLIENTS} sockets listen for {SECONDS} s"):
            await _trade_for(world, trader)
        after = gateway.memory_info().rss
        process.stdin.close()
        told = json.loads(await process.stdout.readline())
        await process.wait()
    return FanOutFigures(
        clients=CLIENTS,
        lossless_expected=max(told["lossless"]),
        lossless_missed=sum(max(told["lossless"]) - seen for seen in told["lossless"]) + told["holes"],
        live_frames_a_second=sum(told["live"]) / len(told["live"]) / SECONDS,
        resident_bytes_each=(after - before) / CLIENTS,
    )


def show(figures: FanOutFigures, console: Console) -> None:
    console.print(
        f"Fan-out to {figures.clients} sockets: {figures.lossless_expected} lossless events each, "
        f"{figures.lossless_missed} missed (budget: 0); {figures.live_frames_a_second:.1f} ephemeral frames "
        f"a second each; {figures.resident_bytes_each / 1024:.0f} KB resident each (budget: 60 KB)"
    )


async def _trade_for(world: World, trader: Caller) -> None:
    """Lossless events while the ephemeral ones flow: an open and a close every two seconds."""
    for _ in range(SECONDS // 2):
        opened = await trader.open(lots=0.01)
        await trader.post(f"/api/trades/{opened.json()['command']['tradeId']}/close")
        await asyncio.sleep(2)


async def _listen(address: str, token: str) -> None:
    """Holds the sockets until standard input ends, and prints what each saw."""
    lossless = [0] * CLIENTS
    live = [0] * CLIENTS
    holes = 0
    joined = asyncio.Semaphore(20)
    started = asyncio.Event()
    ready = 0

    async def client(index: int) -> None:
        nonlocal holes, ready
        last: int | None = None
        async with joined:
            socket = await connect(f"ws://{address}/ws", compression=None, max_size=None)
            await socket.send(json.dumps({"type": "authenticate", "data": {"token": token}}))
            while True:
                frame = json.loads(await socket.recv())
                if frame["type"] == "snapshot":
                    last = frame["data"]["seq"]
                    break
        ready += 1
        async for text in socket:
            frame = json.loads(text)
            seq = frame.get("seq")
            if seq is None:
                live[index] += started.is_set() and frame["type"] in ("trade_update", "account_update")
                continue
            holes += last is not None and seq != last + 1
            last = seq
            lossless[index] += started.is_set()

    tasks = [asyncio.create_task(client(index)) for index in range(CLIENTS)]
    while ready < CLIENTS:
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(0.05)
    started.set()
    print("connected", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await asyncio.sleep(1)
    print(json.dumps({"lossless": lossless, "live": live, "holes": holes}), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(_listen(sys.argv[1], sys.argv[2]))
