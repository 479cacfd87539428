"""How the package reads its arguments. What it refuses, it refuses before the terminal is asked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from signalos_bridge.emulator.errors import CallFailed, LastError
from signalos_bridge.emulator.structures import TradeRequest

_INTEGERS = (
    "action", "magic", "order", "deviation", "type", "type_filling", "type_time", "position", "position_by"
)  # fmt: skip
_NUMBERS = ("volume", "price", "stoplimit", "sl", "tp")
_TEXTS = ("symbol", "comment")
_ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}
_UNSIGNED_END = 1 << 64
_INT64_END = 1 << 63


def refuse(text: str) -> CallFailed:
    return CallFailed(LastError.INVALID_PARAMS, text)


def no_arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any] | None) -> None:
    if args or kwargs:
        raise refuse("Invalid number of arguments")


def only_unnamed(
    args: tuple[Any, ...], kwargs: Mapping[str, Any] | None, least: int, most: int | None = None
) -> None:
    """Check a call that takes no keywords. Even an empty mapping of them is one too many."""
    if kwargs is not None and args:
        raise refuse("Unnamed arguments not allowed")
    if kwargs or not least <= len(args) <= (least if most is None else most):
        raise refuse("Invalid number of arguments")


def only_named(
    args: tuple[Any, ...], kwargs: Mapping[str, Any] | None, names: tuple[str, ...]
) -> Mapping[str, Any]:
    """Return the keywords of a call that takes nothing else."""
    if args:
        raise refuse("Unnamed arguments not allowed" if kwargs is not None else "Invalid arguments")
    named = kwargs or {}
    if any(name not in names for name in named):
        raise refuse("Invalid arguments")
    return named


def text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise refuse(f'Invalid "{name}" argument')
    return value


def integer(value: Any, name: str) -> int:
    if not isinstance(value, int) or not -_INT64_END <= value < _INT64_END:
        raise refuse(f'Invalid "{name}" argument')
    return int(value)


def unnamed_text(args: tuple[Any, ...], position: int) -> str:
    value = args[position - 1]
    if not isinstance(value, str):
        raise _bad_unnamed(position)
    return value


def unnamed_integer(args: tuple[Any, ...], position: int) -> int:
    value = args[position - 1]
    if not isinstance(value, int) or not -_INT64_END <= value < _INT64_END:
        raise _bad_unnamed(position)
    return int(value)


def unnamed_number(args: tuple[Any, ...], position: int) -> float:
    value = args[position - 1]
    if not isinstance(value, (int, float)):
        raise _bad_unnamed(position)
    return float(value)


def unnamed_seconds(args: tuple[Any, ...], position: int) -> int:
    """Read a time: seconds, or a datetime. A naive one passes through the local zone, as in the package."""
    value = args[position - 1]
    if isinstance(value, datetime):
        return int(value.timestamp())
    if isinstance(value, (int, float)) and abs(value) < _INT64_END:
        return int(value)
    raise _bad_unnamed(position)


def _bad_unnamed(position: int) -> CallFailed:
    ordinal = _ORDINALS.get(position)
    return refuse(f"Invalid {ordinal} unnamed argument" if ordinal else "Invalid arguments")


def trade_request(
    args: tuple[Any, ...], kwargs: Mapping[str, Any] | None, comment_limit: int
) -> dict[str, int | float | str]:
    """Read the request of `order_send` and `order_check`: one mapping, or keywords, never both."""
    if args and kwargs is not None:
        raise refuse("Unnamed arguments not allowed")
    if len(args) > 1:
        raise refuse("Invalid number of arguments")
    source: Any = args[0] if args else kwargs
    if isinstance(source, TradeRequest):
        source = source._asdict()
    if not isinstance(source, dict) or not source:
        raise refuse("Invalid arguments")
    if "action" not in source:
        raise refuse('Invalid "action" argument')
    request: dict[str, int | float | str] = {}
    # What the package does not know it does not read.
    for name in TradeRequest.__match_args__:
        if name in source:
            request[name] = _field(name, source[name], comment_limit)
    return request


def _field(name: str, value: Any, comment_limit: int) -> int | float | str:
    if name in _INTEGERS:
        if isinstance(value, int) and 0 <= value < _UNSIGNED_END:
            return int(value)
    elif name in _NUMBERS:
        if isinstance(value, (int, float)):
            return float(value)
    elif name in _TEXTS:
        if isinstance(value, str) and (name != "comment" or len(value) <= comment_limit):
            return str(value)
    elif isinstance(value, datetime):
        return int(value.timestamp())
    elif isinstance(value, int) and 0 <= value < 1 << 50:
        return int(value)
    raise refuse(f'Invalid "{name}" argument')
