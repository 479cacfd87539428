"""Finds the anchors of a clause: the words that may ask for something to be done with a trade."""

from __future__ import annotations

from itertools import pairwise

from signalos_server.domain.signals.aims import FRACTIONS, STOPS, Aims, Anchor
from signalos_server.domain.signals.clauses import Clause
from signalos_server.domain.signals.marked import Mark
from signalos_server.domain.signals.words.concepts import FUTURES, SIDES
from signalos_server.domain.signals.words.concepts import Concept as C

_STRONG = frozenset(
    (C.CLOSE, C.TAKE_PART, C.PROFIT_TAKING, C.CLOSED, C.BREAKEVEN, C.RISK_FREE, C.CANCEL, C.TRAIL, C.REMOVE)
)
_UNITS = frozenset((C.PERCENT, C.PIPS, C.POINTS, C.LOTS))
# What may stand between the words of a level that is moved.
_LEADING = frozenset((C.MOVE, C.NEW, C.TO, C.FILLER, C.NOW))
_JOINERS = frozenset((C.AND, C.PLUS, C.COMMA, C.DASH))
# Before "close" these make it a time or a state: at the close, is close, so close.
_NOT_A_VERB_AFTER = frozenset(
    "at by the on until till before after daily weekly is are was were so very too really getting we're it's"
    " its market candle session day's".split()
)


class AnchorFinder(Aims):
    """Finds anchors, each with the region around it up to the next one."""

    def _anchors(self, clause: Clause) -> list[Anchor]:
        found: list[Anchor] = []
        place = clause.first
        while place < clause.last:
            length = self._anchor_length(clause, place)
            if length:
                found.append(Anchor(place, place + length, clause.first, clause.last))
                place += length
            else:
                place += 1
        if found:
            found = sorted([*found, *self._levels_beside(clause, found)], key=lambda anchor: anchor.place)
        for anchor in found:
            anchor.last = self._before_an_order(anchor)
        for former, latter in pairwise(found):
            border = self._border(former.end, latter.place)
            former.last = min(former.last, border)
            latter.first = border
        return found

    def _levels_beside(self, clause: Clause, anchors: list[Anchor]) -> list[Anchor]:
        """Return new levels in the clause of another anchor: take partials and move the stop to 4050."""
        taken = {place for anchor in anchors for place in range(anchor.place, anchor.end)}
        found: list[Anchor] = []
        for place in range(clause.first, clause.last):
            concept = self._marks[place].concept
            label = concept in STOPS or (concept is C.TP and not clause.has(C.HIT, C.IF))
            if not label or place in taken:
                continue
            figure = self._figure_behind(place, clause.last)
            if figure is None or not taken.isdisjoint(range(place, figure)):
                continue
            first = place
            while (
                first > clause.first and first - 1 not in taken and self._marks[first - 1].concept in _LEADING
            ):
                first -= 1
            found.append(Anchor(first, figure + 1, clause.first, clause.last, level=True))
            taken.update(range(first, figure + 1))
        return found

    def _figure_behind(self, place: int, last: int) -> int | None:
        """Return the place of the price that a label leads to: SL to 4050."""
        at = place + 1
        while at < min(last, place + 5):
            mark = self._marks[at]
            if mark.figure is not None:
                counts = mark.figure.is_small_count and self._marks[at - 1].concept is C.TP
                if not counts:
                    unit = self._marks[at + 1].concept if at + 1 < last else None
                    return None if unit in _UNITS else at
            elif mark.concept not in _LEADING and mark.concept not in (C.COLON, C.AT, C.INDEX, C.DASH):
                return None
            at += 1
        return None

    def _before_an_order(self, anchor: Anchor) -> int:
        """Return where an anchor's region ends: before an order in one breath (`and sell GBPUSD 1.27`)."""
        for place in range(anchor.end, anchor.last - 1):
            if self._marks[place].concept not in _JOINERS:
                continue
            beyond = [mark.concept for mark in self._marks[place + 1 : anchor.last]]
            if (beyond[0] in SIDES or (beyond[0] is C.SYMBOL and beyond[1:2] and beyond[1] in SIDES)) and (
                C.NUMBER in beyond or C.NOW in beyond
            ):
                return place
        return anchor.last

    def _border(self, first: int, last: int) -> int:
        for place in range(last - 1, first - 1, -1):
            if self._marks[place].concept in _JOINERS:
                return place + 1
        return first

    def _anchor_length(self, clause: Clause, place: int) -> int:
        """Return how many marks the anchor at a place takes; 0 where there is none."""
        mark = self._marks[place]
        concept = mark.concept
        if concept is C.CLOSE:
            return 1 if self._is_verb(clause, place) else 0
        if concept is C.BREAKEVEN:
            return (
                1 if self._is_breakeven(clause, place) and not self._is_a_place_to_close(clause, place) else 0
            )
        if concept is C.TAKE_PART and place + 1 < clause.last and self._marks[place + 1].concept is C.RISK:
            return 0
        if concept is C.TRAIL and self._is_a_target(clause, place):
            return 0
        if concept in _STRONG:
            return 1
        if concept is C.GRAB or concept in FRACTIONS or concept is C.PERCENT:
            return self._grab_length(clause, place)
        if concept in STOPS:
            return self._stop_to_entry_length(clause, place)
        return 0

    def _is_a_target(self, clause: Clause, place: int) -> bool:
        """Return whether trailing is named in the place of a target: `TP: trailing stop or 1.4910`."""
        at = place - 1
        while at >= clause.first and self._marks[at].concept is C.COLON:
            at -= 1
        return at >= clause.first and self._marks[at].concept is C.TP

    def _is_verb(self, clause: Clause, place: int) -> bool:
        if place == clause.first:
            return True
        previous = self._marks[place - 1]
        # "is close" is a state, "are closing" is not.
        return previous.text not in _NOT_A_VERB_AFTER or self._marks[place].text.endswith("ing")

    def _is_a_place_to_close(self, clause: Clause, place: int) -> bool:
        """Return whether break-even is where to close (close at BE), not where the stop goes."""
        for at in range(place - 1, clause.first - 1, -1):
            concept = self._marks[at].concept
            if concept in (C.CLOSE, C.CLOSED):
                return True
            if concept in _JOINERS or concept in (C.SL, C.STOP_WORD, C.MOVE):
                return False
        return False

    def _is_breakeven(self, clause: Clause, place: int) -> bool:
        """Tell BE from the verb "be"."""
        mark = self._marks[place]
        if mark.text != "be":
            return True
        if clause.has(C.WORD) and place == clause.first:
            # "BE PATIENT TRADERS"
            return False
        previous = self._marks[place - 1] if place > clause.first else None
        concepts = {other.concept for other in self._marks[clause.first : place]}
        if not concepts.isdisjoint({C.SL, C.STOP_WORD, C.MOVE}) and FUTURES.isdisjoint(concepts):
            return True
        if not self._marked.written(mark).isupper() or previous is None:
            return (
                previous is None and self._marked.written(mark).isupper() and clause.last - clause.first <= 4
            )
        return previous.concept in (C.TO, C.PLUS, C.AND, C.COMMA, C.AT, C.HALF, C.PERCENT, C.PART, C.HIT) or (
            previous.concept in (C.FILLER, C.DASH, C.SLASH) and previous.text in ("at", "on", "-", "/")
        )

    def _grab_length(self, clause: Clause, place: int) -> int:
        """Read "take half off", "bank 50%", "half off here", "50% off now": taking with a share behind it."""
        mark = self._marks[place]
        window = self._marks[place : min(place + 5, clause.last)]
        if mark.concept is C.GRAB:
            shares = [
                o for o in window[1:] if o.concept in FRACTIONS or o.concept in (C.PERCENT, C.PART, C.MOST)
            ]
            if [o.concept for o in window[1:4]] == [C.NUMBER, C.SLASH, C.NUMBER]:
                shares = window[1:2]
            # Other languages put the share first: "можете часть зафиксировать".
            before = self._marks[max(clause.first, place - 2) : place]
            shares += [o for o in before if o.concept in FRACTIONS or o.concept is C.PART]
            if shares and not clause.has(C.RISK):
                return 1
            return 0
        if clause.has(C.CLOSE, C.TAKE_PART, C.GRAB, C.CLOSED, C.RISK, C.MENTION, C.PROFIT_TAKING):
            return 0
        following = self._marks[place + 1] if place + 1 < clause.last else None
        if (following is not None and following.text in ("off", "out")) or (
            following is not None and following.concept is C.NOW and mark.concept is not C.PERCENT
        ):
            return 1
        return 0

    def _stop_to_entry_length(self, clause: Clause, place: int) -> int:
        """Read "stop … to entry" with no price of its own behind it."""
        for offset in range(1, 5):
            at = place + offset
            if at >= clause.last:
                return 0
            mark = self._marks[at]
            if mark.concept is C.ENTRY and self._means_the_entry(mark):
                following = self._marks[at + 1] if at + 1 < clause.last else None
                linked = following is not None and following.concept in (C.NUMBER, C.COLON, C.AT)
                return 0 if linked else offset + 1
            if mark.concept is C.BREAKEVEN:
                return offset + 1
            if mark.concept not in (C.TO, C.FILLER, C.AT, C.MOVE, C.NOW, C.WORD, C.COLON, C.DASH):
                return 0
        return 0

    @staticmethod
    def _means_the_entry(mark: Mark) -> bool:
        return mark.entry is not None and mark.text not in (
            "price",
            "from",
            "around",
            "range",
            "between",
            "area",
            "zone",
        )
