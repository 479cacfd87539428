"""Which weak words count: those of a language that the text otherwise speaks."""

from __future__ import annotations

from signalos_server.domain.signals.marked import Mark, Marked
from signalos_server.domain.signals.symbols import BESIDE_SIDES, Named
from signalos_server.domain.signals.words.concepts import SIDES
from signalos_server.domain.signals.words.concepts import Concept as C

# What may stand between an instrument and its side: OR : VENTE.
_BETWEEN = frozenset((C.COLON, C.DASH, C.HASH, C.NEWLINE, C.BRACKET_OPEN, C.BRACKET_CLOSE, C.LIMIT, C.NOW))


def keep_spoken(marked: Marked) -> list[Mark]:
    """Drop weak words (short words of a language that the text does not otherwise speak)."""
    marks = marked.marks
    if not any((mark.entry is not None and mark.entry.weak) or mark.text in BESIDE_SIDES for mark in marks):
        return marks
    spoken = {
        mark.entry.language
        for mark in marks
        if mark.entry is not None and not mark.entry.weak and mark.entry.language
    }
    sided = any(mark.concept in SIDES and not (mark.entry and mark.entry.weak) for mark in marks)
    kept = []
    for place, mark in enumerate(marks):
        if mark.text in BESIDE_SIDES:
            mark = _name_beside_side(marks, place)  # noqa: PLW2901 - the same word
        elif mark.entry is not None and mark.entry.weak:
            beside = marks[max(0, place - 1) : place] + marks[place + 1 : place + 2]
            mark = _strengthen(mark, spoken, alone=not sided and any(o.concept is C.SYMBOL for o in beside))  # noqa: PLW2901 - the same word
        kept.append(mark)
    return kept


def _name_beside_side(marks: list[Mark], place: int) -> Mark:
    """Return a word that names an instrument only beside a side in its language: ACHAT OR, not "TP or SL"."""
    language, symbol = BESIDE_SIDES[marks[place].text]
    before = [mark for mark in marks[max(0, place - 3) : place] if mark.concept not in _BETWEEN]
    behind = [mark for mark in marks[place + 1 : place + 4] if mark.concept not in _BETWEEN]
    for other in (*before[-1:], *behind[:1]):
        if other.concept in SIDES and other.entry is not None and other.entry.language == language:
            return marks[place]._replace(concept=C.SYMBOL, named=Named(symbol, exact=False), entry=None)
    return marks[place]


def _strengthen(mark: Mark, spoken: set[str], *, alone: bool) -> Mark:
    """Return a weak word with the meaning it has in the languages spoken, or as an unknown word.

    `alone`: the text has no other side, and an instrument stands beside the word; then a weak word for a
    side is believed (XAUUSD AL).
    """
    assert mark.entry is not None
    meanings = (mark.entry, *mark.others)
    likely = [entry for entry in meanings if not entry.weak or entry.language in spoken]
    if not likely and alone:
        likely = [entry for entry in meanings if entry.concept in SIDES]
    if likely:
        return mark._replace(concept=likely[0].concept, entry=likely[0], named=likely[0].named)
    return mark._replace(concept=C.WORD, entry=None)
