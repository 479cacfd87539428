"""Messages to JSON values, by the contract's descriptors. What the JSON looks like is told in `naming`."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from web_gateway.naming import descriptor_of, enum_names, is_wide, reads_as_number

JsonObject: TypeAlias = dict[str, Any]
_Write: TypeAlias = Callable[[Any], Any]
_Step: TypeAlias = Callable[[Any, JsonObject], None]


class Encoder:
    """Writes messages of the contract. Each message type is compiled once, to a list of steps."""

    def __init__(self) -> None:
        self._steps: dict[str, list[_Step]] = {}

    def encode(self, message: Message) -> JsonObject:
        """`message` as a JSON object."""
        descriptor = descriptor_of(message)
        steps = self._steps.get(descriptor.full_name)
        if steps is None:
            steps = self._compile(descriptor)
        written: JsonObject = {}
        for step in steps:
            step(message, written)
        return written

    def prepare(self, descriptor: Descriptor) -> None:
        """Compiles `descriptor` and what it contains, so that the first answer is as quick as the next."""
        if descriptor.full_name not in self._steps:
            self._compile(descriptor)
            for field in descriptor.fields:
                if field.message_type is not None:
                    self.prepare(field.message_type)

    def _compile(self, descriptor: Descriptor) -> list[_Step]:
        steps = [self._step(field) for field in descriptor.fields]
        self._steps[descriptor.full_name] = steps
        return steps

    def _step(self, field: FieldDescriptor) -> _Step:
        name, key = field.name, field.json_name
        write = self._write(field)
        if field.is_repeated:

            def write_all(message: Any, written: JsonObject) -> None:
                written[key] = [write(item) for item in getattr(message, name)]

            return write_all
        if not field.has_presence:

            def write_always(message: Any, written: JsonObject) -> None:
                written[key] = write(getattr(message, name))

            return write_always
        group = field.containing_oneof
        if group is not None and len(group.fields) > 1:

            def write_member(message: Any, written: JsonObject) -> None:
                if message.HasField(name):
                    written[key] = write(getattr(message, name))

            return write_member

        def write_or_null(message: Any, written: JsonObject) -> None:
            written[key] = write(getattr(message, name)) if message.HasField(name) else None

        return write_or_null

    def _write(self, field: FieldDescriptor) -> _Write:
        if field.message_type is not None:
            special = _SPECIAL.get(field.message_type.full_name)
            return self.encode if special is None else special
        if field.enum_type is not None:
            names = enum_names(field.enum_type)
            # A newer server may know more values than this gateway.
            return lambda number: names.get(number) or f"UNRECOGNISED_{number}"
        if is_wide(field) and not reads_as_number(field):
            return str
        if field.type == FieldDescriptor.TYPE_DOUBLE:
            # JSON has no NaN; not a number is not known.
            return lambda number: number if math.isfinite(number) else None
        if field.type == FieldDescriptor.TYPE_BYTES:
            raise NotImplementedError(f"{field.full_name}: bytes are not part of the contract")
        return _same


def timestamp_text(seconds: int, nanos: int = 0) -> str:
    """RFC 3339 in UTC with as many digits as needed: none, 3, 6 or 9."""
    try:
        text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return "0001-01-01T00:00:00Z" if seconds < 0 else "9999-12-31T23:59:59Z"
    return f"{text}{_fraction(nanos)}Z"


def duration_text(seconds: int, nanos: int = 0) -> str:
    """E.g. `60s`, `0.100s`."""
    sign = "-" if seconds < 0 or nanos < 0 else ""
    return f"{sign}{abs(seconds)}{_fraction(abs(nanos))}s"


def _fraction(nanos: int) -> str:
    if nanos == 0:
        return ""
    if nanos % 1_000_000 == 0:
        return f".{nanos // 1_000_000:03d}"
    if nanos % 1_000 == 0:
        return f".{nanos // 1_000:06d}"
    return f".{nanos:09d}"


def _same(value: Any) -> Any:
    return value


_SPECIAL: Final[dict[str, _Write]] = {
    "google.protobuf.Timestamp": lambda value: timestamp_text(value.seconds, value.nanos),
    "google.protobuf.Duration": lambda value: duration_text(value.seconds, value.nanos),
    "google.protobuf.FieldMask": lambda value: ",".join(value.paths),
}
