"""The doors: who may come in, before anything is read or called.

Hosts and origins are allow-listed, so that neither a rebound name nor a foreign page reaches the gateway;
what would change something by cookie has to come from a page of ours. Every answer carries the security
headers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web_gateway.decoding import FieldProblem
from web_gateway.problems import CLOSE, MEDIA_TYPE, GatewayReason, Problem, invalid_fields
from web_gateway.sessions import token_from_authorization, token_from_cookies
from web_gateway.settings import is_loopback

CALLER: Final = "signalos.caller"
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_SECURITY_HEADERS: Final = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        b"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
        b"frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as far as the connection tells."""

    address: str
    user_agent: str
    token: str
    by_cookie: bool
    secure: bool
    # Why nothing that this caller asks may be served; only sockets get here with one.
    refusal: Problem | None = None


class Doors:
    """ASGI middleware around all of the gateway."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        bound_host: str,
        public_origins: tuple[str, ...],
        trusted_proxies: tuple[str, ...],
    ) -> None:
        self._app = app
        self._origins = frozenset(origin.rstrip("/").lower() for origin in public_origins)
        self._hosts = frozenset(urlsplit(origin).netloc for origin in self._origins)
        self._bound_host = "" if is_loopback(bound_host) else bound_host.lower()
        self._proxies = tuple(ipaddress.ip_network(proxy, strict=False) for proxy in trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        caller = self._caller(scope, headers)
        scope[CALLER] = caller
        if scope["type"] == "websocket":
            # Refused by the socket's own code, after accepting: a refused upgrade tells a browser nothing.
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    *_SECURITY_HEADERS,
                    *((_HSTS,) if caller.secure else ()),
                ]
            await send(message)

        refusal = (
            _framing_refusal(headers)
            or caller.refusal
            or self._cookie_refusal(scope["method"], caller, headers)
        )
        if refusal is not None:
            await send_problem(refusal, guarded)
            return
        await self._app(scope, receive, guarded)

    def _caller(self, scope: Scope, headers: Mapping[str, str]) -> Caller:
        peer = scope.get("client")
        address = peer[0] if peer else ""
        secure = scope["scheme"] in ("https", "wss")
        if self._trusts(address):
            secure = headers.get("x-forwarded-proto", "").strip().lower() == "https"
            address = self._forwarded(address, headers.get("x-forwarded-for", ""))
        bearer = token_from_authorization(headers.get("authorization", ""))
        return Caller(
            address=address,
            user_agent=headers.get("user-agent", "")[:200],
            token=token_from_cookies(headers.get("cookie", "")) if bearer is None else bearer,
            by_cookie=bearer is None,
            secure=secure,
            refusal=self._host_refusal(headers, secure=secure),
        )

    def _trusts(self, address: str) -> bool:
        if not self._proxies:
            return False
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._proxies)

    def _forwarded(self, address: str, header: str) -> str:
        """The nearest address that is not a proxy of ours; what lies beyond it is hearsay."""
        for hop in reversed([part.strip() for part in header.split(",") if part.strip()]):
            try:
                ipaddress.ip_address(hop)
            except ValueError:
                break
            address = hop
            if not self._trusts(hop):
                break
        return address

    def _host_refusal(self, headers: Mapping[str, str], *, secure: bool) -> Problem | None:
        host = headers.get("host", "").lower()
        if not self._serves(host):
            return Problem(
                421, "INVALID_ARGUMENT", GatewayReason.BAD_HOST, "this host is not served here",
                {"host": host[:200]},
            )  # fmt: skip
        origin = headers.get("origin")
        if origin is not None and not self._is_ours(origin, host, secure=secure):
            return Problem(
                403, "PERMISSION_DENIED", GatewayReason.BAD_ORIGIN, "a page of another origin made this call",
                {"origin": origin[:200]},
            )  # fmt: skip
        return None

    def _serves(self, host: str) -> bool:
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if host in self._hosts or name in _LOOPBACK_NAMES:
            return True
        return bool(self._bound_host) and name.strip("[]") == self._bound_host.strip("[]")

    def _is_ours(self, origin: str, host: str, *, secure: bool) -> bool:
        origin = origin.lower()
        return origin in self._origins or origin == f"{'https' if secure else 'http'}://{host}"

    def _cookie_refusal(self, method: str, caller: Caller, headers: Mapping[str, str]) -> Problem | None:
        if method in _SAFE_METHODS or not caller.by_cookie or not caller.token:
            return None
        if "origin" in headers or headers.get("sec-fetch-site") == "same-origin":
            return None
        return Problem(
            403,
            "PERMISSION_DENIED",
            GatewayReason.BAD_ORIGIN,
            "a call by cookie that changes something needs an Origin; programs send Authorization: Bearer",
            {"origin": ""},
        )


def _framing_refusal(headers: Mapping[str, str]) -> Problem | None:
    """Where a body is told to end in two ways, a proxy before us may have cut it elsewhere than we do."""
    if "content-length" not in headers or "transfer-encoding" not in headers:
        return None
    refusal = invalid_fields([FieldProblem("Transfer-Encoding", "cannot come with a Content-Length")])
    return replace(refusal, headers=(*refusal.headers, *CLOSE))


async def send_problem(problem: Problem, send: Send, *, more_body: bool = False) -> None:
    """Answers with `problem`; `more_body` leaves it to the caller to end the answer."""
    body = problem.body()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    headers.append((b"cache-control", b"no-store"))
    headers += [(name.encode(), value.encode()) for name, value in problem.headers]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": more_body})


def _headers(scope: Scope) -> dict[str, str]:
    """The headers by name; repeated ones joined as HTTP does (cookies with a semicolon)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in headers:
            value = f"{headers[name]}{'; ' if name == 'cookie' else ', '}{value}"
        headers[name] = value
    return headers
