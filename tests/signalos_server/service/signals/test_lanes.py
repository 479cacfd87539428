"""Lanes keep their order, and do not wait for each other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from signalos_server.domain.errors import StorageUnavailable
from signalos_server.service.signals import lanes
from signalos_server.service.signals.lanes import Lanes


class Tasks:
    def __init__(self) -> None:
        self.running: set[asyncio.Task[None]] = set()

    def spawn(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await work()

        self.running.add(asyncio.create_task(run(), name=name))


async def test_work_of_a_key_runs_in_order_and_keys_do_not_wait() -> None:
    made, seen = Lanes("test", Tasks().spawn), list[str]()
    gate = asyncio.Event()

    async def slow() -> None:
        await gate.wait()
        seen.append("slow")

    async def note(name: str) -> None:
        seen.append(name)

    made.put("one", slow)
    after = made.put("one", lambda: note("after"))
    await made.put("two", lambda: note("other")).wait()
    assert seen == ["other"]

    gate.set()
    await after.wait()

    assert seen == ["other", "slow", "after"]


async def test_work_that_fails_does_not_end_its_lane() -> None:
    made, seen = Lanes("test", Tasks().spawn), list[str]()

    async def fail() -> None:
        raise RuntimeError("a defect")

    async def note() -> None:
        seen.append("after")

    made.put("one", fail)
    await made.put("one", note).wait()

    assert seen == ["after"]


async def test_work_waits_for_storage_and_keeps_its_place() -> None:
    made, seen = Lanes("test", Tasks().spawn), list[str]()
    times = 0

    async def first() -> None:
        nonlocal times
        times += 1
        if times < 3:
            raise StorageUnavailable("away")
        seen.append("first")

    async def second() -> None:
        seen.append("second")

    before, lanes._RETRY_SECONDS = lanes._RETRY_SECONDS, 0.0
    try:
        made.put("one", first)
        await made.put("one", second).wait()
    finally:
        lanes._RETRY_SECONDS = before

    assert seen == ["first", "second"]
