"""F7: PostgreSQL dies at once, a table is locked, every connection is lost."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace

import asyncpg  # type: ignore[import-untyped]
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.faults.run import Missed, Row, Run
from tests.faults.stops import call_stop, rearm, until_latched
from tests.faults.verdict import Expectation
from tests.faults.world import Shape

_STALL_SECONDS = 0.2
_ASK_SECONDS = 0.05
_LOCK_SECONDS = 5.0
_TABLES = ("commands", "events", "streams", "trades")


class LoopWatch:
    """How long the server's loop takes to answer what needs no database."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.worst = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> LoopWatch:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def take(self) -> float:
        """Return the worst since the last look, in seconds."""
        worst, self.worst = self.worst, 0.0
        return worst

    async def _watch(self) -> None:
        async with grpc.aio.insecure_channel(self._address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            while True:
                began = time.perf_counter()
                with suppress(grpc.aio.AioRpcError):
                    await stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
                self.worst = max(self.worst, time.perf_counter() - began)
                await asyncio.sleep(_ASK_SECONDS)


async def _database(run: Run) -> None:
    world = run.world
    assert world.postgres is not None
    aim = run.dice.choice(("stopped at once", "locked", "connections lost"))
    calls_before = len(world.client.calls)
    async with LoopWatch(world.address("server")) as watch:
        await asyncio.sleep(1.0)
        before = watch.take()
        began = time.time()
        going = asyncio.create_task(_FAULTS[aim](run))
        stop_id = ""
        if run.dice.random() < 0.5:
            # A stop works meanwhile: it goes out from memory, and is recorded later.
            await asyncio.sleep(0.5)
            run.stopped = True
            called = time.time()
            stop_id = await call_stop(run)
            run.notes["latched"] = await until_latched(run, stop_id, called) - called
        await going
        healed_at = time.time()
        run.notes["loop_ms"] = round(watch.take() * 1000)
        run.notes["loop_before_ms"] = round(before * 1000)
    if run.notes["loop_ms"] > _STALL_SECONDS * 1000 + run.notes["loop_before_ms"]:
        run.late.append(f"F7 the server's loop answered after {run.notes['loop_ms']:g} ms")
    await run.healed(f"postgresql:{aim}", began, healed_at)
    if stop_id:
        rearming = time.time()
        await rearm(run, stop_id)
        run.stopped = False
        await run.healed("emergency stop", rearming, time.time())
    felt = [call for call in world.client.calls[calls_before:] if call.status is None or call.status >= 500]
    slow = [call for call in world.client.calls[calls_before:] if call.at - call.sent_at > 1.0]
    if not felt and not slow:
        raise Missed("no call felt that the database was away")


async def _stopped(run: Run) -> None:
    assert run.world.postgres is not None
    await asyncio.to_thread(run.world.postgres.stop_immediately)
    await asyncio.sleep(max(3.0, 10 * run.scale))
    await asyncio.to_thread(run.world.postgres.start_again)


async def _locked(run: Run) -> None:
    connection = await asyncpg.connect(run.world.database_url)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {run.dice.choice(_TABLES)} IN ACCESS EXCLUSIVE MODE")
            await asyncio.sleep(_LOCK_SECONDS)
    finally:
        await connection.close()


async def _lost(run: Run) -> None:
    """Every connection is ended in the middle of what it does, again and again."""
    connection = await asyncpg.connect(run.world.database_url)
    try:
        for _ in range(20):
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'signalos_server'"
            )
            await asyncio.sleep(0.1)
    finally:
        await connection.close()


_FAULTS = {"stopped at once": _stopped, "locked": _locked, "connections lost": _lost}


def _on_postgresql(shape: Shape) -> Shape:
    return replace(shape, postgresql=True)


ROWS = (
    Row(
        "F7",
        "PostgreSQL stopped at once; locked; connections lost",
        "nothing reported without a durable row; stop works; the loop goes on",
        _database,
        10,
        settles=True,
        shape=_on_postgresql,
        expected=Expectation(refusals=frozenset({"STOPPED", "FENCED", "ORDER_GONE", "TRADING_STOPPED"})),
    ),
)
