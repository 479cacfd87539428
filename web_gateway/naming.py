"""How the contract's names and numbers read in JSON: the one place that says so.

- Fields are lowerCamelCase.
- Enum values lose their type's prefix: `SIDE_BUY` reads `BUY`, the zero value `UNSPECIFIED`. Both forms are
  taken.
- 64-bit integers are strings, because they are MetaTrader's tickets, magic numbers and logins and do not fit
  a JavaScript number. Those that count from 1 and stay small are numbers: see `reads_as_number`.
- A field that can be unknown (`optional`, or a message) is `null` while it is; every other field is always
  there. Of a `oneof`, only the member that is set is there.
"""

from __future__ import annotations

from typing import Final, cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

_COUNTING_NAMES: Final = frozenset({"seq", "revision", "stop_generation", "session_epoch", "number"})
_COUNTING_ENDINGS: Final = ("_seq", "_count", "_revision")

_WIDE_TYPES: Final = frozenset(
    {
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_SFIXED64,
    }
)


def is_wide(field: FieldDescriptor) -> bool:
    """A 64-bit integer."""
    return field.type in _WIDE_TYPES


def reads_as_number(field: FieldDescriptor) -> bool:
    """A 64-bit integer that counts (`seq`, `revision` and the like) and so is a JSON number."""
    return field.name in _COUNTING_NAMES or field.name.endswith(_COUNTING_ENDINGS)


def enum_prefix(enum: EnumDescriptor) -> str:
    """What every value's name begins with, e.g. `SIDE_`."""
    return enum.values_by_number[0].name.removesuffix("UNSPECIFIED")


def enum_names(enum: EnumDescriptor) -> dict[int, str]:
    """The JSON name of each value, by number, in the contract's order."""
    prefix = enum_prefix(enum)
    return {value.number: value.name.removeprefix(prefix) for value in enum.values}


def json_path(proto_path: str) -> str:
    """`risk.equity_percent` as a JSON path: `risk.equityPercent`. Indices stay."""
    return ".".join(_camel(part) for part in proto_path.split("."))


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def snake(name: str) -> str:
    """`UpdateLimits` as `update_limits`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def descriptor_of(message: Message) -> Descriptor:
    """The message's descriptor, as the one type that the stubs of protobuf call it elsewhere."""
    return cast(Descriptor, message.DESCRIPTOR)
