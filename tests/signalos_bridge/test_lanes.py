from __future__ import annotations

import asyncio

from signalos_bridge.domain.orders import Priority
from signalos_bridge.lanes import Lanes


async def test_the_urgent_goes_first_and_equals_in_order_of_arrival() -> None:
    lanes, served = Lanes(), list[str]()

    async def work(name: str, priority: Priority) -> None:
        async with lanes.hold("position:1", priority):
            served.append(name)

    async with asyncio.TaskGroup() as group, lanes.hold("position:1", Priority.OPEN):
        for name, priority in (
            ("first close", Priority.CLOSE),
            ("open", Priority.OPEN),
            ("second close", Priority.CLOSE),
            ("stop", Priority.STOP),
        ):
            group.create_task(work(name, priority))
            await asyncio.sleep(0)

    assert served == ["stop", "first close", "second close", "open"]
    assert not lanes.busy("position:1")


async def test_a_cancelled_waiter_is_passed_over() -> None:
    lanes, served = Lanes(), list[str]()

    async def work(name: str) -> None:
        async with lanes.hold("order:1", Priority.CLOSE):
            served.append(name)

    assert lanes.try_take("order:1")
    given_up = asyncio.create_task(work("given up"))
    patient = asyncio.create_task(work("patient"))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    lanes.release("order:1")
    await patient

    assert served == ["patient"]
    assert lanes.try_take("order:1")


async def test_other_keys_do_not_wait() -> None:
    lanes = Lanes()

    assert lanes.try_take("a")
    assert lanes.try_take("b")
    assert not lanes.try_take("a")
