"""Pending orders: placed, moved, filled, or ended otherwise."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from signalos_bridge.domain.difference.model import Difference, Sight, Told, Whose
from signalos_bridge.domain.difference.words import by_hand_of, lots_of, order_name, price_of
from signalos_bridge.domain.facts import (
    STANDING_OF_STATE,
    OrderChanged,
    OrderRecord,
    OrderStanding,
    SyncDifference,
    TradeOrigin,
    order_record,
)
from signalos_bridge.domain.facts import SyncDifferenceKind as Kind
from signalos_bridge.domain.market import HistoryOrder, OrderState, WorkingOrder
from signalos_bridge.domain.record import KnownOrder, Record, is_ours
from signalos_bridge.domain.tags import event_id


def orders(found: Difference, record: Record, sight: Sight, whose: Whose) -> None:
    """Tell what changed of pending orders."""
    if not record.orders and not sight.orders:
        return
    finished = {order.ticket: order for order in sight.history_orders}
    shown: set[int] = set()
    for order in sight.orders:
        if not order.type.is_pending or order.state.is_final:
            continue
        shown.add(order.ticket)
        known = record.orders.get(order.ticket)
        if known is None:
            # A reading from before its end that came late.
            if order.ticket not in finished:
                _placed(found, order, whose)
            continue
        after = replace(
            order_record(
                order, known.record.origin, known.record.open_command_id, whose.offset, known.record.hidden
            ),
            broker_offset_seconds=known.record.broker_offset_seconds,
        )
        if after != known.record:
            words = words_of_order(known.record, after)
            number = known.change_number + 1
            found.orders.append(KnownOrder(after, number))
            found.told.append(told_order(after, words, number, whose.account_id))
            moved = f"{order_name(known.record)} was changed: {words}"
            found.differences.append(_order_difference(Kind.ORDER_MOVED, after, moved))
    for ticket, known in record.orders.items():
        if ticket not in shown:
            _order_gone(found, known, finished.get(ticket), sight, whose)


def _placed(found: Difference, order: WorkingOrder, whose: Whose) -> None:
    owner = whose.owner(order.magic)
    ours = is_ours(order.magic, owner, whose.prefixes)
    record = order_record(
        order,
        TradeOrigin.MANAGED if ours else TradeOrigin.EXTERNAL,
        owner.command_id if owner else "",
        whose.offset,
        owner.hidden if owner is not None and not owner.closes else None,
    )
    found.orders.append(KnownOrder(record))
    words = f"{order_name(record)} was placed at {price_of(record.price)} "
    words += "by SignalOS" if ours else by_hand_of(order.reason)
    found.told.append(told_order(record, words, 1, whose.account_id))
    kind = Kind.OPENED_BY_COMMAND if ours else Kind.ORDER_PLACED_OUTSIDE
    if not ours:
        words += "; SignalOS shows it and leaves it alone"
    found.differences.append(_order_difference(kind, record, words))


def _order_gone(
    found: Difference, known: KnownOrder, end: HistoryOrder | None, sight: Sight, whose: Whose
) -> None:
    record = known.record
    if end is None or not end.state.is_final:
        found.waiting.add(record.ticket)
        if not sight.waited_for(record.ticket) or record.ticket not in sight.absent:
            found.unexplained.add(record.ticket)
            return
        found.waiting.discard(record.ticket)
        standing, identifier, rest = OrderStanding.UNKNOWN_MISSING, 0, record.remaining_volume_lots
        words = f"{order_name(record)} is gone from the terminal, and its history does not tell its end"
    else:
        standing = STANDING_OF_STATE[end.state]
        if end.state is OrderState.CANCELED and end.filled_volume_lots > 0:
            standing = OrderStanding.CANCELLED
        identifier, rest = end.position_id or 0, end.unfilled_volume_lots
        words = _words_of_end(record, standing, end)
    after = replace(record, standing=standing, position_identifier=identifier, remaining_volume_lots=rest)
    found.ended_orders.append(record.ticket)
    found.told.append(told_order(after, words, known.change_number + 1, whose.account_id))
    kind = {
        OrderStanding.FILLED: Kind.ORDER_FILLED,
        OrderStanding.EXPIRED: Kind.ORDER_EXPIRED,
        OrderStanding.UNKNOWN_MISSING: Kind.UNKNOWN_MISSING,
    }.get(standing, Kind.ORDER_CANCELLED)
    found.differences.append(_order_difference(kind, after, words))


def told_order(record: OrderRecord, words: str, number: int, account_id: str) -> Told:
    """Return a change of an order to tell; `number` is that of the change."""
    identity = event_id(
        account_id,
        record.ticket,
        "order",
        number,
        record.standing.name,
        record.price,
        record.stop_limit_price,
        record.stop_loss,
        record.take_profit,
        record.remaining_volume_lots,
        record.expire_time_seconds,
    )
    return Told(identity, record.open_command_id, OrderChanged(record, words))


def _order_difference(kind: Kind, record: OrderRecord, words: str) -> SyncDifference:
    return SyncDifference(
        kind,
        words,
        position_identifier=record.position_identifier,
        order_ticket=record.ticket,
        symbol=record.symbol,
        command_id=record.open_command_id,
    )


def _words_of_end(record: OrderRecord, standing: OrderStanding, end: HistoryOrder) -> str:
    name, filled = order_name(record), end.filled_volume_lots
    if standing is OrderStanding.FILLED:
        into = f" into position #{end.position_id}" if end.position_id else ""
        return f"{name} was filled{into}"
    how = {
        OrderStanding.CANCELLED: "was cancelled",
        OrderStanding.EXPIRED: "ran out (its expiry was reached)",
        OrderStanding.REJECTED: "was refused by the broker when its price was reached",
    }[standing]
    return f"{name} {how}" + (f" after {lots_of(filled)} lots of it were filled" if filled > 0 else "")


def words_of_order(before: OrderRecord, after: OrderRecord) -> str:
    """Return what changed of an order."""
    stop = "broker's disaster stop" if after.stop_hidden else "stop loss"
    pairs: tuple[tuple[str, Decimal | None, Decimal | None], ...] = (
        ("price", before.price, after.price),
        ("stop limit price", before.stop_limit_price, after.stop_limit_price),
        (stop, before.stop_loss, after.stop_loss),
        ("take profit", before.take_profit, after.take_profit),
        ("remaining volume", before.remaining_volume_lots, after.remaining_volume_lots),
    )
    if before.hidden is not None and after.hidden is not None:
        pairs += (
            ("hidden stop loss", before.hidden.stop_loss, after.hidden.stop_loss),
            ("hidden take profit", before.hidden.take_profit, after.hidden.take_profit),
        )
    words = [f"{what} {price_of(old)} -> {price_of(new)}" for what, old, new in pairs if old != new]
    if before.expire_time_seconds != after.expire_time_seconds:
        words.append("its expiry changed")
    return "; ".join(words) or "changed at the broker"
