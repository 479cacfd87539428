"""The door of webhooks: `POST /api/hooks/{token}`, whatever a charting service sends.

The token is the only key: no session, no cookie, no `Origin`. It is told to the server and to nobody else; a
call that is refused for its token answers the same whatever was wrong with it.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from dataclasses import replace
from typing import Final

import grpc
import orjson
import structlog
from starlette.types import Receive, Scope, Send

from signalos.v1.signal_service_pb2 import SubmitWebhookRequest, SubmitWebhookResponse
from web_gateway.bodies import read_body
from web_gateway.decoding import FieldProblem
from web_gateway.doors import CALLER, Caller
from web_gateway.hook_rpc import PATH, RPC
from web_gateway.hook_token import Presented, presented
from web_gateway.limits import RateLimit, address_key
from web_gateway.metrics import Metrics
from web_gateway.problems import (
    CLOSE,
    GatewayReason,
    Problem,
    ProblemError,
    from_rpc_error,
    invalid_fields,
    rate_limited,
)
from web_gateway.refusing import refuse
from web_gateway.settings import Limits, Timings
from web_gateway.upstream import Upstream

_log = structlog.get_logger(__name__)

_REMEMBERED_TOKENS: Final = 10_000
_CONTENT_TYPE_CHARACTERS: Final = 200

_WRONG_TOKEN: Final = Problem(
    401,
    "UNAUTHENTICATED",
    "NOT_AUTHENTICATED",
    "no webhook has this token",
    headers=(("www-authenticate", "Bearer"),),
)


class Hooks:
    """ASGI application of the two paths of webhooks."""

    def __init__(self, upstream: Upstream, *, limits: Limits, timings: Timings, metrics: Metrics) -> None:
        self._upstream = upstream
        self._limits = limits
        self._timings = timings
        self._metrics = metrics
        self._by_token = RateLimit("webhooks by token", limits.mutations_per_second, limits.mutation_burst)
        self._strangers = RateLimit(
            "webhooks by address", limits.strange_hooks_per_minute / 60, limits.strange_hooks_per_minute
        )
        # A charting service calls for all of its customers from a few addresses: what strangers do there
        # must not shut out a token that is known to be good. Kept as keyed hashes, most recently used last.
        self._good: OrderedDict[bytes, None] = OrderedDict()
        self._key = secrets.token_bytes(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        caller: Caller = scope[CALLER]
        try:
            signal_id = await self._handle(scope, receive, caller)
        except ProblemError as refused:
            status = refused.problem.status
            await refuse(refused.problem, scope, receive, send)
        else:
            status = 202
            body = orjson.dumps({"signalId": signal_id})
            headers = [
                (b"content-type", b"application/json"),
                (b"cache-control", b"no-store"),
                (b"content-length", str(len(body)).encode()),
                (b"location", f"/api/signals/{signal_id}".encode()),
            ]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        seconds = time.perf_counter() - began
        self._metrics.requests.labels(RPC, str(status)).inc()
        self._metrics.seconds.labels(RPC).observe(seconds)
        # Never the path: it is the key.
        _log.info("webhook", status=status, milliseconds=round(seconds * 1000, 1), address=caller.address)

    async def _handle(self, scope: Scope, receive: Receive, caller: Caller) -> str:
        if scope["method"] != "POST":
            raise ProblemError(
                Problem(
                    405,
                    "UNIMPLEMENTED",
                    GatewayReason.METHOD_NOT_ALLOWED,
                    "this path takes POST",
                    headers=(("allow", "POST"), *CLOSE),
                )
            )
        headers = dict(scope["headers"])
        if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
            raise ProblemError(
                Problem(
                    415,
                    "INVALID_ARGUMENT",
                    GatewayReason.UNSUPPORTED_MEDIA_TYPE,
                    "the body has to come as it is, without a Content-Encoding",
                    headers=CLOSE,
                )
            )
        body = await read_body(
            headers, receive, limit_bytes=self._limits.hook_bytes, seconds=self._timings.body_seconds
        )
        shown = presented(scope["path_params"].get("token", ""), headers, body)
        return await self._submit(shown, headers.get(b"content-type", b""), caller)

    async def _submit(self, shown: Presented, content_type: bytes, caller: Caller) -> str:
        mark = hashlib.blake2b(shown.token.encode(), key=self._key).digest()
        address = address_key(caller.address)
        known = mark in self._good
        if known:
            self._take(self._by_token, mark.hex())
        else:
            self._take(self._strangers, address)
        if not shown.token:
            raise ProblemError(_WRONG_TOKEN)
        if not shown.body.strip():
            raise ProblemError(invalid_fields([FieldProblem("", "is empty: an alert says what it wants")]))
        request = SubmitWebhookRequest(
            token=shown.token,
            body=shown.body,
            content_type=content_type.decode("latin-1")[:_CONTENT_TYPE_CHARACTERS],
        )
        try:
            response = await self._upstream.call(
                PATH,
                request,
                SubmitWebhookResponse,
                # Whoever is signed in here besides is not who sends this.
                replace(caller, token="", by_cookie=False),
                seconds=self._timings.hook_seconds,
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                self._good.pop(mark, None)
                raise ProblemError(_WRONG_TOKEN) from None
            if not known:
                self._strangers.give_back(address)
            raise ProblemError(_asking_again(from_rpc_error(error))) from error
        if not known:
            self._strangers.give_back(address)
        self._remember(mark)
        return response.signal_id

    def _remember(self, mark: bytes) -> None:
        self._good[mark] = None
        self._good.move_to_end(mark)
        if len(self._good) > _REMEMBERED_TOKENS:
            self._good.popitem(last=False)

    def _take(self, limit: RateLimit, key: str) -> None:
        wait_seconds = limit.take(key, time.monotonic())
        if wait_seconds > 0:
            raise ProblemError(rate_limited(limit.name, wait_seconds))


def _asking_again(problem: Problem) -> Problem:
    """TradingView sends an alert again after every status of 500 and above, except 504."""
    return replace(problem, status=503) if problem.status == 504 else problem
