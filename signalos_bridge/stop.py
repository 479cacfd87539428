"""Emergency stops at the bridge: latched in memory at once, on the disk next, then carried out to the end.

One task per held stop. What is not finished goes on after a restart; what is finished is told again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from signalos_bridge.clock import Clock
from signalos_bridge.domain.control import HeldStop
from signalos_bridge.domain.facts import StopProgress
from signalos_bridge.failpoints import reach
from signalos_bridge.latch import Latch, LatchUnavailable

log = structlog.get_logger(__name__)

_RETRY_SECONDS = 1.0


class Hands(Protocol):
    """Who carries a latched stop out; the core."""

    async def stop(
        self, stop_id: str, close_positions: bool, progress: Callable[[StopProgress], None]
    ) -> StopProgress:
        """Carry it out, calling `progress` at each change; return once it is complete."""
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """How far one stop has come. Instants are `Clock.seconds`."""

    stop: HeldStop
    latched_at: float | None
    progress: StopProgress
    disk_problem: str = ""
    problem: str = ""

    @property
    def complete(self) -> bool:
        """Return whether everything that was asked is done, the latch included."""
        return self.progress.complete and self.latched_at is not None


class StopRunner:
    """Runs the stops of one bridge."""

    def __init__(
        self,
        latch: Latch,
        clock: Clock,
        *,
        busy_seconds: Callable[[], float | None],
        on_change: Callable[[], None],
    ) -> None:
        """`busy_seconds`: for how long a call has been in the terminal; None: it is quiet."""
        self._latch = latch
        self._clock = clock
        self._busy_seconds = busy_seconds
        self._on_change = on_change
        self._hands: Hands | None = None
        self._hands_ready = asyncio.Event()
        self._stages: dict[str, Stage] = {}
        self._dirty: dict[str, None] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def give_hands(self, hands: Hands) -> None:
        """Say who carries stops out. Until then they are latched, and wait."""
        self._hands = hands
        self._hands_ready.set()

    def begin(self, group: asyncio.TaskGroup, stop: HeldStop, stop_generation: int, *, on_disk: bool) -> None:
        """Latch the stop on the disk, unless it is there, and carry it out."""
        latched_at = None
        if on_disk:
            age = max(0.0, (self._clock.wall_msc() - stop.latched_wall_msc) / 1000)
            latched_at = self._clock.seconds() - (age if stop.latched_wall_msc else 0.0)
        self._stages[stop.stop_id] = Stage(stop, latched_at, StopProgress(stop.stop_id))
        if on_disk:
            self._mark(stop.stop_id)
        if (running := self._tasks.get(stop.stop_id)) is not None:
            running.cancel()
        self._tasks[stop.stop_id] = group.create_task(
            self._run(stop, stop_generation), name=f"stop {stop.stop_id}"
        )

    def end(self, stop_id: str) -> None:
        """Forget a stop that was re-armed."""
        task = self._tasks.pop(stop_id, None)
        if task is not None:
            task.cancel()
        self._stages.pop(stop_id, None)
        self._dirty.pop(stop_id, None)

    def flattening(self) -> frozenset[str]:
        """Return the stops whose closing of positions is not finished."""
        return frozenset(
            stop_id
            for stop_id, stage in self._stages.items()
            if stage.stop.close_positions and not stage.progress.complete
        )

    def latched(self, stop_id: str) -> bool:
        """Return whether a stop is known to be on the disk."""
        stage = self._stages.get(stop_id)
        return stage is not None and stage.latched_at is not None

    def mark_all(self) -> None:
        """Tell every stage again, because the server may not have heard it."""
        for stop_id in self._stages:
            self._mark(stop_id)

    def mark_waiting(self) -> None:
        """Tell the stages again that wait for a busy terminal, so that its silence has a length."""
        if self._busy_seconds() is not None:
            for stop_id, stage in self._stages.items():
                if stage.progress.quiet_at is None:
                    self._mark(stop_id)

    def take_stages(self) -> list[Stage]:
        """Return the stages that changed since the last call, as they are now."""
        stages = [self._with_words(self._stages[stop_id]) for stop_id in self._dirty]
        self._dirty.clear()
        return stages

    def _with_words(self, stage: Stage) -> Stage:
        words = [stage.disk_problem, stage.problem, stage.progress.problem]
        busy = self._busy_seconds()
        if stage.progress.quiet_at is None and busy is not None:
            words.append(f"terminal busy: a call has been in it for {busy:.1f} s")
        return replace(stage, problem="; ".join(word for word in words if word))

    def _mark(self, stop_id: str) -> None:
        self._dirty[stop_id] = None
        self._on_change()

    def _change(self, stop_id: str, **changes: object) -> None:
        stage = self._stages.get(stop_id)
        if stage is not None:
            self._stages[stop_id] = replace(stage, **changes)  # type: ignore[arg-type]
            self._mark(stop_id)

    async def _run(self, stop: HeldStop, stop_generation: int) -> None:
        """Latch and carry out side by side: a full disk must not keep orders from being cancelled."""
        async with asyncio.TaskGroup() as group:
            if self._stages[stop.stop_id].latched_at is None:
                group.create_task(self._write(stop, stop_generation))
            group.create_task(self._carry_out(stop))

    async def _write(self, stop: HeldStop, stop_generation: int) -> None:
        while True:
            try:
                await asyncio.to_thread(self._latch.hold, stop, stop_generation)
            except LatchUnavailable as error:
                log.error("stop is in memory only", stop_id=stop.stop_id, problem=str(error))
                self._change(stop.stop_id, disk_problem=f"latched in memory only: {error}")
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                reach("stop_latched")
                self._change(stop.stop_id, latched_at=self._clock.seconds(), disk_problem="")
                log.warning("stop latched", stop_id=stop.stop_id, reason=stop.reason)
                return

    async def _carry_out(self, stop: HeldStop) -> None:
        await self._hands_ready.wait()
        assert self._hands is not None

        def progress(made: StopProgress) -> None:
            self._change(stop.stop_id, progress=made)

        while True:
            try:
                done = await self._hands.stop(stop.stop_id, stop.close_positions, progress)
            except Exception as error:
                # Nobody else would carry it out: say it, and try again for as long as it is in force.
                log.exception("carrying out a stop failed", stop_id=stop.stop_id)
                self._change(stop.stop_id, problem=f"failed, and is tried again: {error}")
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self._change(stop.stop_id, progress=done, problem="")
                log.warning("stop carried out", stop_id=stop.stop_id, complete=done.complete)
                return
