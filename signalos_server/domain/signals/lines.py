"""Lines that name a price behind it: `142.650 TP1`, `(143.75) SL`. Turned round, they read like others."""

from __future__ import annotations

from signalos_server.domain.signals.marked import Mark
from signalos_server.domain.signals.words.concepts import Concept as C

_LABELS = frozenset((C.SL, C.TP, C.ENTRY, C.STOP_WORD))
_AROUND = frozenset((C.BRACKET_OPEN, C.BRACKET_CLOSE, C.COLON, C.DASH, C.TO, C.AT, C.CURRENCY))
# A figure, a label and its number, and a few signs: longer lines say something else.
_LONGEST = 8


def labels_first(marks: list[Mark]) -> list[Mark]:
    """Return the marks with the label in front in lines that have nothing but a price and then its label."""
    turned = list(marks)
    first = 0
    dangling = False
    for place in range(len(marks) + 1):
        if place < len(marks) and marks[place].concept is not C.NEWLINE:
            continue
        line = marks[first:place]
        if line:
            at = _label_behind(line)
            if at and not dangling:
                turned[first:place] = [*line[at:], *line[:at]]
            dangling = line[-1].concept in _LABELS and not at
        first = place + 1
    return turned


def _label_behind(line: list[Mark]) -> int:
    """Return where the label begins in a line of a price and its label; 0 in any other line."""
    if len(line) > _LONGEST:
        return 0
    labels = [place for place, mark in enumerate(line) if mark.concept in _LABELS]
    if len(labels) != 1 or labels[0] == 0:
        return 0
    at = labels[0]
    before, behind = line[:at], line[at + 1 :]
    figures = [mark for mark in before if mark.figure is not None]
    if len(figures) != 1 or figures[0].figure is None or figures[0].figure.is_small_count:
        return 0
    if any(mark.figure is None and mark.concept not in _AROUND for mark in before):
        return 0
    if len(behind) > 1:
        return 0
    numbered = all(
        mark.concept is C.INDEX or (mark.figure is not None and mark.figure.is_small_count) for mark in behind
    )
    return at if numbered else 0
