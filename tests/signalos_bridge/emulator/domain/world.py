"""A small world for tests of the broker's pure middle."""

from decimal import Decimal
from typing import Any

from signalos_bridge.emulator.domain import matching, triggers
from signalos_bridge.emulator.domain.book import Book
from signalos_bridge.emulator.domain.codes import Action, Filling, MarginMode, OrderType
from signalos_bridge.emulator.domain.entities import Account, AccountTerms, Deal, Position
from signalos_bridge.emulator.domain.market import Market, MarketRules
from signalos_bridge.emulator.domain.requests import Execution, Outcome, TradeRequest
from signalos_bridge.emulator.domain.server_time import ServerClock
from signalos_bridge.emulator.domain.symbols import catalogue

D = Decimal
LOGIN = 7
MONDAY_NOON_MS = 1_767_614_400_000
"""2026-01-05 12:00 UTC."""


class World:
    """One account; prices move only as the test says."""

    def __init__(
        self,
        *,
        margin_mode: MarginMode = MarginMode.HEDGING,
        currency: str = "USD",
        deposit: Decimal | int = 10_000,
        start_ms: int = MONDAY_NOON_MS,
        tick_interval_ms: int = 0,
        always_open: bool = True,
        seed: int = 1,
        **terms: Any,
    ) -> None:
        rules = MarketRules(seed=seed, tick_interval_ms=tick_interval_ms, always_open=always_open)
        self.market = Market(catalogue(), rules, ServerClock(), start_ms)
        self.book = Book(self.market)
        digits = 0 if currency == "JPY" else 2
        matching.open_account(
            self.book,
            AccountTerms(LOGIN, currency, digits, margin_mode=margin_mode, **terms),
            D(deposit),
        )
        self.price("EURUSD", "1.08500", "1.08510")

    @property
    def account(self) -> Account:
        return self.book.accounts[LOGIN]

    @property
    def deals(self) -> list[Deal]:
        """Trades only; the first deposit is left out."""
        return [one for one in self.account.deals.values() if one.symbol]

    @property
    def positions(self) -> list[Position]:
        return list(self.account.positions.values())

    def price(self, symbol: str, bid: str, ask: str) -> None:
        self.market.put(symbol, D(bid), D(ask), self.market.utc_ms)
        triggers.on_tick(self.book, symbol)

    def wait(self, milliseconds: int) -> None:
        for name in self.market.advance(self.market.utc_ms + milliseconds):
            triggers.on_time(self.book)
            triggers.on_tick(self.book, name)
        triggers.on_time(self.book)

    def send(self, request: TradeRequest, execution: Execution | None = None) -> Outcome:
        return matching.send(self.book, LOGIN, request, execution or Execution(serial=1))

    def deal(self, kind: OrderType, volume: str = "0.10", **fields: Any) -> Outcome:
        execution = fields.pop("execution", None)
        fields = {"symbol": "EURUSD", "type_filling": Filling.IOC, **fields}
        return self.send(TradeRequest(Action.DEAL, volume=D(volume), type=kind, **fields), execution)

    def buy(self, volume: str = "0.10", **fields: Any) -> Outcome:
        return self.deal(OrderType.BUY, volume, **fields)

    def sell(self, volume: str = "0.10", **fields: Any) -> Outcome:
        return self.deal(OrderType.SELL, volume, **fields)

    def place(self, kind: OrderType, price: str, volume: str = "0.10", **fields: Any) -> Outcome:
        fields = {"symbol": "EURUSD", "type_filling": Filling.RETURN, **fields}
        return self.send(TradeRequest(Action.PENDING, volume=D(volume), type=kind, price=D(price), **fields))

    def levels(self, ticket: int, sl: str = "0", tp: str = "0") -> Outcome:
        return self.send(TradeRequest(Action.SLTP, symbol="EURUSD", position=ticket, sl=D(sl), tp=D(tp)))
