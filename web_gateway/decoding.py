"""JSON values and query parameters to messages, by the contract's descriptors, strictly.

Protobuf's own JSON takes `true` as 1.0, `"1_0"` as 10, `"NaN"`, `[]` as `{}`, enum numbers that nobody knows
and keys given twice. Nothing of that is taken here. Every problem of an input is told, not the first alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from web_gateway.naming import descriptor_of
from web_gateway.rules import rules_of
from web_gateway.strict_json import JsonValue, child_path
from web_gateway.values import (
    INTEGER_RANGES,
    BadValueError,
    Reader,
    duration_reader,
    enum_reader,
    in_words,
    integer_reader,
    number_reader,
    read_bool,
    read_text,
    read_timestamp,
    text_reader,
)

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

# Where an unset message is refused as forgotten, a null that was written is a wish: the empty one.
_NULL_IS_EMPTY: Final = frozenset({"signalos.v1.SetProtectionRequest.plan"})

_TIMESTAMP: Final = "google.protobuf.Timestamp"
_DURATION: Final = "google.protobuf.Duration"
FIELD_MASK: Final = "google.protobuf.FieldMask"


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
    null_is_empty: bool


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
            problems.append(FieldProblem(path, f"must be an object, not {in_words(value)}"))
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
                elif field.null_is_empty:
                    getattr(message, field.name).SetInParent()
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
            except BadValueError as bad:
                problems.append(FieldProblem(path, str(bad)))
            return
        if not isinstance(value, list):
            problems.append(FieldProblem(path, f"must be an array, not {in_words(value)}"))
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
            except BadValueError as bad:
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
                field.json_name: (field, text_reader(field))
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
            read_into = read_timestamp
        elif name == _DURATION:
            read_into = duration_reader(rules)
        elif field.message_type.GetOptions().map_entry:
            raise NotImplementedError(f"{field.full_name}: maps are not part of the contract")
        else:
            message = field.message_type
    elif field.enum_type is not None:
        read = enum_reader(field.enum_type)
    elif field.type in INTEGER_RANGES:
        read = integer_reader(field, rules)
    elif field.type == FieldDescriptor.TYPE_DOUBLE:
        read = number_reader(rules)
    elif field.type == FieldDescriptor.TYPE_BOOL:
        read = read_bool
    elif field.type == FieldDescriptor.TYPE_STRING:
        read = read_text
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
        null_is_empty=field.full_name in _NULL_IS_EMPTY,
    )
