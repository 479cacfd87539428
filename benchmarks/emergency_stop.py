"""From the POST of an emergency stop to the last of two hundred connected bridges having it on its disk.

Measured idle, and with every data stream's credit used up and commands queued behind it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Latencies, latencies, milliseconds
from benchmarks.http_client import HttpClient
from signalos_server import admin
from signalos_server.app import Settings, Timings
from signalos_server.app import run as run_server
from signalos_server.domain.bridge_session import SessionTimings
from tests.support.light_bridges import LightBridges, Provisioned, provision
from tests.support.world import PASSWORD, Caller, Program, World, eventually

BRIDGES = 200
USERS = 20
ROUNDS = 50
COMMANDS_PER_SECOND = 50
# Commands for each bridge; more than its window holds.
_FILLING = 20
# The data streams are silent for minutes; both sides would hang up on such a one.
_DEAD_AFTER_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class StopFigures:
    """What stops of all bridges took under one load; seconds."""

    load: str
    bridges: int
    answered: Latencies
    """From the POST to its answer, which tells of every bridge that it has latched."""
    latched: Latencies
    """From the POST to the last latch on a bridge's disk, on the clock that all processes share."""
    acknowledged: Latencies
    """From the POST to the server's knowing of the last latch."""
    queued: float
    """Commands that waited in stalled streams when the stop was called, on average."""


async def measure_stops(directory: Path, console: Console, rounds: int = ROUNDS) -> list[StopFigures]:
    """Stops, looks at the report and re-arms, `rounds` times idle and as often under load."""
    async with _world(directory, console) as (world, owner, bridges, made):
        load = _Load(world, made)
        await load.sign_in()
        idle = await _rounds(world, owner, rounds, "idle", console, None)
        await bridges.stall()
        with console.status("the data streams fill up"):
            await load.fill()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(load.run())
            name = f"stalled, {COMMANDS_PER_SECOND} commands/s"
            loaded = await _rounds(world, owner, rounds, name, console, load)
            task.cancel()
    return [idle, loaded]


def show(figures: list[StopFigures], console: Console) -> None:
    table = Table(title="Emergency stop of every bridge (budget: p99 until the last latch is known < 1 s)")
    for heading in (
        "load",
        "bridges",
        "stops",
        "latched p50",
        "latched p99",
        "known p50",
        "known p99",
        "answered p50",
        "answered p99",
        "queued",
    ):
        table.add_column(heading, justify="right")
    for figure in figures:
        table.add_row(
            figure.load,
            str(figure.bridges),
            str(len(figure.latched.seconds)),
            milliseconds(figure.latched.p50),
            milliseconds(figure.latched.p99),
            milliseconds(figure.acknowledged.p50),
            milliseconds(figure.acknowledged.p99),
            milliseconds(figure.answered.p50),
            milliseconds(figure.answered.p99),
            f"{figure.queued:.0f}",
        )
    console.print(table)


@asynccontextmanager
async def _world(
    directory: Path, console: Console
) -> AsyncIterator[tuple[World, Caller, LightBridges, list[Provisioned]]]:
    world = World(directory)
    bridges: LightBridges | None = None
    try:
        with console.status("the server starts"):
            await _start_server(world)
        users = [f"user{number:02}" for number in range(USERS)]
        await asyncio.to_thread(_add_users, directory / "server", users)
        await world.start_gateway()
        with console.status(f"{BRIDGES} bridges are paired and connect"):
            made = await asyncio.to_thread(
                provision, directory / "server", directory / "light", users, BRIDGES,
                server_address=world.address("server"),
            )  # fmt: skip
            homes = [one.directory for one in made]
            bridges = LightBridges(homes, world.address("server"), directory / "light.log")
            await bridges.start()
            owner = await world.sign_in("operator")
            await eventually(lambda: _all_may_open(owner), within=120, every=0.5)
        yield world, owner, bridges, made
    finally:
        if bridges is not None:
            await bridges.close()
        await world.close()


def _add_users(server_directory: Path, users: list[str]) -> None:
    admin.add_user(server_directory, None, "operator", PASSWORD, admin=True)
    for user in users:
        admin.add_user(server_directory, None, user, PASSWORD)


async def _all_may_open(owner: Caller) -> bool:
    states = (await owner.get("/api/trading/state"))["states"]
    return len(states) == BRIDGES and await owner.may_open()


async def _start_server(world: World) -> None:
    """Starts the server's program with patience for streams that are left unread."""
    ready = world.directory / "server" / "server.json"
    with (world.directory / "server.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.emergency_stop", str(ready.parent), env=os.environ.copy(),
            stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    program = Program(process, ready)
    world.programs["server"] = program
    async with asyncio.timeout(30):
        while not program.serves():
            assert process.returncode is None, world.log("server")[-3000:]
            await asyncio.sleep(0.02)


class _Load:
    """Opens, dealt out to all accounts, whose delivery nobody reads."""

    def __init__(self, world: World, made: list[Provisioned]) -> None:
        self._world = world
        self._made = made
        self._tokens: dict[str, str] = {}
        self.accepted = 0

    async def sign_in(self) -> None:
        """Get every user's session, one after the other: a password costs a tenth of a second."""
        for user in sorted({one.user_name for one in self._made}):
            self._tokens[user] = (await self._world.sign_in(user)).token

    async def fill(self) -> None:
        """Give every stream more than fits its window, as fast as it goes."""

        async def lane(user: str) -> None:
            client = await HttpClient.open(self._world.address("gateway"), self._tokens[user])
            for one in [one for one in self._made if one.user_name == user]:
                for _ in range(_FILLING):
                    await self._open(client, one)
            await client.close()

        async with asyncio.TaskGroup() as group:
            for user in self._tokens:
                group.create_task(lane(user))

    async def run(self) -> None:
        """Go on at a steady pace."""
        address = self._world.address("gateway")
        due = time.monotonic()
        for one in itertools.cycle(self._made):
            # A connection kept for each of twenty users would idle too long for the gateway.
            client = await HttpClient.open(address, self._tokens[one.user_name])
            await self._open(client, one)
            await client.close()
            due += 1 / COMMANDS_PER_SECOND
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _open(self, client: HttpClient, one: Provisioned) -> None:
        body = {
            "accountId": one.account_id, "symbol": "EURUSD", "side": "BUY", "volumeLots": 0.01,
            "timeToLive": "600s", "wait": "0s",
        }  # fmt: skip
        status, answer = await client.post("/api/trades", body, str(uuid.uuid4()))
        if status in (200, 202):
            self.accepted += 1
        else:
            # While a stop is in force.
            assert answer["reason"] == "TRADING_STOPPED", answer


async def _rounds(
    world: World, owner: Caller, rounds: int, load: str, console: Console, queue: _Load | None
) -> StopFigures:
    answered, latched, acknowledged, queued = [], [], [], []
    with console.status(f"{rounds} stops, {load}"):
        for number in range(rounds):
            # A connection that idled through a re-arm may have been closed.
            client = await HttpClient.open(world.address("gateway"), owner.token)
            queued.append(queue.accepted if queue is not None else 0)
            began, start = time.time(), time.perf_counter()
            body = {"scope": "EVERYTHING", "reason": f"round {number}", "wait": "10s"}
            status, answer = await client.post("/api/trading/emergency-stop", body, str(uuid.uuid4()))
            answered.append(time.perf_counter() - start)
            assert status in (200, 202), answer
            latched.append(_last_latch(answer) - began)
            acknowledged.append(_acknowledged(world, answer["stopId"]) - began)
            await client.close()
            await _rearm(owner, answer["stopId"])
    return StopFigures(
        load,
        BRIDGES,
        latencies(answered),
        latencies(latched),
        latencies(acknowledged),
        statistics.mean(queued),
    )


def _last_latch(answer: dict[str, Any]) -> float:
    accounts = answer["report"]["accounts"]
    assert answer["recorded"], "not recorded in time"
    assert len(accounts) == BRIDGES
    assert answer["unreachedAccountIds"] == []
    latches = [account["latchTime"] for account in accounts]
    assert all(latches), f"{latches.count(None)} bridges did not latch in time"
    return max(datetime.fromisoformat(each).timestamp() for each in latches)


def _acknowledged(world: World, stop_id: str) -> float:
    """Return when the server had every bridge's word, as it logs."""
    for line in reversed(world.log("server").splitlines()):
        if "stop is latched wherever it was sent" in line and stop_id in line:
            return datetime.fromisoformat(line.split(" ", 1)[0]).timestamp()
    raise AssertionError(f"the server did not say that {stop_id} is latched everywhere")


async def _rearm(owner: Caller, stop_id: str) -> None:
    body = {"stopIds": [stop_id], "reason": "next round", "password": PASSWORD, "wait": "10s"}
    answer = await owner.post("/api/trading/rearm", body)
    while answer.status_code == 429:
        # Passwords are taken so often a minute only, and a re-arm asks for one.
        await asyncio.sleep(float(answer.json()["metadata"]["retry_after_seconds"]))
        answer = await owner.post("/api/trading/rearm", body)
    assert answer.status_code == 200, answer.text
    await eventually(lambda: _all_may_open(owner), within=60, every=0.1)


def main() -> None:
    """Serve, as the program of the server does."""
    session = SessionTimings(dead_after=_DEAD_AFTER_SECONDS)
    timings = Timings(session=session)
    run_server(Settings(data_dir=Path(sys.argv[1]), grpc_port=0, timings=timings))


if __name__ == "__main__":
    main()
