"""What a message announces: a target or a stop that was hit, a trade in profit, a close."""

from __future__ import annotations

from signalos_server.domain.signals.clauses import Clause
from signalos_server.domain.signals.marked import Mark
from signalos_server.domain.signals.model import (
    Announcement,
)
from signalos_server.domain.signals.words.concepts import Concept as C


def read_event(marks: list[Mark], clauses: list[Clause]) -> Announcement | None:
    """Return what a message announces, the most telling first."""
    found: set[Announcement] = set()
    for clause in clauses:
        if clause.is_question or clause.has(C.IF):
            continue
        concepts = [mark.concept for mark in marks[clause.first : clause.last]]
        if C.STOPPED_OUT in concepts or (C.SL in concepts and C.HIT in concepts and C.TP not in concepts):
            found.add(Announcement.SL_HIT)
        if C.TP in concepts and C.HIT in concepts and not clause.has(C.NOT, C.NEAR):
            found.add(Announcement.TP_HIT)
        if clause.has(C.RESULT, C.CLOSED):
            found.add(Announcement.CLOSED_REPORT)
        if C.RUNNING in concepts or (_gains(concepts) and not clause.has(C.BREAKEVEN, C.TRAIL, C.MOVE)):
            found.add(Announcement.RUNNING)
    for event in (Announcement.TP_HIT, Announcement.SL_HIT, Announcement.CLOSED_REPORT, Announcement.RUNNING):
        if event in found:
            return event
    return None


def _gains(concepts: list[C]) -> bool:
    """Return whether a clause counts a gain: +50 pips, 50 pips profit."""
    if C.PIPS not in concepts:
        return False
    return C.PROFIT in concepts or any(
        concepts[place : place + 3] == [C.PLUS, C.NUMBER, C.PIPS] for place in range(len(concepts) - 2)
    )
