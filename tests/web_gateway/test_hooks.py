from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
import structlog

from signalos.v1.signal_service_pb2 import SubmitWebhookRequest, SubmitWebhookResponse
from tests.support.fake_server import FakeServer, Refused
from tests.web_gateway.serving import gateway
from web_gateway.settings import Limits, Timings

TOKEN = "whk_5up3r-s3cret"
PLAIN = {"content-type": "text/plain; charset=utf-8"}
NOBODY: dict[str, str] = {"authorization": ""}


class HookServer(FakeServer):
    """Knows one webhook, and keeps what came to it."""

    def _answer(self, name: str, request: Any, metadata: dict[str, str]) -> Any:
        if name != "SubmitWebhook":
            return super()._answer(name, request, metadata)
        if "SubmitWebhook" in self.answers:
            return self.answers[name](request)
        if request.token != TOKEN:
            raise Refused("UNAUTHENTICATED", "NOT_AUTHENTICATED", "the server's own words")
        return SubmitWebhookResponse(signal_id="sig_1")

    @property
    def taken(self) -> list[SubmitWebhookRequest]:
        return self.asked_of("SubmitWebhook")


@pytest.mark.parametrize("content_type", ["text/plain; charset=utf-8", "application/json; charset=utf-8"])
async def test_an_alert_goes_on_as_it_came_and_is_answered_with_its_signal(
    tmp_path: Path, content_type: str
) -> None:
    body = b'{"action": "buy", "ticker": "XAUUSD", "price": 2340.10}'
    async with gateway(tmp_path, server=HookServer()) as served:
        answer = await served.client.post(
            f"/api/hooks/{TOKEN}", content=body, headers={**NOBODY, "content-type": content_type}
        )

        assert (answer.status_code, answer.json()) == (202, {"signalId": "sig_1"})
        assert answer.headers["location"] == "/api/signals/sig_1"
        [(_, request, metadata)] = served.server.asked
        assert (request.token, request.body, request.content_type) == (TOKEN, body, content_type)
        assert "authorization" not in metadata


async def test_neither_a_content_type_nor_json_is_needed(tmp_path: Path) -> None:
    server = HookServer()
    async with gateway(tmp_path, server=server) as served:
        answer = await served.client.post(f"/api/hooks/{TOKEN}", content=b"BUY GOLD SL 2330", headers=NOBODY)

        assert answer.status_code == 202
        assert [(each.body, each.content_type) for each in server.taken] == [(b"BUY GOLD SL 2330", "")]


@pytest.mark.parametrize(
    ("headers", "body", "goes_on"),
    [
        ({"authorization": f"Bearer {TOKEN}"}, b"BUY GOLD", b"BUY GOLD"),
        ({**NOBODY, "x-signalos-token": TOKEN}, b"BUY GOLD", b"BUY GOLD"),
        (NOBODY, b'{"token":"whk_5up3r-s3cret","tp":1.50}', b'{"tp":1.50}'),
    ],
)
async def test_the_token_may_be_in_a_header_or_in_the_body(
    tmp_path: Path, headers: dict[str, str], body: bytes, goes_on: bytes
) -> None:
    server = HookServer()
    async with gateway(tmp_path, server=server) as served:
        answer = await served.client.post("/api/hooks", content=body, headers=headers)

        assert answer.status_code == 202
        assert [(each.token, each.body) for each in server.taken] == [(TOKEN, goes_on)]


async def test_who_is_signed_in_besides_is_not_who_sends_it(tmp_path: Path) -> None:
    async with gateway(tmp_path, server=HookServer()) as served:
        answer = await served.client.post(
            f"/api/hooks/{TOKEN}", content=b"BUY GOLD", headers={"authorization": "Bearer token-ann"}
        )

        assert answer.status_code == 202
        [(_, request, metadata)] = served.server.asked
        assert request.token == TOKEN
        assert "authorization" not in metadata


async def test_every_wrong_token_is_answered_alike(tmp_path: Path) -> None:
    server = HookServer()
    async with gateway(tmp_path, server=server) as served:
        answers = [
            await served.client.post("/api/hooks/unknown", content=b"BUY", headers=NOBODY),
            await served.client.post(f"/api/hooks/{'x' * 300}", content=b"BUY", headers=NOBODY),
            await served.client.post("/api/hooks/with%20space", content=b"BUY", headers=NOBODY),
            await served.client.post("/api/hooks", content=b"BUY", headers=NOBODY),
            await served.client.post("/api/hooks", content=b'{"token":5}', headers=NOBODY),
        ]

        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.content for answer in answers}) == 1
        assert answers[0].headers["content-type"] == "application/problem+json"
        assert answers[0].json()["reason"] == "NOT_AUTHENTICATED"
        assert len(server.taken) == 1


async def test_guessing_is_limited_by_address_and_a_good_token_is_heard_all_the_same(tmp_path: Path) -> None:
    limits = Limits(strange_hooks_per_minute=3)
    async with gateway(tmp_path, server=HookServer(), limits=limits) as served:
        good = await served.client.post(f"/api/hooks/{TOKEN}", content=b"BUY", headers=NOBODY)
        guesses = [
            await served.client.post(f"/api/hooks/guess{n}", content=b"BUY", headers=NOBODY) for n in range(5)
        ]
        again = await served.client.post(f"/api/hooks/{TOKEN}", content=b"BUY", headers=NOBODY)

        assert good.status_code == 202
        assert [each.status_code for each in guesses] == [401, 401, 401, 429, 429]
        assert guesses[-1].json()["reason"] == "RATE_LIMITED"
        assert int(guesses[-1].headers["retry-after"]) > 0
        assert again.status_code == 202


async def test_good_tokens_use_nothing_up_of_what_strangers_may_ask(tmp_path: Path) -> None:
    server = HookServer()
    server.answers["SubmitWebhook"] = lambda _: SubmitWebhookResponse(signal_id="sig_1")
    async with gateway(tmp_path, server=server, limits=Limits(strange_hooks_per_minute=2)) as served:
        answers = [
            await served.client.post(f"/api/hooks/source{n}", content=b"BUY", headers=NOBODY)
            for n in range(6)
        ]

        assert {each.status_code for each in answers} == {202}


async def test_a_token_that_has_ended_counts_as_a_stranger_again(tmp_path: Path) -> None:
    server = HookServer()
    async with gateway(tmp_path, server=server, limits=Limits(strange_hooks_per_minute=1)) as served:

        async def send() -> int:
            answer = await served.client.post(f"/api/hooks/{TOKEN}", content=b"BUY", headers=NOBODY)
            return answer.status_code

        assert await send() == 202

        def ended(_: Any) -> Any:
            raise Refused("UNAUTHENTICATED", "NOT_AUTHENTICATED")

        server.answers["SubmitWebhook"] = ended
        assert [await send() for _ in range(3)] == [401, 401, 429]


async def test_a_body_too_large_is_refused_and_one_of_the_bound_is_not(tmp_path: Path) -> None:
    async with gateway(tmp_path, server=HookServer()) as served:
        most = await served.client.post(f"/api/hooks/{TOKEN}", content=b"x" * 32768, headers=NOBODY)
        more = await served.client.post(f"/api/hooks/{TOKEN}", content=b"x" * 32769, headers=NOBODY)

        async def chunks() -> Any:
            for _ in range(40):
                yield b"x" * 1024

        streamed = await served.client.post(f"/api/hooks/{TOKEN}", content=chunks(), headers=NOBODY)

        assert most.status_code == 202
        assert [(each.status_code, each.json()["reason"]) for each in (more, streamed)] == [
            (413, "BODY_TOO_LARGE"),
            (413, "BODY_TOO_LARGE"),
        ]


async def test_an_empty_or_a_packed_body_is_refused(tmp_path: Path) -> None:
    server = HookServer()
    async with gateway(tmp_path, server=server) as served:
        empty = await served.client.post(f"/api/hooks/{TOKEN}", content=b" \n", headers=NOBODY)
        packed = await served.client.post(
            f"/api/hooks/{TOKEN}", content=b"x", headers={**NOBODY, "content-encoding": "gzip"}
        )

        assert (empty.status_code, packed.status_code) == (400, 415)
        assert server.taken == []


async def test_only_a_post_is_taken(tmp_path: Path) -> None:
    async with gateway(tmp_path, server=HookServer()) as served:
        answer = await served.client.get(f"/api/hooks/{TOKEN}", headers=NOBODY)

        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_the_hosts_door_stands_before_it(tmp_path: Path) -> None:
    server = HookServer()
    async with gateway(tmp_path, server=server) as served:
        foreign_host = await served.client.post(
            f"/api/hooks/{TOKEN}", content=b"BUY", headers={**NOBODY, "host": "evil.example"}
        )
        foreign_page = await served.client.post(
            f"/api/hooks/{TOKEN}", content=b"BUY", headers={**NOBODY, "origin": "https://evil.example"}
        )

        assert (foreign_host.status_code, foreign_page.status_code) == (421, 403)
        assert server.taken == []


async def test_a_server_too_slow_is_told_so_that_the_alert_is_sent_again(tmp_path: Path) -> None:
    server = HookServer()
    server.delays["SubmitWebhook"] = 5
    async with gateway(tmp_path, server=server, timings=Timings(hook_seconds=0.1)) as served:
        answer = await served.client.post(f"/api/hooks/{TOKEN}", content=b"BUY", headers=NOBODY)

        assert (answer.status_code, answer.json()["reason"]) == (503, "SERVER_TOO_SLOW")


async def test_the_token_is_in_no_log_and_no_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    server = HookServer()

    def broken(_: Any) -> Any:
        raise Refused("INTERNAL", "INTERNAL", "a fault of ours")

    with structlog.testing.capture_logs() as lines:
        async with gateway(tmp_path, server=server) as served:
            answers = [
                await served.client.post(f"/api/hooks/{TOKEN}", content=b"BUY", headers=NOBODY),
                await served.client.get(f"/api/hooks/{TOKEN}", headers=NOBODY),
                await served.client.post(f"/api/hooks/{TOKEN}/", content=b"BUY", headers=NOBODY),
                await served.client.post(f"/api/hooks/x{TOKEN}", content=b"BUY", headers=NOBODY),
                await served.client.post(f"/api/hooks/{TOKEN}", content=b"x" * 40_000, headers=NOBODY),
                await served.client.post(
                    "/api/hooks", content=f'{{"token":"{TOKEN}", "a": "b"}}', headers=NOBODY
                ),
            ]
            server.answers["SubmitWebhook"] = broken
            answers.append(await served.client.post(f"/api/hooks/{TOKEN}", content=b"BUY", headers=NOBODY))
            await asyncio.sleep(0)

    assert [each.status_code for each in answers] == [202, 405, 404, 401, 413, 202, 500]
    assert [line["status"] for line in lines if line["event"] == "webhook"] == [202, 405, 401, 413, 202, 500]
    out, err = capfd.readouterr()
    # The test's own client logs the addresses that it calls.
    ours = "".join(record.getMessage() for record in caplog.records if not record.name.startswith("http"))
    for told in (str(lines), ours, out, err, *(each.text for each in answers)):
        assert TOKEN not in told
    assert all(TOKEN not in str(each.headers) for each in answers)
