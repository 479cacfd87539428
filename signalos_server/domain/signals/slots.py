"""Reads the opening orders of a message: labels attract the figures behind them, slot by slot.

The reader goes over the marks once. A side opens the entry's slot; a label (entry, stop loss, target,
lots, risk) opens its own; a figure falls into the slot that is open, with its unit; the end of a line
closes a slot that is filled. A side that comes when an order already has prices begins the next order.
"""

from __future__ import annotations

from signalos_server.domain.signals.drafts import Draft, Slot
from signalos_server.domain.signals.marked import Mark
from signalos_server.domain.signals.placing import LINKS, WEAK_ENTRY, FigurePlacer
from signalos_server.domain.signals.slot_state import LINE
from signalos_server.domain.signals.symbols import Named
from signalos_server.domain.signals.words.concepts import BUYS, SIDES
from signalos_server.domain.signals.words.concepts import Concept as C
from signalos_server.domain.words import Side


class SlotReader(FigurePlacer):
    """Reads the marks of a message into drafts."""

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
        if concept in LINKS:
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

    def _label_entry(self, place: int, mark: Mark) -> None:
        if mark.text in WEAK_ENTRY:
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
        while first > max(0, place - LINE) and self._marks[first - 1].concept is not C.NEWLINE:
            first -= 1
        end = min(len(self._marks), place + LINE)
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
        elif mark.text == "take" and self.draft.stops and following:
            # "buy 0.5960 stop 0.5930 take 0.6000", but "take 50 pips" and "take 1/2 off".
            figure = following[0].figure
            if figure is not None and not figure.is_small_count and self._unit(place + 1) is None:
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

    def _is_per_currency(self, place: int) -> bool:
        """Return whether a slash says "per" before a currency: 1.2740/$."""
        return place + 1 < len(self._marks) and self._marks[place + 1].concept is C.CURRENCY


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
