from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from signalos_bridge.clock import SystemClock
from signalos_bridge.domain.market import DealEntry
from signalos_bridge.terminal.memory import MemoryTerminal
from signalos_bridge.view import TerminalView
from tests.signalos_bridge.core_world import ACCOUNT
from tests.signalos_bridge.domain.market_samples import EURUSD
from tests.signalos_bridge.domain.test_difference import a_deal


def costs_after(*deals: tuple[str, str]) -> Decimal:
    """What a lot costs both ways, learnt from deals of so many lots that were charged so much."""
    view = TerminalView(MemoryTerminal(ACCOUNT, (EURUSD,), 0), SystemClock())
    for ticket, (lots, charged) in enumerate(deals):
        deal = a_deal(ticket, 1, DealEntry.IN, lots)
        view.learn_commission(replace(deal, commission=-Decimal(charged)))
    return view.commission_per_lot("EURUSD")


def test_what_a_lot_costs_is_learnt_from_the_largest_deal_because_brokers_round() -> None:
    assert costs_after(("1", "3.50"), ("0.01", "0.04"), ("0.03", "0.11")) == Decimal(7)
    assert costs_after(("0.01", "0.04"), ("1", "3.50")) == Decimal(7)


def test_a_deal_that_does_not_fit_what_was_learnt_tells_a_new_price() -> None:
    assert costs_after(("1", "3.50"), ("0.5", "2.50")) == Decimal(10)
