"""Calls into the terminal's process: who waits, which one runs, and how long it may.

At most one call is in the child. What waits is judged by its gate when its turn comes, and a call that does
not come back in time costs the child its life.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from signalos_bridge.domain.orders import Order, Priority, priority_of
from signalos_bridge.domain.outcomes import NotDone, NotSent, Outcome, Retry, lost_in_call, not_sent
from signalos_bridge.terminal import frames
from signalos_bridge.terminal.frames import Call, Reply
from signalos_bridge.terminal.lane import Lane, Waiting
from signalos_bridge.terminal.port import (
    ORDER_TIMEOUT_SECONDS,
    READ_TIMEOUT_SECONDS,
    STOP_TIMEOUT_SECONDS,
    Clearance,
    Gate,
    TerminalAnswer,
    TerminalUnavailable,
)

log = logging.getLogger(__name__)

# An alarm that rings this late found a loop that did not run; the answer may lie in the pipe.
LATE_SECONDS = 0.5
_GRACE_SECONDS = 1.0
# How long a call waits for a child that has no terminal; then it fails, and may be tried again.
_ATTACH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How long calls may take, and reads may wait for their turn behind an order."""

    read_seconds: float = READ_TIMEOUT_SECONDS
    stop_seconds: float = STOP_TIMEOUT_SECONDS
    read_queue_seconds: float = 10.0


@dataclass(eq=False, slots=True)
class _Pending:
    """A call on its way."""

    name: str
    arguments: msgspec.Raw
    priority: Priority
    timeout_seconds: float
    queued_at: float
    future: asyncio.Future[Reply]
    order: Order | None = None
    gate: Gate | None = None
    number: int = 0
    begun_at: float = 0.0
    deadline: float = 0.0
    waiting: Waiting[_Pending] | None = None
    waiting_alarm: asyncio.TimerHandle | None = None


class _Kept(Exception):  # noqa: N818
    """An order was kept from the terminal; nothing happened."""

    def __init__(self, outcome: NotDone) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome


class _Lost(Exception):  # noqa: N818
    """The child was lost with the call in it."""


class Calls:
    """The lane into one child, and the call that is in it.

    `write` hands a call to the child, `kill` ends the child, `why_down` says why there is no terminal.
    """

    def __init__(
        self,
        limits: CallLimits,
        write: Callable[[Call], None],
        kill: Callable[[str], None],
        why_down: Callable[[], str],
    ) -> None:
        self._limits = limits
        self._write = write
        self._kill = kill
        self._why_down = why_down
        self._lane: Lane[_Pending] = Lane()
        self._current: _Pending | None = None
        self._number = 0
        self._open = False
        self._closed = False
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._alarm: asyncio.TimerHandle | None = None

    # What the child's life means for calls

    def admit(self, ready: bool) -> None:
        """Let calls pass, or hold them back."""
        self._open = ready
        self._pump()

    def extend(self, until: float) -> None:
        """Count the running call's time from then on: it crossed an announcement, and waits in the child."""
        if self._current is not None:
            self._current.deadline = until + self._current.timeout_seconds
            self._set_alarm()

    def lose(self, why: str) -> None:
        """End the running call: the child is lost, and nobody knows what it did."""
        self._open = False
        current = self._current
        if current is not None:
            self._finish_current()
            self._fail(current, _Lost(why))

    def refuse(self) -> None:
        """Refuse whatever waits and whatever comes: the bridge is closing."""
        self._closed = True
        for pending in self._lane.drain():
            self._fail(pending, _Kept(not_sent(NotSent.TERMINAL_DOWN, "the bridge is closing")))

    async def until_idle(self) -> None:
        """Return once the running call has ended, or its time has."""
        if self._current is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._current.timeout_seconds):
                    await asyncio.wait([self._current.future])

    @property
    def idle(self) -> bool:
        """Return whether no call is in the child."""
        return self._current is None

    # Calls

    async def call(
        self,
        name: str,
        arguments: Any,
        *,
        priority: Priority = Priority.READ,
        timeout_seconds: float | None = None,
    ) -> Any:
        """Make one read; raises `TerminalUnavailable`."""
        loop = asyncio.get_running_loop()
        pending = _Pending(
            name,
            frames.raw(arguments),
            priority,
            timeout_seconds or self._limits.read_seconds,
            time.monotonic(),
            loop.create_future(),
        )
        try:
            reply = await self._in_lane(pending, self._limits.read_queue_seconds)
        except _Kept as kept:
            raise TerminalUnavailable(kept.outcome.words) from None
        except _Lost as lost:
            raise TerminalUnavailable(str(lost)) from None
        if reply.error is not None:
            raise TerminalUnavailable(reply.error, reply.error_code)
        return frames.result_of(name, reply)

    async def submit(
        self,
        order: Order,
        *,
        gate: Gate,
        priority: Priority | None = None,
        timeout_seconds: float = ORDER_TIMEOUT_SECONDS,
    ) -> TerminalAnswer:
        """See `Terminal.submit`."""
        loop = asyncio.get_running_loop()
        pending = _Pending(
            "submit",
            frames.raw(frames.submit_of(order)),
            priority_of(order) if priority is None else priority,
            timeout_seconds,
            time.monotonic(),
            loop.create_future(),
            order,
            gate,
        )
        try:
            reply = await self._in_lane(pending, timeout_seconds)
        except _Kept as kept:
            return self._answer_of(pending, kept.outcome)
        except _Lost as lost:
            return self._answer_of(pending, lost_in_call(str(lost)))
        if reply.error is not None:
            # The child could not even read the order, or failed outside of `order_send`.
            return self._answer_of(pending, lost_in_call(f"the terminal's process failed: {reply.error}"))
        submission = frames.submission_of(frames.result_of("submit", reply))
        queued = pending.begun_at - pending.queued_at
        took = time.monotonic() - pending.begun_at
        return TerminalAnswer(
            submission.outcome, submission.raw, submission.request, queued, took, submission.shown
        )

    @staticmethod
    def _answer_of(pending: _Pending, outcome: Outcome) -> TerminalAnswer:
        now = time.monotonic()
        begun = pending.begun_at or now
        return TerminalAnswer(outcome, None, None, begun - pending.queued_at, now - begun)

    async def _in_lane(self, pending: _Pending, queue_seconds: float) -> Reply:
        if self._closed:
            raise _Kept(not_sent(NotSent.TERMINAL_DOWN, "the bridge is closing"))
        pending.waiting = self._lane.join(pending, pending.priority)
        loop = asyncio.get_running_loop()
        give_up_at = pending.queued_at + queue_seconds
        first_look = min(queue_seconds, _ATTACH_SECONDS)
        pending.waiting_alarm = loop.call_later(first_look, self._still_waiting, pending, give_up_at)
        if pending.priority is Priority.STOP:
            self.expedite()
        self._pump()
        try:
            return await pending.future
        finally:
            # Cancelled while waiting: never made. Cancelled later: the answer is abandoned, not the call.
            if pending.waiting_alarm is not None:
                pending.waiting_alarm.cancel()
            self._lane.withdraw(pending.waiting)

    def _still_waiting(self, pending: _Pending, give_up_at: float) -> None:
        if pending.begun_at or pending.waiting is None:
            return
        left = give_up_at - time.monotonic()
        if left > 0 and self._open:
            loop = asyncio.get_running_loop()
            next_look = min(left, _ATTACH_SECONDS)
            pending.waiting_alarm = loop.call_later(next_look, self._still_waiting, pending, give_up_at)
            return
        self._lane.withdraw(pending.waiting)
        if self._current is None:
            self._fail(pending, _Kept(not_sent(NotSent.TERMINAL_DOWN, self._why_down())))
        else:
            busy = time.monotonic() - self._current.begun_at
            detail = f"another call has been in the terminal for {busy:.1f} s"
            self._fail(pending, _Kept(not_sent(NotSent.TERMINAL_BUSY, detail)))

    def _pump(self) -> None:
        """Hand the most urgent call to the child, if it is free."""
        while self._open and self._current is None:
            pending = self._lane.next()
            if pending is None:
                return
            if pending.future.done():
                continue
            latched = True
            if pending.gate is not None:
                clearance = self._ask(pending.gate)
                if clearance.refusal is not None:
                    refused = NotDone(clearance.refusal, clearance.words, Retry.NEVER)
                    self._fail(pending, _Kept(refused))
                    continue
                latched = clearance.latched
                if latched and pending.order is not None and pending.order.increases_risk:
                    self._fail(pending, _Kept(not_sent(NotSent.LATCHED)))
                    continue
            self._begin(pending, latched)

    @staticmethod
    def _ask(gate: Gate) -> Clearance:
        try:
            return gate()
        except Exception:
            # Whatever is wrong with the reasons, an order without a clear yes is not made.
            log.exception("a gate failed")
            return Clearance(True, "GATE_FAILED", "the bridge could not establish that the order may be sent")

    def _begin(self, pending: _Pending, latched: bool) -> None:
        self._number += 1
        pending.number = self._number
        pending.begun_at = time.monotonic()
        pending.deadline = pending.begun_at + pending.timeout_seconds
        self._current = pending
        if pending.order is not None:
            self._quiet.clear()
        self._write(Call(pending.number, pending.name, pending.arguments, latched))
        self._set_alarm()

    def answered(self, reply: Reply) -> None:
        """Give the running call its answer, and let the next one pass."""
        current = self._current
        if current is None or current.number != reply.number:
            return
        self._finish_current()
        if not current.future.done():
            current.future.set_result(reply)
        self._pump()

    def _finish_current(self) -> None:
        self._current = None
        self._quiet.set()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    @staticmethod
    def _fail(pending: _Pending, error: Exception) -> None:
        if not pending.future.done():
            pending.future.set_exception(error)

    # The watchdog of calls

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        current = self._current
        assert current is not None
        delay = max(0.0, current.deadline - time.monotonic())
        self._alarm = asyncio.get_running_loop().call_later(delay, self._overdue, current)

    def _overdue(self, pending: _Pending) -> None:
        if self._current is not pending:
            return
        now = time.monotonic()
        if now - pending.deadline > LATE_SECONDS:
            pending.deadline = now + _GRACE_SECONDS
            self._set_alarm()
            return
        what = "an order" if pending.order is not None else pending.name
        self._kill(f"{what} took longer than {now - pending.begun_at:.1f} s")

    def expedite(self) -> None:
        """See `Terminal.expedite`."""
        current = self._current
        if current is None:
            return
        limit = time.monotonic() + self._limits.stop_seconds
        if limit < current.deadline:
            current.deadline = limit
            self._set_alarm()

    # State

    @property
    def busy_since(self) -> float | None:
        """See `Terminal.busy_since`."""
        current = self._current
        return current.begun_at if current is not None and current.order is not None else None

    @property
    def risk_in_flight(self) -> bool:
        """See `Terminal.risk_in_flight`."""
        current = self._current
        return current is not None and current.order is not None and current.order.increases_risk

    async def until_quiet(self) -> None:
        """See `Terminal.until_quiet`."""
        await self._quiet.wait()
