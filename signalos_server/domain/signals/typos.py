"""Words of the trade as they are mistyped: BYU, stoploos, tagret.

Only slips of the finger on a few long-known words are read: two letters in each other's place, one doubled
or left out, one wrong one in a long word. A slip that is a word of its own (a chart is no short) is none.
Figures are never mended: this file knows no digits.
"""

from __future__ import annotations

import re
from functools import cache

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# From this length on, a letter that is wrong or missing still leaves no doubt which word was meant.
_LONG = 6
_WORDS = (
    "buy sell long short stop loss take profit target targets limit entry entries stoploss takeprofit buystop"
    " sellstop buylimit selllimit breakeven close partial partially pending market instant lotsize bullish"
    " bearish cancel delete position positions"
).split()
# What a slip of a word would be, and is a word of its own.
_OWN_WORDS = frozenset(
    "by bye boy bay but bus bull sale sold seal self cell tell bell sells stops top stock step shop spot shot"
    " sort short shorts shirt shout port part lose less lass lost boss toss moss las log lung along tale tack"
    " tke talk profits prophet proof limits limited closet clothes clone cloes closed closer closes those"
    " loose entire enter entered centry gentry sentry forget largest targeted marked markets basket marker"
    " particle parietal parallel spending bending vending sending lending depending chancel cancels"
    " deletes deleted depositions composition proposition opposition disposition".split()
)


def _slips(word: str) -> set[str]:
    found = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)}
    if len(word) > 3:
        found |= {word[:at] + word[at] + word[at:] for at in range(len(word))}
    if len(word) >= _LONG:
        found |= {word[:at] + word[at + 1 :] for at in range(1, len(word))}
        found |= {
            word[:at] + letter + word[at + 1 :]
            for at in range(1, len(word))
            for letter in _LETTERS
            if letter != word[at]
        }
    elif len(word) == _LONG - 1:
        found |= {word[:at] + word[at + 1 :] for at in range(1, len(word))}
    return found - {word}


@cache
def _table() -> dict[str, str]:
    table: dict[str, str] = {}
    for word in _WORDS:
        for slip in _slips(word):
            table.setdefault(slip, word)
    return {slip: word for slip, word in table.items() if slip not in _OWN_WORDS and slip not in _WORDS}


_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")


def shortened(word: str) -> tuple[str, ...]:
    """Return what a drawn-out word may be: nowww is now, selll is sell. Empty where it is not drawn out."""
    if _DRAWN_OUT.search(word) is None:
        return ()
    return _DRAWN_OUT.sub(r"\1", word), _DRAWN_OUT.sub(r"\1\1", word)


def mended(word: str) -> str | None:
    """Return the word of the trade that an unknown word is a slip of, or None."""
    return _table().get(word) if word.isascii() else None
