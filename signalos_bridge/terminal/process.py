"""The parent's side of the terminal's process: its life, its silence, and what it tells.

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

from signalos_bridge.domain.market import BoundAccount, TerminalStatus
from signalos_bridge.terminal import frames
from signalos_bridge.terminal.calls import LATE_SECONDS, CallLimits, Calls
from signalos_bridge.terminal.change_stream import ChangeStream
from signalos_bridge.terminal.exit_codes import MODULE_UNUSABLE
from signalos_bridge.terminal.frames import Beat, Changed, PollSettings, Reply
from signalos_bridge.terminal.metatrader5 import AdapterSettings
from signalos_bridge.terminal.port import StatusChanged, Watch
from signalos_bridge.terminal.status import status_without_terminal

log = logging.getLogger(__name__)

_RESTART_BACKOFF_SECONDS = (0.05, 0.5, 1.0, 2.0, 5.0, 10.0)
# A child that lived this long has earned a quick restart.
_PROVEN_SECONDS = 3.0
_STARTING_SECONDS = 15.0
_CLOSING_SECONDS = 3.0
_WATCHDOG_SECONDS = 0.25
_PIPE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """The child process and its limits."""

    adapter: AdapterSettings = field(default_factory=AdapterSettings)
    poll: PollSettings = field(default_factory=PollSettings)
    account: BoundAccount | None = None
    watch: Watch = field(default_factory=Watch)
    # Broker time minus UTC, where it is known beforehand; fresh quotes correct it.
    utc_offset_seconds: int | None = None
    limits: CallLimits = field(default_factory=CallLimits)
    python: str = sys.executable


class ChildProcess:
    """One terminal's process, kept alive. `calls` go into it, `stream` is what it tells."""

    def __init__(self, settings: ProcessSettings) -> None:
        self._settings = settings
        self._account = settings.account
        self._watch = settings.watch
        self._process: asyncio.subprocess.Process | None = None
        self._closing = False
        self._killed_for: str | None = None
        self._starts = 0
        # Why the module that speaks to the terminal cannot be used; None: as far as is known it can.
        self.module_unusable: str | None = None
        self._heard_at = 0.0
        self._may_be_silent_until = 0.0
        self._status = replace(status_without_terminal(), utc_offset_seconds=settings.utc_offset_seconds)
        self.calls = Calls(settings.limits, self._write, self._kill, lambda: self._status.error_text)
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
                if self._process is not None and self._process.returncode == MODULE_UNUSABLE:
                    self.module_unusable = why = self._status.error_text or why
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
        self.calls.refuse()
        await self.calls.until_idle()
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
        self.calls.refuse()
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
            await process.wait()
        finally:
            watchdog.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watchdog
            self.calls.admit(False)
            if process.returncode is None:
                process.kill()
                await process.wait()
            why = self._killed_for or f"the terminal's process ended with code {process.returncode}"
            self.calls.lose(why)
        return why

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
                self.calls.answered(frame)
            case Changed():
                change = frames.change_of(frame)
                if isinstance(change, StatusChanged):
                    self._set_status(change.status, change.at)
                else:
                    self.stream.put(change)
            case Beat():
                self.last_read_at = frame.last_read_at or self.last_read_at
                self._may_be_silent_until = self._heard_at + frame.busy_seconds
                if frame.busy_seconds:
                    self.calls.extend(self._may_be_silent_until)
                announced = frame.busy_seconds > 0
                self.calls.admit(frame.attached and not announced and self._killed_for is None)

    async def _watch_over(self, process: asyncio.subprocess.Process) -> None:
        """Kill a child that looks at its terminal and does not come back."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_WATCHDOG_SECONDS)
            now = time.monotonic()
            if now - before > _WATCHDOG_SECONDS + LATE_SECONDS:
                # We slept ourselves. What the child has said meanwhile is read first.
                self._heard_at = now
                continue
            silent_since = max(self._heard_at, self._may_be_silent_until)
            if self.calls.idle and now - silent_since > self._settings.limits.read_seconds:
                self._kill(f"no sign of life for {now - self._heard_at:.1f} s")
                return

    def _kill(self, why: str) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            log.error("killing terminal process %d: %s", process.pid, why)
            self._killed_for = why
            self.calls.admit(False)
            process.kill()

    def _write(self, frame: frames.ToChild) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        # Frames to the child are small and one at a time: the pipe never fills.
        process.stdin.write(frames.pack(frame))

    # State

    @property
    def status(self) -> TerminalStatus:
        """See `Terminal.status`."""
        return self._status

    @property
    def pid(self) -> int | None:
        """Return the child's process id; None: there is none now."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def bind(self, account: BoundAccount) -> None:
        """See `Terminal.bind`."""
        self._account = account
        self._write(frames.Rebind(account))

    def watch(self, watch: Watch) -> None:
        """See `Terminal.watch`."""
        if watch != self._watch:
            self._watch = watch
            self._write(frames.Rewatch(watch))

    def _rebase(self, reason: str) -> None:
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
