"""Shows what supervised programs say and what befalls them, without ever holding them up."""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.text import Text

from signalos_cli.domain.supervision import (
    Action,
    AllEnded,
    AllServe,
    AskToEnd,
    GaveUp,
    Start,
    Storm,
    TooSlow,
    WillRestart,
)

_COLOURS = {"server": "cyan", "gateway": "magenta", "bridge": "green", "emulator": "blue"}
_LONGEST_QUEUE = 10_000


class StderrTeller:
    """Writes to standard error from a thread of its own, behind a bounded queue.

    A reader that stalls (a paused pager, a full pipe) would otherwise stop the programs' writing, and with
    it the programs. What does not fit is dropped, counted and said.
    """

    def __init__(self, console: Console, *, json_lines: bool) -> None:
        self._console = console
        self._json = json_lines
        self._lines: queue.Queue[tuple[str, str] | threading.Event | None] = queue.Queue(_LONGEST_QUEUE)
        self._dropped = 0
        self._status: Status | None = None
        self._starting: list[str] = []
        self._writer = threading.Thread(target=self._write, name="teller", daemon=True)
        self._writer.start()

    def line(self, name: str, text: str) -> None:
        self._put(name, text)

    def action(self, action: Action) -> None:
        self._show_progress(action)
        words = words_of(action)
        if words:
            if self._json:
                self._put("supervisor", json.dumps({"event": words, "timestamp": _now()}))
            else:
                self._put("supervisor", words)

    def say(self, text: str) -> None:
        """Tell a person something, between the programs' lines."""
        for line in text.splitlines():
            self._put("", json.dumps({"event": line, "timestamp": _now()}) if self._json else line)

    def catch_up(self, wait_seconds: float = 1.0) -> None:
        """Wait until all said so far is written, unless nobody reads it."""
        reached = threading.Event()
        with suppress(queue.Full):
            self._lines.put_nowait(reached)
            reached.wait(wait_seconds)

    def close(self, wait_seconds: float = 2.0) -> None:
        """Write what is left, unless nobody reads it."""
        self._stop_progress()
        deadline = time.monotonic() + wait_seconds
        try:
            self._lines.put(None, timeout=wait_seconds)
        except queue.Full:
            return
        self._writer.join(max(0.0, deadline - time.monotonic()))

    def _put(self, name: str, text: str) -> None:
        try:
            self._lines.put_nowait((name, text))
        except queue.Full:
            self._dropped += 1

    def _write(self) -> None:
        while (taken := self._lines.get()) is not None:
            if isinstance(taken, threading.Event):
                taken.set()
                continue
            name, text = taken
            try:
                self._write_one(name, text)
                if self._dropped:
                    dropped, self._dropped = self._dropped, 0
                    self._write_one("supervisor", f"{dropped} lines were not shown: nobody read them in time")
            except (OSError, ValueError):
                return  # standard error is gone; the programs go on

    def _write_one(self, name: str, text: str) -> None:
        if self._json:
            sys.stderr.write(_with_program(name, text) + "\n")
            sys.stderr.flush()
            return
        shown = Text()
        if name:
            shown.append(f"{name:<10} ", style=_COLOURS.get(name, "bold yellow"))
        shown.append_text(Text.from_ansi(text) if name else Text.from_markup(escape(text)))
        self._console.print(shown)

    def _show_progress(self, action: Action) -> None:
        if not self._console.is_terminal or self._json:
            return
        match action:
            case Start(name) if self._status is not None or not self._starting:
                self._starting.append(name)
                text = f"starting {', '.join(self._starting)}"
                if self._status is None:
                    self._status = self._console.status(text)
                    self._status.start()
                else:
                    self._status.update(text)
            case AllServe() | GaveUp() | AskToEnd() | AllEnded():
                self._stop_progress()

    def _stop_progress(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


def words_of(action: Action) -> str:
    """What a person is told of `action`; nothing of what goes without saying."""
    match action:
        case Start(name):
            return f"starts {name}"
        case WillRestart(name, how, pause):
            return f"{name} ended ({how.describe()}); starts again in {pause:g} s"
        case Storm(name, count, seconds):
            return (
                f"{name} ended {count} times within {seconds:g} s; its lines above say why. "
                "It is started again all the same, at growing intervals"
            )
        case GaveUp(name, how, 1):
            return f"{name} cannot start: {how.describe()}; ends everything"
        case GaveUp(name, how, starts):
            return f"{name} did not come up in {starts} starts ({how.describe()}); ends everything"
        case TooSlow(name, seconds):
            return f"{name} took longer than {seconds:g} s; kills it"
        case AskToEnd(name):
            return f"ends {name}"
        case _:
            return ""


def _with_program(name: str, text: str) -> str:
    """Keep one JSON object a line, each saying whose it is."""
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        said = {"event": text, "timestamp": _now()}
    return json.dumps({"program": name or "supervisor", **said}, ensure_ascii=False)


def _now() -> str:
    return datetime.now(UTC).isoformat()
