"""Two users, two accounts, two bridges: neither sees or touches the other's anything, by any door."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import grpc
import grpc.aio
import pytest

from signalos.v1 import event_service_pb2, event_service_pb2_grpc, trade_service_pb2, trade_service_pb2_grpc
from tests.support.web_socket import probe
from tests.support.world import Caller, World, eventually

pytestmark = pytest.mark.integration


async def test_two_users_trade_side_by_side_and_see_nothing_of_each_other(tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        await world.start_broker("5001:USD:100000:hedging", "5002:EUR:50000:netting")
        await world.start_server()
        await world.start_gateway()
        ann = await _with_bridge(world, "ann", 5001)
        bob = await _with_bridge(world, "bob", 5002)
        assert ann.account_id != bob.account_id

        async with (
            probe(world.address("gateway"), ann.token) as ann_socket,
            probe(world.address("gateway"), bob.token) as bob_socket,
        ):
            await ann_socket.until(lambda frame: frame["type"] == "snapshot")
            await bob_socket.until(lambda frame: frame["type"] == "snapshot")
            opened = await ann.open("EURUSD", "BUY", 0.1)
            assert opened.json()["command"]["state"] == "SUCCEEDED", opened.text
            shown = await ann_socket.until(lambda frame: frame["type"] == "trade_opened")
            trade_id = shown["data"]["trade"]["tradeId"]
            await asyncio.sleep(1.0)
            foreign = [frame for frame in bob_socket.frames if ann.account_id in str(frame)]
            assert foreign == []

        command_id = opened.json()["command"]["commandId"]
        for path in (
            f"/api/trades/{trade_id}",
            f"/api/commands/{command_id}",
            f"/api/accounts/{ann.account_id}",
        ):
            assert (await bob.client.get(path)).status_code == 404, path
        for path, body in (
            (f"/api/trades/{trade_id}/close", {}),
            (f"/api/trades/{trade_id}/partial-close", {}),
            (f"/api/trades/{trade_id}/trailing-stop", {"distance": 0.002}),
            (f"/api/trades/{trade_id}/break-even", {}),
            (f"/api/commands/{command_id}/cancel", {}),
        ):
            assert (await bob.post(path, body)).status_code == 404, path
        assert (await bob.open(accountId=ann.account_id)).status_code == 404
        assert (await bob.get("/api/trades"))["trades"] == []
        assert (await bob.get("/api/commands"))["commands"] == []

        # A stop without scope is every account of the caller's, and no other.
        stopped = await bob.post("/api/trading/emergency-stop")
        assert [a["accountId"] for a in stopped.json()["report"]["accounts"]] == [bob.account_id]
        assert (await ann.open()).status_code == 200

        await _over_grpc(world, ann, bob, trade_id)
    finally:
        await world.close()


async def _with_bridge(world: World, name: str, login: int) -> Caller:
    await world.add_user(name)
    caller = await world.sign_in(name)
    answer = await caller.post("/api/bridges/pair")
    assert answer.status_code == 200, answer.text
    await world.pair(answer.json()["code"], login, name)
    await world.start_bridge(login, name)
    await eventually(caller.bridge_connected)
    await eventually(caller.may_open)
    caller.account_id = (await caller.get("/api/accounts"))["accounts"][0]["accountId"]
    return caller


async def _over_grpc(world: World, ann: Caller, bob: Caller, trade_id: str) -> None:
    async with grpc.aio.insecure_channel(world.address("server")) as channel:
        bobs = (("authorization", f"Bearer {bob.token}"),)
        trades = trade_service_pb2_grpc.TradeServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await trades.CloseTrade(
                trade_service_pb2.CloseTradeRequest(request_id=str(uuid.uuid4()), trade_id=trade_id),
                metadata=bobs,
            )
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        events = event_service_pb2_grpc.EventServiceStub(channel)
        snapshot = await events.GetSnapshot(event_service_pb2.GetSnapshotRequest(), metadata=bobs)
        assert ann.account_id not in str(snapshot)
        with pytest.raises(grpc.aio.AioRpcError) as nobody:
            await events.GetSnapshot(event_service_pb2.GetSnapshotRequest())
        assert nobody.value.code() is grpc.StatusCode.UNAUTHENTICATED
