"""F23: a re-arm races an older queued order, or comes while a newer local stop is held."""

from __future__ import annotations

import asyncio
import time

from tests.faults.run import Missed, Row, Run
from tests.faults.stops import STOP_REASONS, call_stop, rearm, until_latched
from tests.faults.verdict import Expectation
from tests.support.world import eventually


async def _older_order(run: Run) -> None:
    """An open waits in the stalled data stream; a stop is called and re-armed before it arrives."""
    began = time.time()
    run.stopped = True
    if run.world.link.connection_count < 2:
        raise Missed("the bridge has not two connections")
    run.world.link.stall(0)
    body = {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.13, "timeToLive": "60s", "wait": "0s"}
    call = await run.world.client.call("POST", "/api/trades", body, f"older-{run.row.name}-{run.seed}")
    stop_id = await call_stop(run)
    run.notes["latched"] = await until_latched(run, stop_id, time.time()) - began
    await rearm(run, stop_id)
    run.stopped = False
    healed_at = time.time()
    # It arrives at the bridge after all, or the next session is asked whether it ever did.
    how = run.dice.choice(("released", "reset"))
    if how == "released":
        run.world.link.unstall()
    else:
        run.world.link.reset()
    await run.healed(f"re-arm before an older order, {how}", began, healed_at)
    if call.command is None:
        raise Missed(f"the open was not accepted: {call.status} {call.response}")
    command_id = call.command["commandId"]

    async def ended() -> str | None:
        answer = await run.world.client.call("GET", f"/api/commands/{command_id}")
        command = answer.command
        return str(command["state"]) if command is not None and command["endTime"] is not None else None

    state = await eventually(ended, within=30)
    if state != "FENCED":
        run.violated(f"P5 an order from before the stop is {state} after the re-arm")


async def _newer_local_stop(run: Run) -> None:
    """While the line is down somebody stops at the bridge; the re-arm of the older stop leaves that."""
    world = run.world
    began = time.time()
    run.stopped = True
    older = await call_stop(run)
    await until_latched(run, older, began)
    world.link.refuse = True
    world.link.reset()
    await world.run("bridge", "stop", "--reason", "by hand")
    rearming = asyncio.create_task(rearm(run, older))
    await asyncio.sleep(run.dice.uniform(0, 1))
    healed_at = time.time()
    world.link.refuse = False
    await rearming

    async def held() -> list[str]:
        state = await world.client.call("GET", "/api/trading/state")
        return list(state.response["states"][0]["wanted"]["stopIds"]) if state.accepted else []

    try:
        (newer,) = await eventually(held, within=30)
    except AssertionError:
        run.violated("P5 the stop that was made at the bridge is not held after the re-arm of an older one")
        return
    body = {"symbol": "EURUSD", "side": "SELL", "volumeLots": 0.01, "wait": "2s"}
    call = await world.client.call("POST", "/api/trades", body, f"newer-{run.row.name}-{run.seed}")
    if call.reason != "TRADING_STOPPED":
        run.violated(f"P5 an open was not refused under the newer stop: {call.status} {call.response}")
    await rearm(run, newer)
    run.stopped = False
    await run.healed("re-arm while a local stop is newer", began, max(healed_at, time.time()))


async def _races(run: Run) -> None:
    await (_older_order if run.dice.random() < 0.5 else _newer_local_stop)(run)


ROWS = (
    Row(
        "F23",
        "re-arm races an older queued order; a newer local stop",
        "FENCED; still stopped",
        _races,
        None,
        settles=True,
        expected=Expectation(refusals=STOP_REASONS),
    ),
)
