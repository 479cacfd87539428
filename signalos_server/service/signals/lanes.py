"""Lanes: work of one key runs in order, one at a time; keys do not wait for each other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from signalos_server.domain.errors import CommitUnknown, StorageUnavailable

log = structlog.get_logger(__name__)

_RETRY_SECONDS = 0.5

Work = Callable[[], Awaitable[None]]
# Given a name and work, runs it beside all else.
Spawn = Callable[[str, Work], None]


class Lanes:
    """Runs what is put in, in order for each key.

    Work that storage did not take is tried again until it does: a unit that was committed after all finds
    its own result. Any other failure is logged, and the lane goes on.
    """

    def __init__(self, name: str, spawn: Spawn) -> None:
        self._name = name
        self._spawn = spawn
        self._waiting: dict[str, deque[tuple[Work, asyncio.Event]]] = {}

    def put(self, key: str, work: Work) -> asyncio.Event:
        """Add work to a lane; what is returned is set once it is done, or has failed."""
        done = asyncio.Event()
        lane = self._waiting.get(key)
        if lane is not None:
            lane.append((work, done))
            return done
        self._waiting[key] = deque([(work, done)])
        self._spawn(f"{self._name}:{key}", lambda: self._run(key))
        return done

    async def _run(self, key: str) -> None:
        lane = self._waiting[key]
        try:
            while lane:
                work, done = lane.popleft()
                try:
                    await self._persist(key, work)
                finally:
                    done.set()
        finally:
            # Cancelled only at the server's end: what is left is taken up from the database then.
            del self._waiting[key]

    async def _persist(self, key: str, work: Work) -> None:
        while True:
            try:
                await work()
            except (StorageUnavailable, CommitUnknown) as error:
                log.warning("a signal waits for storage", lane=self._name, key=key, error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:
                log.exception("work on a signal failed", lane=self._name, key=key)
                return
            else:
                return
