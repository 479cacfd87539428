from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.difference import Difference, Sight, Whose, compare
from signalos_bridge.domain.facts import (
    CloseCause,
    OrderChanged,
    OrderStanding,
    PositionChanged,
    PositionClosed,
    PositionMissing,
    PositionOpened,
    SyncDifferenceKind,
)
from signalos_bridge.domain.market import (
    Deal,
    DealEntry,
    DealType,
    HistoryOrder,
    OrderState,
    OrderType,
    Position,
    Reason,
    WorkingOrder,
)
from signalos_bridge.domain.record import Owner, Record
from signalos_bridge.domain.tags import leg_magic
from signalos_bridge.domain.values import CommandOrigin, DistanceUnit, TrailingPlan, TrailingStop
from tests.signalos_bridge.domain.test_guard import a_position

MAGIC = leg_magic(77, "c", 0)
OWNER = Owner("c", CommandOrigin.USER, closes=True, cause=CloseCause.USER)


def whose(owner: Owner | None = None) -> Whose:
    return Whose(lambda magic: owner if magic == MAGIC else None, frozenset({77}), "acc", 7200)


def a_deal(
    ticket: int,
    identifier: int,
    entry: DealEntry,
    lots: str = "0.10",
    reason: Reason = Reason.CLIENT,
    magic: int = 0,
) -> Deal:
    return Deal(
        ticket=ticket, order=ticket, position_id=identifier, symbol="EURUSD", type=DealType.BUY, entry=entry,
        reason=reason, volume_lots=Decimal(lots), price=Decimal("1.1"), profit=Decimal(0), swap=Decimal(0),
        commission=Decimal(0), fee=Decimal(0), magic=magic, comment="", time_msc=ticket,
    )  # fmt: skip


def an_order(ticket: int = 9, price: str = "1.05") -> WorkingOrder:
    return WorkingOrder(
        ticket=ticket, symbol="EURUSD", type=OrderType.BUY_LIMIT, state=OrderState.PLACED,
        initial_volume_lots=Decimal(1), current_volume_lots=Decimal(1), open_price=Decimal(price),
        stop_limit_price=None, stop_loss=None, take_profit=None, current_price=None,
        expiration_time_seconds=None, setup_time_msc=1, magic=0, comment="", position_id=None,
        reason=Reason.CLIENT, filling=None,
    )  # fmt: skip


def its_end(order: WorkingOrder, state: OrderState) -> HistoryOrder:
    return HistoryOrder(
        ticket=order.ticket, symbol=order.symbol, type=order.type, state=state,
        initial_volume_lots=Decimal(1),
        unfilled_volume_lots=Decimal(0), open_price=order.open_price, stop_loss=None, take_profit=None,
        setup_time_msc=1, done_time_msc=2, magic=0, comment="", position_id=9, reason=Reason.CLIENT,
    )  # fmt: skip


def sight(
    *positions: Position,
    orders: tuple[WorkingOrder, ...] = (),
    deals: tuple[Deal, ...] = (),
    ended: tuple[HistoryOrder, ...] = (),
    settled: bool = True,
    absent: frozenset[int] = frozenset(),
) -> Sight:
    return Sight(positions, orders, deals, ended, settled, absent)


def take(record: Record, found: Difference) -> None:
    for known in found.positions:
        record.positions[known.identifier] = known
    for identifier, closed_msc in found.closed.items():
        del record.positions[identifier]
        record.closed[identifier] = closed_msc
    for order in found.orders:
        record.orders[order.record.ticket] = order
    for ticket in found.ended_orders:
        del record.orders[ticket]
    for deal in found.deals:
        record.seen_deals[deal.ticket] = deal.time_msc


def a_record(*positions: Position, orders: tuple[WorkingOrder, ...] = ()) -> Record:
    record = Record(fresh=False)
    take(record, compare(record, sight(*positions, orders=orders), whose()))
    return record


def test_a_position_is_closed_only_by_a_closing_deal() -> None:
    record = a_record(a_position())

    waiting = compare(record, sight(settled=False), whose())
    assert (waiting.told, waiting.unexplained) == ([], {1})
    missing = compare(record, sight(absent=frozenset({1})), whose())
    assert isinstance(missing.told[0].fact, PositionMissing)
    closing = a_deal(5, 1, DealEntry.OUT, reason=Reason.TAKE_PROFIT)
    closed = compare(record, sight(deals=(closing,)), whose())
    assert isinstance(closed.told[0].fact, PositionClosed)
    assert closed.told[0].fact.cause is CloseCause.TAKE_PROFIT


def test_a_missing_position_can_close_later_or_come_back() -> None:
    record = a_record(a_position())
    take(record, compare(record, sight(absent=frozenset({1})), whose()))

    assert compare(record, sight(absent=frozenset({1})), whose()).empty
    late = compare(record, sight(deals=(a_deal(5, 1, DealEntry.OUT),)), whose())
    assert isinstance(late.told[0].fact, PositionClosed)
    back = compare(record, sight(a_position()), whose())
    assert isinstance(back.told[0].fact, PositionChanged)
    assert back.told[0].fact.change == "the position is there again"


def test_a_deal_that_is_shown_after_the_volume_it_left_was_told_is_told_itself() -> None:
    record = a_record(a_position())
    less = replace(a_position(), volume_lots=Decimal("0.04"), update_time_msc=7)
    overdue = Sight((less,), (), (), (), False, overdue=frozenset({1}))
    take(record, compare(record, overdue, whose()))
    assert record.positions[1].position.volume_lots == Decimal("0.04")

    # It closed more than is left, so that it looks like one that closes the rest.
    for_less = a_deal(6, 1, DealEntry.OUT, "0.06")
    found = compare(record, sight(less, deals=(for_less,)), whose())
    assert found.deals == [for_less]
    # In the very millisecond of the last change nobody can tell, before the position has stayed for long.
    for_less = replace(for_less, time_msc=7)
    assert compare(record, sight(less, deals=(for_less,)), whose()).waiting == {1}
    stayed = Sight((less,), (), (for_less,), (), False, overdue=frozenset({1}))
    assert compare(record, stayed, whose()).deals == [for_less]


def test_our_own_close_is_told_from_anothers_by_its_magic() -> None:
    record = a_record(a_position())
    ours = a_deal(5, 1, DealEntry.OUT, reason=Reason.EXPERT, magic=MAGIC)

    found = compare(record, sight(deals=(ours,)), whose(OWNER)).told[0]
    other = compare(record, sight(deals=(replace(ours, magic=3),)), whose(OWNER)).told[0]

    assert found.command_id == "c"
    assert isinstance(found.fact, PositionClosed)
    assert found.fact.cause is CloseCause.USER
    assert isinstance(other.fact, PositionClosed)
    assert other.fact.cause is CloseCause.EXPERT


def test_a_deal_that_comes_before_its_position_shows_it_is_waited_for() -> None:
    record = a_record(a_position())
    part = a_deal(5, 1, DealEntry.OUT, "0.04")

    early = compare(record, sight(a_position(), deals=(part,), settled=False), whose())
    both = compare(
        record, sight(a_position(volume_lots=Decimal("0.06")), deals=(part,), settled=False), whose()
    )

    assert (early.told, early.waiting) == ([], {1})
    assert isinstance(both.told[0].fact, PositionChanged)
    assert both.told[0].fact.change == "volume 0.10 -> 0.06"


def test_a_position_that_came_and_went_unseen_is_told_with_both_ends() -> None:
    record = a_record()
    deals = (a_deal(5, 5, DealEntry.IN), a_deal(6, 5, DealEntry.OUT, reason=Reason.STOP_LOSS))

    found = compare(record, sight(deals=deals), whose())
    take(record, Difference(deals=found.deals))

    assert [type(told.fact) for told in found.told] == [PositionOpened, PositionClosed]
    assert compare(record, sight(deals=deals), whose()).told == []


def test_a_position_that_closed_before_its_opening_was_recorded_is_told_with_its_cause() -> None:
    record = Record(fresh=False)
    deals = (a_deal(1, 1, DealEntry.IN), a_deal(2, 1, DealEntry.OUT))
    # The reading of positions is older than the one of deals.
    opened = compare(record, sight(a_position(), deals=deals), whose())
    assert [type(told.fact) for told in opened.told] == [PositionOpened]
    take(record, opened)
    for _ in range(2):
        waiting = compare(record, sight(a_position(), deals=deals), whose())
        assert (waiting.empty, waiting.waiting) == (True, {1})
        take(record, waiting)
    closed = compare(record, sight(deals=deals), whose())
    assert [type(told.fact) for told in closed.told] == [PositionClosed]


def test_deals_from_before_a_new_record_are_not_told() -> None:
    old = (a_deal(5, 5, DealEntry.IN), a_deal(6, 5, DealEntry.OUT))

    found = compare(Record(), sight(deals=old), whose())

    assert found.told == []
    assert len(found.deals) == 2


def test_the_close_of_a_half_is_told_with_the_first_reading_that_shows_it() -> None:
    whole = replace(a_position(), open_time_msc=1, update_time_msc=1)
    deal = a_deal(5, whole.identifier, DealEntry.OUT, "0.05")
    half = replace(whole, volume_lots=Decimal("0.05"), update_time_msc=deal.time_msc)

    found = compare(a_record(whole), Sight((half,), (), (deal,), (), False), whose())

    assert not found.waiting
    assert [each.kind for each in found.differences] == [SyncDifferenceKind.PARTIALLY_CLOSED]
    # Shown as it was before the deal, it is waited for.
    before = compare(a_record(whole), Sight((whole,), (), (deal,), (), False), whose())
    assert before.waiting == {whole.identifier}


def closed_by_halves() -> tuple[Record, Position, tuple[Deal, ...]]:
    """A record in which a position was closed by two deals, the position after the first, and both deals."""
    whole = replace(a_position(), open_time_msc=1, update_time_msc=1)
    half = replace(whole, volume_lots=Decimal("0.05"), update_time_msc=5)
    halves = tuple(a_deal(ticket, whole.identifier, DealEntry.OUT, "0.05") for ticket in (5, 6))
    record = a_record(whole)
    take(record, compare(record, sight(half, deals=halves[:1]), whose()))
    take(record, compare(record, sight(deals=halves), whose()))
    assert not record.positions
    return record, half, halves


def test_a_reading_from_before_the_close_opens_nothing_however_long_it_is_shown() -> None:
    record, half, _ = closed_by_halves()
    identifier = half.identifier

    late = compare(record, Sight((half,), (), (), (), False, overdue=frozenset({identifier})), whose())

    assert late.empty
    assert late.waiting == {identifier}
    # It is the deals that are believed; what changed after them is there.
    there = replace(half, update_time_msc=7)
    assert isinstance(compare(record, sight(there), whose()).told[0].fact, PositionOpened)


def test_the_opening_deal_of_what_was_told_closed_is_told_when_it_is_shown_at_last() -> None:
    record = a_record(a_position())
    closing = a_deal(6, 1, DealEntry.OUT)
    take(record, compare(record, sight(deals=(closing,)), whose()))

    found = compare(record, sight(deals=(a_deal(5, 1, DealEntry.IN), closing), settled=False), whose())

    assert [deal.ticket for deal in found.deals] == [5]
    assert not found.waiting


def test_the_opening_deal_is_told_too_where_its_position_was_never_seen_and_closed_first() -> None:
    record = a_record()
    closing = a_deal(6, 1, DealEntry.OUT)
    take(record, compare(record, sight(deals=(closing,)), whose()))

    found = compare(record, sight(deals=(a_deal(5, 1, DealEntry.IN), closing)), whose())

    assert [deal.ticket for deal in found.deals] == [5]
    assert not found.waiting


def test_deals_that_were_told_before_close_what_a_late_reading_has_brought_back() -> None:
    record, half, halves = closed_by_halves()
    identifier = half.identifier
    record.closed.clear()
    take(record, compare(record, sight(half), whose()))
    assert identifier in record.positions
    take(record, compare(record, sight(absent=frozenset({identifier})), whose()))
    assert record.positions[identifier].missing

    found = compare(record, sight(deals=halves), whose())

    assert [type(told.fact) for told in found.told] == [PositionClosed]
    assert found.closed == {identifier: 6}


def test_a_late_reading_does_not_open_a_closed_position_again() -> None:
    record = a_record(a_position())
    take(record, compare(record, sight(deals=(a_deal(5, 1, DealEntry.OUT),)), whose()))

    assert compare(record, sight(a_position(), settled=False), whose()).told == []


def test_orders_are_told_when_placed_moved_and_ended() -> None:
    record = a_record(orders=(an_order(),))
    moved = compare(record, sight(orders=(an_order(price="1.06"),)), whose())
    take(record, moved)
    filled = compare(record, sight(ended=(its_end(an_order(), OrderState.FILLED),)), whose())

    assert isinstance(moved.told[0].fact, OrderChanged)
    assert moved.told[0].fact.change == "price 1.05 -> 1.06"
    assert isinstance(filled.told[0].fact, OrderChanged)
    assert filled.told[0].fact.order.standing is OrderStanding.FILLED
    gone = compare(record, sight(absent=frozenset({9})), whose())
    assert isinstance(gone.told[0].fact, OrderChanged)
    assert gone.told[0].fact.order.standing is OrderStanding.UNKNOWN_MISSING


def test_an_order_moved_there_and_back_has_three_ids() -> None:
    record = a_record(orders=(an_order(),))
    ids = set()
    for price in ("1.06", "1.05", "1.06", "1.05"):
        found = compare(record, sight(orders=(an_order(price=price),)), whose())
        ids.add(found.told[0].event_id)
        take(record, found)

    assert len(ids) == 4


def test_a_stop_loosened_by_another_hand_suspends_the_trailing_stop() -> None:
    record = a_record(a_position(stop_loss=Decimal("1.09")))
    known = record.positions[1]
    trailing = TrailingStop(TrailingPlan(Decimal(10), DistanceUnit.PIPS))
    record.positions[1] = replace(known, record=replace(known.record, trailing=trailing))

    tighter = compare(record, sight(a_position(stop_loss=Decimal("1.095"))), whose())
    looser = compare(record, sight(a_position(stop_loss=Decimal("1.08"))), whose())

    assert tighter.positions[0].record.trailing == trailing
    held = looser.positions[0].record.trailing
    assert held is not None
    assert held.suspended


levels = st.none() | st.decimals("1.0", "1.2", places=5)


@given(
    st.lists(st.tuples(st.integers(1, 4), levels, levels, st.integers(1, 5)), max_size=12),
    st.booleans(),
)
def test_comparing_again_finds_nothing(steps: list[tuple[int, object, object, int]], settled: bool) -> None:
    record = Record(fresh=False)
    shown: dict[int, Position] = {}
    for identifier, stop, target, lots in steps:
        shown[identifier] = a_position(
            ticket=identifier,
            identifier=identifier,
            stop_loss=stop,
            take_profit=target,
            volume_lots=Decimal(lots),
        )
        seen = sight(*shown.values(), settled=settled)
        take(record, compare(record, seen, whose()))
        again = compare(record, seen, whose())
        assert again.told == []
        assert again.empty
