"""The gateway before the real server, both as processes: what the two agree on."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from signalos_server import admin
from tests.web_gateway.live.client import opened, receive, say, until
from tests.web_gateway.serving import Gateway, gateway

PASSWORD = "correct horse battery"
SERVER = """
import sys
from pathlib import Path
from signalos_server.app import Settings, run
run(Settings(data_dir=Path(sys.argv[1]), grpc_port=0))
"""


@asynccontextmanager
async def real_server(data_dir: Path) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, str(data_dir), stderr=DEVNULL
    )
    told = data_dir / "server.json"
    try:
        async with asyncio.timeout(30):
            while not told.exists():
                assert process.returncode is None, "ended at start"
                await asyncio.sleep(0.05)
        for name in ("ann", "bob"):
            await asyncio.to_thread(admin.ensure_user, data_dir, None, name, PASSWORD)
        yield str(json.loads(told.read_text())["address"])
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def signed_in(served: Gateway, name: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.origin, timeout=20) as client:
        answer = await client.post(
            "/api/login",
            json={"userName": name, "password": PASSWORD},
            headers={"X-Session-Token": "return"},
        )
        assert answer.status_code == 200, answer.text
        client.headers["authorization"] = f"Bearer {answer.json()['sessionToken']}"
        yield client


def token_of(client: httpx.AsyncClient) -> str:
    return client.headers["authorization"].removeprefix("Bearer ")


@pytest.mark.integration
async def test_two_users_sign_in_change_see_and_sign_out_apart(tmp_path: Path) -> None:
    server_dir = tmp_path / "server"
    server_dir.mkdir()
    async with (
        real_server(server_dir) as address,
        gateway(tmp_path, server_address=address) as served,
        signed_in(served, "ann") as ann,
        signed_in(served, "bob") as bob,
        opened(served.address) as hers,
        opened(served.address) as his,
    ):
        for socket, client in ((hers, ann), (his, bob)):
            await say(socket, "authenticate", token=token_of(client))
            await say(socket, "subscribe")
            await until(socket, "snapshot")

        made = await ann.post("/api/accounts", json={"name": "Ann's"})
        account_id = made.json()["account"]["accountId"]
        assert (await until(hers, "mt5_status_update"))["data"]["account"]["accountId"] == account_id
        assert (await bob.get(f"/api/accounts/{account_id}")).status_code == 404
        await say(his, "ping")
        assert (await receive(his))["type"] in ("pong", "heartbeat")

        await ann.put("/api/settings", json={"settings": {"theme": "DARK"}})
        settings = (await ann.put("/api/settings", json={"settings": {"timeZone": "Europe/Berlin"}})).json()
        assert settings["settings"]["theme"] == "DARK"

        refused = await ann.post("/api/accounts", json={"name": ""})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "name")
        assert (await ann.get("/api/users")).status_code == 403

        assert (await ann.post("/api/logout")).status_code == 200
        with pytest.raises(ConnectionClosed) as closed:
            await until(hers, "never", 5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4503
        assert (await ann.get("/api/user")).status_code == 401
        assert (await bob.get("/api/user")).status_code == 200


async def test_a_message_of_a_provider_is_read_over_rest(tmp_path: Path) -> None:
    server_dir = tmp_path / "server"
    server_dir.mkdir()
    async with (
        real_server(server_dir) as address,
        gateway(tmp_path, server_address=address) as served,
        signed_in(served, "ann") as ann,
    ):
        order = await ann.post("/api/signals/parse", json={"text": "XAUUSD BUY 2340-45 SL 2330 TP 2350"})
        update = await ann.post(
            "/api/signals/parse",
            json={"text": "ذهب اغلق نصف الصفقة", "context": {"replyTo": "XAUUSD BUY 2340", "edited": False}},
        )

    found = order.json()
    assert order.status_code == 200
    assert (found["kind"], found["side"], found["orderType"], found["gate"]) == ("OPEN", "BUY", "AUTO", "OK")
    assert (found["entryLow"], found["entryHigh"], found["stopLoss"]) == (2340, 2345, 2330)
    assert found["takeProfits"] == [2350]
    assert found.get("volumeLots") is None
    assert (update.json()["kind"], update.json()["symbol"]) == ("PARTIAL_CLOSE", "XAUUSD")
    assert update.json()["fraction"] == 0.5
