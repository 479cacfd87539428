"""Frames between the broker, its terminals' clients and its operators.

A frame is four bytes of length, little-endian, and a MessagePack value. A caller sends a list: the name
of a function and its arguments. The broker answers with a list whose first item is an `Answer`.
"""

import struct
from enum import IntEnum
from typing import Any

import msgspec

LARGEST_FRAME_BYTES = 256 * 1024 * 1024
HEADER = struct.Struct("<I")

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder()

PACKED_TICK = struct.Struct("<qdddQqId")
"""time, bid, ask, last, volume, time_msc, flags, volume_real: numpy's layout of one tick."""
PACKED_RATE = struct.Struct("<qddddQiQ")
"""time, open, high, low, close, tick_volume, spread, real_volume."""


class Answer(IntEnum):
    """What a frame from the broker is; the meaning of what follows it in the list."""

    VALUE = 0
    """The value."""
    FAILED = 1
    """The code and the text of `last_error()`."""
    HOLD = 2
    """Microseconds for which to keep the GIL before reading the next frame."""


class FrameTooLarge(Exception):  # noqa: N818 - says what the frame is
    """The peer announced a frame that nobody sends."""


def encode_value(value: Any) -> bytes:
    """Return a part of a frame, which may be put into one as `msgspec.Raw`."""
    return _encoder.encode(value)


def encode(value: Any) -> bytes:
    body = _encoder.encode(value)
    return HEADER.pack(len(body)) + body


def decode(body: bytes | bytearray | memoryview) -> Any:
    """Raises `msgspec.DecodeError` for what is not MessagePack."""
    return _decoder.decode(body)


class FrameReader:
    """Cuts a stream of bytes into the values of its frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        """Return the values that are complete now."""
        if not self._buffer and len(data) >= 4 and HEADER.unpack_from(data)[0] == len(data) - 4:
            # Nearly always one whole frame.
            return [decode(memoryview(data)[4:])]
        self._buffer += data
        values = []
        while len(self._buffer) >= 4:
            (length,) = HEADER.unpack_from(self._buffer)
            if length > LARGEST_FRAME_BYTES:
                raise FrameTooLarge(length)
            end = 4 + length
            if len(self._buffer) < end:
                break
            values.append(decode(memoryview(self._buffer)[4:end].tobytes()))
            del self._buffer[:end]
        return values
