"""A folded text as tokens: words, figures, marks, each with its place and whether it is glued to the last."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

from signalos_server.domain.signals.fold import INDEX_BASE, PICTURE


class TokenKind(IntEnum):
    """What a token is made of."""

    WORD = 1
    # One Chinese character: the language has no spaces, so each is a token.
    HAN = 2
    NUMBER = 3
    INDEX = 4
    # A date, a clock time or a ratio: 2024-03-05, 14:30, 1:2.
    TIME = 5
    MARK = 6
    NEWLINE = 7
    PICTURE = 8


class Token(NamedTuple):
    """One token. `glued`: nothing stands between it and the token before."""

    kind: TokenKind
    text: str
    start: int
    end: int
    glued: bool


_HAN = "\u3400-\u9fff"
# Python's \w leaves out the vowel signs of Devanagari.
_LETTER = rf"(?:[^\W\d_{_HAN}\u0900-\u0963]|[\u0900-\u0963\u0970-\u097f])"
_LEXEME = re.compile(
    rf"(?P<word>{_LETTER}+(?:'{_LETTER}+)*)"
    r"|(?P<space> +)"
    r"|(?P<time>(?<![\w.,:])(?:(?:19|20)\d\d[./-](?:0?[1-9]|1[0-2])[./-]\d{1,2}(?![\d.])"
    r"|\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d(?![\d.])|\d{1,2}:\d{1,2}(?::\d\d)?(?:\.\d)?(?![\d:])))"
    r"|(?P<number>\d+(?:[.,']\d+)*|(?<![^\s:=@(~-])\.\d+)"
    r"|(?P<newline>\s*\n\s*)"
    rf"|(?P<han>[{_HAN}])"
    rf"|(?P<index>[{chr(INDEX_BASE)}-{chr(INDEX_BASE + 20)}])"
    rf"|(?P<picture>{PICTURE}+)"
    r"|(?P<mark>.)"
)
_KINDS = {
    "word": TokenKind.WORD,
    "number": TokenKind.NUMBER,
    "newline": TokenKind.NEWLINE,
    "han": TokenKind.HAN,
    "index": TokenKind.INDEX,
    "picture": TokenKind.PICTURE,
    "time": TokenKind.TIME,
    "mark": TokenKind.MARK,
}
# Links, names of people and channels, and markup, which hold words and figures that nobody said.
_ELSEWHERE = re.compile(
    r"(?:https?://|www\.|t\.me/|wa\.me/|discord\.gg/)\S+"
    r"|(?<![\w])@(?!market|entry|instant|current|price|breakeven|around|between|limit)[a-z][a-z0-9_]{4,}"
    r"|[a-z0-9._-]+@[a-z0-9-]+\.[a-z.]+"
)
# Markup that only dresses the text; a break is a new line.
_FORMATTING = re.compile(r"<(/?)(br|p|div|b|i|u|s|em|strong|code|pre|del|ins|span|li|ul)\s*/?>")
_LINE_ENDING = frozenset(("br", "p", "div", "li", "pre"))
_MARKUP = re.compile(r"</?[a-z][^<>\n]{0,200}>")


def tokenise(text: str) -> tuple[list[Token], bool]:
    """Return the tokens of a folded text, and whether there was markup in it. Spaces are left out."""
    markup = False
    if "<" in text and _MARKUP.search(text) is not None:
        text = _FORMATTING.sub(_part, text)
        markup = _MARKUP.search(text) is not None
        text = _MARKUP.sub(_blank, text)
    if "@" in text or "/" in text or "www." in text:
        text = _ELSEWHERE.sub(_blank, text)
    tokens: list[Token] = []
    glued = False
    for match in _LEXEME.finditer(text):
        group = match.lastgroup
        if group == "space" or group is None:
            glued = False
            continue
        tokens.append(Token(_KINDS[group], match.group(), match.start(), match.end(), glued))
        glued = True
    return tokens, markup


def _part(match: re.Match[str]) -> str:
    """Return blanks as long as a tag, the last of them a line's end where the tag ends one."""
    length = match.end() - match.start()
    return " " * (length - 1) + ("\n" if match.group(2) in _LINE_ENDING else " ")


def _blank(match: re.Match[str]) -> str:
    return " " * (match.end() - match.start())
