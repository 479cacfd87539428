"""JSON values and query parameters to messages, by the contract's descriptors, strictly.

Protobuf's own JSON takes `true` as 1.0, `"1_0"` as 10, `"NaN"`, `[]` as `{}`, enum numbers that nobody knows
and keys given twice. Nothing of that is taken here. Every problem of an input is told, not the first alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from web_gateway.naming import descriptor_of, enum_names, is_wide
from web_gateway.rules import FieldRules, rules_of
from web_gateway.strict_json import JsonValue, child_path

MAXIMUM_PROBLEMS: Final = 50


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one value, and where."""

    path: str
    problem: str


class InputError(Exception):
    """The input does not fit the contract; `problems` says where and why."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__("; ".join(f"{each.path or 'body'}: {each.problem}" for each in problems))
        self.problems = tuple(problems)


class _ValueError(Exception):
    """One value does not fit. The message completes "NAME …"."""


Reader: TypeAlias = Callable[[JsonValue], Any]

# `JSON.stringify(NaN)` is `null`. Where leaving a value out means "the usual" rather than "none", a null is
# therefore a mistake, not a wish: half of a trade would be closed, or stealth toggled.
_NULL_REFUSED: Final = frozenset(
    {
        "signalos.v1.PartialCloseTradeRequest.percentage",
        "signalos.v1.PartialCloseTradeRequest.volume_lots",
        "signalos.v1.SetStealthRequest.stealth_mode",
        "signalos.v1.SetTrailingStopRequest.enabled",
    }
)

_TIMESTAMP: Final = "google.protobuf.Timestamp"
_DURATION: Final = "google.protobuf.Duration"
FIELD_MASK: Final = "google.protobuf.FieldMask"

_DURATION_TEXT: Final = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s")
_TIMESTAMP_TEXT: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)"
)
_INTEGER_TEXT: Final = re.compile(r"-?(?:0|[1-9]\d{0,19})")
_NUMBER_TEXT: Final = re.compile(r"-?(?:0|[1-9]\d{0,30})(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?")
_LONGEST_DURATION_SECONDS: Final = 315_576_000_000

_INTEGER_RANGES: Final = {
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


@dataclass(frozen=True, slots=True)
class _Field:
    """How one field is read."""

    name: str
    repeated: bool
    read: Reader | None  # of a scalar
    read_into: Callable[[Message, JsonValue], None] | None  # of a time or a span
    message: Descriptor | None  # of any other message
    group: str  # the `oneof` that it belongs to, or empty
    takes_null: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the fields of one message are read, by their JSON names."""

    fields: Mapping[str, _Field]


class Decoder:
    """Reads messages of the contract. Plans are made once for each message type."""

    def __init__(self) -> None:
        self._plans: dict[str, _Plan] = {}
        self._query_readers: dict[str, Mapping[str, tuple[FieldDescriptor, Callable[[str], JsonValue]]]] = {}

    def decode(self, value: JsonValue, message: Message, *, reserved: Mapping[str, str]) -> frozenset[str]:
        """Fills `message` from the members of `value`, which has to be an object.

        Returns the names (the contract's) of the fields that `value` names, explicit nulls included.
        `reserved` are JSON names that cannot be given here, each with the reason. Raises `InputError`.
        """
        problems: list[FieldProblem] = []
        named = self._fill(value, message, "", problems, reserved)
        if problems:
            raise InputError(problems[:MAXIMUM_PROBLEMS])
        return named

    def decode_query(
        self, pairs: Sequence[tuple[str, str]], message: Message, *, bound: frozenset[str]
    ) -> None:
        """Fills `message` from query parameters; `bound` are the contract's names that the path gives.

        Raises `InputError` for unknown or repeated parameters and for values that do not fit.
        """
        readers = self._readers(descriptor_of(message))
        problems: list[FieldProblem] = []
        members: dict[str, JsonValue] = {}
        for name, text in pairs:
            known = readers.get(name)
            if known is None or known[0].name in bound:
                allowed = ", ".join(key for key, (field, _) in readers.items() if field.name not in bound)
                problems.append(
                    FieldProblem(name[:100], f"no such query parameter; there are: {allowed or 'none'}")
                )
                continue
            field, reader = known
            value = reader(text)
            if field.is_repeated:
                present = members.setdefault(name, [])
                assert isinstance(present, list)
                present.append(value)
            elif name in members:
                problems.append(FieldProblem(name, "is given twice"))
            else:
                members[name] = value
        self._fill(members, message, "", problems, {})
        if problems:
            raise InputError(problems[:MAXIMUM_PROBLEMS])

    def prepare(self, descriptor: Descriptor) -> None:
        """Makes the plans of `descriptor` and of what it contains.

        Raises `NotImplementedError` for a field of a kind that the contract has not used so far.
        """
        for field in self._plan(descriptor).fields.values():
            if field.message is not None and field.message.full_name not in self._plans:
                self.prepare(field.message)

    def _fill(
        self,
        value: JsonValue,
        message: Message,
        path: str,
        problems: list[FieldProblem],
        reserved: Mapping[str, str],
    ) -> frozenset[str]:
        if not isinstance(value, dict):
            problems.append(FieldProblem(path, f"must be an object, not {_kind(value)}"))
            return frozenset()
        plan = self._plan(descriptor_of(message))
        named: set[str] = set()
        groups: dict[str, str] = {}
        for key, member in value.items():
            if len(problems) >= MAXIMUM_PROBLEMS:
                break
            where = child_path(path, key[:100])
            field = plan.fields.get(key)
            if key in reserved:
                problems.append(FieldProblem(where, reserved[key]))
                continue
            if field is None:
                known = ", ".join(name for name in plan.fields if name not in reserved)
                problems.append(FieldProblem(where, f"no such field; there are: {known or 'none'}"))
                continue
            named.add(field.name)
            if member is None:
                if not field.takes_null:
                    problems.append(FieldProblem(where, "null is not a value here; leave it out instead"))
                continue
            if field.group:
                other = groups.setdefault(field.group, key)
                if other != key:
                    problems.append(FieldProblem(where, f"give {other} or {key}, not both"))
                    continue
            self._set(field, member, message, where, problems)
        return frozenset(named)

    def _set(
        self, field: _Field, value: JsonValue, message: Message, path: str, problems: list[FieldProblem]
    ) -> None:
        if not field.repeated:
            if field.message is not None:
                child = getattr(message, field.name)
                child.SetInParent()
                self._fill(value, child, path, problems, {})
                return
            try:
                if field.read_into is not None:
                    child = getattr(message, field.name)
                    child.SetInParent()
                    field.read_into(child, value)
                else:
                    assert field.read is not None
                    setattr(message, field.name, field.read(value))
            except _ValueError as bad:
                problems.append(FieldProblem(path, str(bad)))
            return
        if not isinstance(value, list):
            problems.append(FieldProblem(path, f"must be an array, not {_kind(value)}"))
            return
        target = getattr(message, field.name)
        for index, element in enumerate(value):
            where = child_path(path, index)
            try:
                if field.message is not None:
                    self._fill(element, target.add(), where, problems, {})
                elif field.read_into is not None:
                    field.read_into(target.add(), element)
                else:
                    assert field.read is not None
                    target.append(field.read(element))
            except _ValueError as bad:
                problems.append(FieldProblem(where, str(bad)))
            if len(problems) >= MAXIMUM_PROBLEMS:
                return

    def _plan(self, descriptor: Descriptor) -> _Plan:
        plan = self._plans.get(descriptor.full_name)
        if plan is None:
            plan = _Plan({field.json_name: _field(field) for field in descriptor.fields})
            self._plans[descriptor.full_name] = plan
        return plan

    def _readers(
        self, descriptor: Descriptor
    ) -> Mapping[str, tuple[FieldDescriptor, Callable[[str], JsonValue]]]:
        readers = self._query_readers.get(descriptor.full_name)
        if readers is None:
            readers = {
                field.json_name: (field, _text_reader(field))
                for field in descriptor.fields
                if field.message_type is None or field.message_type.full_name in (_TIMESTAMP, _DURATION)
            }
            self._query_readers[descriptor.full_name] = readers
        return readers


def _field(field: FieldDescriptor) -> _Field:
    group = field.containing_oneof
    read: Reader | None = None
    read_into: Callable[[Message, JsonValue], None] | None = None
    message: Descriptor | None = None
    rules = rules_of(field)
    if field.message_type is not None:
        name = field.message_type.full_name
        if name == _TIMESTAMP:
            read_into = _read_timestamp
        elif name == _DURATION:
            read_into = _duration_reader(rules)
        elif field.message_type.GetOptions().map_entry:
            raise NotImplementedError(f"{field.full_name}: maps are not part of the contract")
        else:
            message = field.message_type
    elif field.enum_type is not None:
        read = _enum_reader(field.enum_type)
    elif field.type in _INTEGER_RANGES:
        read = _integer_reader(field, rules)
    elif field.type == FieldDescriptor.TYPE_DOUBLE:
        read = _number_reader(rules)
    elif field.type == FieldDescriptor.TYPE_BOOL:
        read = _read_bool
    elif field.type == FieldDescriptor.TYPE_STRING:
        read = _read_text
    else:
        raise NotImplementedError(f"{field.full_name}: fields of this type are not part of the contract")
    return _Field(
        name=field.name,
        repeated=field.is_repeated,
        read=read,
        read_into=read_into,
        message=message,
        group="" if group is None or len(group.fields) == 1 else group.name,
        takes_null=field.full_name not in _NULL_REFUSED,
    )


def _text_reader(field: FieldDescriptor) -> Callable[[str], JsonValue]:
    """Query text as the JSON value that it stands for; text that stands for none stays text."""
    if field.type == FieldDescriptor.TYPE_BOOL:
        return lambda text: {"true": True, "false": False}.get(text, text)
    if field.type in _INTEGER_RANGES:
        return lambda text: int(text) if _INTEGER_TEXT.fullmatch(text) else text
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return lambda text: float(text) if _NUMBER_TEXT.fullmatch(text) else text
    return lambda text: text


def _read_bool(value: JsonValue) -> bool:
    if isinstance(value, bool):
        return value
    raise _ValueError(f"must be true or false, not {_kind(value)}")


def _read_text(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise _ValueError(f"must be text, not {_kind(value)}")
    return value


def _number_reader(rules: FieldRules) -> Reader:
    range_in_words = rules.in_words()
    wanted = f"must be a number {range_in_words}".rstrip()

    def read(value: JsonValue) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _ValueError(f"{wanted}, not {_kind(value)}")
        try:
            number = float(value)
        except OverflowError:
            raise _ValueError(f"{wanted}; this is beyond what a double holds") from None
        if not math.isfinite(number):
            raise _ValueError(f"{wanted}, and finite")
        return number

    return read


def _integer_reader(field: FieldDescriptor, rules: FieldRules) -> Reader:
    lowest, highest = _INTEGER_RANGES[field.type]
    range_in_words = rules.in_words() or f"from {lowest} to {highest}"
    wanted = f"must be a whole number {range_in_words}"
    text_too = is_wide(field)

    def read(value: JsonValue) -> int:
        if text_too and isinstance(value, str) and _INTEGER_TEXT.fullmatch(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise _ValueError(f"{wanted}, not {_kind(value)}")
        if not lowest <= value <= highest:
            raise _ValueError(f"{wanted}; {value} is outside")
        return value

    return read


def _enum_reader(enum: EnumDescriptor) -> Reader:
    numbers = {name: number for number, name in enum_names(enum).items()}
    wanted = f"must be one of {', '.join(numbers)}"
    numbers |= {value.name: value.number for value in enum.values}

    def read(value: JsonValue) -> int:
        number = numbers.get(value) if isinstance(value, str) else None
        if number is None:
            raise _ValueError(f"{wanted}, not {_kind(value)}")
        return number

    return read


def _read_timestamp(message: Message, value: JsonValue) -> None:
    match = _TIMESTAMP_TEXT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise _ValueError(
            f'must be a time as RFC 3339 writes it, e.g. "2026-01-31T12:00:00Z", not {_kind(value)}'
        )
    day, time_of_day, fraction, zone = match.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{time_of_day}{'+00:00' if zone in 'Zz' else zone}").astimezone(
            UTC
        )
    except (ValueError, OverflowError):
        raise _ValueError("is not a time that exists") from None
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    message.seconds = since.days * 86_400 + since.seconds  # type: ignore[attr-defined]
    message.nanos = _nanos(fraction)  # type: ignore[attr-defined]


def _duration_reader(rules: FieldRules) -> Callable[[Message, JsonValue], None]:
    bounds = [
        f"{word} {limit:g} s"
        for word, limit in (("from", rules.minimum_seconds), ("to", rules.maximum_seconds))
        if limit is not None
    ]
    wanted = " ".join(['must be a duration, e.g. "60s" or "0.5s",', *bounds]).rstrip(",")

    def read(message: Message, value: JsonValue) -> None:
        match = _DURATION_TEXT.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise _ValueError(f"{wanted}, not {_kind(value)}")
        sign = -1 if match[1] else 1
        seconds = int(match[2])
        if seconds > _LONGEST_DURATION_SECONDS:
            raise _ValueError(f"{wanted}; this is too long")
        message.seconds = sign * seconds  # type: ignore[attr-defined]
        message.nanos = sign * _nanos(match[3])  # type: ignore[attr-defined]

    return read


def _nanos(fraction: str | None) -> int:
    return int(fraction.ljust(9, "0")) if fraction else 0


def _kind(value: JsonValue) -> str:
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
