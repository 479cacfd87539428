"""All sockets of this gateway: authenticates them, groups them by user and looks at the clock."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from typing import Final

import grpc
import structlog
from starlette.types import Receive, Scope, Send

from signalos.v1.auth_service_pb2 import GetUserRequest, GetUserResponse
from signalos.v1.system_service_pb2 import GetInfoRequest, GetInfoResponse
from web_gateway.doors import CALLER, Caller
from web_gateway.limits import RateLimit, address_key
from web_gateway.live.client_frames import (
    MAXIMUM_FRAME_BYTES,
    Ack,
    Authenticate,
    ClientFrame,
    FrameError,
    Ping,
    Subscribe,
    Test,
    read_frame,
)
from web_gateway.live.frames import FrameWriter
from web_gateway.live.phases import Phase, Step
from web_gateway.live.protocol import loop_time, wire_of
from web_gateway.live.socket import (
    CLOSE_BAD_CREDENTIALS,
    CLOSE_BAD_ORIGIN,
    CLOSE_TOO_SLOW,
    Socket,
)
from web_gateway.live.stream import UserStream
from web_gateway.metrics import Metrics
from web_gateway.problems import GatewayReason, from_rpc_error
from web_gateway.settings import Limits, Timings
from web_gateway.upstream import Upstream

_log = structlog.get_logger(__name__)

_CHECKS_AT_ONCE: Final = 16
_FRAMES_PER_SECOND: Final = 50.0
_FRAME_BURST: Final = 200.0
_RETRY_SECONDS: Final = 0.5
_TICK_SECONDS: Final = 0.5
_INFO_AGE_SECONDS: Final = 10.0
_REFUSING_CODES: Final = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


class Hub:
    """ASGI application for `/ws`. Use it inside `running`."""

    def __init__(self, upstream: Upstream, *, limits: Limits, timings: Timings, metrics: Metrics) -> None:
        self._upstream = upstream
        self._limits = limits
        self._timings = timings
        self._metrics = metrics
        self._writer = FrameWriter()
        self._sockets: set[Socket] = set()
        self._addresses: Counter[str] = Counter()
        self._streams: dict[str, tuple[UserStream, asyncio.Task[None]]] = {}
        self._joins: dict[Socket, asyncio.Task[None]] = {}
        self._client_frames = RateLimit("frames", _FRAMES_PER_SECOND, _FRAME_BURST)
        self._group: asyncio.TaskGroup | None = None
        self._check_wanted = asyncio.Event()
        self._info: tuple[float, GetInfoResponse] | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Holds the tasks of the hub; leaving it ends them."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            keepers = [group.create_task(self._watch_clock()), group.create_task(self._check_sessions())]
            try:
                yield
            finally:
                for task in (
                    *keepers,
                    *self._joins.values(),
                    *(task for _, task in self._streams.values()),
                ):
                    task.cancel()
                self._group = None

    def check_sessions_now(self) -> None:
        """Somebody's session may be over: looks at every socket's at once."""
        self._check_wanted.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller: Caller = scope[CALLER]
        await receive()
        # Always accepted first: a refused upgrade is 1006 to a browser, which cannot tell why.
        await send({"type": "websocket.accept"})
        wire = wire_of(scope)
        socket = Socket(wire, caller, self._writer, self._timings, loop_time())
        address = address_key(caller.address)
        if caller.refusal is not None:
            socket.push(self._writer.error(caller.refusal.reason, caller.refusal.detail), loop_time())
            socket.close(CLOSE_BAD_ORIGIN, "bad origin")
            await _wait_for_end(receive)
            return
        refusal = self._full(address)
        if refusal is not None:
            socket.push(self._writer.error("TOO_MANY_STREAMS", refusal), loop_time())
            socket.close(CLOSE_TOO_SLOW, "too many sockets")
            await _wait_for_end(receive)
            return
        wire.listener = _Listening(socket)
        self._sockets.add(socket)
        self._addresses[address] += 1
        self._metrics.sockets.set(len(self._sockets))
        try:
            await self._serve(socket, receive)
        finally:
            wire.listener = None
            self._forget(socket, address)

    async def _serve(self, socket: Socket, receive: Receive) -> None:
        now = loop_time()
        socket.push(
            self._writer.own(
                "connection_established",
                {
                    "authenticateWithinSeconds": self._timings.authenticate_seconds,
                    "heartbeatSeconds": self._timings.heartbeat_seconds,
                },
            ),
            now,
        )
        if socket.caller.token:
            self._begin(socket, socket.caller.token)
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text")
            if not socket.open:
                continue
            if self._client_frames.take(str(socket.number), time.monotonic()) > 0:
                socket.push(self._writer.error("RATE_LIMITED", "too many frames"), loop_time())
                await asyncio.sleep(1 / _FRAMES_PER_SECOND)
                continue
            try:
                if text is None or len(text) > MAXIMUM_FRAME_BYTES:
                    raise FrameError("BAD_FRAME", f"frames are text of at most {MAXIMUM_FRAME_BYTES} bytes")
                await self._obey(socket, read_frame(text))
            except FrameError as error:
                socket.push(self._writer.error(error.code, str(error)), loop_time())

    async def _obey(self, socket: Socket, frame: ClientFrame) -> None:
        if isinstance(frame, Ping):
            socket.push(self._writer.own("pong", {"id": frame.id}), loop_time())
            return
        if isinstance(frame, Authenticate):
            if socket.phase is not Phase.CONNECTED:
                raise FrameError("WRONG_STATE", "this socket is authenticated, or about to be")
            self._begin(socket, frame.token)
            return
        if isinstance(frame, Subscribe) and socket.phase is Phase.CHECKING:
            # Said in one breath with the token; acted on once that is found good.
            socket.wanted = frame.cursor
            socket.subscribed_early = True
            return
        if not socket.user_id:
            raise FrameError("NOT_AUTHENTICATED", "authenticate first")
        match frame:
            case Ack(seq):
                socket.acknowledge(seq)
            case Subscribe(cursor):
                if socket.phase is Phase.JOINING:
                    raise FrameError("WRONG_STATE", "a subscription is under way")
                socket.wanted = cursor
                self._subscribe(socket)
            case Test(data):
                if not await self._dev(socket.caller):
                    raise FrameError("UNKNOWN_TYPE", "test frames are taken with --dev only")
                socket.push(self._writer.own("test", {"echo": data}), loop_time())

    def _begin(self, socket: Socket, token: str) -> None:
        socket.step(Step.TOKEN_GIVEN)
        caller = socket.caller
        socket.caller = Caller(caller.address, caller.user_agent, token, caller.by_cookie, caller.secure)
        self._spawn(socket, self._authenticate(socket))

    async def _authenticate(self, socket: Socket) -> None:
        """Until the server has said whose the token is; the clock ends a socket that waits too long."""
        told = False
        while socket.phase is Phase.CHECKING:
            try:
                response = await self._who(socket.caller)
            except grpc.aio.AioRpcError as error:
                if error.code() in _REFUSING_CODES:
                    socket.push(
                        self._writer.error("NOT_AUTHENTICATED", "the token is not valid"), loop_time()
                    )
                    socket.close(CLOSE_BAD_CREDENTIALS, "bad or revoked credentials")
                    return
                if not told:
                    told = True
                    problem = from_rpc_error(error)
                    reason = problem.reason or GatewayReason.SERVER_UNREACHABLE
                    socket.push(self._writer.error(reason, problem.detail), loop_time())
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if socket.open:
                self._authenticated(socket, response)
                if not socket.subscribed_early:
                    await asyncio.sleep(self._timings.subscribe_grace_seconds)
                self._subscribe_by_default(socket)
            return

    def _refuse(self, socket: Socket, why: str) -> None:
        socket.push(self._writer.error("NOT_AUTHENTICATED", why), loop_time())
        socket.close(CLOSE_BAD_CREDENTIALS, "bad or revoked credentials")

    def _subscribe_by_default(self, socket: Socket) -> None:
        """A client that has not said from where it wants the stream gets a snapshot."""
        if socket.phase is Phase.AUTHENTICATED:
            self._subscribe(socket)

    def _authenticated(self, socket: Socket, response: GetUserResponse) -> None:
        user = response.user
        present = self._streams.get(user.user_id)
        if present is not None and len(present[0].sockets) >= self._limits.sockets_per_user:
            limit = str(self._limits.sockets_per_user)
            socket.push(
                self._writer.error("TOO_MANY_STREAMS", "too many sockets of this user", limit=limit),
                loop_time(),
            )
            socket.close(CLOSE_TOO_SLOW, "too many sockets")
            return
        socket.step(Step.TOKEN_GOOD)
        socket.user_id = user.user_id
        socket.authenticated_at = loop_time()
        stream = self._stream(user.user_id)
        stream.sockets.add(socket)
        stream.empty_since = None
        socket.push(
            self._writer.own("authenticated", {"userId": user.user_id, "userName": user.user_name}),
            loop_time(),
        )

    def _subscribe(self, socket: Socket) -> None:
        socket.step(Step.SUBSCRIBED)
        present = self._streams.get(socket.user_id)
        assert present is not None
        self._spawn(socket, present[0].join(socket))

    def _stream(self, user_id: str) -> UserStream:
        present = self._streams.get(user_id)
        if present is None:
            assert self._group is not None
            stream = UserStream(
                user_id,
                self._upstream,
                self._writer,
                self._timings,
                self._metrics,
                self.check_sessions_now,
            )
            present = (stream, self._group.create_task(stream.run()))
            self._streams[user_id] = present
            self._metrics.streams.set(len(self._streams))
        return present[0]

    def _spawn(self, socket: Socket, work: Coroutine[None, None, None]) -> None:
        """One task at a time works for a socket; it belongs to the hub's group."""
        assert self._group is not None
        task: asyncio.Task[None] = self._group.create_task(_logged(work))
        self._joins[socket] = task

        def done(ended: asyncio.Task[None]) -> None:
            if self._joins.get(socket) is ended:
                del self._joins[socket]

        task.add_done_callback(done)

    def _forget(self, socket: Socket, address: str) -> None:
        if socket.was_cut:
            self._metrics.sockets_cut.inc()
        socket.ended()
        self._sockets.discard(socket)
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]
        task = self._joins.pop(socket, None)
        if task is not None:
            task.cancel()
        present = self._streams.get(socket.user_id)
        if present is not None:
            present[0].sockets.discard(socket)
            if not present[0].sockets:
                present[0].empty_since = loop_time()
        self._metrics.sockets.set(len(self._sockets))

    def _full(self, address: str) -> str | None:
        if len(self._sockets) >= self._limits.sockets:
            return f"more than {self._limits.sockets} sockets"
        if self._addresses[address] >= self._limits.sockets_per_address:
            return f"more than {self._limits.sockets_per_address} sockets from one address"
        return None

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            try:
                self._tick(loop_time())
            except Exception:  # noqa: BLE001  (the clock must not stop: it is what cuts stalled readers)
                _log.exception("looking at the clock failed")

    def _tick(self, now: float) -> None:
        for socket in list(self._sockets):
            socket.tick(now)
        for user_id, (stream, task) in list(self._streams.items()):
            stream.tick(now)
            since = stream.empty_since
            if since is not None and now - since >= self._timings.linger_seconds:
                del self._streams[user_id]
                task.cancel()
        self._metrics.streams.set(len(self._streams))

    async def _check_sessions(self) -> None:
        """Each session that has sockets, one question for all of them."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timings.session_check_seconds):
                    await self._check_wanted.wait()
            self._check_wanted.clear()
            sessions = {socket.caller.token: socket.caller for socket in self._sockets if socket.user_id}
            turn = asyncio.Semaphore(_CHECKS_AT_ONCE)
            async with asyncio.TaskGroup() as group:
                for caller in sessions.values():
                    group.create_task(_logged(self._check(caller, turn)))

    async def _check(self, caller: Caller, turn: asyncio.Semaphore) -> None:
        async with turn:
            try:
                response = await self._who(caller, check_only=True)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _REFUSING_CODES:
                    return
                user_id = ""
            else:
                user_id = response.user.user_id
            for socket in list(self._sockets):
                if socket.user_id and socket.caller.token == caller.token and socket.user_id != user_id:
                    self._refuse(socket, "the session is over")

    async def _who(self, caller: Caller, *, check_only: bool = False) -> GetUserResponse:
        return await self._upstream.call(
            "/signalos.v1.AuthService/GetUser",
            GetUserRequest(),
            GetUserResponse,
            caller,
            seconds=self._timings.call_seconds,
            check_only=check_only,
        )

    async def _dev(self, caller: Caller) -> bool:
        """Whether the server allows the tester; asked again every 10 s. False while it cannot be asked."""
        if self._info is None or loop_time() - self._info[0] > _INFO_AGE_SECONDS:
            try:
                info = await self._upstream.call(
                    "/signalos.v1.SystemService/GetInfo",
                    GetInfoRequest(),
                    GetInfoResponse,
                    caller,
                    seconds=self._timings.call_seconds,
                )
            except grpc.aio.AioRpcError:
                return False
            self._info = (loop_time(), info)
        return self._info[1].dev


class _Listening:
    """Tells a socket what happens below it."""

    __slots__ = ("_socket",)

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    def writing_paused(self) -> None:
        self._socket.paused(loop_time())

    def writing_resumed(self) -> None:
        self._socket.resumed()

    def pong_received(self, payload: bytes) -> None:
        self._socket.pong(payload, loop_time())


async def _wait_for_end(receive: Receive) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _logged(work: Coroutine[None, None, None]) -> None:
    """One socket's failure is not the other sockets'."""
    try:
        await work
    except Exception:  # noqa: BLE001  (the edge of one socket's work; told with its traceback)
        _log.exception("work for a socket failed")
