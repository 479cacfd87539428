"""The difference between what is known and what the terminal shows, as facts to tell.

The watcher and the sync use this one function, and event ids are made from what happened, so that the same
fact has the same id whoever finds it. A position is closed only if a closing deal says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from signalos_bridge.domain.facts import (
    STANDING_OF_STATE,
    DealRecord,
    DealSeen,
    Fact,
    GuardState,
    OrderChanged,
    OrderRecord,
    OrderStanding,
    PositionChanged,
    PositionClosed,
    PositionMissing,
    PositionOpened,
    SyncDifference,
    TradeOrigin,
    order_record,
)
from signalos_bridge.domain.facts import SyncDifferenceKind as Kind
from signalos_bridge.domain.market import (
    Deal,
    DealEntry,
    HistoryOrder,
    OrderState,
    Position,
    Reason,
    WorkingOrder,
)
from signalos_bridge.domain.orders import loosens
from signalos_bridge.domain.record import (
    KnownOrder,
    KnownPosition,
    Owner,
    Record,
    deal_record,
    first_record,
    is_ours,
    reason_words,
)
from signalos_bridge.domain.tags import event_id

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Sight:
    """What the terminal shows.

    `settled`: there was time for positions, orders and deals to agree, so that nothing more is waited for;
    `overdue`: the same for single identifiers and order tickets. `absent`: those that repeated readings did
    not show, nor a deal or order that ended them.
    """

    positions: Sequence[Position]
    orders: Sequence[WorkingOrder]
    deals: Sequence[Deal]
    history_orders: Sequence[HistoryOrder]
    settled: bool
    absent: frozenset[int] = frozenset()
    overdue: frozenset[int] = frozenset()

    def waited_for(self, identifier: int) -> bool:
        """Return whether there was time for everything about one of them to be shown."""
        return self.settled or identifier in self.overdue


@dataclass(frozen=True, slots=True)
class Told:
    """A fact with its id and the command behind it (empty: none of ours)."""

    event_id: str
    command_id: str
    fact: Fact


@dataclass(slots=True)
class Difference:
    """What changes in the record, and what is told of it.

    `waiting`: identifiers and order tickets of which not everything is shown yet. `unexplained`: those of
    them that are gone without a word; somebody should ask for their history.
    """

    told: list[Told] = field(default_factory=list)
    positions: list[KnownPosition] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    orders: list[KnownOrder] = field(default_factory=list)
    ended_orders: list[int] = field(default_factory=list)
    deals: list[Deal] = field(default_factory=list)
    differences: list[SyncDifference] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)
    unexplained: set[int] = field(default_factory=set)

    @property
    def empty(self) -> bool:
        """Return whether the record stays as it is."""
        return not (self.positions or self.closed or self.orders or self.ended_orders or self.deals)


@dataclass(frozen=True, slots=True)
class Whose:
    """Who is behind magic numbers: the commands known, and the prefixes of this installation."""

    owner: Callable[[int], Owner | None]
    prefixes: frozenset[int]
    account_id: str
    offset: int | None


def compare(record: Record, sight: Sight, whose: Whose) -> Difference:
    """Return what is different. Comparing again, with the difference applied, finds nothing."""
    found = Difference()
    unseen = [
        deal
        for deal in sight.deals
        if deal.ticket not in record.seen_deals
        # What closed a position that is still open on record was not told, however long ago it was.
        and (deal.time_msc > record.floor_msc or deal.position_id in record.positions)
    ]
    unseen.sort(key=lambda deal: (deal.time_msc, deal.ticket))
    of_position: dict[int, list[Deal]] = {}
    for deal in unseen:
        if deal.is_trade and deal.position_id:
            of_position.setdefault(deal.position_id, []).append(deal)
        elif record.fresh:
            found.deals.append(deal)
        else:
            _tell_deal(found, deal, whose)
    shown: set[int] = set()
    for position in sight.positions:
        shown.add(position.identifier)
        deals = of_position.pop(position.identifier, [])
        known = record.positions.get(position.identifier)
        if known is None:
            _opened(found, record, position, deals, sight, whose)
        else:
            _changed(found, known, position, deals, sight, whose)
    for identifier, known in record.positions.items():
        if identifier not in shown:
            _gone(found, known, of_position.pop(identifier, []), sight, whose)
    for identifier, deals in of_position.items():
        _passed(found, record, identifier, deals, sight, whose)
    _orders(found, record, sight, whose)
    return found


# -- positions -----------------------------------------------------------------------------------------


def _opened(
    found: Difference,
    record: Record,
    position: Position,
    deals: list[Deal],
    sight: Sight,
    whose: Whose,
) -> None:
    if position.identifier in record.closed and (
        not sight.waited_for(position.identifier) or _closed_since(position, sight)
    ):
        # A reading from before its close that came late.
        found.waiting.add(position.identifier)
        return
    if not deals and not sight.waited_for(position.identifier):
        # Its deal is about to be shown.
        found.waiting.add(position.identifier)
        return
    reduced = sum((deal.volume_lots for deal in deals if deal.entry.reduces), _NOTHING)
    added = sum((deal.volume_lots for deal in deals if not deal.entry.reduces), _NOTHING)
    if reduced and added - reduced != position.volume_lots:
        # Closed, whole or in part, since it was read: what closed it is told with the next reading.
        deals = [deal for deal in deals if not deal.entry.reduces]
    owner = whose.owner(position.magic)
    known = first_record(position, owner, whose.prefixes, whose.offset)
    found.positions.append(known)
    found.deals += deals
    again = ("again", position.update_time_msc) if position.identifier in record.closed else ()
    found.told.append(
        Told(
            event_id(whose.account_id, position.identifier, "opened", *again),
            known.record.open_command_id,
            PositionOpened(known.record, _records(deals, whose)),
        )
    )
    ours = known.managed
    found.differences.append(
        SyncDifference(
            Kind.OPENED_BY_COMMAND if ours else Kind.OPENED_OUTSIDE,
            f"{_name(position)} was opened {'by a command of ours' if ours else 'outside'} "
            f"at {position.open_price}",
            position_identifier=position.identifier,
            symbol=position.symbol,
        )
    )


def _closed_since(position: Position, sight: Sight) -> bool:
    """Return whether a deal closed a position after the change that it is shown with."""
    return any(
        deal.position_id == position.identifier
        and deal.entry.reduces
        and deal.time_msc >= position.update_time_msc
        and deal.volume_lots >= position.volume_lots
        for deal in sight.deals
    )


def _changed(
    found: Difference,
    known: KnownPosition,
    position: Position,
    deals: list[Deal],
    sight: Sight,
    whose: Whose,
) -> None:
    before = known.position
    if not deals and not known.missing and before.same_facts(position):
        return
    if _closed_already(position, deals, sight) or (
        not sight.waited_for(position.identifier) and not _volumes_agree(before, position, deals)
    ):
        # A deal that closes all is kept for when the position is not shown any more: it tells why.
        found.waiting.add(position.identifier)
        return
    change = _words_of_change(before, position, back=known.missing)
    trailing = known.record.trailing
    loosened = (
        trailing is not None
        and not trailing.suspended
        and not known.record.stop_hidden
        and loosens(position.side, before.stop_loss, position.stop_loss)
    )
    if loosened and trailing is not None:
        trailing = replace(trailing, suspended=True)
        change += "; the trailing stop is suspended, because the stop was loosened"
    after = replace(
        known,
        missing=False,
        record=replace(
            known.record,
            position=position,
            trailing=trailing,
            broker_offset_seconds=whose.offset,
        ),
    )
    found.positions.append(after)
    found.deals += deals
    if not change and not deals:
        # Only the time of the last update differs: nothing that a person could see.
        return
    identity: tuple[object, ...]
    if deals:
        identity = ("deal", deals[-1].ticket, "changed")
    else:
        identity = (
            position.identifier,
            "changed",
            position.update_time_msc,
            position.volume_lots,
            position.open_price,
            position.stop_loss,
            position.take_profit,
            known.missing,
        )
    owner = whose.owner(deals[-1].magic) if deals else None
    found.told.append(
        Told(
            event_id(whose.account_id, *identity),
            owner.command_id if owner else "",
            PositionChanged(after.record, _records(deals, whose), change or "its deals were seen"),
        )
    )
    _note_change(found, before, position, deals)


def _closed_already(position: Position, deals: Sequence[Deal], sight: Sight) -> bool:
    """Return whether deals close all of a position that is shown as it was before them.

    A deal from before the position's last change is in the volume that is shown, also where that was told
    without it; and a position that is still there long after a deal was not closed by it.
    """
    if position.identifier in sight.overdue:
        return False
    later = [deal for deal in deals if deal.time_msc >= position.update_time_msc]
    if not later or any(deal.entry is DealEntry.INOUT for deal in later):
        return False
    return _volume_after(position, later) <= 0


def _note_change(found: Difference, before: Position, position: Position, deals: Sequence[Deal]) -> None:
    reducing = [deal for deal in deals if deal.entry.reduces]
    if position.volume_lots < before.volume_lots and reducing:
        last = reducing[-1]
        found.differences.append(
            SyncDifference(
                Kind.PARTIALLY_CLOSED,
                f"{_name(before)} was closed in part: {before.volume_lots} -> {position.volume_lots} lots",
                position_identifier=position.identifier,
                symbol=position.symbol,
                deal_reason=reason_words(last.reason),
                deal_ticket=last.ticket,
            )
        )
    elif position.volume_lots != before.volume_lots or position.side is not before.side:
        found.differences.append(
            SyncDifference(
                Kind.VOLUME_CHANGED,
                f"{_name(before)} became {_name(position)}",
                position_identifier=position.identifier,
                symbol=position.symbol,
                deal_ticket=deals[-1].ticket if deals else 0,
            )
        )
    for what, old, new in (
        ("stop loss", before.stop_loss, position.stop_loss),
        ("take profit", before.take_profit, position.take_profit),
    ):
        if old != new:
            found.differences.append(
                SyncDifference(
                    Kind.LEVEL_MOVED,
                    f"{what} of {_name(position)}: {_price(old)} -> {_price(new)}",
                    position_identifier=position.identifier,
                    symbol=position.symbol,
                )
            )


def _gone(found: Difference, known: KnownPosition, deals: list[Deal], sight: Sight, whose: Whose) -> None:
    before = known.position
    closing = [deal for deal in deals if deal.entry.reduces]
    identifier = known.identifier
    closed_lots = sum((deal.volume_lots for deal in closing), _NOTHING)
    if not closing or (closed_lots < before.volume_lots and not sight.waited_for(identifier)):
        if known.missing:
            return
        found.waiting.add(identifier)
        if not sight.waited_for(identifier) or identifier not in sight.absent:
            found.unexplained.add(identifier)
            return
        found.waiting.discard(identifier)
        lost = replace(known, missing=True)
        found.positions.append(lost)
        found.told.append(
            Told(
                event_id(whose.account_id, identifier, "missing", before.update_time_msc),
                "",
                PositionMissing(lost.record),
            )
        )
        found.differences.append(
            SyncDifference(
                Kind.UNKNOWN_MISSING,
                f"{_name(before)} is gone, and no closing deal tells why",
                position_identifier=identifier,
                symbol=before.symbol,
            )
        )
        return
    last = closing[-1]
    records = _records(deals, whose)
    cause = records[deals.index(last)].cause
    record = replace(
        known.record,
        position=replace(before, volume_lots=_NOTHING, update_time_msc=last.time_msc),
        guard_state=None if known.record.guard_state is None else GuardState.CLOSED,
        broker_offset_seconds=whose.offset,
    )
    found.closed.append(identifier)
    found.deals += deals
    owner = whose.owner(last.magic)
    found.told.append(
        Told(
            event_id(whose.account_id, "deal", last.ticket, "closed"),
            owner.command_id if owner else "",
            PositionClosed(record, records, cause),
        )
    )
    found.differences.append(
        SyncDifference(
            Kind.CLOSED,
            f"{_name(before)} was closed at {_price(last.price)}, profit "
            f"{sum((deal.profit for deal in closing), _NOTHING)}",
            position_identifier=identifier,
            symbol=before.symbol,
            deal_reason=reason_words(last.reason),
            deal_ticket=last.ticket,
        )
    )


def _passed(
    found: Difference, record: Record, identifier: int, deals: list[Deal], sight: Sight, whose: Whose
) -> None:
    """Deals of a position that is neither known nor there: it came and went unseen, or is not shown yet."""
    if record.fresh:
        # From before this record began.
        found.deals += deals
        return
    opening = [deal for deal in deals if not deal.entry.reduces]
    closing = [deal for deal in deals if deal.entry.reduces]
    if not opening:
        for deal in deals:
            _tell_deal(found, deal, whose)
        return
    opened_lots = sum((deal.volume_lots for deal in opening), _NOTHING)
    closed_lots = sum((deal.volume_lots for deal in closing), _NOTHING)
    if closed_lots < opened_lots:
        # The position will be shown, or the rest of its deals.
        found.waiting.add(identifier)
        return
    position = _position_of_deals(identifier, opening, opened_lots)
    if position is None:
        return
    known = first_record(position, whose.owner(position.magic), whose.prefixes, whose.offset)
    passing = Record(positions={identifier: known}, seen_deals=record.seen_deals, fresh=False)
    found.told.append(
        Told(
            event_id(whose.account_id, identifier, "opened"),
            known.record.open_command_id,
            PositionOpened(known.record, _records(opening, whose)),
        )
    )
    found.deals += opening
    found.differences.append(
        SyncDifference(
            Kind.OPENED_BY_COMMAND if known.managed else Kind.OPENED_OUTSIDE,
            f"{_name(position)} was opened at {position.open_price}, and is closed already",
            position_identifier=identifier,
            symbol=position.symbol,
        )
    )
    _gone(found, passing.positions[identifier], closing, sight, whose)


def _position_of_deals(identifier: int, opening: Sequence[Deal], lots: Decimal) -> Position | None:
    first = opening[0]
    side = first.type.side
    if side is None or first.price is None:
        return None
    worth = sum((deal.volume_lots * (deal.price or _NOTHING) for deal in opening), _NOTHING)
    return Position(
        ticket=identifier,
        identifier=identifier,
        symbol=first.symbol,
        side=side,
        volume_lots=lots,
        open_price=(worth / lots).quantize(first.price),
        stop_loss=None,
        take_profit=None,
        current_price=None,
        profit=_NOTHING,
        swap=_NOTHING,
        magic=first.magic,
        comment=first.comment,
        open_time_msc=first.time_msc,
        update_time_msc=first.time_msc,
        reason=first.reason if first.reason in _OPENING_REASONS else Reason.OTHER,
    )


_OPENING_REASONS = (Reason.CLIENT, Reason.MOBILE, Reason.WEB, Reason.EXPERT)


def _volumes_agree(before: Position, now: Position, deals: Sequence[Deal]) -> bool:
    """Return whether the deals explain the volume that is shown; if not, one of the two is late."""
    if any(deal.entry is DealEntry.INOUT for deal in deals) or now.side is not before.side:
        return True
    if _volume_after(before, deals) == now.volume_lots:
        return True
    # The opening's own deals, seen after the position was.
    return now.volume_lots == before.volume_lots and all(not deal.entry.reduces for deal in deals)


def _volume_after(before: Position, deals: Sequence[Deal]) -> Decimal:
    changes = (-deal.volume_lots if deal.entry.reduces else deal.volume_lots for deal in deals)
    return before.volume_lots + sum(changes, _NOTHING)


def _tell_deal(found: Difference, deal: Deal, whose: Whose) -> None:
    owner = whose.owner(deal.magic) if deal.magic else None
    found.deals.append(deal)
    found.told.append(
        Told(
            event_id(whose.account_id, "deal", deal.ticket, "seen"),
            owner.command_id if owner else "",
            DealSeen(deal_record(deal, owner, whose.offset)),
        )
    )


def _records(deals: Sequence[Deal], whose: Whose) -> tuple[DealRecord, ...]:
    return tuple(deal_record(deal, whose.owner(deal.magic), whose.offset) for deal in deals)


# -- orders --------------------------------------------------------------------------------------------


def _orders(found: Difference, record: Record, sight: Sight, whose: Whose) -> None:
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
            order_record(order, known.record.origin, known.record.open_command_id, whose.offset),
            broker_offset_seconds=known.record.broker_offset_seconds,
        )
        if after != known.record:
            words = _words_of_order(known.record, after)
            number = known.change_number + 1
            found.orders.append(KnownOrder(after, number))
            found.told.append(_told_order(after, words, number, whose))
            found.differences.append(_order_difference(Kind.ORDER_MOVED, after, words))
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
    )
    found.orders.append(KnownOrder(record))
    words = f"{_order_name(record)} was placed at {_price(record.price)}"
    found.told.append(_told_order(record, words, 1, whose))
    kind = Kind.OPENED_BY_COMMAND if ours else Kind.ORDER_PLACED_OUTSIDE
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
        words = f"{_order_name(record)} is gone, and its end is not known"
    else:
        standing = STANDING_OF_STATE[end.state]
        if end.state is OrderState.CANCELED and end.filled_volume_lots > 0:
            standing = OrderStanding.CANCELLED
        identifier, rest = end.position_id or 0, end.unfilled_volume_lots
        words = f"{_order_name(record)} is {standing.name.lower()}"
    after = replace(record, standing=standing, position_identifier=identifier, remaining_volume_lots=rest)
    found.ended_orders.append(record.ticket)
    found.told.append(_told_order(after, words, known.change_number + 1, whose))
    kind = {
        OrderStanding.FILLED: Kind.ORDER_FILLED,
        OrderStanding.UNKNOWN_MISSING: Kind.UNKNOWN_MISSING,
    }.get(standing, Kind.ORDER_CANCELLED)
    found.differences.append(_order_difference(kind, after, words))


def _told_order(record: OrderRecord, words: str, number: int, whose: Whose) -> Told:
    identity = event_id(
        whose.account_id,
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
    return SyncDifference(kind, words, order_ticket=record.ticket, symbol=record.symbol)


# -- words ---------------------------------------------------------------------------------------------


def _name(position: Position) -> str:
    return f"{position.side.name} {position.volume_lots} {position.symbol} #{position.ticket}"


def _order_name(order: OrderRecord) -> str:
    return f"{order.type.name.replace('_', ' ')} {order.volume_lots} {order.symbol} #{order.ticket}"


def _price(price: Decimal | None) -> str:
    return "none" if price is None else str(price)


def _words_of_change(before: Position, after: Position, *, back: bool) -> str:
    words = ["the position is there again"] if back else []
    if before.side is not after.side:
        words.append(f"reversed to {after.side.name}")
    pairs: tuple[tuple[str, Decimal | None, Decimal | None], ...] = (
        ("volume", before.volume_lots, after.volume_lots),
        ("open price", before.open_price, after.open_price),
        ("stop loss", before.stop_loss, after.stop_loss),
        ("take profit", before.take_profit, after.take_profit),
    )
    words += [f"{what} {_price(old)} -> {_price(new)}" for what, old, new in pairs if old != new]
    if before.ticket != after.ticket:
        words.append(f"ticket {before.ticket} -> {after.ticket}")
    return "; ".join(words)


def _words_of_order(before: OrderRecord, after: OrderRecord) -> str:
    pairs: tuple[tuple[str, Decimal | None, Decimal | None], ...] = (
        ("price", before.price, after.price),
        ("stop limit price", before.stop_limit_price, after.stop_limit_price),
        ("stop loss", before.stop_loss, after.stop_loss),
        ("take profit", before.take_profit, after.take_profit),
        ("remaining volume", before.remaining_volume_lots, after.remaining_volume_lots),
    )
    words = [f"{what} {_price(old)} -> {_price(new)}" for what, old, new in pairs if old != new]
    if before.expire_time_seconds != after.expire_time_seconds:
        words.append("its expiry changed")
    return "; ".join(words) or "changed at the broker"
