"""What one order asks of the terminal, in front of a real emulated broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from signalos_bridge.domain.market import Side
from signalos_bridge.domain.orders import ClosePosition, OpenMarket
from signalos_bridge.domain.outcomes import Executed, NotDone, NotSent
from signalos_bridge.emulator import metatrader5
from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.domain.codes import Execution
from signalos_bridge.emulator.faults import Reject
from signalos_bridge.emulator.operator_messages import SymbolChange, TerminalChange
from signalos_bridge.emulator.server import read_address
from signalos_bridge.terminal import dealing
from signalos_bridge.terminal.dealing import Dealer, Submission
from signalos_bridge.terminal.metatrader5 import AdapterSettings, MetaTrader5
from tests.signalos_bridge.terminal.conftest import HEDGING

pytestmark = pytest.mark.integration

LOT = Decimal("0.10")
PART = Decimal("0.04")


class Counted:
    """The module, and the names of the calls that went into it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(metatrader5, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            if name != "last_error":
                self.calls.append(name)
            return function(*args, **kwargs) if kwargs else function(*args)

        return counted


class Desk:
    """A dealer on a terminal that is logged in, and what it asked."""

    def __init__(self, url: str) -> None:
        self.module = Counted()
        self.terminal = MetaTrader5(self.module, AdapterSettings(path=url))
        self.terminal.attach()
        self.terminal.bound = self.terminal.account().bound()
        self.dealer = Dealer(self.terminal)

    def open(self) -> int:
        submission = self.dealer.submit(
            OpenMarket("EURUSD", Side.BUY, LOT, None, None, 1, "t"), latched=False
        )
        assert isinstance(submission.outcome, Executed)
        assert submission.outcome.order is not None
        return submission.outcome.order

    def close(self, ticket: int, lots: Decimal = LOT) -> Submission:
        self.module.calls.clear()
        return self.dealer.submit(ClosePosition(ticket, "EURUSD", Side.BUY, lots, 2, "t"), latched=False)


@pytest.fixture
def desk(broker: BrokerAdmin, broker_directory: Path) -> Iterator[Desk]:
    made = Desk(read_address(broker_directory).url(HEDGING))
    yield made
    made.terminal.detach()


def test_a_close_after_an_execution_asks_for_account_and_position_and_then_for_its_deals(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dealing, "_LINK_PROVEN_SECONDS", 60.0)
    submission = desk.close(desk.open())

    assert desk.module.calls == ["account_info", "positions_get", "order_send", "history_deals_get"]
    assert submission.shown is not None
    assert submission.shown.position is None
    assert [deal.entry.reduces for deal in submission.shown.deals] == [False, True]


def test_the_link_is_looked_at_where_the_last_execution_is_not_recent(
    desk: Desk, broker: BrokerAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = desk.open()
    monkeypatch.setattr(dealing, "_LINK_PROVEN_SECONDS", 0.0)
    broker.set_terminal(HEDGING, TerminalChange(connected=False))
    try:
        submission = desk.close(ticket)
    finally:
        broker.set_terminal(HEDGING, TerminalChange(connected=True))

    assert desk.module.calls == ["terminal_info"]
    assert isinstance(submission.outcome, NotDone)
    assert submission.outcome.code == NotSent.NOT_CONNECTED.name


def test_what_a_partial_close_leaves_is_read_from_the_position(desk: Desk) -> None:
    submission = desk.close(desk.open(), PART)

    assert submission.shown is not None
    assert submission.shown.position is not None
    assert submission.shown.position.volume_lots == LOT - PART


def test_a_broker_that_deals_at_our_price_gets_the_latest_quote(desk: Desk, broker: BrokerAdmin) -> None:
    ticket = desk.open()
    broker.set_symbol("EURUSD", SymbolChange(execution=Execution.INSTANT))
    desk.terminal.doubt_rules("EURUSD")
    try:
        submission = desk.close(ticket)
    finally:
        broker.set_symbol("EURUSD", SymbolChange(execution=Execution.MARKET))

    assert isinstance(submission.outcome, Executed)
    assert "symbol_info_tick" in desk.module.calls


def test_after_an_order_that_found_no_price_the_next_one_asks_for_a_quote(
    desk: Desk, broker: BrokerAdmin
) -> None:
    ticket = desk.open()
    broker.add_fault(Reject(retcode=10021, count=1))
    refused = desk.close(ticket)
    assert isinstance(refused.outcome, NotDone)
    assert "symbol_info_tick" not in desk.module.calls

    done = desk.close(ticket)

    assert isinstance(done.outcome, Executed)
    assert "symbol_info_tick" in desk.module.calls
