"""The guard: every quote of guarded symbols is held against hidden levels and trailing stops.

A crossed level leads to one close, in the journal before anything else. Nothing here waits on a quote's path.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from signalos_bridge.alerts import AlertBox
from signalos_bridge.domain.command import CommandRecord, HiddenLevels
from signalos_bridge.domain.facts import GuardState
from signalos_bridge.domain.guard import (
    Crossing,
    GuardEvent,
    crossing,
    first_crossing,
    first_stop,
    is_guarded,
    next_guard_state,
    stays_at_target,
)
from signalos_bridge.domain.market import Position, Side, SymbolSpec, Tick
from signalos_bridge.domain.normalise import minimum_distance, round_stop_loss
from signalos_bridge.domain.quiet import Band, narrowest, quiet_band
from signalos_bridge.domain.record import KnownPosition
from signalos_bridge.domain.stealth import tighter
from signalos_bridge.domain.tags import bridge_command_id
from signalos_bridge.domain.values import (
    AlertSeverity,
    CloseAction,
    Command,
    CommandOrigin,
)
from signalos_bridge.executor import Executor
from signalos_bridge.journal import JournalUnavailable
from signalos_bridge.level_writer import write_levels
from signalos_bridge.own_commands import OwnCommands, has_closed, why_not
from signalos_bridge.protecting import Protector
from signalos_bridge.recorder import Recorder
from signalos_bridge.store import Store
from signalos_bridge.tasks import Tasks
from signalos_bridge.terminal.port import TicksArrived
from signalos_bridge.trailer import Trailer
from signalos_bridge.view import TerminalView

log = logging.getLogger(__name__)

_JOURNAL_RETRY_SECONDS = 0.25
_LAST_RESORT_AFTER = 3


@dataclass(frozen=True, slots=True)
class _Watched:
    """A guarded position, and between which prices nothing happens to it; None: look at every quote."""

    known: KnownPosition
    spec: SymbolSpec | None
    band: Band | None


@dataclass(frozen=True, slots=True)
class _OfSide:
    """The positions of one side of a symbol. `restless`: some of them may have to see every quote."""

    all: tuple[_Watched, ...]
    band: Band
    restless: bool


@dataclass(frozen=True, slots=True)
class _OfSymbol:
    """The guarded positions of a symbol."""

    buys: _OfSide
    sells: _OfSide


def _of_symbol(watched: Sequence[_Watched]) -> _OfSymbol:
    return _OfSymbol(_of_side(watched, Side.BUY), _of_side(watched, Side.SELL))


def _of_side(watched: Sequence[_Watched], side: Side) -> _OfSide:
    mine = tuple(one for one in watched if one.known.position.side is side)
    return _OfSide(
        mine,
        narrowest(one.band for one in mine if one.band is not None),
        any(one.band is None or one.known.record.trailing is not None for one in mine),
    )


class Guard:
    """Hidden levels of open positions."""

    def __init__(
        self,
        store: Store,
        view: TerminalView,
        executor: Executor,
        recorder: Recorder,
        trailer: Trailer,
        protector: Protector,
        commands: OwnCommands,
        alerts: AlertBox,
        tasks: Tasks,
    ) -> None:
        self._store = store
        self._view = view
        self._executor = executor
        self._recorder = recorder
        self._trailer = trailer
        self._protector = protector
        self._commands = commands
        self._alerts = alerts
        self._tasks = tasks
        self._closing: set[int] = set()
        # Guarded positions whose quotes may have been missed since they were last held against their levels.
        self._unseen: set[int] = set()
        # Whatever comes to be guarded before the next sync may have been there unwatched.
        self._out_of_sight = True
        # Take profits that were reached and wait to be confirmed.
        self._waiting: dict[int, asyncio.TimerHandle] = {}
        self._watched: dict[int, _Watched] = {}
        # Who is guarded, by symbol and in the order in which they came to be.
        self._members: dict[str, dict[int, None]] = {}
        # What a quote of each symbol is held against; made anew when a quote comes after a change.
        self._by_symbol: dict[str, _OfSymbol] = {}
        # The last quote of each symbol that has been watched since without a gap.
        self._latest: dict[str, Tick] = {}
        self._edition = -1
        self.watch_symbols: Callable[[frozenset[str]], None] = lambda _symbols: None

    @property
    def guarded_count(self) -> int:
        """Return how many positions are guarded."""
        return len(self._watched)

    def refresh(self, about: Collection[int] | None = None) -> None:
        """Look anew at which positions have to be guarded, and between which prices nothing happens.

        `about`: of these alone.
        """
        positions = self._store.record.positions
        self._edition = self._store.record.edition
        before = set(self._members)
        for identifier in {*positions, *self._watched} if about is None else about:
            held = self._watched.pop(identifier, None)
            if held is not None:
                self._leave(held.known.position.symbol, identifier)
            known = positions.get(identifier)
            if known is not None and is_guarded(known):
                symbol = known.position.symbol
                if held is None and self._out_of_sight:
                    self._unseen.add(identifier)
                self._watched[identifier] = self._watched_of(known, held)
                self._members.setdefault(symbol, {})[identifier] = None
                self._by_symbol.pop(symbol, None)
                if held is None or held.known is not known:
                    self._look_back(known)
            else:
                self._unseen.discard(identifier)
        if self._members.keys() != before:
            for symbol in before - self._members.keys():
                self._latest.pop(symbol, None)
            self.watch_symbols(frozenset(self._members))

    def _look_back(self, known: KnownPosition) -> None:
        """Hold the last quote against levels that came on record after it: another may be long in coming."""
        latest = self._latest.get(known.position.symbol)
        if latest is None or latest.time_msc <= known.position.open_time_msc:
            return
        found = self._found(known, (latest,))
        if found is not None:
            self._begin_close(known, self._words(known, found))

    def _leave(self, symbol: str, identifier: int) -> None:
        members = self._members[symbol]
        del members[identifier]
        if not members:
            del self._members[symbol]
        self._by_symbol.pop(symbol, None)

    def _watched_of(self, known: KnownPosition, before: _Watched | None) -> _Watched:
        spec = self._view.last_spec(known.position.symbol)
        if before is not None and before.known is known and before.spec is spec:
            return before
        return _Watched(known, spec, quiet_band(known, spec))

    def _of_symbol(self, symbol: str) -> _OfSymbol | None:
        found = self._by_symbol.get(symbol)
        if found is None and symbol in self._members:
            found = _of_symbol([self._watched[identifier] for identifier in self._members[symbol]])
            self._by_symbol[symbol] = found
        return found

    def blinded(self, *, until_synced: bool = False) -> None:
        """Note that quotes may have been missed: a level that is found crossed was crossed unseen.

        `until_synced`: positions too that the next sync finds.
        """
        self._latest.clear()
        self._unseen.update(self._watched)
        self._out_of_sight = self._out_of_sight or until_synced

    def on_ticks(self, arrived: TicksArrived) -> None:
        """Hold quotes against the levels of their symbol."""
        if self._store.record.edition != self._edition:
            # A level was just committed: it counts from this quote on.
            self.refresh()
        watched = self._of_symbol(arrived.symbol)
        if watched is None:
            return
        if arrived.ticks:
            self._latest[arrived.symbol] = arrived.ticks[-1]
        for of_side, prices in (
            (watched.buys, [tick.bid for tick in arrived.ticks if tick.bid is not None]),
            (watched.sells, [tick.ask for tick in arrived.ticks if tick.ask is not None]),
        ):
            if of_side.all and prices:
                self._on_prices(of_side, min(prices), max(prices), arrived.ticks)
        for identifier in self._waiting.keys() & self._members.get(arrived.symbol, {}).keys():
            # A target that waits to be confirmed: also a quote that is quiet for others counts.
            self._look(identifier, arrived.ticks)
        if self._unseen:
            self._unseen.difference_update(self._members.get(arrived.symbol, ()))

    def _on_prices(self, of_side: _OfSide, lowest: Decimal, highest: Decimal, ticks: Sequence[Tick]) -> None:
        quiet = of_side.band.holds(lowest, highest)
        if quiet and not of_side.restless:
            return
        for one in of_side.all:
            if (
                one.band is None
                or not (quiet or one.band.holds(lowest, highest))
                or self._trailer.restless(one.known)
            ):
                self._look(one.known.identifier, ticks)

    def _look(self, identifier: int, ticks: Sequence[Tick]) -> None:
        known = self._store.record.positions.get(identifier)
        if known is None:
            return
        found = self._found(known, ticks)
        if found is not None:
            self._begin_close(known, self._words(known, found))
            return
        if known.record.protection is not None:
            self._protector.on_ticks(known, ticks)
        if known.record.trailing is not None:
            self._trailer.on_ticks(known, ticks)

    def _found(self, known: KnownPosition, ticks: Sequence[Tick]) -> Crossing | None:
        """Return the level to act upon now. A take profit waits where that is wanted; a stop never does."""
        settings = self._store.stealth_settings
        widest = settings.target_spread_points
        if widest is not None:
            spec = self._view.last_spec(known.position.symbol)
            widest = None if spec is None else widest * spec.point
        found = first_crossing(known, ticks, widest)
        if not settings.target_delay_seconds:
            return found
        if stop := first_stop(known, ticks):
            return stop
        identifier = known.identifier
        if identifier in self._waiting and not stays_at_target(known, ticks, widest):
            self._waiting.pop(identifier).cancel()
        if identifier not in self._waiting and stays_at_target(known, ticks[-1:], widest):
            confirmed = first_crossing(known, ticks[-1:], widest)
            assert confirmed is not None
            self._waiting[identifier] = asyncio.get_running_loop().call_later(
                settings.target_delay_seconds, self._confirm, identifier, confirmed
            )
        return None

    def _confirm(self, identifier: int, found: Crossing) -> None:
        """Close at a take profit that was reached all the while."""
        del self._waiting[identifier]
        known = self._store.record.positions.get(identifier)
        if known is None or known.missing or known.record.guard_state is not GuardState.ARMED:
            return
        if known.record.virtual_take_profit == found.level:
            self._begin_close(known, self._words(known, found))

    def _words(self, known: KnownPosition, found: Crossing) -> str:
        unseen = " while the guard was blind" if known.identifier in self._unseen else ""
        return found.words(known.position.side) + unseen

    def on_positions(self, changed: Sequence[Position]) -> None:
        """Hold the prices that positions themselves show against their hidden stops.

        A second pair of eyes: it sees what moved before a symbol's quotes were watched. Take profits wait for
        quotes, because a position's price may still be the one that it was opened at.
        """
        for position in changed:
            known = self._store.record.positions.get(position.identifier)
            price = position.current_price
            if known is None or price is None or known.record.virtual_stop_loss is None:
                continue
            tick = Tick(position.symbol, price, price, position.update_time_msc)
            found = first_crossing(known, (tick,))
            if found is not None and found.stop_loss:
                self._begin_close(known, self._words(known, found))

    def resume(self) -> None:
        """Go on with closes that a restart interrupted, once the record is in sync."""
        for known in list(self._store.record.positions.values()):
            if known.missing:
                continue
            state = known.record.guard_state
            if state is GuardState.ARMED:
                # Its close was journalled, and the mark of it was not.
                begun = self._store.commands.get(self._close_id(known, known.guard_step + 1))
                if begun is not None:
                    self._begin_close(known, begun.command.cause)
                continue
            if state in (None, GuardState.CLOSED):
                continue
            if known.crossed:
                self._begin_close(known, known.crossed)
                continue
            tick = self._view.ticks.get(known.position.symbol)
            found = None
            if tick is not None:
                found = crossing(
                    known.position.side,
                    known.record.virtual_stop_loss,
                    known.record.virtual_take_profit,
                    tick,
                )
            level = known.record.virtual_stop_loss or known.record.virtual_take_profit
            if found is None and level is not None:
                is_stop = known.record.virtual_stop_loss is not None
                found = Crossing(is_stop, level, known.position.current_price or level)
            if found is not None:
                self._begin_close(known, found.words(known.position.side))
        self._out_of_sight = False

    # -- closing ---------------------------------------------------------------------------------------

    def _begin_close(self, known: KnownPosition, words: str) -> None:
        if known.identifier in self._closing:
            return
        self._closing.add(known.identifier)
        self._tasks.spawn(self._close(known, words), f"guard {known.identifier}")

    def _close_id(self, known: KnownPosition, step: int) -> str:
        return bridge_command_id(
            self._store.account_id, known.identifier, f"guard:{known.level_revision}", step
        )

    async def _close(self, known: KnownPosition, words: str) -> None:
        identifier = known.identifier
        try:
            if await self._earlier_closed(identifier):
                return
            step = known.guard_step
            failures = 0
            while True:
                step += 1
                record = await self._close_once(known, step, words)
                current = self._store.record.positions.get(identifier)
                if has_closed(record) or current is None or identifier not in self._view.positions:
                    break
                failures += 1
                await self._failed(current, record, failures)
                await asyncio.sleep(self._commands.pause_seconds(record, failures))
                current = self._store.record.positions.get(identifier)
                if current is None or current.record.guard_state is GuardState.ARMED:
                    # Closed meanwhile, or a person gave it other levels.
                    break
        finally:
            self._closing.discard(identifier)

    async def _earlier_closed(self, identifier: int) -> bool:
        """Wait for a close of the guard's that a restart left without a known outcome; say if it closed."""
        closed = False
        for record in self._store.open_commands():
            action = record.command.action
            if (
                record.command.origin is CommandOrigin.GUARD
                and isinstance(action, CloseAction)
                and action.position_identifier == identifier
            ):
                closed = has_closed(await self._commands.final(record.command.command_id)) or closed
        return closed

    async def _close_once(self, known: KnownPosition, step: int, words: str) -> CommandRecord:
        identifier = known.identifier
        command = Command(
            command_id=self._close_id(known, step),
            origin=CommandOrigin.GUARD,
            action=CloseAction(identifier),
            stop_generation=0,
            automated=False,
            deadline=None,
            cause=words,
        )
        running = await self._commands.deliver(command)
        # The close is on its way already: the state is for those who watch.
        await self._note(
            identifier,
            (GuardEvent.CROSSED, GuardEvent.CALLED),
            words,
            command.command_id,
            step,
        )
        if "blind" in words:
            self._alerts.raise_alert(
                f"blind:{command.command_id}",
                AlertSeverity.CRITICAL,
                "CROSSED_WHILE_BLIND",
                f"{words}: the position is closed now",
                position_identifier=identifier,
                command_id=command.command_id,
            )
        await running.ended.wait()
        return await self._commands.final(command.command_id)

    async def _note(
        self,
        identifier: int,
        events: tuple[GuardEvent, ...],
        words: str,
        command_id: str,
        step: int | None = None,
    ) -> None:
        def moved(known: KnownPosition) -> KnownPosition:
            state = known.record.guard_state or GuardState.ARMED
            for event in events:
                if event is GuardEvent.CROSSED and state is not GuardState.ARMED:
                    continue
                if event is GuardEvent.CALLED and state is GuardState.CLOSING:
                    continue
                if event is GuardEvent.FAILED and state is GuardState.ARMED:
                    # Other levels were given to it while its close was under way.
                    continue
                state = next_guard_state(state, event)
            return replace(
                known,
                guard_step=known.guard_step if step is None else step,
                crossed=words if GuardEvent.CROSSED in events else known.crossed,
                record=replace(known.record, guard_state=state),
            )

        while True:
            try:
                await self._recorder.change(identifier, moved, words, command_id=command_id)
            except JournalUnavailable:
                await asyncio.sleep(_JOURNAL_RETRY_SECONDS)
            else:
                return

    async def _failed(self, known: KnownPosition, record: CommandRecord, failures: int) -> None:
        why = why_not(record)
        await self._note(
            known.identifier, (GuardEvent.FAILED,), f"the close failed: {why}", record.command.command_id
        )
        self._alerts.raise_alert(
            f"guard:{known.identifier}",
            AlertSeverity.CRITICAL,
            "GUARD_CLOSE_FAILED",
            f"{record.command.cause}, and the close of #{known.position.ticket} failed: {why}",
            known=f"The broker's own stop is at {known.position.stop_loss or 'none'}.",
            advice="It is tried again; close it by hand if you can.",
            command_id=record.command.command_id,
            position_identifier=known.identifier,
        )
        if failures >= _LAST_RESORT_AFTER:
            await self._tighten(known, record)

    async def _tighten(self, known: KnownPosition, record: CommandRecord) -> None:
        """Last resort: bring the broker's stop to just beyond the market."""
        position = self._view.positions.get(known.identifier)
        spec = self._view.last_spec(known.position.symbol)
        tick = self._view.ticks.get(known.position.symbol)
        if position is None or spec is None or tick is None:
            return
        market = tick.closing_price(position.side)
        if market is None:
            return
        distance = minimum_distance(spec, tick) + spec.tick_size
        stop = round_stop_loss(market - position.side.value * distance, position.side, spec)
        if stop <= 0 or tighter(position.side, position.stop_loss, stop) == position.stop_loss:
            return
        await write_levels(
            self._store,
            self._executor,
            position,
            HiddenLevels(stop, position.take_profit),
            origin=CommandOrigin.GUARD,
            step=f"tighten:{record.command.command_id}",
            cause="last resort: the broker's stop is tightened, because the close fails",
            only_tighter=True,
        )
