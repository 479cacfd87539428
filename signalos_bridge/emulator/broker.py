"""The broker as it runs: the book, the clock, the faults, the terminals, and the ledger behind them all."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from signalos_bridge.emulator.domain import matching, triggers
from signalos_bridge.emulator.domain.book import Book
from signalos_bridge.emulator.domain.entities import Account, AccountTerms
from signalos_bridge.emulator.domain.market import Market, ReplayTick
from signalos_bridge.emulator.domain.symbols import catalogue
from signalos_bridge.emulator.errors import CallFailed, LastError
from signalos_bridge.emulator.faults import Faults
from signalos_bridge.emulator.lag import LaggingViews
from signalos_bridge.emulator.ledger import (
    Ledger,
    PricesRecord,
    Received,
    Record,
    Started,
    SymbolRecord,
    TerminalRecord,
    change_of,
    record_of,
)
from signalos_bridge.emulator.settings import BrokerSettings, ClockMode
from signalos_bridge.emulator.terminals import DEFAULT_MARKET_WATCH, TerminalState

LONGEST_GAP_MS = 5_000
"""A real clock that jumped further lets the prices jump, too."""
PRICES_EVERY_MS = 5_000


class Broker:
    """One broker over one data directory. Not safe for threads: one event loop owns it."""

    def __init__(self, settings: BrokerSettings) -> None:
        self.settings = settings
        self.ledger = Ledger(settings.data_dir)
        self.faults = Faults()
        self.terminals: dict[str, TerminalState] = {}
        self.serial = 0
        records, cut = self.ledger.replay()
        started = next((one for one in records if isinstance(one, Started)), None)
        self.stepped = settings.clock_mode is ClockMode.STEPPED
        begin_ms = settings.start_ms if self.stepped else time.time_ns() // 1_000_000
        rules = settings.rules
        if started is not None:
            rules = replace(rules, seed=started.seed, suffix=started.suffix)
            self.stepped = started.clock == ClockMode.STEPPED.value
            begin_ms = started.utc_ms
        self._real_base_ms = time.time_ns() // 1_000_000 - time.monotonic_ns() // 1_000_000
        self.book = Book(Market(catalogue(rules.suffix), rules, settings.server_clock, begin_ms))
        self.lagging = LaggingViews(self.faults, self.now_ms)
        self.book.before_change = self.lagging.before_change
        self._prices_written: dict[str, int] = {}
        self._prices_at_ms = 0
        self._restore(records)
        if settings.replay_file is not None:
            self.market.replay(read_ticks(settings.replay_file))
        self.write(
            [
                Started(
                    os.getpid(),
                    time.time_ns(),
                    self.market.start_ms if started is None else self.now_ms(),
                    (ClockMode.STEPPED if self.stepped else ClockMode.REAL).value,
                    rules.seed,
                    rules.suffix,
                    cut,
                )
            ]
        )
        self.catch_up()
        for opening in settings.accounts:
            if opening.terms.login not in self.book.accounts:
                self.open_account(opening.terms, opening.deposit)
        self.commit()
        self.ledger.sync_now()

    @property
    def market(self) -> Market:
        return self.book.market

    def now_ms(self) -> int:
        """Return the present in UTC, by the clock that the broker runs on."""
        if self.stepped:
            return self.market.utc_ms
        return max(self.market.utc_ms, self._real_base_ms + time.monotonic_ns() // 1_000_000)

    def advance(self, utc_ms: int) -> None:
        """Let everything happen that happens until then."""
        gap = None if self.stepped else LONGEST_GAP_MS
        for name in self.market.advance(utc_ms, longest_gap_ms=gap):
            triggers.on_time(self.book)
            triggers.on_tick(self.book, name)
        triggers.on_time(self.book)
        self.commit()

    def catch_up(self) -> None:
        """Bring a real clock's world up to the present."""
        if not self.stepped:
            self.advance(self.now_ms())
            if self.market.utc_ms - self._prices_at_ms >= PRICES_EVERY_MS:
                self.write_prices()

    def write_prices(self) -> None:
        """Record where those quotes stand that have moved since they were recorded."""
        moved = {
            name: symbol.price
            for name, symbol in self.market.symbols.items()
            if self._prices_written.get(name) != symbol.price.tick_number
        }
        self._prices_at_ms = self.market.utc_ms
        self.write([PricesRecord(self.market.utc_ms, moved)])
        self._prices_written.update({name: price.tick_number for name, price in moved.items()})

    def write(self, records: list[Record]) -> None:
        self.ledger.append(records)

    def commit(self, *more: Record) -> None:
        """Write what has changed in the book, and `more`, as one line."""
        wall_ns = time.time_ns()
        records = [record_of(change, wall_ns) for change in self.book.take_changes()]
        if records or more:
            self.write([*records, *more])

    def when_durable(self, tell: Callable[[], None]) -> None:
        """Call `tell` once everything written so far has reached the disk."""
        self.ledger.when_synced(tell)

    def open_account(self, terms: AccountTerms, deposit: Decimal) -> None:
        """Create an account and a terminal of its own that is logged in to it."""
        matching.open_account(self.book, terms, deposit)
        suffix = self.market.rules.suffix
        watch = tuple(name + suffix for name in DEFAULT_MARKET_WATCH)
        self.set_terminal(TerminalState(str(terms.login), terms.login, watch))

    def set_terminal(self, terminal: TerminalState) -> None:
        self.terminals[terminal.name] = terminal
        self.commit(TerminalRecord(terminal))

    def note_symbol(self, name: str) -> None:
        """Record a symbol's specification and condition as they are now."""
        symbol = self.market.symbols[name]
        self.commit(SymbolRecord(symbol.spec, symbol.condition))

    def terminal(self, name: str) -> TerminalState:
        """Raises `CallFailed` for a terminal that does not exist. An empty name means the only one."""
        if not name and self.terminals:
            return next(iter(self.terminals.values()))
        known = self.terminals.get(name)
        if known is None:
            raise CallFailed(LastError.INIT, "IPC initialize failed, MetaTrader 5 x64 not found")
        return known

    def account(self, login: int) -> Account:
        """Raises `CallFailed` for an account that does not exist."""
        known = self.book.accounts.get(login)
        if known is None:
            raise CallFailed(LastError.AUTH_FAILED)
        return known

    def close(self) -> None:
        self.commit()
        self.write_prices()
        self.ledger.close()

    def _restore(self, records: list[Record]) -> None:
        if not records:
            return
        last_ms = self.market.utc_ms
        for record in records:
            match record:
                case Received():
                    self.serial = max(self.serial, record.serial)
                case TerminalRecord():
                    self.terminals[record.terminal.name] = record.terminal
                case SymbolRecord():
                    symbol = self.market.symbols[record.spec.name]
                    symbol.spec, symbol.condition = record.spec, record.condition
                case PricesRecord():
                    last_ms = record.utc_ms
                    for name, price in record.prices.items():
                        self.market.resume(name, price)
                        self._prices_written[name] = price.tick_number
                case _:
                    change = change_of(record)
                    if change is not None:
                        self.book.restore(change)
        self.market.resume_at(last_ms)


def read_ticks(path: Path) -> list[ReplayTick]:
    """Read a tick file; a line is `milliseconds,symbol,bid,ask`. Raises `ValueError` for any other."""
    ticks = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        offset, symbol, bid, ask = line.split(",")
        ticks.append(ReplayTick(int(offset), symbol.strip(), Decimal(bid), Decimal(ask)))
    return ticks
