"""Ladders and moves to break-even of open positions: targets are journalled when the market reaches them.

A target that was reached is closed once, whatever restarts; the stop follows afterwards and never loosens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from signalos_bridge.alerts import AlertBox
from signalos_bridge.clock import Clock
from signalos_bridge.domain import ladder
from signalos_bridge.domain.command import CommandRecord
from signalos_bridge.domain.facts import GuardState
from signalos_bridge.domain.market import Position, SymbolSpec, Tick
from signalos_bridge.domain.outcomes import NotSent
from signalos_bridge.domain.protection import Protection, ProtectionPlan, has_begun, kept
from signalos_bridge.domain.record import KnownPosition
from signalos_bridge.domain.tags import bridge_command_id, leg_magic, leg_of
from signalos_bridge.domain.values import (
    Action,
    AlertSeverity,
    BreakEvenAction,
    CloseAction,
    Command,
    CommandOrigin,
    CommandState,
    ModifyAction,
    TradePolicy,
)
from signalos_bridge.journal import JournalUnavailable
from signalos_bridge.own_commands import OwnCommands, filled_lots, is_gone, why_not
from signalos_bridge.recorder import Recorder
from signalos_bridge.store import Batch, Store
from signalos_bridge.tasks import Tasks
from signalos_bridge.terminal.port import Terminal, TerminalUnavailable
from signalos_bridge.view import TerminalView

log = logging.getLogger(__name__)

_JOURNAL_RETRY_SECONDS = 0.25
_ALERT_AFTER = 3
# Of another bridge's: so many attempts at a target, and legs of each, are looked for.
_MOST_ATTEMPTS = 50
_MOST_LEGS = 10
# A stop that was refused is tried again this much later, each time longer.
_SHORTEST_BACKOFF_SECONDS = 1.0
_LONGEST_BACKOFF_SECONDS = 60.0


@dataclass(slots=True)
class _Pace:
    """What the market has shown of a position, and when its stop may be tried again."""

    best: Decimal | None = None
    price: Decimal | None = None
    busy: bool = False
    next_at: float = 0.0
    backoff: float = _SHORTEST_BACKOFF_SECONDS


class Protector:
    """Take-profit ladders, and stops that follow them."""

    def __init__(
        self,
        store: Store,
        terminal: Terminal,
        view: TerminalView,
        recorder: Recorder,
        commands: OwnCommands,
        clock: Clock,
        alerts: AlertBox,
        tasks: Tasks,
    ) -> None:
        self._store = store
        self._terminal = terminal
        self._view = view
        self._recorder = recorder
        self._commands = commands
        self._clock = clock
        self._alerts = alerts
        self._tasks = tasks
        self._paces: dict[int, _Pace] = {}

    def on_ticks(self, known: KnownPosition, ticks: Sequence[Tick]) -> None:
        """Hold quotes against targets, and begin whatever is due."""
        protection = known.record.protection
        spec = self._view.last_spec(known.position.symbol)
        if protection is None or spec is None or known.missing:
            return
        pace = self._paces.setdefault(known.identifier, _Pace())
        side = known.position.side
        for tick in ticks:
            price = tick.closing_price(side)
            if price is not None:
                pace.price = price
                if pace.best is None or (price - pace.best) * side.value > 0:
                    pace.best = price
        if not pace.busy and self._next(known, protection, pace, spec) is not None:
            self._begin(known.identifier, pace)

    def resume(self) -> None:
        """Go on with what a restart interrupted, once the record is in sync."""
        for known in list(self._store.record.positions.values()):
            protection = known.record.protection
            if protection is None or known.missing:
                continue
            pace = self._paces.setdefault(known.identifier, _Pace())
            if ladder.due(protection) is not None and not pace.busy:
                self._begin(known.identifier, pace)

    def _begin(self, identifier: int, pace: _Pace) -> None:
        pace.busy = True
        self._tasks.spawn(self._work(identifier, pace), f"protect {identifier}")

    def _next(
        self, known: KnownPosition, protection: Protection, pace: _Pace, spec: SymbolSpec
    ) -> Callable[[], Coroutine[Any, Any, bool]] | None:
        """Return what is to be done next for a position; None: nothing now. False from it: it has to wait."""
        if self._store.resting:
            return None
        if known.record.guard_state not in (None, GuardState.ARMED):
            # The guard closes all of it.
            return None
        if pace.best is not None:
            after = ladder.reached(protection, known.position, pace.best, spec)
            if after is not protection:
                return lambda: self._trigger(known, protection, pace, spec)
        index = ladder.due(protection)
        if index is not None:
            return lambda: self._close(known, index, spec)
        if self._clock.awake_seconds() < pace.next_at:
            return None
        owed = ladder.owed_move(protection)
        if owed is not None:
            return lambda: self._follow(known, protection, owed, spec, pace)
        wish = protection.break_even
        if (
            wish is not None
            and not wish.done
            and pace.price is not None
            and has_begun(
                wish.plan.start,
                known.position,
                pace.price,
                known.record.initial_stop,
                spec,
                protection.targets_done,
            )
        ):
            offset = wish.plan.offset
            return lambda: self._break_even(known, offset, pace)
        return None

    async def _work(self, identifier: int, pace: _Pace) -> None:
        try:
            while True:
                known = self._store.record.positions.get(identifier)
                if known is None or known.missing or known.record.protection is None:
                    return
                spec = self._view.last_spec(known.position.symbol)
                if spec is None:
                    return
                step = self._next(known, known.record.protection, pace, spec)
                if step is None or not await step():
                    # The next quote begins anew.
                    return
        finally:
            pace.busy = False

    # -- targets ---------------------------------------------------------------------------------------

    async def _position(self, known: KnownPosition) -> Position | None:
        """Return the position as it is now: somebody may have closed a part of it a moment ago."""
        try:
            return await self._terminal.position(known.position.ticket)
        except TerminalUnavailable:
            return self._view.positions.get(known.identifier)

    async def _trigger(
        self, known: KnownPosition, protection: Protection, pace: _Pace, spec: SymbolSpec
    ) -> bool:
        """Journal the targets that the market has reached: from here on they are closed, come what may."""
        identifier, best = known.identifier, pace.best
        assert best is not None
        position = await self._position(known) or known.position
        if all(step.volume_lots is None for step in protection.steps):
            # The shares are of what there was before another bridge closed some of them.
            try:
                elsewhere = await self._closed_elsewhere(known, range(len(protection.steps)))
            except TerminalUnavailable:
                return False
            before = position.volume_lots + sum(elsewhere.values(), Decimal(0))
            position = replace(position, volume_lots=before)

        def triggered(held: KnownPosition) -> KnownPosition:
            current = held.record.protection
            if current is None:
                return held
            return _with(held, ladder.reached(current, position, best, spec))

        await self._journal(identifier, triggered, f"a target was reached: the price was at {best}")
        return True

    async def _close(self, known: KnownPosition, index: int, spec: SymbolSpec) -> bool:
        """Close a target's share, attempt after attempt; False: it is gone, or the guard closes it."""
        identifier = known.identifier
        revision = known.record.protection_revision
        number = index + 1

        def id_of(attempt: int) -> str:
            return self._ladder_id(identifier, revision, index, attempt)

        try:
            elsewhere = await self._closed_elsewhere(known, (index,))
        except TerminalUnavailable:
            return False
        failures = 0
        while not self._store.resting:
            theirs = {attempt for _, attempt in elsewhere}
            attempts = await self._commands.attempts(id_of, theirs)
            done_lots = sum(map(filled_lots, attempts), sum(elsewhere.values(), Decimal(0)))
            position = await self._position(known)
            current = self._store.record.positions.get(identifier)
            if current is None or current.record.protection is None or position is None:
                return False
            if current.record.protection_revision != revision or current.record.guard_state not in (
                None,
                GuardState.ARMED,
            ):
                return False
            protection = current.record.protection
            volume = ladder.close_volume(protection, index, done_lots, position.volume_lots, spec)
            if volume is not None and volume <= 0:
                break
            price = protection.steps[index].target.price
            record = await self._commands.run(
                _own(
                    id_of(self._commands.next_attempt(id_of, theirs)),
                    CloseAction(identifier, volume_lots=volume),
                    f"target {number} at {price} was reached",
                )
            )
            if is_gone(record):
                return False
            if record.state is CommandState.SUCCEEDED:
                done_lots += filled_lots(record)
                break
            failures += 1
            self._close_failed(current, record, number, failures)
            await asyncio.sleep(self._commands.pause_seconds(record, failures))
        else:
            return False
        self._alerts.settle(f"ladder:{identifier}", "LADDER_CLOSE_FAILED", "the target's close was executed")

        def closed(held: KnownPosition) -> KnownPosition:
            protection_ = held.record.protection
            if protection_ is None or held.record.protection_revision != revision:
                return held
            return _with(held, ladder.closed(protection_, index, done_lots))

        await self._journal(identifier, closed, f"target {number} closed {done_lots} lots")
        return True

    async def _closed_elsewhere(
        self, known: KnownPosition, indexes: Iterable[int]
    ) -> dict[tuple[int, int], Decimal]:
        """Return what another bridge of this account has closed at targets, by target and attempt.

        Its commands have the ids that ours would have, so that their magic numbers say what they were. Raises
        `TerminalUnavailable`.
        """
        identifier, revision = known.identifier, known.record.protection_revision
        others: dict[int, Decimal] = {}
        for deal in await self._terminal.deals_of_position(identifier):
            if deal.entry.reduces and deal.magic > 0 and deal.magic not in self._store.owners:
                leg = leg_of(deal.magic)
                others[leg] = others.get(leg, Decimal(0)) + deal.volume_lots
        if not others:
            return {}
        found: dict[tuple[int, int], Decimal] = {}
        for index in indexes:
            for attempt in range(1, _MOST_ATTEMPTS + 1):
                command_id = self._ladder_id(identifier, revision, index, attempt)
                legs = (leg_magic(0, command_id, number) for number in range(_MOST_LEGS))
                lots = sum((others.get(leg, Decimal(0)) for leg in legs), Decimal(0))
                if lots:
                    found[index, attempt] = lots
        if found:
            log.warning("another bridge has closed shares of %d: %s", identifier, found)
        return found

    def _close_failed(self, known: KnownPosition, record: CommandRecord, number: int, failures: int) -> None:
        if failures < _ALERT_AFTER:
            return
        self._alerts.raise_alert(
            f"ladder:{known.identifier}",
            AlertSeverity.CRITICAL,
            "LADDER_CLOSE_FAILED",
            f"Target {number} of #{known.position.ticket} was reached, and its close failed: "
            f"{why_not(record)}",
            known=f"The broker's own stop is at {known.position.stop_loss or 'none'}.",
            advice="It is tried again; close it by hand if you can.",
            command_id=record.command.command_id,
            position_identifier=known.identifier,
        )

    # -- stops -----------------------------------------------------------------------------------------

    async def _follow(
        self, known: KnownPosition, protection: Protection, index: int, spec: SymbolSpec, pace: _Pace
    ) -> bool:
        """Let the stop follow a target that was closed."""
        revision = known.record.protection_revision
        words = f"the stop follows target {index + 1}"
        action: Action | None
        if ladder.goes_to_break_even(protection, index):
            action = BreakEvenAction(known.identifier)
        else:
            stop = ladder.followed_stop(protection, index, known.position.side, known.effective_stop, spec)
            action = None if stop is None else ModifyAction(known.identifier, True, stop, False, None)
        if action is not None and not await self._move(
            known, action, f"follow:{revision}:{index}", words, pace
        ):
            return False

        def moved(held: KnownPosition) -> KnownPosition:
            protection_ = held.record.protection
            if protection_ is None or held.record.protection_revision != revision:
                return held
            return _with(held, ladder.moved(protection_, index))

        await self._journal(known.identifier, moved, words)
        return True

    async def _break_even(self, known: KnownPosition, offset: Decimal, pace: _Pace) -> bool:
        """Move the stop to where leaving costs nothing, once."""
        revision = known.record.protection_revision
        words = "the stop moves to break-even"
        action = BreakEvenAction(known.identifier, offset)
        if not await self._move(known, action, f"break-even:{revision}", words, pace):
            return False

        def done(held: KnownPosition) -> KnownPosition:
            protection = held.record.protection
            if (
                protection is None
                or protection.break_even is None
                or held.record.protection_revision != revision
            ):
                return held
            return _with(held, replace(protection, break_even=replace(protection.break_even, done=True)))

        await self._journal(known.identifier, done, words)
        return True

    async def _move(self, known: KnownPosition, action: Action, step: str, words: str, pace: _Pace) -> bool:
        """Move a stop; False: it was refused, and is tried again later. The old stop stands meanwhile."""
        identifier = known.identifier

        def id_of(attempt: int) -> str:
            # A stop that another bridge's journal, or this one before it was renewed, moved is moved again.
            return self._id(identifier, f"{step}:{known.taken_msc}" if known.taken_msc else step, attempt)

        attempts = await self._commands.attempts(id_of)
        record = attempts[-1] if attempts else None
        if record is None or record.state is not CommandState.SUCCEEDED:
            record = await self._commands.run(_own(id_of(len(attempts) + 1), action, words))
        if record.state is CommandState.SUCCEEDED or _is_tighter(record):
            pace.backoff, pace.next_at = _SHORTEST_BACKOFF_SECONDS, 0.0
            self._alerts.settle(f"follow:{identifier}", "STOP_NOT_MOVED", "the stop was moved")
            return True
        pace.next_at = self._clock.awake_seconds() + pace.backoff
        pace.backoff = min(pace.backoff * 2, _LONGEST_BACKOFF_SECONDS)
        if not is_gone(record) and pace.backoff == _LONGEST_BACKOFF_SECONDS:
            self._alerts.raise_alert(
                f"follow:{identifier}",
                AlertSeverity.WARNING,
                "STOP_NOT_MOVED",
                f"The stop of #{known.position.ticket} could not be moved: {why_not(record)}",
                known="It stays where it is.",
                advice="It is tried again.",
                command_id=record.command.command_id,
                position_identifier=identifier,
            )
        return False

    # -- policies --------------------------------------------------------------------------------------

    async def apply(self, policy: TradePolicy) -> str:
        """Keep to what is wanted of a trade; return why that cannot be, empty when it is kept to.

        A policy for a position that is not seen yet is kept by the trailer's part of it. Raises
        `JournalUnavailable`.
        """
        known = self._store.record.positions.get(policy.position_identifier)
        if known is None or known.record.protection_revision >= policy.protection_revision:
            return ""
        plan = policy.protection
        if plan is not None:
            why = await self._problem(plan, known)
            if why:
                return f"ladder of #{known.position.ticket}: {why}"
        batch = Batch()
        self._store.put_trade_policy(batch, policy)
        await self._store.commit(batch)
        self._paces.pop(known.identifier, None)
        protection = kept(plan)
        silent = protection is None and known.record.protection is None
        words = "its ladder and break-even were taken away" if protection is None else _words(protection)

        def planned(held: KnownPosition) -> KnownPosition:
            return replace(
                held,
                record=replace(
                    held.record,
                    protection=protection,
                    protection_revision=policy.protection_revision,
                ),
            )

        await self._recorder.change(known.identifier, planned, "" if silent else words)
        return ""

    async def _problem(self, plan: ProtectionPlan, known: KnownPosition) -> str:
        """Return why a plan cannot be kept to. A target behind the market would close at once."""
        price = None
        if plan.targets:
            try:
                tick = await self._terminal.tick(known.position.symbol)
            except TerminalUnavailable as error:
                return f"whether its targets are ahead of the market cannot be seen: {error.why}"
            price = tick.closing_price(known.position.side) if tick is not None else None
            if price is None:
                return f"there is no quote of {known.position.symbol} to hold its targets against"
        problem = ladder.problem_of(plan, known.position.side, price)
        return "" if problem is None else problem.message

    async def catch_up(self, known: Sequence[KnownPosition]) -> None:
        """Apply policies that came before their positions were seen."""
        for position in known:
            policy = self._store.trade_policies.get(position.identifier)
            if policy is None or policy.protection_revision <= position.record.protection_revision:
                continue
            while True:
                try:
                    await self.apply(policy)
                    break
                except JournalUnavailable:
                    await asyncio.sleep(_JOURNAL_RETRY_SECONDS)

    def forget_gone(self) -> None:
        """Drop what is kept in memory of positions that are gone."""
        for identifier in self._paces.keys() - self._store.record.positions.keys():
            del self._paces[identifier]

    # -- small things ----------------------------------------------------------------------------------

    def _ladder_id(self, identifier: int, revision: int, index: int, attempt: int) -> str:
        return self._id(identifier, f"ladder:{revision}:{index}", attempt)

    def _id(self, identifier: int, step: str, attempt: int) -> str:
        return bridge_command_id(self._store.account_id, identifier, step, attempt)

    async def _journal(
        self, identifier: int, how: Callable[[KnownPosition], KnownPosition], words: str
    ) -> None:
        while True:
            try:
                await self._recorder.change(identifier, how, words)
            except JournalUnavailable:
                await asyncio.sleep(_JOURNAL_RETRY_SECONDS)
            else:
                return


def _is_tighter(record: CommandRecord) -> bool:
    """Return whether the stop needed no move: somebody had tightened it further."""
    return any(leg.code == NotSent.STOP_IS_TIGHTER.name for leg in record.legs or ())


def _with(known: KnownPosition, protection: Protection) -> KnownPosition:
    return replace(known, record=replace(known.record, protection=protection))


def _own(command_id: str, action: Action, cause: str) -> Command:
    return Command(
        command_id=command_id,
        origin=CommandOrigin.LADDER,
        action=action,
        stop_generation=0,
        automated=False,
        deadline=None,
        cause=cause,
    )


def _words(protection: Protection) -> str:
    parts: list[str] = []
    if protection.steps:
        targets = ", ".join(
            f"{step.target.share * 100:.0f} % at {step.target.price}" for step in protection.steps
        )
        parts.append(f"a ladder was set: {targets}")
    if protection.break_even is not None:
        parts.append("a move to break-even was set")
    return "; ".join(parts)
