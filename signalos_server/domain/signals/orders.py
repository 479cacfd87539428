"""Turns what the slot reader found into an opening order: figures settled, levels checked, oddities held."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from signalos_server.domain.signals.drafts import Draft, Price, Slot
from signalos_server.domain.signals.marked import Marked
from signalos_server.domain.signals.model import EntryType, Kind, Parse, Risk, Span, Verdict
from signalos_server.domain.signals.numbers import settle
from signalos_server.domain.signals.symbols import CURRENCIES, band
from signalos_server.domain.words import Side

# Levels further from the entry than this are typing errors, whatever the instrument.
_ABSURD = Decimal("0.5")
# Further than this they are held: pairs of currencies, and the rest.
_FAR_CURRENCIES = Decimal("0.12")
_FAR_OTHERS = Decimal("0.4")
_LARGE_LOTS = Decimal(50)
_LARGE_PERCENT = Decimal(10)


@dataclass(frozen=True, slots=True)
class Levels:
    """The settled prices of an order. None as entry: at the market."""

    entry: tuple[Decimal, Decimal] | None
    stop: Decimal | None
    targets: tuple[Decimal, ...]

    def reversed_stop(self, side: Side) -> bool:
        """Return whether the stop loss is on the side of the profit."""
        if self.stop is None:
            return False
        if self.entry is not None:
            worst = self.entry[0] if side is Side.BUY else self.entry[1]
            return (self.stop - worst) * side.sign >= 0
        return bool(self.targets) and all((target - self.stop) * side.sign <= 0 for target in self.targets)

    def reversed_target(self, target: Decimal, side: Side) -> bool:
        """Return whether a target is on the side of the loss."""
        if self.entry is not None:
            best = self.entry[0] if side is Side.BUY else self.entry[1]
            return (target - best) * side.sign <= 0
        return self.stop is not None and (target - self.stop) * side.sign <= 0


def build(marked: Marked, draft: Draft, symbol: str | None) -> tuple[Parse, Verdict]:
    """Return the order of a draft and what stands against it. No digit is guessed."""
    verdict = Verdict()
    spans: list[tuple[str, Span]] = []
    levels = _settled(marked, draft, symbol, verdict)
    if draft.side_mark is not None:
        spans.append(("side", marked.at(draft.side_mark)))
    if draft.named_mark is not None:
        spans.append(("symbol", marked.at(draft.named_mark)))
    for name, prices in (
        ("entry", draft.entries),
        ("stop_loss", draft.stops),
        ("take_profits", draft.targets),
    ):
        if prices:
            spans.append((name, Span(marked.at(prices[0].mark).start, marked.at(prices[-1].mark).end)))
    targets = levels.targets
    if draft.side is not None:
        targets = _check_sides(levels, draft.side, verdict)
        targets = _check_distances(levels, targets, symbol, verdict)
    _check_band(levels, symbol, verdict)
    _check_draft(marked, draft, levels, symbol, verdict)
    parse = Parse(
        kind=Kind.OPEN,
        symbol=symbol,
        side=draft.side,
        entry_type=_entry_type(draft, levels, verdict),
        entry=levels.entry,
        stop_loss=levels.stop,
        take_profits=targets,
        stop_loss_pips=draft.stop_pips[0] if draft.stop_pips and levels.stop is None else None,
        take_profit_pips=tuple(draft.target_pips) if not levels.targets else (),
        take_profit_open=draft.target_open,
        volume_lots=_volume(draft, verdict),
        risk=_risk(draft, verdict),
        spans=tuple(spans),
    )
    return parse, verdict


# Settling


def _settled(marked: Marked, draft: Draft, symbol: str | None, verdict: Verdict) -> Levels:
    entries = draft.entries or [price for price in (draft.loose, draft.loose_end) if price is not None]
    if not entries and draft.stray is not None and draft.has_levels and Slot.ENTRY not in draft.corrupt:
        entries = [draft.stray]
    certain = [
        price.figure.value
        for price in (*entries, *draft.stops, *draft.targets)
        if len(price.figure.readings) == 1 and price.figure.value > 0
    ]
    limits = band(symbol)
    if limits is not None:
        plausible = [value for value in certain if limits[0] <= value <= limits[1]]
        certain = plausible or certain
    if not certain and limits is None:
        # Nothing is certain and nobody knows the instrument: one notation for all of them is the best guess,
        # and no guess is made.
        certain = []

    def settled(prices: list[Price], slot: Slot) -> list[Decimal]:
        values = []
        for price in prices:
            value = settle(price.figure, certain, limits)
            if value is None:
                draft.corrupt.add(slot)
                verdict.hold(
                    "AMBIGUOUS_FIGURE", f"{price.figure.text} can be read in two ways", marked.at(price.mark)
                )
            else:
                values.append(value)
        return values

    entry = settled([*entries, *draft.ladder], Slot.ENTRY)
    stops = settled(draft.stops, Slot.SL)
    targets = settled(_in_index_order(draft.targets), Slot.TP)
    if len(stops) > 1:
        verdict.hold("SEVERAL_STOPS", "more than one stop loss is named; the first is shown")
    zone = (min(entry), max(entry)) if entry and Slot.ENTRY not in draft.corrupt else None
    stop = stops[0] if stops and Slot.SL not in draft.corrupt else None
    return Levels(zone, stop, _distinct(targets))


def _in_index_order(targets: list[Price]) -> list[Price]:
    if all(target.index is not None for target in targets):
        return sorted(targets, key=lambda target: target.index or 0)
    return targets


def _distinct(values: list[Decimal]) -> tuple[Decimal, ...]:
    return tuple(dict.fromkeys(values))


# Checks


def _check_sides(levels: Levels, side: Side, verdict: Verdict) -> tuple[Decimal, ...]:
    """Hold or refuse levels on the wrong side; return the targets that are left."""
    if levels.reversed_stop(side):
        verdict.refuse("STOP_ON_WRONG_SIDE", f"stop loss {levels.stop} is on the profit side of the entry")
        return levels.targets
    wrong = [target for target in levels.targets if levels.reversed_target(target, side)]
    if wrong and len(wrong) == len(levels.targets):
        verdict.refuse("TARGETS_ON_WRONG_SIDE", f"target {wrong[0]} is on the losing side of the entry")
        return levels.targets
    for target in wrong:
        verdict.hold("TARGET_DROPPED", f"target {target} is on the losing side of the entry and was dropped")
    kept = tuple(target for target in levels.targets if target not in wrong)
    distances = [(target - kept[0]) * side.sign for target in kept]
    if distances not in (sorted(distances), sorted(distances, reverse=True)):
        verdict.hold("TARGETS_OUT_OF_ORDER", "the targets neither rise nor fall: one may be mistyped")
    return kept


def _check_distances(
    levels: Levels, targets: tuple[Decimal, ...], symbol: str | None, verdict: Verdict
) -> tuple[Decimal, ...]:
    """Refuse a stop, drop a target, that is absurdly far from the entry; hold what is far."""
    reference = levels.entry[0] if levels.entry is not None else levels.stop
    if reference is None or reference <= 0:
        return targets
    currencies = symbol is not None and symbol[:3].lower() in CURRENCIES and symbol[3:].lower() in CURRENCIES
    far = _FAR_CURRENCIES if currencies else _FAR_OTHERS
    if levels.stop is not None:
        away = abs(levels.stop - reference) / reference
        if away > _ABSURD:
            verdict.refuse(
                "IMPLAUSIBLE_PRICE", f"entry {reference} and stop loss {levels.stop} cannot both be right"
            )
            return targets
        if away > far:
            verdict.hold("FAR_STOP", f"stop loss {levels.stop} is {away:.0%} from {reference}")
    absurd = [target for target in targets if abs(target - reference) / reference > _ABSURD]
    if absurd and len(absurd) == len(targets):
        verdict.refuse("IMPLAUSIBLE_PRICE", f"target {absurd[0]} cannot belong to {reference}")
        return targets
    for target in absurd:
        verdict.hold("TARGET_DROPPED", f"target {target} cannot belong to {reference} and was dropped")
    kept = tuple(target for target in targets if target not in absurd)
    if any(abs(target - reference) / reference > far for target in kept):
        verdict.hold("FAR_TARGET", f"target {kept[-1]} is far from {reference}")
    return kept


def _check_band(levels: Levels, symbol: str | None, verdict: Verdict) -> None:
    limits = band(symbol)
    if limits is None:
        return
    values = (*(levels.entry or ()), *((levels.stop,) if levels.stop is not None else ()))
    outside = [value for value in values if not limits[0] <= value <= limits[1]]
    if len(values) > 1 and outside == list(values):
        verdict.refuse("IMPLAUSIBLE_FOR_SYMBOL", f"{values[0]} is no price that {symbol} is known to have")
        return
    for value in values:
        if value in outside:
            verdict.hold("IMPLAUSIBLE_FOR_SYMBOL", f"{value} is no price that {symbol} is known to have")
            return


def _check_draft(marked: Marked, draft: Draft, levels: Levels, symbol: str | None, verdict: Verdict) -> None:
    for mark in draft.corrupt_marks:
        verdict.hold("CORRUPT_FIGURE", f"{mark.text!r} is no figure, and none is guessed", marked.at(mark))
    if Slot.ENTRY in draft.corrupt:
        verdict.refuse("CORRUPT_ENTRY", "the entry is broken, and a market order was not asked for")
    if symbol is None:
        verdict.refuse("NO_SYMBOL", "no instrument is named")
    if draft.rivals:
        verdict.refuse(
            "SEVERAL_SYMBOLS", f"{symbol} or {', '.join(draft.rivals)}: which is meant is not clear"
        )
    if draft.contradictory:
        verdict.refuse("BUY_AND_SELL", "the message says buy and sell of one entry")
    if draft.side is None:
        verdict.hold("NO_SIDE", "neither buy nor sell is said, and levels are no word for it")
    if levels.stop is None and not draft.stop_pips:
        verdict.hold("NO_STOP", "no stop loss" + (" yet" if draft.promised else ""))
    if draft.stop_conditional:
        verdict.hold(
            "CONDITIONAL_STOP", "the stop loss holds only at a candle's close, which no broker's stop does"
        )
    if draft.stop_at_entry:
        verdict.hold("STOP_AT_ENTRY", "the stop loss is said to be at the entry")
    if draft.past:
        verdict.hold("PAST_TENSE", "told as done")
    if draft.extra:
        verdict.hold("UNLABELLED_FIGURES", "figures without a label: which is the stop, which the target?")
    if draft.ladder or draft.listed:
        verdict.hold("SEVERAL_ENTRIES", "more than one entry is named, and nothing says how to share")
    if draft.points:
        verdict.hold("POINTS", "distances in points: how large a point is differs")
    if draft.limit and draft.stop_order:
        verdict.hold("LIMIT_AND_STOP", "both a limit and a stop order are named")


def _entry_type(draft: Draft, levels: Levels, verdict: Verdict) -> EntryType:
    if draft.limit or draft.stop_order:
        if draft.now:
            verdict.hold("NOW_AND_PENDING", "both at the market and pending")
        if levels.entry is None:
            verdict.hold("PENDING_WITHOUT_PRICE", "a pending order without its price")
        return EntryType.LIMIT if draft.limit else EntryType.STOP
    if draft.now or levels.entry is None:
        return EntryType.MARKET
    return EntryType.AUTO


def _volume(draft: Draft, verdict: Verdict) -> Decimal | None:
    if draft.volume is None or draft.volume_hint:
        return None
    if draft.volume <= 0:
        verdict.hold("NO_VOLUME", "a volume of nothing")
        return None
    if draft.volume > _LARGE_LOTS:
        verdict.hold("LARGE_VOLUME", f"{draft.volume} lots from a text")
    if Slot.VOLUME in draft.corrupt:
        return None
    return draft.volume


def _risk(draft: Draft, verdict: Verdict) -> Risk | None:
    risk = draft.risk
    if risk is not None and risk.percent is not None and not 0 < risk.percent <= _LARGE_PERCENT:
        verdict.hold("LARGE_RISK", f"{risk.percent} % of an account in one trade")
    return risk
