"""A message as clauses (a line, a sentence), and how each is said: denied, conditional, asked, told."""

from __future__ import annotations

from typing import NamedTuple

from signalos_server.domain.signals.marked import Mark
from signalos_server.domain.signals.words.concepts import Concept as C

_ENDS = frozenset((C.NEWLINE, C.SENTENCE_END, C.QUESTION))


class Clause(NamedTuple):
    """Marks `first:last` of a message, without the one that ended it, and the concepts among them."""

    first: int
    last: int
    concepts: frozenset[C]
    asked: bool

    def has(self, *concepts: C) -> bool:
        """Return whether any of the concepts is in the clause."""
        return not self.concepts.isdisjoint(concepts)

    @property
    def is_question(self) -> bool:
        """Return whether the clause asks."""
        return self.asked or C.ASKING in self.concepts


def split(marks: list[Mark]) -> list[Clause]:
    """Return the clauses of a message, in order, without empty ones."""
    clauses: list[Clause] = []
    first = 0
    for place, mark in enumerate(marks):
        if mark.concept in _ENDS:
            if place > first:
                clauses.append(_clause(marks, first, place, asked=mark.concept is C.QUESTION))
            first = place + 1
    if first < len(marks):
        clauses.append(_clause(marks, first, len(marks), asked=False))
    return clauses


def part_of(marks: list[Mark], clause: Clause, first: int, last: int) -> Clause:
    """Return a part of a clause as a clause of its own."""
    return _clause(marks, first, last, asked=clause.asked)


def _clause(marks: list[Mark], first: int, last: int, *, asked: bool) -> Clause:
    return Clause(first, last, frozenset([mark.concept for mark in marks[first:last]]), asked)
