"""Words that people write without a space: BUYSTOP, XAUUSDSELL, GoldBuyLimit, sl3272."""

from __future__ import annotations

from signalos_server.domain.signals import lexicon
from signalos_server.domain.signals.symbols import ALIASES, by_code
from signalos_server.domain.signals.tokens import Token, TokenKind
from signalos_server.domain.signals.words.concepts import SIDES
from signalos_server.domain.signals.words.concepts import Concept as C

# What may be glued to a figure or to each other without losing its meaning.
_GLUABLE = SIDES | {
    C.SL,
    C.TP,
    C.ENTRY,
    C.NOW,
    C.LIMIT,
    C.STOP_WORD,
    C.PIPS,
    C.POINTS,
    C.LOTS,
    C.PERCENT,
    C.CURRENCY,
    C.RISK,
    C.ABOVE,
    C.BELOW,
    C.CANDLE,
    C.SYMBOL,
    C.BREAKEVEN,
}
# Words that others are glued to.
_PARTS = frozenset(
    "buy sell long short now limit stop tp sl entry gold silver order zone target targets btc eth loss"
    " beli jual compra venta venda kaufen verkaufen achat vente at above below nasdaq oil".split()
)
_SHORTEST, _LONGEST = 5, 24
_MOST_PARTS = 4


def all_known(run: list[Token]) -> bool:
    """Return whether each word of a run stands for something, so that the run may be parted."""
    for place, token in enumerate(run):
        if token.kind is TokenKind.NUMBER:
            continue
        if token.kind is not TokenKind.WORD:
            return False
        if token.text in ("k", "p") and place and place == len(run) - 1:
            continue
        if by_code(token.text) is not None:
            continue
        entry = lexicon.knows(token.text)
        if entry is not None and entry.concept in _GLUABLE and len(token.text) > 1 and not entry.weak:
            continue
        if entry is None and part_word(token):
            continue
        return False
    return True


def part_word(token: Token) -> list[Token]:
    """Return BUYSTOP as buy, stop; XAUUSDSELL as xauusd, sell; nothing where a word has no such parts."""
    text = token.text
    if not _SHORTEST <= len(text) <= _LONGEST or not text.isascii():
        return []
    pieces = _pieces(text, _MOST_PARTS)
    parted: list[Token] = []
    start = token.start
    for piece in pieces:
        end = start + len(piece)
        parted.append(token._replace(text=piece, start=start, end=end, glued=token.glued or bool(parted)))
        start = end
    return parted


def _pieces(text: str, most: int) -> list[str]:
    """Return the fewest parts of a word, the first as long as can be."""
    for split in range(len(text) - 2, 1, -1):
        head, tail = text[:split], text[split:]
        if not _is_part(head):
            continue
        if _is_part(tail):
            return [head, tail]
        rest = _pieces(tail, most - 1) if most > 2 else []
        if rest:
            return [head, *rest]
    return []


def _is_part(word: str) -> bool:
    return word in _PARTS or (len(word) >= 6 and (by_code(word) is not None or word in ALIASES))
