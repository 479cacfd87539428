"""A browser's WebSocket as a probe: keeps every frame and checks the promise of the stream as it comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect


@dataclass
class Probe:
    """One socket. `frames` has everything that came, in order."""

    socket: ClientConnection
    frames: list[dict[str, Any]] = field(default_factory=list)
    holes: list[tuple[int, int]] = field(default_factory=list)
    last_seq: int | None = None
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        """Reads until the socket closes."""
        async for text in self.socket:
            frame = json.loads(text)
            self._count(frame)
            self.frames.append(frame)
            self._came.set()

    def _count(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "snapshot":
            self.last_seq = frame["data"]["seq"]
            return
        seq = frame.get("seq")
        if seq is None:
            return
        if self.last_seq is not None and seq != self.last_seq + 1:
            self.holes.append((self.last_seq, seq))
        self.last_seq = seq

    async def until(
        self, wanted: Callable[[dict[str, Any]], Any], within: float = 15.0, since: int = 0
    ) -> dict[str, Any]:
        """Returns the first frame from index `since` on that is wanted; raises `AssertionError` in vain."""
        try:
            async with asyncio.timeout(within):
                while True:
                    for frame in self.frames[since:]:
                        if wanted(frame):
                            return frame
                    since = len(self.frames)
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            kinds = [frame["type"] for frame in self.frames[-30:]]
            raise AssertionError(f"no such frame within {within} s; the last were {kinds}") from None

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["type"] == kind]


@asynccontextmanager
async def probe(gateway: str, token: str, after: tuple[str, int] | None = None) -> AsyncIterator[Probe]:
    """Connects to `HOST:PORT`, authenticates, and reads in the background."""
    async with connect(f"ws://{gateway}/ws", compression=None, max_size=None) as socket:
        watching = Probe(socket)
        await socket.send(json.dumps({"type": "authenticate", "data": {"token": token}}))
        if after is not None:
            epoch, seq = after
            await socket.send(json.dumps({"type": "subscribe", "data": {"epoch": epoch, "afterSeq": seq}}))
        reading = asyncio.create_task(watching.read())
        try:
            yield watching
        finally:
            await socket.close()
            await reading
