"""Deals that belong to no position, and deals as they are recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from signalos_bridge.domain.difference.model import Difference, Sight, Told, Whose
from signalos_bridge.domain.difference.words import by_whom, lots_of, money_moved, price_of
from signalos_bridge.domain.facts import DealRecord, DealSeen, SyncDifference
from signalos_bridge.domain.facts import SyncDifferenceKind as Kind
from signalos_bridge.domain.market import Deal, Position
from signalos_bridge.domain.record import cause_of_deal, deal_record, reason_words
from signalos_bridge.domain.tags import event_id


def tell_deal(found: Difference, deal: Deal, whose: Whose) -> None:
    """Tell a deal by itself: a movement of money, or one of a position that was never seen."""
    owner = whose.owner(deal.magic) if deal.magic else None
    found.deals.append(deal)
    found.told.append(
        Told(
            event_id(whose.account_id, "deal", deal.ticket, "seen"),
            owner.command_id if owner else "",
            DealSeen(deal_record(deal, owner, whose.offset)),
        )
    )
    if deal.is_trade:
        words = (
            f"deal {deal.ticket}, {deal.type.name} {lots_of(deal.volume_lots)} {deal.symbol} at "
            f"{price_of(deal.price)}, was made {by_whom(deal, cause_of_deal(deal, owner))}; "
            "its position was not seen open"
        )
    else:
        words = money_moved(deal)
    found.differences.append(
        whose_deal(
            SyncDifference(
                Kind.DEAL_SEEN if deal.is_trade else Kind.MONEY_MOVED,
                words,
                position_identifier=deal.position_id or 0,
                symbol=deal.symbol,
            ),
            deal,
            whose,
        )
    )


def records_of(deals: Sequence[Deal], whose: Whose) -> tuple[DealRecord, ...]:
    """Return deals as they are recorded, with their causes and commands."""
    return tuple(deal_record(deal, whose.owner(deal.magic), whose.offset) for deal in deals)


def whose_deal(difference: SyncDifference, deal: Deal, whose: Whose) -> SyncDifference:
    """Return a difference with the deal that tells of it: why it was made, and by which command of ours."""
    owner = whose.owner(deal.magic) if deal.magic else None
    return replace(
        difference,
        deal_reason=reason_words(deal.reason),
        deal_ticket=deal.ticket,
        cause=cause_of_deal(deal, owner),
        command_id=owner.command_id if owner else "",
    )


def closing_since(position: Position, sight: Sight) -> list[Deal]:
    """Return the deals that closed all of a position after the change that it is shown with; else none.

    Deals that were told before are among them: a reading of the position may be older than they are.
    """
    untouched = position.update_time_msc == position.open_time_msc
    later = [
        deal
        for deal in sight.deals
        if deal.position_id == position.identifier
        and deal.entry.reduces
        # A deal of the very instant of a change is in the volume that is shown.
        and (
            deal.time_msc > position.update_time_msc
            or (untouched and deal.time_msc == position.update_time_msc)
        )
    ]
    later.sort(key=lambda deal: (deal.time_msc, deal.ticket))
    closed = sum((deal.volume_lots for deal in later), Decimal(0))
    return later if later and closed >= position.volume_lots else []
