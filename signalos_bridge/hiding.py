"""Hiding and showing levels of open positions, and the disaster stop that every hidden position must have.

The hidden levels are journalled and armed before the broker's are widened, and kept until the broker's are
seen. The effective level never loosens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine
from dataclasses import replace
from decimal import Decimal
from typing import Any

from signalos_bridge.alerts import AlertBox
from signalos_bridge.clock import Clock
from signalos_bridge.domain.command import CommandRecord, HiddenLevels
from signalos_bridge.domain.facts import GuardState
from signalos_bridge.domain.market import Position
from signalos_bridge.domain.record import KnownPosition
from signalos_bridge.domain.stealth import Concealment, disaster_stop
from signalos_bridge.domain.tags import bridge_command_id
from signalos_bridge.domain.values import (
    AlertSeverity,
    CloseAction,
    Command,
    CommandOrigin,
    CommandState,
    TradePolicy,
)
from signalos_bridge.executor import Executor
from signalos_bridge.failpoints import reach
from signalos_bridge.journal import JournalUnavailable
from signalos_bridge.level_writer import write_levels
from signalos_bridge.recorder import Recorder
from signalos_bridge.store import Batch, Store
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
        self._shown_because = ""
        # Why levels could not be moved when that was last tried.
        self._problems: dict[int, str] = {}

    # -- what is wanted --------------------------------------------------------------------------------

    @property
    def shown_because(self) -> str:
        """Return why every level is shown for the time being; empty: nothing wants that."""
        return self._shown_because

    def wanted(self, known: KnownPosition) -> Concealment:
        """Return what of a position's levels is to be hidden now."""
        policies = self._store.policies
        if self._shown_because:
            return Concealment.NOTHING
        if policies is None:
            # A journal that has just begun: nobody has said yet what is wanted.
            return held_concealment(known)
        policy = self._store.trade_policies.get(known.identifier)
        stealth = policies.stealth if policy is None or policy.stealth is None else policy.stealth
        if not stealth:
            return Concealment.NOTHING
        if not policies.stealth_settings.mandatory_stop:
            return Concealment.BOTH
        hides = known.effective_stop is not None and known.effective_target is not None
        return Concealment.TARGET if hides else Concealment.NOTHING

    def _is_as_wanted(self, known: KnownPosition) -> bool:
        return held_concealment(known) is self.wanted(known) and not known.concealing

    def bring_up(self, about: Collection[int] | None = None) -> None:
        """Begin to hide or show whatever is not as it is wanted; `about`: of these positions alone."""
        positions = self._store.record.positions
        if self._store.resting:
            return
        for identifier in list(positions) if about is None else about:
            known = positions.get(identifier)
            if known is None or known.missing or not known.managed or self._is_as_wanted(known):
                continue
            if identifier not in self._busy:
                self._spawn(self._turn(identifier), identifier, "hide")

    def protect(self, about: Collection[int]) -> None:
        """Look after the disaster stop of hidden positions."""
        if self._store.resting:
            # Whether it is still to be hidden is for the bridge to know that manages it.
            return
        for identifier in about:
            known = self._store.record.positions.get(identifier)
            if known is None or known.missing or known.position.stop_loss is not None:
                continue
            if known.record.stop_hidden and not known.concealing and identifier not in self._busy:
                self._spawn(self._protect(identifier), identifier, "protect")

    def show_for_now(self, why: str) -> None:
        """Show every level until this is called with another wish; empty: as the policies want."""
        if why == self._shown_because:
            return
        self._shown_because = why
        hidden = [one for one in self._store.record.positions.values() if one.record.hidden]
        if why and hidden:
            self._alerts.raise_alert(
                "levels-shown",
                AlertSeverity.WARNING,
                "LEVELS_SHOWN",
                f"The levels of {len(hidden)} hidden positions are written to the broker: {why}",
                known="They are guarded by the bridge until the broker shows them.",
                advice="Nothing to do: they are hidden again once that is over.",
            )
        if not why:
            self._alerts.settle("levels-shown", "LEVELS_SHOWN", "levels are hidden again")
        self.bring_up()

    async def apply(self, policy: TradePolicy) -> str:
        """Keep to what is wanted of one trade's levels. Raises `JournalUnavailable`."""
        held = self._store.trade_policies.get(policy.position_identifier)
        if policy.stealth != (None if held is None else held.stealth):
            batch = Batch()
            self._store.put_trade_policy(batch, policy)
            await self._store.commit(batch)
        return ""

    def _spawn(self, work: Coroutine[Any, Any, None], identifier: int, what: str) -> None:
        self._busy.add(identifier)
        self._tasks.spawn(work, f"{what} {identifier}")

    async def _turn(self, identifier: int) -> None:
        """Hide or show, as is wanted by then, until it is done."""
        failures = 0
        try:
            while True:
                known = self._store.record.positions.get(identifier)
                if self._store.resting:
                    return
                if known is None or known.missing or self._is_as_wanted(known):
                    moved = "the levels are where they should be"
                    self._alerts.settle(f"levels:{identifier}", "LEVELS_NOT_MOVED", moved)
                    return
                wanted, held = self.wanted(known), held_concealment(known)
                if known.record.guard_state not in (None, GuardState.ARMED):
                    # It is being closed: nothing is moved meanwhile.
                    problem = "its close is under way"
                elif wanted is Concealment.NOTHING or held not in (Concealment.NOTHING, wanted):
                    problem = await self.show(known)
                else:
                    problem = await self._hide(known, wanted)
                if not problem:
                    failures = 0
                    self._problems.pop(identifier, None)
                    await asyncio.sleep(_POLL_SECONDS)
                    continue
                self._problems[identifier] = problem
                what = "shown" if wanted is Concealment.NOTHING else "hidden"
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
                failures += 1
        finally:
            self._busy.discard(identifier)
            self._problems.pop(identifier, None)

    # -- hiding ----------------------------------------------------------------------------------------

    async def _hide(self, known: KnownPosition, wanted: Concealment) -> str:
        """Journal and arm the hidden levels, then let the broker hold the disaster stop; return why not.

        A restart between the two goes on with the second.
        """
        try:
            position = await self._terminal.position(known.position.ticket)
            if position is None:
                return ""
            stop: Decimal | None
            if wanted is Concealment.TARGET:
                stop = known.effective_stop
            else:
                stop = await self._disaster(position, known.effective_stop, known.record.hidden)
        except TerminalUnavailable as error:
            return error.why
        if stop is None:
            return "no disaster stop can be counted, or none fits, so its levels stay visible"
        after: KnownPosition | None = known
        if not known.record.hidden:
            try:
                after = await self._recorder.change(
                    known.identifier, lambda held: _hidden(held, wanted), "its levels are hidden"
                )
            except JournalUnavailable as error:
                return str(error)
            if after is None:
                return ""
            reach("after_hidden")
        assert after is not None
        levels = HiddenLevels(stop, None)
        if (position.stop_loss, position.take_profit) != (stop, None):
            written = await write_levels(
                self._store,
                self._executor,
                position,
                levels,
                origin=CommandOrigin.GUARD,
                step=f"hide:{after.level_revision}:{self._clock.wall_msc()}",
                cause=f"levels are hidden behind the broker's stop at {stop}",
            )
            if problem := _why_not_written(written):
                return problem
        if not await self._seen(position.ticket, levels):
            return "the broker does not show the disaster stop yet"
        try:
            # The broker's levels are told by who watches them.
            await self._recorder.change(known.identifier, lambda held: replace(held, concealing=False), "")
        except JournalUnavailable as error:
            return str(error)
        return ""

    async def _disaster(self, position: Position, stop: Decimal | None, hidden: bool) -> Decimal | None:
        spec = await self._view.spec(position.symbol, fresh=True)
        tick = await self._terminal.tick(position.symbol)
        if spec is None or tick is None:
            return None
        if hidden:
            # What is hidden already: the broker's own level may be the tighter, and is on its way out.
            known = self._store.record.positions.get(position.identifier)
            stop = known.record.virtual_stop_loss if known is not None else stop
        money = self._view.money(spec, self._store.equity_floor, apart=position.identifier)
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
        if problem := _why_not_written(written):
            return problem
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
                    target_only=False,
                ),
                concealing=False,
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
        if self._store.resting:
            log.info("levels are another bridge's to show: %s", self._store.resting)
            return []
        log.info("levels are shown: %s", why)
        # From now on nothing is hidden again.
        self._shown_because = why
        self.bring_up()
        hidden = [one.identifier for one in self._store.record.positions.values() if one.record.hidden]
        until = self._clock.awake_seconds() + _SHOWN_SECONDS
        problems: list[str] = []
        for identifier in hidden:
            while identifier in self._busy and self._clock.awake_seconds() < until:  # noqa: ASYNC110 (a task ends)
                await asyncio.sleep(_POLL_SECONDS)
            known = self._store.record.positions.get(identifier)
            if known is not None and known.record.hidden and not known.missing:
                why_not = self._problems.get(identifier, "the broker has not answered in time")
                problems.append(f"#{known.position.ticket}: {why_not}")
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
            stop = await self._disaster(position, known.record.virtual_stop_loss, hidden=True)
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


def held_concealment(known: KnownPosition) -> Concealment:
    """Return what of a position's levels is hidden."""
    if not known.record.hidden:
        return Concealment.NOTHING
    return Concealment.TARGET if known.record.target_only else Concealment.BOTH


def _hidden(held: KnownPosition, wanted: Concealment) -> KnownPosition:
    """Return a position with its levels hidden in the record, before the broker's are moved."""
    target_only = wanted is Concealment.TARGET
    stop, target = None if target_only else held.effective_stop, held.effective_target
    return replace(
        held,
        record=replace(
            held.record,
            virtual_stop_loss=stop,
            virtual_take_profit=target,
            hidden=True,
            guard_state=None if stop is None and target is None else GuardState.ARMED,
            target_only=target_only,
        ),
        concealing=True,
    )


def _why_not_written(written: CommandRecord | None) -> str:
    if written is None:
        return "the journal cannot be written"
    if written.state is CommandState.SUCCEEDED:
        return ""
    return next((leg.message for leg in written.legs or () if leg.message), "not done")
