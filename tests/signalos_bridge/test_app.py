"""The bridge as a process, at the emulated broker, with a scripted server and without any."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import grpc
import pytest

from signalos.v1 import bridge_service_pb2, command_pb2
from signalos_bridge import credentials
from signalos_bridge.domain.market import TradeMode
from signalos_bridge.latch import Latch, stop_locally
from signalos_bridge.pairing import ModuleUnusable, PairingFailed, TerminalUnavailable, pair
from tests.signalos_bridge.link.bridge_rig import an_open
from tests.support.scripted_server import Script, ScriptedServer

pytestmark = pytest.mark.integration

TERMINAL = "signalos_bridge.emulator.metatrader5"
OPEN = "6f1d9a2e-0000-4000-8000-000000000001"


def code_of(address: str) -> str:
    where = address.encode()
    body = bytes([len(where)]) + where + b"\0" + b"0123456789ab"
    return "SOS1-" + base64.b32encode(body).decode().rstrip("=")


async def eventually(holds: Callable[[], bool], within: float = 15.0) -> None:
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 (another process is watched)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def a_process(log: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *arguments, stdout=subprocess.DEVNULL, stderr=file
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(15):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def a_broker(directory: Path) -> AsyncIterator[str]:
    """Yields the path of a terminal at a fresh broker."""
    told = directory / "emulator" / "address.json"
    log = directory / "emulator.log"
    arguments = ("--data-dir", str(told.parent), "--account", "5001:USD:100000:hedging")
    async with a_process(log, "signalos_bridge.emulator", *arguments):
        await eventually(told.exists)
        address = json.loads(told.read_text())
        yield f"emulator://{address['host']}:{address['port']}/5001"


def a_bridge(directory: Path, terminal: str) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    return a_process(
        directory / "bridge.log",
        "signalos_bridge",
        "--data-dir",
        str(directory / "bridge"),
        "--terminal-module",
        TERMINAL,
        "--terminal-path",
        terminal,
    )


def ended(server: ScriptedServer, command_id: str) -> str:
    for request in server.of("outcome"):
        if isinstance(request, bridge_service_pb2.ConnectRequest) and (
            request.outcome.command_id == command_id
        ):
            return command_pb2.CommandState.Name(request.outcome.state)
    return ""


async def test_a_paired_bridge_trades_is_stopped_at_its_machine_and_ends_cleanly(tmp_path: Path) -> None:
    async with a_broker(tmp_path) as terminal, ScriptedServer(Script(lease=10)) as server:
        paired = await asyncio.to_thread(
            pair, code_of(server.address), tmp_path / "bridge", TERMINAL, terminal
        )
        assert paired.login == 5001
        assert paired.trade_mode is TradeMode.DEMO
        assert server.pair_requests[0].identity.login == 5001
        async with a_bridge(tmp_path, terminal) as process:
            await server.live()
            await server.until(lambda: bool(server.of("snapshot")), 15)
            told = json.loads((tmp_path / "bridge" / "bridge.json").read_text())
            assert told["pid"] == process.pid
            assert server.connect is not None
            server.connect.send(an_open(OPEN))
            await server.until(lambda: bool(ended(server, OPEN)), 10)
            assert ended(server, OPEN) == "COMMAND_STATE_SUCCEEDED"

            stopped = await asyncio.to_thread(stop_locally, tmp_path / "bridge", "flat", True)
            assert stopped.bridge_answered
            await server.until(
                lambda: any(
                    isinstance(each, bridge_service_pb2.ControlRequest)
                    and each.stop_stage.complete
                    and each.stop_stage.HasField("flat_seconds_ago")
                    for each in server.of("stop_stage")
                ),
                15,
            )
            server.connect.send(an_open("late"))
            await server.until(lambda: bool(ended(server, "late")), 10)
            assert ended(server, "late") == "COMMAND_STATE_FENCED"
            process.terminate()
            assert await process.wait() == 0
    log = (tmp_path / "bridge.log").read_text()
    assert "very-secret" not in log


async def test_a_local_stop_is_carried_out_with_no_server_at_all(tmp_path: Path) -> None:
    directory = tmp_path / "bridge"
    async with a_broker(tmp_path) as terminal:
        async with ScriptedServer() as server:
            await asyncio.to_thread(pair, code_of(server.address), directory, TERMINAL, terminal)
        before = await asyncio.to_thread(stop_locally, directory, "before it ran", wait_seconds=0)
        log = tmp_path / "bridge.log"
        async with a_bridge(tmp_path, terminal) as process:
            await eventually(lambda: f"stop_id={before.stop_id}" in log.read_text())
            await eventually((directory / "poke.json").exists)
            after = await asyncio.to_thread(stop_locally, directory, "while it ran", wait_seconds=20)
            assert after.bridge_answered
            await eventually(lambda: log.read_text().count("stop carried out") == 2)
            process.kill()
            await process.wait()
        held = {stop.stop_id for stop in Latch(directory).read().held}
        assert held == {before.stop_id, after.stop_id}


async def test_a_code_that_the_server_does_not_take_leaves_nothing_behind(tmp_path: Path) -> None:
    script = Script(refuse_with=grpc.StatusCode.UNAUTHENTICATED)
    async with a_broker(tmp_path) as terminal, ScriptedServer(script) as server:
        with pytest.raises(PairingFailed, match="no such code"):
            await asyncio.to_thread(pair, code_of(server.address), tmp_path / "b", TERMINAL, terminal)
    with pytest.raises(credentials.NotPaired):
        credentials.load(tmp_path / "b")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise RuntimeError('no such library')", "cannot be loaded: RuntimeError: no such library"),
        ("def initialize(): return True", "does not speak the MetaTrader5 package's API"),
    ],
)
async def test_a_module_that_can_never_serve_is_told_at_once_and_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    source: str,
    words: str,
) -> None:
    (tmp_path / "broken_terminal.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    async with ScriptedServer() as server:
        with pytest.raises(ModuleUnusable, match=words):
            await asyncio.to_thread(
                pair, code_of(server.address), tmp_path / "b", "broken_terminal", terminal_wait_seconds=3600.0
            )
    assert "Traceback" not in capfd.readouterr().err


async def test_a_terminal_that_does_not_answer_is_said(tmp_path: Path) -> None:
    async with ScriptedServer() as server:
        with pytest.raises(TerminalUnavailable):
            await asyncio.to_thread(
                pair,
                code_of(server.address),
                tmp_path,
                TERMINAL,
                "emulator://127.0.0.1:1/5001",
                terminal_wait_seconds=1.0,
            )
