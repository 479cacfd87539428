from __future__ import annotations

from decimal import Decimal

import pytest

from signalos_bridge.domain.market import AccountSnapshot, MarginMode, Side, TradeMode
from signalos_bridge.domain.orders import (
    CancelPending,
    ClosePosition,
    ModifyLevels,
    OpenMarket,
    PendingKind,
    PlacePending,
)
from signalos_bridge.domain.outcomes import Executed, NoChange, NotDone, Outcome, Placed
from signalos_bridge.terminal.memory import MemoryTerminal
from signalos_bridge.terminal.port import Clearance, PositionsChanged, Terminal
from signalos_bridge.terminal.process import ProcessSettings
from signalos_bridge.terminal.remote import RemoteTerminal
from tests.signalos_bridge.domain.market_samples import EURUSD, a_tick

LOT = Decimal("0.10")
MONEY = Decimal("10000.00")
ACCOUNT = AccountSnapshot(
    5001, "Server", "Trader", "Broker", "USD", 2, TradeMode.DEMO, MarginMode.RETAIL_HEDGING, 100, MONEY,
    Decimal(0), Decimal(0), MONEY, Decimal(0), MONEY, None, Decimal(100), Decimal(50), True, None, False,
    True, True,
)  # fmt: skip
BUY = OpenMarket("EURUSD", Side.BUY, LOT, None, None, 7, "tag")


@pytest.fixture
def terminal() -> MemoryTerminal:
    made = MemoryTerminal(ACCOUNT, (EURUSD,), 1_700_000_000_000)
    made.bind(ACCOUNT.bound())
    made.set_tick(a_tick())
    return made


def code_of(outcome: Outcome) -> str:
    assert isinstance(outcome, NotDone)
    return outcome.code


def clear() -> Clearance:
    return Clearance(latched=False)


def test_both_terminals_keep_the_ports_promises() -> None:
    terminals: list[Terminal] = [
        MemoryTerminal(ACCOUNT, (), 0),
        RemoteTerminal(ProcessSettings()),
    ]
    assert len(terminals) == 2


async def test_a_trade_is_opened_reduced_closed_and_found_by_its_magic(terminal: MemoryTerminal) -> None:
    opened = (await terminal.submit(BUY, gate=clear)).outcome
    assert isinstance(opened, Executed)
    assert opened.order is not None
    terminal.set_tick(a_tick("1.08625", "1.08635"))
    part = ClosePosition(opened.order, "EURUSD", Side.BUY, Decimal("0.04"), 8, "part")
    rest = ClosePosition(opened.order, "EURUSD", Side.BUY, LOT, 8, "rest")
    await terminal.submit(part, gate=clear)
    closed = (await terminal.submit(rest, gate=clear)).outcome

    assert isinstance(closed, Executed)
    assert closed.volume_lots == Decimal("0.06")
    assert await terminal.positions() == ()
    trace = await terminal.find_by_magic(7, from_msc=0)
    assert [deal.volume_lots for deal in trace.deals] == [LOT, Decimal("0.04"), Decimal("0.06")]
    assert (await terminal.account()).balance == MONEY + Decimal("10.00")
    assert code_of((await terminal.submit(rest, gate=clear)).outcome) == "POSITION_GONE"


async def test_latch_gate_and_binding_are_judged_as_by_the_real_one(terminal: MemoryTerminal) -> None:
    latched = await terminal.submit(BUY, gate=lambda: Clearance(latched=True))
    expired = await terminal.submit(BUY, gate=lambda: Clearance(False, "EXPIRED"))
    unbound = await MemoryTerminal(ACCOUNT, (EURUSD,), 0).submit(BUY, gate=clear)

    codes = [code_of(answer.outcome) for answer in (latched, expired, unbound)]
    assert codes == ["LATCHED", "EXPIRED", "ACCOUNT_UNBOUND"]
    assert await terminal.positions() == ()


async def test_levels_and_pending_orders_change_as_asked(terminal: MemoryTerminal) -> None:
    opened = (await terminal.submit(BUY, gate=clear)).outcome
    assert isinstance(opened, Executed)
    assert opened.order is not None
    levels = ModifyLevels(opened.order, "EURUSD", Decimal("1.08000"), None, loosening=False)
    assert isinstance((await terminal.submit(levels, gate=clear)).outcome, Executed)
    assert (await terminal.submit(levels, gate=clear)).outcome == NoChange()

    price = Decimal("1.07000")
    pending = PlacePending("EURUSD", Side.BUY, PendingKind.LIMIT, LOT, price, None, None, 9, "p")
    placed = (await terminal.submit(pending, gate=clear)).outcome
    assert isinstance(placed, Placed)
    assert placed.order is not None
    await terminal.submit(CancelPending(placed.order, "EURUSD"), gate=clear)
    assert await terminal.orders() == ()


async def test_changes_begin_with_a_baseline(terminal: MemoryTerminal) -> None:
    await terminal.submit(BUY, gate=clear)
    await terminal.close()

    changes = [change async for change in terminal.changes() if isinstance(change, PositionsChanged)]

    assert [change.baseline for change in changes] == [True, False]
