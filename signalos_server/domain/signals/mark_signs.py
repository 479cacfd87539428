"""Figures and signs as marks: what a sign stands for depends on what is before and behind it."""

from __future__ import annotations

import re
from decimal import Decimal

from signalos_server.domain.signals import breaks
from signalos_server.domain.signals.fold import INDEX_BASE, Folded
from signalos_server.domain.signals.marked import Mark
from signalos_server.domain.signals.numbers import Figure, read_figures
from signalos_server.domain.signals.tokens import Token, TokenKind
from signalos_server.domain.signals.words.concepts import Concept as C

_SIGNS = {
    ",": C.COMMA,
    "|": C.COMMA,
    ";": C.COMMA,
    "/": C.SLASH,
    "\\": C.SLASH,
    "-": C.DASH,
    "_": C.DASH,
    "~": C.DASH,
    "+": C.PLUS,
    "@": C.AT,
    ":": C.COLON,
    "=": C.COLON,
    "#": C.HASH,
    "№": C.HASH,
    "(": C.BRACKET_OPEN,
    ")": C.BRACKET_CLOSE,
    "%": C.PERCENT,
    "&": C.AND,
    "→": C.TO,
    ">": C.TO,
    "$": C.CURRENCY,
    "€": C.CURRENCY,
    "£": C.CURRENCY,
    "?": C.QUESTION,
    "!": C.SENTENCE_END,
    "\ue0f0": C.HIT,
}
LABELS = frozenset((C.SL, C.TP, C.ENTRY))
_INDEXED = re.compile(r"(\d{1,2})\.(\d+\.\d+)\Z")
_GLUED_INDEX = re.compile(r"([1-9])\.(\d{3,})\Z")


class SignReader:
    """Reads figures and signs; the state of the reading of marks."""

    def __init__(self, tokens: list[Token], original: str, folded: Folded) -> None:
        self.tokens = tokens
        self.marks: list[Mark] = []
        self.lookalikes = False
        self._original = original
        self._folded = folded
        self._place = 0

    def _add(self, concept: C, first: Token, last: Token, **more: object) -> None:
        text = first.text if first is last else " ".join((first.text, last.text))
        self.marks.append(
            Mark(concept, text, first.start, last.end, glued=first.glued, **more)  # type: ignore[arg-type]
        )

    def _make_thousands(self) -> None:
        last = self.marks[-1]
        if last.figure is not None:
            value = last.figure.value * 1000
            self.marks[-1] = last._replace(figure=Figure(last.figure.text + "k", (value,)))

    def _add_figures(self, token: Token, *, after_label: bool) -> None:
        text = token.text
        if text.startswith("."):
            text = f"0{text}"
        label = self.marks[-1].concept if self.marks else None
        indexed = _INDEXED.match(text)
        if indexed is not None and after_label and label in LABELS:
            self._add(C.INDEX, token, token, number=int(indexed.group(1)))
            figures = read_figures(indexed.group(2))
            if figures is not None:
                start = token.start + indexed.start(2)
                self._figure_marks(token._replace(start=start), figures)
                return
        figures = read_figures(text)
        beyond_sign = breaks.goes_on_behind_a_sign(self.tokens, self._place)
        if beyond_sign:
            self._add(C.CORRUPT, token, self.tokens[self._place + beyond_sign])
            self._place += beyond_sign
            return
        beyond_gap = breaks.goes_on_behind_a_gap(self.tokens, self._place)
        if beyond_gap:
            self._add(C.CORRUPT, token, self.tokens[self._place + beyond_gap])
            self._place += beyond_gap
            return
        if breaks.goes_on_in_letters(self.tokens, self._place):
            self._add(C.CORRUPT, token, self.tokens[self._place + 2])
            self._place += 2
            return
        if figures is None or breaks.continues_a_letter(self.tokens, self._place):
            self._add(C.CORRUPT, token, token)
            return
        if after_label and label is C.TP and len(figures) == 1:
            figures = [(figures[0][0], _with_index(figures[0][1]))]
        self._figure_marks(token, figures)

    def _figure_marks(self, token: Token, figures: list[tuple[int, Figure]]) -> None:
        for place, (offset, figure) in enumerate(figures):
            start = token.start + offset
            if place:
                self.marks.append(Mark(C.COMMA, ",", start - 1, start, glued=True))
            self.marks.append(
                Mark(C.NUMBER, figure.text, start, start + len(figure.text), figure=figure, glued=token.glued)
            )

    def _read_sign(self, token: Token) -> None:
        self._place += 1
        if token.kind is TokenKind.NEWLINE:
            self._add(C.NEWLINE, token, token)
        elif token.kind is TokenKind.INDEX:
            self._add(C.INDEX, token, token, number=ord(token.text) - INDEX_BASE)
        elif token.kind is TokenKind.TIME:
            self._read_time(token)
        elif token.kind is TokenKind.MARK:
            if token.text == ".":
                self._read_point(token)
                return
            concept = _SIGNS.get(token.text)
            if concept is C.PERCENT and self._percent_first():
                return
            if concept is not None:
                self._add(concept, token, token)

    def _percent_first(self) -> bool:
        following = self.tokens[self._place] if self._place < len(self.tokens) else None
        behind_figure = bool(self.marks) and self.marks[-1].concept is C.NUMBER
        return (
            not behind_figure
            and following is not None
            and following.glued
            and following.kind is TokenKind.NUMBER
        )

    def _read_time(self, token: Token) -> None:
        """Read 14:30 as a time, but 1:50 after a target's label as its index and its price."""
        previous = self.marks[-1].concept if self.marks else None
        head, colon, rest = token.text.partition(":")
        if previous in LABELS and colon and ":" not in rest:
            middle = token.start + len(head)
            self._add_figures(token._replace(text=head, end=middle), after_label=False)
            self.marks.append(Mark(C.COLON, ":", middle, middle + 1, glued=True))
            self._add_figures(token._replace(text=rest, start=middle + 1), after_label=False)
            return
        self._add(C.TIME, token, token)

    def _read_point(self, token: Token) -> None:
        """Read a full stop: it ends a sentence unless it stands behind a label (`sl.: 4348`)."""
        previous = self.marks[-1].concept if self.marks else None
        if previous in LABELS or previous is C.INDEX:
            return
        following = self.tokens[self._place] if self._place < len(self.tokens) else None
        parted = following is None or not following.glued or following.kind is TokenKind.NEWLINE
        if parted or (following is not None and following.kind is TokenKind.NUMBER and previous is C.NUMBER):
            self._add(C.SENTENCE_END, token, token)


def _with_index(figure: Figure) -> Figure:
    """Return TP1.2350 as both 1.2350 and, counted as the first target, 2350."""
    glued = _GLUED_INDEX.match(figure.text)
    if glued is not None:
        return Figure(figure.text, (*figure.readings, Decimal(glued.group(2))))
    if figure.text.isdigit() and len(figure.text) >= 5 and figure.text[0] in "123456":
        return Figure(figure.text, (*figure.readings, Decimal(figure.text[1:])))
    return figure
