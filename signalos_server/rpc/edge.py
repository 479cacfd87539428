"""The edge: what happens to every call before and after its servicer.

In this order: correlation id, authentication, scope, rate, input rules, the servicer, and its refusals as
statuses. The one broad catch of the server is here.
"""

from __future__ import annotations

import asyncio
import inspect
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
import structlog
from google.protobuf.message import DecodeError
from google.rpc import status_pb2  # type: ignore[import-untyped]
from grpc.aio import AbortError, ServerInterceptor, ServicerContext

from signalos_server.domain.caller import Caller
from signalos_server.domain.errors import (
    InvalidField,
    NotAuthenticated,
    NotServing,
    RateLimited,
    Refusal,
    StorageUnavailable,
)
from signalos_server.domain.rate import Buckets
from signalos_server.rpc.call import Call, set_call
from signalos_server.rpc.methods import METHODS, Access, Door
from signalos_server.rpc.metrics import RpcMetrics
from signalos_server.rpc.origin import origin_of
from signalos_server.rpc.statuses import abort, internal_status, status_of, validate

log = structlog.get_logger(__name__)

# More than a commit takes, less than people wait for a program to end.
_FINISH_SECONDS = 2.0

_LARGEST_REQUEST_BYTES = 1 << 20

Context = ServicerContext[Any, Any]


class Authenticator(Protocol):
    """Who a bearer token stands for."""

    async def authenticate(self, bearer: str, *, survives_storage: bool, is_use: bool) -> Caller:
        """Return the caller. Raises `NotAuthenticated`, or `StorageUnavailable` where nobody can tell.

        With `survives_storage`, one that was verified within the last minutes is taken while the database is
        down. With `is_use` false the call does not count as a use of the credential.
        """


@dataclass(frozen=True, slots=True)
class _Malformed:
    """A request whose bytes are no message of its type."""

    error: str


class Edge(ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """The interceptor of every call."""

    def __init__(
        self,
        authenticator: Authenticator,
        *,
        gateway_key: str,
        changes: Buckets,
        metrics: RpcMetrics,
        monotonic: Callable[[], float],
    ) -> None:
        self._authenticator = authenticator
        self._gateway_key = gateway_key
        self._changes = changes
        self._metrics = metrics
        self._monotonic = monotonic
        self._serving = True
        self._changing: set[asyncio.Task[Any]] = set()

    async def finish(self) -> None:
        """Let the changes whose callers have gone away end; one that only waits for an outcome is cut."""
        if self._changing:
            _, waiting = await asyncio.wait(self._changing, timeout=_FINISH_SECONDS)
            for change in waiting:
                change.cancel()

    def stop_serving(self) -> None:
        """Refuse further calls; those under way go on."""
        self._serving = False

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Wrap the handler of the call's method."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        access = METHODS.get(method)
        if handler is None or access is None:
            # grpc answers UNIMPLEMENTED.
            return None  # type: ignore[return-value]
        if handler.request_streaming and handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                self._streaming(method, access, handler.stream_stream, requests=True),  # type: ignore[arg-type]
                handler.request_deserializer,
                handler.response_serializer,
            )
        parse = _tolerant(handler.request_deserializer)
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._streaming(method, access, handler.unary_stream, requests=False),  # type: ignore[arg-type]
                parse,
                _as_bytes(handler.response_serializer),
            )
        return grpc.unary_unary_rpc_method_handler(
            self._unary_unary(method, access, handler.unary_unary),  # type: ignore[arg-type]
            parse,
            handler.response_serializer,
        )

    def _unary_unary(
        self, method: str, access: Access, serve: Callable[[Any, Context], Awaitable[Any]]
    ) -> Callable[[Any, Context], Awaitable[Any]]:
        async def handle(request: Any, context: Context) -> Any:
            started = time.perf_counter()
            code = "OK"
            call = self._call(method, context)
            try:
                await self._enter(call, access)
                self._check(request, access)
                if access.changes:
                    return await self._to_its_end(method, serve(request, context))
                return await serve(request, context)
            except Exception as error:  # noqa: BLE001 - the edge; logged and translated there
                status = self._status(error, call)
                code = _code_name(status)
                await abort(context, status)
            except asyncio.CancelledError:
                code = "CANCELLED"
                raise
            finally:
                self._metrics.calls.labels(method, code).inc()
                self._metrics.seconds.labels(method).observe(time.perf_counter() - started)
                structlog.contextvars.clear_contextvars()

        return handle

    async def _to_its_end(self, method: str, change: Awaitable[Any]) -> Any:
        """Make a change to its end, though its caller goes away.

        What is committed has to be handed on as well: a caller that died in between must not leave a command
        in the database that no bridge is told of.
        """
        task = asyncio.ensure_future(change)
        self._changing.add(task)
        task.add_done_callback(self._changing.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(lambda ended: _log_failure(method, ended))
            raise

    def _streaming(
        self, method: str, access: Access, serve: Callable[[Any, Context], Any], *, requests: bool
    ) -> Callable[[Any, Context], Any]:
        """Wrap a servicer that streams: an async generator, or a coroutine that writes for itself."""

        async def generate(request: Any, context: Context) -> AsyncIterator[Any]:
            async with self._guarded(method, access, context):
                if not requests:
                    self._check(request, access)
                async with aclosing(serve(request, context)) as stream:
                    async for answer in stream:
                        yield answer

        async def write(request: Any, context: Context) -> None:
            async with self._guarded(method, access, context):
                if not requests:
                    self._check(request, access)
                await serve(request, context)

        return generate if inspect.isasyncgenfunction(serve) else write

    @asynccontextmanager
    async def _guarded(self, method: str, access: Access, context: Context) -> AsyncIterator[None]:
        """Let a stream in, and answer what it raises."""
        code = "OK"
        call = self._call(method, context)
        streams = self._metrics.streams.labels(method)
        streams.inc()
        try:
            await self._enter(call, access)
            yield
        except Exception as error:  # noqa: BLE001 - the edge; logged and translated there
            status = self._status(error, call)
            code = _code_name(status)
            await abort(context, status)
        except (asyncio.CancelledError, GeneratorExit):
            code = "CANCELLED"
            raise
        finally:
            streams.dec()
            self._metrics.calls.labels(method, code).inc()

    def _call(self, method: str, context: Context) -> Call:
        metadata = {
            key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)
        }
        origin = origin_of(context.peer(), metadata, self._gateway_key)
        given = metadata.get("signalos-correlation-id", "")
        correlation_id = given if given.isascii() and given.isprintable() and 0 < len(given) <= 64 else ""
        authorization = metadata.get("authorization", "")
        scheme, _, bearer = authorization.partition(" ")
        return Call(
            method=method,
            correlation_id=correlation_id or secrets.token_hex(8),
            address=origin.address,
            user_agent=origin.user_agent,
            via_gateway=origin.via_gateway,
            bearer=bearer.strip() if scheme.lower() == "bearer" else "",
            caller=None,
            is_use=not (origin.via_gateway and metadata.get("signalos-check-only") == "1"),
        )

    async def _enter(self, call: Call, access: Access) -> None:
        """Let the call in, and make it the current one."""
        structlog.contextvars.bind_contextvars(correlation_id=call.correlation_id, method=call.method)
        set_call(call)
        if not self._serving and not access.survives_storage:
            raise NotServing("the server is going down; nothing was accepted")
        caller: Caller | None = None
        if access.door is Door.CALLER:
            caller = await self._caller(call, access)
        elif access.door is Door.PUBLIC and call.bearer:
            # A stale token does not keep anybody from signing in, nor a lost database from asking for health.
            with suppress(NotAuthenticated, StorageUnavailable):
                caller = await self._caller(call, access)
        if caller is None:
            return
        set_call(
            Call(
                method=call.method,
                correlation_id=call.correlation_id,
                address=call.address,
                user_agent=call.user_agent,
                via_gateway=call.via_gateway,
                bearer=call.bearer,
                caller=caller,
            )
        )
        structlog.contextvars.bind_contextvars(user_id=caller.user_id)
        if access.door is Door.CALLER:
            caller.require(access.scope)
        if access.limited:
            wait = self._changes.take(caller.user_id, self._monotonic())
            if wait:
                raise RateLimited("changes of a user", wait)

    async def _caller(self, call: Call, access: Access) -> Caller | None:
        if not call.bearer:
            raise NotAuthenticated("no token; send `authorization: Bearer TOKEN`")
        return await self._authenticator.authenticate(
            call.bearer, survives_storage=access.survives_storage, is_use=call.is_use
        )

    def _check(self, request: Any, access: Access) -> None:
        if isinstance(request, _Malformed):
            raise InvalidField("", f"the request's bytes are no message of its type ({request.error})")
        if request.ByteSize() > _LARGEST_REQUEST_BYTES:
            raise InvalidField("", f"the request is larger than {_LARGEST_REQUEST_BYTES} bytes")
        validate(request)

    def _status(self, error: Exception, call: Call) -> status_pb2.Status:
        if isinstance(error, AbortError):
            raise error
        if isinstance(error, Refusal):
            log.info("refused", reason=error.reason, detail=error.message)
            return status_of(error)
        log.exception("unhandled error in a call", method=call.method, correlation_id=call.correlation_id)
        return internal_status(call.correlation_id)


def _log_failure(method: str, ended: asyncio.Task[Any]) -> None:
    if not ended.cancelled() and (error := ended.exception()) is not None:
        log.warning("a change failed after its caller had gone", method=method, error=repr(error))


def _tolerant(parse: Callable[[bytes], Any] | None) -> Callable[[bytes], Any]:
    """Return `parse`, but with a value in place of the INTERNAL that grpc makes of malformed bytes."""
    assert parse is not None

    def tolerant(data: bytes) -> Any:
        try:
            return parse(data)
        except DecodeError as error:
            return _Malformed(str(error))

    return tolerant


def _as_bytes(serialize: Callable[[Any], bytes] | None) -> Callable[[Any], bytes]:
    """Return `serialize` for messages; what is bytes already was written once for many readers."""
    assert serialize is not None

    def as_bytes(answer: Any) -> bytes:
        return answer if isinstance(answer, bytes) else serialize(answer)

    return as_bytes


def _code_name(status: status_pb2.Status) -> str:
    for code in grpc.StatusCode:
        if code.value[0] == status.code:
            return code.name
    return str(status.code)
