"""JSON values to the values of single fields, strictly. A refusal names the range that is allowed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from web_gateway.naming import enum_names, is_wide
from web_gateway.rules import FieldRules
from web_gateway.strict_json import JsonValue

Reader: TypeAlias = Callable[[JsonValue], Any]

_DURATION_TEXT: Final = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s")
_TIMESTAMP_TEXT: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)"
)
_INTEGER_TEXT: Final = re.compile(r"-?(?:0|[1-9]\d{0,19})")
_NUMBER_TEXT: Final = re.compile(r"-?(?:0|[1-9]\d{0,30})(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?")
_LONGEST_DURATION_SECONDS: Final = 315_576_000_000

INTEGER_RANGES: Final = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SFIXED32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SINT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SFIXED64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.TYPE_FIXED64: (0, 2**64 - 1),
}


class BadValueError(Exception):
    """One value does not fit. The message completes "NAME …"."""


def text_reader(field: FieldDescriptor) -> Callable[[str], JsonValue]:
    """Query text as the JSON value that it stands for; text that stands for none stays text."""
    if field.type == FieldDescriptor.TYPE_BOOL:
        return lambda text: {"true": True, "false": False}.get(text, text)
    if field.type in INTEGER_RANGES:
        return lambda text: int(text) if _INTEGER_TEXT.fullmatch(text) else text
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return lambda text: float(text) if _NUMBER_TEXT.fullmatch(text) else text
    return lambda text: text


def read_bool(value: JsonValue) -> bool:
    if isinstance(value, bool):
        return value
    raise BadValueError(f"must be true or false, not {in_words(value)}")


def read_text(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise BadValueError(f"must be text, not {in_words(value)}")
    return value


def number_reader(rules: FieldRules) -> Reader:
    range_in_words = rules.in_words()
    wanted = f"must be a number {range_in_words}".rstrip()

    def read(value: JsonValue) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadValueError(f"{wanted}, not {in_words(value)}")
        try:
            number = float(value)
        except OverflowError:
            raise BadValueError(f"{wanted}; this is beyond what a double holds") from None
        if not math.isfinite(number):
            raise BadValueError(f"{wanted}, and finite")
        return number

    return read


def integer_reader(field: FieldDescriptor, rules: FieldRules) -> Reader:
    lowest, highest = INTEGER_RANGES[field.type]
    range_in_words = rules.in_words() or f"from {lowest} to {highest}"
    wanted = f"must be a whole number {range_in_words}"
    text_too = is_wide(field)

    def read(value: JsonValue) -> int:
        if text_too and isinstance(value, str) and _INTEGER_TEXT.fullmatch(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadValueError(f"{wanted}, not {in_words(value)}")
        if not lowest <= value <= highest:
            raise BadValueError(f"{wanted}; {value} is outside")
        return value

    return read


def enum_reader(enum: EnumDescriptor) -> Reader:
    numbers = {name: number for number, name in enum_names(enum).items()}
    # The zero value stands for a field that was left out: taken, but nothing to recommend.
    wanted = f"must be one of {', '.join(name for name, number in numbers.items() if number)}"
    numbers |= {value.name: value.number for value in enum.values}

    def read(value: JsonValue) -> int:
        number = numbers.get(value) if isinstance(value, str) else None
        if number is None:
            raise BadValueError(f"{wanted}, not {in_words(value)}")
        return number

    return read


def read_timestamp(message: Message, value: JsonValue) -> None:
    match = _TIMESTAMP_TEXT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise BadValueError(
            f'must be a time as RFC 3339 writes it, e.g. "2026-01-31T12:00:00Z", not {in_words(value)}'
        )
    day, time_of_day, fraction, zone = match.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{time_of_day}{'+00:00' if zone in 'Zz' else zone}").astimezone(
            UTC
        )
    except (ValueError, OverflowError):
        raise BadValueError("is not a time that exists") from None
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    message.seconds = since.days * 86_400 + since.seconds  # type: ignore[attr-defined]
    message.nanos = _nanos(fraction)  # type: ignore[attr-defined]


def duration_reader(rules: FieldRules) -> Callable[[Message, JsonValue], None]:
    bounds = [
        f"{word} {limit:g} s"
        for word, limit in (("from", rules.minimum_seconds), ("to", rules.maximum_seconds))
        if limit is not None
    ]
    wanted = " ".join(['must be a duration, e.g. "60s" or "0.5s",', *bounds]).rstrip(",")

    def read(message: Message, value: JsonValue) -> None:
        match = _DURATION_TEXT.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise BadValueError(f"{wanted}, not {in_words(value)}")
        sign = -1 if match[1] else 1
        seconds = int(match[2])
        if seconds > _LONGEST_DURATION_SECONDS:
            raise BadValueError(f"{wanted}; this is too long")
        message.seconds = sign * seconds  # type: ignore[attr-defined]
        message.nanos = sign * _nanos(match[3])  # type: ignore[attr-defined]

    return read


def _nanos(fraction: str | None) -> int:
    return int(fraction.ljust(9, "0")) if fraction else 0


def in_words(value: JsonValue) -> str:
    """The value in few words, short enough to be shown."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 40 else f'"{value[:40]}…"'
    return str(value)
