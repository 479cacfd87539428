"""Force sync: the record is held against one consistent snapshot, and each difference explained and told."""

from __future__ import annotations

import asyncio
import logging

from signalos_bridge.alerts import AlertBox
from signalos_bridge.clock import Clock
from signalos_bridge.domain.difference import Difference, Sight, Told
from signalos_bridge.domain.difference.commands import Sought, with_suggestions
from signalos_bridge.domain.facts import SyncReport, SyncTrigger, TradeOrigin
from signalos_bridge.domain.market import Deal, HistoryOrder
from signalos_bridge.domain.orders import OpenMarket
from signalos_bridge.domain.tags import event_id
from signalos_bridge.domain.values import AlertSeverity, Refusal
from signalos_bridge.executor import Executor
from signalos_bridge.journal import JournalUnavailable
from signalos_bridge.recorder import Recorder
from signalos_bridge.resolver import Resolver
from signalos_bridge.store import Store
from signalos_bridge.terminal.port import Terminal, TerminalSnapshot, TerminalUnavailable
from signalos_bridge.view import TerminalView
from signalos_bridge.watcher import Watcher

log = logging.getLogger(__name__)

# Deals are read again from this long before the newest known one: some appear late.
_OVERLAP_MSC = 60 * 60 * 1000
_REREADS = 3
_REREAD_SECONDS = 0.3
# A terminal that was just reached shows nothing as a fact for a moment.
_READABLE_SECONDS = 5.0
_READABLE_POLL_SECONDS = 0.05
# How long a sync waits for the look at commands whose outcome nobody knows.
_LOOK_SECONDS = 1.0
# An open that was executed at all shows up within this of its command, as a rule.
_LIKELY_MSC = 10 * 60 * 1000
# How far this machine's clock and the broker's may be apart.
_CLOCKS_APART_MSC = 60 * 1000


class Syncer:
    """Runs one sync at a time."""

    def __init__(
        self,
        terminal: Terminal,
        view: TerminalView,
        store: Store,
        recorder: Recorder,
        watcher: Watcher,
        executor: Executor,
        resolver: Resolver,
        clock: Clock,
        alerts: AlertBox,
    ) -> None:
        self._terminal = terminal
        self._view = view
        self._store = store
        self._recorder = recorder
        self._watcher = watcher
        self._executor = executor
        self._resolver = resolver
        self._clock = clock
        self._alerts = alerts
        self._turn = asyncio.Lock()
        self._denying = 0
        self._problem = "no sync has succeeded since the bridge started"

    @property
    def in_sync(self) -> bool:
        """Return whether the record was held against the terminal since it was last in doubt."""
        return not self._problem

    @property
    def running(self) -> bool:
        """Return whether a sync runs."""
        return self._turn.locked()

    def refusal(self) -> Refusal | None:
        """Return why nothing may be opened for the sync's sake."""
        if self._denying:
            return Refusal("SYNC_IN_PROGRESS", "the record is being held against the terminal")
        if self._problem:
            return Refusal("SYNC_IN_PROGRESS", f"the record is not in sync: {self._problem}")
        return None

    def doubt(self, why: str) -> None:
        """Note that the record may not be what the terminal shows; nothing opens until a sync succeeded."""
        self._problem = why

    async def run(self, trigger: SyncTrigger, sync_id: str, *, dry_run: bool) -> SyncReport:
        """Sync, and return the report. Never raises for the terminal's or the journal's sake."""
        if trigger.denies_opens:
            self._denying += 1
        try:
            async with self._turn:
                return await self._run(trigger, sync_id, dry_run)
        finally:
            if trigger.denies_opens:
                self._denying -= 1

    async def _run(self, trigger: SyncTrigger, sync_id: str, dry_run: bool) -> SyncReport:
        started = self._clock.seconds()
        if trigger.denies_opens:
            await self._until_readable(started)
        if not dry_run:
            # Before the record is held: what is found is recorded with its command.
            await self._resolver.look_now(_LOOK_SECONDS)
        try:
            async with self._store.record_lock:
                self._watcher.expect()
                snapshot = await self._snapshot()
                found = await self._explain(snapshot)
                self._suggest(found, snapshot)
                report = self._report(trigger, sync_id, dry_run, snapshot, found, started)
                if not dry_run:
                    await self._recorder.apply(found, self._told(report), first=True)
                    self._watcher.begin(snapshot.positions, snapshot.orders, snapshot.deals, snapshot.read_at)
                    self._view.account = snapshot.account
                    self._view.account_at = snapshot.read_at
        except TerminalUnavailable as error:
            return self._failed(trigger, sync_id, dry_run, error.why, started)
        except JournalUnavailable as error:
            return self._failed(trigger, sync_id, dry_run, str(error), started)
        finally:
            self._watcher.expect_no_more()
        if not dry_run:
            self._executor.reported(report.differences)
            self._problem = ""
            self._alerts.settle("sync", "SYNC_FAILED", "a sync has succeeded", from_before=True)
            await self._recorder.correct(found.deals)
            await self._warm_up(snapshot)
        return report

    async def _until_readable(self, started: float) -> None:
        """Wait a while for a terminal that has only just been reached; what then fails is reported."""
        give_up = started + _READABLE_SECONDS
        while not self._readable() and self._clock.seconds() < give_up:  # noqa: ASYNC110 (a status has no event)
            await asyncio.sleep(_READABLE_POLL_SECONDS)

    def _readable(self) -> bool:
        status = self._view.status
        return status.connected and self._terminal.last_read_at is not None

    async def _snapshot(self) -> TerminalSnapshot:
        record = self._store.record
        since = record.last_deal_msc - _OVERLAP_MSC
        if record.last_deal_msc == 0:
            since = self._view.search_from_msc()
        return await self._terminal.snapshot(deals_from_msc=max(0, since))

    async def _explain(self, snapshot: TerminalSnapshot) -> Difference:
        """Compare; what is gone without a word is asked for again before it is called missing."""
        deals: dict[int, Deal] = {deal.ticket: deal for deal in snapshot.deals}
        finished: dict[int, HistoryOrder] = {order.ticket: order for order in snapshot.history_orders}
        absent: frozenset[int] = frozenset()
        for reading in range(_REREADS + 1):
            sight = Sight(
                snapshot.positions,
                snapshot.orders,
                list(deals.values()),
                list(finished.values()),
                settled=True,
                absent=absent,
            )
            found = self._recorder.compare(sight)
            if not found.unexplained:
                return found
            if reading:
                await asyncio.sleep(_REREAD_SECONDS)
            for key in found.unexplained:
                if key in self._store.record.orders:
                    order = await self._terminal.history_order(key)
                    if order is not None:
                        finished[order.ticket] = order
                else:
                    for deal in await self._terminal.deals_of_position(key):
                        deals[deal.ticket] = deal
            if reading == _REREADS - 1:
                absent = frozenset(found.unexplained)
        return found

    def _suggest(self, found: Difference, snapshot: TerminalSnapshot) -> None:
        """Say of what was opened outside what it may be; nothing follows from it."""
        record = self._store.record
        shown = {position.identifier for position in snapshot.positions}
        found.differences[:] = with_suggestions(
            found.differences,
            snapshot.positions,
            self._sought(),
            [
                known.position
                for known in {**record.positions, **{one.identifier: one for one in found.positions}}.values()
                if known.missing and known.identifier not in shown
            ],
        )

    def _sought(self) -> list[Sought]:
        offset = self._view.offset_seconds
        return [
            Sought(
                record.command.command_id,
                leg.order.symbol,
                leg.order.side,
                leg.order.volume_lots,
                None if offset is None else record.received_wall_msc + offset * 1000 - _CLOCKS_APART_MSC,
                None if offset is None else record.received_wall_msc + offset * 1000 + _LIKELY_MSC,
            )
            for record in self._store.open_commands()
            for leg in record.unresolved
            if isinstance(leg.order, OpenMarket)
        ]

    async def _warm_up(self, snapshot: TerminalSnapshot) -> None:
        """Read the rules of what is open, so that a close need not."""
        symbols = {position.symbol for position in snapshot.positions}
        symbols |= {order.symbol for order in snapshot.orders}
        for symbol in symbols:
            if self._view.last_spec(symbol) is None:
                try:
                    await self._view.spec(symbol)
                except TerminalUnavailable as error:
                    log.info("the rules of %s: %s", symbol, error.why)
                    return

    def _report(
        self,
        trigger: SyncTrigger,
        sync_id: str,
        dry_run: bool,
        snapshot: TerminalSnapshot,
        found: Difference,
        started: float,
    ) -> SyncReport:
        known = dict(self._store.record.positions)
        known.update({position.identifier: position for position in found.positions})
        shown = {position.identifier for position in snapshot.positions}
        external = sum(
            1
            for identifier, position in known.items()
            if identifier in shown and position.record.origin is TradeOrigin.EXTERNAL
        )
        return SyncReport(
            sync_id=sync_id,
            trigger=trigger,
            dry_run=dry_run,
            succeeded=True,
            problem="",
            position_count=len(snapshot.positions),
            order_count=len(snapshot.orders),
            deal_count=len(snapshot.deals),
            external_count=external,
            differences=(*found.differences, *self._executor.resolved()),
            duration_seconds=self._clock.seconds() - started,
            end_wall_msc=self._clock.wall_msc(),
            unknown_count=len(self._store.unknown_commands()),
        )

    def _told(self, report: SyncReport) -> list[Told]:
        if report.trigger is SyncTrigger.BACKGROUND and not report.differences:
            return []
        return [Told(event_id(self._store.account_id, "sync", report.sync_id), "", report)]

    def _failed(
        self, trigger: SyncTrigger, sync_id: str, dry_run: bool, problem: str, started: float
    ) -> SyncReport:
        log.warning("sync %s failed: %s", sync_id, problem)
        if not dry_run:
            if trigger.denies_opens:
                self.doubt(problem)
            self._alerts.raise_alert(
                "sync",
                AlertSeverity.WARNING,
                "SYNC_FAILED",
                f"The record could not be held against the terminal: {problem}",
                known="What is shown is what was known before.",
                advice="Look at the terminal; a sync is tried again by itself.",
            )
        return SyncReport(
            sync_id,
            trigger,
            dry_run,
            succeeded=False,
            problem=problem,
            position_count=0,
            order_count=0,
            deal_count=0,
            external_count=0,
            differences=(),
            duration_seconds=self._clock.seconds() - started,
            end_wall_msc=self._clock.wall_msc(),
        )
