"""The link between bridge and server fails in every way: clients are told, nothing is done twice, all heals.

Times are the real ones of a deployment, because they are what is promised.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from signalos_bridge.emulator.operator_messages import PlaceByHand
from tests.support.faulty_link import (
    LOGIN,
    TOLD_WITHIN,
    admin,
    all_commands,
    ended,
    opened,
    sync,
    through_proxy,
    until_told,
)
from tests.support.proxy import FaultProxy
from tests.support.records import violations
from tests.support.web_socket import Probe, probe
from tests.support.world import Caller, World, eventually, traded_account

pytestmark = pytest.mark.integration


async def test_a_cut_link_is_told_and_a_held_one_delivers_nothing_stale(tmp_path: Path) -> None:
    async with through_proxy(tmp_path) as (world, trader, proxy):
        async with probe(world.address("gateway"), trader.token) as socket:
            await socket.until(lambda frame: frame["type"] == "snapshot")
            await opened(trader, 4, stopLoss=1.0, timeToLive="20s")
            await _cut_and_restored(tmp_path, trader, proxy, socket)
            await _held_and_released(trader, proxy)
            assert socket.holes == []
        await _two_with_one_credential(world, trader)
        assert violations(await all_commands(trader), tmp_path) == []


async def _cut_and_restored(directory: Path, trader: Caller, proxy: FaultProxy, socket: Probe) -> None:
    """The link is reset, then refused, while somebody trades by hand at the terminal."""

    async def priced() -> bool:
        return all(each["ageSeconds"] is not None for each in await trader.live_trades())

    await eventually(priced)
    before = len(socket.frames)
    proxy.refuse = True
    proxy.reset()
    await until_told(socket, "DISCONNECTED", before)
    account = (await trader.get("/api/mt5-status"))["accounts"][0]
    assert account["connected"] is False
    assert account["since"] == account["account"]["bridge"]["stateTime"]
    ages = [await _age(trader)]

    with admin(directory) as broker:
        closed, halved, moved, untouched = [position.ticket for position in broker.positions(LOGIN)]
        broker.close_by_hand(LOGIN, closed)
        broker.close_by_hand(LOGIN, halved, "0.05")
        broker.modify_by_hand(LOGIN, moved, "1.01", "0")
        order = PlaceByHand(action=1, symbol="GBPUSD", volume=0.2, type=0, type_filling=1)
        outside = broker.place_by_hand(LOGIN, order).order
    await asyncio.sleep(1.0)
    ages.append(await _age(trader))
    # What is shown grows old, and is not taken for the present.
    assert ages[1] - ages[0] > 0.8
    assert len(await trader.live_trades()) == 4

    cut_off = len(socket.frames)
    proxy.refuse = False
    await until_told(socket, "CONNECTED", cut_off)
    await socket.until(lambda frame: frame["type"] == "desktop_sync_complete", TOLD_WITHIN, cut_off)
    # A sync that the bridge made by itself while it was cut off is told first, and what came after it next.
    there = {halved: 0.05, moved: 0.1, untouched: 0.1, outside: 0.2}

    async def converged() -> dict[int, Any] | None:
        shown = {int(each["trade"]["ticket"]): each["trade"] for each in await trader.live_trades()}
        volumes = {ticket: trade["volumeLots"] for ticket, trade in shown.items()}
        return shown if volumes == there else None

    live = await eventually(converged)
    assert live[moved]["stopLoss"] == 1.01
    assert live[outside]["origin"] == "EXTERNAL"

    def told() -> list[tuple[str, int, str]]:
        return [
            (frame["type"], int(frame["data"]["trade"]["ticket"]), frame["data"]["trade"]["closeCause"])
            for frame in socket.frames[cut_off:]
            if frame.get("seq") and frame["data"].get("trade")
        ]

    async def all_told() -> bool:
        return len(told()) >= 4

    await eventually(all_told)
    facts = told()
    assert sorted(facts) == sorted(
        [
            ("trade_closed", closed, "BY_HAND"),
            ("trade_update", halved, "UNSPECIFIED"),
            ("trade_update", moved, "UNSPECIFIED"),
            ("trade_opened", outside, "UNSPECIFIED"),
        ]
    )
    updates = [frame["data"] for frame in socket.frames[cut_off:] if frame["type"] == "trade_update"]
    changes = {int(each["trade"]["ticket"]): each["change"] for each in updates if each["trade"]}
    assert changes.keys() == {halved, moved}
    await eventually(trader.may_open)
    assert (await sync(trader))["differences"] == []


async def _age(trader: Caller) -> float:
    return float((await trader.live_trades())[0]["ageSeconds"])


async def _held_and_released(trader: Caller, proxy: FaultProxy) -> None:
    """Nothing is lost in a link that is held, and what comes out of it may be too old."""
    trade_id = (await trader.live_trades())[0]["trade"]["tradeId"]
    volume = sum(each["trade"]["volumeLots"] for each in await trader.live_trades())
    proxy.pause()
    too_old = await trader.open("EURUSD", "SELL", 0.3, timeToLive="5s", wait="0s")
    assert too_old.status_code in (200, 202), too_old.text
    in_time = await trader.post(f"/api/trades/{trade_id}/close", {"timeToLive": "60s", "wait": "0s"})
    assert in_time.status_code in (200, 202), in_time.text
    await asyncio.sleep(12)
    proxy.resume()
    expired = await ended(trader, too_old.json()["command"]["commandId"])
    assert expired["state"] == "EXPIRED", expired
    closed = await ended(trader, in_time.json()["command"]["commandId"])
    assert closed["state"] == "SUCCEEDED", closed
    assert sum(each["trade"]["volumeLots"] for each in await trader.live_trades()) < volume
    await eventually(trader.bridge_connected)
    await eventually(trader.may_open)


async def _two_with_one_credential(world: World, trader: Caller) -> None:
    """The data directory was copied and both bridges run: the newest has the session."""
    await world.end("bridge")
    copy = world.directory / "bridge-copy"
    shutil.copytree(world.directory / "bridge", copy)
    for file in ("bridge.json", "poke.json"):
        (copy / file).unlink(missing_ok=True)
    await world.start_bridge(LOGIN)
    await eventually(trader.may_open)
    await world.start_bridge(LOGIN, name="copy")

    async def told() -> bool:
        codes = {alert["code"] for alert in (await trader.get("/api/alerts"))["alerts"]}
        return "SESSION_SUPERSEDED" in codes and "superseded by session" in world.log("bridge")

    await eventually(told, within=10)
    await eventually(trader.bridge_connected)
    await eventually(trader.may_open)
    before = len(await trader.live_trades())
    await opened(trader, 2, timeToLive="20s")
    assert len(await trader.live_trades()) == before + 2
    assert "a newer session" not in world.log("bridge-copy")


async def test_a_silent_link_is_noticed_by_both_sides_and_ends_the_lease(tmp_path: Path) -> None:
    async with through_proxy(tmp_path) as (world, trader, proxy):
        async with probe(world.address("gateway"), trader.token) as socket:
            await socket.until(lambda frame: frame["type"] == "snapshot")
            await opened(trader, 1)
            placed = await trader.open("EURUSD", "BUY", 0.1, orderType="LIMIT", price=1.0)
            assert placed.json()["command"]["state"] == "SUCCEEDED", placed.text
            await _silent(world, trader, proxy, socket)
            assert socket.holes == []
        assert violations(await all_commands(trader), tmp_path) == []


async def _silent(world: World, trader: Caller, proxy: FaultProxy, socket: Probe) -> None:
    before, log_before = len(socket.frames), len(world.log("bridge"))
    began = time.monotonic()
    proxy.blackhole()

    async def noticed() -> bool:
        return "silent for too long" in world.log("bridge")[log_before:]

    await eventually(noticed, TOLD_WITHIN)
    at_the_bridge = time.monotonic() - began
    await until_told(socket, "DISCONNECTED", before, TOLD_WITHIN - at_the_bridge)
    late = await trader.open("EURUSD", "BUY", 0.2, timeToLive="3s", wait="10s")
    assert late.json()["command"]["state"] == "EXPIRED", late.text

    async def none_works() -> bool:
        def ask() -> bool:
            with admin(world.directory) as broker:
                return broker.orders(LOGIN) == []

        return await asyncio.to_thread(ask)

    await eventually(none_works, 40, every=0.25)
    lapsed = time.monotonic() - began
    # The lease of 30 s runs from a heartbeat at most 5 s before the silence.
    assert 24 < lapsed < 33
    chains = [frame["data"]["chains"][0] for frame in socket.frames[before:] if frame["type"] == "heartbeat"]
    # How old is what is known is told all the while; of a bridge that is away there is no age.
    ages = [chain["terminalAgeSeconds"] for chain in chains]
    assert ages == sorted(ages)
    assert ages[-1] > 15
    assert chains[-1]["bridgeAgeSeconds"] is None
    await asyncio.sleep(45 - lapsed)
    restored, healed_from = time.monotonic(), len(socket.frames)
    proxy.resume()
    await until_told(socket, "CONNECTED", healed_from)
    await eventually(trader.may_open, TOLD_WITHIN)
    healed = time.monotonic() - restored
    assert healed < 15
    assert (await trader.get("/api/orders"))["orders"] == []
    assert "LEASE_LAPSED" in {alert["code"] for alert in (await trader.get("/api/alerts"))["alerts"]}
    assert (await sync(trader))["differences"] == []
    await opened(trader, 1)


async def test_a_bridge_with_an_older_copy_of_its_journal_begins_a_new_one(tmp_path: Path) -> None:
    async with traded_account(tmp_path) as (world, trader):
        await opened(trader, 2)
        journal, copy = tmp_path / "bridge" / "journal.db", tmp_path / "journal.copy"
        await world.end("bridge")
        shutil.copy(journal, copy)
        await world.start_bridge(LOGIN)
        await eventually(trader.may_open)
        await opened(trader, 2)
        trade_id = (await trader.live_trades())[0]["trade"]["tradeId"]
        closed = await trader.post(f"/api/trades/{trade_id}/close", {"wait": "10s"})
        assert closed.json()["command"]["state"] == "SUCCEEDED", closed.text
        before = {each["trade"]["tradeId"] for each in await trader.live_trades()}
        world.kill("bridge")
        await world.gone("bridge")
        for side in ("-wal", "-shm"):
            (tmp_path / "bridge" / f"journal.db{side}").unlink(missing_ok=True)
        shutil.copy(copy, journal)

        await world.start_bridge(LOGIN)
        await eventually(trader.bridge_connected)
        await eventually(trader.may_open)

        codes = {alert["code"] for alert in (await trader.get("/api/alerts"))["alerts"]}
        assert "JOURNAL_BEHIND" in codes
        assert len(list((tmp_path / "bridge").glob("journal.db.behind-*"))) == 1
        assert {each["trade"]["tradeId"] for each in await trader.live_trades()} == before
        assert all(each["trade"]["origin"] == "MANAGED" for each in await trader.live_trades())
        assert (await sync(trader))["differences"] == []
        await opened(trader, 1)
        assert violations(await all_commands(trader), tmp_path) == []
