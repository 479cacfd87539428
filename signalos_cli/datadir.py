"""The directory that holds everything an installation keeps, and who may use it.

`--data-dir` always names the same root; each program keeps its own part below it.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from signalos_cli.errors import UserError


@dataclass(frozen=True, slots=True)
class DataDir:
    """The root, with the places of the programs in it."""

    root: Path

    @property
    def server(self) -> Path:
        return self.root / "server"

    @property
    def gateway(self) -> Path:
        return self.root / "gateway"

    @property
    def emulator(self) -> Path:
        return self.root / "emulator"

    @property
    def telegram(self) -> Path:
        return self.root / "telegram"

    def bridge(self, name: str = "") -> Path:
        """One directory per bridge, so that a machine can run a bridge for each of its terminals."""
        return self.root / (f"bridge-{name}" if name else "bridge")


def default_data_dir() -> Path:
    """The user's own place for data, by the custom of the system."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "signalos"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "signalos"
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "signalos"


def make_private(directory: Path) -> Path:
    """Make `directory` with its parents, open to its owner only.

    On Windows a directory of the user's profile is private already, and modes mean nothing there. Raises
    `UserError` when it cannot be made or belongs to somebody else.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if sys.platform != "win32":
            held = directory.stat()
            if held.st_uid not in (os.geteuid(), 0):
                raise UserError(f"{directory} belongs to another user")
            if stat.S_IMODE(held.st_mode) & 0o077:
                directory.chmod(0o700)
    except OSError as error:
        raise UserError(f"cannot use {directory}: {error.strerror}") from error
    return directory


def write_private(path: Path, text: str) -> None:
    """Write `path` whole or not at all, synced, readable by its owner only."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


@contextmanager
def single_instance(directory: Path, what: str, *, wait_seconds: float = 0.0) -> Iterator[None]:
    """Own `directory` until the block or the process ends, however it ends.

    Raises `UserError` when another process still owns it after `wait_seconds`.
    """
    path = directory / "running.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + wait_seconds
    try:
        while not _lock(descriptor):
            if time.monotonic() >= deadline:
                raise UserError(f"{what} runs already on {directory}{_by_whom(directory)}")
            time.sleep(0.1)
        write_private(directory / "running.pid", json.dumps({"pid": os.getpid(), "what": what}))
        try:
            yield
        finally:
            (directory / "running.pid").unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def is_owned(directory: Path) -> bool:
    """Whether a process owns `directory`: its lock tells, not a process id, which may be another's by now."""
    try:
        descriptor = os.open(directory / "running.lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _by_whom(directory: Path) -> str:
    try:
        return f" (process {json.loads((directory / 'running.pid').read_text())['pid']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EDEADLK):
                return False
            raise
        return True

else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
