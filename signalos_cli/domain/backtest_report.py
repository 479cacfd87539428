"""What came of a file of messages, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one message."""

    time: datetime
    text: str
    # Of the parse, e.g. `OPEN`, and its gate, e.g. `OK`; empty: the message had no text.
    kind: str = ""
    gate: str = ""
    # Of the signal, e.g. `ACTED`; `NO_TEXT`, `REFUSED` (by the server).
    state: str = ""
    # Why it was not traded, or how its commands ended, where that was not well.
    codes: tuple[str, ...] = ()
    # Orders that a terminal confirmed.
    orders_done: int = 0
    message: str = ""

    @property
    def opens(self) -> bool:
        return self.kind == "OPEN"


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """The account at a moment of the broker's clock."""

    time: datetime
    balance: Decimal
    equity: Decimal


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """A position that was closed, with everything that it brought and cost."""

    symbol: str
    close_time: datetime
    volume_lots: Decimal
    profit: Decimal
    # Who or what closed it, e.g. `stop loss`.
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """A run as a whole. `prices` and `notes` say what it is worth."""

    file: str
    prices: str
    notes: tuple[str, ...]
    currency: str
    results: tuple[Result, ...]
    equity: tuple[EquityPoint, ...]
    closed: tuple[ClosedTrade, ...]
    still_open: int
    seconds: float
    # The run was interrupted; the rest of the file was not replayed.
    interrupted: bool = False

    @property
    def with_text(self) -> int:
        return sum(result.state != "NO_TEXT" for result in self.results)

    @property
    def opening(self) -> int:
        """Messages that were read as orders to open."""
        return sum(result.opens for result in self.results)

    @property
    def traded(self) -> int:
        """Opening messages of which an order was carried out."""
        return sum(result.opens and result.orders_done > 0 for result in self.results)

    @property
    def updates(self) -> int:
        """Messages that act on what is open, or on what waits."""
        return sum(result.kind not in ("", "NONE", "OPEN") for result in self.results)

    @property
    def updates_done(self) -> int:
        return sum(
            result.kind not in ("", "NONE", "OPEN") and result.orders_done > 0 for result in self.results
        )

    def kinds(self) -> Mapping[str, int]:
        """Messages by what they were read as, most first."""
        return _counted(result.kind or "NO_TEXT" for result in self.results)

    def refusals(self) -> Mapping[str, int]:
        """Opening messages and updates that were not traded, by reason, most first."""
        return _counted(
            code
            for result in self.results
            if result.kind not in ("", "NONE") and not result.orders_done
            for code in result.codes or (result.state,)
        )

    @property
    def profit(self) -> Decimal:
        """Of what was closed."""
        return sum((trade.profit for trade in self.closed), ZERO)

    @property
    def change(self) -> Decimal:
        """Of equity, with what is still open."""
        return self.equity[-1].equity - self.equity[0].equity if self.equity else ZERO

    @property
    def won(self) -> int:
        return sum(trade.profit > 0 for trade in self.closed)

    @property
    def drawdown(self) -> Decimal:
        """The deepest that equity fell below its highest before."""
        return drawdown(self.equity)


def drawdown(points: Sequence[EquityPoint]) -> Decimal:
    """The largest fall of equity from a high, in money."""
    highest: Decimal | None = None
    deepest = ZERO
    for point in points:
        highest = point.equity if highest is None else max(highest, point.equity)
        deepest = max(deepest, highest - point.equity)
    return deepest


def _counted(names: Iterable[str]) -> Mapping[str, int]:
    return dict(Counter(names).most_common())
