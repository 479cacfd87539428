"""Files that must be whole, durable and the owner's alone."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

OWNER_ONLY = 0o600


def sync_file(descriptor: int) -> None:
    """Return once what was written is on the disk itself."""
    if sys.platform == "darwin":
        import fcntl

        # fsync on macOS leaves the data in the drive's cache.
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_directory(directory: Path) -> None:
    """Return once a file's name is on the disk; Windows does that with the file."""
    if sys.platform == "win32":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def acl_arguments(path: Path, user: str) -> list[str]:
    """Return the `icacls` call that leaves a file to one user: no inheritance, and nobody else."""
    return ["icacls", str(path), "/inheritance:r", "/grant:r", f"{user}:F"]


def restrict(path: Path) -> None:
    """Leave a file to its owner; on Windows by `icacls`, since `os.chmod` does nothing of the kind there."""
    if sys.platform == "win32":
        user = f"{os.environ['USERDOMAIN']}\\{os.environ['USERNAME']}"
        subprocess.run(acl_arguments(path, user), check=True, capture_output=True)  # noqa: S603 (fixed program)
    else:
        path.chmod(OWNER_ONLY)


def write_whole(path: Path, data: bytes, *, secret: bool = False) -> None:
    """Replace a file, so that a reader or a crash finds the old one or the new one, whole and synced.

    It is its owner's alone, as `mkstemp` makes it. A `secret` is so on Windows too, where that takes a
    program and so some time.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            sync_file(file.fileno())
        if secret:
            restrict(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


@contextlib.contextmanager
def locked(path: Path, wait_seconds: float) -> Iterator[bool]:
    """Hold a lock among processes; yields False where it was not to be had in time.

    The caller goes on then: a process that hangs while it holds the lock must not keep a stop from the disk.
    """
    import time

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
    try:
        deadline = time.monotonic() + wait_seconds
        held = _try_lock(descriptor)
        while not held and time.monotonic() < deadline:
            time.sleep(0.005)
            held = _try_lock(descriptor)
        try:
            yield held
        finally:
            if held:
                _unlock(descriptor)
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
