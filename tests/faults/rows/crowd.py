"""F16: everyone comes back at the same moment: 200 bridges and 500 browsers after a minute of silence.

A measurement as much as a test: bridges are light (the real link, control, latch, core and journal on a
terminal in memory), browsers are sockets that read.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import suppress

import psutil
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.faults.run import Row, Run
from tests.faults.stops import STOP_REASONS, call_stop, rearm, until_latched
from tests.faults.verdict import Expectation
from tests.support.light_bridges import LightBridges, provision
from tests.support.proxy import FaultProxy
from tests.support.world import PASSWORD, eventually

BRIDGES = int(os.environ.get("FAULTS_BRIDGES", "200"))
BROWSERS = int(os.environ.get("FAULTS_BROWSERS", "500"))
USERS = 20
_AWAY_SECONDS = 60.0
_AGAIN_SECONDS = 0.2


class Browser:
    """A socket that reads, comes back by itself and goes on where it was."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._token = token
        self._epoch, self._seq = "", -1
        self.live = False
        self.holes = 0

    async def run(self) -> None:
        while True:
            with suppress(OSError, WebSocketException, TimeoutError):
                async with connect(
                    f"ws://{self._address}/ws", compression=None, max_size=None, open_timeout=30
                ) as socket:
                    await socket.send(json.dumps({"type": "authenticate", "data": {"token": self._token}}))
                    after = {} if self._seq < 0 else {"epoch": self._epoch, "afterSeq": self._seq}
                    await socket.send(json.dumps({"type": "subscribe", "data": after}))
                    async for text in socket:
                        self._take(json.loads(text))
            self.live = False
            await asyncio.sleep(_AGAIN_SECONDS)

    def _take(self, frame: dict[str, object]) -> None:
        kind, seq = frame["type"], frame.get("seq")
        if kind == "authenticated":
            self.live = True
        elif kind == "snapshot":
            data = frame["data"]
            assert isinstance(data, dict)
            self._epoch, self._seq = str(data["epoch"]), int(data["seq"])
        elif isinstance(seq, int):
            self.holes += self._seq >= 0 and seq != self._seq + 1
            self._seq = seq


async def _everyone(run: Run) -> None:
    world = run.world
    users = [f"crowd{number:02}" for number in range(USERS)]
    for user in users:
        answer = await world.caller.post("/api/users", {"userName": user, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
    host, port = world.address("gateway").rsplit(":", 1)
    made = await asyncio.to_thread(
        provision, world.directory / "server", world.directory / "light", users, BRIDGES,
        server_address=world.address("server"), url=world.database_url,
    )  # fmt: skip
    bridges = LightBridges([one.directory for one in made], world.link.address, world.directory / "light.log")
    async with FaultProxy(host, int(port)) as door:
        tokens = [(await world.sign_in(user)).token for user in users]
        browsers = [Browser(door.address, tokens[number % USERS]) for number in range(BROWSERS)]
        reading = [asyncio.create_task(browser.run()) for browser in browsers]
        try:
            await bridges.start()

            async def all_here() -> bool:
                return all(browser.live for browser in browsers) and await _connected(run) > BRIDGES

            await eventually(all_here, within=180, every=0.25)
            began = time.time()
            for proxy in (world.link, door):
                proxy.refuse = True
                proxy.reset()
            await asyncio.sleep(_AWAY_SECONDS * run.scale)
            healed_at = time.time()
            spent = _processor_seconds(run)
            for proxy in (world.link, door):
                proxy.refuse = False
            run.stopped = True
            stop_id = await call_stop(run)
            run.notes["latched"] = await until_latched(run, stop_id, healed_at) - healed_at
            await eventually(all_here, within=240, every=0.1)
            run.notes["all_back"] = time.time() - healed_at
            for name, seconds in _processor_seconds(run).items():
                run.notes[f"{name}_processor_seconds"] = round(seconds - spent[name], 1)
            if run.notes["all_back"] > 30:
                run.late.append(f"F16 all are back after {run.notes['all_back']:.1f} s, not 30 s")
            await rearm(run, stop_id)
            run.stopped = False
            await run.healed(f"{BRIDGES} bridges and {BROWSERS} browsers", began, time.time())
            holes = sum(browser.holes for browser in browsers)
            if holes:
                run.violated(f"P4 {holes} holes in the streams of {BROWSERS} browsers")
        finally:
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)
            await bridges.close()


def _processor_seconds(run: Run) -> dict[str, float]:
    """What each program has had of the processors: where they are fought for, it tells more than clocks."""
    times = {
        name: psutil.Process(run.world.programs[name].process.pid).cpu_times()
        for name in ("server", "gateway")
    }
    return {name: one.user + one.system for name, one in times.items()}


async def _connected(run: Run) -> int:
    """How many bridges are connected, as an administrator sees it."""
    call = await run.world.caller.client.get("/api/mt5-status")
    return sum(account["connected"] for account in call.json()["accounts"]) if call.is_success else 0


ROWS = (
    Row(
        "F16",
        "everyone reconnects at once",
        "no command lost; stop works during it",
        _everyone,
        30,
        settles=True,
        per_world=1,
        pause=0.5,
        expected=Expectation(refusals=STOP_REASONS),
    ),
)
