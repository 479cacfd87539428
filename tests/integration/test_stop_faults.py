"""The emergency stop while other things fail: a stalled link, refused closes, a database that is away."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.faults import Reject
from signalos_bridge.emulator.ledger import Received
from signalos_bridge.emulator.operator_messages import PlaceByHand, SymbolChange
from tests.support.faulty_link import LOGIN, admin, all_commands, opened, through_proxy
from tests.support.proxy import FaultProxy
from tests.support.records import violations
from tests.support.world import PASSWORD, Caller, World, eventually, traded_account

pytestmark = pytest.mark.integration

DEAL, REMOVE = 1, 8


async def stop(trader: Caller, reason: str, **more: Any) -> dict[str, Any]:
    answer = await trader.post("/api/trading/emergency-stop", {"reason": reason, **more})
    assert answer.status_code in (200, 202), answer.text
    return dict(answer.json())


async def rearm(trader: Caller, password: str = PASSWORD, **which: Any) -> httpx.Response:
    body = {"reason": "looked at it", "wait": "10s", **which}
    return await trader.post("/api/trading/rearm", body | ({"password": password} if password else {}))


async def state(trader: Caller) -> dict[str, Any]:
    return dict((await trader.get("/api/trading/state"))["states"][0])


async def report(trader: Caller, stop_id: str) -> dict[str, Any]:
    return dict((await trader.get(f"/api/trading/stops/{stop_id}"))["report"])


def seconds_to_latch(report: dict[str, Any]) -> float:
    called = datetime.fromisoformat(report["createTime"])
    latched = datetime.fromisoformat(report["accounts"][0]["latchTime"])
    return (latched - called).total_seconds()


async def nothing_opens(trader: Caller) -> None:
    refused = await trader.open("EURUSD", "SELL", 0.1)
    assert refused.status_code == 409, refused.text
    assert refused.json()["reason"] == "TRADING_STOPPED"


async def test_a_stop_passes_a_stalled_data_stream_and_only_its_own_rearm_leads_out(tmp_path: Path) -> None:
    async with through_proxy(tmp_path) as (world, trader, proxy):
        await opened(trader, 1)
        await _with_connect_stalled(trader, proxy)
        await _rearms(trader)
        await _with_the_database_locked(world, trader)
        await _made_at_the_bridge(world, trader)
        await opened(trader, 1, timeToLive="20s")
        assert violations(await all_commands(trader), tmp_path) == []


async def _with_connect_stalled(trader: Caller, proxy: FaultProxy) -> None:
    assert proxy.connection_count == 2
    proxy.stall(0)
    # Written into the stall: it was issued before the stop, and must not run after it.
    late = await trader.open("EURUSD", "BUY", 0.1, timeToLive="60s", wait="0s")
    assert late.status_code in (200, 202), late.text
    began = time.monotonic()
    answer = await stop(trader, "data stalls")
    assert time.monotonic() - began < 1.0
    assert answer["recorded"] is True
    assert seconds_to_latch(answer["report"]) < 1.0
    await nothing_opens(trader)
    proxy.reset()
    await eventually(trader.bridge_connected)

    async def fenced() -> bool:
        path = f"/api/commands/{late.json()['command']['commandId']}"
        return bool((await trader.get(path))["command"]["state"] == "FENCED")

    await eventually(fenced)
    assert len(await trader.live_trades()) == 1


async def _rearms(trader: Caller) -> None:
    shown = (await state(trader))["wanted"]
    (first,) = shown["stopIds"]
    second = (await stop(trader, "another stop"))["stopId"]
    # Without the password; with a wrong one; with what was shown before the second stop.
    assert (await rearm(trader, "", stopIds=[first])).status_code in (400, 401, 403)
    assert (await rearm(trader, "wrong", stopIds=[first])).status_code in (400, 401, 403)
    stale = await rearm(trader, generation=str(shown["stopGeneration"]))
    assert stale.status_code == 409, stale.text
    assert sorted((await state(trader))["wanted"]["stopIds"]) == sorted([first, second])

    answer = await rearm(trader, stopIds=[first])
    assert answer.status_code == 200, answer.text
    assert (await state(trader))["wanted"]["stopIds"] == [second]
    await nothing_opens(trader)
    assert (await rearm(trader, stopIds=[first])).status_code == 409
    answer = await rearm(trader, stopIds=[second])
    assert answer.status_code == 200, answer.text
    await eventually(trader.may_open)
    await opened(trader, 1)


async def _with_the_database_locked(world: World, trader: Caller) -> None:
    """Another process holds the database for five seconds."""
    lock = sqlite3.connect(world.directory / "server" / "signalos.sqlite3", isolation_level=None)
    try:
        lock.execute("BEGIN IMMEDIATE")
        locked = time.monotonic()
        answer = await stop(trader, "database away", wait="1s")
        assert time.monotonic() - locked < 2.0
        assert answer["recorded"] is False, answer
        assert seconds_to_latch(answer["report"]) < 1.0
        stop_id = answer["stopId"]
        assert stop_id in await asyncio.to_thread((world.directory / "bridge" / "stops.latch").read_text)
        await asyncio.sleep(5.0 - (time.monotonic() - locked))
    finally:
        lock.close()

    async def recorded() -> bool:
        return bool((await state(trader))["wanted"]["stopIds"] == [stop_id])

    await eventually(recorded, within=10)
    await nothing_opens(trader)
    assert (await rearm(trader, stopIds=[stop_id])).status_code == 200
    await eventually(trader.may_open)


async def _made_at_the_bridge(world: World, trader: Caller) -> None:
    world.kill("server")
    await world.gone("server")
    await world.run("bridge", "stop", "--reason", "by hand")
    await world.start_server()
    await eventually(trader.bridge_connected, within=30)

    async def adopted() -> list[str]:
        return list((await state(trader))["wanted"]["stopIds"])

    (stop_id,) = await eventually(adopted)
    await nothing_opens(trader)
    entries = (await trader.get("/api/audit"))["entries"]
    assert any(stop_id in str(entry) for entry in entries)
    answer = await rearm(trader, stopIds=[stop_id])
    assert answer.status_code == 200, answer.text
    await eventually(trader.may_open)


async def test_a_stop_that_closes_goes_on_until_it_is_flat(tmp_path: Path) -> None:
    async with traded_account(tmp_path) as (_, trader):
        await opened(trader, 2)
        assert (await trader.open("XAUUSD", "BUY", 0.1, wait="10s")).json()["command"]["state"] == "SUCCEEDED"
        placed = await trader.open("GBPUSD", "BUY", 0.1, orderType="LIMIT", price=1.0)
        assert placed.json()["command"]["state"] == "SUCCEEDED", placed.text
        with admin(tmp_path) as broker:
            order = PlaceByHand(action=1, symbol="USDJPY", volume=0.2, type=0, type_filling=1)
            assert broker.place_by_hand(LOGIN, order).retcode == 10009
            # The cancel is refused, all closes are refused at first, and one market is closed for longer.
            broker.set_symbol("XAUUSD", SymbolChange(closed=True))
            refused = [broker.add_fault(Reject(retcode=10006, action=action)) for action in (DEAL, REMOVE)]
            answer = await stop(trader, "flat, please", closePositions=True, wait="2s")
            assert answer["complete"] is False
            assert seconds_to_latch(answer["report"]) < 1.0
            stop_id = answer["stopId"]
            tickets = answer["report"]["accounts"][0]["tickets"]
            assert {(each["symbol"], each["external"]) for each in tickets} == {
                ("EURUSD", False),
                ("XAUUSD", False),
                ("GBPUSD", False),
                ("USDJPY", True),
            }
            assert {each["state"] for each in tickets} <= {"PENDING", "RETRYING", "MARKET_CLOSED"}
            assert (await rearm(trader, stopIds=[stop_id])).status_code == 409
            # The order that could not be cancelled becomes a position.
            broker.set_price("GBPUSD", "0.99", "0.991")
            await asyncio.sleep(1.0)
            for fault in refused:
                broker.clear_faults(fault)

            async def others_are_closed() -> bool:
                return {position.symbol for position in broker.positions(LOGIN)} == {"XAUUSD"}

            await eventually(others_are_closed)

            async def waits() -> bool:
                account = (await report(trader, stop_id))["accounts"][0]
                assert account["flatTime"] is None
                return "market is closed" in account["problem"]

            await eventually(waits)
            tried = _orders_of(broker, "XAUUSD")
            await asyncio.sleep(3.0)
            # It is waited for, not hammered.
            assert _orders_of(broker, "XAUUSD") - tried <= 1
            broker.set_symbol("XAUUSD", SymbolChange(closed=False))

            async def flat() -> dict[str, Any] | None:
                account = (await report(trader, stop_id))["accounts"][0]
                return account if account["flatTime"] is not None else None

            account = await eventually(flat, within=45)
            assert {each["state"] for each in account["tickets"]} == {"DONE"}
            assert broker.positions(LOGIN) == []
            assert broker.orders(LOGIN) == []
        await nothing_opens(trader)
        codes = {alert["code"] for alert in (await trader.get("/api/alerts"))["alerts"]}
        assert "POSITION_AFTER_STOP" in codes
        assert (await rearm(trader, stopIds=[stop_id])).status_code == 200
        await eventually(trader.may_open)
        assert violations(await all_commands(trader), tmp_path) == []


def _orders_of(broker: BrokerAdmin, symbol: str) -> int:
    """How many requests for a symbol the broker has received."""
    received = [record for record in broker.ledger() if isinstance(record, Received)]
    return sum(record.request.get("symbol") == symbol for record in received)
