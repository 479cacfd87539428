"""Figures that something got into: what stands behind or before them goes on where they end.

A broken figure is never read in part; `marks` makes one CORRUPT mark of all of it.
"""

from __future__ import annotations

from signalos_server.domain.signals import lexicon
from signalos_server.domain.signals.symbols import by_code
from signalos_server.domain.signals.tokens import Token, TokenKind
from signalos_server.domain.signals.words.concepts import Concept as C

# Signs that may stand between two figures without a space.
_LINKING = frozenset("-/_~:@=()+%|&→>,.;#$€£")


def goes_on_in_letters(tokens: list[Token], place: int) -> bool:
    """Return whether letters stand where decimals should: 156.OO."""
    if place + 2 >= len(tokens) or tokens[place].kind is not TokenKind.NUMBER:
        return False
    point, letters = tokens[place + 1], tokens[place + 2]
    return (
        point.kind is TokenKind.MARK
        and point.text in ".,"
        and point.glued
        and letters.kind is TokenKind.WORD
        and letters.glued
        and len(letters.text) <= 5
        and (len(letters.text) == 1 or not (lexicon.knows(letters.text) or by_code(letters.text)))
    )


def goes_on_behind_a_sign(tokens: list[Token], place: int) -> int:
    """Return how many tokens on a number goes on behind a sign that links no figures: 1.08*0, 15?.00."""
    if tokens[place].kind is not TokenKind.NUMBER:
        return 0
    at = place + 1
    while at < len(tokens) and tokens[at].kind is TokenKind.MARK and tokens[at].glued and at < place + 4:
        at += 1
    signs = tokens[place + 1 : at]
    ends = at < len(tokens) and tokens[at].kind is TokenKind.NUMBER and tokens[at].glued
    if not ends or not signs or all(sign.text in _LINKING for sign in signs):
        return 0
    return at - place


def goes_on_behind_a_gap(tokens: list[Token], place: int) -> int:
    """Return how many tokens on a number goes on behind its point and a gap (191. 50, 191.*0).

    A point ends a sentence too: then a unit or the mark of a list stands behind the next figure.
    """
    if place + 2 >= len(tokens) or tokens[place].kind is not TokenKind.NUMBER:
        return 0
    if tokens[place + 1].kind is TokenKind.PICTURE:
        pointed = [token.text if token.glued else "" for token in tokens[place + 1 : place + 4]]
        goes_on = pointed[1:2] == ["."] and pointed[2:] != [] and pointed[2].isdigit()
        return 3 if goes_on else 0
    point = tokens[place + 1]
    if point.text not in ".," or not point.glued or "." in tokens[place].text or "," in tokens[place].text:
        return 0
    at = place + 2
    if point.text == "," and tokens[at].text not in ("*", "?", "!"):
        # A comma parts a list.
        return 0
    while at < len(tokens) and tokens[at].kind in (TokenKind.PICTURE, TokenKind.MARK) and at < place + 5:
        at += 1
    if at >= len(tokens) or tokens[at].kind is not TokenKind.NUMBER:
        return 0
    behind = tokens[at + 1] if at + 1 < len(tokens) else None
    if behind is not None and behind.kind is TokenKind.MARK and behind.glued and behind.text in ").:%":
        return 0
    if behind is not None and behind.kind is TokenKind.WORD:
        entry = lexicon.knows(behind.text)
        if entry is not None and entry.concept in (C.PIPS, C.POINTS, C.LOTS, C.MEASURE, C.PERCENT):
            return 0
    return at - place


def continues_a_letter(tokens: list[Token], place: int) -> bool:
    """Return whether the figure goes on from a stray letter: O.7394, l,0850."""
    if not tokens[place].glued or place < 2:
        return False
    point, letter = tokens[place - 1], tokens[place - 2]
    return (
        point.kind is TokenKind.MARK
        and point.text in ".,"
        and point.glued
        and letter.kind is TokenKind.WORD
        and len(letter.text) == 1
        and not letter.glued
        # Letters that look like digits are no words here, though some languages have them as words.
        and (letter.text in ("o", "l", "i") or lexicon.knows(letter.text) is None)
    )
