from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from signalos.v1.command_pb2 import CommandState
from signalos.v1.control_service_pb2 import EmergencyStopResponse
from signalos.v1.trade_service_pb2 import (
    CloseTradeResponse,
    ListTradesResponse,
    ModifyTradeResponse,
    OpenTradeResponse,
    PartialCloseTradeResponse,
)
from tests.support.fake_server import PASSWORD, FakeServer, Refused
from tests.web_gateway.serving import gateway
from web_gateway.settings import Limits, Timings

OPEN = {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.1}


def closed(state: str = "SUCCEEDED") -> CloseTradeResponse:
    response = CloseTradeResponse()
    response.command.command_id = "c-1"
    response.command.state = CommandState.Value(f"COMMAND_STATE_{state}")
    return response


def trading_server() -> FakeServer:
    fake = FakeServer()
    fake.answers |= {
        "CloseTrade": lambda _: closed(),
        "OpenTrade": lambda _: OpenTradeResponse(),
        "PartialCloseTrade": lambda _: PartialCloseTradeResponse(),
        "ModifyTrade": lambda _: ModifyTradeResponse(),
        "ListTrades": lambda _: ListTradesResponse(),
        "EmergencyStop": lambda _: EmergencyStopResponse(stop_id="s-1", complete=False),
    }
    return fake


def reason(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    told: str = answer.json()["reason"]
    return told


async def test_a_close_carries_the_callers_token_and_a_key_made_here(tmp_path: Path) -> None:
    (tmp_path / "gateway.key").write_text("k3y\n")
    async with gateway(tmp_path, server=trading_server()) as served:
        answer = await served.client.post("/api/trades/trd_1/close")

        assert answer.status_code == 200
        assert answer.json()["command"]["state"] == "SUCCEEDED"
        name, request, metadata = served.server.asked[-1]
        assert (name, request.trade_id) == ("CloseTrade", "trd_1")
        assert metadata["authorization"] == "Bearer token-ann"
        assert metadata["signalos-gateway-key"] == "k3y"
        assert metadata["signalos-client-address"] == "127.0.0.1"
        assert answer.headers["idempotency-key"] == request.request_id


@pytest.mark.parametrize("state", ["PENDING", "DELIVERED", "RUNNING", "UNKNOWN"])
async def test_a_command_without_a_known_outcome_answers_202_with_its_location(
    tmp_path: Path, state: str
) -> None:
    fake = trading_server()
    fake.answers["CloseTrade"] = lambda _: closed(state)
    async with gateway(tmp_path, server=fake) as served:
        answer = await served.client.post("/api/trades/trd_1/close", json={})

        assert answer.status_code == 202
        assert answer.headers["location"] == "/api/commands/c-1"


async def test_opening_needs_a_key_from_the_caller_and_a_preview_does_not(tmp_path: Path) -> None:
    async with gateway(tmp_path, server=trading_server()) as served:
        without = await served.client.post("/api/trades", json=OPEN)
        preview = await served.client.post("/api/trades", json={**OPEN, "validateOnly": True})
        with_key = await served.client.post("/api/trades", json=OPEN, headers={"Idempotency-Key": "k1"})

        assert (without.status_code, reason(without)) == (400, "REQUEST_ID_REQUIRED")
        assert preview.status_code == 200
        assert with_key.status_code == 200
        assert [request.request_id for request in served.server.asked_of("OpenTrade")][1:] == ["k1"]


async def test_a_key_in_the_body_has_to_agree_with_the_header(tmp_path: Path) -> None:
    async with gateway(tmp_path, server=trading_server()) as served:
        headers = {"Idempotency-Key": "a"}
        same = await served.client.post("/api/trades", json={**OPEN, "requestId": "a"}, headers=headers)
        other = await served.client.post("/api/trades", json={**OPEN, "requestId": "b"}, headers=headers)
        long = await served.client.post("/api/trades", json=OPEN, headers={"Idempotency-Key": "x" * 65})

        assert (same.status_code, other.status_code, long.status_code) == (200, 400, 400)
        assert other.json()["errors"][0]["field"] == "requestId"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("partial-close", b'{"percentage":"abc"}', "percentage"),
        ("partial-close", b'{"percentage":true}', "percentage"),
        ("partial-close", b'{"percentage":"1_0"}', "percentage"),
        ("partial-close", b'{"percentage":null}', "percentage"),
        ("partial-close", b'{"percentage":NaN}', ""),
        ("partial-close", b'{"percentage":1e400}', ""),
        ("partial-close", b'{"percentage":50,"percentage":10}', "percentage"),
        ("partial-close", b'{"percent":50}', "percent"),
        ("partial-close", b"[]", ""),
        ("partial-close", b'"text"', ""),
        ("partial-close", b"null", ""),
        ("partial-close", b"{", ""),
        ("partial-close", b'{"tradeId":"trd_2"}', "tradeId"),
        ("partial-close", b'{"wait":60}', "wait"),
        ("partial-close", b"[" * 100_000, ""),
        ("partial-close", b"\xff\xfe", ""),
    ],
)
async def test_a_bad_body_is_refused_with_its_field_and_never_reaches_the_server(
    tmp_path: Path, path: str, body: bytes, field: str
) -> None:
    async with gateway(tmp_path, server=trading_server()) as served:
        answer = await served.client.post(
            f"/api/trades/trd_1/{path}", content=body, headers={"content-type": "application/json"}
        )

        assert answer.status_code == 400
        assert reason(answer) in ("BAD_JSON", "INVALID_FIELD")
        assert answer.json()["errors"][0]["field"] == field
        assert served.server.asked == []


async def test_the_range_is_named_where_the_value_is_not_a_number(tmp_path: Path) -> None:
    async with gateway(tmp_path, server=trading_server()) as served:
        answer = await served.client.post("/api/trades/t/partial-close", json={"percentage": "abc"})

        assert answer.json()["detail"] == 'percentage: must be a number from 1 to 99, not "abc"'


@pytest.mark.parametrize(
    ("body", "paths", "stop_loss"),
    [
        ({"stopLoss": 1.1}, ["stop_loss"], 1.1),
        ({"stopLoss": None}, ["stop_loss"], None),
        ({"takeProfit": None, "stopLoss": 2}, ["stop_loss", "take_profit"], 2.0),
        ({"takeProfit": 3, "wait": "1s"}, ["take_profit"], None),
    ],
)
async def test_a_modify_changes_what_the_body_names_and_null_removes(
    tmp_path: Path, body: dict[str, Any], paths: list[str], stop_loss: float | None
) -> None:
    async with gateway(tmp_path, server=trading_server()) as served:
        answer = await served.client.put("/api/trades/trd_1/modify", json=body)

        assert answer.status_code == 200, answer.text
        request = served.server.asked[-1][1]
        assert list(request.update_mask.paths) == paths
        assert (request.stop_loss if request.HasField("stop_loss") else None) == stop_loss


@pytest.mark.parametrize("body", [{}, {"wait": "1s"}, {"updateMask": "stopLoss", "stopLoss": 1}])
async def test_a_modify_that_names_nothing_or_its_own_mask_is_refused(
    tmp_path: Path, body: dict[str, Any]
) -> None:
    async with gateway(tmp_path, server=trading_server()) as served:
        assert (await served.client.put("/api/trades/trd_1/modify", json=body)).status_code == 400


async def test_settings_that_name_nothing_do_not_reset_the_rest(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        empty: list[dict[str, Any]] = [{"settings": {}}, {"settings": None}, {}]
        for body in empty:
            assert (await served.client.put("/api/settings", json=body)).status_code == 400
        await served.client.put("/api/settings", json={"settings": {"theme": "DARK"}})

        assert list(served.server.asked[-1][1].update_mask.paths) == ["theme"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("state=OPEN&pageSize=5", 200),
        ("state=TRADE_STATE_OPEN", 200),
        ("startTime=2026-01-31T12:00:00Z", 200),
        ("state=NOPE", 400),
        ("state=1", 400),
        ("pageSize=five", 400),
        ("pageSize=1_0", 400),
        ("pageSize=5&pageSize=6", 400),
        ("pagesize=5", 400),
        ("startTime=yesterday", 400),
        ("&&&", 400),
    ],
)
async def test_query_parameters_are_read_as_strictly_as_bodies(
    tmp_path: Path, query: str, status: int
) -> None:
    async with gateway(tmp_path, server=trading_server()) as served:
        assert (await served.client.get(f"/api/trades?{query}")).status_code == status


async def test_unknown_paths_methods_types_and_sizes_have_their_own_status(tmp_path: Path) -> None:
    async with gateway(tmp_path, server=trading_server()) as served:
        client = served.client
        assert (await client.get("/api/nope")).status_code == 404
        wrong = await client.delete("/api/trades/trd_1/close")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
        form = await client.post("/api/trades/trd_1/close", data={"a": "b"})
        assert (form.status_code, reason(form)) == (415, "UNSUPPORTED_MEDIA_TYPE")
        latin = await client.post(
            "/api/trades/t/close",
            content=b"{}",
            headers={"content-type": "application/json; charset=latin-1"},
        )
        assert latin.status_code == 415
        large = await client.post(
            "/api/trades/t/close",
            content=b" " * (1 << 20) + b"{}",
            headers={"content-type": "application/json"},
        )
        assert (large.status_code, reason(large)) == (413, "BODY_TOO_LARGE")
        with_body = await client.request("DELETE", "/api/orders/ord_1", json={})
        assert with_body.status_code == 400
        assert served.server.asked == []


async def test_a_body_without_length_is_not_read_beyond_the_limit(tmp_path: Path) -> None:
    async def two_mebibytes() -> Any:
        for _ in range(32):
            yield b" " * 65_536

    async with gateway(tmp_path) as served:
        answer = await served.client.post(
            "/api/trades/t/close", content=two_mebibytes(), headers={"content-type": "application/json"}
        )

        assert answer.status_code == 413


async def test_a_body_that_comes_too_slowly_is_given_up(tmp_path: Path) -> None:
    async with gateway(tmp_path, timings=Timings(body_seconds=0.2)) as served:
        host, port = served.address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST /api/trades/t/close HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()

        assert answer.startswith(b"HTTP/1.1 408 ")


async def test_the_servers_refusal_comes_through_without_loss(tmp_path: Path) -> None:
    fake = trading_server()

    def refuse(_: Any) -> Any:
        refused = Refused("FAILED_PRECONDITION", "TRADING_STOPPED", "stopped", account_id="acc_1")
        refused.violations = [("risk.equity_percent", "too much"), ("take_profits[1]", "off")]
        raise refused

    fake.answers["CloseTrade"] = refuse
    async with gateway(tmp_path, server=fake) as served:
        answer = await served.client.post("/api/trades/trd_1/close")

        assert answer.status_code == 409
        assert answer.json() == {
            "type": "/api/docs#reason-TRADING_STOPPED",
            "title": "Conflict",
            "status": 409,
            "detail": "stopped",
            "code": "FAILED_PRECONDITION",
            "reason": "TRADING_STOPPED",
            "metadata": {"account_id": "acc_1"},
            "errors": [
                {"field": "risk.equityPercent", "description": "too much"},
                {"field": "takeProfits[1]", "description": "off"},
            ],
        }


async def test_a_server_that_is_away_is_said_with_the_key_to_repeat_with(tmp_path: Path) -> None:
    async with gateway(tmp_path, server_address="127.0.0.1:1") as served:
        answer = await served.client.post("/api/trades", json=OPEN, headers={"Idempotency-Key": "k9"})
        health = await served.client.get("/api/system/health")

        assert (answer.status_code, reason(answer)) == (503, "SERVER_UNREACHABLE")
        assert answer.json()["metadata"] == {"request_id": "k9"}
        assert health.status_code == 503


async def test_a_server_that_does_not_answer_is_said_too(tmp_path: Path) -> None:
    fake = trading_server()
    fake.delays["ListTrades"] = 1.0
    async with gateway(tmp_path, server=fake, timings=Timings(call_seconds=0.1)) as served:
        answer = await served.client.get("/api/trades")

        assert (answer.status_code, reason(answer)) == (504, "SERVER_TOO_SLOW")


async def test_identical_stops_at_the_same_time_are_one_call_and_all_are_answered(tmp_path: Path) -> None:
    fake = trading_server()
    fake.delays["EmergencyStop"] = 0.2
    async with gateway(
        tmp_path, server=fake, limits=Limits(mutations_per_second=0.01, mutation_burst=1)
    ) as served:
        path = "/api/trading/emergency-stop"
        answers = await asyncio.gather(*(served.client.post(path) for _ in range(20)))
        other = await served.client.post(path, json={"closePositions": True})

        assert {answer.status_code for answer in [*answers, other]} == {202}
        assert answers[0].headers["location"] == "/api/trading/stops/s-1"
        assert len(fake.asked_of("EmergencyStop")) == 2


async def test_changes_and_logins_are_limited_and_say_when_to_try_again(tmp_path: Path) -> None:
    limits = Limits(mutations_per_second=0.5, mutation_burst=2, logins_per_minute=3)
    async with gateway(tmp_path, server=trading_server(), limits=limits) as served:
        closes = [(await served.client.post("/api/trades/t/close")) for _ in range(3)]
        assert [answer.status_code for answer in closes] == [200, 200, 429]
        assert (reason(closes[2]), closes[2].headers["retry-after"]) == ("RATE_LIMITED", "2")
    limits = Limits(logins_per_minute=3)
    async with gateway(tmp_path, limits=limits) as served:
        body = {"userName": "ann", "password": "wrong"}
        tries = [(await served.client.post("/api/login", json=body)).status_code for _ in range(4)]
        assert tries == [401, 401, 401, 429]


async def test_a_login_sets_a_cookie_and_keeps_the_secret_from_the_page(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        body = {"userName": "ann", "password": PASSWORD}
        answer = await served.client.post("/api/login", json=body)
        kept = await served.client.post("/api/login", json=body, headers={"X-Session-Token": "return"})

        assert "sessionToken" not in answer.json()
        assert answer.headers["set-cookie"] == (
            "signalos_session=token-ann; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict"
        )
        assert kept.json()["sessionToken"] == "token-ann"
        assert "set-cookie" not in kept.headers


async def test_a_logout_and_an_ended_session_take_the_cookie_back(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, httpx.AsyncClient(base_url=served.origin) as browser:
        headers = {"origin": served.origin, "cookie": "signalos_session=token-ann"}
        out = await browser.post("/api/logout", headers=headers)
        ended = await browser.get("/api/user", headers={"cookie": "signalos_session=token-old"})

        assert "Max-Age=0" in out.headers["set-cookie"]
        assert ended.status_code == 401
        assert "Max-Age=0" in ended.headers["set-cookie"]
