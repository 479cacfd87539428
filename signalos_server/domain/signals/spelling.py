"""Words as the tables have them: slips of the finger mended, drawn-out words shortened, spaced ones closed.

Only words are touched, and only unknown ones; no figure is. Each token keeps its place in the text.
"""

from __future__ import annotations

from signalos_server.domain.signals import lexicon
from signalos_server.domain.signals.symbols import by_code
from signalos_server.domain.signals.tokens import Token, TokenKind
from signalos_server.domain.signals.typos import mended, shortened

# What Arabic writes without a space before a word: and, so, with, for, like; the article; both.
_CLITICS = ("و", "ف", "ب", "ل", "ك")
_ARTICLE = "ال"
_SHORTEST_SPACED = 3
_LONGEST_SPACED = 12


def spelled(tokens: list[Token]) -> list[Token]:
    """Return the tokens with words spelled as the tables spell them, where that leaves no doubt."""
    found: list[Token] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        place += 1
        if token.kind is not TokenKind.WORD:
            found.append(token)
            continue
        if len(token.text) == 1:
            spaced = _closed(tokens, place - 1)
            if spaced is not None:
                found.append(spaced[0])
                place += spaced[1] - 1
                continue
        found.extend(_spelled_word(token))
    return found


def _known(word: str) -> bool:
    return word in lexicon.SPELLED or by_code(word) is not None


def _spelled_word(token: Token) -> list[Token]:
    text = token.text
    if _known(text):
        return [token]
    if text.isascii():
        if text.endswith("'s") and _known(text[:-2]):
            return [token._replace(text=text[:-2])]
        drawn_out = next((word for word in shortened(text) if _known(word)), None)
        word = drawn_out or mended(text)
        return [token] if word is None else [token._replace(text=word)]
    if "\u0621" <= text[0] <= "\u064a":
        return _without_clitics(token)
    return [token]


def _without_clitics(token: Token) -> list[Token]:
    """Return an Arabic word without what is written on to it: والهدف is and, target."""
    text = token.text
    for clitic in _CLITICS:
        rest = text.removeprefix(clitic)
        if rest == text or len(rest) < 2:
            continue
        bare = rest.removeprefix(_ARTICLE) if rest.startswith(_ARTICLE) else rest
        for word in (rest, bare, _ARTICLE + rest, rest.replace("ل", _ARTICLE, 1) if clitic == "ل" else rest):
            if word in lexicon.SPELLED:
                behind = token._replace(text=word, start=token.start + 1, glued=True)
                if clitic == "و":
                    return [token._replace(text=clitic, end=token.start + 1), behind]
                return [behind._replace(start=token.start, glued=token.glued)]
    if text.startswith(_ARTICLE) and text[2:] in lexicon.SPELLED:
        return [token._replace(text=text[2:])]
    if _ARTICLE + text in lexicon.SPELLED:
        return [token._replace(text=_ARTICLE + text)]
    return [token]


def _closed(tokens: list[Token], place: int) -> tuple[Token, int] | None:
    """Return a word written with spaces between its letters (B U Y), and how many tokens it takes."""
    end = place + 1
    while (
        end < len(tokens)
        and end - place < _LONGEST_SPACED
        and tokens[end].kind is TokenKind.WORD
        and len(tokens[end].text) == 1
        and tokens[end].start == tokens[end - 1].end + 1
    ):
        end += 1
    if end - place < _SHORTEST_SPACED:
        return None
    word = "".join(token.text for token in tokens[place:end])
    if not _known(word):
        return None
    return tokens[place]._replace(text=word, end=tokens[end - 1].end), end - place
