"""A browser's WebSocket that comes back by itself, goes on where it was, and records all that it is told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.faults.records import Lines

_AGAIN_SECONDS = 0.2
# Frames without a number are not promised one by one, and would fill the record.
_KEPT = frozenset({"snapshot", "gap", "authenticated"})


class LastingProbe:
    """One subscriber over many connections."""

    def __init__(self, name: str, address: Callable[[], str], token: str, directory: Path) -> None:
        self._name = name
        self._address = address
        self._token = token
        self.lines = Lines(directory / f"probe-{name}.jsonl")
        self.epoch = ""
        self.seq: int | None = None
        self.connected = False
        self.heard_at = 0.0
        self.holes: list[str] = []
        self.gaps = 0
        self.opened = 0
        self.closes: list[int | None] = []
        self.frames: list[dict[str, Any]] = []
        # Stays away while this is not set.
        self.present = asyncio.Event()
        self.present.set()
        self._leave = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=f"probe {name}")

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.lines.close()

    def leave(self) -> None:
        """Closes the connection; it comes back after `come_back`."""
        self.present.clear()
        self._leave.set()

    def come_back(self) -> None:
        self._leave.clear()
        self.present.set()

    async def _run(self) -> None:
        while True:
            await self.present.wait()
            code: int | None = None
            try:
                async with (
                    asyncio.timeout(None),
                    connect(
                        f"ws://{self._address()}/ws", compression=None, max_size=None, open_timeout=10
                    ) as socket,
                ):
                    await socket.send(json.dumps({"type": "authenticate", "data": {"token": self._token}}))
                    after = {} if self.seq is None else {"epoch": self.epoch, "afterSeq": self.seq}
                    await socket.send(json.dumps({"type": "subscribe", "data": after}))
                    self.opened += 1
                    self.lines.write(at=time.time(), probe=self._name, open=after)
                    leaving = asyncio.create_task(self._leaves(socket.close))
                    try:
                        async for text in socket:
                            self._take(json.loads(text))
                    finally:
                        leaving.cancel()
                    code = socket.close_code
            except (OSError, WebSocketException, TimeoutError):
                pass
            if self.connected or code is not None:
                self.closes.append(code)
                self.lines.write(at=time.time(), probe=self._name, closed=code)
            self.connected = False
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _leaves(self, close: Callable[[], Any]) -> None:
        await self._leave.wait()
        await close()

    def _take(self, frame: dict[str, Any]) -> None:
        now = self.heard_at = time.time()
        kind, seq = frame["type"], frame.get("seq")
        if seq is None and kind not in _KEPT:
            return
        self.lines.write(at=now, probe=self._name, frame=frame)
        self.frames.append(frame)
        if kind == "authenticated":
            self.connected = True
        elif kind == "gap":
            self.gaps += 1
            self.seq = None
        elif kind == "snapshot":
            self.epoch, self.seq = frame["data"]["epoch"], int(frame["data"]["seq"])
        elif seq is not None:
            if self.seq is not None and seq != self.seq + 1:
                self.holes.append(f"probe {self._name}: {seq} came after {self.seq} ({kind})")
            self.seq = seq
