"""The contract's input rules, read from its options, for error messages and for OpenAPI.

The server enforces them; here they only let an error name the range that it allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from buf.validate import validate_pb2
from google.api import field_behavior_pb2  # type: ignore[import-untyped]  # ships no stubs
from google.protobuf.descriptor import FieldDescriptor

_NUMERIC_RULES: Final = ("double", "float", "int32", "int64", "uint32", "uint64")


@dataclass(frozen=True, slots=True)
class FieldRules:
    """What the contract says of a field's values. `None`: it says nothing."""

    required: bool = False
    minimum: float | None = None
    exclusive_minimum: float | None = None
    maximum: float | None = None
    exclusive_maximum: float | None = None
    minimum_length: int | None = None
    maximum_length: int | None = None
    pattern: str | None = None
    maximum_items: int | None = None
    minimum_seconds: float | None = None
    maximum_seconds: float | None = None

    def in_words(self) -> str:
        """The allowed range, e.g. `from 1 to 99`, or nothing."""
        if self.minimum is not None and self.maximum is not None:
            return f"from {_number(self.minimum)} to {_number(self.maximum)}"
        limits = (
            ("at least", self.minimum),
            ("above", self.exclusive_minimum),
            ("at most", self.maximum),
            ("below", self.exclusive_maximum),
        )
        return " and ".join(f"{word} {_number(limit)}" for word, limit in limits if limit is not None)


def rules_of(field: FieldDescriptor) -> FieldRules:
    """The rules that `buf.validate` and `google.api.field_behavior` state for `field`."""
    options = field.GetOptions()
    required = field_behavior_pb2.REQUIRED in options.Extensions[field_behavior_pb2.field_behavior]
    stated = options.Extensions[validate_pb2.field]
    maximum_items = None
    if stated.HasField("repeated"):
        maximum_items = stated.repeated.max_items if stated.repeated.HasField("max_items") else None
        stated = stated.repeated.items
    for name in _NUMERIC_RULES:
        if stated.HasField(name):
            numbers = getattr(stated, name)
            return FieldRules(
                required=required,
                minimum=numbers.gte if numbers.HasField("gte") else None,
                exclusive_minimum=numbers.gt if numbers.HasField("gt") else None,
                maximum=numbers.lte if numbers.HasField("lte") else None,
                exclusive_maximum=numbers.lt if numbers.HasField("lt") else None,
                maximum_items=maximum_items,
            )
    if stated.HasField("string"):
        text = stated.string
        return FieldRules(
            required=required,
            minimum_length=text.min_len if text.HasField("min_len") else None,
            maximum_length=text.max_len if text.HasField("max_len") else None,
            pattern=text.pattern if text.HasField("pattern") else None,
            maximum_items=maximum_items,
        )
    if stated.HasField("duration"):
        span = stated.duration
        return FieldRules(
            required=required,
            minimum_seconds=_seconds(span.gte) if span.HasField("gte") else None,
            maximum_seconds=_seconds(span.lte) if span.HasField("lte") else None,
            maximum_items=maximum_items,
        )
    return FieldRules(required=required or stated.required, maximum_items=maximum_items)


def _seconds(span: object) -> float:
    seconds: int = getattr(span, "seconds", 0)
    nanos: int = getattr(span, "nanos", 0)
    return seconds + nanos / 1e9


def _number(value: float) -> str:
    return f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"
