"""An asyncio event loop on virtual time, whose tasks belong to processes that can be killed or frozen."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import heapq
from collections import deque
from collections.abc import Callable
from typing import Any


class Process:
    """What is killed and frozen as one: every task and timer that was begun in its context."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.frozen = False
        self.deferred: list[asyncio.Handle] = []
        self.context = contextvars.copy_context()
        self.context.run(PROCESS.set, self)

    def __repr__(self) -> str:
        return self.name


PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


class Stuck(Exception):  # noqa: N818 (it names a state of the world, not a fault)
    """Nothing is left that could ever happen."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs what is ready; when nothing is, time jumps to the next timer. Nothing here waits or does I/O.

    A handle of a dead process is dropped, as the instruction after a kill -9 is; one of a frozen process
    waits until it is thawed.
    """

    def __init__(self, disk_seconds: Callable[[], float]) -> None:
        super().__init__()
        self.now = 1000.0
        self.turns = 0
        self._disk_seconds = disk_seconds
        self._queue: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._serial = 0
        self._ending = False
        # Whatever was begun, so that nothing of a dead process is collected, and runs, before the end.
        self.tasks: list[asyncio.Task[Any]] = []
        self.set_task_factory(self._make_task)

    def _make_task(self, loop: Any, coroutine: Any, context: Any = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=self, context=context)
        self.tasks.append(task)
        return task

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:  # type: ignore[override]
        handle = asyncio.Handle(callback, args, self, context)
        self._queue.append(handle)
        return handle

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:  # type: ignore[override]
        return self.call_soon(callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:  # type: ignore[override]
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._serial += 1
        heapq.heappush(self._timers, (when, self._serial, timer))
        return timer

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:  # type: ignore[override]
        return self.call_at(self.now + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Run a blocking call in one instant, some time from now; its answer takes some time again."""
        future = self.create_future()

        def tell(result: Any, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)

        def work() -> None:
            result, failed = None, None
            try:
                result = func(*args)
            except Exception as error:  # noqa: BLE001 (it is the caller's)
                failed = error
            self.call_later(self._disk_seconds(), tell, result, failed)

        self.call_later(self._disk_seconds(), work)
        return future

    def run_until(self, future: asyncio.Future[Any]) -> Any:
        """Run until a future is done; return its result."""
        asyncio.events._set_running_loop(self)
        queue, timers = self._queue, self._timers
        try:
            while not future.done():
                if not queue:
                    if not timers:
                        raise Stuck("nothing is left to happen")
                    when = timers[0][0]
                    # Time moves a little with each turn, as it does everywhere.
                    self.now = max(self.now, when) + 1e-6
                    while timers and timers[0][0] <= self.now:
                        timer = heapq.heappop(timers)[2]
                        if not timer._cancelled:
                            queue.append(timer)
                    continue
                handle = queue.popleft()
                if handle._cancelled:
                    continue
                process = handle._context.get(PROCESS)  # type: ignore[attr-defined]
                if process is not None:
                    if process.dead:
                        continue
                    if process.frozen:
                        process.deferred.append(handle)
                        continue
                self.turns += 1
                handle._run()
        finally:
            asyncio.events._set_running_loop(None)
        return future.result()

    def thaw(self, process: Process) -> None:
        """Let a frozen process go on with what it missed."""
        process.frozen = False
        self._queue.extend(process.deferred)
        process.deferred.clear()

    def end(self) -> None:
        """Close every coroutine that was begun; what their ends do is no part of the run."""
        self._ending = True
        self._queue.clear()
        self._timers.clear()
        asyncio.events._set_running_loop(self)
        try:
            for task in self.tasks:
                if not task.done():
                    task._log_destroy_pending = False  # type: ignore[attr-defined]
                    # The end of a process that is no more.
                    with contextlib.suppress(BaseException):
                        task.get_coro().close()
                elif not task.cancelled():
                    task.exception()
        finally:
            asyncio.events._set_running_loop(None)
            self._queue.clear()
            self._timers.clear()
            self.tasks.clear()
            self.close()

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self._ending:
            self.on_error(context)

    # Set by the world: an error that no task took is a finding.
    on_error: Callable[[dict[str, Any]], None] = staticmethod(lambda context: None)

    # -- what the base class wants to know ------------------------------------------------------------

    def _process_events(self, event_list: Any) -> None:
        raise NotImplementedError

    def _write_to_self(self) -> None:
        pass
