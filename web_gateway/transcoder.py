"""REST to gRPC: every path of the contract by one handler."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import grpc
import orjson
import structlog
from google.protobuf.message import Message
from starlette.types import Receive, Scope, Send

from signalos.v1.command_pb2 import CommandState
from web_gateway.doors import CALLER, Caller
from web_gateway.encoding import Encoder, JsonObject
from web_gateway.inbound import Inbound, Shape
from web_gateway.limits import RateLimit, address_key
from web_gateway.metrics import Metrics
from web_gateway.problems import (
    CLOSE,
    GatewayReason,
    Problem,
    ProblemError,
    from_rpc_error,
    rate_limited,
)
from web_gateway.refusing import refuse
from web_gateway.routes import Found, MethodNotAllowed, Route, RouteTable
from web_gateway.sessions import clear_cookie, set_cookie
from web_gateway.settings import Limits, Timings
from web_gateway.upstream import Upstream

_log = structlog.get_logger(__name__)

_LOGIN: Final = "signalos.v1.AuthService.Login"
_LOGOUT: Final = "signalos.v1.AuthService.Logout"
_HEALTH: Final = "signalos.v1.SystemService.GetHealth"
_STOP: Final = "signalos.v1.ControlService.EmergencyStop"

# Calls that take a password or a code, and so invite guessing.
_GUESSABLE: Final = frozenset(
    {
        _LOGIN,
        "signalos.v1.AuthService.Register",
        "signalos.v1.AuthService.SetUp",
        "signalos.v1.AuthService.ChangePassword",
        "signalos.v1.ControlService.Rearm",
    }
)
# Calls after which sockets may have lost their session.
_SESSION_ENDING: Final = frozenset(
    {
        _LOGOUT,
        "signalos.v1.AuthService.ChangePassword",
        "signalos.v1.AuthService.UpdateUser",
        "signalos.v1.AuthService.RevokeSession",
        "signalos.v1.AuthService.RevokeApiToken",
    }
)
_FINAL_STATES: Final = frozenset(
    {
        CommandState.COMMAND_STATE_SUCCEEDED,
        CommandState.COMMAND_STATE_PARTIAL,
        CommandState.COMMAND_STATE_REJECTED,
        CommandState.COMMAND_STATE_EXPIRED,
        CommandState.COMMAND_STATE_CANCELLED,
        CommandState.COMMAND_STATE_FENCED,
    }
)
_DEFAULT_WAIT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]


class Transcoder:
    """ASGI application for everything under `/api` that the contract binds."""

    def __init__(
        self,
        table: RouteTable,
        upstream: Upstream,
        *,
        limits: Limits,
        timings: Timings,
        metrics: Metrics,
        on_sessions_changed: Callable[[], None],
    ) -> None:
        self._table = table
        self._upstream = upstream
        self._timings = timings
        self._metrics = metrics
        self._on_sessions_changed = on_sessions_changed
        self._inbound = Inbound(limits, timings)
        self._encoder = Encoder()
        self._shapes = {route: self._inbound.prepare(route) for route in table.routes}
        for route in table.routes:
            self._encoder.prepare(route.rpc.output_type)
        per_login = limits.logins_per_minute / 60
        self._logins = RateLimit("logins by address", per_login, limits.logins_per_minute)
        self._login_names = RateLimit("logins by user", per_login, limits.logins_per_minute)
        self._by_token = RateLimit("changes by token", limits.mutations_per_second, limits.mutation_burst)
        self._by_address = RateLimit(
            "changes by address", 2 * limits.mutations_per_second, 2 * limits.mutation_burst
        )
        self._stops: dict[tuple[str, bytes], asyncio.Task[Message]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        caller: Caller = scope[CALLER]
        rpc = "none"
        try:
            found = self._find(scope["method"], scope["raw_path"])
            rpc = found.route.full_name
            answer = await self._handle(found, scope, receive, caller)
        except ProblemError as refused:
            status = refused.problem.status
            await refuse(refused.problem, scope, receive, send)
        else:
            status = answer.status
            await send({"type": "http.response.start", "status": status, "headers": list(answer.headers)})
            await send({"type": "http.response.body", "body": answer.body})
        seconds = time.perf_counter() - began
        self._metrics.requests.labels(rpc, str(status)).inc()
        self._metrics.seconds.labels(rpc).observe(seconds)
        if scope["method"] not in ("GET", "HEAD"):
            _log.info(
                "call", rpc=rpc, status=status, milliseconds=round(seconds * 1000, 1), address=caller.address
            )

    def _find(self, method: str, raw_path: bytes) -> Found:
        match self._table.find(method, raw_path):
            case Found() as found:
                return found
            case MethodNotAllowed(allowed):
                raise ProblemError(
                    Problem(
                        405,
                        "UNIMPLEMENTED",
                        GatewayReason.METHOD_NOT_ALLOWED,
                        f"this path takes {', '.join(allowed)}",
                        headers=(("allow", ", ".join(allowed)), *CLOSE),
                    )
                )
            case None:
                raise ProblemError(
                    Problem(
                        404, "NOT_FOUND", GatewayReason.NO_SUCH_PATH, "there is no such path", headers=CLOSE
                    )
                )

    async def _handle(self, found: Found, scope: Scope, receive: Receive, caller: Caller) -> _Answer:
        route = found.route
        shape = self._shapes[route]
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            # One that is given twice is both: which of two keys is meant nobody can tell.
            headers[name] = value if name not in headers else headers[name] + b", " + value
        self._limit(route, caller)
        if route.full_name == _STOP:
            message = await self._inbound.read_stop(shape, headers, receive)
        else:
            body = await self._inbound.read_body(route, headers, receive)
            message = self._inbound.decode(shape, found, body, scope["query_string"], headers)
        if route.full_name == _LOGIN:
            self._take(self._login_names, str(getattr(message, "user_name", "")).lower())
        request_id = str(getattr(message, "request_id", ""))
        try:
            response = await self._call(shape, message, caller)
        except grpc.aio.AioRpcError as error:
            problem = from_rpc_error(error, request_id=request_id if route.mutates else "")
            raise ProblemError(_forgetting(problem, route, caller)) from error
        if route.full_name in _SESSION_ENDING:
            self._on_sessions_changed()
        return self._answer(shape, response, headers, caller, request_id)

    def _limit(self, route: Route, caller: Caller) -> None:
        if not route.mutates or route.full_name == _STOP:
            return
        address = address_key(caller.address)
        if route.full_name in _GUESSABLE:
            self._take(self._logins, address)
        if caller.token:
            self._take(self._by_token, caller.token)
        self._take(self._by_address, address)

    def _take(self, limit: RateLimit, key: str) -> None:
        wait_seconds = limit.take(key, time.monotonic())
        if wait_seconds > 0:
            problem = rate_limited(limit.name, wait_seconds)
            raise ProblemError(_with_headers(problem, CLOSE))

    async def _call(self, shape: Shape, message: Message, caller: Caller) -> Message:
        route = shape.route
        seconds = self._timings.call_seconds
        if shape.has_wait:
            wait: Any = getattr(message, "wait")  # noqa: B009  (not a field of every message)
            seconds += wait.seconds if message.HasField("wait") else _DEFAULT_WAIT_SECONDS
        if route.full_name != _STOP:
            return await self._upstream.call(
                route.grpc_path, message, route.response_class, caller, seconds=seconds
            )
        # A person who presses stop again and again asks once; and every press gets the answer.
        key = (caller.token, message.SerializeToString(deterministic=True))
        task = self._stops.get(key)
        if task is None:
            task = asyncio.create_task(
                self._upstream.call(route.grpc_path, message, route.response_class, caller, seconds=seconds)
            )
            self._stops[key] = task
            task.add_done_callback(lambda done: self._stop_answered(key, done))
        return await asyncio.shield(task)

    def _stop_answered(self, key: tuple[str, bytes], task: asyncio.Task[Message]) -> None:
        del self._stops[key]
        if not task.cancelled() and task.exception() is not None:
            _log.error("emergency stop failed", error=str(task.exception()))

    def _answer(
        self,
        shape: Shape,
        response: Message,
        headers: Mapping[bytes, bytes],
        caller: Caller,
        request_id: str,
    ) -> _Answer:
        route = shape.route
        written = self._encoder.encode(response)
        sent: list[tuple[bytes, bytes]] = [
            (b"content-type", b"application/json"),
            (b"cache-control", b"no-store"),
        ]
        status = 200
        if shape.answers_command and written["command"] is not None and route.mutates:
            status = 200 if getattr(response, "command").state in _FINAL_STATES else 202  # noqa: B009
            if status == 202:
                sent.append(_location(f"/api/commands/{written['command']['commandId']}"))
        elif route.full_name == _STOP:
            status = 200 if written["complete"] else 202
            sent.append(_location(f"/api/trading/stops/{written['stopId']}"))
        elif route.full_name == _HEALTH:
            status = 200 if written["serving"] else 503
        elif route.full_name == _LOGIN:
            _into_cookie(written, sent, headers, caller)
        elif route.full_name == _LOGOUT and caller.by_cookie:
            sent.append((b"set-cookie", clear_cookie(secure=caller.secure).encode()))
        if shape.has_request_id:
            sent.append((b"idempotency-key", request_id.encode()))
        body = orjson.dumps(written)
        sent.append((b"content-length", str(len(body)).encode()))
        return _Answer(status, body, tuple(sent))


def _into_cookie(
    written: JsonObject, sent: list[tuple[bytes, bytes]], headers: Mapping[bytes, bytes], caller: Caller
) -> None:
    token = str(written["sessionToken"])
    if headers.get(b"x-session-token", b"").strip().lower() == b"return":
        # The caller keeps the secret itself; a cookie beside it would be a second way in.
        return
    del written["sessionToken"]
    sent.append((b"set-cookie", set_cookie(token, secure=caller.secure).encode()))


def _forgetting(problem: Problem, route: Route, caller: Caller) -> Problem:
    """A cookie that the server does not know any more is taken from the browser."""
    ended = problem.reason == "NOT_AUTHENTICATED" or (problem.status == 401 and route.full_name == _LOGOUT)
    if ended and caller.by_cookie and caller.token:
        return _with_headers(problem, (("set-cookie", clear_cookie(secure=caller.secure)),))
    return problem


def _with_headers(problem: Problem, headers: tuple[tuple[str, str], ...]) -> Problem:
    return replace(problem, headers=(*problem.headers, *headers))


def _location(path: str) -> tuple[bytes, bytes]:
    return (b"location", path.encode())
