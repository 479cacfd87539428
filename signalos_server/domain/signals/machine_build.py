"""Turns the fields of a machine's message into a parse: one build for all formats."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from signalos_server.domain.signals.fold import fold
from signalos_server.domain.signals.machine_words import (
    CLOSE_AND_OPEN,
    CLOSES_BY_LOTS,
    OPENS,
    TYPES,
    UPDATES,
    bare,
    is_action,
)
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
_NOT_ABOVE_ZERO = re.compile(r"-\d{1,12}(?:\.\d{1,10})?\Z|[+]?0+(?:\.0+)?\Z")
_EMPTY = frozenset(("", "null", "None", "-"))
_LOTS = re.compile(r"\s*lots?\s*\Z", re.IGNORECASE)
_OLDEST = timedelta(hours=1)
_AHEAD = timedelta(minutes=2)
_LARGE_LOTS = Decimal(50)
_WHOLE = Decimal(100)


def figure_of(value: object) -> Decimal | None:
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

    def given(self, name: str) -> bool:
        """Return whether a field says anything."""
        return str(self._fields.get(name) or "").strip() not in _EMPTY

    def figure(self, name: str, unit: re.Pattern[str] | None = None) -> Decimal | None:
        """Return a figure above zero; None where the field is absent or empty.

        A zero is no way to say none: to a terminal a stop loss of 0 is no stop loss. A `unit` may stand
        behind it: 0.2 lots.
        """
        value = self._fields.get(name)
        if unit is not None and isinstance(value, str):
            value = unit.sub("", value)
        return self._above_zero(value, name)

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
        found = (self._above_zero(one, "a target") for one in values)
        return [figure for figure in found if figure is not None]

    def _above_zero(self, value: object, name: str) -> Decimal | None:
        text = "" if value is None else str(value).strip()
        if text in _EMPTY:
            return None
        if _NOT_ABOVE_ZERO.match(text) is not None:
            self._verdict.refuse("NOT_ABOVE_ZERO", f"{name} is {text}: leave it out where there is none")
            return None
        found = figure_of(value)
        if found is None:
            self._verdict.refuse("NO_FIGURE", f"{name} is no plain figure")
        return found


def build_message(fields: dict[str, Any], context: Context) -> Parse:
    if any("{{" in str(value) for value in fields.values()):
        return refused("TEMPLATE", "a placeholder was never filled in")
    action = bare(fields.get("action", ""))
    symbol = symbol_of(fields["symbol"]) if fields.get("symbol") else context.default_symbol
    if bare(fields.get("position", "")) == "flat" and (action in OPENS or not action):
        # TradingView's strategy order that leaves no position is a close.
        action = "close"
    if symbol is None and action in OPENS:
        return refused("NO_SYMBOL", "no known instrument is named")
    if not is_action(action):
        return refused("NO_ACTION", "no known action is named", symbol)
    verdict = Verdict()
    _check_time(fields.get("time"), context, verdict)
    reader = _Fields(fields, verdict)
    if action in CLOSE_AND_OPEN:
        closing, opening = CLOSE_AND_OPEN[action]
        order = _open(opening, None, symbol, fields, reader, verdict)
        first = Parse(Kind.CLOSE, symbol=symbol, side=closing, target=Target.SIDE, also=(order,))
    elif action in OPENS:
        side, entry_type = OPENS[action]
        first = _open(side, entry_type, symbol, fields, reader, verdict)
    else:
        sides = fields.get("sides", set())
        first = _update(UPDATES[action], symbol, sides, reader, verdict, by_lots=action in CLOSES_BY_LOTS)
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
    entry_type = entry_type or TYPES.get(bare(fields.get("ordertype", "")))
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
    volume = reader.figure("volume", unit=_LOTS)
    if volume is not None and volume > _LARGE_LOTS:
        verdict.hold("LARGE_VOLUME", f"{volume} lots from a message")
    if reader.given("size"):
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


def _update(
    template: Parse,
    symbol: str | None,
    sides: set[str],
    reader: _Fields,
    verdict: Verdict,
    *,
    by_lots: bool,
) -> Parse:
    parse = _with(template, symbol=symbol)
    if len(sides) == 1 and parse.side is None and parse.target is Target.POSITION:
        side = Side.BUY if sides & {"buy", "long"} else Side.SELL
        parse = _with(parse, side=side, target=Target.SIDE)
    if symbol is None and parse.target is not Target.ALL:
        verdict.hold("NO_TARGET", "no instrument says which trade is meant")
        if parse.target is Target.POSITION:
            parse = _with(parse, target=None)
    if by_lots:
        verdict.refuse("CLOSE_BY_LOTS", "a part to close is said as a share, not in lots")
    elif parse.kind is Kind.PARTIAL_CLOSE or (parse.kind is Kind.CLOSE and reader.given("fraction")):
        parse = _shared(parse, reader, verdict)
    if parse.kind is Kind.MODIFY:
        stop = reader.figure("sl")
        targets = tuple(reader.targets())
        if stop is None and not targets:
            verdict.refuse("NOTHING_TO_CHANGE", "a change without a level")
        parse = _with(parse, stop_loss=stop, take_profits=targets)
    return parse


def _shared(parse: Parse, reader: _Fields, verdict: Verdict) -> Parse:
    """Return a close of the share that is said: a fraction below 1, or a percentage. All of it is a close."""
    share = reader.figure("fraction") or reader.figure("risk")
    if share is None:
        return parse
    if share == 1:
        verdict.refuse("UNCLEAR_SHARE", "1 is 1 % or all of it: write 0.01, or 100")
    elif share > _WHOLE:
        verdict.refuse("SHARE_TOO_LARGE", f"{share} % is more than there is")
    elif share == _WHOLE:
        return _with(parse, kind=Kind.CLOSE)
    return _with(parse, kind=Kind.PARTIAL_CLOSE, fraction=share / _WHOLE if share > 1 else share)


def refused(code: str, why: str, symbol: str | None = None) -> Parse:
    return Parse(Kind.NONE, Gate.REJECT, symbol, reasons=(Reason(code, why),))
