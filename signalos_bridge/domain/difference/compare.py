"""Holds everything that the terminal shows against everything that is known."""

from __future__ import annotations

from signalos_bridge.domain.difference.deals import tell_deal
from signalos_bridge.domain.difference.ended import gone, passed
from signalos_bridge.domain.difference.model import Difference, Sight, Whose
from signalos_bridge.domain.difference.orders import orders
from signalos_bridge.domain.difference.positions import changed, opened
from signalos_bridge.domain.market import Deal
from signalos_bridge.domain.record import Record


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
            tell_deal(found, deal, whose)
    shown: set[int] = set()
    for position in sight.positions:
        shown.add(position.identifier)
        deals = of_position.pop(position.identifier, [])
        known = record.positions.get(position.identifier)
        if known is None:
            opened(found, record, position, deals, sight, whose)
        else:
            changed(found, known, position, deals, sight, whose)
    for identifier, known in record.positions.items():
        if identifier not in shown:
            gone(found, known, of_position.pop(identifier, []), sight, whose)
    for identifier, deals in of_position.items():
        passed(found, record, identifier, deals, sight, whose)
    orders(found, record, sight, whose)
    return found
