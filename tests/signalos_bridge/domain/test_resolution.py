from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from signalos_bridge.domain.command import Leg, LegEvent
from signalos_bridge.domain.market import (
    Deal,
    DealEntry,
    DealType,
    HistoryOrder,
    OrderState,
    OrderType,
    Reason,
    Side,
)
from signalos_bridge.domain.orders import CancelPending, ClosePosition, ModifyLevels, OpenMarket
from signalos_bridge.domain.resolution import Evidence, Finding, Patience, find
from signalos_bridge.domain.values import LegState
from tests.signalos_bridge.domain.test_guard import a_position

LOT = Decimal("0.10")
OPEN = Leg(0, 7, OpenMarket("EURUSD", Side.BUY, LOT, None, None, 7, ""), LOT, state=LegState.UNKNOWN)
CLOSE = Leg(0, 8, ClosePosition(5, "EURUSD", Side.BUY, LOT, 8, ""), LOT, ticket=5, state=LegState.UNKNOWN)


def a_deal(lots: str = "0.10", magic: int = 7, entry: DealEntry = DealEntry.IN) -> Deal:
    return Deal(
        ticket=50, order=40, position_id=5, symbol="EURUSD", type=DealType.BUY, entry=entry,
        reason=Reason.EXPERT, volume_lots=Decimal(lots), price=Decimal("1.10000"), profit=Decimal(0),
        swap=Decimal(0), commission=Decimal(0), fee=Decimal(0), magic=magic, comment="", time_msc=1,
    )  # fmt: skip


def a_finished(state: OrderState, unfilled: str = "0.10") -> HistoryOrder:
    return HistoryOrder(
        ticket=40, symbol="EURUSD", type=OrderType.BUY, state=state, initial_volume_lots=LOT,
        unfilled_volume_lots=Decimal(unfilled), open_price=Decimal("1.1"), stop_loss=None, take_profit=None,
        setup_time_msc=1, done_time_msc=2, magic=7, comment="", position_id=5, reason=Reason.EXPERT,
    )  # fmt: skip


def seen(leg: Leg, evidence: Evidence, *, over: bool = False) -> LegEvent | None:
    found: Finding | None = find(leg, evidence, patience_over=over)
    return found.event if found else None


def test_silence_proves_nothing_before_patience_is_over() -> None:
    assert seen(OPEN, Evidence(True)) is None
    assert seen(OPEN, Evidence(True), over=True) is LegEvent.REFUSED


def test_deals_prove_what_was_executed() -> None:
    assert seen(OPEN, Evidence(True, deals=(a_deal(),))) is LegEvent.FILLED
    part = Evidence(True, deals=(a_deal("0.04"),))
    assert seen(OPEN, part) is None
    assert seen(OPEN, part, over=True) is LegEvent.FILLED_IN_PART


def test_an_opening_deal_does_not_prove_a_close() -> None:
    assert seen(CLOSE, Evidence(True, deals=(a_deal(magic=8),))) is None
    closing = a_deal(magic=8, entry=DealEntry.OUT)
    assert seen(CLOSE, Evidence(True, deals=(closing,))) is LegEvent.FILLED
    # Somebody else's close of the same position is not ours.
    assert seen(CLOSE, Evidence(True, deals=(replace(closing, magic=0),))) is None


def test_the_brokers_own_refusal_is_believed_at_once() -> None:
    rejected = Evidence(True, history_orders=(a_finished(OrderState.REJECTED),))
    assert seen(OPEN, rejected) is LegEvent.REFUSED


def test_a_filled_order_whose_deal_is_not_shown_yet_is_waited_for() -> None:
    filled = Evidence(True, history_orders=(a_finished(OrderState.FILLED, "0"),))
    assert seen(OPEN, filled) is None
    assert seen(OPEN, filled, over=True) is LegEvent.FILLED


def test_an_accepted_order_is_never_called_not_executed_by_silence() -> None:
    placed = replace(OPEN, state=LegState.PLACED)
    assert seen(placed, Evidence(True), over=True) is None


def test_levels_are_resolved_by_comparing_them() -> None:
    order = ModifyLevels(1, "EURUSD", Decimal("1.08000"), None, False)
    leg = Leg(0, 9, order, Decimal(0), ticket=1, state=LegState.UNKNOWN)
    moved = a_position(stop_loss=Decimal("1.08000"))

    assert seen(leg, Evidence(True, positions=(moved,))) is LegEvent.FILLED
    assert seen(leg, Evidence(True, positions=(a_position(),))) is None
    assert seen(leg, Evidence(True, positions=(a_position(),)), over=True) is LegEvent.REFUSED


def test_a_cancel_is_resolved_by_the_orders_end() -> None:
    leg = Leg(0, 9, CancelPending(40, "EURUSD"), Decimal(0), ticket=40, state=LegState.UNKNOWN)

    cancelled = Evidence(True, history_orders=(a_finished(OrderState.CANCELED),))
    filled = Evidence(True, history_orders=(a_finished(OrderState.FILLED, "0"),))
    assert seen(leg, cancelled) is LegEvent.FILLED
    assert seen(leg, filled) is LegEvent.REFUSED


def test_patience_needs_time_equal_readings_and_a_link_throughout() -> None:
    patience = Patience(since=0.0, settle_seconds=60.0)
    empty = Evidence(True)
    for now in (1.0, 2.0, 3.0):
        patience = patience.read(empty, now)
    assert not patience.over(59.0)
    assert patience.over(60.0)

    lost = patience.read(Evidence(False), 61.0)
    assert not lost.over(200.0)
    for now in (62.0, 63.0, 64.0):
        lost = lost.read(empty, now)
    assert not lost.over(120.0)
    assert lost.over(121.0)

    other = patience.read(Evidence(True, deals=(a_deal("0.01"),)), 61.0)
    assert not other.over(61.0)


def test_moving_prices_do_not_make_readings_differ() -> None:
    patience = Patience(since=0.0, settle_seconds=0.0)
    for price in ("1.1", "1.2", "1.3"):
        held = a_position(current_price=Decimal(price), profit=Decimal(price))
        patience = patience.read(Evidence(True, positions=(held,)), 1.0)

    assert patience.over(1.0)
