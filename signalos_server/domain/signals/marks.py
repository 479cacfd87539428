"""A text as marks: what each word, figure and sign stands for, with its place in the original.

Here glued things are parted (BUY1.96300, TP1, 50pips, BUYSTOP), codes and pairs are recognised, and what
has digits but is no figure (155.2O, 1e9, 23xx) becomes a CORRUPT mark, so that nobody reads a part of it.
"""

from __future__ import annotations

import re

from signalos_server.domain.signals import lexicon
from signalos_server.domain.signals.fold import fold
from signalos_server.domain.signals.glued import all_known, part_word
from signalos_server.domain.signals.lexicon import Entry
from signalos_server.domain.signals.lines import labels_first
from signalos_server.domain.signals.mark_signs import LABELS, SignReader
from signalos_server.domain.signals.marked import Mark, Marked
from signalos_server.domain.signals.spelling import spelled
from signalos_server.domain.signals.spoken import keep_spoken
from signalos_server.domain.signals.symbols import DIGIT_CODES, SLANG, Named, by_code, coin_of, is_suffix
from signalos_server.domain.signals.tokens import Token, TokenKind, tokenise
from signalos_server.domain.signals.words.concepts import SIDES
from signalos_server.domain.signals.words.concepts import Concept as C

# Labels as they are mistyped; believed only with a colon and a figure behind them.
_LABEL_TYPOS = {
    "si": C.SL,
    "sk": C.SL,
    "sp": C.SL,
    "ls": C.SL,
    "to": C.TP,
    "tl": C.TP,
    "tpp": C.TP,
    "pt": C.TP,
}
_BEFORE_FIGURES = frozenset(":@=.")
_CLOCK = re.compile(
    r"(?:[mhdw]\d{1,2}|mn1?|\d{1,3}(?:h|hr|hrs|hours?|m|min|mins|minutes?|d|days?|w|weeks?|am|pm|s|sec|secs))\Z"
)
_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th|er|er|ere|eme|º|ª|o|a)\Z")
_LOOKALIKES = str.maketrans("авекмнорстухіѕјԁԛԝοραντικεηυζβμχһӏ", "abekmhopctyxisjdqwopavtikenuzbmxhl")


def mark(text: str) -> Marked:
    """Return the marks of a text. Never fails."""
    folded = fold(text)
    tokens, markup = tokenise(folded.text)
    tokens = spelled(tokens)
    reader = _Reader(tokens, text, folded)
    reader.read()
    marked = Marked(folded, text, reader.marks, markup, reader.lookalikes)
    marked.marks = labels_first(keep_spoken(marked))
    return marked


class _Reader(SignReader):
    """Goes over the tokens once."""

    def read(self) -> None:
        tokens = self.tokens
        while self._place < len(tokens):
            token = tokens[self._place]
            kind = token.kind
            if kind is TokenKind.WORD or kind is TokenKind.HAN:
                self._read_word(token)
            elif kind is TokenKind.NUMBER:
                self._read_number(token)
            else:
                self._read_sign(token)

    # Words

    def _read_word(self, token: Token) -> None:
        run = self._run()
        if len(run) > 1 and self._read_run(run):
            return
        if self._read_pair(token):
            return
        found = lexicon.find(self.tokens, self._place)
        if found is not None and found.length == 1 and found.entry.named is None and by_code(token.text):
            # NAS is an index before it is a Portuguese article.
            found = None
        slang = SLANG.get(token.text)
        if slang is not None and found is not None and found.entry.weak and self._is_desk_slang(token):
            # EU is a pair beside a side, and a Portuguese pronoun elsewhere.
            self._place += 1
            self._add(C.SYMBOL, token, token, named=Named(slang, exact=False))
            return
        if found is not None and not (token.text in _LABEL_TYPOS and self._reads_as_typo(found)):
            last = self.tokens[self._place + found.length - 1]
            # A phrase may not end inside a glued run (the "sl" of "sl2x").
            self._add_entry(found.entry, token, last, found.entries[1:])
            if last is not token and found.entry.concept is C.TP and last.text.isdigit():
                # T1, цель 1: the phrase ends in the target's number.
                self._add(C.INDEX, last, last, number=int(last.text))
            self._place += found.length
            return
        self._read_unknown(token)

    def _add_entry(self, entry: Entry, first: Token, last: Token, others: tuple[Entry, ...] = ()) -> None:
        self._add(entry.concept, first, last, named=entry.named, entry=entry, others=others)

    def _read_unknown(self, token: Token) -> None:
        self._place += 1
        symbol = by_code(token.text)
        if symbol is not None:
            self._add(C.SYMBOL, token, token, named=Named(symbol, exact=True))
            self._skip_suffix()
            return
        typo = _LABEL_TYPOS.get(token.text)
        if typo is not None and self._figure_follows():
            self._add(typo, token, token)
            return
        coin = coin_of(token.text) if self._behind(token, "$#") else None
        if coin is not None:
            self._add(C.SYMBOL, token, token, named=Named(coin, exact=True))
            return
        slang = SLANG.get(token.text)
        if slang is not None and self._is_capital(token):
            self._add(C.SYMBOL, token, token, named=Named(slang, exact=False))
            return
        parts = part_word(token)
        if parts:
            for part in parts:
                self._read_single(part)
            return
        if not token.text.isascii():
            latin = token.text.translate(_LOOKALIKES)
            if latin != token.text and latin.isascii() and (lexicon.knows(latin) or by_code(latin)):
                self.lookalikes = True
                self._read_single(token._replace(text=latin))
                return
        self._add(C.WORD, token, token)

    def _read_single(self, token: Token) -> None:
        """Read one word that stands for something by itself."""
        symbol = by_code(token.text)
        if symbol is not None:
            self._add(C.SYMBOL, token, token, named=Named(symbol, exact=True))
            return
        entry = lexicon.knows(token.text)
        if entry is not None:
            self._add_entry(entry, token, token)
        else:
            self._add(C.WORD, token, token)

    def _reads_as_typo(self, found: lexicon.Found) -> bool:
        """Return whether a short word before a colon and a figure is a mistyped label (SI: 1.7085)."""
        if found.length != 1 or found.entry.concept in LABELS:
            return False
        self._place += 1
        follows = self._figure_follows()
        self._place -= 1
        return follows

    def _figure_follows(self) -> bool:
        place = self._place
        while (
            place < self._place + 2
            and place < len(self.tokens)
            and self.tokens[place].text in _BEFORE_FIGURES
        ):
            place += 1
        if place == self._place or place >= len(self.tokens):
            return False
        return self.tokens[place].kind is TokenKind.NUMBER

    def _behind(self, token: Token, signs: str) -> bool:
        """Return whether a token is glued to one of the signs: $ADA, #SOL."""
        return token.glued and self._place > 1 and self.tokens[self._place - 2].text in signs

    def _is_desk_slang(self, token: Token) -> bool:
        beside = (
            self.tokens[max(0, self._place - 1) : self._place]
            + self.tokens[self._place + 1 : self._place + 2]
        )
        sides = [lexicon.knows(other.text) for other in beside if other.kind is TokenKind.WORD]
        return self._is_capital(token) and any(entry and entry.concept in SIDES for entry in sides)

    def _is_capital(self, token: Token) -> bool:
        places = self._folded.places
        return self._original[places[token.start] : places[token.end - 1] + 1].isupper()

    def _read_pair(self, token: Token) -> bool:
        """Read GBP/USD, GBP NZD, XAU-USD."""
        if len(token.text) not in (3, 4):
            return False
        tokens, place = self.tokens, self._place + 1
        if place < len(tokens) and tokens[place].kind is TokenKind.MARK and tokens[place].text in "/-_.":
            place += 1
        if place >= len(tokens) or tokens[place].kind is not TokenKind.WORD:
            return False
        quote = tokens[place].text
        named = None
        if lexicon.is_code_pair(token.text, quote):
            named = by_code(token.text + quote)
        elif len(quote) > 3 and lexicon.is_code_pair(token.text, quote[:3]):
            # GBP/USDm: the suffix is glued to the second half.
            named = by_code(token.text + quote)
        if named is None:
            return False
        self._add(C.SYMBOL, token, tokens[place], named=Named(named, exact=True))
        self._place = place + 1
        self._skip_suffix()
        return True

    def _skip_suffix(self) -> None:
        tokens, place = self.tokens, self._place
        if place + 1 >= len(tokens):
            return
        joint, suffix = tokens[place], tokens[place + 1]
        if joint.kind is TokenKind.MARK and joint.glued and joint.text in ".-_#+!^" and suffix.glued:
            if suffix.kind is TokenKind.WORD and is_suffix(suffix.text):
                self._place += 2
        elif joint.kind is TokenKind.MARK and joint.glued and joint.text == "+":
            self._place += 1

    # Runs of letters and digits without a space

    def _run(self) -> list[Token]:
        """Return the glued letters and digits from here on."""
        tokens, end = self.tokens, self._place + 1
        while (
            end < len(tokens) and tokens[end].glued and tokens[end].kind in (TokenKind.WORD, TokenKind.NUMBER)
        ):
            end += 1
        return tokens[self._place : end]

    def _read_run(self, run: list[Token]) -> bool:
        """Read a run of letters and digits as a whole or in parts; else call it corrupt."""
        joined = "".join(token.text for token in run)
        first, last = run[0], run[-1]
        if all(token.kind is TokenKind.WORD for token in run):
            return False
        symbol = by_code(joined)
        if symbol is not None:
            self._place += len(run)
            self._add(C.SYMBOL, first, last, named=Named(symbol, exact=True))
            self._skip_suffix()
            return True
        ordinal = _ORDINAL.match(joined)
        if ordinal is not None:
            self._place += len(run)
            self._add(C.INDEX, first, last, number=int(ordinal.group(1)))
            return True
        if _CLOCK.match(joined) is not None:
            self._place += len(run)
            self._add(C.TIME, first, last)
            return True
        if self._read_code_first(run, joined):
            return True
        if self._read_parts(run):
            return True
        found = lexicon.find(self.tokens, self._place)
        if found is not None and found.length >= len(run):
            return False
        self._place += len(run)
        self._add(C.CORRUPT, first, last)
        return True

    def _read_code_first(self, run: list[Token], joined: str) -> bool:
        """Read US30SELL: a code that ends in digits, and what is glued to it."""
        for code in DIGIT_CODES:
            if joined.startswith(code) and len(joined) > len(code):
                rest = joined[len(code) :]
                if rest[0].isdigit() or rest[0] in ".,":
                    continue
                tail, _ = tokenise(rest)
                offset = run[0].start + len(code)
                moved = [
                    token._replace(start=token.start + offset, end=token.end + offset, glued=True)
                    for token in tail
                ]
                head = Token(TokenKind.WORD, code, run[0].start, offset, run[0].glued)
                if not all_known(moved):
                    return False
                self._add(C.SYMBOL, head, head, named=Named(by_code(code) or "", exact=True))
                self.tokens[self._place : self._place + len(run)] = moved
                return True
        return False

    def _read_parts(self, run: list[Token]) -> bool:
        if not all_known(run):
            return False
        for place, token in enumerate(run):
            if token.kind is TokenKind.WORD:
                symbol = by_code(token.text)
                if symbol is not None:
                    self._add(C.SYMBOL, token, token, named=Named(symbol, exact=True))
                elif token.text == "k":
                    self._make_thousands()
                elif token.text == "p":
                    self._add(C.PIPS, token, token)
                else:
                    parts = part_word(token) if lexicon.knows(token.text) is None else []
                    for part in parts or [token]:
                        self._read_single(part)
            else:
                self._add_figures(token, after_label=place > 0)
        self._place += len(run)
        return True

    def _read_number(self, token: Token) -> None:
        run = self._run()
        if len(run) > 1 and self._read_run(run):
            return
        previous = self.marks[-1] if self.marks else None
        if previous is not None and previous.concept is C.HASH and token.glued and token.text.isdigit():
            self._add(C.TIME, token, token)
        elif self._numbers_a_line(token, previous):
            self._add(C.INDEX, token, token, number=int(token.text))
        else:
            found = lexicon.find(self.tokens, self._place)
            if found is not None and found.length > 1:
                self._add_entry(found.entry, token, self.tokens[self._place + found.length - 1])
                self._place += found.length
                return
            self._add_figures(token, after_label=False)
        self._place += 1
        sign = self.tokens[self._place - 2] if self._place > 1 else None
        if token.glued and sign is not None and sign.text == "%":
            # Turkish writes the sign first: %50.
            self._add(C.PERCENT, sign, sign)

    def _numbers_a_line(self, token: Token, previous: Mark | None) -> bool:
        """Return whether the number only counts the lines: `36. DJ buy`, `2:. USDCHF`, `1) 2350`."""
        if len(token.text) > 2 or not token.text.isdigit():
            return False
        if previous is not None and previous.concept not in (C.NEWLINE, C.HASH, C.BRACKET_OPEN):
            return False
        if self._place + 1 >= len(self.tokens):
            return False
        following = self.tokens[self._place + 1]
        if not following.glued or following.kind is not TokenKind.MARK or following.text not in ".):":
            return False
        self.tokens[self._place + 1] = following._replace(text="\ue0fe")
        return True
