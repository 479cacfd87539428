"""Why what looks like an instruction is none: denied, asked, conditional, to come, or told of oneself."""

from __future__ import annotations

from itertools import takewhile

from signalos_server.domain.signals.aims import Anchor
from signalos_server.domain.signals.anchors import AnchorFinder
from signalos_server.domain.signals.clauses import Clause
from signalos_server.domain.signals.marked import Mark
from signalos_server.domain.signals.model import Kind, Parse
from signalos_server.domain.signals.words.concepts import FUTURES
from signalos_server.domain.signals.words.concepts import Concept as C

OBJECTIONS = {
    "QUESTION": "asked, not told",
    "DENIED": "said not to be done",
    "FIRST_PERSON": "someone tells of their own trade",
    "CONDITIONAL": "to be done only if something happens",
    "FUTURE": "to be done later",
}


# What tells how a trade stands, and so makes a statement of what is before a comma.
_STATED = frozenset((C.HIT, C.RUNNING, C.STOPPED_OUT, C.PENDING))


class Objector(AnchorFinder):
    """Finds what speaks against taking an anchor as an instruction."""

    def _objection(self, clause: Clause, anchor: Anchor) -> str | None:
        """Return why an anchor is no action: it is denied, asked, told of oneself, conditional or to come."""
        marks = self._marks
        anchor_mark = marks[anchor.place]
        before = marks[anchor.first : anchor.place]
        if clause.is_question:
            return "QUESTION"
        if any(mark.concept is C.NOT for mark in self._without_own_statements(before)):
            return "DENIED"
        if before and before[-1].concept is C.NO_PRICE:
            return "DENIED"
        foreign = anchor_mark.entry is not None and anchor_mark.entry.language not in ("en", "")
        after = marks[anchor.end : min(anchor.end + (4 if foreign else 1), clause.last)]
        if any(mark.concept is C.NOT for mark in takewhile(lambda mark: mark.concept is not C.COMMA, after)):
            return "DENIED"
        said = self._since_comma(clause, anchor)
        if any(mark.concept is C.I_ME for mark in said):
            return "FIRST_PERSON"
        urgent = clause.has(C.NOW) and not clause.has(C.NUMBER)
        if (
            clause.has(C.IF)
            and not (urgent and clause.has(C.OPTIONAL))
            and not self._told_before(clause, anchor)
        ):
            return "CONDITIONAL"
        recent = before[-5:]
        for place in range(len(recent) - 1, -1, -1):
            if recent[place].concept is C.COMMA:
                break
            if recent[place].concept in FUTURES and not clause.has(C.OPTIONAL):
                return "FUTURE"
        if self._at_a_target(clause, anchor):
            return "CONDITIONAL"
        return None

    @staticmethod
    def _without_own_statements(before: list[Mark]) -> list[Mark]:
        """Return the marks without a statement of its own before a comma: `not triggered, delete it`."""
        commas = [place for place, mark in enumerate(before) if mark.concept is C.COMMA]
        if commas and any(mark.concept in _STATED for mark in before[: commas[-1]]):
            return before[commas[-1] + 1 :]
        return before

    def _since_comma(self, clause: Clause, anchor: Anchor) -> list[Mark]:
        """Return what stands before an anchor in its own breath: `I'm out, close it` is told to others."""
        marks = self._marks[clause.first : anchor.place]
        if self._marks[anchor.place].concept is C.CLOSED:
            return marks
        commas = [place for place, mark in enumerate(marks) if mark.concept is C.COMMA]
        return marks[commas[-1] + 1 :] if commas else marks

    def _told_before(self, clause: Clause, anchor: Anchor) -> bool:
        """Return whether the condition belongs to another part: `close half, if it returns we re-enter`."""
        conditions = [
            place for place in range(clause.first, clause.last) if self._marks[place].concept is C.IF
        ]
        first = conditions[0]
        if first < anchor.place:
            return False
        return any(self._marks[place].concept is C.COMMA for place in range(anchor.end, first))

    def _at_a_target(self, clause: Clause, anchor: Anchor) -> bool:
        """Return whether a target that is still to come is the time to act: `close half at TP1`."""
        if clause.has(C.HIT):
            return False
        for place in range(clause.first, clause.last):
            if self._marks[place].concept is not C.TP or place < clause.first + 1:
                continue
            previous = self._marks[place - 1]
            if previous.concept is C.AT or previous.text in (
                "at",
                "on",
                "en",
                "bei",
                "a",
                "в",
                "на",
                "عند",
                "في",
                "di",
            ):
                return anchor.place != place
        return False

    def _conditional_target(self, clause: Clause, anchor: Anchor) -> Parse | None:
        """Return `close if it reaches 2356` as a new target, where that is on the parent's profit side."""
        parent = self._context.parent
        if self._marks[anchor.place].concept is not C.CLOSE or parent is None or parent.side is None:
            return None
        prices = self._prices(clause.first, clause.last, parent.symbol)
        reference = parent.entry[0] if parent.entry else parent.stop_loss
        if len(prices) != 1 or reference is None:
            return None
        if (prices[0] - reference) * parent.side.sign <= 0:
            return None
        return Parse(kind=Kind.MODIFY, take_profits=(prices[0],))
