"""F15, F26: a browser that stops reading, and one that was away for longer than events are kept."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import statistics
import struct
import time
from dataclasses import replace

import psutil

from tests.faults.run import Missed, Row, Run
from tests.faults.world import Shape
from tests.support.world import eventually

_CUT_WITHIN_SECONDS = 10.0
_BOUNDED_BYTES = 24 << 20
_KEPT_EVENTS = 100

# -- F15 -----------------------------------------------------------------------------------------------


class DeafBrowser:
    """A socket that joins and then reads nothing any more, with little room in the system's buffers."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.settimeout(5)

    def join(self, address: str, token: str) -> None:
        """Blocks until the first frame has come."""
        host, port = address.rsplit(":", 1)
        self._socket.connect((host, int(port)))
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {token}\r\n\r\n".encode()
        )
        if b"101" not in self._socket.recv(256):
            raise Missed("the gateway took no socket")
        self._send(json.dumps({"type": "subscribe", "data": {}}).encode())

    def _send(self, payload: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        self._socket.sendall(struct.pack(">BB", 0x81, 0x80 | len(payload)) + mask + masked)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        self._socket.close()


def _connected(gateway: int, port: int) -> bool:
    """Whether the gateway still holds its end of a connection."""
    connections = psutil.Process(gateway).net_connections("tcp")
    return any(one.raddr and one.raddr.port == port and one.status == "ESTABLISHED" for one in connections)


async def _deaf(run: Run) -> None:
    gateway = run.world.programs["gateway"].process.pid
    before = await _latencies(run, 8)
    memory = psutil.Process(gateway).memory_info().rss
    began = time.time()
    deaf = [DeafBrowser() for _ in range(run.dice.randint(2, 5))]
    try:
        for browser in deaf:
            await asyncio.to_thread(browser.join, run.world.address("gateway"), run.world.caller.token)
        joined = time.time()
        during = await _latencies(run, 8)

        async def cut() -> bool:
            return not any(_connected(gateway, browser.port) for browser in deaf)

        try:
            await eventually(cut, within=_CUT_WITHIN_SECONDS * 6)
        except AssertionError:
            run.violated("F15 a browser that reads nothing is not cut")
        run.notes["cut"] = time.time() - joined
        grown = psutil.Process(gateway).memory_info().rss - memory
    finally:
        for browser in deaf:
            browser.close()
    run.notes["grown_mib"] = round(grown / (1 << 20), 1)
    run.notes["latency_before_ms"] = round(statistics.median(before) * 1000, 1)
    run.notes["latency_during_ms"] = round(statistics.median(during) * 1000, 1)
    if grown > _BOUNDED_BYTES:
        run.violated(f"F15 the gateway grew by {grown >> 20} MiB for browsers that read nothing")
    await run.healed(f"{len(deaf)} deaf browsers", began, time.time())


async def _latencies(run: Run, count: int) -> list[float]:
    """From a call to the event that tells of it, at a browser that reads."""
    probe = run.world.probes[0]
    found: list[float] = []
    for number in range(count):
        first = len(probe.frames)
        body = {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.01, "orderType": "LIMIT", "price": 0.9}
        began = time.time()
        call = await run.world.client.call(
            "POST", "/api/trades", {**body, "wait": "0s"}, f"deaf-{run.seed}-{began}-{number}"
        )
        if call.command is None:
            raise Missed(f"the server did not take a call in time: {call.status}")
        command_id = call.command["commandId"]

        async def told(first: int = first, command_id: object = command_id) -> bool:
            return any(
                frame["type"] == "command_update" and frame["data"]["command"]["commandId"] == command_id
                for frame in probe.frames[first:]
            )

        await eventually(told, within=10, every=0.002)
        found.append(time.time() - began)
        await asyncio.sleep(0.05)
    return found


# -- F26 -----------------------------------------------------------------------------------------------


async def _away(run: Run) -> None:
    """Comes back with a cursor that is not kept any more: a declared gap, a snapshot, and then all again."""
    probes = run.world.probes
    gaps = [probe.gaps for probe in probes]
    began = time.time()
    # All of them: what one reads is kept in memory for the others too.
    for probe in probes:
        probe.leave()

    async def gone() -> bool:
        return not any(probe.connected for probe in probes)

    await eventually(gone)

    async def forgotten() -> bool:
        call = await run.world.client.call(
            "GET", "/api/events", epoch=probes[0].epoch, afterSeq=str(probes[0].seq), pageSize="1"
        )
        return call.accepted and bool(call.response["gap"])

    try:
        await eventually(forgotten, within=300 * run.scale * 2 + 20, every=0.5)
    except AssertionError:
        raise Missed("no events were taken away") from None
    finally:
        healed_at = time.time()
        for probe in probes:
            probe.come_back()

    async def back() -> bool:
        return all(
            probe.connected and probe.gaps > before and probe.seq is not None
            for probe, before in zip(probes, gaps, strict=True)
        )

    try:
        await eventually(back, within=30)
    except AssertionError:
        run.violated(f"F26 no declared gap and snapshot: {[probe.gaps for probe in probes]}")
    await run.healed("away for longer than events are kept", began, healed_at)


def _few_events(shape: Shape) -> Shape:
    return replace(shape, keep_events=_KEPT_EVENTS, time_scale=min(shape.time_scale, 0.1))


ROWS = (
    Row("F15", "a browser that stops reading", "cut within 10 s, queue bounded", _deaf, None, settles=True),
    Row(
        "F26",
        "away for longer than events are kept",
        "gap, snapshot, converges",
        _away,
        10,
        shape=_few_events,
        pause=0.15,
    ),
)
