"""Putting into the record what the terminal shows, and what the bridge itself decides about positions.

Watcher and sync come through here, one at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from signalos_bridge import renewal
from signalos_bridge.alerts import AlertBox
from signalos_bridge.domain.command import HiddenLevels, Leg, LegEvent, LevelChange, OrderLevels
from signalos_bridge.domain.difference import Difference, Sight, Told, Whose, compare
from signalos_bridge.domain.difference.orders import told_order, words_of_order
from signalos_bridge.domain.facts import (
    GuardState,
    PositionChanged,
    PositionMissing,
    PositionOpened,
    RecordedState,
    TradeOrigin,
    TrailingChanged,
)
from signalos_bridge.domain.market import Deal
from signalos_bridge.domain.record import KnownOrder, KnownPosition
from signalos_bridge.domain.resolution import Finding, executed
from signalos_bridge.domain.stealth import tighter
from signalos_bridge.domain.tags import event_id
from signalos_bridge.domain.values import AlertSeverity, LegState
from signalos_bridge.executor import Executor
from signalos_bridge.store import Batch, Store
from signalos_bridge.terminal.port import Shown
from signalos_bridge.view import TerminalView

log = logging.getLogger(__name__)

# How long an outcome waits for the record, which a sync may have for seconds.
_TURN_SECONDS = 0.25


class Recorder:
    """The one writer of the record and of events."""

    def __init__(
        self,
        store: Store,
        view: TerminalView,
        executor: Executor,
        alerts: AlertBox,
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._view = view
        self._executor = executor
        self._alerts = alerts
        self._wake = wake
        # Set by the core: told of which positions may have begun or ceased to need the guard.
        self.on_record_changed: Callable[[Collection[int]], None] = lambda _identifiers: None
        self.on_opened: Callable[[Sequence[KnownPosition]], None] = lambda _opened: None
        # Told of each position that was recorded as an order's answer showed it.
        self.on_shown: Callable[[int], None] = lambda _identifier: None

    def whose(self) -> Whose:
        """Return who is behind magic numbers now."""
        return Whose(
            self._store.owners.get,
            self._store.prefixes,
            self._store.account_id,
            self._view.offset_seconds,
        )

    def compare(self, sight: Sight, about: Collection[int] | None = None) -> Difference:
        """Return what differs, without applying it; `about`: of these positions alone, and of all orders."""
        record = self._store.record
        if about is not None:
            known = {key: record.positions[key] for key in about if key in record.positions}
            record = replace(record, positions=known)
        return compare(record, sight, self.whose())

    async def apply(self, found: Difference, further: Sequence[Told] = (), *, first: bool = False) -> None:
        """Journal a difference and tell it. The caller holds `record_lock`. Raises `JournalUnavailable`."""
        batch = Batch()
        found.told.extend(further)
        self._store.put_difference(batch, found)
        if first:
            self._store.put_begun(batch)
        if not batch.statements:
            return
        await self._store.commit(batch)
        self._applied(found)

    async def commit_shown(self, batch: Batch, shown: Shown) -> None:
        """Commit a batch, and in the same unit what the terminal shows of one position after an order.

        What belongs to others of it is told as well; watch and sync then find nothing new. Raises
        `JournalUnavailable`.
        """
        lock = self._store.record_lock
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await lock.acquire()
        except TimeoutError:
            # A sync has the record; it, or the watch after it, tells the same.
            await self._store.commit(batch)
            return
        try:
            found = self._compare_shown(shown)
            if found is not None:
                self._store.put_difference(batch, found)
            await self._store.commit(batch)
        finally:
            lock.release()
        # The watch may have seen it newer than that.
        self.on_shown(shown.identifier)
        if found is not None and not found.empty:
            self._applied(found)
            await self.correct(found.deals)

    def _compare_shown(self, shown: Shown) -> Difference | None:
        record = self._store.record
        if record.fresh:
            # The first reading of all is the base line, not news.
            return None
        known = record.positions.get(shown.identifier)
        about = replace(record, positions={} if known is None else {shown.identifier: known}, orders={})
        positions = () if shown.position is None else (shown.position,)
        return compare(about, Sight(positions, (), shown.deals, (), settled=False), self.whose())

    def _applied(self, found: Difference) -> None:
        """Do what follows a difference that was committed."""
        for known in found.positions:
            self._executor.seen(known.position.magic)
        for order in found.orders:
            self._executor.seen(order.record.magic)
        for deal in found.deals:
            self._executor.seen(deal.magic)
            self._view.learn_commission(deal)
        self._tell(found)
        self.on_record_changed([*(known.identifier for known in found.positions), *found.closed])
        self._wake()

    def _tell(self, found: Difference) -> None:
        opened: list[KnownPosition] = []
        for told in found.told:
            fact = told.fact
            if isinstance(fact, PositionOpened):
                identifier = fact.position.position.identifier
                known = self._store.record.positions.get(identifier)
                if known is not None:
                    opened.append(known)
                self._check_closer(fact)
            elif isinstance(fact, PositionMissing):
                position = fact.position.position
                self._alerts.raise_alert(
                    f"missing:{position.identifier}",
                    AlertSeverity.CRITICAL,
                    "POSITION_MISSING",
                    f"Position #{position.ticket} {position.symbol} is gone, and no closing deal tells why",
                    known="The terminal does not show it any more; its history has no deal that closed it.",
                    advice="Look at the account with the broker.",
                    position_identifier=position.identifier,
                )
        if opened:
            self.on_opened(opened)

    def _check_closer(self, fact: PositionOpened) -> None:
        """A close that opened a position: what must never happen is looked for all the same."""
        position = fact.position.position
        owner = self._store.owners.get(position.magic)
        if owner is not None and owner.closes:
            self._alerts.raise_alert(
                f"close-opened:{position.identifier}",
                AlertSeverity.CRITICAL,
                "CLOSE_OPENED_POSITION",
                f"A close opened position #{position.ticket} {position.symbol} instead of reducing one",
                known="The position carries the magic number of a close.",
                advice="Close it by hand, and stop trading on this account.",
                command_id=owner.command_id,
                position_identifier=position.identifier,
            )

    async def take_record(self, state: RecordedState) -> None:
        """Take the server's record into a journal that has none. Raises `JournalUnavailable`."""
        if await renewal.take_record(self._store, state):
            self.on_record_changed([record.position.identifier for record in state.positions])

    async def correct(self, deals: Sequence[Deal]) -> None:
        """Hold deals against legs that were reported as not done."""
        for magic in {deal.magic for deal in deals if deal.magic}:
            owner = self._store.owners.get(magic)
            record = self._store.commands.get(owner.command_id) if owner is not None else None
            if record is None or self._executor.running(record.command.command_id) is not None:
                continue
            for leg in record.legs or ():
                if leg.magic == magic and leg.state is LegState.NOT_DONE and leg.called:
                    await self._correct_leg(record.command.command_id, leg, deals)

    async def _correct_leg(self, command_id: str, leg: Leg, deals: Sequence[Deal]) -> None:
        volume, price = executed(leg, deals)
        if volume <= 0:
            return
        event = LegEvent.FILLED if volume >= leg.asked_volume_lots else LegEvent.FILLED_IN_PART
        mine = [deal for deal in deals if deal.magic == leg.magic]
        finding = Finding(
            event,
            "it was reported as not done, and was seen afterwards",
            filled_volume_lots=volume,
            price=price,
            order_ticket=mine[-1].order or 0,
            deal_ticket=mine[-1].ticket,
            position_identifier=mine[-1].position_id or 0,
        )
        await self._executor.correct(self._store.commands[command_id], leg.index, finding)

    # -- what the bridge decides -----------------------------------------------------------------------

    async def commit_levels(self, batch: Batch, leg: Leg, shown: Shown | None) -> None:
        """Commit a batch with the hidden levels that its leg brings, arm them and tell them.

        What the terminal shows is recorded just before. Raises `JournalUnavailable`.
        """
        change, order = leg.level_change, leg.order_levels
        async with self._store.record_lock:
            found = None if shown is None else self._compare_shown(shown)
            if found is not None and not found.empty:
                first = Batch()
                self._store.put_difference(first, found)
                await self._store.commit(first)
                self._applied(found)
            if change is not None:
                known = self._store.record.positions.get(change.identifier)
                if known is not None:
                    self._put_change(batch, _with_levels(known, change), change.words)
            if order is not None:
                self._put_order_levels(batch, order)
            await self._store.commit(batch)
        if change is not None:
            self.on_record_changed((change.identifier,))
        if shown is not None:
            self.on_shown(shown.identifier)
        if found is not None and not found.empty:
            await self.correct(found.deals)
        self._wake()

    def _put_order_levels(self, batch: Batch, change: OrderLevels) -> None:
        """Write the hidden levels of a working order, and tell them. The caller holds `record_lock`."""
        if change.magic in self._store.owners:
            self._store.put_hidden(batch, change.magic, change.levels)
        known = self._store.record.orders.get(change.ticket)
        if known is None:
            # Not shown yet, and told with these levels then; or filled, and its position keeps those it had.
            return
        before = known.record
        after = replace(before, hidden=change.levels)
        if after == before:
            return
        number = known.change_number + 1
        self._store.put_order(batch, KnownOrder(after, number))
        words = words_of_order(before, after)
        self._store.put_events(batch, [told_order(after, words, number, self._store.account_id)])

    async def adopt(self, identifier: int) -> None:
        """Journal that a position is managed from now on."""
        await self.change(
            identifier,
            lambda known: replace(known, record=replace(known.record, origin=TradeOrigin.ADOPTED)),
            "taken under management",
        )

    async def change(
        self,
        identifier: int,
        how: Callable[[KnownPosition], KnownPosition],
        words: str,
        *,
        trailing: bool = False,
        command_id: str = "",
        extra: Callable[[Batch], None] | None = None,
    ) -> KnownPosition | None:
        """Journal a change that the bridge makes to what it keeps for a position, and tell it.

        `words` empty: nothing is told. None: the position is not known. Raises `JournalUnavailable`.
        """
        async with self._store.record_lock:
            known = self._store.record.positions.get(identifier)
            if known is None:
                return None
            batch = Batch()
            if extra is not None:
                extra(batch)
            after = self._put_change(batch, how(known), words, trailing=trailing, command_id=command_id)
            await self._store.commit(batch)
        self.on_record_changed((identifier,))
        if words:
            self._wake()
        return after

    def _put_change(
        self,
        batch: Batch,
        after: KnownPosition,
        words: str,
        *,
        trailing: bool = False,
        command_id: str = "",
    ) -> KnownPosition:
        """Write what the bridge has changed of a position, and tell it. The caller holds `record_lock`."""
        after = replace(after, level_revision=after.level_revision + 1)
        self._store.put_position(batch, after)
        if words:
            identity = event_id(
                self._store.account_id,
                after.identifier,
                "kept",
                after.level_revision,
                after.record.virtual_stop_loss,
                after.record.virtual_take_profit,
                after.record.guard_state,
                words,
            )
            fact: TrailingChanged | PositionChanged
            if trailing:
                fact = TrailingChanged(after.record, words)
            else:
                fact = PositionChanged(after.record, (), words)
            self._store.put_events(batch, [Told(identity, command_id, fact)])
        return after


def _with_levels(known: KnownPosition, change: LevelChange) -> KnownPosition:
    levels = change.levels
    if change.only_tighter:
        levels = HiddenLevels(
            tighter(known.position.side, known.record.virtual_stop_loss, levels.stop_loss),
            known.record.virtual_take_profit,
            levels.target_only,
        )
    state = GuardState.ARMED if levels.stop_loss or levels.take_profit else None
    if change.only_tighter and known.record.guard_state not in (None, GuardState.ARMED):
        # Nobody took back the close that is under way.
        state = known.record.guard_state
    trailing = known.record.trailing
    if change.loosening and trailing is not None:
        trailing = replace(trailing, suspended=True)
    return replace(
        known,
        record=replace(
            known.record,
            virtual_stop_loss=levels.stop_loss,
            virtual_take_profit=levels.take_profit,
            hidden=True,
            guard_state=state,
            trailing=trailing,
            target_only=levels.target_only,
        ),
    )
