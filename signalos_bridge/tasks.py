"""The core's tasks: none is lost, and a failure of one is the failure of all."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


class Tasks:
    """Tasks that come and go. `failed` waits for the first that ends by an error."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[None] | None = None
        self._closed = False

    def open(self) -> None:
        """Begin to take tasks, for the running loop."""
        self._failure = asyncio.get_running_loop().create_future()

    def spawn(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None] | None:
        """Run a task in the background; None once closed."""
        if self._closed or self._failure is None:
            work.close()
            return None
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task.cancelled() or self._failure is None:
            return
        error = task.exception()
        if error is not None and not self._failure.done():
            self._failure.set_exception(error)

    async def failed(self) -> None:
        """Raise the first failure; return once closed."""
        assert self._failure is not None
        await asyncio.shield(self._failure)

    async def close(self) -> None:
        """Cancel and await what runs."""
        self._closed = True
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._failure is not None:
            if not self._failure.done():
                self._failure.set_result(None)
            else:
                # Whoever waits in `failed` has it; nobody waiting is no second error.
                self._failure.exception()
