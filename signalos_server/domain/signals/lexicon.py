"""The tables of words as one tree of tokens, in which the longest phrase wins."""

from __future__ import annotations

from typing import NamedTuple

from signalos_server.domain.signals.fold import fold
from signalos_server.domain.signals.symbols import ALIASES, CODES, Named
from signalos_server.domain.signals.tokens import Token, TokenKind, tokenise
from signalos_server.domain.signals.words import LANGUAGES
from signalos_server.domain.signals.words.concepts import Concept

_MARK = "~"
# Shorter Latin words of other languages than English are too common as something else.
_WEAK_LENGTH = 2


class Entry(NamedTuple):
    """What a phrase means. `weak`: only in a text that otherwise speaks `language`."""

    concept: Concept
    language: str
    weak: bool
    named: Named | None = None


class Node:
    """A place in the tree: the phrases that go on from here, and the one that ends here.

    Weak entries that came before a strong one are kept beside it: which counts depends on the text.
    """

    __slots__ = ("entries", "then")

    def __init__(self) -> None:
        self.then: dict[str, Node] = {}
        self.entries: tuple[Entry, ...] = ()

    @property
    def entry(self) -> Entry | None:
        """Return the first meaning of the phrase that ends here, if one does."""
        return self.entries[0] if self.entries else None


class Found(NamedTuple):
    """A phrase found in a text: what it means and how many tokens it took."""

    entries: tuple[Entry, ...]
    length: int

    @property
    def entry(self) -> Entry:
        """Return the first meaning."""
        return self.entries[0]


_WORDLIKE = frozenset((TokenKind.WORD, TokenKind.HAN, TokenKind.NUMBER))
_JOINTS = frozenset("-_/&'")


def _add(root: Node, phrase: str, entry: Entry) -> None:
    tokens = [token for token in tokenise(fold(phrase).text)[0] if token.kind in _WORDLIKE]
    if not tokens:
        return
    node = root
    for token in tokens:
        node = node.then.setdefault(token.text, Node())
    if all(other.weak for other in node.entries):
        node.entries = (*node.entries, entry)


def _build() -> Node:
    root = Node()
    for phrase, symbol in ALIASES.items():
        _add(root, phrase, Entry(Concept.SYMBOL, "", weak=False, named=Named(symbol, exact=False)))
    for language, table in LANGUAGES:
        for concept, phrases in table.items():
            for written in phrases.split(","):
                phrase = written.strip()
                weak = phrase.startswith(_MARK)
                phrase = phrase.removeprefix(_MARK)
                if language != "en" and phrase.isascii() and len(phrase) <= _WEAK_LENGTH:
                    weak = True
                _add(root, phrase, Entry(concept, language, weak))
    return root


ROOT = _build()


def _spelled(node: Node) -> set[str]:
    found = set(node.then)
    for following in node.then.values():
        found |= _spelled(following)
    return found


# Each word of each phrase.
SPELLED = frozenset(_spelled(ROOT))


def find(tokens: list[Token], place: int, root: Node = ROOT) -> Found | None:
    """Return the longest phrase that begins at a token, or None.

    A joint (stop-loss, s/l, buy_limit) between two words of a phrase is passed over, and so is a full stop
    after a single letter (S.L, T.P).
    """
    node = root
    best: Found | None = None
    at = place
    count = len(tokens)
    while at < count:
        token = tokens[at]
        if token.kind not in _WORDLIKE:
            break
        following = node.then.get(token.text)
        if following is None:
            break
        node = following
        at += 1
        if node.entries:
            best = Found(node.entries, at - place)
        if not node.then:
            break
        if at + 1 < count and tokens[at].kind is TokenKind.PICTURE:
            # "Stop 🔥 loss": a picture parts no phrase.
            at += 1
        if at < count and tokens[at].kind is TokenKind.MARK and at + 1 < count:
            mark = tokens[at].text
            if mark in _JOINTS or (mark == "." and len(token.text) == 1):
                at += 1
    return best


def knows(word: str) -> Entry | None:
    """Return what a single word means, or None."""
    node = ROOT.then.get(word)
    return None if node is None else node.entry


def is_code_pair(base: str, quote: str) -> bool:
    """Return whether two words beside each other name a pair: gbp nzd, xau/usd."""
    return len(base) in (3, 4) and len(quote) in (3, 4) and base + quote in CODES
