"""Named instants at which a test may end, hold or delay this process. Active only where the environment asks.

`SIGNALOS_FAILPOINTS="NAME:3,OTHER=stop"` kills the process with SIGKILL the third time that it passes NAME,
and suspends it with SIGSTOP the first time that it passes OTHER. Actions are `kill` (the default), `stop` and
`pause(MILLISECONDS)`, which holds up the passing thread.

`SIGNALOS_FAILPOINTS=@FILE` reads the same text from FILE, again whenever that is written anew, so that a
running process can be armed. Every point that is passed is then told in FILE.log, a line each: time, name,
and `passed` or the action. FILE is removed before a point strikes, so that it strikes once.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from dataclasses import dataclass

VARIABLE = "SIGNALOS_FAILPOINTS"
_FORM = re.compile(r"(?P<name>\w+)(:(?P<count>\d+))?(=(?P<action>kill|stop|pause\((?P<ms>\d+)\)))?")


@dataclass(slots=True)
class _Point:
    remaining: int
    action: str
    pause_seconds: float


def _parse(text: str) -> dict[str, _Point]:
    points: dict[str, _Point] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        found = _FORM.fullmatch(part)
        if found is None:
            raise ValueError(f"{VARIABLE}: {part!r} is not NAME[:COUNT][=kill|stop|pause(MILLISECONDS)]")
        action = (found["action"] or "kill").partition("(")[0]
        points[found["name"]] = _Point(int(found["count"] or 1), action, int(found["ms"] or 0) / 1000)
    return points


class _Points:
    """What is armed in this process."""

    def __init__(self, text: str) -> None:
        self._file = text[1:] if text.startswith("@") else ""
        self._armed = {} if self._file else _parse(text)
        self._stamp: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def reached(self, name: str) -> None:
        with self._lock:
            if self._file:
                self._read()
            point = self._armed.get(name)
            if point is not None:
                point.remaining -= 1
            strikes = point is not None and point.remaining == 0
            self._tell(name, point.action if point is not None and strikes else "passed")
            if strikes and self._file:
                self._armed = {}
                os.unlink(self._file)
        if point is None or not strikes:
            return
        if point.action == "pause":
            time.sleep(point.pause_seconds)
        else:
            os.kill(os.getpid(), signal.SIGSTOP if point.action == "stop" else signal.SIGKILL)

    def _read(self) -> None:
        try:
            found = os.stat(self._file)
            stamp = (found.st_ino, found.st_mtime_ns)
            if stamp != self._stamp:
                with open(self._file, encoding="ascii") as file:
                    self._armed = _parse(file.read())
                self._stamp = stamp
        except FileNotFoundError:
            self._armed, self._stamp = {}, None

    def _tell(self, name: str, what: str) -> None:
        if not self._file:
            return
        log = os.open(f"{self._file}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(log, f"{time.time():.6f} {name} {what}\n".encode("ascii"))
        finally:
            os.close(log)


_points = _Points(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None


def reach(name: str) -> None:
    """Do here what the environment asked for; else nothing."""
    if _points is not None:
        _points.reached(name)
