"""Fuzzed calls and sockets against a whole SignalOS: typed answers, no 500, and it goes on serving."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc.aio
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from signalos.v1.auth_service_pb2 import LogoutRequest
from signalos.v1.auth_service_pb2_grpc import AuthServiceStub
from tests.support.world import Caller, World

pytestmark = pytest.mark.integration

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1e308, -1e308, 2**63, -(2**63), 0.1, "", " ", "a", "\x00", "\u202e",
    "x" * 5000,
    "NaN", "1_0", "-0", "../../etc/passwd", "' OR 1=1 --", [], [[]], [None], {}, {"a": 1}, {"": {}}, "5s",
    "9999999999999s", "-1s", "2026-01-01T00:00:00Z", "0000-00-00T00:00:00Z", "BUY", "EURUSD", "ACCOUNTS",
)  # fmt: skip
ODD_SEGMENTS = (
    "x",
    "trd_nothing",
    "%00",
    "%2e%2e%2f",
    "..%2f..%2fadmin",
    "%ff",
    "a" * 300,
    "%F0%9F%92%A9",
    "%25",
)
# They end or take away what the test stands on.
LEFT_OUT = ("/api/logout", "/api/password")


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in ("get", "post", "put", "delete", "patch") and path not in LEFT_OUT
    ]


def _properties(document: dict[str, Any], operation: dict[str, Any]) -> list[str]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    while "$ref" in body:
        body = document["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    return list(body.get("properties", {}))


async def _world(directory: Path) -> tuple[World, Caller]:
    world = World(directory)
    await world.start_server()
    await world.add_user("ann")
    await world.add_user("bob")
    await world.start_gateway()
    return world, await world.sign_in("ann")


async def test_no_call_that_can_be_written_gets_a_500(tmp_path: Path) -> None:
    world, ann = await _world(tmp_path)
    try:
        document = await ann.get("/api/openapi.json")
        seed = random.randrange(2**32)
        chance = random.Random(seed)
        bad: list[str] = []
        loop = asyncio.get_running_loop()
        operations = _operations(document)
        assert len(operations) > 50
        until, done = loop.time() + 30, 0
        while loop.time() < until or done < len(operations):
            method, template, operation = operations[done % len(operations)]
            done += 1
            path = "/".join(
                chance.choice(ODD_SEGMENTS) if part.startswith("{") else part for part in template.split("/")
            )
            names = _properties(document, operation)
            body = {name: chance.choice(ODD_VALUES) for name in names if chance.random() < 0.5}
            query = [
                f"{one['name']}={quote(str(chance.choice(ODD_VALUES)))}"
                for one in operation.get("parameters", ())
                if one.get("in") == "query" and chance.random() < 0.4
            ]
            answer = await ann.client.request(
                method,
                path + ("?" + "&".join(query) if query else ""),
                content=json.dumps(body) if method != "GET" and chance.random() < 0.95 else None,
                headers={"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex},
            )
            if answer.status_code >= 500 and answer.status_code != 503:
                bad.append(f"{method} {path} {json.dumps(body)[:300]} {query}: {answer.text[:300]}")
            if answer.status_code >= 400:
                problem = answer.json()
                if not problem.get("detail") or not problem.get("reason"):
                    bad.append(f"{method} {path}: {answer.status_code} without words: {answer.text[:200]}")
            if answer.status_code == 429:
                await asyncio.sleep(0.1)
        assert bad == [], f"seed {seed}:\n" + "\n".join(bad[:20])
        log = world.log("server") + world.log("gateway")
        assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:3000]
    finally:
        await world.close()


async def test_keys_paths_and_headers_that_differ_between_readers(tmp_path: Path) -> None:
    world, ann = await _world(tmp_path)
    try:
        bob = await world.sign_in("bob")
        made = await ann.post("/api/accounts", {"name": "mine"})
        assert made.status_code == 200, made.text
        body = {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.1}
        for key in ("x" * 65, "caf\u00e9", "a b", "\x7f"):
            answer = await ann.client.post(
                "/api/trades", json=body, headers=[(b"idempotency-key", key.encode("latin-1"))]
            )
            assert answer.status_code == 400, f"{key!r}: {answer.text}"
            assert "Idempotency-Key" in answer.text
        twice = await ann.client.post(
            "/api/trades", json=body, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
        )
        assert twice.status_code == 400, twice.text
        differing = await ann.client.post(
            "/api/trades", json={**body, "requestId": "one"}, headers={"Idempotency-Key": "two"}
        )
        assert differing.status_code == 400
        for path in (
            "/api/../api/user", "/api//user", "/api/user/", "/api/user%2f", "/API/USER",
            "/api/trades/%2e%2e/x",
            "/..%2f..%2fetc/passwd", "/static/..%2f..%2fapp.py", "/assets/../../server/gateway.key",
        ):  # fmt: skip
            raw = await _raw(
                world, f"GET {path} HTTP/1.1\r\nHost: {world.address('gateway')}\r\n\r\n".encode()
            )
            assert b" 200 " not in raw.split(b"\r\n", 1)[0], f"{path}: {raw[:200]!r}"
        both = await ann.client.get(
            "/api/user",
            headers=[("Authorization", f"Bearer {ann.token}"), ("Authorization", f"Bearer {bob.token}")],
        )
        assert both.status_code in (200, 400, 401)
        assert "bob" not in both.text
    finally:
        await world.close()


async def _raw(world: World, request: bytes, seconds: float = 3.0) -> bytes:
    host, _, port = world.address("gateway").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        await writer.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await reader.read(4096)
        return b""
    finally:
        writer.close()


async def test_requests_that_two_parsers_would_cut_differently_are_refused(tmp_path: Path) -> None:
    world, ann = await _world(tmp_path)
    try:
        host = world.address("gateway")
        start = (
            f"POST /api/trading/pause HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {ann.token}\r\n"
            "Content-Type: application/json\r\n"
        )
        inner = f"GET /api/user HTTP/1.1\r\nHost: {host}\r\n\r\n"
        for name, request in {
            "two lengths": f"{start}Content-Length: 2\r\nContent-Length: 40\r\n\r\n{{}}{inner}",
            "length and chunks": f"{start}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
            f"0\r\n\r\n{inner}",
            "a coding of its own": f"{start}Transfer-Encoding: xchunked\r\n\r\n{{}}{inner}",
            "a negative length": f"{start}Content-Length: -1\r\n\r\n{{}}",
            "no host": "GET /api/user HTTP/1.1\r\n\r\n",
            "two hosts": f"GET /api/user HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n",
            "another host": "GET /api/user HTTP/1.1\r\nHost: evil.example\r\n\r\n",
            "a folded header": f"GET /api/user HTTP/1.1\r\nHost: {host}\r\nX: a\r\n b\r\n\r\n",
            "endless headers": f"GET /api/user HTTP/1.1\r\nHost: {host}\r\nX: {'a' * 200_000}\r\n\r\n",
            "no HTTP": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        }.items():
            answer = await _raw(world, request.encode("latin-1"))
            assert answer.count(b"HTTP/1.1 ") <= 1, f"{name}: {answer[:300]!r}"
            assert b" 200 " not in answer.split(b"\r\n", 1)[0], f"{name}: {answer[:200]!r}"
        assert (await ann.client.get("/api/user")).status_code == 200
    finally:
        await world.close()


def _socket(world: World, **headers: str) -> Any:
    address = world.address("gateway")
    return connect(f"ws://{address}/ws", additional_headers=headers, max_size=None)


async def _closed(socket: ClientConnection, within: float = 6.0) -> int:
    async with asyncio.timeout(within):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 1006


async def _until(socket: ClientConnection, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(8):
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if frame["type"] == kind:
                return frame


async def test_nonsense_on_a_socket_is_answered_to_its_sender_alone(tmp_path: Path) -> None:
    world, ann = await _world(tmp_path)
    try:
        bob = await world.sign_in("bob")
        bearer = {"Authorization": f"Bearer {ann.token}"}
        async with _socket(world, **bearer) as socket, _socket(world, **bearer) as other:
            epoch = (await _until(socket, "snapshot"))["data"]["epoch"]
            await _until(other, "snapshot")
            for frame in (
                "", "nonsense", "[]", "null", "{}", '{"type":5}', '{"type":"emergency_stop","data":{}}',
                '{"type":"subscribe","data":{"afterSeq":-1,"epoch":"e"}}',
                '{"type":"subscribe","data":{"afterSeq":1e400,"epoch":"e"}}',
                '{"type":"subscribe","data":{"afterSeq":true,"epoch":"e"}}',
                '{"type":"ack","data":{"seq":-5}}', '{"type":"test","data":{"x":1}}', b"\x00\xff",
                json.dumps({"type": "authenticate", "data": {"token": bob.token}}),
            ):  # fmt: skip
                await socket.send(frame)
                assert (await _until(socket, "error"))["data"]["code"], frame
            for cursor in ({"afterSeq": 2**53, "epoch": epoch}, {"afterSeq": 3, "epoch": "another"}):
                await socket.send(json.dumps({"type": "subscribe", "data": cursor}))
                await _until(socket, "snapshot")
            await socket.send('{"type":"ping","id":"still"}')
            assert (await _until(socket, "pong"))["data"]["id"] == "still"
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    while True:
                        assert json.loads(await other.recv())["type"] != "error"
        async with _socket(world, **bearer) as huge:
            with contextlib.suppress(ConnectionClosed):
                await huge.send("x" * 20_000_000)
            assert await _closed(huge) in (1009, 1006, 4008)
        async with _socket(world, Origin="https://evil.example", **bearer) as foreign:
            assert await _closed(foreign) == 4504
        async with _socket(world, Authorization="Bearer nonsense") as forged:
            assert await _closed(forged) == 4503
        assert (await ann.client.get("/api/user")).status_code == 200
    finally:
        await world.close()


async def test_a_session_that_ends_takes_its_socket_along_within_five_seconds(tmp_path: Path) -> None:
    world, ann = await _world(tmp_path)
    try:
        again = await world.sign_in("ann")
        async with (
            _socket(world, Authorization=f"Bearer {ann.token}") as kept,
            _socket(world, Authorization=f"Bearer {again.token}") as ended,
        ):
            await _until(kept, "snapshot")
            await _until(ended, "snapshot")
            sessions = (await ann.get("/api/sessions"))["sessions"]
            other = next(one["sessionId"] for one in sessions if not one.get("current"))
            assert (await ann.client.delete(f"/api/sessions/{other}")).status_code == 200
            assert await _closed(ended, 5.0) == 4503
            await kept.send('{"type":"ping","id":"x"}')
            await _until(kept, "pong")

            # Ended at the server's own door, of which the gateway is not told.
            channel = grpc.aio.insecure_channel(world.address("server"))
            await AuthServiceStub(channel).Logout(
                LogoutRequest(), metadata=(("authorization", f"Bearer {ann.token}"),)
            )
            assert await _closed(kept, 5.5) == 4503
            await channel.close(None)
    finally:
        await world.close()
