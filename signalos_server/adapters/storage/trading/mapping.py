"""Rows to values and back: JSON of dataclasses, and columns that carry a field's name."""

from __future__ import annotations

from dataclasses import fields
from enum import IntEnum
from functools import cache
from typing import Any, TypeVar, get_type_hints

import msgspec

T = TypeVar("T")


def to_json(value: object) -> str:
    """Return a dataclass, or a tuple of them, as JSON; decimals are strings, enums their numbers."""
    return msgspec.json.encode(value).decode()


def from_json(text: str, kind: type[T]) -> T:
    """Return what `to_json` wrote. Raises `msgspec.ValidationError` for anything else."""
    decoder: msgspec.json.Decoder[T] = _decoder(_any(kind))
    return decoder.decode(text)


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


@cache
def _fields(kind: Any) -> tuple[tuple[str, type[IntEnum] | None], ...]:
    hints = get_type_hints(kind)
    return tuple(
        (
            field.name,
            hints[field.name]
            if isinstance(hints[field.name], type) and issubclass(hints[field.name], IntEnum)
            else None,
        )
        for field in fields(kind)
    )


def columns_of(value: Any, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return a flat dataclass as column values; enums become their numbers."""
    found: dict[str, Any] = {}
    for name, enum in _fields(_any(type(value))):
        if name not in without:
            part = getattr(value, name)
            found[name] = int(part) if enum is not None else part
    return found


def value_of(row: Any, kind: type[T], **given: Any) -> T:
    """Return a flat dataclass from columns that carry its fields' names; `given` overrides columns."""
    values = dict(given)
    for name, enum in _fields(_any(kind)):
        if name not in values:
            part = getattr(row, name)
            values[name] = enum(part) if enum is not None else part
    return kind(**values)


def _any(kind: type[Any]) -> Any:
    # A type is hashable; mypy does not see it through `type[T]`.
    return kind
