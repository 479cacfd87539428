"""Frames that wait for one stream's writer: bounded in bytes, and conflated where only the latest matters."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from itertools import count
from typing import Generic, TypeVar

from google.protobuf.message import Message

FrameT = TypeVar("FrameT", bound=Message)

DEFAULT_BYTES = 4 * 1024 * 1024
# Below this the writer is kept supplied; above it, what can wait in the journal waits there.
LOW_WATER_BYTES = 64 * 1024


class OutboxFull(Exception):  # noqa: N818 (it names a state of the world, not a fault)
    """More waits than may: the stream has stalled and has to end; all of it is told again in the next."""


class Outbox(Generic[FrameT]):
    """First in, first out. A frame with a `kind` takes the place of a waiting one of the same kind."""

    def __init__(self, maximum_bytes: int = DEFAULT_BYTES) -> None:
        self._maximum = maximum_bytes
        self._frames: OrderedDict[Hashable, tuple[FrameT, int]] = OrderedDict()
        self._numbers = count()
        self._bytes = 0
        self._filled = asyncio.Event()

    @property
    def waiting_bytes(self) -> int:
        """Return how many bytes wait."""
        return self._bytes

    @property
    def has_room(self) -> bool:
        """Return whether the writer should be given more of what can wait elsewhere."""
        return self._bytes < LOW_WATER_BYTES

    def __contains__(self, kind: Hashable) -> bool:
        """Return whether a frame of that kind waits."""
        return ("kind", kind) in self._frames

    def put(self, frame: FrameT, kind: Hashable | None = None) -> None:
        """Let a frame wait. Raises `OutboxFull`."""
        size = frame.ByteSize()
        key = ("number", next(self._numbers)) if kind is None else ("kind", kind)
        replaced = self._frames.get(key)
        if replaced is not None:
            self._bytes -= replaced[1]
        if self._bytes + size > self._maximum:
            raise OutboxFull(f"{self._bytes} bytes wait to be sent")
        self._frames[key] = (frame, size)
        self._bytes += size
        self._filled.set()

    async def take(self) -> FrameT:
        """Return the first frame once there is one."""
        while not self._frames:
            self._filled.clear()
            await self._filled.wait()
        return self._first()

    def take_waiting(self, maximum_bytes: int) -> list[FrameT]:
        """Return what waits now, as far as it is no more than so many bytes together."""
        taken: list[FrameT] = []
        while self._frames:
            _, size = next(iter(self._frames.values()))
            if size > maximum_bytes:
                break
            maximum_bytes -= size
            taken.append(self._first())
        return taken

    def _first(self) -> FrameT:
        _, (frame, size) = self._frames.popitem(last=False)
        self._bytes -= size
        return frame
