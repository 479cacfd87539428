"""What stands in a latch file: one record a line, each with its checksum, only ever appended.

`contents` is a function of the bytes alone, so that every reader comes to the same held stops. Bytes that are
no record count as a stop: they may have been one.
"""

from __future__ import annotations

import json
import uuid
import zlib
from dataclasses import dataclass

from signalos_bridge.domain.control import HeldStop

_DAMAGE = uuid.UUID("6f0e5c0a-7a4f-5a57-9a0b-3c1f6a0d5e11")
HEADER = "latch"


@dataclass(frozen=True, slots=True)
class LatchContents:
    """What a latch file says."""

    held: tuple[HeldStop, ...]
    cleared: frozenset[str]
    stop_generation: int
    # Whether the file ends in the middle of a line: a writer may be at it this very moment.
    torn: bool


def header_record() -> bytes:
    """Return the first record of a new file."""
    return _line({"kind": HEADER, "version": 1})


def stop_record(stop: HeldStop, stop_generation: int) -> bytes:
    """Return the record that holds a stop."""
    return _line(
        {
            "kind": "stop",
            "stop_id": stop.stop_id,
            "close_positions": stop.close_positions,
            "reason": stop.reason,
            "local": stop.local,
            "latched_wall_msc": stop.latched_wall_msc,
            "stop_generation": stop_generation,
        }
    )


def clear_record(stop_ids: tuple[str, ...], stop_generation: int) -> bytes:
    """Return the record of a re-arm."""
    return _line({"kind": "clear", "stop_ids": list(stop_ids), "stop_generation": stop_generation})


def contents(data: bytes) -> LatchContents:
    """Return what a file's bytes say. Never raises."""
    held: dict[str, HeldStop] = {}
    cleared: set[str] = set()
    generation = 0
    lines = data.split(b"\n")
    torn = bool(lines[-1])
    header_seen = False
    for index, line in enumerate(lines):
        if not line:
            continue
        record = _parse(line)
        if isinstance(record, HeldStop):
            held.setdefault(record.stop_id, record)
            if record.close_positions:
                held[record.stop_id] = record
        elif record is None:
            stop = _damage(line, f"line {index + 1} of the latch file is damaged")
            held[stop.stop_id] = stop
        elif record.ids is not None:
            cleared.update(record.ids)
        else:
            header_seen = True
        if isinstance(record, _Numbers):
            generation = max(generation, record.generation)
        elif isinstance(record, HeldStop):
            generation = max(generation, _generation(line))
    if not header_seen:
        # An emptied or overwritten file has lost whatever it held.
        stop = _damage(b"header", "the latch file does not begin as one")
        held[stop.stop_id] = stop
    return LatchContents(
        tuple(stop for stop in held.values() if stop.stop_id not in cleared),
        frozenset(cleared),
        generation,
        torn,
    )


@dataclass(frozen=True, slots=True)
class _Numbers:
    """A record that holds no stop: a re-arm with its `ids`, or the header (None)."""

    ids: tuple[str, ...] | None
    generation: int


def _line(record: dict[str, object]) -> bytes:
    body = json.dumps(record, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    # The newline in front ends a line that a crashed writer may have left open.
    return b"\n%08x " % zlib.crc32(body) + body + b"\n"


def _body(line: bytes) -> object:
    checksum, _, body = line.partition(b" ")
    if len(checksum) != 8 or checksum != b"%08x" % zlib.crc32(body):
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None


def _generation(line: bytes) -> int:
    body = _body(line)
    value = body.get("stop_generation") if isinstance(body, dict) else None
    return value if isinstance(value, int) else 0


def _parse(line: bytes) -> HeldStop | _Numbers | None:
    body = _body(line)
    if not isinstance(body, dict):
        return None
    match body:
        case {"kind": "stop", "stop_id": str(stop_id), "close_positions": bool(close_positions)}:
            wall = body.get("latched_wall_msc")
            return HeldStop(
                stop_id,
                close_positions,
                str(body.get("reason", "")),
                bool(body.get("local", False)),
                wall if isinstance(wall, int) else 0,
            )
        case {"kind": "clear", "stop_ids": list(ids), "stop_generation": int(generation)}:
            return _Numbers(tuple(str(stop_id) for stop_id in ids), generation)
        case {"kind": "latch", "version": 1}:
            return _Numbers(None, 0)
    return None


def _damage(line: bytes, words: str) -> HeldStop:
    stop_id = str(uuid.uuid5(_DAMAGE, f"{zlib.crc32(line):08x}:{len(line)}"))
    return HeldStop(stop_id, False, f"{words}; it may have been a stop", True, 0)
