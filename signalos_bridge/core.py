"""The bridge between its link and its terminal: commands, events, sync, guard and stops, all journalled.

The link and the control part know the core by this class, `domain.values` and `domain.facts` alone. The core
knows them by `Gate` and `on_outgoing`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from signalos_bridge.admission import Admission
from signalos_bridge.alerts import AlertBox
from signalos_bridge.checking import Checker
from signalos_bridge.clock import Clock, SystemClock
from signalos_bridge.domain.equity_floor import FloorReading, Funds
from signalos_bridge.domain.facts import (
    BridgeEvent,
    CoreStatus,
    LiveUpdate,
    RecordedState,
    RecordSnapshot,
    StopProgress,
    SyncReport,
    SyncTrigger,
)
from signalos_bridge.domain.market import BoundAccount, SymbolSpec, TerminalState
from signalos_bridge.domain.record import KnownPosition, state_hash
from signalos_bridge.domain.showing import ShowRule
from signalos_bridge.domain.values import (
    Alert,
    AlertSeverity,
    CloseAction,
    Command,
    CommandOrigin,
    CommandState,
    LapsePolicy,
    Limits,
    OpenAction,
    OpenCheck,
    Outcome,
    Policies,
    Receipt,
    Refusal,
    Standing,
)
from signalos_bridge.executor import Executor
from signalos_bridge.expander import Expander
from signalos_bridge.flatten import Flattener
from signalos_bridge.guarding import Guard
from signalos_bridge.hiding import Hider
from signalos_bridge.journal import Journal, JournalUnavailable
from signalos_bridge.journal_rows import CorruptRow
from signalos_bridge.lanes import Lanes
from signalos_bridge.own_commands import OwnCommands
from signalos_bridge.protecting import Protector
from signalos_bridge.recorder import Recorder
from signalos_bridge.resolver import Resolver
from signalos_bridge.running import Running
from signalos_bridge.store import Batch, Store
from signalos_bridge.sync import Syncer
from signalos_bridge.tasks import Tasks
from signalos_bridge.terminal.port import (
    StatusChanged,
    Terminal,
    TicksArrived,
    Watch,
    WatchStarted,
)
from signalos_bridge.trailer import Trailer
from signalos_bridge.view import TerminalView
from signalos_bridge.watcher import Watcher

log = logging.getLogger(__name__)

_PRUNE_SECONDS = 3600.0
_SYNC_RETRY_SECONDS = 1.0
_BLIND_SECONDS = 3.0
_GUARD_CHECK_SECONDS = 0.5


class Gate(Protocol):
    """What control says about increasing exposure. Asked synchronously, at the instant of each such call."""

    @property
    def latched(self) -> bool:
        """Whether any stop is held. True keeps everything that increases risk from the terminal."""
        ...

    @property
    def lapsed(self) -> bool:
        """Whether the trading lease has lapsed, and none was held since."""
        ...

    def refusal(self, stop_generation: int, automated: bool, origin: CommandOrigin) -> Refusal | None:
        """Return why exposure may not be increased now, None when it may.

        Covers stop, fence (code `FENCED`: the command ends FENCED; any other code: REJECTED), lease and
        pause. A sync in progress is the core's own matter.
        """
        ...


@dataclass(frozen=True, slots=True)
class CoreSettings:
    """Where the journal is, whose account it is, and how patient the core is. Times in seconds."""

    journal_path: Path
    account_id: str
    bound: BoundAccount | None = None
    background_sync_seconds: float = 20.0
    # Multiplies the times that "it did not happen" takes to be believed; below 1 only in tests.
    settle_scale: float = 1.0
    resolve_interval_seconds: float = 2.0
    stop_retry_seconds: float = 1.0
    market_closed_retry_seconds: float = 30.0
    # The market keeps the currency market's week; an emulated one has a week of its own.
    market_week: bool = True


class Core:
    """One bridge's memory and hands. All methods belong to one event loop; none blocks it."""

    def __init__(
        self,
        settings: CoreSettings,
        terminal: Terminal,
        gate: Gate,
        on_outgoing: Callable[[], None],
        clock: Clock | None = None,
    ) -> None:
        """Build without I/O. `on_outgoing` is called, cheaply and often, when something waits to be sent:
        receipts, outcomes, events, alerts or a live update."""
        self._settings = settings
        self._terminal = terminal
        self._gate = gate
        self._wake = on_outgoing
        self._clock = clock or SystemClock()
        self._alerts = AlertBox(on_outgoing)
        self._tasks = Tasks()
        self._view = TerminalView(terminal, self._clock)
        self._journal = Journal(settings.journal_path, self._journal_problem)
        self._store = Store(self._journal, self._clock, settings.account_id)
        self._build()
        self._sync_soon = asyncio.Event()
        self._record_offered = False
        self._show_rule = ShowRule()
        self._showing_for_good = False
        self._sync_trigger = SyncTrigger.START

    def _build(self) -> None:
        """Build the parts around the store."""
        settings, clock = self._settings, self._clock
        lanes = Lanes()
        running: dict[str, Running] = {}
        self._expander = Expander(self._terminal, self._view, self._store)
        admission = Admission(self._store, self._terminal, self._gate, self._view, clock, running)
        self._executor = Executor(
            self._store,
            self._terminal,
            self._view,
            admission,
            self._expander,
            clock,
            self._alerts,
            self._tasks,
            lanes,
            running,
            self._wake,
        )
        self._recorder = Recorder(self._store, self._view, self._executor, self._alerts, self._wake)
        self._resolver = Resolver(
            self._terminal,
            self._view,
            self._executor,
            clock,
            self._tasks,
            settle_scale=settings.settle_scale,
            interval_seconds=settings.resolve_interval_seconds,
        )
        self._trailer = Trailer(
            self._store, self._view, self._executor, self._recorder, clock, self._alerts, self._tasks
        )
        own_commands = OwnCommands(self._store, self._executor, settings.market_closed_retry_seconds)
        self._protector = Protector(
            self._store,
            self._terminal,
            self._view,
            self._recorder,
            own_commands,
            clock,
            self._alerts,
            self._tasks,
        )
        self._guard = Guard(
            self._store,
            self._view,
            self._executor,
            self._recorder,
            self._trailer,
            self._protector,
            own_commands,
            self._alerts,
            self._tasks,
        )
        self._hider = Hider(
            self._store,
            self._terminal,
            self._view,
            self._executor,
            self._recorder,
            clock,
            self._alerts,
            self._tasks,
        )
        self._watcher = Watcher(self._terminal, self._view, self._store, self._recorder, clock, self._wake)
        self._syncer = Syncer(
            self._terminal,
            self._view,
            self._store,
            self._recorder,
            self._watcher,
            self._executor,
            self._resolver,
            clock,
            self._alerts,
        )
        self._flattener = Flattener(
            self._store,
            self._terminal,
            self._view,
            self._executor,
            clock,
            retry_seconds=settings.stop_retry_seconds,
            market_closed_seconds=settings.market_closed_retry_seconds,
        )
        self._checker = Checker(self._terminal, self._view, self._expander, admission)
        self._executor.keeper = self._recorder
        self._executor.on_ambiguous = self._resolver.take
        admission.sync_refusal = self._syncer.refusal
        self._recorder.on_record_changed = self._record_changed
        self._recorder.on_opened = self._opened
        self._recorder.on_shown = self._watcher.touch
        self._guard.watch_symbols = lambda symbols: self._terminal.watch(Watch(guarded_symbols=symbols))
        self._watcher.on_ticks = self._ticks
        self._watcher.on_positions = self._guard.on_positions
        self._watcher.on_status = self._status_changed
        self._watcher.on_watch = self._watch_started

    # -- life ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the journal (a corrupt one is set aside and a new one begun, with an alert), restore levels,
        begin to watch the terminal and to resolve what was left open. Nothing that increases exposure runs
        before the first sync has succeeded. The terminal need not answer yet.

        Raises `JournalUnavailable` when the journal cannot be opened: a bridge without one does not run.
        """
        await asyncio.to_thread(self._open_journal)
        self._tasks.open()
        self._journal.start()
        if self._settings.bound is not None:
            self._terminal.bind(self._settings.bound)
        # Before the first quote: what was guarded is guarded.
        self._guard.refresh()
        self._tasks.spawn(self._watcher.follow(), "watch the terminal")
        self._tasks.spawn(self._watcher.keep(), "keep the record")
        self._tasks.spawn(self._sync_regularly(), "sync")
        self._tasks.spawn(self._watch_guard(), "watch the guard")
        await self._executor.resume()

    def _open_journal(self) -> None:
        try:
            self._journal.open()
            self._store.load()
        except CorruptRow as error:
            log.error("the journal holds what it should not: %s", error)
            self._journal.replace()
            self._store.reset()
            self._store.load()
        if self._journal.set_aside is not None:
            self._alerts.raise_alert(
                f"journal:{self._journal.journal_id}",
                AlertSeverity.CRITICAL,
                "JOURNAL_CORRUPT",
                f"The journal was corrupt and was set aside as {self._journal.set_aside.name}",
                known="What it said of commands under way is not believed; they are UNKNOWN at the server.",
                advice="Hold the account against the broker's records before you trade on.",
            )

    async def close(self) -> None:
        """End every task and close the journal. What is in the terminal stays ambiguous and is resolved at
        the next start."""
        await self._tasks.close()
        await self._journal.close()

    async def run(self) -> None:
        """Wait for a failure of one of the core's tasks and raise it; return when closed. For the program's
        task group, so that no error is lost."""
        await self._tasks.failed()

    @property
    def journal_id(self) -> str:
        """New when a journal is made. Valid after `start`."""
        return self._journal.journal_id

    def set_magic_prefix(self, prefix: int) -> None:
        """Take the 15 bits from a welcome; they are journalled, and earlier ones stay known as ours. To be
        called before commands are delivered."""
        if prefix == self._store.prefix:
            return
        batch = Batch()
        self._store.put_prefix(batch, prefix)
        # In memory at once; on disk before any command that comes after it.
        for effect in batch.effects:
            effect()
        self._tasks.spawn(self._write_quietly(batch), "write the magic prefix")

    def rest(self, why: str) -> None:
        """Let ladders, trailing stops and moves of levels rest, because another bridge manages the account.

        Empty: they go on with the next sync. In force at once, and kept beyond this process. Hidden levels
        stay guarded: a close of all that there is cannot be done twice.
        """
        if why == self._store.resting:
            return
        log.warning("plans rest: %s", why) if why else log.info("plans go on")
        batch = Batch()
        self._store.put_resting(batch, why)
        for effect in batch.effects:
            effect()
        self._tasks.spawn(self._write_quietly(batch), "write whether plans rest")

    async def _write_quietly(self, batch: Batch) -> None:
        with contextlib.suppress(JournalUnavailable):
            await self._store.commit(batch)

    # -- commands --------------------------------------------------------------------------------------

    async def deliver(self, command: Command) -> None:
        """Journal and sync the command, leave its receipt in `receipts`, and run it.

        Returns once it is on disk, not when it is done. A command that the journal knows is not run again:
        its receipt, or its outcome, waits to be sent once more. Raises `JournalUnavailable` when it could
        not be written: it was then not taken, and nothing of it will run.
        """
        known = command.command_id in self._store.commands
        await self._executor.deliver(command)
        if known:
            self.standings([command.command_id])
            state = self._store.commands[command.command_id].state
            if state in (CommandState.DELIVERED, CommandState.RUNNING):
                self._executor.receipts.append(Receipt(command.command_id, state, self._clock.seconds()))
            self._wake()

    async def cancel(self, command_id: str) -> None:
        """Take a command back. Legs whose first call has not begun end CANCELLED; the outcome tells. One
        that is unknown here or has ended is left alone, and its outcome waits to be sent once more."""
        if not self._executor.take_back(command_id):
            self.standings([command_id])
            self._wake()

    async def resolve(self, command_id: str, executed: bool, reason: str) -> None:
        """Take a person's word on a command whose outcome nobody knows here either; else nothing.

        It keeps no other open back any more. It is searched for all the same: what the terminal's records say
        is told, and outranks the person's word. Raises `JournalUnavailable`.
        """
        running = self._executor.running(command_id)
        if running is None or running.record.state is not CommandState.UNKNOWN:
            return
        if command_id in self._store.resolved:
            return
        batch = Batch()
        self._store.put_resolution(batch, command_id, executed, reason)
        await self._store.commit(batch)
        if not executed:
            for leg in running.record.legs or ():
                self._executor.seen(leg.magic)
        log.info("a person has resolved command %s: executed %s", command_id, executed)
        self._wake()

    def standings(self, command_ids: Sequence[str]) -> list[Standing]:
        """Return where commands stand; the outcomes of ended and UNKNOWN ones wait to be sent once more."""
        standings: list[Standing] = []
        for command_id in command_ids:
            record = self._store.commands.get(command_id)
            running = self._executor.running(command_id)
            state = running.record.state if running is not None else None
            if record is not None and (state is None or record.state.is_final):
                state = record.state
            if record is None:
                # Its first sync is under way, or it was never seen.
                state = None
            standings.append(Standing(command_id, state))
            outcome = self._store.outcomes.get(command_id)
            if outcome is not None:
                self._store.unacknowledged.setdefault(command_id, outcome)
        return standings

    def take_receipts(self) -> list[Receipt]:
        """Return receipts since the last call, in order. Losable: `standings` tells the same."""
        taken, self._executor.receipts = self._executor.receipts, []
        return taken

    def unacknowledged_outcomes(self) -> list[Outcome]:
        """Return every outcome that was not acknowledged, oldest first; only the highest of a command."""
        return list(self._store.unacknowledged.values())

    def command_age_seconds(self, command_id: str) -> float | None:
        """Return for how long the journal has held a command; None: that is not known."""
        record = self._store.commands.get(command_id)
        return None if record is None else self._store.age_seconds(record)

    def acknowledge_outcome(self, command_id: str, outcome_number: int) -> asyncio.Future[None]:
        """Note that the server has committed an outcome; a higher one stays unacknowledged.

        The future resolves once the journal knows, or has `JournalUnavailable`; nobody need wait for it.
        """
        return self._store.acknowledge_outcome(command_id, outcome_number)

    # -- events ----------------------------------------------------------------------------------------

    @property
    def next_event_seq(self) -> int:
        """The sequence number that the next event will have."""
        return self._store.next_seq

    def event_id(self, seq: int) -> str:
        """Return the id of the event of that number; empty: the journal does not remember it."""
        return self._store.event_id(seq)

    def events_after(self, seq: int, limit: int) -> list[BridgeEvent]:
        """Return unacknowledged events beyond `seq`, in order, at most `limit`."""
        events = self._store.events
        if not events:
            return []
        first = max(0, seq + 1 - events[0].seq)
        return [events[index] for index in range(first, min(len(events), first + limit))]

    def acknowledge_events(self, seq: int) -> asyncio.Future[None]:
        """Note that the server has committed every event up to `seq`; see `acknowledge_outcome`."""
        return self._store.acknowledge_events(seq)

    def take_alerts(self) -> list[Alert]:
        """Return alerts since the last call; one that repeats is given once. To be called while connected."""
        return self._alerts.take()

    # -- state -----------------------------------------------------------------------------------------

    async def sync(self, trigger: SyncTrigger, sync_id: str, dry_run: bool) -> SyncReport:
        """Hold the record against the terminal and apply the differences as events (none with `dry_run`).

        A sync that was applied also leaves its report as an event; a dry run's, and one's that could not be
        done, is only returned. One runs at a time; a second waits. Never raises for the terminal's sake.
        """
        report = await self._syncer.run(trigger, sync_id, dry_run=dry_run)
        if not dry_run:
            # The server has had its chance to give its record to a new journal.
            self._record_offered = True
            if report.succeeded:
                self._synced()
            else:
                self._sync_soon.set()
        return report

    async def check(self, action: OpenAction) -> OpenCheck:
        """Count an order with live numbers without sending it. Never raises for the terminal's sake."""
        return await self._checker.check(action)

    async def adopt_record(self, state: RecordedState) -> None:
        """Take the server's record into a new journal: virtual levels, trailing stops, origins, last deal.
        Ignored by a journal that already has a record of its own."""
        await self._recorder.take_record(state)

    async def apply_policies(self, policies: Policies) -> list[str]:
        """Keep to policies from now on, journalled; return what could not be kept to, in plain words.

        A trade's policy is applied when its revision is above the one held, so that a resend changes
        nothing. Hiding or showing levels of open positions goes on in the background; what is refused there
        comes as alerts. Raises `JournalUnavailable`.
        """
        batch = Batch()
        self._store.put_policies(batch, policies)
        await self._store.commit(batch)
        problems = [
            problem
            for trade in policies.trades
            for part in (self._trailer, self._protector, self._hider)
            if (problem := await part.apply(trade))
        ]
        if self._syncer.in_sync:
            self._hider.bring_up()
        return problems

    def take_live_update(self) -> LiveUpdate | None:
        """Return the latest of what changed since the last call, None when nothing did."""
        return self._watcher.take_live()

    def tell_live_anew(self) -> None:
        """Take prices, profits and money as changed: somebody listens who knows none of them."""
        self._watcher.tell_live_anew()

    async def symbols(self) -> tuple[SymbolSpec, ...]:
        """Return the account's symbols as the terminal has them. Raises `TerminalUnavailable`."""
        return await self._terminal.symbols()

    def funds(self) -> Funds:
        """Return the account's money as last read, and what is wanted of the least equity."""
        account, status = self._view.account, self._terminal.status
        limits = Limits() if self._store.policies is None else self._store.policies.limits
        return Funds(
            floor=limits.minimum_equity,
            action=limits.minimum_equity_action,
            reading=None
            if account is None or self._view.account_at is None
            else FloorReading(
                equity=account.equity,
                balance=account.balance,
                told_at=self._view.account_at,
                read_at=self._terminal.last_read_at,
                linked=status.connected,
                login_matches=status.account_matches is True,
            ),
        )

    def status(self) -> CoreStatus:
        """Return the state of terminal, guard and journal, with ages as of now."""
        now = self._clock.awake_seconds()
        read_at, tick_at = self._terminal.last_read_at, self._view.tick_at
        read_age = None if read_at is None else max(0.0, now - read_at)
        seen = max((at for at in (read_at, tick_at) if at is not None), default=None)
        return CoreStatus(
            terminal=self._terminal.status,
            account=self._view.account,
            guard_age_seconds=None if seen is None else max(0.0, now - seen),
            read_age_seconds=read_age,
            tick_age_seconds=None if tick_at is None else max(0.0, now - tick_at),
            blind_seconds=read_age if read_age is not None and read_age >= 1.0 else None,
            guarded_count=self._guard.guarded_count,
            in_sync=self._syncer.in_sync,
            syncing=self._syncer.running,
            journal_problem=self._journal.problem,
            unknown_command_count=len(self._store.unknown_commands()),
        )

    def snapshot(self) -> RecordSnapshot:
        """Return the record: open positions and working orders as of the last event."""
        record = self._store.record
        return RecordSnapshot(
            self._store.next_seq - 1,
            tuple(known.record for known in record.positions.values() if not known.missing),
            tuple(order.record for order in record.orders.values()),
        )

    def state_hash(self) -> str:
        """Return SHA-256 over positions and orders sorted by ticket, in hex; empty before a first sync."""
        if not self._syncer.in_sync:
            return ""
        record = self._store.record
        return state_hash(
            (known for known in record.positions.values() if not known.missing), record.orders.values()
        )

    # -- stops -----------------------------------------------------------------------------------------

    async def stop(
        self, stop_id: str, close_positions: bool, progress: Callable[[StopProgress], None]
    ) -> StopProgress:
        """Carry out a stop that is latched already: wait for quiet, cancel our working orders, and with
        `close_positions` cancel every order and close every position, external ones too, until a re-read
        shows none. Calls `progress` at each change. Returns the complete progress.

        Journalled: after a restart call it again with the same id, and it goes on; a finished one answers
        from the journal at once. Cancelling the task interrupts it without undoing anything.
        """
        return await self._flattener.stop(stop_id, close_positions, progress)

    async def release_stops(self, stop_ids: Sequence[str]) -> None:
        """Forget stops that a re-arm has cleared; positions that appear are theirs no longer to close."""
        batch = Batch()
        self._store.drop_stop_tasks(batch, stop_ids)
        await self._store.commit(batch)

    async def lapse(self, policy: LapsePolicy) -> str:
        """Do what the policy wants of working orders (and positions) now that the lease has lapsed. Returns
        what was done, in plain words, e.g. `2 orders can still fill`. Goes on until it is done; to be
        cancelled when a lease is held again."""
        return await self._flattener.lapse(policy)

    async def unhide_all(self, why: str) -> list[str]:
        """Write the real levels to the broker for every hidden position, before a planned shutdown; return
        what could not be. Virtual levels stay guarded until their visible ones are seen."""
        self._showing_for_good = True
        return await self._hider.show_all(why)

    # -- what the parts tell ---------------------------------------------------------------------------

    def _journal_problem(self, words: str) -> None:
        if words:
            self._alerts.raise_alert(
                "journal",
                AlertSeverity.CRITICAL,
                "JOURNAL_UNAVAILABLE",
                f"No order is sent: {words}",
                known="The broker's own stops stand; hidden levels cannot be acted upon.",
                advice="Free disk space; trading goes on by itself.",
            )
            return
        self._alerts.settle(
            "journal", "JOURNAL_UNAVAILABLE", "the journal takes writes again", from_before=True
        )
        self._request_sync(SyncTrigger.BACKGROUND)
        self._wake()

    def _record_changed(self, identifiers: Collection[int]) -> None:
        self._guard.refresh(identifiers)
        if self._syncer.in_sync:
            self._hider.bring_up(identifiers)
            self._hider.protect(identifiers)

    def _opened(self, opened: Sequence[KnownPosition]) -> None:
        self._hider.protect([known.identifier for known in opened])
        self._tasks.spawn(self._trailer.catch_up(opened), "apply policies")
        self._tasks.spawn(self._protector.catch_up(opened), "apply policies")
        if self._gate.latched:
            self._born_under_stop(opened)
        elif self._gate.lapsed:
            self._born_without_lease(opened)
        elif over := [task.stop_id for task in self._store.stop_tasks.values() if task.complete]:
            # Nothing is held any more, so these were led out of.
            self._tasks.spawn(self._release_quietly(over), "forget stops")

    def _born_under_stop(self, opened: Sequence[KnownPosition]) -> None:
        """Tell of positions that appeared after a stop; those of our orders are closed if closing was asked.

        What this journal never ordered was opened by another bridge, perhaps after a re-arm that was given
        there while this one was away.
        """
        closing = next((task for task in self._store.stop_tasks.values() if task.close_positions), None)
        for known in opened:
            if not known.managed:
                continue
            position = known.position
            closed = closing is not None and (not closing.complete or position.magic in self._store.owners)
            self._alerts.raise_alert(
                f"after-stop:{known.identifier}",
                AlertSeverity.CRITICAL,
                "POSITION_AFTER_STOP",
                f"Position #{position.ticket} {position.symbol} appeared while trading is stopped",
                known="It is closed." if closed else "It was left as it is.",
                advice="Look at the account.",
                position_identifier=known.identifier,
            )
            if closing is not None and closing.complete and closed:
                command = Command(
                    str(uuid.uuid5(uuid.UUID(int=0), f"{closing.stop_id}|{known.identifier}")),
                    CommandOrigin.STOP,
                    CloseAction(known.identifier),
                    0,
                    False,
                    None,
                    cause="it appeared after an emergency stop that closes",
                    stop_id=closing.stop_id,
                )
                self._tasks.spawn(self._close_born(command), f"close {known.identifier}")

    def _born_without_lease(self, opened: Sequence[KnownPosition]) -> None:
        """Tell of positions that appeared after the lease had lapsed: orders that filled after all."""
        for known in opened:
            if not known.managed:
                continue
            position = known.position
            self._alerts.raise_alert(
                f"after-lapse:{known.identifier}",
                AlertSeverity.CRITICAL,
                "POSITION_AFTER_LAPSE",
                f"Position #{position.ticket} {position.symbol} appeared while there was no trading lease",
                known="An order that the broker held filled after all. The position was left as it is.",
                advice="Look at the account.",
                position_identifier=known.identifier,
            )

    async def _release_quietly(self, stop_ids: Sequence[str]) -> None:
        with contextlib.suppress(JournalUnavailable):
            await self.release_stops(stop_ids)

    async def _close_born(self, command: Command) -> None:
        with contextlib.suppress(JournalUnavailable):
            await self._executor.deliver(command)

    def _ticks(self, arrived: TicksArrived) -> None:
        self._guard.on_ticks(arrived)

    def _watch_started(self, started: WatchStarted) -> None:
        """Changes may have been missed."""
        self._guard.blinded(until_synced=True)
        if self._syncer.in_sync:
            log.info("the terminal is watched anew: %s", started.reason)
            self._syncer.doubt(started.reason)
            self._request_sync(SyncTrigger.RECONNECT)
        else:
            self._sync_soon.set()

    def _status_changed(self, changed: StatusChanged) -> None:
        status = changed.status
        if status.state is not TerminalState.NO_PIPE:
            self._show_rule.link(status.connected, self._clock.awake_seconds())
        if status.account_matches is False:
            self._watcher.pause()
            self._syncer.doubt("the terminal is logged in to another account")
            self._sync_trigger = SyncTrigger.ACCOUNT_CHANGE
            self._alerts.raise_alert(
                "account",
                AlertSeverity.CRITICAL,
                "ACCOUNT_MISMATCH",
                f"The terminal is logged in to account {status.login}, not to the one this bridge trades",
                known="Nothing is traded, and nothing is read from the other account.",
                advice="Log the terminal in to the right account.",
            )
        elif status.account_matches:
            self._alerts.settle(
                "account", "ACCOUNT_MISMATCH", "the terminal is on the right account", from_before=True
            )
        if status.state is not TerminalState.NO_PIPE and not self._syncer.in_sync:
            self._sync_soon.set()
        self._wake()

    def _request_sync(self, trigger: SyncTrigger) -> None:
        self._sync_trigger = trigger
        self._sync_soon.set()

    async def _sync_regularly(self) -> None:
        """Sync by ourselves: whenever the record is in doubt, and in the background."""
        pruned_at = self._clock.seconds()
        while True:
            in_sync = self._syncer.in_sync
            wait = self._settings.background_sync_seconds if in_sync else _SYNC_RETRY_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._sync_soon.wait()
            self._sync_soon.clear()
            if self._store.record.fresh and not self._record_offered:
                # The server may hold levels for a journal that lost them; its record comes first.
                continue
            trigger = self._sync_trigger if not self._syncer.in_sync else SyncTrigger.BACKGROUND
            report = await self._syncer.run(trigger, str(uuid.uuid4()), dry_run=False)
            if report.succeeded:
                self._sync_trigger = SyncTrigger.RECONNECT
                self._synced()
            else:
                await asyncio.sleep(_SYNC_RETRY_SECONDS)
            if self._clock.seconds() - pruned_at >= _PRUNE_SECONDS:
                pruned_at = self._clock.seconds()
                self._trailer.forget_gone()
                self._protector.forget_gone()
                with contextlib.suppress(JournalUnavailable):
                    await self._store.prune()

    def _synced(self) -> None:
        self._guard.refresh()
        self._guard.resume()
        self._protector.resume()
        self._hider.bring_up()
        self._hider.protect(list(self._store.record.positions))
        self._wake()

    async def _watch_guard(self) -> None:
        """Say when the guard is blind."""
        since = self._clock.awake_seconds()
        while True:
            await asyncio.sleep(_GUARD_CHECK_SECONDS)
            if self._syncer.in_sync and not self._showing_for_good:
                settings = self._store.stealth_settings
                if not self._settings.market_week:
                    settings = replace(settings, hidden_over_weekend=True)
                now, wall = self._clock.awake_seconds(), self._clock.wall_msc()
                self._hider.show_for_now(self._show_rule.why(settings, now, wall))
            self._tell_blindness(since)

    def _tell_blindness(self, since: float) -> None:
        """Alert where the terminal was not read for too long; `since`: when it was first to be."""
        read_at = self._terminal.last_read_at
        # A terminal that was just started has had no time to answer.
        blind = self._clock.awake_seconds() - (since if read_at is None else read_at)
        if blind < _BLIND_SECONDS:
            if read_at is not None:
                self._alerts.settle("blind", "GUARD_BLIND", "the terminal answers again", from_before=True)
        elif self._guard.guarded_count:
            self._guard.blinded()
            self._alerts.raise_alert(
                "blind",
                AlertSeverity.CRITICAL,
                "GUARD_BLIND",
                f"The guard has been blind for {blind:.1f} s: the terminal does not answer",
                known="Hidden levels, ladders and trailing stops are not watched meanwhile;"
                " the stops that the broker holds stand.",
                advice="Look at the terminal.",
            )
