"""Positions that are shown: new ones, and what changed of those that are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from signalos_bridge.domain.difference.deals import closing_since, records_of, whose_deal
from signalos_bridge.domain.difference.model import Difference, Sight, Told, Whose
from signalos_bridge.domain.difference.words import (
    by_hand_of,
    by_whom,
    level_moved,
    lots_of,
    name_of,
    price_of,
    result_of,
)
from signalos_bridge.domain.facts import PositionChanged, PositionOpened, SyncDifference
from signalos_bridge.domain.facts import SyncDifferenceKind as Kind
from signalos_bridge.domain.market import Deal, DealEntry, Position
from signalos_bridge.domain.orders import loosens
from signalos_bridge.domain.record import KnownPosition, Record, cause_of_deal, first_record
from signalos_bridge.domain.tags import event_id

_NOTHING = Decimal(0)


def opened(
    found: Difference,
    record: Record,
    position: Position,
    deals: list[Deal],
    sight: Sight,
    whose: Whose,
) -> None:
    """Tell a position that is not known."""
    closed_msc = record.closed.get(position.identifier)
    if closed_msc is not None and (
        not sight.waited_for(position.identifier)
        or position.update_time_msc < closed_msc
        or closing_since(position, sight)
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
    known = first_record(position, owner, whose.prefixes, whose.offset, record.orders.values())
    found.positions.append(known)
    found.deals += deals
    again = ("again", position.update_time_msc) if position.identifier in record.closed else ()
    found.told.append(
        Told(
            event_id(whose.account_id, position.identifier, "opened", *again),
            known.record.open_command_id,
            PositionOpened(known.record, records_of(deals, whose)),
        )
    )
    ours = known.managed
    if ours:
        words = f"{name_of(position)} was opened at {position.open_price} by an order of SignalOS"
    else:
        words = (
            f"{name_of(position)} was opened at {position.open_price} {by_hand_of(position.reason)}; "
            "SignalOS shows and counts it, and manages it once you adopt it"
        )
    found.differences.append(
        SyncDifference(
            Kind.OPENED_BY_COMMAND if ours else Kind.OPENED_OUTSIDE,
            words,
            position_identifier=position.identifier,
            symbol=position.symbol,
            command_id=known.record.open_command_id,
        )
    )


def changed(
    found: Difference,
    known: KnownPosition,
    position: Position,
    deals: list[Deal],
    sight: Sight,
    whose: Whose,
) -> None:
    """Tell what changed of a position that is known."""
    before = known.position
    if not deals and not known.missing and before.same_facts(position):
        return
    if _closed_already(before, position, deals, sight) or (
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
            PositionChanged(after.record, records_of(deals, whose), change or "its deals were seen"),
        )
    )
    _note_change(found, known, position, deals, whose, suspended=loosened)


def _closed_already(before: Position, position: Position, deals: Sequence[Deal], sight: Sight) -> bool:
    """Return whether deals close all of a position that is shown as it was before them.

    A deal from before the position's last change is in the volume that is shown, also where that was told
    without it; so is one of the same instant that explains that volume, as the close of a half does. And a
    position that is still there long after a deal was not closed by it.
    """
    if position.identifier in sight.overdue:
        return False
    explained = _volume_after(before, deals) == position.volume_lots
    shown_msc = position.update_time_msc
    later = [
        deal for deal in deals if deal.time_msc > shown_msc or (deal.time_msc == shown_msc and not explained)
    ]
    if not later or any(deal.entry is DealEntry.INOUT for deal in later):
        return False
    return _volume_after(position, later) <= 0


def _note_change(
    found: Difference,
    known: KnownPosition,
    position: Position,
    deals: Sequence[Deal],
    whose: Whose,
    *,
    suspended: bool,
) -> None:
    before = known.position
    noted = len(found.differences)

    def note(kind: Kind, words: str, deal: Deal | None = None) -> None:
        told = SyncDifference(kind, words, position_identifier=position.identifier, symbol=position.symbol)
        found.differences.append(told if deal is None else whose_deal(told, deal, whose))

    if known.missing:
        note(Kind.POSITION_CHANGED, f"{name_of(position)} is there again; it had been missing without a word")
    _note_volume(note, before, position, deals, whose)
    for what, old, new in (
        ("stop loss", before.stop_loss, position.stop_loss),
        ("take profit", before.take_profit, position.take_profit),
    ):
        if old != new:
            words = level_moved(known, position, what, old, new)
            if suspended and what == "stop loss":
                words += "; its trailing stop waits until you set it again"
            note(Kind.LEVEL_MOVED, words)
    if before.ticket != position.ticket and before.side is position.side:
        note(Kind.POSITION_CHANGED, f"{name_of(before)} goes on as #{position.ticket}")
    if len(found.differences) == noted:
        words = f"the open price of {name_of(position)} is {position.open_price}, not {before.open_price}"
        if before.open_price == position.open_price:
            words = f"deals of {name_of(position)} were shown late"
        note(Kind.POSITION_CHANGED, words, deals[-1] if deals else None)


def _note_volume(
    note: Callable[[Kind, str, Deal | None], None],
    before: Position,
    position: Position,
    deals: Sequence[Deal],
    whose: Whose,
) -> None:
    lots, now = before.volume_lots, position.volume_lots
    reducing = [deal for deal in deals if deal.entry.reduces]
    last = deals[-1] if deals else None
    by = "" if last is None else f" {_by(last, whose)}"
    if position.side is not before.side:
        note(Kind.VOLUME_CHANGED, f"{name_of(before)} was reversed to {name_of(position)}{by}", last)
    elif now < lots and reducing:
        last = reducing[-1]
        words = (
            f"{lots_of(lots - now)} of {name_of(before)} were closed at {price_of(last.price)} "
            f"{_by(last, whose)}, {result_of(reducing)}; {lots_of(now)} lots are left"
        )
        note(Kind.PARTIALLY_CLOSED, words, last)
    elif now > lots:
        words = f"{name_of(before)} grew to {lots_of(now)} lots at {position.open_price} on average{by}"
        note(Kind.VOLUME_CHANGED, words, last)
    elif now < lots:
        words = f"{name_of(before)} shrank to {lots_of(now)} lots, and no deal shows why yet"
        note(Kind.VOLUME_CHANGED, words, last)


def _by(deal: Deal, whose: Whose) -> str:
    return by_whom(deal, cause_of_deal(deal, whose.owner(deal.magic) if deal.magic else None))


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
    words += [f"{what} {price_of(old)} -> {price_of(new)}" for what, old, new in pairs if old != new]
    if before.ticket != after.ticket:
        words.append(f"ticket {before.ticket} -> {after.ticket}")
    return "; ".join(words)
