"""How the package reads its arguments. What it refuses, it refuses before the terminal is asked.

Taken from the compiled module of the wheel (see docs/emulator.md): which types each argument may have, how
long a text may be, and which message a refusal has.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from signalos_bridge.emulator.errors import CallFailed, LastError
from signalos_bridge.emulator.structures import TradeRequest

_UNSIGNED_32 = ("action", "type", "type_filling", "type_time")
_UNSIGNED_64 = ("magic", "order", "deviation", "position", "position_by")
_FLOATS = ("volume", "price", "stoplimit", "sl", "tp")

LONGEST_TEXT = 29
"""Of a symbol or a comment, in UTF-16 units."""
_LONGEST_GROUP = 1998
_INT_32 = 1 << 31
_INT_64 = 1 << 63


def refuse(text: str) -> CallFailed:
    return CallFailed(LastError.INVALID_PARAMS, text)


def bad_arguments() -> CallFailed:
    return refuse("Invalid arguments")


def exactly(args: tuple[Any, ...], count: int) -> None:
    if len(args) != count:
        raise bad_arguments()


def symbol(value: Any) -> str:
    """Read a symbol that is given by its position."""
    if not isinstance(value, str) or _units(value) > LONGEST_TEXT:
        raise bad_arguments()
    return value


def group(value: Any, name: str = "group") -> str:
    if not isinstance(value, str) or _units(value) > _LONGEST_GROUP:
        raise _bad(name)
    return value


def text(named: Mapping[str, Any], name: str) -> str:
    """Read an optional text; a missing one is empty."""
    value = named.get(name, "")
    if not isinstance(value, str):
        raise _bad(name)
    return value


def unsigned(named: Mapping[str, Any], name: str) -> int:
    """Read an optional ticket or number; a missing one is 0."""
    value = named.get(name, 0)
    if not isinstance(value, int) or not 0 <= value < 2 * _INT_64:
        raise _bad(name)
    return int(value)


def integer(value: Any) -> int:
    """Read a 32-bit number that is given by its position."""
    if not isinstance(value, int) or not -_INT_32 <= value < _INT_32:
        raise bad_arguments()
    return int(value)


def number(value: Any) -> float:
    """Read a number of `order_calc_*`, which alone take whole numbers for it."""
    if not isinstance(value, (int, float)):
        raise bad_arguments()
    return float(value)


def seconds(value: Any) -> int:
    """Read a time: seconds, or a datetime; fractions are cut off, and the field has 32 bits.

    A naive datetime passes through the local time zone, as in the package.
    """
    try:
        moment = value.timestamp() if isinstance(value, datetime) else value
    except (OverflowError, OSError, ValueError):
        raise bad_arguments() from None
    if not isinstance(moment, (int, float)) or not -_INT_32 <= moment < _INT_32:
        raise bad_arguments()
    return int(moment)


def by_filter(args: tuple[Any, ...], kwargs: Mapping[str, Any] | None) -> tuple[str, int, str]:
    """Read symbol, ticket and group of `positions_get` and `orders_get`. Other keywords are not read."""
    if args:
        raise refuse("Unnamed arguments not allowed")
    named = kwargs or {}
    ticket = unsigned(named, "ticket")
    name = named.get("symbol", "")
    if not isinstance(name, str) or _units(name) > LONGEST_TEXT:
        raise _bad("symbol")
    return name, ticket, group(named.get("group", ""))


def by_time(args: tuple[Any, ...], kwargs: Mapping[str, Any] | None) -> tuple[int, int, str, int, int]:
    """Read from, to, group, ticket and position of `history_*_get`."""
    named = kwargs or {}
    if len(args) == 2:
        return seconds(args[0]), seconds(args[1]), group(named.get("group", "")), 0, 0
    if "ticket" not in named and "position" not in named:
        raise bad_arguments()
    if args:
        raise refuse("Unnamed arguments not allowed")
    return 0, _INT_32, "", unsigned(named, "ticket"), unsigned(named, "position")


def trade_request(
    args: tuple[Any, ...], kwargs: Mapping[str, Any] | None, comment_limit: int
) -> dict[str, int | float | str]:
    """Read the request of `order_send` and `order_check`: one dictionary, or keywords, never both.

    An empty mapping of keywords beside a dictionary counts as both.
    """
    if kwargs is None:
        if len(args) != 1:
            raise refuse("Invalid number of arguments")
        source: Any = args[0]
    elif args:
        raise refuse("Unnamed arguments not allowed")
    else:
        source = kwargs
    if not isinstance(source, dict):
        raise bad_arguments()
    # What the package does not know it does not read, and what is missing is zero.
    return {
        name: _field(name, source[name], comment_limit)
        for name in TradeRequest.__match_args__
        if name in source
    }


def _field(name: str, value: Any, comment_limit: int) -> int | float | str:
    if name in _FLOATS:
        # A whole number is refused here: `volume` 1 instead of 1.0.
        if isinstance(value, float):
            return float(value)
    elif isinstance(value, str):
        if name == "symbol" and _units(value) <= LONGEST_TEXT:
            return value
        if name == "comment" and _units(value) <= comment_limit:
            return value
    elif isinstance(value, int):
        if name in _UNSIGNED_64 and 0 <= value < 2 * _INT_64:
            return int(value)
        if name in _UNSIGNED_32 and 0 <= value < 2 * _INT_32:
            return int(value)
        if name == "expiration" and -_INT_64 <= value < _INT_64:
            return int(value)
    raise _bad(name)


def _units(value: str) -> int:
    return len(value.encode("utf-16-le", "surrogatepass")) // 2


def _bad(name: str) -> CallFailed:
    return refuse(f'Invalid "{name}" argument')
