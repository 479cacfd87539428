"""The main job from end to end, with real processes: what a trader does on the first day."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support.records import violations
from tests.support.web_socket import probe
from tests.support.world import Caller, eventually, traded_account

pytestmark = pytest.mark.integration


async def test_an_order_in_the_browser_becomes_a_deal_and_a_stop_outlives_every_process(
    tmp_path: Path, storage_environment: dict[str, str]
) -> None:
    async with traded_account(tmp_path, environment=storage_environment) as (world, trader):
        # The bridge is connected to terminal and server, and the client sees it.
        # Its money follows a moment later; until then it is said to be not known.
        status = await eventually(lambda: _status_with_money(trader))
        assert status["connected"] is True
        assert status["account"]["login"] == "5001"
        assert status["state"]["balance"] == 100_000

        async with probe(world.address("gateway"), trader.token) as socket:
            await socket.until(lambda frame: frame["type"] == "snapshot")

            opened = await trader.open("EURUSD", "BUY", 0.1)
            assert opened.status_code == 200, opened.text
            assert opened.json()["command"]["state"] == "SUCCEEDED"
            shown = await socket.until(lambda frame: frame["type"] == "trade_opened")
            trade = shown["data"]["trade"]
            assert (trade["symbol"], trade["side"], trade["volumeLots"]) == ("EURUSD", "BUY", 0.1)

            closed = await trader.post(f"/api/trades/{trade['tradeId']}/close")
            assert closed.status_code == 200, closed.text
            assert closed.json()["command"]["state"] == "SUCCEEDED"
            gone = await socket.until(lambda frame: frame["type"] == "trade_closed")
            assert gone["data"]["trade"]["tradeId"] == trade["tradeId"]
            assert gone["data"]["trade"]["closeCause"] == "USER"
            assert socket.holes == []

        commands = (await trader.get("/api/commands"))["commands"]
        assert len(commands) == 2
        assert violations(commands, tmp_path, storage_environment.get("SIGNALOS_DATABASE_URL")) == []

        stopped = await trader.post("/api/trading/emergency-stop", {"reason": "the fifth step"})
        assert stopped.status_code in (200, 202), stopped.text
        assert stopped.json()["recorded"] is True
        assert stopped.json()["report"]["accounts"][0]["latchTime"] is not None
        await _nothing_opens(trader)

        for name in ("bridge", "server", "gateway", "broker"):
            world.kill(name)
            await world.gone(name)
        await world.start_broker("5001:USD:100000:hedging")
        await world.start_server()
        await world.start_gateway()
        await world.start_bridge(5001)
        await eventually(trader.bridge_connected)
        await _nothing_opens(trader)
        state = (await trader.get("/api/trading/state"))["states"][0]
        assert state["wanted"]["stopped"] is True
        assert state["applied"]["stopped"] is True


async def _status_with_money(trader: Caller) -> dict[str, Any] | None:
    status: dict[str, Any] = (await trader.get("/api/mt5-status"))["accounts"][0]
    return status if status["state"] is not None else None


async def _nothing_opens(trader: Caller) -> None:
    before = len(await trader.live_trades())
    refused = await trader.open("EURUSD", "SELL", 0.1)
    assert refused.status_code == 409, refused.text
    assert refused.json()["reason"] == "TRADING_STOPPED"
    await asyncio.sleep(0.5)
    assert len(await trader.live_trades()) == before
