"""Whether the tail of an SQLite write-ahead log was damaged after it had been committed.

SQLite ignores everything behind the first frame whose checksum fails, without a word. For a journal of orders
that silence is dangerous: an intent that was synced, and acted upon, would be forgotten.
"""

from __future__ import annotations

import struct
from pathlib import Path

_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_MAGIC_LITTLE = 0x377F0682
_MAGIC_BIG = 0x377F0683


def committed_tail_damaged(path: Path) -> bool:
    """Return whether a frame that SQLite would skip belongs to a transaction that had been committed.

    A transaction that was cut off while it was written (no commit frame behind the damage) is no loss:
    nothing was done on the strength of it.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return False
    if len(data) < _HEADER_BYTES + _FRAME_HEADER_BYTES:
        return False
    magic, _version, page_size = struct.unpack_from(">III", data, 0)
    if magic not in (_MAGIC_LITTLE, _MAGIC_BIG) or page_size == 0:
        return False
    order = "<" if magic == _MAGIC_LITTLE else ">"
    salts = data[16:24]
    sums = _checksum(data[:24], (0, 0), order)
    if sums != struct.unpack_from(">II", data, 24):
        return False
    size = _FRAME_HEADER_BYTES + page_size
    damaged = False
    for start in range(_HEADER_BYTES, len(data) - size + 1, size):
        if data[start + 8 : start + 16] != salts:
            # Left over from before the log was last begun anew.
            break
        commits = struct.unpack_from(">I", data, start + 4)[0] != 0
        if not damaged:
            sums = _checksum(data[start : start + 8], sums, order)
            sums = _checksum(data[start + _FRAME_HEADER_BYTES : start + size], sums, order)
            damaged = sums != struct.unpack_from(">II", data, start + 16)
        if damaged and commits:
            return True
    return False


def _checksum(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    """Return SQLite's running checksum over `data`, whose length is a multiple of eight."""
    one, two = sums
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for first, second in zip(words, words, strict=True):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return one, two
