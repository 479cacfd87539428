from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from signalos.v1.event_pb2 import Event
from tests.support.fake_server import FakeServer, serving
from tests.web_gateway.live.client import live, opened, price_event, receive, say, trade_event, until
from tests.web_gateway.serving import gateway
from web_gateway.settings import Limits, Timings

QUICK = Timings(subscribe_grace_seconds=0.05, authenticate_seconds=0.5, session_check_seconds=0.3)


async def close_code(socket: ClientConnection, within: float = 5.0) -> int:
    """The code that the gateway closes the socket with; frames before it are dropped."""
    async with asyncio.timeout(within):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 1006


async def test_a_cookie_is_authenticated_at_the_handshake_and_gets_a_snapshot_unasked(tmp_path: Path) -> None:
    async with (
        gateway(tmp_path) as served,
        opened(served.address, cookie="signalos_session=token-ann", origin=served.origin) as socket,
    ):
        kinds = [(await receive(socket))["type"] for _ in range(3)]

        assert kinds == ["connection_established", "authenticated", "snapshot"]


async def test_events_come_in_order_to_every_socket_of_the_user_over_one_subscription(tmp_path: Path) -> None:
    async with (
        gateway(tmp_path) as served,
        live(served.address) as first,
        live(served.address) as second,
        live(served.address, "token-bob") as other,
    ):
        for number in range(1, 4):
            served.server.publish("usr_ann", trade_event(number))

        for socket in (first, second):
            frames = [await until(socket, "trade_update") for _ in range(3)]
            assert [frame["seq"] for frame in frames] == [1, 2, 3]
            assert frames[0]["data"]["trade"]["tradeId"] == "trd_1"
            assert frames[0]["id"] == "evt-usr_ann-1"
        assert served.server.subscribe_count == 2
        await say(other, "ping")
        assert (await receive(other))["type"] == "pong"


async def test_a_socket_resumes_after_its_cursor_without_a_snapshot(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        for number in range(1, 700):
            served.server.publish("usr_ann", trade_event(number))
        async with opened(served.address) as socket:
            await say(socket, "authenticate", token="token-ann")
            await say(socket, "subscribe", afterSeq=5, epoch="epoch-1")
            frames = [await until(socket, "trade_update") for _ in range(694)]

            assert [frame["seq"] for frame in frames] == list(range(6, 700))
            served.server.publish("usr_ann", trade_event(700))
            assert (await receive(socket))["seq"] == 700


@pytest.mark.parametrize(("epoch", "after"), [("another", 1), ("epoch-1", 99), ("epoch-1", 0)])
async def test_a_cursor_that_cannot_be_served_gets_a_gap_and_a_snapshot(
    tmp_path: Path, epoch: str, after: int
) -> None:
    fake = FakeServer()
    for number in range(1, 4):
        fake.publish("usr_ann", trade_event(number))
    fake.oldest_kept = 3
    async with gateway(tmp_path, server=fake) as served, opened(served.address) as socket:
        await say(socket, "authenticate", token="token-ann")
        await say(socket, "subscribe", afterSeq=after, epoch=epoch)

        assert (await until(socket, "gap"))["data"]["afterSeq"] == after
        assert (await receive(socket))["data"]["seq"] == 3


async def test_no_event_is_lost_or_repeated_for_sockets_that_join_while_events_come(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        stop = asyncio.Event()

        async def publish() -> None:
            while not stop.is_set():
                served.server.publish("usr_ann", trade_event(1))
                await asyncio.sleep(0.001)

        async def watch() -> None:
            async with opened(served.address) as socket:
                await say(socket, "authenticate", token="token-ann")
                last = (await until(socket, "snapshot"))["data"]["seq"]
                for _ in range(100):
                    last += 1
                    assert (await until(socket, "trade_update"))["seq"] == last

        publishing = asyncio.create_task(publish())
        await asyncio.gather(*(watch() for _ in range(20)))
        stop.set()
        await publishing


async def test_a_stream_that_breaks_is_told_and_goes_on_without_a_hole(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, live(served.address) as socket:
        served.server.publish("usr_ann", trade_event(1))
        assert (await receive(socket))["seq"] == 1
        served.server.break_streams()
        assert (await until(socket, "error"))["data"]["code"] == "SERVER_AWAY"
        served.server.publish("usr_ann", trade_event(2))

        assert (await until(socket, "trade_update"))["seq"] == 2


async def test_while_the_server_is_away_sockets_stay_and_are_told_how_old_all_is(tmp_path: Path) -> None:
    fake = FakeServer()
    async with serving(fake) as address:
        port = int(address.rsplit(":", 1)[1])
    timings = Timings(heartbeat_seconds=0.5, subscribe_grace_seconds=0.05)
    async with gateway(tmp_path, server=fake, server_address=address, timings=timings) as served:
        async with serving(fake, port):
            socket_context = live(served.address)
            socket = await socket_context.__aenter__()
        beat: dict[str, Any] = {"data": {"serverConnected": True}}
        async with asyncio.timeout(10):
            while beat["data"]["serverConnected"] or beat["data"]["serverAgeSeconds"] < 1:
                beat = await until(socket, "heartbeat", 10)
        async with serving(fake, port):
            fake.publish("usr_ann", trade_event(1))
            assert (await until(socket, "trade_update", 15))["seq"] == 1
            await socket_context.__aexit__(None, None, None)


async def test_a_new_epoch_is_a_gap_and_a_snapshot_in_the_stream(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, live(served.address) as socket:
        served.server.publish("usr_ann", trade_event(1))
        assert (await receive(socket))["seq"] == 1
        served.server.epoch = "epoch-2"
        served.server.log["usr_ann"].clear()
        served.server.break_streams()

        assert (await until(socket, "gap"))["data"]["epoch"] == "epoch-1"
        assert (await until(socket, "snapshot"))["data"]["epoch"] == "epoch-2"
        served.server.publish("usr_ann", trade_event(1))
        assert (await until(socket, "trade_update"))["seq"] == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"type":"emergency_stop"}', "UNKNOWN_TYPE"),
        ('{"type":"trade_update","data":{"trade":{}}}', "UNKNOWN_TYPE"),
        ('{"type":"test","data":{"a":1}}', "UNKNOWN_TYPE"),
        ("not json", "BAD_JSON"),
        ('{"type":"ping","type":"ping"}', "BAD_JSON"),
        ("[]", "BAD_FRAME"),
        ('{"type":"ack","data":{"seq":true}}', "BAD_FRAME"),
        ('{"type":"ack","data":{"seq":-1}}', "BAD_FRAME"),
        ('{"type":"subscribe","data":{"afterSeq":1}}', "BAD_FRAME"),
        ('{"type":"ping","more":1}', "BAD_FRAME"),
    ],
)
async def test_what_a_client_should_not_send_is_an_error_to_it_alone(
    tmp_path: Path, text: str, code: str
) -> None:
    async with gateway(tmp_path) as served, live(served.address) as sender, live(served.address) as other:
        await sender.send(text)
        assert (await receive(sender))["data"]["code"] == code
        served.server.publish("usr_ann", trade_event(1))

        assert (await receive(other))["type"] == "trade_update"
        assert (await receive(sender))["type"] == "trade_update"


async def test_a_test_frame_is_echoed_to_its_sender_alone_where_the_server_is_in_dev(tmp_path: Path) -> None:
    fake = FakeServer()
    fake.dev = True
    async with (
        gateway(tmp_path, server=fake) as served,
        live(served.address) as sender,
        live(served.address) as other,
    ):
        await sender.send(json.dumps({"type": "test", "data": {"type": "emergency_stop"}}))
        assert (await receive(sender))["data"] == {"echo": {"type": "emergency_stop"}}
        await say(other, "ping")
        assert (await receive(other))["type"] == "pong"


async def test_close_codes_say_whether_to_come_back(tmp_path: Path) -> None:
    limits = Limits(sockets_per_address=3)
    async with gateway(tmp_path, timings=QUICK, limits=limits) as served:
        address = served.address
        async with opened(address) as silent:
            assert await close_code(silent) == 4001
        async with opened(address) as wrong:
            await say(wrong, "authenticate", token="nobody")
            assert await close_code(wrong) == 4503
        async with opened(address, cookie="signalos_session=expired") as expired:
            assert await close_code(expired) == 4503
        async with opened(address, origin="https://evil.example") as foreign:
            assert await close_code(foreign) == 4504
        async with opened(address) as first, opened(address), opened(address), opened(address) as fourth:
            assert await close_code(fourth) == 4008
            assert (await receive(first))["type"] == "connection_established"


async def test_a_revoked_session_closes_its_sockets_and_leaves_the_users_others(tmp_path: Path) -> None:
    fake = FakeServer()
    fake.users["token-ann-2"] = "usr_ann"
    async with (
        gateway(tmp_path, server=fake, timings=QUICK) as served,
        live(served.address) as first,
        live(served.address, "token-ann-2") as second,
    ):
        del fake.users["token-ann"]
        assert await close_code(first, 3) == 4503
        fake.publish("usr_ann", trade_event(1))
        assert (await until(second, "trade_update"))["seq"] == 1


async def test_a_logout_closes_the_sockets_of_the_session_at_once(tmp_path: Path) -> None:
    fake = FakeServer()

    def log_out(_: Any) -> Any:
        del fake.users["token-ann"]
        return fake.answers["Logged out"](_)

    fake.answers["Logged out"] = fake.answers["Logout"]
    fake.answers["Logout"] = log_out
    slow_checks = Timings(session_check_seconds=60, subscribe_grace_seconds=0.05)
    async with gateway(tmp_path, server=fake, timings=slow_checks) as served, live(served.address) as socket:
        assert (await served.client.post("/api/logout")).status_code == 200
        assert await close_code(socket, 2) == 4503


async def test_heartbeats_carry_the_ages_of_the_chain(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, live(served.address) as socket:
        event = Event()
        event.heartbeat.chains.add(account_id="acc_1", bridge_age_seconds=0.5)
        served.server.publish("usr_ann", event, lossless=False)
        data = (await until(socket, "heartbeat"))["data"]

        assert data["serverConnected"] is True
        assert data["chains"][0]["bridgeAgeSeconds"] == 0.5
        assert data["chains"][0]["terminalAgeSeconds"] is None


async def test_a_reader_that_stalls_is_cut_and_the_others_do_not_wait_for_it(tmp_path: Path) -> None:
    """A reader with the sockets' usual buffers stops reading; events go on at 200 a second."""
    async with gateway(tmp_path, metrics_token="m") as served, live(served.address) as reader:
        host, port = served.address.split(":")
        stalled, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.write(
            f"GET /ws HTTP/1.1\r\nHost: {served.address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Cookie: signalos_session=token-ann\r\n\r\n".encode()
        )
        await stalled.readuntil(b"snapshot")
        transport = writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()
        loop = asyncio.get_running_loop()
        began = loop.time()
        worst = 0.0
        while await sockets(served.client) > 1:
            assert loop.time() - began < 10, "still connected after 10 s"
            sent = loop.time()
            served.server.publish("usr_ann", trade_event(1, size=2000))
            await until(reader, "trade_update")
            worst = max(worst, loop.time() - sent)
            await asyncio.sleep(0.005)
        writer.transport.abort()

        assert worst < 1.0


async def sockets(client: httpx.AsyncClient) -> int:
    answer = await client.get("/metrics", headers={"authorization": "Bearer m"})
    line = next(line for line in answer.text.splitlines() if line.startswith("signalos_gateway_sockets "))
    return int(float(line.rsplit(" ", 1)[1]))


async def test_prices_are_the_newest_and_have_no_seq(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, live(served.address) as socket:
        served.server.publish("usr_ann", price_event(trd_1=1.5), lossless=False)
        frame = await until(socket, "trade_update")

        assert "seq" not in frame
        assert frame["data"]["live"][0]["currentPrice"] == 1.5
        assert frame["data"]["live"][0]["profit"] is None
