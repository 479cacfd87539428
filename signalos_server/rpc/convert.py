"""Small conversions between the contract's values and those inside.

Prices and lots are doubles on the wire. A double is read by the 15 digits that it holds for certain: a number
of so many comes out as it was, and what a sender's arithmetic left behind them (1.08726 - 0.01 is
1.0772599999999999) is no part of it. Rules of symbols then say whether it fits.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

E = TypeVar("E", bound=IntEnum)

# DBL_DIG of IEEE 754.
_CERTAIN_DIGITS = 15
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decimal_of(value: float) -> Decimal:
    """Return a double as the decimal that it stands for. Raises `ValueError` for NaN and infinities."""
    found = Decimal(f"{value:.{_CERTAIN_DIGITS}g}")
    if not found.is_finite():
        raise ValueError(f"{value} is not a number")
    return found


def optional_decimal(message: Message, field: str) -> Decimal | None:
    """Return a field with presence as a decimal, None where it is unset."""
    return decimal_of(getattr(message, field)) if message.HasField(field) else None


def optional_value(message: Message, field: str) -> float | None:
    """Return a double with presence, None where it is unset."""
    return getattr(message, field) if message.HasField(field) else None


def number(value: Decimal | None) -> float | None:
    """Return a decimal as the wire's double; None stays unset."""
    return None if value is None else float(value)


def timestamp(value: datetime | None) -> Timestamp | None:
    """Return a time as the wire's; None stays unset."""
    if value is None:
        return None
    # Counted here: on the path of every command, where the library's own way is many times dearer.
    since = value - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000)


def datetime_of(message: Message, field: str) -> datetime | None:
    """Return a time, None where it is unset or beyond what can be counted with."""
    if not message.HasField(field):
        return None
    stamp: Timestamp = getattr(message, field)
    try:
        return _EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)
    except OverflowError:
        return None


def duration(value: timedelta | float) -> Duration:
    """Return a span, or seconds, as the wire's."""
    given = value if isinstance(value, timedelta) else timedelta(seconds=value)
    if given.days >= 0:
        return Duration(seconds=given.days * 86_400 + given.seconds, nanos=given.microseconds * 1_000)
    # Both parts carry the sign.
    span = Duration()
    span.FromTimedelta(given)
    return span


def seconds_of(value: Duration) -> float:
    """Return a span in seconds."""
    return value.seconds + value.nanos / 1e9


def wait_of(message: Message, default_seconds: float) -> float:
    """Return the seconds of a request's `wait`, the default where it is unset; never less than none."""
    if not message.HasField("wait"):
        return default_seconds
    span: Duration = getattr(message, "wait")  # noqa: B009 - of many requests, which share no type
    return min(max(seconds_of(span), 0.0), 60.0)


def enum_of(kind: type[E], value: int, default: E) -> E:
    """Return the member with this number; one of a newer contract is the default."""
    try:
        return kind(value)
    except ValueError:
        return default
