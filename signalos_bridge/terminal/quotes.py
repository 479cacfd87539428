"""Quotes: every tick of guarded symbols, the latest of others, and the broker's clock from both."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from signalos_bridge.domain.broker_time import BrokerClock
from signalos_bridge.domain.market import Tick
from signalos_bridge.terminal import translate
from signalos_bridge.terminal.metatrader5 import PIPE_CODES, CallFailed, MetaTrader5
from signalos_bridge.terminal.port import TerminalChange, TicksArrived, Watch

log = logging.getLogger(__name__)

_QUOTED_SECONDS = 0.2
_CLOCK_SECONDS = 1.0
_CLOCK_SYMBOLS = 3
_CLOCK_PATIENCE_SECONDS = 15.0
# A quote that was not there at the previous look, no longer ago than this, has just arrived.
_FRESH_SECONDS = 2.0
_OWED_SECONDS = 2.0
_SELECT_SECONDS = 5.0
_PAGE_TICKS = 1_000
_MOST_PAGE_TICKS = 64_000


@dataclass(slots=True)
class _Seen:
    """The latest quote of a symbol: as the module gave it, and where in its millisecond it was."""

    key: tuple[int, float, float]
    last_msc: int
    at_last_msc: int
    owed_until: float = 0.0


class Quotes:
    """What is known of the quotes of the watched symbols."""

    def __init__(
        self, terminal: MetaTrader5, emit: Callable[[TerminalChange], None], clock: BrokerClock
    ) -> None:
        self._terminal = terminal
        self._emit = emit
        self._guarded: tuple[str, ...] = ()
        self._quoted: tuple[str, ...] = ()
        self._followed: frozenset[str] = frozenset()
        self._seen: dict[str, _Seen] = {}
        self._clock_seen: dict[str, tuple[int, float]] = {}
        self._quoted_at = 0.0
        self._clock_at = 0.0
        self._unselected: dict[str, float] = {}
        self.clock = clock

    @property
    def guards(self) -> bool:
        """Return whether a symbol is guarded."""
        return bool(self._guarded)

    def watch(self, watch: Watch) -> None:
        """Replace the guarded and the quoted symbols."""
        self._guarded = tuple(sorted(watch.guarded_symbols))
        self._quoted = tuple(sorted(watch.quoted_symbols - watch.guarded_symbols))
        kept = watch.guarded_symbols | watch.quoted_symbols
        self._seen = {symbol: seen for symbol, seen in self._seen.items() if symbol in kept}

    def follow(self, symbols: frozenset[str]) -> None:
        """Read the clock from these symbols too; their quotes are not told."""
        self._followed = symbols

    def poll(self, now: float) -> Iterator[None]:
        """Tell new quotes, pausing after each call into the terminal."""
        for symbol in self._guarded:
            raw = self._latest(symbol, now)
            yield
            if raw is not None and self._moved(symbol, raw, now):
                yield from self._tell_all(symbol, raw)
        if now - self._quoted_at >= _QUOTED_SECONDS:
            self._quoted_at = now
            for symbol in self._quoted:
                raw = self._latest(symbol, now)
                yield
                if raw is not None and self._moved(symbol, raw, now):
                    self._tell_first(symbol, raw)

    def poll_clock(self, now: float) -> Iterator[None]:
        """Look at the newest quote of symbols that are not watched, for the sake of the broker's clock."""
        if now - self._clock_at < _CLOCK_SECONDS:
            return
        self._clock_at = now
        for symbol in self._clock_symbols(now):
            self._latest(symbol, now)
            yield

    def _clock_symbols(self, now: float) -> list[str]:
        """Return what to read the clock from: before the first position, the market watch."""
        watched = {*self._guarded, *self._quoted}
        if self._followed or watched:
            return sorted(self._followed - watched)[:_CLOCK_SYMBOLS]
        shown = self._terminal.market_watch
        if self.clock.offset_seconds is not None or len(shown) <= _CLOCK_SYMBOLS:
            return list(shown[:_CLOCK_SYMBOLS])
        # Where these do not trade at this hour, others may.
        first = int(now // _CLOCK_PATIENCE_SECONDS) * _CLOCK_SYMBOLS % len(shown)
        return list(shown[first : first + _CLOCK_SYMBOLS])

    def _latest(self, symbol: str, now: float) -> Any:
        """Return the latest quote; None: there is none, and the symbol has been selected meanwhile."""
        if now < self._unselected.get(symbol, 0.0):
            return None
        raw = self._quoted_raw(symbol)
        if raw is None:
            # Not in the market watch: select it, and do not ask again at once.
            self._unselected[symbol] = now + _SELECT_SECONDS
            if self._terminal.select(symbol):
                raw = self._quoted_raw(symbol)
        if raw is not None:
            self._unselected.pop(symbol, None)
            self._read_clock(symbol, int(raw.time_msc), now)
        return raw

    def _quoted_raw(self, symbol: str) -> Any:
        try:
            raw = self._terminal.tick_raw(symbol)
        except CallFailed as failure:
            if failure.code in PIPE_CODES:
                raise
            log.warning("no quote of %s: %s", symbol, failure)
            return None
        return raw if raw.bid > 0 or raw.ask > 0 else None

    def _read_clock(self, symbol: str, time_msc: int, now: float) -> None:
        before = self._clock_seen.get(symbol)
        self._clock_seen[symbol] = (time_msc, now)
        if before is not None and time_msc == before[0]:
            return
        fresh = before is not None and time_msc > before[0] and now - before[1] <= _FRESH_SECONDS
        self.clock = self.clock.observe(time_msc, time.time_ns() // 1_000_000, fresh=fresh)

    def _moved(self, symbol: str, raw: Any, now: float) -> bool:
        seen = self._seen.get(symbol)
        if seen is None or seen.key != (raw.time_msc, raw.bid, raw.ask):
            return True
        return seen.last_msc < raw.time_msc and now < seen.owed_until

    def _tell_first(self, symbol: str, raw: Any) -> None:
        now = time.monotonic()
        tick = translate.tick(symbol, raw, self._terminal.digits(symbol))
        self._seen[symbol] = _Seen((raw.time_msc, raw.bid, raw.ask), tick.time_msc, 1)
        self._emit(TicksArrived(symbol, (tick,), False, now))

    def _tell_all(self, symbol: str, raw: Any) -> Iterator[None]:
        seen = self._seen.get(symbol)
        if seen is None:
            self._tell_first(symbol, raw)
            return
        ticks: list[Tick] = []
        complete = True
        count = _PAGE_TICKS
        while True:
            try:
                page = self._terminal.ticks_from(symbol, seen.last_msc, count)
            except CallFailed as failure:
                log.warning("no ticks of %s: %s", symbol, failure)
                complete = False
                break
            yield
            fresh = self._fresh(page, seen)
            ticks += fresh
            if len(page) < count:
                break
            if page[0].time_msc // 1000 == page[-1].time_msc // 1000:
                # One second fills the page, and a second is the finest that can be asked for.
                if count >= _MOST_PAGE_TICKS:
                    complete = False
                    break
                count *= 4
        now = time.monotonic()
        key = (raw.time_msc, raw.bid, raw.ask)
        if seen.last_msc < raw.time_msc and seen.key != key:
            # The store of ticks lags behind the latest quote. It is told at once, since a stop may hang on
            # it; what came between is told, late, when the store has it.
            complete = False
            seen.owed_until = now + _OWED_SECONDS
            ticks.append(translate.tick(symbol, raw, self._terminal.digits(symbol)))
        seen.key = key
        if ticks:
            self._emit(TicksArrived(symbol, tuple(ticks), complete, now))

    @staticmethod
    def _fresh(page: list[Tick], seen: _Seen) -> list[Tick]:
        """Return the ticks after the last one told, several of which may share its millisecond."""
        fresh: list[Tick] = []
        at_last = 0
        for tick in page:
            if tick.time_msc < seen.last_msc:
                continue
            if tick.time_msc == seen.last_msc:
                at_last += 1
                if at_last <= seen.at_last_msc:
                    continue
            fresh.append(tick)
        for tick in fresh:
            if tick.time_msc > seen.last_msc:
                seen.last_msc, seen.at_last_msc = tick.time_msc, 1
            else:
                seen.at_last_msc += 1
        return fresh
