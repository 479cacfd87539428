"""Any process may be killed at any instant: each accepted command ends once, and the broker agrees."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import httpx
import pytest

from signalos_verify.domain.records import NOT_EXECUTED
from tests.support.records import violations
from tests.support.world import Caller, World, eventually, traded_account

pytestmark = pytest.mark.integration

COMMANDS = 200
LANES = 8
# Long enough that every command which no kill hit is still alive after the restart.
TIME_TO_LIVE = "120s"
# The terminal's silence is believed sooner than with real money; the rule itself stays the same.
SETTLE = {"SIGNALOS_SETTLE_SCALE": "0.05"}


@pytest.mark.parametrize("victim", ["server", "bridge", "gateway", "child"])
async def test_killed_while_two_hundred_commands_run(victim: str, tmp_path: Path) -> None:
    random_source = random.Random(victim)
    async with traded_account(tmp_path, environment=SETTLE) as (world, trader):
        async with asyncio.TaskGroup() as group:
            lanes = [group.create_task(_trade(trader, lane)) for lane in range(LANES)]
            for _ in range(2):
                await asyncio.sleep(random_source.uniform(0.4, 1.2))
                await _kill_and_start_again(world, victim)
        accepted = [key for lane in lanes for key in lane.result()]
        await eventually(trader.bridge_connected, within=40)

        async def all_ended() -> list[dict[str, Any]] | None:
            commands = await _all_commands(trader)
            ended = all(command["endTime"] is not None for command in commands)
            return commands if ended else None

        commands = await eventually(all_ended, within=60, every=0.5)
        assert violations(commands, tmp_path) == []
        assert {command["requestId"] for command in commands if command["requestId"]} >= set(accepted)
        succeeded = sum(command["state"] == "SUCCEEDED" for command in commands)
        assert succeeded >= 0.9 * COMMANDS, [c["reason"] for c in commands if c["reason"]]


async def _trade(trader: Caller, lane: int) -> list[str]:
    """Opens and closes until its share is done; a request without an answer is sent again with its key."""
    accepted = []
    pairs = COMMANDS // LANES // 2
    for number in range(pairs + (1 if (COMMANDS // LANES) % 2 else 0)):
        key = f"{lane}-{number}-open"
        body = {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.01}
        command = await _until_answered(
            trader, "/api/trades", key, {**body, "timeToLive": TIME_TO_LIVE, "wait": "20s"}
        )
        accepted.append(key)
        if number == pairs:
            break
        command = await _until_ended(trader, command)
        if command["state"] in NOT_EXECUTED:
            # It was on its way when the link went: an open is refused then, and says so.
            assert command["reason"], command
            if command["reason"] == "UNKNOWN_OPEN":
                # It says to wait until the open in doubt is resolved; who sends on is refused again.
                await eventually(lambda: _no_open_is_in_doubt(trader), within=90, every=0.5)
            continue
        trade_id = command["tradeId"]
        assert trade_id, command
        key = f"{lane}-{number}-close"
        await _until_answered(
            trader, f"/api/trades/{trade_id}/close", key, {"timeToLive": TIME_TO_LIVE, "wait": "20s"}
        )
        accepted.append(key)
    return accepted


async def _until_answered(trader: Caller, path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
    for _ in range(600):
        try:
            answer = await trader.client.post(path, json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            await asyncio.sleep(0.1)
            continue
        if answer.status_code in (200, 202):
            command: dict[str, Any] = answer.json()["command"]
            return command
        # Nothing was accepted: the part behind is away, or an open of the symbol is UNKNOWN for now.
        unknown = answer.status_code == 409 and answer.json()["reason"] == "WRONG_STATE"
        assert unknown or answer.status_code in (503, 504), f"{key}: {answer.status_code} {answer.text}"
        await asyncio.sleep(0.1)
    raise AssertionError(f"{key} was never accepted")


async def _until_ended(trader: Caller, command: dict[str, Any]) -> dict[str, Any]:
    async def ended() -> dict[str, Any] | None:
        try:
            answer = await trader.client.get(f"/api/commands/{command['commandId']}")
        except httpx.TransportError:
            return None
        if answer.status_code != 200:
            return None
        now: dict[str, Any] = answer.json()["command"]
        return now if now["endTime"] is not None else None

    try:
        result: dict[str, Any] = await eventually(ended, within=90)
    except AssertionError:
        now = await trader.get(f"/api/commands/{command['commandId']}")
        raise AssertionError(f"never ended: {now}") from None
    return result


async def _no_open_is_in_doubt(trader: Caller) -> bool:
    try:
        # While the bridge looks for it, it is not called UNKNOWN yet: it has no end.
        return all(
            command["endTime"] is not None
            for command in await _all_commands(trader)
            if command["requestId"].endswith("open")
        )
    except (httpx.TransportError, AssertionError):
        # A part on the way is dead for now.
        return False


async def _kill_and_start_again(world: World, victim: str) -> None:
    if victim == "child":
        await world.kill_terminal_child("bridge")
        return
    world.kill(victim)
    await world.gone(victim)
    if victim == "server":
        await world.start_server()
    elif victim == "gateway":
        await world.start_gateway()
    else:
        await world.start_bridge(5001)


async def _all_commands(trader: Caller) -> list[dict[str, Any]]:
    commands: list[dict[str, Any]] = []
    token = ""
    while True:
        page = await trader.get("/api/commands", pageSize="500", pageToken=token)
        commands += page["commands"]
        token = page["nextPageToken"]
        if not token:
            return commands
