"""Reads the opening orders of a message: labels attract the figures behind them, slot by slot.

The reader goes over the marks once. A side opens the entry's slot; a label (entry, stop loss, target,
lots, risk) opens its own; a figure falls into the slot that is open, with its unit; the end of a line
closes a slot that is filled. A side that comes when an order already has prices begins the next order.
"""

from __future__ import annotations

from decimal import Decimal

from signalos_server.domain.signals.drafts import Draft, Price, Slot
from signalos_server.domain.signals.marked import Mark, Marked, currency_of
from signalos_server.domain.signals.model import Risk
from signalos_server.domain.signals.numbers import Figure, near, shorthand
from signalos_server.domain.signals.symbols import Named
from signalos_server.domain.signals.words.concepts import BUYS, SIDES
from signalos_server.domain.signals.words.concepts import Concept as C
from signalos_server.domain.words import Side

_LINKS = frozenset((C.DASH, C.SLASH, C.TO, C.AND, C.COMMA, C.OR))
_RANGE_LINKS = frozenset((C.DASH, C.SLASH, C.TO, C.AND, C.COMMA))
_WEAK_ENTRY = frozenset(
    "price from around range between area zone at trigger en enter ep de entre prix precio preço preis kurs"
    " bei zona da tra harga di antara от цена между في من عند بين سعر पर से भाव 在 附近 价格 區間 区间 fiyat"
    " open price order price".split()
)
_INDEX_LINKS = frozenset((C.COLON, C.BRACKET_CLOSE, C.AT))
# An abbreviated end of a range is near the price it abbreviates: 3 %.
_SHORTHAND_REACH = Decimal("0.03")
_MOST_TARGETS = 12
# No line that is meant for people has more marks; a bound keeps long ones cheap.
_LINE = 60


class SlotReader:
    """Reads the marks of a message into drafts."""

    def __init__(self, marked: Marked, skip: frozenset[int]) -> None:
        self._marked = marked
        self._marks = marked.marks
        self._skip = skip
        self._has_stop_label = any(mark.concept is C.SL for mark in marked.marks)
        self._slot = Slot.NOTHING
        self._resume = Slot.NOTHING
        # How many figures the open slot has taken, and what linked the last mark to the one before.
        self._taken = 0
        self._link: C | None = None
        self._link_glued = False
        # Places of "lots" that were the unit of the figure before them.
        self._units: set[int] = set()
        self._index: int | None = None
        self._bracket_ignored = False
        self._broken = False
        self._in_bracket = False
        self._last_bracketed = False
        self._last_figure: Mark | None = None
        self._line_start = True
        self.draft = Draft()
        self.drafts: list[Draft] = [self.draft]

    def read(self) -> list[Draft]:
        """Return the drafts, in order; those that are no orders are among them."""
        for place, mark in enumerate(self._marks):
            if place in self._skip:
                continue
            self._read_mark(place, mark)
            self.draft.last_place = place
            self._line_start = mark.concept is C.NEWLINE
        return self.drafts

    def _read_mark(self, place: int, mark: Mark) -> None:
        concept = mark.concept
        if concept is C.NUMBER:
            self._read_figure(place, mark)
            return
        if concept in _LINKS:
            if concept is not C.SLASH or not self._is_per_currency(place):
                self._link = concept
                self._link_glued = mark.glued
            return
        if concept in SIDES:
            self._read_side(place, mark)
        elif concept is C.SYMBOL:
            self._read_symbol(place, mark)
        else:
            handler = _HANDLERS.get(concept)
            if handler is not None:
                handler(self, place, mark)
        if concept not in (C.COLON, C.AT, C.BRACKET_OPEN):
            self._link = None

    # Sides and instruments

    def _read_side(self, place: int, mark: Mark) -> None:
        side = Side.BUY if mark.concept in BUYS else Side.SELL
        weak = mark.concept in (C.BUY_WEAK, C.SELL_WEAK)
        draft = self.draft
        if draft.side is not None and draft.has_prices and not weak:
            if not self._begins_an_order(place, draft, side):
                return
            draft = self._next(place)
        elif draft.side is not None and side is not draft.side and not weak:
            if draft.weak_side:
                draft.side = None
            elif not draft.has_prices:
                draft.contradictory = True
                return
        if draft.side is None or (draft.weak_side and not weak):
            draft.side, draft.side_mark, draft.side_place = side, mark, place
            draft.weak_side = weak
            draft.past = draft.past or mark.concept in (C.BOUGHT, C.SOLD)
        self._open(Slot.NOTHING if draft.entries else Slot.ENTRY)

    def _begins_an_order(self, place: int, draft: Draft, side: Side) -> bool:
        """Return whether a further side brings an order of its own: a price follows on its line."""
        for mark in self._marks[place + 1 : place + 12]:
            if mark.concept in (C.NUMBER, C.CORRUPT, C.NOW):
                return True
            if mark.concept in SIDES:
                return False
            if mark.concept is C.NEWLINE and side is draft.side:
                return False
        return False

    def _next(self, place: int) -> Draft:
        named, mark = self.draft.named, self.draft.named_mark
        self.draft = Draft(first_place=place)
        self.draft.named, self.draft.named_mark = named, mark
        self.draft.carried = True
        self.drafts.append(self.draft)
        self._open(Slot.ENTRY)
        return self.draft

    def _read_symbol(self, place: int, mark: Mark) -> None:
        assert mark.named is not None
        draft, named = self.draft, mark.named
        if draft.named is None or (draft.carried and named.symbol != draft.named.symbol):
            if draft.carried and draft.has_prices and self._side_follows(place):
                draft = self._next(place)
            self._name(draft, named, mark)
            return
        if named.symbol == draft.named.symbol:
            draft.named = Named(named.symbol, named.exact or draft.named.exact)
            return
        if draft.side is not None and (draft.has_prices or draft.now):
            if self._side_follows(place):
                self._next(place)
                self._name(self.draft, named, mark)
                self._open(Slot.NOTHING)
            elif draft.carried:
                self._name(draft, named, mark)
            elif draft.has_prices is False and named.exact:
                draft.rivals.append(named.symbol)
            return
        if draft.named.exact and not named.exact:
            return
        if not draft.named.exact and named.exact:
            self._name(draft, named, mark)
            return
        between = self._marks[self._place_of(draft.named_mark) + 1 : place]
        if any(other.concept is C.NEWLINE for other in between) and draft.side is None:
            self._name(draft, named, mark)
        else:
            draft.rivals.append(named.symbol)

    @staticmethod
    def _name(draft: Draft, named: Named, mark: Mark) -> None:
        draft.named, draft.named_mark, draft.carried = named, mark, False

    def _place_of(self, mark: Mark | None) -> int:
        return 0 if mark is None else self._marks.index(mark)

    def _side_follows(self, place: int) -> bool:
        for mark in self._marks[place + 1 : place + 8]:
            if mark.concept in SIDES:
                return True
            if mark.concept in (C.SYMBOL, C.SL, C.TP):
                return False
        return False

    # Labels

    def _open(self, slot: Slot) -> None:
        self._slot = slot
        self._taken = 0
        self._link = None
        self._index = None
        self._broken = False
        self._bracket_ignored = False

    def _waiting(self) -> bool:
        """Return whether a price is waited for."""
        return self._slot in (Slot.ENTRY, Slot.SL, Slot.TP) and self._taken == 0

    def _label_entry(self, place: int, mark: Mark) -> None:
        if mark.text in _WEAK_ENTRY:
            if self._waiting() or (self.draft.entries and self._slot is not Slot.NOTHING):
                return
            if self.draft.entries:
                return
        self._open(Slot.ENTRY)

    def _label_stop(self, place: int, mark: Mark) -> None:
        self._open(Slot.SL)

    def _label_target(self, place: int, mark: Mark) -> None:
        self._open(Slot.TP)

    def _label_volume(self, place: int, mark: Mark) -> None:
        if place not in self._units:
            self._set_aside(Slot.VOLUME)

    def _label_risk(self, place: int, mark: Mark) -> None:
        self._set_aside(Slot.RISK)

    def _set_aside(self, slot: Slot) -> None:
        """Open a slot for one figure, and go on with the waiting one behind it."""
        resume = self._slot if self._waiting() else Slot.NOTHING
        self._open(slot)
        self._resume = resume

    def _label_ignored(self, place: int, mark: Mark) -> None:
        self._open(Slot.IGNORED)

    def _label_current(self, place: int, mark: Mark) -> None:
        """Read "sell at the current price" as now; what the current price is elsewhere is nobody's entry."""
        if self._slot is Slot.ENTRY and not self._taken and self._side_before(place):
            self.draft.now = True
        else:
            self._open(Slot.IGNORED)

    def _side_before(self, place: int) -> bool:
        for mark in reversed(self._marks[max(0, place - 4) : place]):
            if mark.concept in SIDES:
                return True
            if mark.concept is C.NEWLINE:
                return False
        return False

    def _label_mention(self, place: int, mark: Mark) -> None:
        if not self._waiting() and not (self.draft.side is not None and self._slot is Slot.ENTRY):
            self._open(Slot.IGNORED)

    def _read_stop_word(self, place: int, mark: Mark) -> None:
        """Tell a stop order (buy stop 1.10) from a stop loss (stop 1.08)."""
        previous = self._previous(place)
        following = self._marks[place + 1].concept if place + 1 < len(self._marks) else None
        beside_side = previous in SIDES or (previous in (C.LIMIT, C.PENDING)) or following in SIDES
        beside_side = beside_side or mark.text.endswith(("order", "orders"))
        behind_symbol = previous is C.SYMBOL and self._has_stop_label and self.draft.side is not None
        if (beside_side or behind_symbol) and not self.draft.entries and not self.draft.stop_order:
            self.draft.stop_order = True
            if self._slot is Slot.NOTHING:
                self._open(Slot.ENTRY)
            return
        self._open(Slot.SL)

    def _previous(self, place: int) -> C | None:
        """Return the mark before, a dash passed over."""
        at = place - 1
        while at >= 0 and self._marks[at].concept is C.DASH:
            at -= 1
        return self._marks[at].concept if at >= 0 else None

    def _read_limit(self, place: int, mark: Mark) -> None:
        self.draft.limit = True

    def _read_now(self, place: int, mark: Mark) -> None:
        """Believe "now" beside a side or alone on its line, not in remarks about the market."""
        first, last = place, place
        while first > max(0, place - _LINE) and self._marks[first - 1].concept is not C.NEWLINE:
            first -= 1
        end = min(len(self._marks), place + _LINE)
        while last + 1 < end and self._marks[last + 1].concept is not C.NEWLINE:
            last += 1
        line = {other.concept for other in self._marks[first : last + 1]}
        if not line.isdisjoint(SIDES | {C.SYMBOL, C.ENTRY}) or line <= {C.NOW, C.FILLER, C.PICTURE}:
            self.draft.now = True
            if self._slot is Slot.NOTHING and not self.draft.entries and self.draft.loose is None:
                self._open(Slot.ENTRY)
        elif self._slot is Slot.NOTHING:
            self._open(Slot.IGNORED)

    def _read_done(self, place: int, mark: Mark) -> None:
        self.draft.past = True
        if not self.draft.entries:
            self._open(Slot.ENTRY)

    def _read_open_end(self, place: int, mark: Mark) -> None:
        if self._slot is Slot.TP:
            self.draft.target_open = True

    def _read_later(self, place: int, mark: Mark) -> None:
        if self._slot in (Slot.SL, Slot.TP) and self._taken == 0:
            self.draft.promised = True
            self._open(Slot.NOTHING)

    def _read_breakeven(self, place: int, mark: Mark) -> None:
        if self._slot is Slot.SL and self._taken == 0:
            self.draft.stop_at_entry = True

    def _read_candle(self, place: int, mark: Mark) -> None:
        if self._slot is Slot.SL:
            self.draft.stop_conditional = True

    def _read_again(self, place: int, mark: Mark) -> None:
        """Note a second entry in words: `second entry 2336`."""
        following = [other.concept for other in self._marks[place + 1 : place + 4]]
        if self.draft.entries and C.NUMBER in following and SIDES.isdisjoint(following):
            self.draft.listed = True
            self._open(Slot.IGNORED)

    def _read_profit(self, place: int, mark: Mark) -> None:
        """Read "profit: 2350" as a target's label; profit without a price behind it is talk."""
        following = self._marks[place + 1 : place + 3]
        labelled = (
            len(following) == 2
            and following[0].concept in (C.COLON, C.AT, C.BRACKET_OPEN)
            and following[1].figure is not None
        )
        if labelled and self.draft.side is not None and self._unit(place + 2) is None:
            self._open(Slot.TP)

    def _read_index(self, place: int, mark: Mark) -> None:
        if self._slot is Slot.TP or (self._slot is Slot.ENTRY and not self._taken):
            self._index = mark.number
            self._broken = False

    def _read_corrupt(self, place: int, mark: Mark) -> None:
        waiting = self._slot in (Slot.ENTRY, Slot.SL, Slot.TP, Slot.VOLUME, Slot.RISK) and (
            self._taken == 0 or (self._slot is Slot.TP and self._link is not None)
        )
        if waiting and (self._slot is not Slot.ENTRY or self.draft.side is not None or self._taken == 0):
            self._spoil(mark)

    def _spoil(self, mark: Mark) -> None:
        self.draft.corrupt.add(self._slot)
        self.draft.corrupt_marks.append(mark)
        self._taken += 1

    def _end_line(self, place: int, mark: Mark) -> None:
        self._bracket_ignored = False
        if self._slot is Slot.TP and self._taken:
            following = self._marks[place + 1].concept if place + 1 < len(self._marks) else None
            # A list of targets may go on, a line each.
            if following not in (C.NUMBER, C.INDEX, C.CORRUPT):
                self._open(Slot.NOTHING)
            self._broken = False
            self._last_figure = None
            self._index = None
        elif self._taken or self._slot is Slot.IGNORED:
            self._open(Slot.NOTHING)
        self._last_figure = None

    def _end_sentence(self, place: int, mark: Mark) -> None:
        if self._taken or self._slot is Slot.IGNORED:
            if self._slot is Slot.TP and mark.text == "!":
                return
            self._open(Slot.NOTHING)

    def _open_bracket(self, place: int, mark: Mark) -> None:
        # "TP 2350 (2345 for scalpers)", but "TP [2350] [2360]".
        self._bracket_ignored = self._taken > 0 and not self._last_bracketed
        self._link = C.COMMA if self._taken else None
        self._in_bracket = True

    def _close_bracket(self, place: int, mark: Mark) -> None:
        self._bracket_ignored = False
        self._in_bracket = False

    def _read_word(self, place: int, mark: Mark) -> None:
        self._broken = self._taken > 0

    # Figures

    def _unit(self, place: int) -> C | None:
        """Return the unit behind a figure: pips, points, lots, percent or a currency."""
        for mark in self._marks[place + 1 : place + 3]:
            if mark.concept in (C.PIPS, C.POINTS, C.LOTS, C.PERCENT, C.CURRENCY):
                return mark.concept
            if mark.concept is not C.FILLER:
                return None
        return None

    def _linked_unit(self, place: int) -> C | None:
        """Return the unit of a figure, also where it stands behind the last of a list: 20-50-100 pips."""
        unit = self._unit(place)
        at = place
        first = self._marks[place].figure
        while unit is None and at + 2 < len(self._marks) and at - place < 2 * _MOST_TARGETS:
            link, following = self._marks[at + 1], self._marks[at + 2]
            if link.figure is not None:
                # 30 60 90 pips
                following, link = link, link._replace(concept=C.COMMA)
                at -= 1
            if link.concept not in (C.DASH, C.SLASH, C.COMMA, C.AND, C.TO) or following.figure is None:
                break
            if link.concept in (C.DASH, C.SLASH) and not (link.glued and following.glued):
                break
            assert first is not None
            if not first.value or not Decimal("0.05") < following.figure.value / first.value < 20:
                break
            at += 2
            unit = self._unit(at)
        return unit if unit in (C.PIPS, C.POINTS, C.PERCENT) else self._unit(place)

    def _is_per_currency(self, place: int) -> bool:
        """Return whether a slash says "per" before a currency: 1.2740/$."""
        return place + 1 < len(self._marks) and self._marks[place + 1].concept is C.CURRENCY

    def _read_figure(self, place: int, mark: Mark) -> None:
        figure = mark.figure
        assert figure is not None
        previous = self._marks[place - 1].concept if place else None
        unit = self._linked_unit(place)
        following = self._marks[place + 1].concept if place + 1 < len(self._marks) else None
        if following is C.MEASURE:
            return
        if unit is C.LOTS and self._lots_are_a_label(place):
            unit = None
        if unit is C.LOTS:
            self._units.add(place + 1)
        if unit is C.LOTS or self._slot is Slot.VOLUME:
            self._take_volume(place, mark, figure, unit)
        elif unit is C.PERCENT or self._slot is Slot.RISK:
            self._take_risk(place, mark, figure, unit)
        elif unit in (C.PIPS, C.POINTS):
            self._take_distance(figure, unit)
        elif self._slot is Slot.IGNORED or previous is C.PLUS or self._bracket_ignored:
            self._broken = True
        elif self._slot is Slot.NOTHING:
            self._take_loose(place, mark, figure)
        elif self._counts_targets(place, mark, figure):
            self._index = int(figure.text)
        else:
            self._take_price(place, mark, figure)
        self._link = None
        self._last_figure = mark
        self._last_bracketed = self._in_bracket

    def _lots_are_a_label(self, place: int) -> bool:
        """Return whether "lot" belongs to the figure behind it: `TP 2350 lot 0.5`."""
        label = self._marks[place + 1]
        if label.concept is not C.LOTS:
            return False
        behind = self._marks[place + 2 : place + 5]
        if self._slot in (Slot.SL, Slot.TP):
            return any(mark.figure is not None for mark in behind)
        if self._slot is not Slot.ENTRY or label.text == "lots" or not behind:
            return False
        figure, following = self._marks[place].figure, behind[0].figure
        if behind[0].concept is C.COLON and len(behind) > 1:
            following = behind[1].figure
        # Of two figures around "lot", the smaller is the volume: 2412 lot 0.10.
        return figure is not None and following is not None and following.value < figure.value

    def _take_volume(self, place: int, mark: Mark, figure: Figure, unit: C | None) -> None:
        draft = self.draft
        if self._slot is Slot.VOLUME and self._taken:
            if unit is C.CURRENCY:
                # "0.01 at 500 USD" is advice on sizing, not a volume.
                draft.volume_hint = True
            return
        if unit is C.PERCENT:
            self._take_risk(place, mark, figure, unit)
            return
        before = self._marks[place - 1] if place else mark
        if before.concept is C.DASH and mark.glued and not before.glued:
            # A volume below nothing.
            self.draft.corrupt.add(Slot.VOLUME)
            self.draft.corrupt_marks.append(mark)
            return
        if draft.volume is None:
            draft.volume = figure.readings[-1] if len(figure.readings) > 1 else figure.value
        if self._slot is Slot.VOLUME:
            following = self._marks[place + 1 : place + 5]
            if any(other.concept is C.CURRENCY for other in following):
                draft.volume_hint = True
                self._taken = 1
            else:
                self._open(self._resume)

    def _take_risk(self, place: int, mark: Mark, figure: Figure, unit: C | None) -> None:
        draft = self.draft
        if self._slot is Slot.RISK:
            if self._taken or draft.risk is not None:
                return
            before = self._marks[place - 1] if place else None
            if unit is C.PERCENT:
                draft.risk = Risk(percent=figure.readings[-1])
            elif unit is C.CURRENCY:
                behind = next(o for o in self._marks[place + 1 : place + 3] if o.concept is C.CURRENCY)
                draft.risk = Risk(money=figure.value, currency=currency_of(behind))
            elif before is not None and before.concept is C.CURRENCY:
                draft.risk = Risk(money=figure.value, currency=currency_of(before))
            elif unit is None:
                draft.risk = Risk(raw=figure.readings[-1])
            self._open(Slot.IGNORED if self._resume is Slot.NOTHING else self._resume)
            return
        if unit is C.PERCENT and draft.risk is None:
            for other in self._marks[place + 1 : place + 5]:
                if other.concept is C.RISK:
                    draft.risk = Risk(percent=figure.readings[-1])
                    return
                if other.concept not in (C.PERCENT, C.FILLER):
                    return

    def _take_distance(self, figure: Figure, unit: C) -> None:
        draft = self.draft
        if self._slot is Slot.SL and not draft.stops and not draft.stop_pips:
            draft.stop_pips.append(figure.value)
            draft.points = draft.points or unit is C.POINTS
        elif self._slot is Slot.TP and not (self._taken and draft.targets):
            draft.target_pips.append(figure.value)
            draft.points = draft.points or unit is C.POINTS
        else:
            return
        self._taken += 1

    def _take_loose(self, place: int, mark: Mark, figure: Figure) -> None:
        """Keep a price that comes before its side: `USDCHF 0.9921 sell now`."""
        draft = self.draft
        if draft.side is not None:
            first = draft.entries[0].figure if draft.entries else None
            if first is not None and self._alone_on_line(place) and near(figure.value, first.value):
                draft.extra.append(Price(figure, mark))
            return
        if not self._side_on_line(place):
            if draft.stray is None and place and self._marks[place - 1].concept in (C.SYMBOL, C.AT, C.COLON):
                draft.stray = Price(figure, mark)
            return
        if draft.loose is None:
            draft.loose = Price(figure, mark)
        elif draft.loose_end is None and self._link in _RANGE_LINKS:
            first = draft.loose.figure
            if near(figure.value, first.value):
                draft.loose_end = Price(figure, mark)
            elif (short := shorthand(first.text, figure.text)) is not None:
                draft.loose_end = Price(Figure(figure.text, (short,)), mark)

    def _alone_on_line(self, place: int) -> bool:
        beside = (*self._marks[max(0, place - 1) : place], *self._marks[place + 1 : place + 2])
        return all(mark.concept is C.NEWLINE for mark in beside)

    def _side_on_line(self, place: int) -> bool:
        for mark in self._marks[place + 1 : place + _LINE]:
            if mark.concept in SIDES:
                return True
            if mark.concept is C.NEWLINE:
                return False
        return False

    def _counts_targets(self, place: int, mark: Mark, figure: Figure) -> bool:
        """Return whether a small figure behind a label numbers it: `TP 1 2346`, `TP2: 50 pips`."""
        if self._taken or self._index is not None or not figure.is_small_count:
            return False
        if self._unit(place) is not None:
            return False
        following = self._marks[place + 1] if place + 1 < len(self._marks) else None
        beyond = self._marks[place + 2] if place + 2 < len(self._marks) else None
        if self._slot is Slot.TP and (mark.glued or following is None):
            return True
        if following is None:
            return False
        if following.concept in (C.NUMBER, C.CORRUPT):
            # "TP 1 0670" is a broken figure: no price begins with a nought and has no point.
            broken = (
                following.figure is not None and following.text.startswith("0") and "." not in following.text
            )
            return self._slot is Slot.TP and not broken
        if following.concept in _INDEX_LINKS:
            return beyond is not None and beyond.concept in (C.NUMBER, C.CORRUPT, C.AT, C.OPEN_END, C.LATER)
        if following.concept is C.DASH and beyond is not None and beyond.figure is not None:
            return beyond.figure.value > 12 or "." in beyond.text
        return self._slot is Slot.TP and following.concept is not C.COMMA and following.concept is not C.SLASH

    def _take_price(self, place: int, mark: Mark, figure: Figure) -> None:
        held = self._slot_prices()
        price = Price(figure, mark, self._index)
        if not self._taken:
            if self._slot is Slot.ENTRY and held:
                if all(figure.text != other.figure.text for other in held):
                    self.draft.ladder.append(price)
            else:
                held.append(price)
            self._taken = 1
            self._index = None
            return
        if self._slot is Slot.TP and self._index is not None:
            held.append(price)
            self._index = None
            return
        if not held:
            # The slot's first figure was corrupt or a distance.
            if self._slot is Slot.TP and self._link is not None:
                held.append(price)
            return
        self._take_further(mark, figure, held)

    def _take_further(self, mark: Mark, figure: Figure, held: list[Price]) -> None:
        first = (self.draft.ladder or held)[-1] if self._slot is Slot.ENTRY else held[-1]
        known = [*held, *self.draft.entries, *self.draft.stops, *self.draft.targets]
        alike = any(near(figure.value, other.figure.value) for other in known if other.figure.value)
        linked = self._link in _LINKS
        if not linked and self._broken:
            return
        if not linked and not alike and self._only_spaces_since(mark):
            # "1 7786": one figure broken in two, or two; which, nobody can tell.
            held.pop()
            self._spoil(mark)
            return
        if not alike:
            balanced = linked and self._slot is not Slot.SL and self._link_glued is mark.glued
            short = shorthand(first.figure.text, figure.text) if balanced else None
            far = (
                short is not None and abs(short - first.figure.value) > _SHORTHAND_REACH * first.figure.value
            )
            if short is None or far or (len(figure.text) > 2 and not mark.glued):
                tight = mark.glued and self._link_glued and self._link in (C.DASH, C.SLASH)
                whole = self._link is C.COMMA and first.figure.text.isdigit()
                if linked and (tight or whole):
                    # "1.09-0": neither a range nor an abbreviation, but a figure that something got into.
                    held.pop()
                    self._spoil(mark)
                return
            # Written out, so that the next abbreviation has a whole price before it: 3378/82/88.
            figure = Figure(str(short), (short,))
        if self._slot is Slot.TP:
            if len(held) < _MOST_TARGETS:
                held.append(Price(figure, mark))
        elif self._slot is Slot.SL:
            # "142.00 - 150" is a price and its distance, "2335 - 2330" are two prices.
            if _decimals(figure) == _decimals(held[-1].figure):
                held.append(Price(figure, mark))
        elif linked and self._taken == 1 and self._link in _RANGE_LINKS:
            held.append(Price(figure, mark))
            self._taken = 2
            self.draft.listed = self._link in (C.AND, C.COMMA) and not self._zone_named(mark)
        else:
            if self._link is C.COMMA and self.draft.listed and len(held) > 1:
                # 1.0850,1.0800,1.0900: a row of figures, not two entries.
                self.draft.extra.append(held.pop())
                self.draft.listed = False
            self.draft.extra.append(Price(figure, mark))

    def _zone_named(self, mark: Mark) -> bool:
        """Return whether a word for a zone stands before the prices: between 2340 and 2345."""
        place = self._marks.index(mark)
        while place > 0 and self._marks[place - 1].concept is not C.NEWLINE:
            place -= 1
            if self._marks[place].concept is C.ENTRY and self._marks[place].text in _WEAK_ENTRY:
                return True
        return False

    def _slot_prices(self) -> list[Price]:
        if self._slot is Slot.ENTRY:
            return self.draft.entries
        return self.draft.stops if self._slot is Slot.SL else self.draft.targets

    def _only_spaces_since(self, mark: Mark) -> bool:
        last = self._last_figure
        if last is None:
            return False
        return all(
            letter == " " or letter >= "\ue000" for letter in self._marked.folded.text[last.end : mark.start]
        )


def _decimals(figure: Figure) -> int:
    return (
        len(figure.text.replace(",", ".").rpartition(".")[2])
        if "." in figure.text or "," in figure.text
        else 0
    )


_HANDLERS = {
    C.ENTRY: SlotReader._label_entry,
    C.SL: SlotReader._label_stop,
    C.TP: SlotReader._label_target,
    C.LOTS: SlotReader._label_volume,
    C.RISK: SlotReader._label_risk,
    C.IGNORED: SlotReader._label_ignored,
    C.CURRENT_PRICE: SlotReader._label_current,
    C.EXPIRY: SlotReader._label_ignored,
    C.MENTION: SlotReader._label_mention,
    C.STOP_WORD: SlotReader._read_stop_word,
    C.LIMIT: SlotReader._read_limit,
    C.NOW: SlotReader._read_now,
    C.DONE: SlotReader._read_done,
    C.OPEN_END: SlotReader._read_open_end,
    C.LET_RUN: SlotReader._read_open_end,
    C.LATER: SlotReader._read_later,
    C.NO_PRICE: SlotReader._read_later,
    C.BREAKEVEN: SlotReader._read_breakeven,
    C.CANDLE: SlotReader._read_candle,
    C.INDEX: SlotReader._read_index,
    C.AGAIN: SlotReader._read_again,
    C.PROFIT: SlotReader._read_profit,
    C.GRAB: SlotReader._read_profit,
    C.CORRUPT: SlotReader._read_corrupt,
    C.NEWLINE: SlotReader._end_line,
    C.SENTENCE_END: SlotReader._end_sentence,
    C.QUESTION: SlotReader._end_sentence,
    C.BRACKET_OPEN: SlotReader._open_bracket,
    C.BRACKET_CLOSE: SlotReader._close_bracket,
    C.WORD: SlotReader._read_word,
}
