"""Figures as people write them: decimal comma, thousands comma, both, and lists without spaces.

A figure that can be read in more than one way keeps all its readings; the company it is in decides later
(`settle`), and where that does not decide, the caller is told. No digit is ever added, dropped or changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

# Longer figures are identities (phone numbers, order ids), not prices.
_LONGEST = 15
_GROUPS = re.compile(r"\d{1,3}(?:([.,'])\d{3})(?:\1\d{3})*\Z")
_NEAR = Decimal(3)
# One digit behind a dash is as likely a slip of the finger.
_SHORTEST_SHORTHAND = 2


class Figure(NamedTuple):
    """One figure: as written, and what it may mean, the commonest reading first."""

    text: str
    readings: tuple[Decimal, ...]

    @property
    def value(self) -> Decimal:
        """Return the commonest reading."""
        return self.readings[0]

    @property
    def is_small_count(self) -> bool:
        """Return whether this can number a target or an entry: one digit, or ten to twelve."""
        return self.text.isdigit() and self.text[0] != "0" and int(self.text) <= 12 and len(self.text) <= 2


def read_figures(text: str) -> list[tuple[int, Figure]] | None:
    """Return the figures in a run of digits and separators, each with its offset; None where corrupt."""
    if len(text) > _LONGEST * 3:
        return None
    separators = [character for character in text if not character.isdigit()]
    if not separators:
        return [(0, Figure(text, (Decimal(text),)))] if len(text) <= _LONGEST else None
    if len(set(separators)) == 1:
        return _one_kind(text, separators[0], len(separators))
    return _two_kinds(text, separators)


def _one_kind(text: str, separator: str, count: int) -> list[tuple[int, Figure]] | None:
    pieces = text.split(separator)
    grouped = _GROUPS.match(text) is not None and not text.startswith("0")
    if separator == "'":
        return [(0, Figure(text, (Decimal("".join(pieces)),)))] if grouped else None
    if count > 1:
        if grouped:
            return [(0, Figure(text, (Decimal("".join(pieces)),)))]
        if separator == "," and all(len(piece) == len(pieces[0]) >= 4 for piece in pieces):
            return _list(text, separator)
        return None
    whole, fraction = pieces
    if separator == "," and len(whole) >= 4 and len(fraction) >= 4:
        return _list(text, separator)
    if len(text) > _LONGEST or (len(whole) > 1 and whole[0] == "0"):
        return None
    as_decimal = Decimal(f"{whole}.{fraction}")
    if not grouped:
        return [(0, Figure(text, (as_decimal,)))]
    as_thousands = Decimal(whole + fraction)
    readings = (as_thousands, as_decimal) if separator == "," else (as_decimal, as_thousands)
    return [(0, Figure(text, readings))]


def _two_kinds(text: str, separators: list[str]) -> list[tuple[int, Figure]] | None:
    last = separators[-1]
    others = set(separators[:-1])
    if separators.count(last) == 1 and len(others) == 1 and last != "'":
        whole, _, fraction = text.rpartition(last)
        if _GROUPS.match(whole) and not whole.startswith("0"):
            digits = "".join(character for character in whole if character.isdigit())
            return [(0, Figure(text, (Decimal(f"{digits}.{fraction}"),)))]
    for separator in (",", "."):
        pieces = text.split(separator)
        other = "." if separator == "," else ","
        if len(pieces) > 1 and all(piece.count(other) == 1 and piece[0].isdigit() for piece in pieces):
            return _list(text, separator)
    if "," in separators:
        # "2345.5,2350": a list in which only some have decimals.
        pieces = text.split(",")
        if all(piece.count(".") <= 1 and len(piece.partition(".")[0]) >= 4 for piece in pieces):
            return _list(text, ",")
    return None


def _list(text: str, separator: str) -> list[tuple[int, Figure]] | None:
    figures: list[tuple[int, Figure]] = []
    place = 0
    for piece in text.split(separator):
        inner = read_figures(piece)
        if inner is None or len(inner) != 1:
            return None
        figures.append((place, inner[0][1]))
        place += len(piece) + 1
    return figures


def shorthand(first: str, second: str) -> Decimal | None:
    """Return the price that `second` abbreviates after `first`: 4105-03 is 4105-4103, 134.30/35 is 134.35.

    None where `second` is no abbreviation.
    """
    if not second.isdigit() or len(second) < _SHORTEST_SHORTHAND or "," in first or "'" in first:
        return None
    digits = first.replace(".", "")
    if not digits.isdigit() or len(second) >= len(digits) or len(second) > 3:
        return None
    decimals = len(first.partition(".")[2])
    if decimals and len(second) > decimals:
        return None
    joined = digits[: len(digits) - len(second)] + second
    return Decimal(joined).scaleb(-decimals)


def near(value: Decimal, reference: Decimal) -> bool:
    """Return whether two prices can be of one instrument in one message."""
    return reference / _NEAR <= value <= reference * _NEAR


def settle(
    figure: Figure, references: Sequence[Decimal], band: tuple[Decimal, Decimal] | None
) -> Decimal | None:
    """Return the one reading that fits the certain prices beside it, else the band; None where several do."""
    if len(figure.readings) == 1:
        return figure.value
    fits: Iterable[Decimal] = figure.readings
    if references:
        middle = sorted(references)[len(references) // 2]
        fits = [reading for reading in figure.readings if near(reading, middle)]
    elif band is not None:
        fits = [reading for reading in figure.readings if band[0] <= reading <= band[1]]
    found = list(fits)
    if len(found) == 1:
        return found[0]
    return None if len(found) > 1 else figure.value
