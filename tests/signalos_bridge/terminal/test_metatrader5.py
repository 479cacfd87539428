"""The adapter on the emulator: every order, every answer, on both margin modes."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from signalos_bridge.domain.market import BoundAccount, Filling, OrderState, Side, TradeMode
from signalos_bridge.domain.orders import (
    CancelPending,
    CloseBy,
    ClosePosition,
    ModifyLevels,
    ModifyPending,
    OpenMarket,
    PendingKind,
    PlacePending,
)
from signalos_bridge.domain.outcomes import (
    Ambiguous,
    Executed,
    NoChange,
    NotDone,
    PartlyExecuted,
    Placed,
    Retry,
)
from signalos_bridge.emulator.faults import (
    DealLater,
    PartialFill,
    Reject,
    RewriteComment,
    TellNone,
    TellRetcode,
)
from signalos_bridge.emulator.operator_messages import SymbolChange, TerminalChange
from signalos_bridge.terminal.port import TerminalUnavailable
from tests.signalos_bridge.terminal.conftest import HEDGING, NETTING, Bench, eventually

pytestmark = pytest.mark.integration

LOT = Decimal("0.10")
PART = Decimal("0.04")
FAR = Decimal("0.01")


def a_buy(magic: int = 1, lots: Decimal = LOT, stop_loss: Decimal | None = None) -> OpenMarket:
    return OpenMarket("EURUSD", Side.BUY, lots, stop_loss, None, magic, "tag-1")


def a_close(ticket: int, lots: Decimal = LOT, side: Side = Side.BUY) -> ClosePosition:
    return ClosePosition(ticket, "EURUSD", side, lots, 2, "tag-2")


async def opened(bench: Bench, magic: int = 1) -> int:
    answer = await bench.submit(a_buy(magic))
    assert isinstance(answer.outcome, Executed)
    (position,) = [found for found in await bench.terminal.positions() if found.magic == magic]
    return position.ticket


def an_hour_ago_msc() -> int:
    # Broker time of the emulator is ahead of UTC.
    return time.time_ns() // 1_000_000 - 3_600_000


@pytest.mark.parametrize("login", [HEDGING, NETTING])
async def test_a_trade_is_opened_reduced_and_closed_with_as_many_deals(bench: Bench) -> None:
    tick = await bench.terminal.tick("EURUSD")
    assert tick is not None
    assert tick.bid is not None
    stop = tick.bid - FAR
    answer = await bench.submit(a_buy(magic=11, stop_loss=stop))
    assert isinstance(answer.outcome, Executed)
    assert (answer.outcome.volume_lots, answer.outcome.deal is not None) == (LOT, True)

    (position,) = await bench.terminal.positions()
    assert (position.volume_lots, position.stop_loss, position.magic) == (LOT, stop, 11)
    assert await bench.terminal.position(position.ticket) is not None

    part = await bench.submit(a_close(position.ticket, PART))
    assert isinstance(part.outcome, Executed)
    rest = await bench.submit(a_close(position.ticket, LOT))
    assert isinstance(rest.outcome, Executed)
    # More was asked than was left: what is sent is clamped to the position as it is.
    assert rest.outcome.volume_lots == LOT - PART

    assert await bench.terminal.positions() == ()
    assert await bench.terminal.position(position.ticket) is None
    deals = await bench.terminal.deals_of_position(position.identifier)
    assert [deal.volume_lots for deal in deals] == [LOT, PART, LOT - PART]
    assert len(bench.broker.positions(bench.login)) == 0


async def test_a_ticket_that_is_gone_or_changed_is_never_closed(bench: Bench) -> None:
    ticket = await opened(bench)

    wrong_side = await bench.submit(a_close(ticket, side=Side.SELL))
    await bench.submit(a_close(ticket))
    gone = await bench.submit(a_close(ticket))

    assert isinstance(wrong_side.outcome, NotDone)
    assert wrong_side.outcome.code == "POSITION_CHANGED"
    assert isinstance(gone.outcome, NotDone)
    assert (gone.outcome.code, gone.outcome.retry, gone.request) == ("POSITION_GONE", Retry.REREAD, None)


async def test_levels_are_set_both_and_the_same_again_is_no_change(bench: Bench) -> None:
    ticket = await opened(bench)
    tick = await bench.terminal.tick("EURUSD")
    assert tick is not None
    assert tick.bid is not None
    stop, target = tick.bid - FAR, tick.bid + FAR
    levels = ModifyLevels(ticket, "EURUSD", stop, target, loosening=False)

    assert isinstance((await bench.submit(levels)).outcome, Executed)
    assert (await bench.submit(levels)).outcome == NoChange()
    position = await bench.terminal.position(ticket)
    assert position is not None
    assert (position.stop_loss, position.take_profit) == (stop, target)

    await bench.submit(ModifyLevels(ticket, "EURUSD", None, target, loosening=True))
    position = await bench.terminal.position(ticket)
    assert position is not None
    assert (position.stop_loss, position.take_profit) == (None, target)


async def test_a_move_that_may_only_tighten_leaves_a_tighter_stop_and_the_target_alone(bench: Bench) -> None:
    ticket = await opened(bench)
    tick = await bench.terminal.tick("EURUSD")
    assert tick is not None
    assert tick.bid is not None
    tight, loose, target = tick.bid - FAR, tick.bid - 2 * FAR, tick.bid + FAR
    await bench.submit(ModifyLevels(ticket, "EURUSD", tight, target, loosening=False))

    kept = await bench.submit(ModifyLevels(ticket, "EURUSD", loose, None, loosening=False, only_tighter=True))
    assert isinstance(kept.outcome, NotDone)
    assert (kept.outcome.code, kept.request) == ("STOP_IS_TIGHTER", None)
    position = await bench.terminal.position(ticket)
    assert position is not None
    assert (position.stop_loss, position.take_profit) == (tight, target)

    tighter = tick.bid - FAR / 2
    moved = await bench.submit(
        ModifyLevels(ticket, "EURUSD", tighter, None, loosening=False, only_tighter=True)
    )
    assert isinstance(moved.outcome, Executed)
    position = await bench.terminal.position(ticket)
    assert position is not None
    # Somebody's own take profit survives what the bridge moves by itself.
    assert (position.stop_loss, position.take_profit) == (tighter, target)


async def test_a_pending_order_is_placed_moved_and_cancelled(bench: Bench) -> None:
    tick = await bench.terminal.tick("EURUSD")
    assert tick is not None
    assert tick.bid is not None
    price = tick.bid - FAR
    order = PlacePending("EURUSD", Side.BUY, PendingKind.LIMIT, LOT, price, None, None, 7, "tag")
    placed = (await bench.submit(order)).outcome
    assert isinstance(placed, Placed)
    assert not placed.awaits_deal
    assert placed.order is not None

    lower = price - FAR
    moved = await bench.submit(ModifyPending(placed.order, "EURUSD", lower, None, None))
    assert isinstance(moved.outcome, Executed)
    (working,) = await bench.terminal.orders()
    assert (working.open_price, working.magic) == (lower, 7)

    assert isinstance((await bench.submit(CancelPending(placed.order, "EURUSD"))).outcome, Executed)
    assert await bench.terminal.orders() == ()
    finished = await bench.terminal.history_order(placed.order)
    assert finished is not None
    assert finished.state is OrderState.CANCELED


async def test_two_opposite_positions_close_each_other(bench: Bench) -> None:
    ticket = await opened(bench)
    await bench.submit(OpenMarket("EURUSD", Side.SELL, LOT, None, None, 5, "tag"))
    (other,) = [found.ticket for found in await bench.terminal.positions() if found.ticket != ticket]

    answer = await bench.submit(CloseBy(ticket, other, "EURUSD", 1, "tag"))

    assert isinstance(answer.outcome, Executed | Placed)
    assert await bench.terminal.positions() == ()


@pytest.mark.parametrize("code", [-1, -10000, -10001, -10002, -10005])
async def test_none_after_execution_is_ambiguous_and_found_by_its_magic(bench: Bench, code: int) -> None:
    bench.broker.add_fault(TellNone(function="order_send", code=code, executed=True, count=1))
    magic = 900 - code
    answer = await bench.submit(a_buy(magic))

    assert isinstance(answer.outcome, Ambiguous)
    trace = await bench.terminal.find_by_magic(magic, from_msc=an_hour_ago_msc())
    assert [position.volume_lots for position in trace.positions] == [LOT]
    assert len(trace.deals) == 1


async def test_none_that_never_left_is_not_done(bench: Bench) -> None:
    bench.broker.add_fault(TellNone(function="order_send", code=-10004, executed=False, count=1))
    answer = await bench.submit(a_buy(77))

    assert isinstance(answer.outcome, NotDone)
    await eventually(lambda: bench.terminal.last_read_at is not None)
    trace = await bench.terminal.find_by_magic(77, from_msc=an_hour_ago_msc())
    assert trace.connected
    assert trace.empty


@pytest.mark.parametrize("retcode", [10011, 10012, 10031])
async def test_a_time_out_after_execution_is_ambiguous(bench: Bench, retcode: int) -> None:
    bench.broker.add_fault(TellRetcode(retcode=retcode, count=1))

    assert isinstance((await bench.submit(a_buy())).outcome, Ambiguous)
    assert len(await bench.terminal.positions()) == 1


async def test_requotes_parts_and_late_deals_are_told_apart(bench: Bench) -> None:
    bench.broker.add_fault(Reject(retcode=10004, count=1))
    requote = (await bench.submit(a_buy())).outcome
    bench.broker.add_fault(PartialFill(volume=Decimal("0.03"), count=1))
    part = (await bench.submit(a_buy())).outcome
    bench.broker.add_fault(DealLater(milliseconds=50, count=1))
    late = (await bench.submit(a_buy())).outcome

    assert isinstance(requote, NotDone)
    assert requote.retry is Retry.NEW_QUOTE
    assert isinstance(part, PartlyExecuted)
    assert (part.volume_lots, part.remaining_lots) == (Decimal("0.03"), Decimal("0.07"))
    assert isinstance(late, Placed)
    assert late.awaits_deal


async def test_a_refused_filling_mode_is_remembered(bench: Bench) -> None:
    bench.broker.add_fault(Reject(retcode=10030, count=1))
    first = await bench.submit(a_buy())
    second = await bench.submit(a_buy())
    third = await bench.submit(a_buy())

    assert isinstance(first.outcome, NotDone)
    assert first.outcome.retry is Retry.OTHER_FILLING
    assert first.request is not None
    assert second.request is not None
    assert third.request is not None
    assert first.request.type_filling is Filling.FOK
    assert second.request.type_filling is third.request.type_filling is Filling.IOC


async def test_the_fillings_that_a_symbol_declares_are_used_and_the_rest_is_walked_once(bench: Bench) -> None:
    bench.broker.add_fault(Reject(retcode=10030, count=2))
    outcomes = [(await bench.submit(a_buy())).outcome for _ in range(2)]

    assert [found.retry for found in outcomes if isinstance(found, NotDone)] == [
        Retry.OTHER_FILLING,
        Retry.NEVER,
    ]
    assert isinstance((await bench.submit(a_buy())).outcome, Executed)


async def test_a_rewritten_comment_does_not_hide_an_order(bench: Bench) -> None:
    bench.broker.add_fault(RewriteComment(comment="broker's own", count=1))
    await bench.submit(a_buy(2**60 + 3))

    trace = await bench.terminal.find_by_magic(2**60 + 3, from_msc=an_hour_ago_msc())

    assert [position.comment for position in trace.positions] == ["broker's own"]


async def test_nothing_is_sent_before_an_account_is_bound(unbound: Bench) -> None:
    await eventually(lambda: unbound.terminal.status.login == HEDGING)
    answer = await unbound.submit(a_buy())

    assert isinstance(answer.outcome, NotDone)
    assert answer.outcome.code == "ACCOUNT_UNBOUND"


@pytest.mark.parametrize(
    "other",
    [
        BoundAccount(5009, "SignalOS-Emulator", TradeMode.DEMO),
        BoundAccount(HEDGING, "Another-Server", TradeMode.DEMO),
        BoundAccount(HEDGING, "SignalOS-Emulator", TradeMode.REAL),
    ],
)
async def test_another_login_server_or_kind_of_account_is_never_traded(
    unbound: Bench, other: BoundAccount
) -> None:
    await eventually(lambda: unbound.terminal.status.login == HEDGING)
    unbound.terminal.bind(other)

    answer = await unbound.submit(a_buy())

    assert isinstance(answer.outcome, NotDone)
    assert (answer.outcome.code, answer.outcome.alert) == ("ACCOUNT_MISMATCH", True)
    assert unbound.broker.positions(HEDGING) == []
    with pytest.raises(TerminalUnavailable):
        await unbound.terminal.snapshot(deals_from_msc=0)


async def test_a_terminal_that_is_cut_off_is_not_asked(bench: Bench) -> None:
    bench.broker.set_terminal(HEDGING, TerminalChange(connected=False))
    try:
        answer = await bench.submit(a_buy())
    finally:
        bench.broker.set_terminal(HEDGING, TerminalChange(connected=True))

    assert isinstance(answer.outcome, NotDone)
    assert answer.outcome.code == "NOT_CONNECTED"


@pytest.mark.parametrize(
    ("change", "back", "code"),
    [
        (
            TerminalChange(trade_allowed=False),
            TerminalChange(trade_allowed=True),
            "TERMINAL_DISABLES_AUTOTRADING",
        ),
        (
            TerminalChange(tradeapi_disabled=True),
            TerminalChange(tradeapi_disabled=False),
            "API_TRADING_DISABLED",
        ),
    ],
)
async def test_either_switch_off_is_an_alert(
    bench: Bench, change: TerminalChange, back: TerminalChange, code: str
) -> None:
    bench.broker.set_terminal(HEDGING, change)
    try:
        answer = await bench.submit(a_buy())
    finally:
        bench.broker.set_terminal(HEDGING, back)

    assert isinstance(answer.outcome, NotDone)
    assert (answer.outcome.code, answer.outcome.alert) == (code, True)


async def test_a_closed_market_is_said_and_not_hammered(bench: Bench) -> None:
    bench.broker.set_symbol("EURUSD", SymbolChange(closed=True))
    try:
        answer = await bench.submit(a_buy())
    finally:
        bench.broker.set_symbol("EURUSD", SymbolChange(closed=False))

    assert isinstance(answer.outcome, NotDone)
    assert (answer.outcome.code, answer.outcome.retry) == ("MARKET_CLOSED", Retry.NEVER)


async def test_symbols_are_found_by_exact_name_and_unknown_ones_are_none(bench: Bench) -> None:
    names = {spec.name for spec in await bench.terminal.symbols()}

    assert {"EURUSD", "XAUUSD", "US30", "NAS100", "BTCUSD"} <= names
    assert await bench.terminal.symbol("EURUSD") is not None
    assert await bench.terminal.symbol("eurusd?") is None
    unknown = await bench.submit(OpenMarket("NOPE", Side.BUY, LOT, None, None, 1, "tag"))
    assert isinstance(unknown.outcome, NotDone)
    assert unknown.outcome.code == "SYMBOL_UNKNOWN"


async def test_an_order_in_a_symbol_that_nobody_looks_at_selects_it_first(bench: Bench) -> None:
    answer = await bench.submit(OpenMarket("USDCHF", Side.SELL, LOT, None, None, 1, "tag"))

    assert isinstance(answer.outcome, Executed)


async def test_margin_profit_and_check_are_the_terminals(bench: Bench) -> None:
    margin = await bench.terminal.calc_margin("EURUSD", Side.BUY, Decimal(1), Decimal("1.10000"))
    profit = await bench.terminal.calc_profit(
        "EURUSD", Side.SELL, Decimal(1), Decimal("1.10000"), Decimal("1.09900")
    )

    assert margin == Decimal("1100.00")
    assert profit == Decimal("100.00")
    assert (await bench.terminal.check(a_buy())).retcode == 0
