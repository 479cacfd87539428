"""F22: an emergency stop at a random instant of any row, kept up for a while, and re-armed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

from tests.faults.run import Row, Run
from tests.support.world import PASSWORD

_INSTANT_SECONDS = 4.0
_HELD_SECONDS = (0.5, 2.0)
_AGAIN_SECONDS = 0.2
_LATCHED_WITHIN_SECONDS = 60.0
# What a stop makes of commands: right, and no failure of the system.
STOP_REASONS = frozenset({"STOPPED", "FENCED", "ORDER_GONE", "POSITION_GONE", "TRADING_STOPPED"})


def with_stop(row: Row) -> Row:
    """The row with a stop at an instant that the seed decides."""

    async def inject(run: Run) -> None:
        stopping = asyncio.create_task(_stop_and_rearm(run))
        try:
            await row.inject(run)
        finally:
            run.fault_over.set()
            await stopping

    expected = replace(row.expected, refusals=row.expected.refusals | STOP_REASONS)
    return replace(row, fault=f"{row.fault}, and a stop", inject=inject, expected=expected)


async def _stop_and_rearm(run: Run) -> None:
    await asyncio.sleep(run.dice.uniform(0, _INSTANT_SECONDS))
    began_at = time.time()
    run.stopped = True
    stop_id = await call_stop(run, close_positions=run.dice.random() < 0.5)
    run.notes["latched"] = await until_latched(run, stop_id, began_at) - began_at
    await asyncio.sleep(run.dice.uniform(*_HELD_SECONDS))
    await run.fault_over.wait()
    await rearm(run, stop_id)
    run.stopped = False
    await run.healed("emergency stop", began_at, time.time())


async def call_stop(run: Run, *, close_positions: bool = False, wait: str = "1s") -> str:
    """Calls a stop until it is answered, and returns its id. A stop is never refused."""
    body = {"reason": "a drill of faults", "closePositions": close_positions, "wait": wait}
    while True:
        call = await run.world.client.call("POST", "/api/trading/emergency-stop", body)
        if call.accepted:
            return str(call.response["stopId"])
        if call.status is not None and call.status < 500:
            run.violated(f"P5 a stop was refused: {call.status} {call.response}")
        await asyncio.sleep(_AGAIN_SECONDS)


async def until_latched(run: Run, stop_id: str, began_at: float) -> float:
    """Returns when it was known that the bridge has latched."""
    # A server that stands still for a minute takes no stop meanwhile.
    limit = _LATCHED_WITHIN_SECONDS * (1 + run.scale)
    while time.time() - began_at < limit:
        call = await run.world.client.call("GET", f"/api/trading/stops/{stop_id}")
        if call.accepted and _account(call.response).get("latchTime"):
            return call.at
        await asyncio.sleep(_AGAIN_SECONDS)
    run.violated(f"P5 stop {stop_id} was not latched within {limit:g} s")
    return time.time()


def _account(response: dict[str, Any]) -> dict[str, Any]:
    accounts = response["report"]["accounts"]
    return dict(accounts[0]) if accounts else {}


async def rearm(run: Run, *stop_ids: str) -> None:
    """Re-arms, again and again while a flatten goes on or something is away."""
    body = {"stopIds": list(stop_ids), "reason": "looked at it", "password": PASSWORD, "wait": "5s"}
    deadline = time.time() + _LATCHED_WITHIN_SECONDS
    while True:
        call = await run.world.client.call("POST", "/api/trading/rearm", body)
        held = await run.world.client.call("GET", "/api/trading/state")
        if held.accepted:
            still = {one for state in held.response["states"] for one in state["wanted"]["stopIds"]}
            if not still & {*stop_ids}:
                return
        if time.time() > deadline:
            run.violated(f"P5 no re-arm within {_LATCHED_WITHIN_SECONDS:g} s: {call.status} {call.response}")
            return
        await asyncio.sleep(_AGAIN_SECONDS)
