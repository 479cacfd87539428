"""A server for the gateway's tests: a few RPCs of the contract, answered from memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from signalos.v1.auth_service_pb2 import GetUserResponse, LoginRequest, LoginResponse, LogoutResponse
from signalos.v1.event_pb2 import Event, Snapshot
from signalos.v1.event_service_pb2 import (
    GetSnapshotResponse,
    ListEventsRequest,
    ListEventsResponse,
    SubscribeRequest,
    SubscribeResponse,
)
from signalos.v1.system_service_pb2 import GetHealthResponse, GetInfoResponse
from web_gateway.routes import contract_services

EPOCH = "epoch-1"
PASSWORD = "correct horse battery"
Answer = Callable[[Any], Message]


class Refused(Exception):  # noqa: N818 (it says what the server does)
    """Ends a call as the server ends it: a status with one `ErrorInfo`."""

    def __init__(self, code: str, reason: str, message: str = "no", **metadata: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.metadata = code, reason, message, metadata
        self.violations: list[tuple[str, str]] = []


class FakeServer:
    """Keeps what it was asked; `answers` has one function for each RPC, by its short name."""

    def __init__(self) -> None:
        self.users = {"token-ann": "usr_ann", "token-bob": "usr_bob"}
        self.asked: list[tuple[str, Any, dict[str, str]]] = []
        self.answers: dict[str, Answer] = {"Logout": lambda _: LogoutResponse()}
        self.delays: dict[str, float] = {}
        self.dev = False
        self.epoch = EPOCH
        self.log: dict[str, list[Event]] = {"usr_ann": [], "usr_bob": []}
        self.oldest_kept = 1
        self.subscriptions: dict[str, list[asyncio.Queue[Event | None]]] = {"usr_ann": [], "usr_bob": []}
        self.subscribe_count = 0

    def asked_of(self, name: str) -> list[Any]:
        return [request for method, request, _ in self.asked if method == name]

    def publish(self, user: str, event: Event, *, lossless: bool = True) -> Event:
        if lossless:
            event.seq = len(self.log[user]) + 1
            self.log[user].append(event)
        event.epoch = self.epoch
        event.event_id = event.event_id or f"evt-{user}-{len(self.log[user])}"
        event.time.GetCurrentTime()
        for queue in self.subscriptions[user]:
            queue.put_nowait(event)
        return event

    def break_streams(self) -> None:
        for queues in self.subscriptions.values():
            for queue in queues:
                queue.put_nowait(None)

    async def handle(self, name: str, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Message:
        metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}
        self.asked.append((name, request, metadata))
        await asyncio.sleep(self.delays.get(name, 0))
        try:
            return self._answer(name, request, metadata)
        except Refused as refused:
            await _abort(context, refused)
            raise AssertionError from None

    def _answer(self, name: str, request: Any, metadata: dict[str, str]) -> Message:
        if name == "Login":
            return self._login(request)
        if name == "GetInfo":
            return GetInfoResponse(version="test", dev=self.dev)
        if name == "GetHealth":
            return GetHealthResponse(serving=True)
        user = self._user(metadata)
        if name in self.answers:
            return self.answers[name](request)
        if name == "GetUser":
            response = GetUserResponse()
            response.user.user_id = user
            return response
        if name == "GetSnapshot":
            return GetSnapshotResponse(snapshot=self.snapshot(user))
        if name == "ListEvents":
            return self._list(user, request)
        raise Refused("UNIMPLEMENTED", "INTERNAL", name)

    def snapshot(self, user: str) -> Snapshot:
        snapshot = Snapshot(seq=len(self.log[user]), epoch=self.epoch)
        snapshot.time.GetCurrentTime()
        return snapshot

    async def subscribe(
        self, request: SubscribeRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[SubscribeResponse]:
        metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}
        try:
            user = self._user(metadata)
        except Refused as refused:
            await _abort(context, refused)
            return
        self.subscribe_count += 1
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self.subscriptions[user].append(queue)
        try:
            if request.epoch == self.epoch and request.after_seq + 1 >= self.oldest_kept:
                for event in self.log[user][request.after_seq :]:
                    yield SubscribeResponse(event=event)
            else:
                if request.epoch:
                    gap = Event(epoch=self.epoch)
                    gap.gap.after_seq, gap.gap.epoch, gap.gap.reason = (
                        request.after_seq,
                        request.epoch,
                        "epoch",
                    )
                    yield SubscribeResponse(event=gap)
                yield SubscribeResponse(event=Event(epoch=self.epoch, snapshot=self.snapshot(user)))
            while (published := await queue.get()) is not None:
                yield SubscribeResponse(event=published)
        finally:
            self.subscriptions[user].remove(queue)

    def _list(self, user: str, request: ListEventsRequest) -> ListEventsResponse:
        gap = request.epoch not in ("", self.epoch) or request.after_seq + 1 < self.oldest_kept
        events = [] if gap else self.log[user][request.after_seq :][: request.page_size or 200]
        return ListEventsResponse(events=events, last_seq=len(self.log[user]), epoch=self.epoch, gap=gap)

    def _login(self, request: LoginRequest) -> LoginResponse:
        if request.password != PASSWORD:
            raise Refused("UNAUTHENTICATED", "BAD_CREDENTIALS", "user name or password is wrong")
        response = LoginResponse(session_token=f"token-{request.user_name}")
        response.user.user_id = f"usr_{request.user_name}"
        return response

    def _user(self, metadata: dict[str, str]) -> str:
        user = self.users.get(metadata.get("authorization", "").removeprefix("Bearer "))
        if user is None:
            raise Refused("UNAUTHENTICATED", "NOT_AUTHENTICATED", "no such token")
        return user


@asynccontextmanager
async def serving(fake: FakeServer, port: int = 0) -> AsyncIterator[str]:
    """Serves on 127.0.0.1 and yields the address."""
    server = grpc.aio.server()
    for service in contract_services():
        handlers: dict[str, Any] = {}
        for method in service.methods:
            request_class = GetMessageClass(method.input_type)
            if method.name == "Subscribe":
                handlers[method.name] = grpc.unary_stream_rpc_method_handler(
                    fake.subscribe, request_class.FromString, lambda message: message.SerializeToString()
                )
            elif not method.client_streaming:
                handlers[method.name] = grpc.unary_unary_rpc_method_handler(
                    _bound(fake, method.name),
                    request_class.FromString,
                    lambda message: message.SerializeToString(),
                )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield f"127.0.0.1:{bound}"
    finally:
        fake.break_streams()
        await server.stop(0)


def _bound(fake: FakeServer, name: str) -> Any:
    async def answer(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Message:
        return await fake.handle(name, request, context)

    return answer


async def _abort(context: grpc.aio.ServicerContext[Any, Any], refused: Refused) -> None:
    status = status_pb2.Status(code=code_pb2.Code.Value(refused.code), message=refused.message)
    info = error_details_pb2.ErrorInfo(reason=refused.reason, domain="signalos", metadata=refused.metadata)
    status.details.add().Pack(info)
    if refused.violations:
        bad = error_details_pb2.BadRequest()
        for field, description in refused.violations:
            bad.field_violations.add(field=field, description=description)
        status.details.add().Pack(bad)
    await context.abort_with_status(rpc_status.to_status(status))  # type: ignore[attr-defined]
