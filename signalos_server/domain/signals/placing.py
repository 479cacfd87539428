"""Puts each figure where it belongs: the open slot, with its unit, its number and its link to the last."""

from __future__ import annotations

from decimal import Decimal

from signalos_server.domain.signals.drafts import Price, Slot
from signalos_server.domain.signals.marked import Mark, currency_of
from signalos_server.domain.signals.model import Risk
from signalos_server.domain.signals.numbers import Figure, near, shorthand
from signalos_server.domain.signals.slot_state import MOST_TARGETS, SlotState
from signalos_server.domain.signals.words.concepts import Concept as C

LINKS = frozenset((C.DASH, C.SLASH, C.TO, C.AND, C.COMMA, C.OR))
_RANGE_LINKS = frozenset((C.DASH, C.SLASH, C.TO, C.AND, C.COMMA))
WEAK_ENTRY = frozenset(
    "price from around range between area zone at trigger en enter ep de entre prix precio preço preis kurs"
    " bei zona da tra harga di antara от цена между في من عند بين سعر पर से भाव 在 附近 价格 區間 区间 fiyat"
    " open price order price".split()
)
_INDEX_LINKS = frozenset((C.COLON, C.BRACKET_CLOSE, C.AT))
# An abbreviated end of a range is near the price it abbreviates: 3 %.
# What a volume without its unit may be.
_MOST_LOTS = Decimal(50)
_LOT_DECIMALS = 2
# A figure this near the entry, behind a distance, is the price of the level: 20 %.
_AS_PRICE = Decimal("0.2")
# A figure this near the entry, behind a label that nobody knows, may be one of its levels: 5 %.
_BESIDE = Decimal("0.05")
_SHORTHAND_REACH = Decimal("0.03")


class FigurePlacer(SlotState):
    """Reads figures into slots."""

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
        if unit is None and self._is_volume_first(place, figure):
            unit = C.LOTS
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

    def _is_volume_first(self, place: int, figure: Figure) -> bool:
        """Return whether a figure is the volume of a terminal's line: buy 0.10 EURUSD 1.1700."""
        if self._slot is not Slot.ENTRY or self._taken or self.draft.volume is not None:
            return False
        if not 0 < figure.value <= _MOST_LOTS or _decimals(figure) > _LOT_DECIMALS:
            return False
        behind = [
            mark
            for mark in self._marks[place + 1 : place + 5]
            if mark.concept not in (C.AT, C.COLON, C.FILLER, C.COMMA, C.CURRENCY)
        ]
        named = bool(behind) and behind[0].concept in (C.SYMBOL, C.ENTRY)
        price = behind[1].figure if named and len(behind) > 1 else None
        return price is not None and not near(figure.value, price.value) and _decimals(figure) > 0

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
            if first is not None and self._nobody_claims(place, figure, first):
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

    def _nobody_claims(self, place: int, figure: Figure, entry: Figure) -> bool:
        """Return whether a figure without a label may be a level of this order: alone, or near its entry."""
        if self._alone_on_line(place):
            return near(figure.value, entry.value)
        apart = abs(figure.value - entry.value)
        alike = _decimals(figure) == _decimals(entry) and len(figure.text) == len(entry.text)
        previous = self._marks[place - 1].concept if place else None
        return alike and 0 < apart < entry.value * _BESIDE and previous in (C.COLON, C.AT)

    def _counts_targets(self, place: int, mark: Mark, figure: Figure) -> bool:
        """Return whether a small figure behind a label numbers it: `TP 1 2346`, `TP2: 50 pips`."""
        if self._taken or self._index is not None or not figure.is_small_count:
            return False
        if self._unit(place) is not None:
            return False
        behind = [other for other in self._marks[place + 1 : place + 5] if other.concept is not C.CURRENCY]
        following = behind[0] if behind else None
        beyond = behind[1] if len(behind) > 1 else None
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
            if (self._slot is Slot.TP and self._link is not None) or self._is_price_of(figure):
                held.append(price)
            return
        self._take_further(mark, figure, held)

    def _is_price_of(self, figure: Figure) -> bool:
        """Return whether a figure behind a distance is the price that it leads to: SL 35 pips 0.6345."""
        entries = self.draft.entries
        if self._slot is Slot.ENTRY or self._slot in self.draft.corrupt or not entries:
            return False
        entry = entries[0].figure.value
        return abs(figure.value - entry) < entry * _AS_PRICE

    def _take_further(self, mark: Mark, figure: Figure, held: list[Price]) -> None:
        first = (self.draft.ladder or held)[-1] if self._slot is Slot.ENTRY else held[-1]
        known = [*held, *self.draft.entries, *self.draft.stops, *self.draft.targets]
        alike = any(near(figure.value, other.figure.value) for other in known if other.figure.value)
        linked = self._link in LINKS
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
            if len(held) < MOST_TARGETS:
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
            if self._marks[place].concept is C.ENTRY and self._marks[place].text in WEAK_ENTRY:
                return True
        return False

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
