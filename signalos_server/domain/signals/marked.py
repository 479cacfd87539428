"""What a text is once it is marked: each mark with its place, and what was odd about the spelling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from signalos_server.domain.signals.fold import Folded
from signalos_server.domain.signals.lexicon import Entry
from signalos_server.domain.signals.model import Span
from signalos_server.domain.signals.numbers import Figure
from signalos_server.domain.signals.symbols import Named
from signalos_server.domain.signals.words.concepts import Concept as C

_CURRENCY_NAMES = {
    "$": "USD",
    "€": "EUR",
    "£": "GBP",
    "usd": "USD",
    "eur": "EUR",
    "gbp": "GBP",
    "dollar": "USD",
    "dollars": "USD",
    "bucks": "USD",
    "euro": "EUR",
    "euros": "EUR",
    "pounds": "GBP",
}


class Mark(NamedTuple):
    """One mark. `figure`, `named` and `number` are set for figures, instruments and indices."""

    concept: C
    text: str
    # Places in the folded text.
    start: int
    end: int
    figure: Figure | None = None
    named: Named | None = None
    number: int | None = None
    entry: Entry | None = None
    # Other meanings of a weak word.
    others: tuple[Entry, ...] = ()
    # No space stands between this mark and the one before.
    glued: bool = False


@dataclass(slots=True)
class Marked:
    """A text as marks, and what was odd about its spelling."""

    folded: Folded
    original: str
    marks: list[Mark]
    markup: bool = False
    lookalikes: bool = False

    def span(self, start: int, end: int) -> Span:
        """Return a place of the folded text as a place of the original."""
        places = self.folded.places
        return Span(places[start], max(places[start] + 1, places[max(end - 1, start)] + 1))

    def at(self, mark: Mark) -> Span:
        """Return a mark's place in the original text."""
        return self.span(mark.start, mark.end)

    def written(self, mark: Mark) -> str:
        """Return a mark as it stands in the original text."""
        span = self.at(mark)
        return self.original[span.start : span.end]


def currency_of(mark: Mark) -> str:
    """Return the currency that a sign or word names."""
    return _CURRENCY_NAMES.get(mark.text, "USD")
