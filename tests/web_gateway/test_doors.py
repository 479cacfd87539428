from __future__ import annotations

from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from web_gateway.doors import CALLER, Caller, Doors

Headers = dict[str, str]


class Asked:
    """What a request became behind the doors."""

    def __init__(self) -> None:
        self.caller: Caller | None = None
        self.status = 0
        self.headers: Headers = {}


async def ask(
    method: str = "GET",
    headers: Headers | None = None,
    *,
    scheme: str = "http",
    peer: str = "127.0.0.1",
    bound_host: str = "127.0.0.1",
    public_origins: tuple[str, ...] = ("https://trade.example",),
    trusted_proxies: tuple[str, ...] = (),
) -> Asked:
    asked = Asked()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked.caller = scope[CALLER]
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        raise AssertionError("nothing is read at the doors")

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            asked.status = message["status"]
            asked.headers = {name.decode(): value.decode() for name, value in message["headers"]}

    all_headers = {"host": "127.0.0.1:8080"} | (headers or {})
    scope = {
        "type": "http",
        "method": method,
        "scheme": scheme,
        "client": (peer, 1),
        "headers": [(name.encode(), value.encode()) for name, value in all_headers.items()],
    }
    doors = Doors(app, bound_host=bound_host, public_origins=public_origins, trusted_proxies=trusted_proxies)
    await doors(scope, receive, send)
    return asked


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("localhost:9000", 200),
        ("[::1]:8080", 200),
        ("trade.example", 200),
        ("Trade.Example", 200),
        ("trade.example:444", 421),
        ("rebound.example:8080", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ],
)
async def test_only_known_hosts_are_served(host: str, status: int) -> None:
    assert (await ask(headers={"host": host})).status == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8080", 200),
        ("https://trade.example", 200),
        ("http://127.0.0.1:3000", 403),
        ("https://127.0.0.1:8080", 403),
        ("http://localhost:8080", 403),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_page_of_another_origin_is_refused(method: str, origin: str, status: int) -> None:
    assert (await ask(method, {"origin": origin})).status == status


COOKIE = {"cookie": "signalos_session=t"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (COOKIE, 403),
        (COOKIE | {"origin": "http://127.0.0.1:8080"}, 200),
        (COOKIE | {"sec-fetch-site": "same-origin"}, 200),
        (COOKIE | {"sec-fetch-site": "same-site"}, 403),
        (COOKIE | {"sec-fetch-site": "none"}, 403),
        (COOKIE | {"authorization": "Bearer t"}, 200),
        ({}, 200),
    ],
)
async def test_a_change_by_cookie_has_to_come_from_a_page_of_ours(headers: Headers, status: int) -> None:
    assert (await ask("POST", headers)).status == status


async def test_a_read_by_cookie_needs_no_origin() -> None:
    assert (await ask("GET", COOKIE)).status == 200


async def test_every_answer_has_the_security_headers() -> None:
    for asked in (await ask(), await ask(headers={"host": "evil.example"})):
        policy = asked.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert asked.headers["x-content-type-options"] == "nosniff"
        assert asked.headers["referrer-policy"] == "no-referrer"
        assert "strict-transport-security" not in asked.headers
    assert "strict-transport-security" in (await ask(scheme="https")).headers


async def test_forwarded_headers_count_only_from_named_proxies() -> None:
    headers = {"x-forwarded-for": "6.6.6.6, 203.0.113.9, 10.0.0.2", "x-forwarded-proto": "https"}
    named = await ask(headers=headers, peer="10.0.0.1", trusted_proxies=("10.0.0.0/24",))
    stranger = await ask(headers=headers, peer="10.0.1.1", trusted_proxies=("10.0.0.0/24",))

    assert named.caller is not None
    assert (named.caller.address, named.caller.secure) == ("203.0.113.9", True)
    assert stranger.caller is not None
    assert (stranger.caller.address, stranger.caller.secure) == ("10.0.1.1", False)


async def test_a_bearer_token_wins_over_a_cookie() -> None:
    asked = await ask(headers=COOKIE | {"authorization": "Bearer other"})

    assert asked.caller is not None
    assert (asked.caller.token, asked.caller.by_cookie) == ("other", False)
