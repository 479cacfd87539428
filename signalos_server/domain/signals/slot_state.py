"""What the reader of orders keeps while it goes over the marks: the open slot, and what was read into it."""

from __future__ import annotations

from decimal import Decimal

from signalos_server.domain.signals.drafts import Draft, Price, Slot
from signalos_server.domain.signals.marked import Mark, Marked
from signalos_server.domain.signals.words.concepts import SIDES
from signalos_server.domain.signals.words.concepts import Concept as C

MOST_TARGETS = 12
# No line that is meant for people has more marks; a bound keeps long ones cheap.
LINE = 60


class SlotState:
    """The state of the reading, and what is asked of the marks around a place."""

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

    def _set_aside(self, slot: Slot) -> None:
        """Open a slot for one figure, and go on with the waiting one behind it."""
        resume = self._slot if self._waiting() else Slot.NOTHING
        self._open(slot)
        self._resume = resume

    def _spoil(self, mark: Mark) -> None:
        self.draft.corrupt.add(self._slot)
        self.draft.corrupt_marks.append(mark)
        self._taken += 1

    def _slot_prices(self) -> list[Price]:
        if self._slot is Slot.ENTRY:
            return self.draft.entries
        return self.draft.stops if self._slot is Slot.SL else self.draft.targets

    def _side_on_line(self, place: int) -> bool:
        for mark in self._marks[place + 1 : place + LINE]:
            if mark.concept in SIDES:
                return True
            if mark.concept is C.NEWLINE:
                return False
        return False

    def _alone_on_line(self, place: int) -> bool:
        beside = (*self._marks[max(0, place - 1) : place], *self._marks[place + 1 : place + 2])
        return all(mark.concept is C.NEWLINE for mark in beside)

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
        while unit is None and at + 2 < len(self._marks) and at - place < 2 * MOST_TARGETS:
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
