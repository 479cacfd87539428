"""An account that is traded through a fault proxy, and what tests of links and stops ask of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from signalos_bridge.emulator.admin import BrokerAdmin
from tests.support.proxy import FaultProxy
from tests.support.web_socket import Probe
from tests.support.world import Caller, World, eventually, traded_account

LOGIN = 5001
TOLD_WITHIN = 15.0


@asynccontextmanager
async def through_proxy(directory: Path) -> AsyncIterator[tuple[World, Caller, FaultProxy]]:
    """A traded account whose bridge finds its server behind a proxy."""
    proxy: FaultProxy | None = None

    async def place(world: World) -> None:
        nonlocal proxy
        host, port = world.address("server").rsplit(":", 1)
        proxy = await FaultProxy(host, int(port)).__aenter__()
        world.redirect(proxy.address)

    async with traded_account(directory, before_bridge=place) as (world, trader):
        assert proxy is not None
        try:
            yield world, trader, proxy
        finally:
            await proxy.__aexit__(None, None, None)


def link_told(frame: dict[str, Any], state: str) -> bool:
    return bool(frame["type"] == "mt5_status_update" and frame["data"]["account"]["bridge"]["state"] == state)


async def until_told(socket: Probe, state: str, since: int, within: float = TOLD_WITHIN) -> float:
    """Returns the seconds until a client is told that the bridge is in that state."""
    began = time.monotonic()
    frame = await socket.until(lambda frame: link_told(frame, state), within, since)
    assert frame["data"]["account"]["bridge"]["stateTime"], frame
    return time.monotonic() - began


async def opened(trader: Caller, count: int, **more: Any) -> list[dict[str, Any]]:
    # A session that has just begun holds the record against the terminal first; opens wait for that.
    patient = {"timeToLive": "30s", "wait": "30s", **more}
    for _ in range(count):
        answer = await trader.open("EURUSD", "BUY", 0.1, **patient)
        assert answer.status_code == 200, answer.text
        assert answer.json()["command"]["state"] == "SUCCEEDED", answer.text
    return await trader.live_trades()


async def ended(trader: Caller, command_id: str, within: float = 20.0) -> dict[str, Any]:
    async def ask() -> dict[str, Any] | None:
        command = (await trader.get(f"/api/commands/{command_id}"))["command"]
        return command if command["endTime"] is not None else None

    found: dict[str, Any] = await eventually(ask, within)
    return found


async def sync(trader: Caller) -> dict[str, Any]:
    answer = await trader.post("/api/firebridge/force-sync", {"wait": "10s"})
    assert answer.status_code == 200, answer.text
    (report,) = answer.json()["reports"]
    assert report["succeeded"], report
    return dict(report)


async def all_commands(trader: Caller) -> list[dict[str, Any]]:
    commands: list[dict[str, Any]] = []
    token = ""
    while True:
        page = await trader.get("/api/commands", pageToken=token)
        commands += page["commands"]
        token = page["nextPageToken"]
        if not token:
            return commands


def admin(directory: Path) -> BrokerAdmin:
    return BrokerAdmin.of(directory / "emulator")
