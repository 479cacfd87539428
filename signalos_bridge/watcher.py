"""Following the terminal: the view is changed at once, the record once positions and deals agree."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from signalos_bridge.clock import Clock
from signalos_bridge.domain.difference import Sight
from signalos_bridge.domain.facts import LivePosition, LiveUpdate
from signalos_bridge.domain.market import Deal, HistoryOrder, Position, Tick, WorkingOrder
from signalos_bridge.journal import JournalUnavailable
from signalos_bridge.recorder import Recorder
from signalos_bridge.store import Store
from signalos_bridge.terminal.port import (
    AccountChanged,
    HistoryAppeared,
    OrdersChanged,
    PositionsChanged,
    StatusChanged,
    Terminal,
    TerminalChange,
    TerminalUnavailable,
    TicksArrived,
    WatchStarted,
)
from signalos_bridge.view import TerminalView

log = logging.getLogger(__name__)

# What one poll tells comes within this; a position whose deal has not come by then is told without.
_OPENED_SECONDS = 0.3
_REREAD_SECONDS = 0.5
_REREADS = 4
_JOURNAL_RETRY_SECONDS = 0.5
_HISTORY_MEMORY = 2000


@dataclass(slots=True)
class _Wait:
    since: float
    next_at: float
    rereads: int = 0


class Watcher:
    """The one consumer of the terminal's changes."""

    def __init__(
        self,
        terminal: Terminal,
        view: TerminalView,
        store: Store,
        recorder: Recorder,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self._terminal = terminal
        self._view = view
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._wake = wake
        self._dirty = asyncio.Event()
        self._begun = False
        self._synced_at = float("-inf")
        # What came while a sync reads and writes: its snapshot may be the older.
        self._meanwhile: list[PositionsChanged | OrdersChanged] | None = None
        # Of which positions more than prices may differ from the record; None: of any.
        self._touched: set[int] | None = None
        self._deals: dict[int, Deal] = {}
        self._finished: dict[int, HistoryOrder] = {}
        self._waits: dict[int, _Wait] = {}
        self._live_positions: set[int] = set()
        self._live_quotes: dict[str, Tick] = {}
        self._live_account = False
        self._live_at = 0.0
        # Set by the core.
        self.on_ticks: Callable[[TicksArrived], None] = lambda _arrived: None
        self.on_positions: Callable[[Sequence[Position]], None] = lambda _changed: None
        self.on_status: Callable[[StatusChanged], None] = lambda _changed: None
        self.on_watch: Callable[[WatchStarted], None] = lambda _started: None

    # -- taking changes --------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Take every change, until the terminal is closed."""
        async for change in self._terminal.changes():
            self._take(change)

    def _take(self, change: TerminalChange) -> None:
        if isinstance(change, TicksArrived):
            self._take_ticks(change)
        elif isinstance(change, PositionsChanged):
            self._take_positions(change)
        elif isinstance(change, OrdersChanged):
            self._take_orders(change)
        elif isinstance(change, HistoryAppeared):
            self._remember(change.deals, change.orders)
            self._dirty.set()
        elif isinstance(change, AccountChanged):
            self._view.account, self._view.account_at = change.account, change.at
            self._live_account = True
            self._live(change.at)
        elif isinstance(change, StatusChanged):
            if not change.status.connected:
                self._view.unlinked_at = change.at
            self.on_status(change)
        else:
            self.on_watch(change)

    def _take_ticks(self, change: TicksArrived) -> None:
        if not change.ticks:
            return
        self._view.ticks[change.symbol] = change.ticks[-1]
        self._view.tick_at = change.at
        self._live_quotes[change.symbol] = change.ticks[-1]
        self.on_ticks(change)
        self._live(change.at)

    def _take_positions(self, change: PositionsChanged) -> None:
        if change.at < self._synced_at:
            # Read before the sync's snapshot, which is the newer.
            return
        if self._meanwhile is not None:
            self._meanwhile.append(change)
        positions = self._view.positions
        if change.baseline:
            positions.clear()
            self._touched = None
        gone = set(change.gone)
        if gone:
            for identifier in [key for key, held in positions.items() if held.ticket in gone]:
                del positions[identifier]
                self.touch(identifier)
        for position in change.changed:
            before = positions.get(position.identifier)
            positions[position.identifier] = position
            if before is None or not before.same_facts(position):
                self.touch(position.identifier)
                self._dirty.set()
            self._live_positions.add(position.identifier)
        if gone or change.baseline:
            self._dirty.set()
        self.on_positions(change.changed)
        self._live(change.at)

    def touch(self, identifier: int) -> None:
        """Hold a position against the record, with whatever is looked at next."""
        if self._touched is not None:
            self._touched.add(identifier)

    def _take_orders(self, change: OrdersChanged) -> None:
        if change.at < self._synced_at:
            return
        if self._meanwhile is not None:
            self._meanwhile.append(change)
        orders = self._view.orders
        if change.baseline:
            orders.clear()
        for ticket in change.gone:
            orders.pop(ticket, None)
        for order in change.changed:
            orders[order.ticket] = order
        self._dirty.set()

    def _remember(self, deals: Iterable[Deal], finished: Iterable[HistoryOrder]) -> None:
        for deal in deals:
            if deal.ticket not in self._store.record.seen_deals:
                self._deals[deal.ticket] = deal
        for order in finished:
            self._finished[order.ticket] = order
        while len(self._finished) > _HISTORY_MEMORY:
            del self._finished[next(iter(self._finished))]

    # -- the record ------------------------------------------------------------------------------------

    def begin(
        self,
        positions: Iterable[Position],
        orders: Iterable[WorkingOrder],
        deals: Iterable[Deal],
        read_at: float,
    ) -> None:
        """Take a sync's snapshot as the view, and keep the record from now on.

        Deals that the sync could not tell yet are remembered until the rest of their position is shown.
        """
        self._remember(deals, ())
        # What was waited for before is judged anew.
        self._waits.clear()
        meanwhile, self._meanwhile = self._meanwhile, None
        self._synced_at = read_at
        self._view.positions = {position.identifier: position for position in positions}
        self._view.orders = {order.ticket: order for order in orders}
        self._live_positions |= set(self._view.positions)
        self._begun = True
        self._touched = None
        self._dirty.set()
        for change in meanwhile or ():
            self._take(change)

    def expect(self) -> None:
        """Say that a snapshot is going to be read: what comes from now on is held against it by `begin`."""
        self._meanwhile = []

    def expect_no_more(self) -> None:
        """Say that the snapshot is not taken."""
        self._meanwhile = None

    def pause(self) -> None:
        """Leave the record alone until the next sync: what is shown may be another account's."""
        self._begun = False

    async def keep(self) -> None:
        """Bring the record up to the view, again and again."""
        while True:
            timeout = self._until_next_wait()
            try:
                async with asyncio.timeout(timeout):
                    await self._dirty.wait()
            except TimeoutError:
                pass
            self._dirty.clear()
            if not self._begun:
                continue
            try:
                await self._bring_up()
            except JournalUnavailable:
                # Nothing of it is in memory either; the same difference is found again.
                self._touched = None
                await asyncio.sleep(_JOURNAL_RETRY_SECONDS)
                self._dirty.set()

    def _until_next_wait(self) -> float | None:
        if not self._waits or not self._begun:
            return None
        now = self._clock.awake_seconds()
        return max(0.01, min(wait.next_at for wait in self._waits.values()) - now)

    async def _bring_up(self) -> None:
        await self._reread_unexplained()
        async with self._store.record_lock:
            if not self._begun:
                return
            self._forget_seen()
            now = self._clock.awake_seconds()
            about = self._about()
            positions = self._view.positions
            sight = Sight(
                positions=list(positions.values())
                if about is None
                else [positions[key] for key in about if key in positions],
                orders=list(self._view.orders.values()),
                deals=list(self._deals.values()),
                history_orders=list(self._finished.values()),
                settled=False,
                absent=frozenset(key for key, wait in self._waits.items() if wait.rereads >= _REREADS),
                overdue=frozenset(
                    key
                    for key, wait in self._waits.items()
                    if wait.rereads >= _REREADS or self._late_opening(key, wait, now)
                ),
            )
            found = self._recorder.compare(sight, about)
            await self._recorder.apply(found)
            self._note_waits(found.waiting, now)
            corrected = list(found.deals)
            self._forget_seen()
        await self._recorder.correct(corrected)

    def _about(self) -> set[int] | None:
        """Take the positions that are to be held against the record; None: all of them.

        It is those that changed, those that are waited for, and those of deals that are not recorded yet.
        """
        touched, self._touched = self._touched, set()
        if touched is None:
            return None
        touched.update(self._waits)
        touched.update(deal.position_id for deal in self._deals.values() if deal.position_id)
        return touched

    def _late_opening(self, identifier: int, wait: _Wait, now: float) -> bool:
        return (
            identifier in self._view.positions
            and identifier not in self._store.record.positions
            and now - wait.since >= _OPENED_SECONDS
        )

    def _note_waits(self, waiting: set[int], now: float) -> None:
        for key in [key for key in self._waits if key not in waiting]:
            del self._waits[key]
        for key in waiting:
            if key not in self._waits:
                self._waits[key] = _Wait(now, now + _OPENED_SECONDS)
            elif self._waits[key].next_at <= now:
                self._waits[key].next_at = now + _REREAD_SECONDS

    async def _reread_unexplained(self) -> None:
        """Ask for the history of what is gone, or does not agree, without a word why."""
        now = self._clock.awake_seconds()
        for key, wait in list(self._waits.items()):
            if wait.next_at > now:
                continue
            wait.next_at = now + _REREAD_SECONDS
            try:
                if key in self._store.record.orders:
                    order = await self._terminal.history_order(key)
                    self._remember((), () if order is None else (order,))
                else:
                    self._remember(await self._terminal.deals_of_position(key), ())
            except TerminalUnavailable as error:
                # Not an answer: it does not count as a reading that showed nothing.
                log.info("the history of %d: %s", key, error.why)
                continue
            wait.rereads += 1

    def _forget_seen(self) -> None:
        seen = self._store.record.seen_deals
        for ticket in [ticket for ticket in self._deals if ticket in seen]:
            del self._deals[ticket]

    # -- live numbers ----------------------------------------------------------------------------------

    def _live(self, at: float) -> None:
        self._live_at = max(self._live_at, at)
        self._wake()

    def tell_live_anew(self) -> None:
        """Take all numbers as changed, as old as the last reading is."""
        self._live_positions.update(self._view.positions)
        self._live_account = self._view.account is not None
        held = {position.symbol for position in self._view.positions.values()}
        held |= {order.symbol for order in self._view.orders.values()}
        self._live_quotes.update({name: tick for name, tick in self._view.ticks.items() if name in held})
        self._live_at = max(self._live_at, self._terminal.last_read_at or 0.0)

    def take_live(self) -> LiveUpdate | None:
        """Return the latest of what changed since the last call."""
        if not (self._live_positions or self._live_quotes or self._live_account):
            return None
        positions = tuple(
            LivePosition(held.identifier, held.current_price, held.profit, held.swap)
            for identifier in self._live_positions
            if (held := self._view.positions.get(identifier)) is not None
        )
        update = LiveUpdate(
            positions,
            self._view.account if self._live_account else None,
            tuple(self._live_quotes.values()),
            max(0.0, self._clock.awake_seconds() - self._live_at),
        )
        self._live_positions.clear()
        self._live_quotes.clear()
        self._live_account = False
        return update
