"""Putting the server's record of an account into a journal: a new one, or one whose own record is outdated.

A journal that comes back after another one has spoken for the account keeps what it knows of commands, which
stays true, and nothing of positions and orders: those are as the server has them, and as the terminal shows.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from signalos_bridge.clock import Clock
from signalos_bridge.domain.facts import GuardState, RecordedState
from signalos_bridge.domain.record import KnownOrder, KnownPosition
from signalos_bridge.journal import Journal
from signalos_bridge.store import Batch, Store


@dataclass(frozen=True, slots=True)
class Renewed:
    """The ids of a journal, and how many events the server never had; a sync finds what still counts."""

    before: str
    after: str
    untold_events: int


async def renew(path: Path, account_id: str, clock: Clock, state: RecordedState) -> Renewed:
    """Give a closed journal another id, and the server's record in the place of its own.

    Raises `JournalUnavailable`, `journal_rows.CorruptRow`; the journal is then as it was, or new and without
    any record, which the server gives it at the next welcome.
    """
    journal = Journal(path, lambda words: None)
    await asyncio.to_thread(journal.open)
    try:
        store = Store(journal, clock, account_id)
        store.load()
        before, untold = journal.journal_id, len(store.events)
        journal.start()
        batch = Batch()
        after = store.put_renewed(batch)
        await store.commit(batch)
        await take_record(store, state)
    finally:
        await journal.close()
    return Renewed(before, after, untold)


async def take_record(store: Store, state: RecordedState) -> bool:
    """Take the server's record into a journal that has none; False: it has one.

    Raises `JournalUnavailable`.
    """
    async with store.record_lock:
        if not store.record.fresh:
            return False
        for order in state.orders:
            owner = store.owners.get(order.magic)
            if owner is not None and not owner.closes and owner.hidden != order.hidden:
                # Other levels were given to it since it was placed.
                levels = Batch()
                store.put_hidden(levels, order.magic, order.hidden)
                await store.commit(levels)
        batch = Batch()
        # Ids of commands and events are made of these numbers: none may be one that was used before.
        taken = store.wall_msc()
        for record in state.positions:
            guarded = record.virtual_stop_loss is not None or record.virtual_take_profit is not None
            guard = record.guard_state or (GuardState.ARMED if guarded else None)
            if guard is GuardState.CLOSED:
                guard = GuardState.ARMED
            kept = replace(record, guard_state=guard if guarded else None)
            store.put_position(
                batch, KnownPosition(kept, level_revision=taken, trailing_moves=taken, taken_msc=taken)
            )
        for order in state.orders:
            store.put_order(batch, KnownOrder(order))
        if state.last_deal_msc:
            # Deals are not told in the order of their times: one before the last may be missing.
            floor = state.known_from_msc - 1 if state.known_from_msc else state.last_deal_msc
            store.put_floor(batch, floor, state.last_deal_msc, state.known_deals)
        if state.positions or state.orders or state.last_deal_msc:
            store.put_begun(batch)
        if batch.statements:
            await store.commit(batch)
        return True
