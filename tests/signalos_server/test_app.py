"""The server as a process: its program file, its set-up code, its end."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from signalos.v1 import auth_service_pb2 as pb
from signalos.v1 import event_service_pb2, system_service_pb2
from signalos_server import app
from signalos_server.rpc.server import UnsafeAddress
from tests.signalos_server.serving import PASSWORD, Client, quick_settings, served

_RUN = """
import pathlib, sys
from signalos_server import app
app.run(app.Settings(pathlib.Path(sys.argv[1]), grpc_port=0, log_format="json"))
"""

pytestmark = pytest.mark.integration


@asynccontextmanager
async def process(data_dir: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _RUN, str(data_dir), stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(20):
            while not (data_dir / "server.json").exists():
                assert child.returncode is None
                await asyncio.sleep(0.02)
        yield child
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def test_a_first_start_to_the_first_event_and_a_clean_end(tmp_path: Path) -> None:
    async with process(tmp_path) as child:
        told = json.loads((tmp_path / "server.json").read_text())
        assert told["pid"] == child.pid
        assert child.stderr is not None
        code = ""
        while not code:
            line = json.loads(await child.stderr.readline())
            code = line.get("setup", "")
        async with grpc.aio.insecure_channel(told["address"]) as channel:
            client = Client(channel)
            await client.auth.SetUp(pb.SetUpRequest(setup_code=code, user_name="first", password=PASSWORD))
            login = await client.auth.Login(pb.LoginRequest(user_name="first", password=PASSWORD))
            client = client.with_token(login.session_token)
            stream = client.events.Subscribe(event_service_pb2.SubscribeRequest(), metadata=client.metadata)
            first = await stream.read()
            child.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                _, logged = await child.communicate()

    assert isinstance(first, event_service_pb2.SubscribeResponse)
    assert first.event.HasField("snapshot")
    assert child.returncode == 0
    assert not (tmp_path / "server.json").exists()
    assert login.session_token not in logged.decode()
    assert PASSWORD not in logged.decode()
    assert stat.S_IMODE((tmp_path / "gateway.key").stat().st_mode) == 0o600


async def test_a_killed_server_comes_back_with_its_users_and_their_sessions(tmp_path: Path) -> None:
    async with process(tmp_path) as child:
        assert child.stderr is not None
        found = None
        while found is None:
            found = re.search(rb'"setup": "([^"]+)"', await child.stderr.readline())
        async with grpc.aio.insecure_channel(_address(tmp_path)) as channel:
            client = Client(channel)
            await client.auth.SetUp(
                pb.SetUpRequest(setup_code=found[1].decode(), user_name="first", password=PASSWORD)
            )
            login = await client.auth.Login(pb.LoginRequest(user_name="first", password=PASSWORD))
        child.kill()
        await child.wait()
    (tmp_path / "server.json").unlink()

    async with process(tmp_path), grpc.aio.insecure_channel(_address(tmp_path)) as channel:
        client = Client(channel, login.session_token)
        user = await client.auth.GetUser(pb.GetUserRequest(), metadata=client.metadata)
        info = await client.system.GetInfo(system_service_pb2.GetInfoRequest())

    assert user.user.user_name == "first"
    assert not info.setup_needed


def _address(data_dir: Path) -> str:
    return str(json.loads((data_dir / "server.json").read_text())["address"])


async def test_an_address_that_others_can_reach_needs_tls(tmp_path: Path) -> None:
    settings = app.Settings(tmp_path, grpc_host="0.0.0.0", grpc_port=0)

    with pytest.raises(UnsafeAddress):
        await app.start(settings)


async def test_a_port_that_another_program_uses_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(OSError, match=f"cannot listen at 127.0.0.1:{port}"):
            await app.start(app.Settings(tmp_path, grpc_port=port))


async def test_health_checks_say_that_it_serves_and_that_it_ends(tmp_path: Path) -> None:
    async with served(quick_settings(tmp_path)) as world:
        stub = health_pb2_grpc.HealthStub(world.channel)
        states = []
        async with asyncio.timeout(5):
            async for answer in stub.Watch(health_pb2.HealthCheckRequest()):
                states.append(answer.status)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    await world.serving.health.enter_graceful_shutdown()
                if states[-2:] == [
                    health_pb2.HealthCheckResponse.SERVING,
                    health_pb2.HealthCheckResponse.NOT_SERVING,
                ]:
                    break


async def test_while_it_ends_calls_are_refused_with_nothing_accepted(tmp_path: Path) -> None:
    async with served(quick_settings(tmp_path)) as world:
        client = await world.sign_in("alice")
        world.serving.edge.stop_serving()

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.auth.GetUser(pb.GetUserRequest(), metadata=client.metadata)

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
