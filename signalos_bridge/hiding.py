"""Hiding and showing levels of open positions, and the disaster stop that every hidden position must have.

The hidden levels are journalled and armed before the broker's are widened, and kept until the broker's are
seen. The effective level never loosens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from signalos_bridge.alerts import AlertBox
from signalos_bridge.clock import Clock
from signalos_bridge.domain.command import HiddenLevels
from signalos_bridge.domain.facts import GuardState
from signalos_bridge.domain.market import Position
from signalos_bridge.domain.record import KnownPosition
from signalos_bridge.domain.stealth import Money, disaster_stop
from signalos_bridge.domain.tags import bridge_command_id
from signalos_bridge.domain.values import (
    AlertSeverity,
    CloseAction,
    Command,
    CommandOrigin,
    CommandState,
)
from signalos_bridge.executor import Executor
from signalos_bridge.journal import JournalUnavailable
from signalos_bridge.level_writer import write_levels
from signalos_bridge.recorder import Recorder
from signalos_bridge.store import Store
from signalos_bridge.tasks import Tasks
from signalos_bridge.terminal.port import Terminal, TerminalUnavailable
from signalos_bridge.view import TerminalView

log = logging.getLogger(__name__)

_BACKOFF_SECONDS = (0.5, 1.0, 5.0, 15.0, 60.0)
# The disaster stop is to be seen at the broker within this.
_SHOWN_SECONDS = 2.0
_POLL_SECONDS = 0.05


class Hider:
    """Moves levels between the broker and the bridge."""

    def __init__(
        self,
        store: Store,
        terminal: Terminal,
        view: TerminalView,
        executor: Executor,
        recorder: Recorder,
        clock: Clock,
        alerts: AlertBox,
        tasks: Tasks,
    ) -> None:
        self._store = store
        self._terminal = terminal
        self._view = view
        self._executor = executor
        self._recorder = recorder
        self._clock = clock
        self._alerts = alerts
        self._tasks = tasks
        self._busy: set[int] = set()

    @property
    def wanted(self) -> bool:
        """Return whether levels are to be hidden."""
        policies = self._store.policies
        return policies is not None and policies.stealth

    def bring_up(self) -> None:
        """Begin to hide or show whatever is not as it is wanted."""
        wanted = self.wanted
        for known in self._store.record.positions.values():
            if known.missing or not known.managed or known.record.hidden is wanted:
                continue
            self._begin(known.identifier)

    def protect(self, opened: Sequence[KnownPosition]) -> None:
        """Look after the disaster stop of hidden positions."""
        for known in opened:
            if known.record.hidden and known.position.stop_loss is None and not known.missing:
                self._spawn(known.identifier, "protect")

    def _begin(self, identifier: int) -> None:
        self._spawn(identifier, "hide")

    def _spawn(self, identifier: int, what: str) -> None:
        if identifier in self._busy:
            return
        self._busy.add(identifier)
        work = self._protect(identifier) if what == "protect" else self._turn(identifier)
        self._tasks.spawn(work, f"{what} {identifier}")

    async def _turn(self, identifier: int) -> None:
        """Hide or show, as is wanted by then, until it is done."""
        try:
            for failures in range(1000):
                known = self._store.record.positions.get(identifier)
                if known is None or known.missing or known.record.hidden is self.wanted:
                    return
                problem = await (self._hide(known) if self.wanted else self.show(known))
                if not problem:
                    moved = "the levels are where they should be"
                    self._alerts.settle(f"levels:{identifier}", "LEVELS_NOT_MOVED", moved)
                    return
                what = "hidden" if self.wanted else "shown"
                self._alerts.raise_alert(
                    f"levels:{identifier}",
                    AlertSeverity.WARNING,
                    "LEVELS_NOT_MOVED",
                    f"The levels of #{known.position.ticket} could not be {what}: {problem}",
                    known="They are guarded as before.",
                    advice="It is tried again.",
                    position_identifier=identifier,
                )
                await asyncio.sleep(_BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)])
        finally:
            self._busy.discard(identifier)

    # -- hiding ----------------------------------------------------------------------------------------

    async def _hide(self, known: KnownPosition) -> str:
        """Return why not; empty when it is done."""
        try:
            position = await self._terminal.position(known.position.ticket)
            if position is None:
                return ""
            stop = await self._disaster(position, known.effective_stop)
        except TerminalUnavailable as error:
            return error.why
        if stop is None:
            return "no disaster stop can be counted, so its levels stay visible"
        levels = HiddenLevels(known.effective_stop, known.effective_target)
        guarded = levels.stop_loss is not None or levels.take_profit is not None

        def hidden(held: KnownPosition) -> KnownPosition:
            return replace(
                held,
                record=replace(
                    held.record,
                    virtual_stop_loss=levels.stop_loss,
                    virtual_take_profit=levels.take_profit,
                    hidden=True,
                    guard_state=GuardState.ARMED if guarded else None,
                ),
            )

        try:
            after = await self._recorder.change(known.identifier, hidden, "its levels are hidden")
        except JournalUnavailable as error:
            return str(error)
        if after is None:
            return ""
        for attempt in range(len(_BACKOFF_SECONDS)):
            record = await write_levels(
                self._store,
                self._executor,
                position,
                HiddenLevels(stop, None),
                origin=CommandOrigin.GUARD,
                step=f"hide:{after.level_revision}:{attempt}",
                cause=f"levels are hidden behind a disaster stop at {stop}",
            )
            if record is not None and record.state is CommandState.SUCCEEDED:
                return ""
            await asyncio.sleep(_BACKOFF_SECONDS[attempt])
        # The broker still holds the visible levels: as safe, and not hidden.
        self._alerts.raise_alert(
            f"levels:{known.identifier}",
            AlertSeverity.WARNING,
            "LEVELS_NOT_HIDDEN",
            f"The broker still holds the levels of #{position.ticket}: it refused to move them",
            known="They are guarded by the bridge as well.",
            position_identifier=known.identifier,
        )
        return ""

    async def _disaster(self, position: Position, stop: Decimal | None) -> Decimal | None:
        spec = await self._view.spec(position.symbol, fresh=True)
        tick = await self._terminal.tick(position.symbol)
        if spec is None or tick is None:
            return None
        account = self._view.account
        money = Money(account.equity if account else None, spec.tick_value_loss or spec.tick_value)
        return disaster_stop(position.side, position.volume_lots, stop, spec, tick, money)

    # -- showing ---------------------------------------------------------------------------------------

    async def show(self, known: KnownPosition) -> str:
        """Write the real levels to the broker, and stop guarding once they are seen; return why not."""
        try:
            position = await self._terminal.position(known.position.ticket)
        except TerminalUnavailable as error:
            return error.why
        if position is None:
            return ""
        record = known.record
        levels = HiddenLevels(
            known.effective_stop if record.virtual_stop_loss is not None else position.stop_loss,
            record.virtual_take_profit,
        )
        written = await write_levels(
            self._store,
            self._executor,
            position,
            levels,
            origin=CommandOrigin.GUARD,
            step=f"show:{known.level_revision}:{self._clock.wall_msc()}",
            cause="hidden levels are written to the broker",
        )
        if written is None:
            return "the journal cannot be written"
        if written.state is not CommandState.SUCCEEDED:
            return next((leg.message for leg in written.legs or () if leg.message), "not done")
        if not await self._seen(position.ticket, levels):
            return "the broker does not show them yet"

        def shown(held: KnownPosition) -> KnownPosition:
            if held.record.guard_state not in (None, GuardState.ARMED):
                # A crossing came first; its close goes on.
                return held
            # The record shows what was just seen, not what the last reading had.
            now = replace(held.position, stop_loss=levels.stop_loss, take_profit=levels.take_profit)
            return replace(
                held,
                record=replace(
                    held.record,
                    position=now,
                    virtual_stop_loss=None,
                    virtual_take_profit=None,
                    hidden=False,
                    guard_state=None,
                ),
            )

        try:
            await self._recorder.change(known.identifier, shown, "its levels are visible to the broker")
        except JournalUnavailable as error:
            return str(error)
        return ""

    async def _seen(self, ticket: int, levels: HiddenLevels) -> bool:
        until = self._clock.awake_seconds() + _SHOWN_SECONDS
        while self._clock.awake_seconds() < until:
            try:
                position = await self._terminal.position(ticket)
            except TerminalUnavailable:
                return False
            if position is None or (
                position.stop_loss == levels.stop_loss and position.take_profit == levels.take_profit
            ):
                return True
            await asyncio.sleep(_POLL_SECONDS)
        return False

    async def show_all(self, why: str) -> list[str]:
        """Write the real levels of every hidden position; return what could not be."""
        log.info("levels are shown: %s", why)
        problems: list[str] = []
        for known in list(self._store.record.positions.values()):
            if known.record.hidden and not known.missing:
                problem = await self.show(known)
                if problem:
                    problems.append(f"#{known.position.ticket}: {problem}")
        return problems

    # -- protecting ------------------------------------------------------------------------------------

    async def _protect(self, identifier: int) -> None:
        """Send a disaster stop that is missing; where it does not show in time, close, and say so."""
        try:
            known = self._store.record.positions.get(identifier)
            if known is None or known.missing or not known.record.hidden:
                return
            position = await self._terminal.position(known.position.ticket)
            if position is None or position.stop_loss is not None:
                return
            stop = await self._disaster(position, known.record.virtual_stop_loss)
            if stop is not None:
                levels = HiddenLevels(stop, position.take_profit)
                await write_levels(
                    self._store,
                    self._executor,
                    position,
                    levels,
                    origin=CommandOrigin.GUARD,
                    step=f"protect:{known.level_revision}",
                    cause=f"the disaster stop was missing: sent again at {stop}",
                )
                if await self._seen(position.ticket, levels):
                    return
            await self._close(known)
        except TerminalUnavailable as error:
            log.warning("the disaster stop of %d cannot be looked at: %s", identifier, error.why)
        finally:
            self._busy.discard(identifier)

    async def _close(self, known: KnownPosition) -> None:
        words = "the broker does not show the disaster stop"
        command = Command(
            bridge_command_id(self._store.account_id, known.identifier, "protect", known.level_revision),
            CommandOrigin.GUARD,
            CloseAction(known.identifier),
            0,
            False,
            None,
            cause=words,
        )
        self._alerts.raise_alert(
            f"protect:{known.identifier}",
            AlertSeverity.CRITICAL,
            "DISASTER_STOP_MISSING",
            f"Position #{known.position.ticket} is closed: {words}",
            known="Its hidden levels had nothing behind them.",
            position_identifier=known.identifier,
            command_id=command.command_id,
        )
        try:
            await self._executor.perform(command)
        except JournalUnavailable as error:
            log.warning("position %d was not closed: %s", known.identifier, error)
