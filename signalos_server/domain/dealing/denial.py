"""A step's no: a stable code, words, and the numbers that it was judged by."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a step refused. `numbers` are the facts, as text without loss."""

    code: str
    text: str
    numbers: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        shown = " ".join(f"{name}={value}" for name, value in self.numbers)
        return f"{self.code}: {shown}" if shown else f"{self.code}: {self.text}"


def deny(code: str, text: str, **numbers: Decimal | int | str) -> Denial:
    """Return a denial with its numbers."""
    return Denial(
        code,
        text,
        tuple((name, format(v, "f") if isinstance(v, Decimal) else str(v)) for name, v in numbers.items()),
    )
