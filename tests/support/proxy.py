"""A TCP proxy on loopback that behaves as badly as asked: latency, pauses, cuts, silence, resets, slowness.

    async with FaultProxy("127.0.0.1", port) as proxy:
        proxy.latency_seconds = 0.1
        proxy.pause()            # hold everything, deliver it after resume()
        proxy.blackhole()        # take everything, deliver nothing, for ever
        proxy.cut()              # close every connection; reset() does it with RST
        proxy.refuse = True      # accept no new connections
        proxy.stall(0)           # hold what the oldest connection carries

Faults hold for bytes in both directions unless a `Direction` is given. Connections that were made while the
proxy held or swallowed are held or swallowed as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from enum import Flag, auto
from types import TracebackType

_CHUNK_BYTES = 64 * 1024


class Direction(Flag):
    """Which way bytes go; the client is who connects to the proxy."""

    TO_SERVER = auto()
    TO_CLIENT = auto()
    BOTH = TO_SERVER | TO_CLIENT


class FaultProxy:
    """One listening socket in front of one address."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        # Oldest first.
        self._links: dict[_Link, None] = {}
        self._flowing = {Direction.TO_SERVER: asyncio.Event(), Direction.TO_CLIENT: asyncio.Event()}
        for event in self._flowing.values():
            event.set()
        self.swallowing = Direction(0)
        self.latency_seconds = 0.0
        # Bytes a second; None: as fast as it goes.
        self.bandwidth: float | None = None
        # Bytes are passed on in pieces of at most this size; None: as they came.
        self.slice_bytes: int | None = None
        self.refuse = False
        self.accepted = 0
        self.passed_bytes = {Direction.TO_SERVER: 0, Direction.TO_CLIENT: 0}

    async def __aenter__(self) -> FaultProxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        self.resume()
        await asyncio.gather(*(link.done for link in list(self._links)), return_exceptions=True)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """Where to connect instead."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def address(self) -> str:
        """Where to connect instead, as `host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def connection_count(self) -> int:
        """How many connections stand."""
        return len(self._links)

    def retarget(self, host: str, port: int) -> None:
        """Lead connections that are made from now on to another address."""
        self._target = (host, port)

    def stall(self, number: int) -> None:
        """Hold the bytes of one connection, for ever; they are counted from 0, oldest first."""
        list(self._links)[number].stalled.clear()

    def unstall(self) -> None:
        """Let what stalled connections carry go on."""
        for link in self._links:
            link.stalled.set()

    def pause(self, direction: Direction = Direction.BOTH) -> None:
        """Hold bytes back; nothing is lost."""
        for each, event in self._flowing.items():
            if each in direction:
                event.clear()

    def resume(self, direction: Direction = Direction.BOTH) -> None:
        """Let held bytes go, and end a blackhole for connections to come."""
        self.swallowing &= ~direction
        for each, event in self._flowing.items():
            if each in direction:
                event.set()

    def blackhole(self, direction: Direction = Direction.BOTH) -> None:
        """Swallow bytes without a FIN; connections that stand never recover."""
        self.swallowing |= direction
        for link in self._links:
            link.lost |= direction

    def cut(self) -> None:
        """Close every connection in order."""
        for link in list(self._links):
            link.close()

    def reset(self) -> None:
        """Close every connection with RST, wherever a frame happens to be."""
        for link in list(self._links):
            link.reset()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            writer.transport.abort()
            return
        self.accepted += 1
        try:
            out_reader, out_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(self, reader, writer, out_reader, out_writer)
        link.lost = self.swallowing
        self._links[link] = None
        try:
            await link.run()
        except asyncio.CancelledError:
            # The program ends; the callback that asyncio hangs on this task cannot bear to hear it.
            pass
        finally:
            self._links.pop(link, None)

    async def _flow(self, direction: Direction) -> None:
        await self._flowing[direction].wait()


class _Link:
    """One connection through the proxy."""

    def __init__(
        self,
        proxy: FaultProxy,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        out_reader: asyncio.StreamReader,
        out_writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._ways = (
            (reader, out_writer, Direction.TO_SERVER),
            (out_reader, writer, Direction.TO_CLIENT),
        )
        self._writers = (writer, out_writer)
        self.lost = Direction(0)
        self.stalled = asyncio.Event()
        self.stalled.set()
        self._ended = asyncio.Event()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        tasks = [asyncio.ensure_future(self._pump(*way)) for way in self._ways]
        tasks.append(asyncio.ensure_future(self._ending()))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for writer in self._writers:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
            if not self.done.done():
                self.done.set_result(None)

    async def _ending(self) -> None:
        await self._ended.wait()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()
        self._ended.set()

    def reset(self) -> None:
        for writer in self._writers:
            found = writer.get_extra_info("socket")
            if found is not None:
                with contextlib.suppress(OSError):
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._ended.set()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        waiting: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue(maxsize=64)

        async def receive() -> None:
            try:
                while data := await reader.read(_CHUNK_BYTES):
                    await waiting.put((time.monotonic() + self._proxy.latency_seconds, data))
            except OSError:
                pass
            await waiting.put(None)

        receiving = asyncio.ensure_future(receive())
        try:
            while (item := await waiting.get()) is not None:
                due_at, data = item
                await asyncio.sleep(max(0.0, due_at - time.monotonic()))
                for piece in self._pieces(data):
                    await self._proxy._flow(direction)
                    await self.stalled.wait()
                    if direction in self.lost:
                        continue
                    writer.write(piece)
                    await writer.drain()
                    self._proxy.passed_bytes[direction] += len(piece)
                    if self._proxy.bandwidth is not None:
                        await asyncio.sleep(len(piece) / self._proxy.bandwidth)
            if direction in self.lost:
                # Not even the end of the connection gets through.
                await asyncio.Event().wait()
        except OSError:
            pass
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)

    def _pieces(self, data: bytes) -> list[bytes]:
        size = self._proxy.slice_bytes
        if size is None and self._proxy.bandwidth is not None:
            size = max(1, int(self._proxy.bandwidth / 20))
        if size is None:
            return [data]
        return [data[at : at + size] for at in range(0, len(data), size)]
