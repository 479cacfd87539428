"""The references: what the same hops cost with nothing of ours in them.

A bare WebSocket echo, a bare grpc.aio unary call and a bare grpclib round trip on a bidirectional stream,
each against a server in a process of its own, as SignalOS's hops are.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from grpclib.client import Channel
from grpclib.const import Cardinality
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from benchmarks.figures import Latencies, measure
from signalos.v1 import command_service_pb2

_UNARY = "/signalos.reference.Echo/Unary"
_STREAM = "/signalos.reference.Echo/Stream"
_WARM_UP = 50


@dataclass(frozen=True, slots=True)
class Reference:
    """What the bare hops cost at one number of callers."""

    callers: int
    websocket: Latencies
    grpc_unary: Latencies
    grpclib_stream: Latencies

    @property
    def p50_sum(self) -> float:
        """The three medians together, in seconds."""
        return self.websocket.p50 + self.grpc_unary.p50 + self.grpclib_stream.p50


async def measure_reference(callers: int, calls_each: int) -> Reference:
    """Runs the three references, one after the other, with this many callers at once."""
    return Reference(
        callers,
        await _websocket(callers, calls_each),
        await _grpc_unary(callers, calls_each),
        await _grpclib_stream(callers, calls_each),
    )


async def _websocket(callers: int, calls_each: int) -> Latencies:
    async with _server("websocket") as port, AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(connect(f"ws://127.0.0.1:{port}", compression=None))
            for _ in range(callers)
        ]

        def caller(index: int) -> Any:
            socket = sockets[index]

            async def call(_: int) -> None:
                await socket.send(_TEXT)
                await socket.recv()

            return call

        await measure([caller(index) for index in range(callers)], _WARM_UP)
        return await measure([caller(index) for index in range(callers)], calls_each)


async def _grpc_unary(callers: int, calls_each: int) -> Latencies:
    async with _server("grpc") as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        echo = channel.unary_unary(_UNARY, _unchanged, _unchanged)

        async def call(_: int) -> None:
            await echo(_PAYLOAD)

        await measure([call] * callers, _WARM_UP)
        return await measure([call] * callers, calls_each)


async def _grpclib_stream(callers: int, calls_each: int) -> Latencies:
    """Round trips on one bidirectional stream for each caller, on one connection."""
    async with _server("grpc") as port:
        channel = Channel("127.0.0.1", port)
        try:
            async with AsyncExitStack() as stack:
                streams = []
                for _ in range(callers):
                    stream = await stack.enter_async_context(
                        channel.request(
                            _STREAM,
                            Cardinality.STREAM_STREAM,
                            command_service_pb2.GetCommandRequest,
                            command_service_pb2.GetCommandRequest,
                        )
                    )
                    await stream.send_request()
                    streams.append(stream)

                def caller(index: int) -> Any:
                    stream = streams[index]
                    message = command_service_pb2.GetCommandRequest(command_id="c" * 64)

                    async def call(_: int) -> None:
                        await stream.send_message(message)
                        await stream.recv_message()

                    return call

                await measure([caller(index) for index in range(callers)], _WARM_UP)
                result = await measure([caller(index) for index in range(callers)], calls_each)
                for stream in streams:
                    await stream.end()
                return result
        finally:
            channel.close()


_TEXT = "x" * 300
_PAYLOAD = command_service_pb2.GetCommandRequest(command_id="c" * 64).SerializeToString()


@asynccontextmanager
async def _server(kind: str) -> AsyncIterator[int]:
    """Starts a reference server in a process of its own and yields its port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.reference", kind,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.stdin.close()
        await process.wait()


async def _serve(kind: str) -> None:
    async with AsyncExitStack() as stack:
        if kind == "websocket":
            websocket_server = await stack.enter_async_context(
                serve(_echo_socket, "127.0.0.1", 0, compression=None)
            )
            port = websocket_server.sockets[0].getsockname()[1]
        else:
            server = grpc.aio.server()
            server.add_generic_rpc_handlers((_EchoHandler(),))
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            stack.push_async_callback(server.stop, 0)
        print(port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def _echo_socket(socket: ServerConnection) -> None:
    async for message in socket:
        await socket.send(message)


if TYPE_CHECKING:
    _Handler = grpc.GenericRpcHandler[bytes, bytes]
else:
    # Only the stubs know it as generic.
    _Handler = grpc.GenericRpcHandler


class _EchoHandler(_Handler):
    def service(self, handler_call_details: Any) -> Any:
        if handler_call_details.method == _UNARY:
            return grpc.unary_unary_rpc_method_handler(_echo_unary)
        return grpc.stream_stream_rpc_method_handler(_echo_stream)


def _unchanged(payload: bytes) -> bytes:
    return payload


async def _echo_unary(request: bytes, _: Any) -> bytes:
    return request


async def _echo_stream(requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
