from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.broker_time import BrokerClock
from signalos_bridge.terminal.metatrader5 import AdapterSettings, MetaTrader5
from signalos_bridge.terminal.port import TerminalChange, TicksArrived, Watch
from signalos_bridge.terminal.quotes import Quotes

COLUMNS = [("time", "<i8"), ("bid", "<f8"), ("ask", "<f8"), ("time_msc", "<i8")]


@dataclass
class TickStore:
    """A module whose ticks are (milliseconds, number) and whose store may lag behind the latest."""

    ticks: list[tuple[int, int]] = field(default_factory=list)
    stored: int | None = None

    def symbol_info_tick(self, symbol: str) -> Any:
        if not self.ticks:
            return None
        msc, number = self.ticks[-1]
        return SimpleNamespace(time_msc=msc, bid=float(number), ask=float(number))

    def copy_ticks_from(self, symbol: str, date_from: Any, count: int, flags: int) -> Any:
        first = int(date_from.timestamp()) * 1000
        rows = [(msc // 1000, n, n, msc) for msc, n in self.ticks[: self.stored] if msc >= first]
        return np.array(rows[:count], dtype=COLUMNS)

    def symbol_info(self, symbol: str) -> None:
        return None

    def symbol_select(self, symbol: str, enable: bool) -> bool:
        return False

    def last_error(self) -> tuple[int, str]:
        return -4, "Terminal: Not found"


def poll(quotes: Quotes, now: float) -> None:
    for _ in quotes.poll(now):
        pass


def guarded(store: TickStore) -> tuple[Quotes, list[TicksArrived]]:
    told: list[TicksArrived] = []

    def emit(change: TerminalChange) -> None:
        assert isinstance(change, TicksArrived)
        told.append(change)

    quotes = Quotes(MetaTrader5(store, AdapterSettings()), emit, BrokerClock())
    quotes.watch(Watch(guarded_symbols=frozenset({"EURUSD"})))
    return quotes, told


def numbers(told: list[TicksArrived]) -> list[int]:
    return [int(tick.bid or 0) for change in told for tick in change.ticks]


@given(batches=st.lists(st.lists(st.integers(0, 400), min_size=1, max_size=8), min_size=1, max_size=12))
def test_every_tick_of_a_guarded_symbol_is_told_once_and_in_order(batches: list[list[int]]) -> None:
    store = TickStore([(1_000_000, 1)])
    quotes, told = guarded(store)
    poll(quotes, 0.0)
    now_msc, number = 1_000_000, 1
    for turn, steps in enumerate(batches):
        for step in steps:
            # A step of zero is a second tick in the same millisecond.
            now_msc, number = now_msc + step, number + 1
            store.ticks.append((now_msc, number))
        poll(quotes, turn * 0.05 + 0.05)

    assert numbers(told) == list(range(1, number + 1))
    assert all(change.complete for change in told[1:])


def test_more_ticks_than_a_page_holds_are_told_all() -> None:
    store = TickStore([(1_000_000, 1)])
    quotes, told = guarded(store)
    poll(quotes, 0.0)
    # Three thousand within one second, which is the finest that MetaTrader can be asked for.
    store.ticks += [(1_000_100 + number // 5, number) for number in range(2, 3002)]
    poll(quotes, 0.05)

    assert numbers(told) == list(range(1, 3002))


def test_a_quote_that_the_store_does_not_have_yet_is_told_at_once_and_the_gap_later() -> None:
    store = TickStore([(1_000_000, 1)])
    quotes, told = guarded(store)
    poll(quotes, 0.0)
    store.ticks += [(1_000_010, 2), (1_000_020, 3)]
    store.stored = 1
    poll(quotes, 0.05)

    assert numbers(told) == [1, 3]
    assert not told[-1].complete

    store.stored = None
    poll(quotes, 0.10)

    assert numbers(told) == [1, 3, 2, 3]


def test_a_symbol_without_quotes_is_left_alone_for_a_while() -> None:
    store = TickStore()
    quotes, told = guarded(store)
    poll(quotes, 0.0)
    store.ticks.append((1_000_000, 1))
    poll(quotes, 1.0)

    assert told == []

    poll(quotes, 6.0)

    assert numbers(told) == [1]


@dataclass
class Market(TickStore):
    """Symbols whose clock is two hours ahead; only some are quoted at this hour."""

    quoted: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)

    def symbol_info_tick(self, symbol: str) -> Any:
        self.asked.append(symbol)
        now = time.time_ns() // 1_000_000
        # An old quote stays as it was.
        msc = now + len(self.asked) if symbol in self.quoted else 1_000
        return SimpleNamespace(time_msc=msc + 7_200_000, bid=1.0, ask=1.0)


def clocked(market: Market) -> Quotes:
    terminal = MetaTrader5(market, AdapterSettings())
    terminal.market_watch = tuple(f"S{number}" for number in range(6))
    return Quotes(terminal, lambda change: None, BrokerClock())


def test_the_brokers_clock_is_read_from_the_market_watch_before_the_first_position() -> None:
    market = Market(quoted=frozenset({"S1"}))
    quotes = clocked(market)

    for second in range(5):
        list(quotes.poll_clock(1_000.0 + second))

    assert quotes.clock.offset_seconds == 7_200
    # Known, it goes on being read: summer time ends.
    market.asked.clear()
    list(quotes.poll_clock(1_010.0))
    assert market.asked == ["S0", "S1", "S2"]


def test_the_clock_is_looked_for_in_other_symbols_where_the_first_are_not_quoted() -> None:
    market = Market(quoted=frozenset({"S4"}))
    quotes = clocked(market)

    for second in range(40):
        list(quotes.poll_clock(1_000.0 + second))

    assert quotes.clock.offset_seconds == 7_200


def test_the_clock_is_read_from_the_symbols_of_positions_where_there_are_some() -> None:
    market = Market(quoted=frozenset({"S5"}))
    quotes = clocked(market)
    quotes.follow(frozenset({"S5"}))

    for second in range(5):
        list(quotes.poll_clock(1_000.0 + second))

    assert set(market.asked) == {"S5"}
    assert quotes.clock.offset_seconds == 7_200
