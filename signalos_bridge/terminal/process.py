"""The parent's side of the terminal's process: the lane, the watchdog, and the child's life.

Nothing here waits for the terminal in a way that holds up the event loop: the child is another process, and
what it does not answer in time ends with its death.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from signalos_bridge.domain.market import BoundAccount, TerminalStatus
from signalos_bridge.domain.orders import Order, Priority, priority_of
from signalos_bridge.domain.outcomes import NotDone, NotSent, Outcome, Retry, lost_in_call, not_sent
from signalos_bridge.terminal import frames
from signalos_bridge.terminal.change_stream import ChangeStream
from signalos_bridge.terminal.frames import Beat, Call, Changed, PollSettings, Reply
from signalos_bridge.terminal.lane import Lane, Waiting
from signalos_bridge.terminal.look import status_without_terminal
from signalos_bridge.terminal.metatrader5 import AdapterSettings
from signalos_bridge.terminal.port import (
    ORDER_TIMEOUT_SECONDS,
    READ_TIMEOUT_SECONDS,
    STOP_TIMEOUT_SECONDS,
    Clearance,
    Gate,
    StatusChanged,
    TerminalAnswer,
    TerminalUnavailable,
    Watch,
)

log = logging.getLogger(__name__)

_RESTART_BACKOFF_SECONDS = (0.05, 0.5, 1.0, 2.0, 5.0, 10.0)
# A child that lived this long has earned a quick restart.
_PROVEN_SECONDS = 3.0
_STARTING_SECONDS = 15.0
_CLOSING_SECONDS = 3.0
_WATCHDOG_SECONDS = 0.25
# An alarm that rings this late found a loop that did not run; the answer may lie in the pipe.
_LATE_SECONDS = 0.5
_GRACE_SECONDS = 1.0
_PIPE_BYTES = 256 * 1024
# How long a call waits for a child that has no terminal; then it fails, and may be tried again.
_ATTACH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """The child process and its limits."""

    adapter: AdapterSettings = field(default_factory=AdapterSettings)
    poll: PollSettings = field(default_factory=PollSettings)
    account: BoundAccount | None = None
    watch: Watch = field(default_factory=Watch)
    # Broker time minus UTC, where it is known beforehand; fresh quotes correct it.
    utc_offset_seconds: int | None = None
    read_timeout_seconds: float = READ_TIMEOUT_SECONDS
    stop_timeout_seconds: float = STOP_TIMEOUT_SECONDS
    # How long a read may wait for its turn, behind an order for instance.
    read_queue_seconds: float = 10.0
    python: str = sys.executable


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


class ChildProcess:
    """One terminal's process, kept alive, and the lane of calls into it."""

    def __init__(self, settings: ProcessSettings) -> None:
        self._settings = settings
        self._account = settings.account
        self._watch = settings.watch
        self._lane: Lane[_Pending] = Lane()
        self._current: _Pending | None = None
        self._number = 0
        self._process: asyncio.subprocess.Process | None = None
        self._ready = False
        self._closing = False
        self._killed_for: str | None = None
        self._starts = 0
        self._heard_at = 0.0
        self._may_be_silent_until = 0.0
        self._status = replace(status_without_terminal(), utc_offset_seconds=settings.utc_offset_seconds)
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._alarm: asyncio.TimerHandle | None = None
        self.stream = ChangeStream(self._rebase)
        self.last_read_at: float | None = None

    # Life

    async def run(self) -> None:
        """Keep a child running until `close`. To be run in a task group, once."""
        try:
            failures = 0
            while not self._closing:
                started_at = time.monotonic()
                why = await self._live()
                if self._closing:
                    break
                # One that served for a while is replaced at once: meanwhile nobody guards the levels.
                proven = time.monotonic() - started_at >= _PROVEN_SECONDS
                failures = 0 if proven else failures + 1
                pause = _RESTART_BACKOFF_SECONDS[min(failures, len(_RESTART_BACKOFF_SECONDS) - 1)]
                log.warning("terminal process ended: %s; next start in %.2f s", why, pause)
                self._set_status(
                    status_without_terminal(self._status.error_code, self._status.error_text or why),
                    time.monotonic(),
                )
                await asyncio.sleep(pause)
        finally:
            self._closing = True
            await self._end()

    async def close(self) -> None:
        """Let the running call finish within its time, refuse those that wait, and end the child."""
        self._closing = True
        for pending in self._lane.drain():
            self._fail(pending, _Kept(not_sent(NotSent.TERMINAL_DOWN, "the bridge is closing")))
        if self._current is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._current.timeout_seconds):
                    await asyncio.wait([self._current.future])
        await self._end()

    async def _end(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            self._write(frames.Stop())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSING_SECONDS):
                    await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()
        for pending in self._lane.drain():
            self._fail(pending, _Kept(not_sent(NotSent.TERMINAL_DOWN, "the bridge is closing")))
        self.stream.close()

    async def _live(self) -> str:
        """Run one child from start to end; return why it ended."""
        settings = self._settings
        self._killed_for = None
        process = await asyncio.create_subprocess_exec(
            settings.python,
            "-m",
            "signalos_bridge.terminal.child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_PIPE_BYTES,
            **_own_group(),
        )
        self._process = process
        self._starts += 1
        now = time.monotonic()
        self._heard_at = now
        self._may_be_silent_until = now + _STARTING_SECONDS
        reason = "the bridge started" if self._starts == 1 else "the terminal's process was started again"
        offset = self._status.utc_offset_seconds
        self._write(frames.Start(settings.adapter, settings.poll, self._account, self._watch, reason, offset))
        watchdog = asyncio.create_task(self._watch_over(process), name="terminal-watchdog")
        try:
            await self._listen(process)
            code = await process.wait()
        finally:
            watchdog.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watchdog
            self._ready = False
            if process.returncode is None:
                process.kill()
                await process.wait()
            why = self._killed_for or f"the terminal's process ended with code {process.returncode}"
            self._lose_current(why)
        return self._killed_for or f"the terminal's process ended with code {code}"

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        splitter = frames.Splitter()
        while data := await process.stdout.read(_PIPE_BYTES):
            self._heard_at = time.monotonic()
            for body in splitter.feed(data):
                self._hear(frames.from_child_decoder.decode(body))

    def _hear(self, frame: frames.FromChild) -> None:
        match frame:
            case Reply():
                self._answered(frame)
            case Changed():
                change = frames.change_of(frame)
                if isinstance(change, StatusChanged):
                    self._set_status(change.status, change.at)
                else:
                    self.stream.put(change)
            case Beat():
                self.last_read_at = frame.last_read_at or self.last_read_at
                self._may_be_silent_until = self._heard_at + frame.busy_seconds
                if frame.busy_seconds and self._current is not None:
                    # The call crossed the announcement, and waits in the child.
                    self._current.deadline = self._may_be_silent_until + self._current.timeout_seconds
                    self._set_alarm()
                self._ready = frame.attached and self._killed_for is None
                self._pump()

    async def _watch_over(self, process: asyncio.subprocess.Process) -> None:
        """Kill a child that looks at its terminal and does not come back."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_WATCHDOG_SECONDS)
            now = time.monotonic()
            if now - before > _WATCHDOG_SECONDS + _LATE_SECONDS:
                # We slept ourselves. What the child has said meanwhile is read first.
                self._heard_at = now
                continue
            silent_since = max(self._heard_at, self._may_be_silent_until)
            if self._current is None and now - silent_since > self._settings.read_timeout_seconds:
                self._kill(f"no sign of life for {now - self._heard_at:.1f} s")
                return

    @property
    def _starting_terminal(self) -> bool:
        return time.monotonic() < self._may_be_silent_until

    def _kill(self, why: str) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            log.error("killing terminal process %d: %s", process.pid, why)
            self._killed_for = why
            self._ready = False
            process.kill()

    def _write(self, frame: frames.ToChild) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        # Frames to the child are small and one at a time: the pipe never fills.
        process.stdin.write(frames.pack(frame))

    # The lane

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
            timeout_seconds or self._settings.read_timeout_seconds,
            time.monotonic(),
            loop.create_future(),
        )
        try:
            reply = await self._in_lane(pending, self._settings.read_queue_seconds)
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
        return TerminalAnswer(submission.outcome, submission.raw, submission.request, queued, took)

    @staticmethod
    def _answer_of(pending: _Pending, outcome: Outcome) -> TerminalAnswer:
        now = time.monotonic()
        begun = pending.begun_at or now
        return TerminalAnswer(outcome, None, None, begun - pending.queued_at, now - begun)

    async def _in_lane(self, pending: _Pending, queue_seconds: float) -> Reply:
        if self._closing:
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
        if left > 0 and self._ready:
            loop = asyncio.get_running_loop()
            next_look = min(left, _ATTACH_SECONDS)
            pending.waiting_alarm = loop.call_later(next_look, self._still_waiting, pending, give_up_at)
            return
        self._lane.withdraw(pending.waiting)
        if self._current is None:
            self._fail(pending, _Kept(not_sent(NotSent.TERMINAL_DOWN, self._status.error_text)))
        else:
            busy = time.monotonic() - self._current.begun_at
            detail = f"another call has been in the terminal for {busy:.1f} s"
            self._fail(pending, _Kept(not_sent(NotSent.TERMINAL_BUSY, detail)))

    def _pump(self) -> None:
        """Hand the most urgent call to the child, if it is free."""
        while self._ready and self._current is None and not self._starting_terminal:
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

    def _answered(self, reply: Reply) -> None:
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

    def _lose_current(self, why: str) -> None:
        current = self._current
        if current is not None:
            self._finish_current()
            self._fail(current, _Lost(why))

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
        if now - pending.deadline > _LATE_SECONDS:
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
        limit = time.monotonic() + self._settings.stop_timeout_seconds
        if limit < current.deadline:
            current.deadline = limit
            self._set_alarm()

    # State

    @property
    def status(self) -> TerminalStatus:
        """See `Terminal.status`."""
        return self._status

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

    @property
    def pid(self) -> int | None:
        """Return the child's process id; None: there is none now."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def until_quiet(self) -> None:
        """See `Terminal.until_quiet`."""
        await self._quiet.wait()

    def bind(self, account: BoundAccount) -> None:
        """See `Terminal.bind`."""
        self._account = account
        if self._ready:
            self._write(frames.Rebind(account))

    def watch(self, watch: Watch) -> None:
        """See `Terminal.watch`."""
        if watch != self._watch:
            self._watch = watch
            if self._ready:
                self._write(frames.Rewatch(watch))

    def _rebase(self, reason: str) -> None:
        if self._ready:
            self._write(frames.Rewatch(self._watch, reason))

    def _set_status(self, status: TerminalStatus, at: float) -> None:
        # The broker's clock goes on while its terminal is away.
        known = self._status
        if status.utc_offset_seconds is None:
            status = replace(status, utc_offset_seconds=known.utc_offset_seconds)
        if status.broker_time_msc is None:
            status = replace(status, broker_time_msc=known.broker_time_msc)
        self._status = status
        self.stream.put(StatusChanged(status, at))


def _own_group() -> dict[str, Any]:
    """Keep a terminal's Ctrl-C from the child, which may be in the middle of an order."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
