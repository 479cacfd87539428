"""Messages that machines write: JSON (TradingView and others), PineConnector lines, key=value pairs.

Keys and values are names, not prose: an unknown key is passed over and told, a value that is no plain
figure is refused, and a template that was never filled in ({{ticker}}) is refused.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from signalos_server.domain.signals.fold import fold
from signalos_server.domain.signals.marks import mark
from signalos_server.domain.signals.model import (
    Context,
    EntryType,
    Gate,
    Kind,
    Parse,
    Reason,
    Risk,
    Target,
    Verdict,
)
from signalos_server.domain.signals.orders import Levels
from signalos_server.domain.signals.symbols import band, by_code
from signalos_server.domain.signals.words.concepts import Concept
from signalos_server.domain.words import Side

_PLAIN = re.compile(r"[+]?\d{1,12}(?:\.\d{1,10})?\Z")
_OLDEST = timedelta(hours=1)
_AHEAD = timedelta(minutes=2)
_LARGE_LOTS = Decimal(50)

# Field -> the names that machines give it. Compared without case, dashes and underscores.
_KEYS: dict[str, str] = {
    "symbol": "symbol ticker pair instrument sym market asset currencypair s",
    "action": "action side direction signal order cmd command type ordertype alert trade operation"
    " positiontype ordersideaction"
    " orderaction strategyorderaction",
    "price": "price entry entryprice limitprice stopprice openprice orderprice limit at e close",
    "sl": "sl stoploss stop slprice stoplossprice stoplossvalue",
    "tp": "tp takeprofit target tpprice takeprofitprice takeprofits tps targets takeprofitvalue",
    "slpips": "slpips stoplosspips pipssl",
    "tppips": "tppips takeprofitpips pipstp",
    "volume": "lots lot volume lotsize vol volumelots sizelots q size qty quantity",
    "size": "contracts positionsize amount units",
    "riskpercent": "riskpercent riskpct riskpercentage percentrisk riskper",
    "riskmoney": "riskmoney riskusd moneyrisk riskamount",
    "risk": "risk",
    "time": "time timestamp timenow date datetime t alerttime bartime",
    "fraction": "fraction percent percentage closepercent closepct pct",
    "position": "marketposition",
    "ordertype": "orderkind entrytype executiontype",
    "secret": "secret token passphrase password key apikey license licenseid licence auth",
}
_FIELDS = {name: field for field, names in _KEYS.items() for name in names.split()}
# Names that only people use as prose would also use; a machine line needs one of each of these.
_NEEDED = frozenset(("symbol", "action"))
_TARGET_KEY = re.compile(r"(?:tp|takeprofit|target)([1-9])(?:price)?\Z")

_OPENS: dict[str, tuple[Side, EntryType | None]] = {
    "buy": (Side.BUY, None),
    "long": (Side.BUY, None),
    "enterlong": (Side.BUY, None),
    "entrylong": (Side.BUY, None),
    "openlong": (Side.BUY, None),
    "openbuy": (Side.BUY, None),
    "buymarket": (Side.BUY, EntryType.MARKET),
    "sell": (Side.SELL, None),
    "short": (Side.SELL, None),
    "entershort": (Side.SELL, None),
    "entryshort": (Side.SELL, None),
    "openshort": (Side.SELL, None),
    "opensell": (Side.SELL, None),
    "sellmarket": (Side.SELL, EntryType.MARKET),
    "buylimit": (Side.BUY, EntryType.LIMIT),
    "selllimit": (Side.SELL, EntryType.LIMIT),
    "buystop": (Side.BUY, EntryType.STOP),
    "sellstop": (Side.SELL, EntryType.STOP),
}
_UPDATES: dict[str, Parse] = {
    "close": Parse(Kind.CLOSE, target=Target.POSITION),
    "exit": Parse(Kind.CLOSE, target=Target.POSITION),
    "flat": Parse(Kind.CLOSE, target=Target.POSITION),
    "flatten": Parse(Kind.CLOSE, target=Target.POSITION),
    "closeposition": Parse(Kind.CLOSE, target=Target.POSITION),
    "closetrade": Parse(Kind.CLOSE, target=Target.POSITION),
    "closeall": Parse(Kind.CLOSE, target=Target.ALL),
    "exitall": Parse(Kind.CLOSE, target=Target.ALL),
    "closelong": Parse(Kind.CLOSE, side=Side.BUY, target=Target.SIDE),
    "exitlong": Parse(Kind.CLOSE, side=Side.BUY, target=Target.SIDE),
    "closebuy": Parse(Kind.CLOSE, side=Side.BUY, target=Target.SIDE),
    "closeshort": Parse(Kind.CLOSE, side=Side.SELL, target=Target.SIDE),
    "exitshort": Parse(Kind.CLOSE, side=Side.SELL, target=Target.SIDE),
    "closesell": Parse(Kind.CLOSE, side=Side.SELL, target=Target.SIDE),
    "closelongpct": Parse(Kind.PARTIAL_CLOSE, side=Side.BUY, target=Target.SIDE),
    "closeshortpct": Parse(Kind.PARTIAL_CLOSE, side=Side.SELL, target=Target.SIDE),
    "closelongvol": Parse(Kind.PARTIAL_CLOSE, side=Side.BUY, target=Target.SIDE),
    "closeshortvol": Parse(Kind.PARTIAL_CLOSE, side=Side.SELL, target=Target.SIDE),
    "partialclose": Parse(Kind.PARTIAL_CLOSE, target=Target.POSITION),
    "closepartial": Parse(Kind.PARTIAL_CLOSE, target=Target.POSITION),
    "breakeven": Parse(Kind.BREAKEVEN, target=Target.POSITION),
    "be": Parse(Kind.BREAKEVEN, target=Target.POSITION),
    "sltobe": Parse(Kind.BREAKEVEN, target=Target.POSITION),
    "modify": Parse(Kind.MODIFY, target=Target.POSITION),
    "update": Parse(Kind.MODIFY, target=Target.POSITION),
    "newsltplong": Parse(Kind.MODIFY, side=Side.BUY, target=Target.SIDE),
    "newsltpshort": Parse(Kind.MODIFY, side=Side.SELL, target=Target.SIDE),
    "newsltpbuystop": Parse(Kind.MODIFY, side=Side.BUY, target=Target.PENDING),
    "newsltpsellstop": Parse(Kind.MODIFY, side=Side.SELL, target=Target.PENDING),
    "newsltpbuylimit": Parse(Kind.MODIFY, side=Side.BUY, target=Target.PENDING),
    "newsltpselllimit": Parse(Kind.MODIFY, side=Side.SELL, target=Target.PENDING),
    "cancel": Parse(Kind.CANCEL, target=Target.PENDING),
    "cancelall": Parse(Kind.CANCEL, target=Target.PENDING),
    "delete": Parse(Kind.CANCEL, target=Target.PENDING),
    "cancellong": Parse(Kind.CANCEL, side=Side.BUY, target=Target.PENDING),
    "cancelshort": Parse(Kind.CANCEL, side=Side.SELL, target=Target.PENDING),
    "cancelbuy": Parse(Kind.CANCEL, side=Side.BUY, target=Target.PENDING),
    "cancelsell": Parse(Kind.CANCEL, side=Side.SELL, target=Target.PENDING),
}
# PineConnector's two-in-one commands: close one side, then open the other. Taken apart by nobody yet sure
# of both halves, so they are read as both.
_CLOSE_AND_OPEN: dict[str, tuple[Side, Side]] = {
    "closelongsell": (Side.BUY, Side.SELL),
    "closeshortbuy": (Side.SELL, Side.BUY),
    "closelongbuy": (Side.BUY, Side.BUY),
    "closeshortsell": (Side.SELL, Side.SELL),
}


def read(text: str, context: Context) -> Parse | None:
    """Return the parse of a machine's message, or None where a person wrote it."""
    stripped = text.strip()
    if stripped.startswith(("{", "[")) and (stripped.endswith(("}", "]")) or '":' in stripped):
        return _read_json(stripped, context)
    if "\n" in stripped and "=" not in stripped:
        return None
    strategy = _STRATEGY.search(stripped)
    if strategy is not None:
        return _read_strategy(strategy)
    line = _read_pine(stripped, context)
    if line is not None:
        return line
    return _read_pairs(stripped, context)


def _refused(code: str, why: str, symbol: str | None = None) -> Parse:
    return Parse(Kind.NONE, Gate.REJECT, symbol, reasons=(Reason(code, why),))


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
        return _refused("DUPLICATE_KEY", f"the key {duplicate} comes twice")
    except (ValueError, RecursionError):
        # A person may write brackets too: "[Forwarded from …]". What looks like an object is refused.
        return (
            _refused("BROKEN_JSON", "looks like JSON and is none")
            if text.startswith("{") and ":" in text
            else None
        )
    if isinstance(body, list):
        if len(body) == 1 and isinstance(body[0], dict):
            body = body[0]
        else:
            return _refused("NOT_ONE_OBJECT", "a list is no message")
    if not isinstance(body, dict):
        return None
    if "gate" in body or ("kind" in body and "also" in body):
        return _refused("INTERNAL", "a parse, not a message: nobody but the parser says what passes the gate")
    message = body.get("message") or body.get("text")
    fields: dict[str, Any] = {}
    for key, value in body.items():
        _take(fields, str(key), value)
        if isinstance(value, dict):
            for inner, content in value.items():
                _take(fields, str(inner), content)
    if isinstance(message, str) and "action" not in fields:
        from signalos_server.domain.signals.parse import parse

        return (
            parse(message, context)
            if not message.strip().startswith(("{", "["))
            else _refused("NESTED", "a message in a message")
        )
    return _build(fields, context)


def _take(fields: dict[str, Any], key: str, value: Any) -> None:
    name = "".join(letter for letter in key.lower() if letter.isalnum())
    numbered = _TARGET_KEY.match(name)
    if numbered is not None:
        fields.setdefault("targets", {})[int(numbered.group(1))] = value
        return
    field = _FIELDS.get(name)
    if field is None:
        return
    if field == "action" and field in fields:
        # "order": "market" beside "action": "buy": the one that names an action is the action.
        words = {_bare(fields[field]), _bare(value)}
        fields["sides"] = words & {"buy", "long", "sell", "short"}
        known = [word for word in (fields[field], value) if _is_action(_bare(word))]
        fields[field] = known[0] if known else fields[field]
        fields.setdefault("ordertype", next((word for word in words if word in _TYPES), None))
        return
    fields.setdefault(field, value)


_TYPES = {"market": EntryType.MARKET, "limit": EntryType.LIMIT, "stop": EntryType.STOP}


def _bare(value: object) -> str:
    return "".join(letter for letter in str(value).lower() if letter.isalnum())


def _is_action(word: str) -> bool:
    return word in _OPENS or word in _UPDATES or word in _CLOSE_AND_OPEN


# PineConnector


_PINE = re.compile(r"\s*([A-Za-z0-9]{3,40})\s*,\s*([A-Za-z]+)\s*,\s*([^,\s=]+)\s*(?:,|\Z)")


def _read_pine(text: str, context: Context) -> Parse | None:
    """Read `LICENCE,buy,EURUSD,risk=1,sl=20,tp=40`; sl and tp are distances unless they look like prices."""
    match = _PINE.match(text)
    if match is None or (not match.group(1).isdigit() and "=" not in text and len(text.split(",")) > 3):
        return None
    if not _is_action(match.group(2).lower()):
        return None
    fields: dict[str, Any] = {"action": match.group(2), "symbol": match.group(3), "pine": True}
    for part in _outside_quotes(text[match.end() :]):
        key, equals, value = part.partition("=")
        if equals:
            _take(fields, key, value.strip().strip('"'))
    return _build(fields, context)


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
    size, position = _figure(match.group(2)), _figure(match.group(4).removeprefix("-"))
    symbol = symbol_of(match.group(3))
    if size is None or position is None or size == 0:
        return _refused("NO_FIGURE", "the size or the position is no plain figure", symbol)
    if symbol is None:
        return _refused("NO_SYMBOL", "no known instrument is named")
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
        name = _bare(match.group(1))
        if name in _FIELDS or _TARGET_KEY.match(name):
            _take(fields, match.group(1), match.group(2).strip('"'))
        rest = rest.replace(match.group(0), " ", 1)
    if not fields.keys() >= _NEEDED or not _is_action(_bare(fields["action"])):
        return None
    # Words beside the pairs: a person's message that happens to have some.
    if len(re.findall(r"\w{2,}", rest)) > 2:
        return None
    return _build(fields, context)


# One build for all


def _figure(value: object) -> Decimal | None:
    """Return a plain figure, or None. Spaces around it are passed over, nothing else."""
    text = str(value).strip()
    if isinstance(value, bool) or _PLAIN.match(text) is None:
        return None
    return Decimal(text)


def symbol_of(value: object) -> str | None:
    """Return the instrument of a ticker: EURUSD, OANDA:EURUSD, XAUUSD.m, gold."""
    text = fold(str(value).strip().rpartition(":")[2]).text.strip("#!. ")
    known = by_code(text) or by_code(text.replace("/", "").replace("_", "").replace("-", ""))
    if known is not None:
        return known
    named = [m.named for m in mark(text).marks if m.concept is Concept.SYMBOL]
    return named[0].symbol if len(named) == 1 and named[0] is not None else None


class _Fields:
    """Reads figures out of fields; what is given and no figure is remembered."""

    def __init__(self, fields: dict[str, Any], verdict: Verdict) -> None:
        self._fields = fields
        self._verdict = verdict

    def figure(self, name: str) -> Decimal | None:
        """Return a figure; None where the field is absent, empty or zero (machines write 0 for none)."""
        value = self._fields.get(name)
        if value is None or str(value).strip() in ("", "0", "0.0", "null", "None", "-"):
            return None
        found = _figure(value)
        if found is None:
            self._verdict.refuse("NO_FIGURE", f"{name} is no plain figure")
        return found

    def targets(self) -> list[Decimal]:
        """Return the targets of tp, tps, tp1, tp2, in their order."""
        value = self._fields.get("tp")
        values: list[object] = []
        if isinstance(value, list):
            values.extend(value)
        elif value is not None:
            values.extend(str(value).replace(";", ",").split(",") if "," in str(value) else [value])
        numbered: dict[int, object] = self._fields.get("targets", {})
        values.extend(numbered[index] for index in sorted(numbered))
        found = []
        for one in values:
            if str(one).strip() in ("", "0", "null", "None"):
                continue
            figure = _figure(one)
            if figure is None:
                self._verdict.refuse("NO_FIGURE", "a target is no plain figure")
            else:
                found.append(figure)
        return found


def _build(fields: dict[str, Any], context: Context) -> Parse:
    if any("{{" in str(value) for value in fields.values()):
        return _refused("TEMPLATE", "a placeholder was never filled in")
    action = _bare(fields.get("action", ""))
    symbol = symbol_of(fields["symbol"]) if fields.get("symbol") else context.default_symbol
    if _bare(fields.get("position", "")) == "flat" and (action in _OPENS or not action):
        # TradingView's strategy order that leaves no position is a close.
        action = "close"
    if not _is_action(action):
        return _refused("NO_ACTION", "no known action is named", symbol)
    verdict = Verdict()
    _check_time(fields.get("time"), context, verdict)
    reader = _Fields(fields, verdict)
    if action in _CLOSE_AND_OPEN:
        closing, opening = _CLOSE_AND_OPEN[action]
        order = _open(opening, None, symbol, fields, reader, verdict)
        first = Parse(Kind.CLOSE, symbol=symbol, side=closing, target=Target.SIDE, also=(order,))
    elif action in _OPENS:
        side, entry_type = _OPENS[action]
        first = _open(side, entry_type, symbol, fields, reader, verdict)
    else:
        first = _update(_UPDATES[action], symbol, fields.get("sides", set()), reader, verdict)
    return _with(first, gate=verdict.gate, reasons=tuple(verdict.reasons))


def _with(parse: Parse, **changes: object) -> Parse:
    return replace(parse, **changes)  # type: ignore[arg-type]


def _check_time(value: object, context: Context, verdict: Verdict) -> None:
    """Refuse an alert whose stated time is long past or to come, where the present is known."""
    if value is None or context.now is None:
        return
    stated = _time(str(value).strip())
    if stated is None:
        verdict.note("UNREAD_TIME", "the stated time was not understood")
    elif context.now - stated > _OLDEST:
        verdict.refuse("STALE", f"stated at {stated.isoformat()}")
    elif stated - context.now > _AHEAD:
        verdict.refuse("FUTURE_DATED", f"stated at {stated.isoformat()}")


def _time(text: str) -> datetime | None:
    try:
        if text.isdigit() and len(text) in (10, 13):
            return datetime.fromtimestamp(int(text[:10]), UTC)
        stated = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (ValueError, OverflowError):
        return None
    return stated if stated.tzinfo is not None else stated.replace(tzinfo=UTC)


def _open(
    side: Side,
    entry_type: EntryType | None,
    symbol: str | None,
    fields: dict[str, Any],
    reader: _Fields,
    verdict: Verdict,
) -> Parse:
    price = reader.figure("price")
    entry_type = entry_type or _TYPES.get(_bare(fields.get("ordertype", "")))
    if entry_type is None:
        entry_type = EntryType.MARKET if price is None else EntryType.AUTO
    stop, stop_pips = _price_or_pips(reader.figure("sl"), price, symbol, pine="pine" in fields)
    targets = [_price_or_pips(target, price, symbol, pine="pine" in fields) for target in reader.targets()]
    stop_pips = stop_pips or reader.figure("slpips")
    target_pips = tuple(pips for _, pips in targets if pips is not None)
    if not target_pips and (given := reader.figure("tppips")) is not None:
        target_pips = (given,)
    prices = tuple(target for target, _ in targets if target is not None)
    entry = None if price is None else (price, price)
    volume = reader.figure("volume")
    if volume is not None and volume > _LARGE_LOTS:
        verdict.hold("LARGE_VOLUME", f"{volume} lots from a message")
    if reader.figure("size") is not None:
        verdict.note("SIZE_IGNORED", "a size without a unit (contracts, units?) is not taken for lots")
    if symbol is None:
        verdict.refuse("NO_SYMBOL", "no known instrument is named")
    if entry_type in (EntryType.LIMIT, EntryType.STOP) and price is None:
        verdict.hold("PENDING_WITHOUT_PRICE", "a pending order without its price")
    if stop is None and stop_pips is None:
        verdict.hold("NO_STOP", "no stop loss")
    levels = Levels(entry, stop, prices)
    if levels.reversed_stop(side):
        verdict.refuse("STOP_ON_WRONG_SIDE", f"stop loss {stop} is on the profit side")
    elif any(levels.reversed_target(target, side) for target in prices):
        verdict.refuse("TARGETS_ON_WRONG_SIDE", "a target is on the losing side")
    return Parse(
        Kind.OPEN,
        symbol=symbol,
        side=side,
        entry_type=entry_type,
        entry=entry,
        stop_loss=stop,
        take_profits=prices,
        stop_loss_pips=None if stop is not None else stop_pips,
        take_profit_pips=() if prices else target_pips,
        volume_lots=volume,
        risk=_risk(reader),
    )


def _price_or_pips(
    value: Decimal | None, price: Decimal | None, symbol: str | None, *, pine: bool
) -> tuple[Decimal | None, Decimal | None]:
    """Return (price, None) or (None, pips): PineConnector's levels are pips unless they look like prices."""
    if value is None:
        return None, None
    if not pine:
        return value, None
    limits = band(symbol)
    if price is not None:
        looks = price / 2 <= value <= price * 2
    else:
        looks = (
            limits is not None and limits[0] <= value <= limits[1] and _is_no_distance(value, symbol, limits)
        )
    return (value, None) if looks else (None, value)


def _is_no_distance(value: Decimal, symbol: str | None, limits: tuple[Decimal, Decimal]) -> bool:
    """Return whether a number that can be a price is no distance in pips: too far, or too exact."""
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent <= -2:
        return True
    pip = _PIP_SIZES.get(symbol or "", Decimal(1))
    if symbol is not None and len(symbol) == 6 and symbol not in _PIP_SIZES and limits[1] <= 400:
        pip = Decimal("0.01") if symbol.endswith("JPY") else Decimal("0.0001")
    return value * pip > limits[0] / 5 or value < 5


_PIP_SIZES = {"XAUUSD": Decimal("0.1"), "XAUEUR": Decimal("0.1"), "XAGUSD": Decimal("0.01")}


def _risk(reader: _Fields) -> Risk | None:
    percent = reader.figure("riskpercent")
    if percent is not None:
        return Risk(percent=percent)
    money = reader.figure("riskmoney")
    if money is not None:
        return Risk(money=money)
    raw = reader.figure("risk")
    return None if raw is None else Risk(raw=raw)


def _update(template: Parse, symbol: str | None, sides: set[str], reader: _Fields, verdict: Verdict) -> Parse:
    parse = _with(template, symbol=symbol)
    if len(sides) == 1 and parse.side is None and parse.target is Target.POSITION:
        side = Side.BUY if sides & {"buy", "long"} else Side.SELL
        parse = _with(parse, side=side, target=Target.SIDE)
    if symbol is None and parse.target is not Target.ALL:
        verdict.hold("NO_TARGET", "no instrument says which trade is meant")
        if parse.target is Target.POSITION:
            parse = _with(parse, target=None)
    if parse.kind is Kind.PARTIAL_CLOSE or (
        parse.kind is Kind.CLOSE and reader.figure("fraction") is not None
    ):
        share = reader.figure("fraction") or reader.figure("risk")
        if share is not None:
            share = share / 100 if share > 1 else share
        if share is not None and share < 1:
            parse = _with(parse, kind=Kind.PARTIAL_CLOSE, fraction=share)
    if parse.kind is Kind.MODIFY:
        stop = reader.figure("sl")
        targets = tuple(reader.targets())
        if stop is None and not targets:
            verdict.refuse("NOTHING_TO_CHANGE", "a change without a level")
        parse = _with(parse, stop_loss=stop, take_profits=targets)
    return parse
