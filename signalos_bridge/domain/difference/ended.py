"""Positions that are shown no more: closed by deals, missing, or come and gone unseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from signalos_bridge.domain.difference.deals import closing_since, records_of, tell_deal, whose_deal
from signalos_bridge.domain.difference.model import Difference, Sight, Told, Whose
from signalos_bridge.domain.difference.words import by_hand_of, by_whom, name_of, price_of, result_of
from signalos_bridge.domain.facts import (
    GuardState,
    PositionClosed,
    PositionMissing,
    PositionOpened,
    SyncDifference,
)
from signalos_bridge.domain.facts import SyncDifferenceKind as Kind
from signalos_bridge.domain.market import Deal, Position, Reason
from signalos_bridge.domain.record import KnownPosition, Record, first_record
from signalos_bridge.domain.tags import event_id

_NOTHING = Decimal(0)
_OPENING_REASONS = (Reason.CLIENT, Reason.MOBILE, Reason.WEB, Reason.EXPERT)


def gone(found: Difference, known: KnownPosition, deals: list[Deal], sight: Sight, whose: Whose) -> None:
    """Tell a known position that is not shown: closed where deals say so, else missing after enough looks."""
    before = known.position
    closing = [deal for deal in deals if deal.entry.reduces]
    identifier = known.identifier
    closed_lots = sum((deal.volume_lots for deal in closing), _NOTHING)
    if not closing and (told := closing_since(before, sight)):
        # Told before, and then a reading from before them came late.
        deals = closing = told
        closed_lots = before.volume_lots
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
                f"{name_of(before)} is gone from the terminal, and no deal tells why; "
                "look at the account with the broker",
                position_identifier=identifier,
                symbol=before.symbol,
            )
        )
        return
    last = closing[-1]
    records = records_of(deals, whose)
    cause = records[deals.index(last)].cause
    record = replace(
        known.record,
        position=replace(before, volume_lots=_NOTHING, update_time_msc=last.time_msc),
        guard_state=None if known.record.guard_state is None else GuardState.CLOSED,
        broker_offset_seconds=whose.offset,
    )
    found.closed[identifier] = last.time_msc if closed_lots >= before.volume_lots else 0
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
        whose_deal(
            SyncDifference(
                Kind.CLOSED,
                f"{name_of(before)} was closed at {price_of(last.price)} {by_whom(last, cause)}, "
                f"{result_of(closing)}",
                position_identifier=identifier,
                symbol=before.symbol,
            ),
            last,
            whose,
        )
    )


def passed(
    found: Difference, record: Record, identifier: int, deals: list[Deal], sight: Sight, whose: Whose
) -> None:
    """Tell deals of a position neither known nor there: it came and went unseen, or is not shown yet."""
    if record.fresh:
        # From before this record began.
        found.deals += deals
        return
    opening = [deal for deal in deals if not deal.entry.reduces]
    closing = [deal for deal in deals if deal.entry.reduces]
    if not opening or identifier in record.closed:
        # Without its opening, or of what was told closed: shown later than the rest.
        for deal in deals:
            tell_deal(found, deal, whose)
        return
    opened_lots = sum((deal.volume_lots for deal in opening), _NOTHING)
    closed_lots = sum((deal.volume_lots for deal in closing), _NOTHING)
    position = _position_of_deals(identifier, opening, opened_lots)
    if closed_lots < opened_lots and position is not None and closing_since(position, sight):
        # What closed it was told before, as deals of a position that was not seen open.
        for deal in deals:
            tell_deal(found, deal, whose)
        return
    if closed_lots < opened_lots:
        # The position will be shown, or the rest of its deals.
        found.waiting.add(identifier)
        return
    if position is None:
        return
    known = first_record(
        position, whose.owner(position.magic), whose.prefixes, whose.offset, record.orders.values()
    )
    passing = Record(positions={identifier: known}, seen_deals=record.seen_deals, fresh=False)
    found.told.append(
        Told(
            event_id(whose.account_id, identifier, "opened"),
            known.record.open_command_id,
            PositionOpened(known.record, records_of(opening, whose)),
        )
    )
    found.deals += opening
    found.differences.append(
        SyncDifference(
            Kind.OPENED_BY_COMMAND if known.managed else Kind.OPENED_OUTSIDE,
            f"{name_of(position)} was opened at {position.open_price} "
            f"{'by an order of SignalOS' if known.managed else by_hand_of(position.reason)}, "
            "and is closed again",
            position_identifier=identifier,
            symbol=position.symbol,
            command_id=known.record.open_command_id,
        )
    )
    gone(found, passing.positions[identifier], closing, sight, whose)


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
