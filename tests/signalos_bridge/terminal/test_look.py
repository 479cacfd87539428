"""What the watch tells about a real broker's doings: changes only, once, and nothing implausible."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal

import pytest

from signalos_bridge.domain.market import DealEntry, OrderState, Reason, Side, TerminalState, TradingBlock
from signalos_bridge.domain.orders import OpenMarket, PendingKind, PlacePending
from signalos_bridge.emulator.faults import Lag, NotSynchronised, ZeroBalance
from signalos_bridge.emulator.operator_messages import PlaceByHand, TerminalChange
from signalos_bridge.terminal.port import (
    AccountChanged,
    History,
    HistoryAppeared,
    OrdersChanged,
    PositionsChanged,
    TerminalUnavailable,
    TicksArrived,
    Watch,
    WatchStarted,
)
from tests.signalos_bridge.terminal.conftest import HEDGING, NETTING, Bench, eventually

pytestmark = pytest.mark.integration

LOT = Decimal("0.10")


async def opened(bench: Bench, magic: int = 1) -> int:
    await bench.submit(OpenMarket("EURUSD", Side.BUY, LOT, None, None, magic, "tag"))
    await eventually(lambda: bench.heard(PositionsChanged) != [])
    (position,) = [found for found in await bench.terminal.positions() if found.magic == magic]
    return position.ticket


def deals_of(bench: Bench, position: int) -> list[tuple[DealEntry, Reason]]:
    return [
        (deal.entry, deal.reason)
        for change in bench.heard(HistoryAppeared)
        for deal in change.deals
        if deal.position_id == position
    ]


def gone(bench: Bench) -> list[int]:
    return [ticket for change in bench.heard(PositionsChanged) for ticket in change.gone]


async def test_a_watch_begins_with_everything_and_then_tells_changes_only(bench: Bench) -> None:
    ticket = await opened(bench)
    await eventually(lambda: bench.heard(AccountChanged) != [])

    assert isinstance(bench.heard(WatchStarted)[0], WatchStarted)
    first = bench.heard(PositionsChanged)[0]
    assert first.baseline
    assert [position.ticket for position in first.changed] == [ticket]
    assert bench.heard(OrdersChanged)[0].baseline
    assert not any(change.baseline for change in bench.heard(PositionsChanged)[1:])


async def test_a_position_closed_by_hand_is_gone_and_its_deal_says_who(bench: Bench) -> None:
    ticket = await opened(bench)
    bench.broker.close_by_hand(HEDGING, ticket)

    await eventually(lambda: ticket in gone(bench))
    await eventually(lambda: len(deals_of(bench, ticket)) == 2)
    assert deals_of(bench, ticket) == [
        (DealEntry.IN, Reason.EXPERT),
        (DealEntry.OUT, Reason.CLIENT),
    ]


async def test_a_position_that_is_closed_before_the_first_reading_is_gone_all_the_same(bench: Bench) -> None:
    await eventually(lambda: bench.heard(WatchStarted) != [])
    for magic in range(1, 4):
        answer = await bench.submit(OpenMarket("EURUSD", Side.BUY, LOT, None, None, magic, "tag"))
        assert answer.raw is not None
        assert answer.raw.order is not None
        bench.broker.close_by_hand(HEDGING, answer.raw.order)
        await eventually(lambda: len(set(gone(bench))) == magic)  # noqa: B023 - awaited before the next


async def test_a_deal_that_appears_late_is_told_once_it_does(bench: Bench) -> None:
    ticket = await opened(bench)
    await eventually(lambda: len(deals_of(bench, ticket)) == 1)
    bench.broker.add_fault(Lag(milliseconds=600))
    bench.broker.close_by_hand(HEDGING, ticket)

    await eventually(lambda: len(deals_of(bench, ticket)) == 2)
    await asyncio.sleep(0.3)
    assert len(deals_of(bench, ticket)) == 2


async def test_a_stop_moved_by_hand_is_a_change(bench: Bench) -> None:
    ticket = await opened(bench)
    bid, _ = bench.broker.quote("EURUSD")
    stop = bid - Decimal("0.01")
    bench.broker.modify_by_hand(HEDGING, ticket, stop, 0)  # type: ignore[arg-type]

    await eventually(
        lambda: any(
            position.stop_loss == stop
            for change in bench.heard(PositionsChanged)
            for position in change.changed
        )
    )


async def test_a_cancelled_order_leaves_and_its_end_is_told(bench: Bench) -> None:
    bid, _ = bench.broker.quote("EURUSD")
    order = PlacePending("EURUSD", Side.BUY, PendingKind.LIMIT, LOT, bid - 1, None, None, 5, "tag")
    await bench.submit(order)
    await eventually(lambda: any(change.changed for change in bench.heard(OrdersChanged)))
    (working,) = await bench.terminal.orders()
    bench.broker.cancel_by_hand(HEDGING, working.ticket)

    await eventually(lambda: any(working.ticket in change.gone for change in bench.heard(OrdersChanged)))
    await eventually(
        lambda: any(
            (found.ticket, found.state) == (working.ticket, OrderState.CANCELED)
            for change in bench.heard(HistoryAppeared)
            for found in change.orders
        )
    )


async def test_every_tick_of_a_guarded_symbol_arrives(bench: Bench) -> None:
    await opened(bench)
    bench.terminal.watch(Watch(guarded_symbols=frozenset({"EURUSD"})))
    await eventually(lambda: bench.heard(TicksArrived) != [])
    bid, ask = bench.broker.quote("EURUSD")
    steps = [Decimal(step) / 100_000 for step in range(1, 40)]
    for step in steps:
        bench.broker.set_price("EURUSD", bid + step, ask + step)

    await eventually(
        lambda: (
            {bid + step for step in steps}
            <= {tick.bid for change in bench.heard(TicksArrived) for tick in change.ticks}
        )
    )
    await eventually(lambda: bench.terminal.status.utc_offset_seconds is not None, 15)
    assert bench.terminal.status.utc_offset_seconds in (7200, 10_800)


async def test_an_empty_reading_before_synchronisation_is_not_a_fact(unbound: Bench) -> None:
    await unbound.bind()
    await opened(unbound)
    before = len(unbound.heard(WatchStarted))
    unbound.broker.set_terminal(HEDGING, TerminalChange(connected=False))
    await eventually(lambda: not unbound.terminal.status.connected)
    fault = unbound.broker.add_fault(NotSynchronised())
    unbound.broker.set_terminal(HEDGING, TerminalChange(connected=True))
    await eventually(lambda: unbound.terminal.status.connected)
    await asyncio.sleep(0.8)

    assert gone(unbound) == []
    with pytest.raises(TerminalUnavailable):
        await unbound.terminal.snapshot(deals_from_msc=time.time_ns() // 1_000_000)

    unbound.broker.clear_faults(fault)
    await eventually(lambda: len(unbound.heard(WatchStarted)) > before)
    assert gone(unbound) == []


async def test_a_zero_balance_after_login_is_not_a_fact(unbound: Bench) -> None:
    fault = unbound.broker.add_fault(ZeroBalance())
    await unbound.bind()
    await asyncio.sleep(0.8)

    assert unbound.heard(AccountChanged) == []
    assert unbound.heard(WatchStarted) == []

    unbound.broker.clear_faults(fault)
    await eventually(lambda: unbound.heard(AccountChanged) != [])
    assert all(change.account.balance != 0 for change in unbound.heard(AccountChanged))


async def test_another_account_in_the_terminal_is_said_and_nothing_of_it_told(bench: Bench) -> None:
    await opened(bench)
    await eventually(lambda: bench.heard(AccountChanged) != [])
    bench.broker.set_terminal(HEDGING, TerminalChange(login=NETTING))
    try:
        await eventually(lambda: bench.terminal.status.account_matches is False)
        assert TradingBlock.WRONG_ACCOUNT in bench.terminal.status.blocks
        refused = await bench.submit(OpenMarket("EURUSD", Side.BUY, LOT, None, None, 1, "tag"))
        assert getattr(refused.outcome, "code", None) == "ACCOUNT_MISMATCH"
        assert {change.account.login for change in bench.heard(AccountChanged)} == {HEDGING}
        assert gone(bench) == []
    finally:
        bench.broker.set_terminal(HEDGING, TerminalChange(login=HEDGING))
    await eventually(lambda: bench.terminal.status.account_matches is True)


async def test_blindness_grows_while_the_terminal_is_cut_off(bench: Bench) -> None:
    await opened(bench)
    bench.broker.set_terminal(HEDGING, TerminalChange(connected=False))
    try:
        await eventually(lambda: bench.terminal.status.state is TerminalState.TRADING_OFF)
        # A beat may still bring the time of the last reading before the cut.
        await asyncio.sleep(0.5)
        at = bench.terminal.last_read_at
        await asyncio.sleep(0.6)
        assert bench.terminal.last_read_at == at
    finally:
        bench.broker.set_terminal(HEDGING, TerminalChange(connected=True))


async def test_a_snapshot_belongs_together(bench: Bench) -> None:
    ticket = await opened(bench)
    from_msc = time.time_ns() // 1_000_000 - 3_600_000

    snapshot = await bench.terminal.snapshot(deals_from_msc=from_msc)

    assert [position.ticket for position in snapshot.positions] == [ticket]
    assert ticket in {deal.position_id for deal in snapshot.deals}
    assert snapshot.account.login == HEDGING
    assert snapshot.status.state is TerminalState.READY


async def test_an_order_that_is_placed_while_a_snapshot_reads_history_is_in_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(bench)
    history = bench.terminal.history
    placed: list[int] = []

    async def long_history(from_msc: int, to_msc: int | None = None) -> History:
        found = await history(from_msc, to_msc)
        order = PlaceByHand(action=5, symbol="EURUSD", volume=0.1, type=2, price=0.9)
        placed.append(bench.broker.place_by_hand(bench.login, order).order)
        return found

    monkeypatch.setattr(bench.terminal, "history", long_history)
    snapshot = await bench.terminal.snapshot(deals_from_msc=time.time_ns() // 1_000_000 - 3_600_000)

    # The watch may have told it before the account was read, and is not believed to be newer then.
    assert placed
    assert placed[-1] in [order.ticket for order in snapshot.orders]
