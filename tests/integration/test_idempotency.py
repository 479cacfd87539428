"""A request that is sent twice trades once, whatever lies between the two."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.records import broker_legs, violations
from tests.support.world import eventually, traded_account

pytestmark = pytest.mark.integration


async def test_the_same_key_at_the_same_time_and_after_a_restart_is_one_command_and_one_deal(
    tmp_path: Path,
) -> None:
    async with traded_account(tmp_path) as (world, trader):
        answers = await asyncio.gather(*(trader.open(key="once-and-only") for _ in range(12)))
        assert {answer.status_code for answer in answers} <= {200, 202}
        ids = {answer.json()["command"]["commandId"] for answer in answers}
        assert len(ids) == 1

        other_body = await trader.open(lots=0.2, key="once-and-only")
        assert other_body.status_code == 400
        assert other_body.json()["reason"] == "REQUEST_ID_REUSED"

        world.kill("server")
        await world.gone("server")
        await world.start_server()
        await eventually(trader.bridge_connected)
        again = await trader.open(key="once-and-only")
        assert again.status_code == 200, again.text
        assert again.json()["command"]["commandId"] in ids
        assert again.json()["command"]["state"] == "SUCCEEDED"

        commands = (await trader.get("/api/commands"))["commands"]
        assert len(commands) == 1
        assert violations(commands, tmp_path) == []
        (magic,) = (int(leg["magic"]) for leg in commands[0]["legs"])
        assert len(broker_legs(tmp_path / "emulator")[magic].accepted) == 1


async def test_a_command_whose_time_is_over_is_not_executed_when_the_bridge_returns(tmp_path: Path) -> None:
    async with traded_account(tmp_path) as (world, trader):
        world.freeze("bridge")
        answer = await trader.open(timeToLive="1s", wait="0s")
        assert answer.status_code == 202, answer.text
        command_id = answer.json()["command"]["commandId"]
        await asyncio.sleep(2.5)
        world.thaw("bridge")

        async def ended() -> bool:
            command = (await trader.get(f"/api/commands/{command_id}"))["command"]
            return bool(command["state"] == "EXPIRED")

        await eventually(ended, within=40)
        assert broker_legs(tmp_path / "emulator") == {}
