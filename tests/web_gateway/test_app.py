"""The gateway as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.fake_server import FakeServer, serving
from tests.web_gateway.live.client import opened, receive, say, trade_event, until
from web_gateway.app import Settings, SettingsError

PROGRAM = """
import sys
from pathlib import Path
from web_gateway.app import Settings, run
run(Settings(data_dir=Path(sys.argv[1]), http_port=int(sys.argv[2]), server_address=sys.argv[3]))
"""


@asynccontextmanager
async def program(data_dir: Path, server: str, port: int = 0) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(data_dir), str(port), server, stderr=DEVNULL
    )
    try:
        async with asyncio.timeout(20):
            while read_program_file(data_dir).get("pid") != process.pid:
                assert process.returncode is None, "ended at start"
                await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def read_program_file(data_dir: Path) -> dict[str, str | int]:
    try:
        told: dict[str, str | int] = json.loads((data_dir / "gateway.json").read_text())
    except FileNotFoundError:
        return {}
    return told


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_where_it_serves_and_ends_cleanly_even_with_open_sockets(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with serving(FakeServer()) as server, program(tmp_path, server) as process:
        address = str(read_program_file(tmp_path)["address"])
        async with httpx.AsyncClient(base_url=f"http://{address}") as client:
            page = await client.get("/")
            assert "SignalOS" in page.text
            assert page.headers["x-content-type-options"] == "nosniff"
            assert "text/css" in (await client.get("/docs.css")).headers["content-type"]
            assert (await client.get("/api/docs")).status_code == 200
            assert (await client.get("/api/openapi.json")).json()["openapi"] == "3.1.0"
            assert (await client.get("/api/system/health")).json()["serving"] is True
            assert (await client.get("/metrics")).status_code == 404
        async with opened(address) as open_socket:
            await say(open_socket, "authenticate", token="token-ann")
            await until(open_socket, "snapshot")
            process.send_signal(number)
            await asyncio.wait_for(open_socket.wait_closed(), 5)
            assert open_socket.close_code in (1001, 1012)
        assert await asyncio.wait_for(process.wait(), 15) == 0
        assert read_program_file(tmp_path) == {}


@pytest.mark.integration
async def test_a_killed_gateway_comes_back_and_sockets_resume_without_a_gap(tmp_path: Path) -> None:
    fake = FakeServer()
    port = free_port()
    async with serving(fake) as server:
        async with program(tmp_path, server, port) as process, opened(f"127.0.0.1:{port}") as before:
            await say(before, "authenticate", token="token-ann")
            await say(before, "subscribe")
            epoch = (await until(before, "snapshot"))["data"]["epoch"]
            for number in range(1, 11):
                fake.publish("usr_ann", trade_event(number))
            seen = [(await until(before, "trade_update"))["seq"] for _ in range(5)]
            os.kill(process.pid, signal.SIGKILL)
            await asyncio.wait_for(before.wait_closed(), 5)
        fake.publish("usr_ann", trade_event(11))
        async with program(tmp_path, server, port), opened(f"127.0.0.1:{port}") as after:
            await say(after, "authenticate", token="token-ann")
            await say(after, "subscribe", afterSeq=seen[-1], epoch=epoch)
            seen += [(await until(after, "trade_update"))["seq"] for _ in range(6)]
            await say(after, "ping")
            assert (await receive(after))["type"] == "pong"

    assert seen == list(range(1, 12))


@pytest.mark.parametrize(
    "more",
    [
        {"http_host": "0.0.0.0"},
        {"http_host": "192.0.2.1"},
        {"tls_cert": Path("a")},
        {"trusted_proxies": ("10.0.0.1",)},
        {"behind_proxy": True, "trusted_proxies": ("proxy",)},
        {"public_origins": ("trade.example",)},
        {"public_origins": ("https://trade.example/app",)},
    ],
)
def test_what_would_serve_unprotected_does_not_start(tmp_path: Path, more: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        Settings(data_dir=tmp_path, **more).check()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"http_host": "localhost"},
        {"http_host": "::1"},
        {"http_host": "0.0.0.0", "behind_proxy": True, "trusted_proxies": ("10.0.0.0/8",)},
        {"http_host": "0.0.0.0", "tls_cert": Path("c"), "tls_key": Path("k")},
    ],
)
def test_what_is_protected_may_start(tmp_path: Path, more: dict[str, object]) -> None:
    Settings(data_dir=tmp_path, **more).check()  # type: ignore[arg-type]
