"""JSON text, taken strictly: what two readers could understand differently is refused."""

from __future__ import annotations

import json
import math
from typing import Final, TypeAlias

JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | int | float | bool | None"

MAXIMUM_DEPTH: Final = 16
MAXIMUM_ELEMENTS: Final = 20_000
_MAXIMUM_DIGITS: Final = 40


class JsonError(Exception):
    """The text is not JSON that is taken here. `path` is where, empty for the whole."""

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path


class _Repeated(dict[str, JsonValue]):
    """An object in whose text a key came twice."""

    __slots__ = ("key",)
    key: str


def loads(text: bytes) -> JsonValue:
    """The value that `text` states.

    Raises `JsonError` for what is not UTF-8 or not JSON, `NaN` and infinities, keys given twice, lone
    surrogates, numbers of more than 40 digits or beyond a double, more than 16 levels or 20 000 elements.
    """
    try:
        value: JsonValue = _DECODER.decode(text.decode())
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise JsonError(
            f"not JSON: {error.msg.lower()} at line {error.lineno} column {error.colno}"
        ) from None
    except RecursionError:
        raise JsonError(f"nested more than {MAXIMUM_DEPTH} deep") from None
    _inspect(value)
    return value


def child_path(path: str, key: str | int) -> str:
    """The JSON path of a member or an element."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def _inspect(value: JsonValue) -> None:
    """Walks without recursion, so that no text can exhaust the stack."""
    waiting: list[tuple[JsonValue, str, int]] = [(value, "", 1)]
    elements = 0
    while waiting:
        item, path, depth = waiting.pop()
        elements += 1
        if elements > MAXIMUM_ELEMENTS:
            raise JsonError(f"more than {MAXIMUM_ELEMENTS} elements")
        if isinstance(item, str):
            _check_text(item, path)
        elif isinstance(item, dict):
            if depth > MAXIMUM_DEPTH:
                raise JsonError(f"nested more than {MAXIMUM_DEPTH} deep", path)
            if isinstance(item, _Repeated):
                raise JsonError("the key is given twice", child_path(path, item.key[:100]))
            for key, member in item.items():
                _check_text(key, path)
                waiting.append((member, child_path(path, key[:100]), depth + 1))
        elif isinstance(item, list):
            if depth > MAXIMUM_DEPTH:
                raise JsonError(f"nested more than {MAXIMUM_DEPTH} deep", path)
            waiting.extend(
                (element, child_path(path, index), depth + 1) for index, element in enumerate(item)
            )


def _check_text(text: str, path: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise JsonError("holds half of a surrogate pair", path) from None


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    seen: set[str] = set()
    repeated = _Repeated(members)
    for key, _ in pairs:
        if key in seen:
            repeated.key = key
            break
        seen.add(key)
    return repeated


def _integer(digits: str) -> int:
    if len(digits) > _MAXIMUM_DIGITS:
        raise JsonError(f"a number of more than {_MAXIMUM_DIGITS} digits")
    return int(digits)


def _float(digits: str) -> float:
    if len(digits) > _MAXIMUM_DIGITS:
        raise JsonError(f"a number of more than {_MAXIMUM_DIGITS} digits")
    value = float(digits)
    if not math.isfinite(value):
        raise JsonError("a number beyond what a double holds")
    return value


def _constant(name: str) -> JsonValue:
    raise JsonError(f"{name} is not a JSON number")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
