"""The latch: the stops in force, on this machine's own disk, whatever else is down.

The bridge writes it, and so does `stop_locally` from any other process. It is only ever appended to, and
synced before it counts as latched.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from signalos_bridge import files
from signalos_bridge.domain.control import HeldStop
from signalos_bridge.domain.latch_records import (
    LatchContents,
    clear_record,
    contents,
    header_record,
    stop_record,
)

LATCH_FILE = "stops.latch"
POKE_FILE = "poke.json"
_LOCK_SECONDS = 2.0
_TORN_RETRIES = 10
_TORN_WAIT_SECONDS = 0.005


class LatchUnavailable(Exception):  # noqa: N818 (it names a state of the world, not a fault)
    """The latch could not be read or written: count as stopped, and nothing new is on the disk."""


class LatchMissing(LatchUnavailable):
    """There is no latch file where one must be."""


class Latch:
    """The latch file of one data directory. Blocking: writes belong into a thread."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / LATCH_FILE
        self._lock = data_dir / f".{LATCH_FILE}.lock"
        self._seen: tuple[int, int, int] | None = None

    @property
    def exists(self) -> bool:
        """Return whether there is a file."""
        return self._path.exists()

    def create(self) -> None:
        """Make an empty latch where there is none."""
        with files.locked(self._lock, _LOCK_SECONDS):
            if not self._path.exists():
                self._append(header_record())

    def changed(self) -> bool:
        """Return whether the file differs from what was last read; a look costs microseconds."""
        try:
            return self._stamp() != self._seen
        except OSError:
            return True

    def read(self) -> LatchContents:
        """Return what the file says. Raises `LatchUnavailable`, also where there is no file."""
        try:
            for _ in range(_TORN_RETRIES):
                stamp = self._stamp()
                found = contents(self._path.read_bytes())
                if not found.torn:
                    break
                # A writer may be in the middle of it. If not, the torn line counts as a stop.
                time.sleep(_TORN_WAIT_SECONDS)
        except FileNotFoundError:
            self._seen = None
            raise LatchMissing("the latch file is missing") from None
        except OSError as error:
            self._seen = None
            raise LatchUnavailable(f"the latch file cannot be read: {error.strerror or error}") from error
        self._seen = stamp
        return found

    def hold(self, stop: HeldStop, stop_generation: int) -> None:
        """Return once the stop is on the disk. Raises `LatchUnavailable`."""
        self._write(stop_record(stop, stop_generation))

    def clear(self, stop_ids: tuple[str, ...], stop_generation: int) -> None:
        """Return once the re-arm is on the disk. Raises `LatchUnavailable`."""
        self._write(clear_record(stop_ids, stop_generation))

    def rebuild(self, held: Iterable[HeldStop], stop_generation: int) -> None:
        """Begin a new file in the place of one that has gone, with what is known and a stop for what is not.

        Raises `LatchUnavailable`.
        """
        lost = HeldStop(
            stop_id=str(uuid.uuid4()),
            close_positions=False,
            reason="the latch file was missing; it may have held a stop",
            local=True,
            latched_wall_msc=time.time_ns() // 1_000_000,
        )
        for stop in (*held, lost):
            self._write(stop_record(stop, stop_generation))

    def drill(self) -> None:
        """Write and sync as a stop would be, into a file of no meaning. Raises `LatchUnavailable`."""
        scratch = self._path.with_suffix(".drill")
        stop = HeldStop(str(uuid.uuid4()), False, "drill", False, time.time_ns() // 1_000_000)
        try:
            descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, files.OWNER_ONLY)
            try:
                os.write(descriptor, stop_record(stop, 0))
                files.sync_file(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise LatchUnavailable(f"the disk does not take a latch: {error.strerror or error}") from error

    def _write(self, record: bytes) -> None:
        try:
            with files.locked(self._lock, _LOCK_SECONDS):
                if not self._path.exists():
                    record = header_record() + record
                self._append(record)
        except OSError as error:
            raise LatchUnavailable(f"the latch cannot be written: {error.strerror or error}") from error

    def _append(self, record: bytes) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        new = not self._path.exists()
        descriptor = os.open(self._path, flags, files.OWNER_ONLY)
        try:
            written = os.write(descriptor, record)
            if written != len(record):
                raise OSError(f"only {written} of {len(record)} bytes were written")
            files.sync_file(descriptor)
        finally:
            os.close(descriptor)
        if new:
            files.sync_directory(self._path.parent)

    def _stamp(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns


@dataclass(frozen=True, slots=True)
class LocalStop:
    """What `stop_locally` achieved. The stop is on the disk; `bridge_answered`: a running bridge has it."""

    stop_id: str
    bridge_answered: bool


def stop_locally(
    data_dir: Path, reason: str, close_positions: bool = False, *, wait_seconds: float = 2.0
) -> LocalStop:
    """Stop the bridge of this data directory, whether it runs or not, with nothing else up.

    Writes and syncs the latch, then pokes the bridge and waits up to `wait_seconds` for its word. Raises
    `LatchUnavailable` when the disk does not take it.
    """
    stop = HeldStop(
        stop_id=str(uuid.uuid4()),
        close_positions=close_positions,
        reason=reason or "stopped at the bridge's machine",
        local=True,
        latched_wall_msc=time.time_ns() // 1_000_000,
    )
    Latch(data_dir).hold(stop, 0)
    return LocalStop(stop.stop_id, poke(data_dir, stop.stop_id, wait_seconds))


def poke(data_dir: Path, stop_id: str, wait_seconds: float) -> bool:
    """Ask a running bridge to read its latch; return whether it says that it holds the stop."""
    try:
        told = json.loads((data_dir / POKE_FILE).read_bytes())
        port, secret = int(told["port"]), str(told["secret"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    request = json.dumps({"secret": secret, "stop_id": stop_id}).encode()
    deadline = time.monotonic() + wait_seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        while (left := deadline - time.monotonic()) > 0:
            try:
                link.sendto(request, ("127.0.0.1", port))
                link.settimeout(min(0.2, left))
                answer = json.loads(link.recv(4096))
            except (OSError, ValueError):
                # Nobody there, or not yet: the bridge also looks by itself.
                time.sleep(min(0.02, max(0.0, deadline - time.monotonic())))
                continue
            if isinstance(answer, dict) and stop_id in answer.get("held", []):
                return True
    return False


def write_poke_file(data_dir: Path, port: int) -> str:
    """Say where to poke this bridge; returns the secret that a poke must carry."""
    secret = secrets.token_urlsafe(24)
    body = json.dumps({"port": port, "secret": secret}).encode()
    files.write_whole(data_dir / POKE_FILE, body, secret=True)
    return secret
