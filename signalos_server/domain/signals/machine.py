"""Messages that machines write: JSON (TradingView and others), PineConnector lines, key=value pairs.

Keys and values are names, not prose: an unknown key is passed over and told, a value that is no plain
figure is refused, and a template that was never filled in ({{ticker}}) is refused.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from signalos_server.domain.signals.machine_build import build_message, figure_of, refused, symbol_of
from signalos_server.domain.signals.machine_words import (
    FIELDS,
    LEVELS,
    NEEDED,
    TARGET_KEY,
    TYPES,
    bare,
    is_action,
)
from signalos_server.domain.signals.model import (
    Context,
    EntryType,
    Gate,
    Kind,
    Parse,
    Reason,
    Target,
)
from signalos_server.domain.words import Side


def read(text: str, context: Context) -> Parse | None:
    """Return the parse of a machine's message, or None where a person wrote it."""
    stripped = text.strip()
    if stripped.startswith(("{", "[")) and (stripped.endswith(("}", "]")) or '":' in stripped):
        return _read_json(stripped, context)
    if '"' in stripped and stripped.count("{") != stripped.count("}"):
        return refused("BROKEN_JSON", "looks like a part of JSON")
    if "\n" in stripped and "=" not in stripped:
        return None
    strategy = _STRATEGY.search(stripped)
    if strategy is not None:
        return _read_strategy(strategy)
    line = _read_pine(stripped, context)
    if line is not None:
        return line
    return _read_pairs(stripped, context)


# JSON


class _DuplicateKeyError(Exception):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _DuplicateKeyError(key)
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _read_json(text: str, context: Context) -> Parse | None:
    try:
        body = json.loads(
            text, object_pairs_hook=_unique, parse_float=str, parse_int=str, parse_constant=_no_constant
        )
    except _DuplicateKeyError as duplicate:
        return refused("DUPLICATE_KEY", f"the key {duplicate} comes twice")
    except (ValueError, RecursionError):
        # A person may write brackets too: "[Forwarded from …]". What looks like an object is refused.
        return (
            refused("BROKEN_JSON", "looks like JSON and is none")
            if text.startswith("{") and ":" in text
            else None
        )
    if isinstance(body, list):
        if len(body) == 1 and isinstance(body[0], dict):
            body = body[0]
        else:
            return refused("NOT_ONE_OBJECT", "a list is no message")
    if not isinstance(body, dict):
        return None
    if "gate" in body or ("kind" in body and "also" in body):
        return refused("INTERNAL", "a parse, not a message: nobody but the parser says what passes the gate")
    message = body.get("message") or body.get("text")
    fields: dict[str, Any] = {}
    for key, value in body.items():
        _take(fields, str(key), value)
        if isinstance(value, dict) and not _is_level(str(key)):
            for inner, content in value.items():
                _take(fields, str(inner), content)
    if isinstance(message, str) and "action" not in fields:
        from signalos_server.domain.signals.parse import parse

        return (
            parse(message, context)
            if not message.strip().startswith(("{", "["))
            else refused("NESTED", "a message in a message")
        )
    return build_message(fields, context)


def _is_level(key: str) -> bool:
    """Return whether an object stands where a level does: what it says inside is no entry price."""
    name = bare(key)
    return FIELDS.get(name) in LEVELS or TARGET_KEY.match(name) is not None


def _take(fields: dict[str, Any], key: str, value: Any) -> None:
    name = "".join(letter for letter in key.lower() if letter.isalnum())
    numbered = TARGET_KEY.match(name)
    if numbered is not None:
        fields.setdefault("targets", {})[int(numbered.group(1))] = value
        return
    field = FIELDS.get(name)
    if field is None or (isinstance(value, dict) and field not in LEVELS):
        # The fields of an object stand for themselves: "price": {"entry": …, "sl": …}.
        return
    if field == "action" and field in fields:
        # "order": "market" beside "action": "buy": the one that names an action is the action.
        words = {bare(fields[field]), bare(value)}
        fields["sides"] = words & {"buy", "long", "sell", "short"}
        known = [word for word in (fields[field], value) if is_action(bare(word))]
        fields[field] = known[0] if known else fields[field]
        fields.setdefault("ordertype", next((word for word in words if word in TYPES), None))
        return
    fields.setdefault(field, value)


# PineConnector


_PINE = re.compile(r"\s*([A-Za-z0-9]{3,40})\s*,\s*([A-Za-z]+)\s*,\s*([^,\s=]+)\s*(?:,|\Z)")


def _read_pine(text: str, context: Context) -> Parse | None:
    """Read `LICENCE,buy,EURUSD,risk=1,sl=20,tp=40`; sl and tp are distances unless they look like prices."""
    match = _PINE.match(text)
    if match is None or (not match.group(1).isdigit() and "=" not in text and len(text.split(",")) > 3):
        return None
    if not is_action(match.group(2).lower()):
        return None
    fields: dict[str, Any] = {"action": match.group(2), "symbol": match.group(3), "pine": True}
    for part in _outside_quotes(text[match.end() :]):
        key, equals, value = part.partition("=")
        if equals:
            _take(fields, key, value.strip().strip('"'))
    return build_message(fields, context)


def _outside_quotes(text: str) -> list[str]:
    return [part for part in re.split(r',(?=(?:[^"]*"[^"]*")*[^"]*\Z)', text) if part.strip()]


# TradingView's default text for a strategy's order


_STRATEGY = re.compile(
    r"order (buy|sell) @ (\d[\d.,]*) filled on ([\w:./!-]+?)\.?\s+"
    r"new strategy position is (-?\d[\d.,]*?)\.?(?:\s|\Z)",
    re.IGNORECASE,
)


def _read_strategy(match: re.Match[str]) -> Parse:
    """Read `order sell @ 0.5 filled on EURUSD. New strategy position is 0`: the position tells the act."""
    size, position = figure_of(match.group(2)), figure_of(match.group(4).removeprefix("-"))
    symbol = symbol_of(match.group(3))
    if size is None or position is None or size == 0:
        return refused("NO_FIGURE", "the size or the position is no plain figure", symbol)
    if symbol is None:
        return refused("NO_SYMBOL", "no known instrument is named")
    side = Side.BUY if match.group(1).lower() == "buy" else Side.SELL
    other = Side.SELL if side is Side.BUY else Side.BUY
    if position == 0:
        return Parse(Kind.CLOSE, Gate.OK, symbol, other, target=Target.SIDE)
    held = Side.SELL if match.group(4).startswith("-") else Side.BUY
    if held is not side:
        share = (size / (position + size)).quantize(Decimal("0.0001"))
        return Parse(Kind.PARTIAL_CLOSE, Gate.OK, symbol, other, fraction=share, target=Target.SIDE)
    reason = Reason("NO_STOP", "no stop loss")
    order = Parse(Kind.OPEN, Gate.POLICY, symbol, side, EntryType.MARKET, reasons=(reason,))
    if size <= position:
        return order
    return Parse(Kind.CLOSE, Gate.POLICY, symbol, other, target=Target.SIDE, also=(order,), reasons=(reason,))


# key=value


_PAIR = re.compile(r"([A-Za-z_][\w-]*)\s*[=:]\s*(\"[^\"]*\"|[^\s,;|&]+)")


def _read_pairs(text: str, context: Context) -> Parse | None:
    if "=" not in text and ":" not in text:
        return None
    fields: dict[str, Any] = {}
    rest = text
    for match in _PAIR.finditer(text):
        name = bare(match.group(1))
        if name in FIELDS or TARGET_KEY.match(name):
            _take(fields, match.group(1), match.group(2).strip('"'))
        rest = rest.replace(match.group(0), " ", 1)
    if not fields.keys() >= NEEDED or not is_action(bare(fields["action"])):
        return None
    # Words beside the pairs: a person's message that happens to have some.
    if len(re.findall(r"\w{2,}", rest)) > 2:
        return None
    return build_message(fields, context)
