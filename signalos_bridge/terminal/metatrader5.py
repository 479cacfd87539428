"""The one place that calls the `MetaTrader5` module, or another that speaks its interface.

Every call blocks, may hold the GIL, and has no time-out of its own: this runs in the child process only.
A method that reads raises `CallFailed` where the module says "unknown" (`None`); empty means empty.
"""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from signalos_bridge.domain.market import (
    AccountSnapshot,
    BoundAccount,
    Deal,
    HistoryOrder,
    Position,
    Side,
    SymbolSpec,
    Tick,
    WorkingOrder,
)
from signalos_bridge.terminal import requests, translate

_SYMBOL_RULES_SECONDS = 60.0
_SELECT_WAIT_SECONDS = 0.5
_SELECT_STEP_SECONDS = 0.01
_NOT_FOUND = frozenset({1, -4})
# After these codes of `last_error` the way to the terminal itself is in doubt.
PIPE_CODES = frozenset({-10000, -10001, -10002, -10003, -10004, -10005})
_UNKNOWN_DIGITS = 8
_COPY_TICKS_INFO = 1
_TRANSLATIONS_KEPT = 5_000


class CallFailed(Exception):  # noqa: N818 (it says what happened)
    """The module answered `None` or False: nothing is known. `code` and `text` are its `last_error()`."""

    def __init__(self, function: str, code: int, text: str) -> None:
        super().__init__(f"{function}: {code} {text}")
        self.function = function
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class AdapterSettings:
    """Which module speaks to which terminal.

    `module` is a dotted name, with `:Factory` after it when the functions are methods of an object that
    `Factory()` makes (as in `mt5linux`). `path` None attaches to the terminal that is installed.
    """

    module: str = "MetaTrader5"
    path: str | None = None
    portable: bool = False
    initialize_timeout_ms: int = 20_000


# Without these nothing can be done at all.
_FUNCTIONS = ("initialize", "last_error", "terminal_info", "account_info", "positions_get", "order_send")


class ModuleUnusable(Exception):  # noqa: N818 (it says what is the case)
    """The named module cannot be loaded, or does not speak MetaTrader's interface; says why in one line."""


def load_module(name: str) -> Any:
    """Import the module that speaks MetaTrader's interface. Raises `ModuleUnusable`."""
    module_name, _, factory = name.partition(":")
    try:
        module = importlib.import_module(module_name)
        found = getattr(module, factory)() if factory else module
    except Exception as error:
        # It is somebody else's code, and may fail in any way.
        raise ModuleUnusable(f"{name} cannot be loaded: {type(error).__name__}: {error}") from error
    missing = [function for function in _FUNCTIONS if not callable(getattr(found, function, None))]
    if missing:
        raise ModuleUnusable(
            f"{name} does not speak the MetaTrader5 package's API: it has no {', '.join(missing)}"
        )
    return found


def _call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    # The package refuses positional arguments beside a keyword mapping, even an empty one.
    return function(*args, **kwargs) if kwargs else function(*args)


def _broker_datetime(time_msc: int, *, up: bool = False) -> datetime:
    seconds = math.ceil(time_msc / 1000) if up else time_msc // 1000
    return datetime.fromtimestamp(seconds, tz=UTC)


class MetaTrader5:
    """One attached terminal. Not for use by two threads."""

    def __init__(self, module: Any, settings: AdapterSettings) -> None:
        self._mt5 = module
        self._settings = settings
        self._rules: dict[str, tuple[float, SymbolSpec]] = {}
        # The symbols that the terminal showed when all were read last.
        self.market_watch: tuple[str, ...] = ()
        # Translating costs more than comparing, and a span of history is read again and again.
        self._deals: dict[int, tuple[Any, Deal]] = {}
        self._history_orders: dict[int, tuple[Any, HistoryOrder]] = {}
        self.money_digits = 2
        self.hedging = False
        self.bound: BoundAccount | None = None

    # The way to the terminal

    def attach(self) -> None:
        """Connect to the terminal, starting it if need be, within the configured time."""
        kwargs: dict[str, Any] = {"timeout": self._settings.initialize_timeout_ms}
        if self._settings.portable:
            kwargs["portable"] = True
        args = () if self._settings.path is None else (self._settings.path,)
        if not _call(self._mt5.initialize, *args, **kwargs):
            raise self._failure("initialize")

    def detach(self) -> None:
        """Let go of the terminal."""
        self._mt5.shutdown()
        self._rules.clear()
        self._deals.clear()
        self._history_orders.clear()

    def last_error(self) -> tuple[int, str]:
        """Return the module's code and text of its latest call."""
        code, text = self._mt5.last_error()
        return int(code), str(text)

    def _failure(self, function: str) -> CallFailed:
        return CallFailed(function, *self.last_error())

    def _read(self, function: str, *args: Any, **kwargs: Any) -> Any:
        result = _call(getattr(self._mt5, function), *args, **kwargs)
        if result is None:
            raise self._failure(function)
        return result

    # Reads. Those ending in `_raw` give the module's own structures, for cheap comparison.

    def terminal_raw(self) -> Any:
        """Return `TerminalInfo`."""
        return self._read("terminal_info")

    def account_raw(self) -> Any:
        """Return `AccountInfo`."""
        return self._read("account_info")

    def positions_raw(self) -> tuple[Any, ...]:
        """Return all `TradePosition`s."""
        return tuple(self._read("positions_get"))

    def orders_raw(self) -> tuple[Any, ...]:
        """Return all working `TradeOrder`s."""
        return tuple(self._read("orders_get"))

    def tick_raw(self, symbol: str) -> Any:
        """Return the latest `Tick`; bid and ask are zero while the symbol is not selected."""
        return self._read("symbol_info_tick", symbol)

    def select(self, symbol: str) -> bool:
        """Put a symbol into the market watch, without which it has no quotes."""
        return bool(self._mt5.symbol_select(symbol, True))

    def account_of(self, raw: Any) -> AccountSnapshot:
        """Translate an account and remember its currency's digits."""
        account = translate.account(raw)
        self.money_digits = account.currency_digits
        self.hedging = account.margin_mode.is_hedging
        return account

    def position_of(self, raw: Any) -> Position:
        """Translate a position."""
        return translate.position(raw, self.digits(raw.symbol), self.money_digits)

    def order_of(self, raw: Any) -> WorkingOrder:
        """Translate a working order."""
        return translate.working_order(raw, self.digits(raw.symbol))

    def account(self) -> AccountSnapshot:
        """Read the account."""
        return self.account_of(self.account_raw())

    def positions(self) -> tuple[Position, ...]:
        """Read all open positions."""
        return tuple(self.position_of(raw) for raw in self.positions_raw())

    def position(self, ticket: int) -> Position | None:
        """Read one position."""
        found = self._read("positions_get", ticket=ticket)
        return self.position_of(found[0]) if found else None

    def position_in(self, symbol: str) -> Position | None:
        """Read the one position in a symbol of a netting account."""
        found = self._read("positions_get", symbol=symbol)
        return self.position_of(found[0]) if found else None

    def orders(self) -> tuple[WorkingOrder, ...]:
        """Read all working orders."""
        return tuple(self.order_of(raw) for raw in self.orders_raw())

    def deals(self, from_msc: int, to_msc: int) -> tuple[Deal, ...]:
        """Read the deals of a span of broker time, both ends included."""
        found = self._read("history_deals_get", _broker_datetime(from_msc), _broker_datetime(to_msc, up=True))
        deals = (self.deal_of(raw) for raw in found)
        return tuple(deal for deal in deals if from_msc <= deal.time_msc <= to_msc)

    def deal_of(self, raw: Any) -> Deal:
        """Translate a deal."""
        known = self._deals.get(raw.ticket)
        if known is not None and known[0] == raw:
            return known[1]
        deal = translate.deal(raw, self.digits(raw.symbol) if raw.symbol else 0, self.money_digits)
        if len(self._deals) >= _TRANSLATIONS_KEPT:
            self._deals.clear()
        self._deals[raw.ticket] = (raw, deal)
        return deal

    def deals_count(self, from_msc: int, to_msc: int) -> int:
        """Return about how many deals a span of broker time has."""
        return int(
            self._read("history_deals_total", _broker_datetime(from_msc), _broker_datetime(to_msc, up=True))
        )

    def history_orders(self, from_msc: int, to_msc: int) -> tuple[HistoryOrder, ...]:
        """Read the finished orders of a span of broker time, both ends included.

        MetaTrader selects by the time at which an order was set up or done, differing by build; whatever it
        gives is returned.
        """
        found = self._read(
            "history_orders_get", _broker_datetime(from_msc), _broker_datetime(to_msc, up=True)
        )
        return tuple(self.history_order_of(raw) for raw in found)

    def history_order_of(self, raw: Any) -> HistoryOrder:
        """Translate a finished order."""
        known = self._history_orders.get(raw.ticket)
        if known is not None and known[0] == raw:
            return known[1]
        order = translate.history_order(raw, self.digits(raw.symbol))
        if len(self._history_orders) >= _TRANSLATIONS_KEPT:
            self._history_orders.clear()
        self._history_orders[raw.ticket] = (raw, order)
        return order

    def deals_of_position(self, identifier: int) -> tuple[Deal, ...]:
        """Read all deals of a position's life."""
        return tuple(self.deal_of(raw) for raw in self._read("history_deals_get", position=identifier))

    def history_order(self, ticket: int) -> HistoryOrder | None:
        """Read one finished order."""
        found = self._read("history_orders_get", ticket=ticket)
        return self.history_order_of(found[0]) if found else None

    def symbol(self, name: str) -> SymbolSpec | None:
        """Read one symbol's rules afresh."""
        raw = self._mt5.symbol_info(name)
        if raw is None:
            failure = self._failure("symbol_info")
            if failure.code in _NOT_FOUND:
                return None
            raise failure
        spec = translate.symbol(raw)
        self._rules[name] = (time.monotonic(), spec)
        return spec

    def known_rules(self, name: str) -> SymbolSpec | None:
        """Return one symbol's rules as they were read last, without asking again."""
        known = self._rules.get(name)
        return None if known is None else known[1]

    def doubt_rules(self, name: str) -> None:
        """Read the rules again before they are used next; their digits still serve."""
        if (spec := self.known_rules(name)) is not None:
            self._rules[name] = (-math.inf, spec)

    def rules(self, name: str) -> SymbolSpec | None:
        """Return one symbol's rules, at most a minute old."""
        known = self._rules.get(name)
        if known is not None and time.monotonic() - known[0] < _SYMBOL_RULES_SECONDS:
            return known[1]
        return self.symbol(name)

    def symbols(self, group: str | None) -> tuple[SymbolSpec, ...]:
        """Read the symbols of a group filter, or all, which also sets `market_watch`."""
        found = self._read("symbols_get", group) if group else self._read("symbols_get")
        specs = tuple(translate.symbol(raw) for raw in found)
        if not group:
            self.market_watch = tuple(sorted(spec.name for spec in specs if spec.visible))
        return specs

    def symbols_total(self) -> int:
        """Return how many symbols the broker has."""
        return int(self._read("symbols_total"))

    def digits(self, symbol: str) -> int:
        """Return how many decimals a symbol's prices have, as long as the terminal runs."""
        known = self._rules.get(symbol)
        if known is not None:
            return known[1].digits
        spec = self.symbol(symbol)
        # A symbol that the broker has withdrawn: its old deals still have prices.
        return spec.digits if spec is not None else _UNKNOWN_DIGITS

    def ticks_from(self, symbol: str, from_msc: int, count: int) -> list[Tick]:
        """Read up to `count` quotes, oldest first, from the second of that broker time on."""
        array = self._read("copy_ticks_from", symbol, _broker_datetime(from_msc), count, _COPY_TICKS_INFO)
        return translate.tick_rows(symbol, array, self.digits(symbol))

    def tick(self, symbol: str) -> Tick | None:
        """Return the latest quote with both sides, selecting the symbol if need be; None: there is none."""
        raw = self._mt5.symbol_info_tick(symbol)
        if raw is None or not (raw.bid > 0 and raw.ask > 0):
            if not self.select(symbol):
                return None
            give_up = time.monotonic() + _SELECT_WAIT_SECONDS
            while True:
                raw = self._mt5.symbol_info_tick(symbol)
                if raw is not None and raw.bid > 0 and raw.ask > 0:
                    break
                if time.monotonic() >= give_up:
                    return None
                time.sleep(_SELECT_STEP_SECONDS)
        return translate.tick(symbol, raw, self.digits(symbol))

    def calc_margin(self, symbol: str, side: Side, volume_lots: Decimal, price: Decimal) -> Decimal:
        """Return the margin of a market order."""
        kind = int(requests.market_type(side))
        value = self._read("order_calc_margin", kind, symbol, float(volume_lots), float(price))
        return translate.decimal(value, self.money_digits)

    def calc_profit(
        self, symbol: str, side: Side, volume_lots: Decimal, open_price: Decimal, close_price: Decimal
    ) -> Decimal:
        """Return the profit of a trade."""
        kind = int(requests.market_type(side))
        value = self._read(
            "order_calc_profit", kind, symbol, float(volume_lots), float(open_price), float(close_price)
        )
        return translate.decimal(value, self.money_digits)

    # Orders, as `Dealer` makes them

    def check_raw(self, request: dict[str, int | float | str]) -> Any:
        """Return `OrderCheckResult`."""
        return self._read("order_check", request)

    def send_raw(self, request: dict[str, int | float | str]) -> Any:
        """Return `OrderSendResult`, or the `None` that leaves `last_error` to tell what happened."""
        return self._mt5.order_send(request)
