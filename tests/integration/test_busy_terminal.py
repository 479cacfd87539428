"""A terminal that hangs in a call, global lock and all, disturbs neither the heartbeat nor a stop."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.faults import HoldGil
from tests.support.world import eventually, traded_account

pytestmark = pytest.mark.integration


async def test_a_stop_is_latched_while_the_terminal_holds_the_lock_for_thirty_seconds(tmp_path: Path) -> None:
    async with traded_account(tmp_path) as (_, trader):
        assert (await trader.open()).status_code == 200
        with BrokerAdmin.of(tmp_path / "emulator") as broker:
            broker.add_fault(HoldGil(function="order_send", milliseconds=30_000, count=1))
            hung = await trader.open("EURUSD", "SELL", 0.1, timeToLive="60s", wait="0s")
            assert hung.status_code == 202, hung.text
            await asyncio.sleep(1.5)

            stopped = await trader.post("/api/trading/emergency-stop", {"reason": "the terminal hangs"})
            account = stopped.json()["report"]["accounts"][0]
            assert account["reached"] is True
            assert account["latchTime"] is not None, stopped.text
            assert account["quietTime"] is None, "the call is still in the terminal"
            assert "busy" in account["problem"], account

            # The heartbeat goes on: the bridge is seen as connected all the while.
            for _ in range(10):
                await asyncio.sleep(0.5)
                status = (await trader.get("/api/mt5-status"))["accounts"][0]
                assert status["account"]["bridge"]["state"] == "CONNECTED"

            async def quiet() -> bool:
                report = (await trader.get(f"/api/trading/stops/{stopped.json()['stopId']}"))["report"]
                return report["accounts"][0]["quietTime"] is not None

            await eventually(quiet, within=40)
