"""Numbers and times on their way to and from the wire."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

# Finer than any broker's price, volume or money, and coarser than the dust of binary fractions.
_PLACES = Decimal("1e-8")


class Malformed(Exception):  # noqa: N818 (it names what arrived)
    """A frame does not say what it should. Nothing of it is done."""


def decimal_of(value: float, what: str) -> Decimal:
    """Return the decimal that a double stands for. Raises `Malformed` for NaN and infinities."""
    if not math.isfinite(value):
        raise Malformed(f"{what} is {value}")
    # `repr` is the shortest decimal that reads back as this double: what was meant, without its tail.
    exact = Decimal(repr(float(value)))
    exponent = exact.as_tuple().exponent
    return exact.quantize(_PLACES) if isinstance(exponent, int) and exponent < -8 else exact


def number(value: Decimal | None) -> float | None:
    """Return a decimal as the wire's double; None stays unset."""
    return None if value is None else float(value)


def duration_of(seconds: float) -> Duration:
    """Return seconds as a `Duration`."""
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=seconds))
    return duration


def seconds_of(duration: Duration) -> float:
    """Return a `Duration` in seconds."""
    return float(duration.seconds) + duration.nanos / 1e9


def timestamp_of(wall_msc: int) -> Timestamp:
    """Return UTC milliseconds as a `Timestamp`."""
    return Timestamp(seconds=wall_msc // 1000, nanos=wall_msc % 1000 * 1_000_000)


def wall_msc_of(timestamp: Timestamp) -> int:
    """Return a `Timestamp` in UTC milliseconds."""
    return int(timestamp.seconds) * 1000 + int(timestamp.nanos) // 1_000_000


def datetime_of(wall_msc: int) -> datetime:
    """Return UTC milliseconds as a time for people."""
    return datetime.fromtimestamp(wall_msc / 1000, UTC)
