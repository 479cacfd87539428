"""F1-F6: a program is killed at the instant that hurts most, and started again."""

from __future__ import annotations

import asyncio
import time

from tests.faults.run import Missed, Row, Run


async def _at_failpoint(run: Run, program: str, *points: str) -> None:
    """Kills a program at one of some points, and starts it again at once."""
    aim = run.dice.choice(points)
    at, point = await run.strike(program, f"{aim}:{run.dice.randint(1, 4)}")
    healed_at = time.time()
    await run.world.start_again(program)
    await run.healed(f"{program}:{point}", at, healed_at)


async def _server_before_stream_write(run: Run) -> None:
    await _at_failpoint(run, "server", "before_hand_over")


async def _server_before_publish(run: Run) -> None:
    await _at_failpoint(run, "server", "before_publish", "after_commit")


async def _bridge_before_call(run: Run) -> None:
    await _at_failpoint(run, "bridge", "after_intent")


async def _bridge_or_child_in_call(run: Run) -> None:
    aim = run.dice.choice(("after_call", "child_before_call", "child_after_call"))
    if aim == "after_call":
        await _at_failpoint(run, "bridge", aim)
        return
    armed_at = time.time()
    run.world.arm("bridge", f"{aim}:{run.dice.randint(1, 4)}")
    deadline = armed_at + 15
    while (struck := run.world.struck("bridge", armed_at)) is None:
        if time.time() > deadline:
            run.world.disarm("bridge")
            raise Missed(f"the terminal's process did not pass {aim}")
        await asyncio.sleep(0.02)
    # The bridge starts another one by itself.
    await run.healed(f"child:{struck[1]}", struck[0], struck[0])


async def _bridge_before_acknowledgement(run: Run) -> None:
    await _at_failpoint(run, "bridge", "after_outcome", "outcome_sent", "outcome_acknowledged")


async def _gateway_mid_post(run: Run) -> None:
    client = run.world.client
    deadline = time.time() + 15
    while not (caught := {mark for mark in client.in_flight if not mark.startswith("GET")}):
        if time.time() > deadline:
            raise Missed("no call was under way")
        await asyncio.sleep(0.002)
    calls_before = len(client.calls)
    began_at = time.time()
    run.world.kill("gateway")
    await run.world.gone("gateway")
    healed_at = time.time()
    await run.world.start_again("gateway")
    await run.healed("gateway:mid-POST", began_at, healed_at)
    unanswered = {call.key for call in client.calls[calls_before:] if call.status is None and call.key}
    if not any(mark.split()[2] in unanswered for mark in caught):
        raise Missed("every call that was under way was answered before the gateway died")


ROWS = (
    Row("F1", "kill -9 server", "between commit and stream write", _server_before_stream_write, 10),
    Row("F2", "kill -9 server", "between commit and publish", _server_before_publish, 10),
    Row(
        "F3",
        "kill -9 bridge",
        "after intent, before the terminal call",
        _bridge_before_call,
        10,
        settles=True,
    ),
    Row(
        "F4",
        "kill -9 bridge or terminal child",
        "inside and after the terminal call, before the outcome is journalled",
        _bridge_or_child_in_call,
        10,
        settles=True,
    ),
    Row("F5", "kill -9 bridge", "after outcome, before acknowledgement", _bridge_before_acknowledgement, 10),
    Row("F6", "kill -9 gateway", "mid-POST", _gateway_mid_post, 10),
)
