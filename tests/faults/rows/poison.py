"""F25: garbage, oversized, malformed and foreign frames at every door, while the load goes on."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import grpc
import httpx
import psutil
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.faults.run import Row, Run
from tests.support.world import PASSWORD

_FLAT_BYTES = 48 << 20
_CONNECT = "/signalos.v1.BridgeService/Connect"
_OPEN = "/signalos.v1.TradeService/OpenTrade"


async def _raw(run: Run, address: str) -> None:
    host, port = address.rsplit(":", 1)
    for start in (
        b"",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /api/trades HTTP/1.1\r\nContent-Length: 9999999\r\n",
    ):
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(start + run.dice.randbytes(run.dice.randint(1, 200_000)))
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await writer.drain()
                    await reader.read(65536)
            writer.close()


async def _rest(run: Run) -> None:
    """Each is refused with a status of the contract."""
    async with httpx.AsyncClient(base_url=f"http://{run.world.address('gateway')}", timeout=20) as client:
        token = {"Authorization": f"Bearer {run.world.caller.token}"}
        bodies: list[tuple[bytes, dict[str, str]]] = [
            (b"{" * 50_000, token),
            (b'{"symbol": "' + b"x" * 3_000_000 + b'"}', token),
            (run.dice.randbytes(4096), token),
            (b'{"symbol":"EURUSD","side":"BUY","volumeLots":1e400}', token),
            (b'{"symbol":"EURUSD","side":"BUY","volumeLots":0.01}', {"Authorization": "Bearer " + "x" * 400}),
            (b'{"symbol":"EURUSD","side":"BUY","volumeLots":0.01}', {}),
        ]
        for body, headers in bodies:
            key = {"Idempotency-Key": f"poison-{time.time()}", "Content-Type": "application/json"}
            try:
                answer = await client.post("/api/trades", content=body, headers={**headers, **key})
            except httpx.TransportError:
                continue  # Closed on a body that is too large, before it was read.
            if not 400 <= answer.status_code < 500:
                run.violated(f"F25 REST answered {answer.status_code} to {body[:40]!r}")


async def _socket(run: Run) -> None:
    for payload in (
        run.dice.randbytes(1000),
        "{" * 1000,
        '{"type":"authenticate","data":{"token":"' + "x" * 70_000 + '"}}',
        '{"type":"subscribe","data":{"epoch":"x","afterSeq":-1}}',
    ):
        with suppress(OSError, WebSocketException, TimeoutError):
            async with asyncio.timeout(3), connect(f"ws://{run.world.address('gateway')}/ws") as socket:
                await socket.send(payload)
                async for _ in socket:
                    pass


async def _grpc(run: Run) -> None:
    """Bytes that are no frame, frames of megabytes, wrong and foreign credentials."""
    sessions = [
        ("authorization", "Bearer nobody"),
        ("signalos-bridge", "brg_00000000000000000000000000"),
    ]
    async with grpc.aio.insecure_channel(
        run.world.address("server"), options=[("grpc.max_send_message_length", -1)]
    ) as channel:
        for metadata in ((), tuple(sessions)):
            for size in (10, 100_000, 6_000_000):
                call = channel.stream_stream(_CONNECT, request_serializer=bytes, response_deserializer=bytes)
                stream = call(_one(run.dice.randbytes(size)), metadata=metadata, timeout=10)
                with suppress(grpc.aio.AioRpcError):
                    async for _ in stream:
                        pass
                code = await stream.code()
                if code in (grpc.StatusCode.OK, grpc.StatusCode.UNKNOWN):
                    run.violated(f"F25 Connect ended {code} for {size} bytes of garbage")
        for size in (10, 100_000, 6_000_000):
            unary = channel.unary_unary(_OPEN, request_serializer=bytes, response_deserializer=bytes)
            try:
                await unary(
                    run.dice.randbytes(size),
                    metadata=(("authorization", f"Bearer {run.world.caller.token}"),),
                    timeout=10,
                )
            except grpc.aio.AioRpcError as error:
                if error.code() in (grpc.StatusCode.OK, grpc.StatusCode.UNKNOWN):
                    run.violated(f"F25 OpenTrade ended {error.code()} for {size} bytes of garbage")
            else:
                run.violated(f"F25 OpenTrade took {size} bytes of garbage")


async def _one(payload: bytes) -> AsyncIterator[bytes]:
    yield payload


async def _foreign(run: Run) -> None:
    """Another user asks for what is not theirs."""
    name = f"stranger{random.randrange(1 << 40)}"
    await run.world.add_user(name)
    async with httpx.AsyncClient(base_url=f"http://{run.world.address('gateway')}", timeout=20) as client:
        answer = await client.post(
            "/api/login",
            json={"userName": name, "password": PASSWORD},
            headers={"X-Session-Token": "return"},
        )
        token = {"Authorization": f"Bearer {answer.json()['sessionToken']}"}
        asked = [one for one in run.load.asked if one.command_id][-5:]
        trades = [trade.identifier for lane in run.load.lanes for trade in lane.trades]
        paths = [("GET", f"/api/commands/{one.command_id}") for one in asked]
        paths += [("POST", f"/api/trades/{trade}/close") for trade in trades]
        paths += [("POST", f"/api/commands/{one.command_id}/cancel") for one in asked]
        for method, path in paths:
            told = await client.request(
                method, path, headers={**token, "Idempotency-Key": os.urandom(8).hex()}
            )
            if told.status_code not in (403, 404):
                run.violated(f"P8 a stranger's {method} {path} was answered {told.status_code}")


_DOORS: dict[str, Callable[[Run], Awaitable[None]]] = {
    "bytes at the server": lambda run: _raw(run, run.world.address("server")),
    "bytes at the gateway": lambda run: _raw(run, run.world.address("gateway")),
    "REST": _rest,
    "WebSocket": _socket,
    "gRPC": _grpc,
    "a stranger": _foreign,
}


async def _poison(run: Run) -> None:
    programs = {name: psutil.Process(run.world.programs[name].process.pid) for name in ("server", "gateway")}
    doors = run.dice.sample(list(_DOORS), 3)
    for door in doors:
        # Once beforehand: what is loaded at the first need is not a leak.
        await _DOORS[door](run)
    before = {name: process.memory_info().rss for name, process in programs.items()}
    began = time.time()
    for door in doors:
        await _DOORS[door](run)
    for name, process in programs.items():
        grown = process.memory_info().rss - before[name]
        run.notes[f"{name}_grown_mib"] = round(grown / (1 << 20), 1)
        if grown > _FLAT_BYTES:
            run.violated(f"F25 {name} grew by {grown >> 20} MiB")
    await run.healed(", ".join(doors), began, time.time())


ROWS = (
    Row(
        "F25",
        "poison at every door",
        "typed codes; no byte crosses; memory flat",
        _poison,
        None,
        settles=True,
    ),
)
