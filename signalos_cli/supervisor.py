"""Runs several programs as one: carries out what `signalos_cli.domain.supervision` decides.

Threads and one queue, no event loop: each process has one thread that reads what it says and one that
waits for its end; the main thread alone decides. Signal handlers put into the same queue.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

from signalos_cli.domain.supervision import (
    Action,
    AllEnded,
    AllServe,
    AskToEnd,
    Exit,
    Kill,
    Limits,
    Program,
    Start,
    State,
    Supervision,
)
from signalos_cli.errors import UserError
from signalos_cli.parent import PARENT_PIPE

log = logging.getLogger(__name__)

_READY_POLL_SECONDS = 0.05
# Ctrl-C does not interrupt a waiting main thread on Windows; it is noticed at the next turn.
_LONGEST_WAIT_SECONDS = 0.5 if sys.platform == "win32" else 5.0
_LONGEST_LINE = 64 * 1024


@dataclass(frozen=True, slots=True)
class ProgramFile:
    """What a program writes when it serves. `address` is `HOST:PORT`, or empty where it has none.

    `tls`: it speaks TLS itself there; only the gateway says so.
    """

    pid: int
    address: str = ""
    tls: bool = False

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @staticmethod
    def read(path: Path) -> ProgramFile | None:
        """Return nothing while there is no whole file."""
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            address = held.get("address", "")
            if not address and "port" in held:
                address = f"{held['host']}:{held['port']}"
            return ProgramFile(int(held["pid"]), str(address), held.get("tls") is True)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


Addresses = Mapping[str, ProgramFile]
"""The program files of those that served, by name: also of one that is being restarted."""


@dataclass(frozen=True, slots=True)
class Supervised:
    """How a program is started, and how one sees that it serves."""

    program: Program
    command: Callable[[Addresses], Sequence[str]]
    """Told its own last address too, so that it comes back where others look for it."""
    ready_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Addresses], None] | None = None
    """What must be done before each start, besides; repeating it is harmless. Raises `UserError`."""


class Teller(Protocol):
    """Shows a person what happens."""

    def line(self, name: str, text: str) -> None:
        """Pass on a line that a program wrote. Never blocks; callable from any thread."""

    def action(self, action: Action) -> None: ...


@dataclass(frozen=True, slots=True)
class _Exited:
    name: str
    start: int
    how: Exit


@dataclass(frozen=True, slots=True)
class _Spawned:
    name: str
    start: int
    process: subprocess.Popen[bytes]


class _EndAsked:
    """By a signal, or by `Supervisor.end`."""


class Supervisor:
    """Runs `programs` until it is told to end, by signal or by `end`."""

    def __init__(
        self,
        programs: Sequence[Supervised],
        teller: Teller,
        *,
        limits: Limits | None = None,
        on_serving: Callable[[Addresses], None] = lambda _: None,
    ) -> None:
        self._programs = {each.program.name: each for each in programs}
        self._supervision = Supervision([each.program for each in programs], limits)
        self._teller = teller
        self._on_serving = on_serving
        self._inputs: queue.SimpleQueue[_Exited | _Spawned | _EndAsked] = queue.SimpleQueue()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._starts: dict[str, int] = dict.fromkeys(self._programs, 0)
        self._addresses: dict[str, ProgramFile] = {}
        self._kill_when_spawned: set[str] = set()
        self._outcome: AllEnded | None = None

    def end(self) -> None:
        """Ask all to end. Callable from any thread and from signal handlers; twice: at once."""
        self._inputs.put(_EndAsked())

    def run(self) -> bool:
        """Block until everything has ended. Returns whether that was asked for."""
        self._carry_out(self._supervision.begin(time.monotonic()))
        while self._outcome is None:
            self._take(self._wait_seconds())
            self._look_who_serves()
            self._carry_out(self._supervision.poll(time.monotonic()))
        return not self._outcome.failed

    def _wait_seconds(self) -> float:
        if any(self._supervision.state(name) is State.STARTING for name in self._programs):
            return _READY_POLL_SECONDS
        due = self._supervision.next_due()
        if due is None:
            return _LONGEST_WAIT_SECONDS
        return min(max(due - time.monotonic(), 0.0), _LONGEST_WAIT_SECONDS)

    def _take(self, wait_seconds: float) -> None:
        try:
            said = self._inputs.get(timeout=wait_seconds)
        except queue.Empty:
            return
        now = time.monotonic()
        match said:
            case _EndAsked():
                self._carry_out(self._supervision.end(now))
            case _Spawned(name, _, process):
                self._processes[name] = process
                if self._supervision.state(name) is State.ENDING:
                    self._ask_to_end(name)
                if name in self._kill_when_spawned:
                    self._kill(name)
            case _Exited(name, _, how):
                self._processes.pop(name, None)
                self._kill_when_spawned.discard(name)
                self._carry_out(self._supervision.exited(name, how, now))

    def _look_who_serves(self) -> None:
        for name, process in list(self._processes.items()):
            if self._supervision.state(name) is not State.STARTING or process.poll() is not None:
                continue
            found = ProgramFile.read(self._programs[name].ready_file)
            if found is not None:
                self._addresses[name] = found
                self._carry_out(self._supervision.serves(name, time.monotonic()))

    def _carry_out(self, actions: Sequence[Action]) -> None:
        for action in actions:
            self._teller.action(action)
            match action:
                case Start(name):
                    self._start(name)
                case AskToEnd(name):
                    self._ask_to_end(name)
                case Kill(name):
                    self._kill(name)
                case AllServe():
                    self._on_serving(dict(self._addresses))
                case AllEnded():
                    self._outcome = action

    def _start(self, name: str) -> None:
        self._starts[name] += 1
        threading.Thread(
            target=self._run_one,
            args=(self._programs[name], self._starts[name], dict(self._addresses)),
            name=f"run {name}",
            daemon=True,
        ).start()

    def _run_one(self, supervised: Supervised, start: int, addresses: Addresses) -> None:
        """In a thread of its own: prepare, spawn, pass lines on, wait, and say how it ended."""
        name = supervised.program.name
        try:
            if supervised.prepare is not None:
                supervised.prepare(addresses)
            # The file of an earlier run must not be taken for this one's.
            supervised.ready_file.unlink(missing_ok=True)
            process = _spawn(supervised, addresses)
        except UserError as error:
            words = f"{error.message} ({error.hint})" if error.hint else error.message
            self._inputs.put(_Exited(name, start, Exit(error.exit_code, reason=words)))
            return
        except Exception as error:  # the outermost edge of this thread
            log.exception("could not start a program", extra={"program": name})
            self._inputs.put(_Exited(name, start, Exit(1, reason=f"could not start: {error}")))
            return
        self._inputs.put(_Spawned(name, start, process))
        reader = threading.Thread(target=self._pass_on, args=(name, process), daemon=True)
        reader.start()
        code = process.wait()
        _kill_group(process.pid)
        # Its last words belong before the word of its end; a grandchild may hold the pipe open.
        reader.join(timeout=1.0)
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
        how = Exit(signal=-code) if code < 0 else Exit(code=code)
        self._inputs.put(_Exited(name, start, how))

    def _pass_on(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as pipe:
            # A line longer than this is passed on in pieces: a program must not fill our memory.
            while line := pipe.readline(_LONGEST_LINE):
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                if text:
                    self._teller.line(name, text)

    def _ask_to_end(self, name: str) -> None:
        process = self._processes.get(name)
        if process is None:
            return  # still being spawned: asked when it is there
        if sys.platform == "win32":
            # The end of its standard input asks it to end, see `signalos_cli.parent`.
            assert process.stdin is not None
            with suppress(OSError):
                process.stdin.close()
        else:
            process.terminate()

    def _kill(self, name: str) -> None:
        process = self._processes.get(name)
        if process is None:
            self._kill_when_spawned.add(name)
            return
        process.kill()


def _spawn(supervised: Supervised, addresses: Addresses) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        **supervised.environment,
        PARENT_PIPE: "stdin",
    }
    # In a session (on Windows a group) of its own, so that Ctrl-C reaches the supervisor alone.
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    return subprocess.Popen(  # noqa: S603 - our own interpreter and modules
        list(supervised.command(addresses)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=sys.platform != "win32",
        creationflags=flags,
    )


def _kill_group(leader: int) -> None:
    """End what a program that is gone left behind, so that it does not meet its successor."""
    if sys.platform == "win32":
        return  # there a program's own children end with its pipes
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


@contextmanager
def ended_by_signals(end: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM, a closed terminal or (Windows) Ctrl-Break call `end`."""
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]

    def handle(number: int, frame: FrameType | None) -> None:
        end()

    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
