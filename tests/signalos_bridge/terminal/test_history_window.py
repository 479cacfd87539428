from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from signalos_bridge.domain.market import (
    Deal,
    DealEntry,
    DealType,
    HistoryOrder,
    OrderState,
    OrderType,
    Reason,
)
from signalos_bridge.terminal.history_window import HistoryWindow

NOW_MSC = 1_700_000_000_000
ZERO = Decimal(0)


def a_deal(ticket: int, time_msc: int) -> Deal:
    return Deal(
        ticket, 1, 1, "EURUSD", DealType.SELL, DealEntry.OUT, Reason.STOP_LOSS, Decimal("0.1"),
        Decimal("1.1"), ZERO, ZERO, ZERO, ZERO, 0, "", time_msc,
    )  # fmt: skip


def an_order(ticket: int) -> HistoryOrder:
    return HistoryOrder(
        ticket, "EURUSD", OrderType.BUY_LIMIT, OrderState.CANCELED, Decimal("0.1"), Decimal("0.1"), None,
        None, None, NOW_MSC, NOW_MSC, 0, "", None, Reason.CLIENT,
    )  # fmt: skip


@dataclass
class Records:
    """A terminal's history, of which spans of time show only `shown` orders."""

    held: list[Deal] = field(default_factory=list)
    shown: list[HistoryOrder] = field(default_factory=list)
    by_ticket: dict[int, HistoryOrder] = field(default_factory=dict)

    def deals(self, from_msc: int, to_msc: int) -> tuple[Deal, ...]:
        return tuple(deal for deal in self.held if from_msc <= deal.time_msc <= to_msc)

    def history_orders(self, from_msc: int, to_msc: int) -> tuple[HistoryOrder, ...]:
        return tuple(self.shown)

    def history_order(self, ticket: int) -> HistoryOrder | None:
        return self.by_ticket.get(ticket)


def read(window: HistoryWindow, now: float) -> tuple[list[int], list[int]]:
    for _ in window.read(now, NOW_MSC, NOW_MSC):
        pass
    deals, orders = window.take()
    return [deal.ticket for deal in deals], [order.ticket for order in orders]


def a_window(records: Records) -> HistoryWindow:
    return HistoryWindow(records)


def test_a_deal_is_told_once_however_often_it_is_read() -> None:
    records = Records([a_deal(1, NOW_MSC)])
    window = a_window(records)

    assert read(window, 0.0) == ([1], [])
    assert read(window, 1.0) == ([], [])


def test_a_deal_that_appears_late_with_an_earlier_time_is_still_told() -> None:
    records = Records([a_deal(2, NOW_MSC + 5_000)])
    window = a_window(records)
    read(window, 0.0)
    records.held.append(a_deal(1, NOW_MSC + 4_000))

    assert read(window, 1.0) == ([1], [])


def test_what_a_reading_found_before_it_failed_is_told_by_the_next() -> None:
    window = a_window(Records([a_deal(1, NOW_MSC)]))
    next(window.read(0.0, NOW_MSC, NOW_MSC))

    assert read(window, 1.0) == ([1], [])


def test_an_order_that_no_span_shows_is_found_by_its_ticket() -> None:
    records = Records()
    window = a_window(records)
    window.look_for([9], 0.0)
    assert read(window, 0.0) == ([], [])
    records.by_ticket[9] = an_order(9)

    assert window.due(0.2, 5.0)
    assert read(window, 0.2) == ([], [9])
    assert not window.due(0.4, 5.0)


def test_an_order_that_never_appears_is_not_looked_for_for_ever() -> None:
    window = a_window(Records())
    window.look_for([9], 0.0)
    read(window, 11.0)

    assert not window.due(12.0, 5.0)


def test_after_a_change_history_is_read_often_and_otherwise_rarely() -> None:
    window = a_window(Records())
    read(window, 0.0)
    assert not window.due(1.0, 5.0)
    assert window.due(5.0, 5.0)

    window.expect_until(3.0)

    assert window.due(1.0, 5.0)
    read(window, 1.0)
    assert window.due(1.2, 5.0)
    read(window, 4.0)
    assert not window.due(4.5, 5.0)
