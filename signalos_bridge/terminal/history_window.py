"""The recent end of the terminal's history, read so that nothing new is missed and nothing is told twice.

Deals appear some time after their result, and bear broker time: each reading overlaps the one before, and
what has been told is known by ticket.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from signalos_bridge.domain.market import Deal, HistoryOrder

DAY_MSC = 24 * 3600 * 1000
# No trade server is further from UTC than this.
FARTHEST_OFFSET_MSC = 15 * 3600 * 1000

_OVERLAP_MSC = 2 * 60 * 1000
_EXPECTED_READ_SECONDS = 0.1
_LOOK_FOR_SECONDS = 10.0
_REMEMBERED = 10_000


class Records(Protocol):
    """What is asked of the terminal's history; see `MetaTrader5`."""

    def deals(self, from_msc: int, to_msc: int) -> tuple[Deal, ...]:
        """Read the deals of a span of broker time."""
        ...

    def history_orders(self, from_msc: int, to_msc: int) -> tuple[HistoryOrder, ...]:
        """Read the finished orders of a span of broker time."""
        ...

    def history_order(self, ticket: int) -> HistoryOrder | None:
        """Read one finished order."""
        ...


class HistoryWindow:
    """Finds deals and finished orders that were not there before."""

    def __init__(self, terminal: Records) -> None:
        self._terminal = terminal
        self._newest_msc: int | None = None
        self._told_deals: dict[int, int] = {}
        self._told_orders: dict[int, int] = {}
        self._found_deals: list[Deal] = []
        self._found_orders: list[HistoryOrder] = []
        self._expected_until = 0.0
        self._read_at: float | None = None
        self._wanted: dict[int, float] = {}

    def expect_until(self, until: float) -> None:
        """Read often until then: something has happened whose record may be late."""
        self._expected_until = max(self._expected_until, until)
        self._read_at = None

    def look_for(self, tickets: Iterable[int], now: float) -> None:
        """Ask for these orders by name; MetaTrader's spans of time do not always include them."""
        for ticket in tickets:
            self._wanted[ticket] = now + _LOOK_FOR_SECONDS

    def due(self, now: float, every_seconds: float) -> bool:
        """Return whether it is time to read."""
        if self._read_at is None:
            return True
        eager = now < self._expected_until or bool(self._wanted)
        return now - self._read_at >= (_EXPECTED_READ_SECONDS if eager else every_seconds)

    def take(self) -> tuple[tuple[Deal, ...], tuple[HistoryOrder, ...]]:
        """Hand over what was found since the last time, also by a reading that failed half-way."""
        found = tuple(self._found_deals), tuple(self._found_orders)
        self._found_deals.clear()
        self._found_orders.clear()
        return found

    def read(self, now: float, broker_now_msc: int | None, utc_now_msc: int) -> Iterator[None]:
        """Find what is new, pausing after each call into the terminal."""
        self._read_at = now
        from_msc, to_msc = self._span(broker_now_msc, utc_now_msc)
        for deal in sorted(self._terminal.deals(from_msc, to_msc), key=lambda found: found.ticket):
            if deal.ticket not in self._told_deals:
                self._told_deals[deal.ticket] = deal.time_msc
                self._found_deals.append(deal)
                self._newest_msc = max(deal.time_msc, self._newest_msc or deal.time_msc)
        yield
        for order in sorted(self._terminal.history_orders(from_msc, to_msc), key=lambda found: found.ticket):
            self._append(order)
        yield
        for ticket, until in list(self._wanted.items()):
            found = self._terminal.history_order(ticket)
            if found is not None:
                self._append(found)
            if found is not None or now >= until:
                self._wanted.pop(ticket, None)
            yield
        self._forget()

    def _append(self, order: HistoryOrder) -> None:
        self._wanted.pop(order.ticket, None)
        if order.ticket not in self._told_orders:
            self._told_orders[order.ticket] = order.done_time_msc
            self._found_orders.append(order)

    def _span(self, broker_now_msc: int | None, utc_now_msc: int) -> tuple[int, int]:
        newest = self._newest_msc
        if newest is not None:
            start = newest
        elif broker_now_msc is not None:
            start = broker_now_msc
        else:
            start = utc_now_msc - FARTHEST_OFFSET_MSC
        end = max(utc_now_msc + FARTHEST_OFFSET_MSC, broker_now_msc or 0, start) + DAY_MSC
        return start - _OVERLAP_MSC, end

    def _forget(self) -> None:
        if self._newest_msc is None:
            return
        horizon = self._newest_msc - DAY_MSC
        for told in (self._told_deals, self._told_orders):
            if len(told) > _REMEMBERED:
                for ticket in [ticket for ticket, at in told.items() if at < horizon]:
                    del told[ticket]
