"""Trailing stops: marks move with every quote, stops follow at most once a second, and never loosen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from signalos_bridge.alerts import AlertBox
from signalos_bridge.clock import Clock
from signalos_bridge.domain.command import HiddenLevels
from signalos_bridge.domain.facts import GuardState
from signalos_bridge.domain.market import Tick
from signalos_bridge.domain.record import KnownPosition
from signalos_bridge.domain.stealth import disaster_stop, ratchet
from signalos_bridge.domain.trailing import (
    MOVES_A_DAY,
    MoveCount,
    advance,
    next_stop,
    problem_of,
)
from signalos_bridge.domain.values import (
    AlertSeverity,
    CommandOrigin,
    CommandState,
    TradePolicy,
    TrailingStop,
)
from signalos_bridge.executor import Executor
from signalos_bridge.journal import JournalUnavailable
from signalos_bridge.level_writer import write_levels
from signalos_bridge.recorder import Recorder
from signalos_bridge.store import Batch, Store
from signalos_bridge.tasks import Tasks
from signalos_bridge.view import TerminalView

log = logging.getLogger(__name__)

_SHORTEST_BACKOFF_SECONDS = 1.0
_LONGEST_BACKOFF_SECONDS = 60.0
_MARK_SECONDS = 1.0
_DAY_MSC = 24 * 3600 * 1000


@dataclass(slots=True)
class _Pace:
    """When a position's stop may move again, and when its mark was last written."""

    next_at: float = 0.0
    backoff: float = _SHORTEST_BACKOFF_SECONDS
    marked_at: float = 0.0
    busy: bool = False


class Trailer:
    """Trailing stops of open positions."""

    def __init__(
        self,
        store: Store,
        view: TerminalView,
        executor: Executor,
        recorder: Recorder,
        clock: Clock,
        alerts: AlertBox,
        tasks: Tasks,
    ) -> None:
        self._store = store
        self._view = view
        self._executor = executor
        self._recorder = recorder
        self._clock = clock
        self._alerts = alerts
        self._tasks = tasks
        self._marks: dict[int, TrailingStop] = {}
        self._paces: dict[int, _Pace] = {}

    def on_ticks(self, known: KnownPosition, ticks: Sequence[Tick]) -> None:
        """Move the mark, and begin to move the stop where it is due."""
        identifier, held = known.identifier, known.record.trailing
        if self._store.resting:
            return
        spec = self._view.last_spec(known.position.symbol)
        if held is None or held.suspended or spec is None:
            return
        mark = self._marks.get(identifier)
        if mark is None or mark.plan != held.plan:
            mark = held
        protection = known.record.protection
        moved = advance(
            mark,
            known.position,
            ticks,
            spec,
            initial_stop=known.record.initial_stop,
            targets_done=0 if protection is None else protection.targets_done,
        )
        self._marks[identifier] = moved.trailing
        pace = self._paces.setdefault(identifier, _Pace())
        now = self._clock.awake_seconds()
        if pace.busy:
            return
        if now >= pace.next_at:
            stop = next_stop(
                moved.trailing,
                known.position,
                known.effective_stop,
                ticks[-1],
                spec,
                hidden=known.record.stop_hidden,
            )
            if stop is not None:
                pace.busy = True
                interval = held.plan.min_interval_seconds
                self._tasks.spawn(self._move(known, stop, ticks[-1], pace, interval), f"trail {identifier}")
                return
        if moved.activated_now or (moved.trailing != held and now - pace.marked_at >= _MARK_SECONDS):
            pace.busy = True
            pace.marked_at = now
            words = "the trailing stop was activated" if moved.activated_now else ""
            self._tasks.spawn(self._write_mark(identifier, words, pace), f"mark {identifier}")

    def restless(self, known: KnownPosition) -> bool:
        """Return whether a quote that changes nothing still matters: a mark waits to be written."""
        mark = self._marks.get(known.identifier)
        held = known.record.trailing
        return mark is not None and held is not None and not held.suspended and mark != held

    async def _write_mark(self, identifier: int, words: str, pace: _Pace) -> None:
        try:
            await self._recorder.change(identifier, self._with_mark, words, trailing=True)
        except JournalUnavailable as error:
            log.warning("the mark of %d was not written: %s", identifier, error)
        finally:
            pace.busy = False

    def _with_mark(self, known: KnownPosition) -> KnownPosition:
        mark, held = self._marks.get(known.identifier), known.record.trailing
        if mark is None or held is None or held.plan != mark.plan or held.suspended:
            return known
        return replace(known, record=replace(known.record, trailing=mark))

    async def _move(
        self, known: KnownPosition, stop: Decimal, tick: Tick, pace: _Pace, interval_seconds: float
    ) -> None:
        try:
            if not known.record.stop_hidden and not self._within_budget(known):
                return
            pace.next_at = self._clock.awake_seconds() + interval_seconds
            if known.record.stop_hidden:
                done = await self._move_hidden(known, stop, tick)
            else:
                done = await self._move_visible(known, stop)
            if done:
                pace.backoff = _SHORTEST_BACKOFF_SECONDS
            else:
                # Refused: the old stop stands.
                pace.backoff = min(pace.backoff * 2, _LONGEST_BACKOFF_SECONDS)
                pace.next_at = self._clock.awake_seconds() + pace.backoff
        except JournalUnavailable as error:
            log.warning("the stop of %d was not moved: %s", known.identifier, error)
            pace.next_at = self._clock.awake_seconds() + _SHORTEST_BACKOFF_SECONDS
        finally:
            pace.busy = False

    def _within_budget(self, known: KnownPosition) -> bool:
        if self._moves_now().count >= MOVES_A_DAY:
            self._alerts.raise_alert(
                "trailing-budget",
                AlertSeverity.WARNING,
                "TRAILING_BUDGET",
                f"{MOVES_A_DAY} stops were moved within a day; no more are moved until it is over",
                known="Stops stay where they are.",
                advice="Give trailing stops a larger step.",
                position_identifier=known.identifier,
            )
            return False
        return True

    def _moves_now(self) -> MoveCount:
        """Return the requests of the day that runs; a clock that went back begins another."""
        now, held = self._clock.wall_msc(), self._store.moves
        if 0 <= now - held.since_wall_msc < _DAY_MSC:
            return held
        self._alerts.settle("trailing-budget", "TRAILING_BUDGET", "another day has begun", from_before=True)
        return MoveCount(now, 0)

    def _count_move(self, batch: Batch) -> None:
        """Count a request; on disk before it is sent, so that a restart forgets none."""
        held = self._moves_now()
        self._store.put_moves(batch, MoveCount(held.since_wall_msc, held.count + 1))

    async def _move_visible(self, known: KnownPosition, stop: Decimal) -> bool:
        position = self._view.positions.get(known.identifier)
        if position is None:
            return False
        number = known.trailing_moves + 1
        words = f"the trailing stop moves {_shown(known.effective_stop)} -> {stop}"

        def counted(held: KnownPosition) -> KnownPosition:
            return replace(self._with_mark(held), trailing_moves=number)

        # The number is on disk before the call, so that no two moves have one id.
        await self._recorder.change(known.identifier, counted, "", trailing=True, extra=self._count_move)
        record = await write_levels(
            self._store,
            self._executor,
            position,
            HiddenLevels(stop, position.take_profit),
            origin=CommandOrigin.TRAILING,
            step=f"trail:{known.trailing_revision}:{number}",
            cause=words,
            only_tighter=True,
        )
        if record is None or record.state is not CommandState.SUCCEEDED:
            return False
        await self._recorder.change(
            known.identifier,
            lambda held: held,
            f"trailing stop {_shown(known.effective_stop)} -> {stop}",
            trailing=True,
            command_id=record.command.command_id,
        )
        return True

    async def _move_hidden(self, known: KnownPosition, stop: Decimal, tick: Tick) -> bool:
        number = known.trailing_moves + 1

        def tightened(held: KnownPosition) -> KnownPosition:
            marked = self._with_mark(held)
            current = held.effective_stop
            side = held.position.side
            if current is not None and (stop - current) * side.value <= 0:
                # Somebody tightened it further meanwhile.
                return marked
            # The first level that a position has is what its guard is armed for.
            guard = marked.record.guard_state or GuardState.ARMED
            record = replace(marked.record, virtual_stop_loss=stop, guard_state=guard)
            return replace(marked, trailing_moves=number, record=record)

        after = await self._recorder.change(
            known.identifier,
            tightened,
            f"hidden trailing stop {_shown(known.effective_stop)} -> {stop}",
            trailing=True,
        )
        if after is None:
            return False
        await self._ratchet(after, stop, tick, number)
        return True

    async def _ratchet(self, known: KnownPosition, stop: Decimal, tick: Tick, number: int) -> None:
        """Let the disaster stop follow, once that is worth a request."""
        position = self._view.positions.get(known.identifier)
        spec = self._view.last_spec(known.position.symbol)
        if position is None or spec is None:
            return
        money = self._view.money(spec, self._store.equity_floor, apart=known.identifier)
        wanted = disaster_stop(position.side, position.volume_lots, stop, spec, tick, money)
        market = tick.closing_price(position.side)
        if market is None:
            return
        step = abs(market - stop) / 2
        broker = ratchet(position.side, position.stop_loss, wanted, max(step, spec.tick_size))
        if broker is None or (stop - broker) * position.side.value <= 0 or not self._within_budget(known):
            return
        batch = Batch()
        self._count_move(batch)
        await self._store.commit(batch)
        await write_levels(
            self._store,
            self._executor,
            position,
            HiddenLevels(broker, position.take_profit),
            origin=CommandOrigin.TRAILING,
            step=f"disaster:{known.trailing_revision}:{number}",
            cause=f"the disaster stop follows to {broker}",
            only_tighter=True,
        )

    # -- policies --------------------------------------------------------------------------------------

    async def apply(self, policy: TradePolicy) -> str:
        """Keep to a trade's policy; return why that cannot be, empty when it is kept to.

        Raises `JournalUnavailable`.
        """
        identifier = policy.position_identifier
        known = self._store.record.positions.get(identifier)
        if known is None:
            # Kept for when the position is seen; a closed one's policy goes with it.
            await self._keep(policy)
            return ""
        if known.trailing_revision >= policy.revision:
            return ""
        symbol = known.position.symbol
        spec = self._view.last_spec(symbol)
        if policy.trailing is not None and spec is not None:
            tick = self._view.ticks.get(symbol)
            price = tick.closing_price(known.position.side) if tick is not None else None
            problem = problem_of(policy.trailing, spec, price)
            if problem is not None:
                return f"trailing stop of #{known.position.ticket}: {problem.message}"
        await self._keep(policy)
        held = known.record.trailing
        adopted = known.trailing_revision == 0 and held is not None and held.plan == policy.trailing
        trailing = None
        if policy.trailing is not None:
            trailing = held if adopted else TrailingStop(policy.trailing)
        words = "the trailing stop was removed" if trailing is None else "a trailing stop was set"
        self._marks.pop(identifier, None)

        def planned(current: KnownPosition) -> KnownPosition:
            return replace(
                current,
                trailing_revision=policy.revision,
                record=replace(current.record, trailing=trailing),
            )

        silent = adopted or (trailing is None and held is None)
        await self._recorder.change(identifier, planned, "" if silent else words, trailing=True)
        return ""

    async def _keep(self, policy: TradePolicy) -> None:
        batch = Batch()
        self._store.put_trade_policy(batch, policy)
        await self._store.commit(batch)

    async def catch_up(self, known: Sequence[KnownPosition]) -> None:
        """Apply policies that came before their positions were seen."""
        for position in known:
            policy = self._store.trade_policies.get(position.identifier)
            if policy is not None and policy.revision > position.trailing_revision:
                try:
                    await self.apply(policy)
                except JournalUnavailable:
                    await asyncio.sleep(_SHORTEST_BACKOFF_SECONDS)

    def forget_gone(self) -> None:
        """Drop what is kept in memory of positions that are gone."""
        for kept in (self._marks, self._paces):
            for identifier in kept.keys() - self._store.record.positions.keys():
                kept.pop(identifier)


def _shown(level: Decimal | None) -> str:
    return "none" if level is None else str(level)
