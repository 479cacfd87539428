"""What updates act on, and where they stand: shared by the readers of anchors and of levels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from signalos_server.domain.signals.clauses import Clause
from signalos_server.domain.signals.marked import Marked
from signalos_server.domain.signals.model import (
    Announcement,
    Context,
    Parse,
    Reason,
    Target,
    Verdict,
)
from signalos_server.domain.signals.numbers import settle
from signalos_server.domain.signals.symbols import band
from signalos_server.domain.signals.words.concepts import BUYS, SIDES
from signalos_server.domain.signals.words.concepts import Concept as C
from signalos_server.domain.words import Side

FRACTIONS = {
    C.HALF: Decimal("0.5"),
    C.THIRD: Decimal("0.3333"),
    C.QUARTER: Decimal("0.25"),
}
STOPS = frozenset((C.SL, C.STOP_WORD))


@dataclass(frozen=True, slots=True)
class Action:
    """One thing asked for, as a parse, with its place among the marks."""

    parse: Parse
    place: int
    region: frozenset[int]


@dataclass(slots=True)
class Updates:
    """What a message asks and tells. `passed_over`: marks of anchors that turned out to be no actions."""

    actions: list[Action] = field(default_factory=list)
    notes: list[Reason] = field(default_factory=list)
    event: Announcement | None = None
    regions: set[int] = field(default_factory=set)
    # Where new levels may stand: clauses without anchors, and what stands beside anchors.
    levels: list[Clause] = field(default_factory=list)


@dataclass(slots=True)
class Anchor:
    """An anchor in a clause: marks `place:end`, and the region `first:last` around it."""

    place: int
    end: int
    first: int
    last: int
    # A new level beside another anchor: close half and SL to 2345.
    level: bool = False


class Aims:
    """A message, its clauses and its context, and what can be asked of a region of them."""

    def __init__(self, marked: Marked, clauses: list[Clause], context: Context) -> None:
        self._marked = marked
        self._marks = marked.marks
        self._clauses = clauses
        self._context = context
        self._symbol = self._message_symbol()
        self._updates = Updates()

    def _message_symbol(self) -> str | None:
        named = [mark.named for mark in self._marks if mark.named is not None]
        exact = [name.symbol for name in named if name.exact]
        if exact:
            return exact[0]
        if named:
            return named[0].symbol
        return None

    def _aimed(self, parse: Parse, symbol: str | None, verdict: Verdict) -> Parse:
        """Return the parse with its instrument and its target, held where nothing says what it acts on."""
        context = self._context
        parent = context.parent
        symbol = symbol or self._symbol or (parent.symbol if parent else None) or context.default_symbol
        target = parse.target
        aimed = symbol is not None or context.replies
        if target is None and aimed:
            target = Target.POSITION
        if not aimed:
            verdict.hold("NO_TARGET", "neither a reply nor an instrument says which trade is meant")
        gate = verdict.gate
        return replace(parse, symbol=symbol, target=target, gate=gate, reasons=tuple(verdict.reasons))

    def _symbols(self, anchor: Anchor) -> list[str]:
        found: list[str] = []
        for mark in self._marks[anchor.first : anchor.last]:
            if mark.named is not None and mark.named.symbol not in found:
                found.append(mark.named.symbol)
        return found

    def _prices(self, first: int, last: int, symbol: str | None) -> list[Decimal]:
        """Return the plain prices among marks: figures without a unit."""
        found = []
        for place in range(first, last):
            figure = self._marks[place].figure
            if figure is None:
                continue
            units = [mark.concept for mark in self._marks[place + 1 : min(place + 3, last)]]
            if units[:1] == [C.PLUS]:
                # 54+ pips
                units = units[1:]
            if units and units[0] in (C.PERCENT, C.PIPS, C.POINTS, C.LOTS):
                continue
            value = settle(figure, self._references(), band(symbol or self._symbol))
            if value is not None and not (figure.is_small_count and self._labels(place)):
                found.append(value)
        return found

    def _labels(self, place: int) -> bool:
        return place > 0 and self._marks[place - 1].concept in (C.TP, C.ENTRY, C.SL)

    def _references(self) -> list[Decimal]:
        parent = self._context.parent
        if parent is None:
            return []
        found = list(parent.entry or ())
        if parent.stop_loss is not None:
            found.append(parent.stop_loss)
        return found

    def _side_in(self, anchor: Anchor) -> Side | None:
        sides = {
            Side.BUY if mark.concept in BUYS else Side.SELL
            for mark in self._marks[anchor.first : anchor.last]
            if mark.concept in SIDES
        }
        return sides.pop() if len(sides) == 1 else None
