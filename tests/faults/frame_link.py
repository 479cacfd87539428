"""A relay between a bridge and its server that repeats frames, and lets some be overtaken by others.

A stream keeps its order, so no network does that; both sides promise to bear it all the same. Frames that
begin or end a session keep their place.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any

import grpc

from signalos.v1 import bridge_service_pb2 as pb

_SERVICE = "signalos.v1.BridgeService"
_PASSED_ON = frozenset({"authorization", "signalos-bridge"})
# What begins or ends a session.
_KEPT = frozenset({"hello", "welcome", "command_states", "superseded", "drain", "credit"})
# What others may overtake; events are numbered, and are told again where one is missing.
_OVERTAKEN = frozenset(
    {
        "receipt",
        "outcome",
        "heartbeat",
        "live",
        "alert",
        "event",
        "command",
        "event_ack",
        "outcome_ack",
        "lease_grant",
        "applied",
        "stop_stage",
    }
)


class FrameLink:
    """Serves a bridge in the server's place."""

    def __init__(self, server: str, dice: random.Random, *, repeated: float, overtaken: float) -> None:
        """`repeated` and `overtaken` are the parts of all frames that this happens to."""
        self._address = server
        self._dice = dice
        self._repeated = repeated
        self._overtaken = overtaken
        self._server = grpc.aio.server()
        self._channel = grpc.aio.insecure_channel(server)
        self.port = 0
        self.repeats = 0
        self.overtakes = 0

    async def __aenter__(self) -> FrameLink:
        handlers = {
            "Connect": self._streams("Connect", pb.ConnectRequest, pb.ConnectResponse),
            "Control": self._streams("Control", pb.ControlRequest, pb.ControlResponse),
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._server.stop(0)
        await self._channel.close(None)

    def _streams(self, method: str, request: Any, response: Any) -> Any:
        call = self._channel.stream_stream(
            f"/{_SERVICE}/{method}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )

        async def relay(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
            metadata = [(key, value) for key, value in context.invocation_metadata() if key in _PASSED_ON]
            up = call(self._mangled(requests), metadata=metadata)
            try:
                async for frame in self._mangled(up):
                    yield frame
            except grpc.aio.AioRpcError as error:
                await context.abort(error.code(), error.details() or "", error.trailing_metadata())
            finally:
                up.cancel()

        return grpc.stream_stream_rpc_method_handler(
            relay, request_deserializer=request.FromString, response_serializer=response.SerializeToString
        )

    async def _mangled(self, frames: AsyncIterable[Any]) -> AsyncIterator[Any]:
        """The same frames, some later and some twice; raises what `frames` raises once all are out."""
        clock = asyncio.get_running_loop().time
        waiting: list[tuple[float, int, Any]] = []
        numbers = itertools.count()
        more = asyncio.Event()
        over: list[BaseException | None] = []

        async def read() -> None:
            try:
                async for frame in frames:
                    for one in _single(frame):
                        for delay in self._delays(str(one.WhichOneof("message"))):
                            heapq.heappush(waiting, (clock() + delay, next(numbers), one))
                    more.set()
                over.append(None)
            except Exception as error:  # noqa: BLE001 - raised at the other end of the relay
                over.append(error)
            more.set()

        reading = asyncio.create_task(read())
        try:
            while waiting or not over:
                if waiting and waiting[0][0] <= clock():
                    yield heapq.heappop(waiting)[2]
                    continue
                more.clear()
                if over and not waiting:
                    break
                with suppress(TimeoutError):
                    async with asyncio.timeout(waiting[0][0] - clock() if waiting else None):
                        await more.wait()
            if over[0] is not None:
                raise over[0]
        finally:
            reading.cancel()

    def _delays(self, kind: str) -> Iterator[float]:
        """When a frame goes out, counted from now; twice where it is repeated."""
        if kind in _OVERTAKEN and self._dice.random() < self._overtaken:
            self.overtakes += 1
            yield self._dice.uniform(0.0, 0.3)
        else:
            yield 0.0
        if kind not in _KEPT and self._dice.random() < self._repeated:
            self.repeats += 1
            yield self._dice.uniform(0.0, 0.5)


def _single(frame: Any) -> list[Any]:
    """The frames of a batch, each by itself."""
    if frame.WhichOneof("message") != "batch":
        return [frame]
    out = []
    for one in frame.batch.frames:
        alone = type(frame)()
        alone.CopyFrom(one)
        alone.epoch = frame.epoch
        if hasattr(frame, "sent_nanoseconds"):
            alone.sent_nanoseconds = frame.sent_nanoseconds
        out.append(alone)
    return out
