"""The API of the `MetaTrader5` package, with the emulated broker behind it.

Import it in the place of that package. `initialize(path="emulator://HOST:PORT/LOGIN")`, or the same address
in the environment variable `SIGNALOS_EMULATOR`, says which broker and which of its terminals.
As in the package the state is global: one process has one terminal.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from signalos_bridge.emulator import arguments as take
from signalos_bridge.emulator.constants import *  # noqa: F403 - the package's own names, as it has them
from signalos_bridge.emulator.constants import (
    ORDER_TYPE_BUY,
    ORDER_TYPE_SELL,
    TRADE_ACTION_DEAL,
    TRADE_RETCODE_DONE,
    TRADE_RETCODE_PRICE_OFF,
    TRADE_RETCODE_REQUOTE,
)
from signalos_bridge.emulator.errors import TEXTS, CallFailed, LastError
from signalos_bridge.emulator.native import Takes, builtin
from signalos_bridge.emulator.pipe import ADDRESS_VARIABLE, Made, Pipe, parse_address
from signalos_bridge.emulator.structures import (
    AccountInfo,
    BookInfo,
    OrderCheckResult,
    OrderSendResult,
    Structure,
    SymbolInfo,
    TerminalInfo,
    Tick,
    TradeDeal,
    TradeOrder,
    TradePosition,
    TradeRequest,
)

__version__ = "5.0.6231"
__author__ = "SignalOS"

_RATES = np.dtype(
    [
        ("time", "<i8"),
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("tick_volume", "<u8"),
        ("spread", "<i4"),
        ("real_volume", "<u8"),
    ]
)
_TICKS = np.dtype(
    [
        ("time", "<i8"),
        ("bid", "<f8"),
        ("ask", "<f8"),
        ("last", "<f8"),
        ("volume", "<u8"),
        ("time_msc", "<i8"),
        ("flags", "<u4"),
        ("volume_real", "<f8"),
    ]
)
_Args = tuple[Any, ...]
_Kwargs = dict[str, Any] | None


class _State:
    """What the package keeps in its module."""

    def __init__(self) -> None:
        self.pipe: Pipe | None = None
        self.comment_limit = 29
        self.last_error: tuple[int, str] = (LastError.OK.value, TEXTS[LastError.OK])

    def call(self, function: str, *args: Any) -> Any:
        if self.pipe is None:
            raise CallFailed(LastError.CONNECT)
        return self.pipe.call(function, *args)

    def call_for(self, made: Made, function: str, *args: Any) -> Any:
        if self.pipe is None:
            raise CallFailed(LastError.CONNECT)
        return self.pipe.call_for(made, function, *args)


_state = _State()


def _api(
    doc: str, takes: Takes = Takes.NOTHING, *, failure: object = None
) -> Callable[[Callable[[_Args, _Kwargs], Any]], Callable[..., Any]]:
    """Make a function of the package out of one that raises `CallFailed`."""

    def make(implementation: Callable[[_Args, _Kwargs], Any]) -> Callable[..., Any]:
        def guarded(args: _Args, kwargs: _Kwargs) -> Any:
            try:
                value = implementation(args, kwargs)
            except CallFailed as failed:
                _state.last_error = (failed.code, failed.text)
                return failure
            _state.last_error = (LastError.OK.value, TEXTS[LastError.OK])
            return value

        return builtin("MetaTrader5", implementation.__name__, doc, takes, guarded)

    return make


def _rows(kind: type[Structure], values: list[Any]) -> tuple[Structure, ...]:
    return tuple([kind(row) for row in values])


# What is asked for again and again, and mostly has not changed. A tuple of tuples may be given twice.
_EVERYTHING = ("", 0, "")
_all_positions = Made(lambda values: _rows(TradePosition, values))
_all_orders = Made(lambda values: _rows(TradeOrder, values))


def _with_request(kind: type[Structure], row: list[Any]) -> Structure:
    row[-1] = TradeRequest(row[-1])
    return kind(row)


@_api(
    'initialize([path],[server="SERVER"],[login=LOGIN],[password="PASSWORD"])'
    " Establish connection to MetaTrader 5 terminal",
    Takes.BOTH,
    failure=False,
)
def initialize(args: _Args, kwargs: _Kwargs) -> bool:
    named = kwargs or {}
    if len(args) > 1:
        raise take.refuse("Invalid number of arguments")
    if args and not isinstance(args[0], str):
        raise take.refuse("Invalid 1st unnamed argument")
    number, timeout_ms = take.unsigned(named, "login"), take.unsigned({"timeout": 60_000, **named}, "timeout")
    server, password = take.text(named, "server"), take.text(named, "password")
    path = take.text(named, "path") or (args[0] if args else "")
    endpoint = parse_address(path or os.environ.get(ADDRESS_VARIABLE, ""))
    known = _state.pipe
    if known is not None and known.is_open:
        if known.endpoint != endpoint:
            raise CallFailed(LastError.INIT, "IPC initialize failed, already initialized")
        if number:
            known.call("login", number, password, server)
        return True
    pipe = Pipe(endpoint, max(0.001, timeout_ms / 1000))
    try:
        greeting = pipe.greet(number, password, server)
    except CallFailed:
        pipe.close()
        raise
    _state.pipe = pipe
    _state.comment_limit = int(greeting["comment_limit"])
    return True


@_api('login(login,[server="SERVER"],[password="PASSWORD"])', Takes.BOTH, failure=False)
def login(args: _Args, kwargs: _Kwargs) -> bool:
    named = kwargs or {}
    if len(args) > 3:
        raise take.refuse("Invalid number of arguments")
    unnamed = dict(zip(("login", "password", "server"), args, strict=False))
    for position, (name, kind) in enumerate((("login", int), ("password", str), ("server", str))):
        if name in unnamed and not isinstance(unnamed[name], kind):
            raise take.refuse(f"Invalid {('1st', '2nd', '3rd')[position]} unnamed argument")
    given = {**unnamed, **named}
    number = take.unsigned(given, "login")
    take.unsigned(given, "timeout")
    password, server = take.text(given, "password"), take.text(given, "server")
    return bool(_state.call("login", number, password, server))


@_api("shutdown() Disconnect from MetaTrader 5 terminal")
def shutdown(args: _Args, kwargs: _Kwargs) -> bool:
    if _state.pipe is not None:
        _state.pipe.close()
        _state.pipe = None
    return True


@_api("version() Get MetaTrader 5 terminal version")
def version(args: _Args, kwargs: _Kwargs) -> tuple[Any, ...]:
    return tuple(_state.call("version"))


def _last_error(args: _Args, kwargs: _Kwargs) -> tuple[int, str]:
    return _state.last_error


last_error = builtin("MetaTrader5", "last_error", "last_error()", Takes.NOTHING, _last_error)


@_api("terminal_info() Get parameters of MetaTrader 5 terminal")
def terminal_info(args: _Args, kwargs: _Kwargs) -> Structure:
    return TerminalInfo(_state.call("terminal_info"))


@_api("account_info()")
def account_info(args: _Args, kwargs: _Kwargs) -> Structure:
    return AccountInfo(_state.call("account_info"))


@_api("symbols_total()")
def symbols_total(args: _Args, kwargs: _Kwargs) -> int:
    return int(_state.call("symbols_total"))


@_api('symbols_get([group="GROUP"])', Takes.BOTH)
def symbols_get(args: _Args, kwargs: _Kwargs) -> tuple[Structure, ...]:
    if len(args) > 1:
        raise take.refuse("Invalid number of arguments")
    if args and not isinstance(args[0], str):
        raise take.refuse("Invalid 1st unnamed argument")
    group = (kwargs or {}).get("group", args[0] if args else "")
    return _rows(SymbolInfo, _state.call("symbols_get", take.group(group)))


def _one_symbol(args: _Args) -> str:
    take.exactly(args, 1)
    return take.symbol(args[0])


@_api("symbol_info(symbol)", Takes.UNNAMED)
def symbol_info(args: _Args, kwargs: _Kwargs) -> Structure:
    return SymbolInfo(_state.call("symbol_info", _one_symbol(args)))


@_api("symbol_info_tick(symbol)", Takes.UNNAMED)
def symbol_info_tick(args: _Args, kwargs: _Kwargs) -> Structure:
    return Tick(_state.call("symbol_info_tick", _one_symbol(args)))


@_api("symbol_select(symbol,[enable])", Takes.UNNAMED, failure=False)
def symbol_select(args: _Args, kwargs: _Kwargs) -> bool:
    if not 1 <= len(args) <= 2:
        raise take.bad_arguments()
    enable = bool(args[1]) if len(args) == 2 else True
    return bool(_state.call("symbol_select", take.symbol(args[0]), enable))


@_api("market_book_add(symbol)", Takes.UNNAMED, failure=False)
def market_book_add(args: _Args, kwargs: _Kwargs) -> bool:
    return bool(_state.call("market_book_add", _one_symbol(args)))


@_api("market_book_release(symbol)", Takes.UNNAMED, failure=False)
def market_book_release(args: _Args, kwargs: _Kwargs) -> bool:
    return bool(_state.call("market_book_release", _one_symbol(args)))


@_api("market_book_get(symbol)", Takes.UNNAMED)
def market_book_get(args: _Args, kwargs: _Kwargs) -> tuple[Structure, ...]:
    return _rows(BookInfo, _state.call("market_book_get", _one_symbol(args)))


def _array(packed: bytes, kind: "np.dtype[Any]") -> "np.ndarray[Any, Any]":
    if not packed:
        return np.empty(0, dtype=kind)
    # A copy of its own, so that callers may write to it.
    return np.frombuffer(packed, dtype=kind).copy()


def _rates(function: str, args: _Args, third: Callable[[Any], int], fourth: Callable[[Any], int]) -> Any:
    take.exactly(args, 4)
    name, timeframe = take.symbol(args[0]), take.integer(args[1])
    return _array(_state.call(function, name, timeframe, third(args[2]), fourth(args[3])), _RATES)


@_api("copy_rates_from(symbol, timeframe, date_from, count)", Takes.UNNAMED)
def copy_rates_from(args: _Args, kwargs: _Kwargs) -> Any:
    return _rates("copy_rates_from", args, take.seconds, take.integer)


@_api("copy_rates_from_pos(symbol, timeframe, start_pos, count)", Takes.UNNAMED)
def copy_rates_from_pos(args: _Args, kwargs: _Kwargs) -> Any:
    return _rates("copy_rates_from_pos", args, take.integer, take.integer)


@_api("copy_rates_range(symbol, timeframe, date_from, date_to)", Takes.UNNAMED)
def copy_rates_range(args: _Args, kwargs: _Kwargs) -> Any:
    return _rates("copy_rates_range", args, take.seconds, take.seconds)


@_api("copy_ticks_from(symbol, date_from, count, flags)", Takes.UNNAMED)
def copy_ticks_from(args: _Args, kwargs: _Kwargs) -> Any:
    take.exactly(args, 4)
    name, begin = take.symbol(args[0]), take.seconds(args[1])
    count, flags = take.integer(args[2]), take.integer(args[3])
    return _array(_state.call("copy_ticks_from", name, begin, count, flags), _TICKS)


@_api("copy_ticks_range(symbol, date_from, date_to, flags)", Takes.UNNAMED)
def copy_ticks_range(args: _Args, kwargs: _Kwargs) -> Any:
    take.exactly(args, 4)
    name, begin = take.symbol(args[0]), take.seconds(args[1])
    end, flags = take.seconds(args[2]), take.integer(args[3])
    return _array(_state.call("copy_ticks_range", name, begin, end, flags), _TICKS)


@_api("positions_total()")
def positions_total(args: _Args, kwargs: _Kwargs) -> int:
    return int(_state.call("positions_total"))


@_api('positions_get([symbol="SYMBOL"],[ticket=TICKET],[group="GROUP"])', Takes.BOTH)
def positions_get(args: _Args, kwargs: _Kwargs) -> tuple[Structure, ...]:
    chosen = take.by_filter(args, kwargs)
    if chosen == _EVERYTHING:
        told: tuple[Structure, ...] = _state.call_for(_all_positions, "positions_get", *chosen)
        return told
    return _rows(TradePosition, _state.call("positions_get", *chosen))


@_api("orders_total()")
def orders_total(args: _Args, kwargs: _Kwargs) -> int:
    return int(_state.call("orders_total"))


@_api('orders_get([symbol="SYMBOL"],[ticket=TICKET],[group="GROUP"])', Takes.BOTH)
def orders_get(args: _Args, kwargs: _Kwargs) -> tuple[Structure, ...]:
    chosen = take.by_filter(args, kwargs)
    if chosen == _EVERYTHING:
        told: tuple[Structure, ...] = _state.call_for(_all_orders, "orders_get", *chosen)
        return told
    return _rows(TradeOrder, _state.call("orders_get", *chosen))


@_api("history_orders_total(date_from, date_to)", Takes.UNNAMED)
def history_orders_total(args: _Args, kwargs: _Kwargs) -> int:
    take.exactly(args, 2)
    return int(_state.call("history_orders_total", *take.by_time(args, None)))


@_api(
    'history_orders_get([date_from, date_to, [group="GROUP"]],[position=POSITION],[ticket=TICKET])',
    Takes.BOTH,
)
def history_orders_get(args: _Args, kwargs: _Kwargs) -> tuple[Structure, ...]:
    return _rows(TradeOrder, _state.call("history_orders_get", *take.by_time(args, kwargs)))


@_api("history_deals_total(date_from, date_to)", Takes.UNNAMED)
def history_deals_total(args: _Args, kwargs: _Kwargs) -> int:
    take.exactly(args, 2)
    return int(_state.call("history_deals_total", *take.by_time(args, None)))


@_api(
    'history_deals_get([date_from, date_to, [group="GROUP"]],[position=POSITION],[ticket=TICKET])',
    Takes.BOTH,
)
def history_deals_get(args: _Args, kwargs: _Kwargs) -> tuple[Structure, ...]:
    return _rows(TradeDeal, _state.call("history_deals_get", *take.by_time(args, kwargs)))


@_api("order_calc_margin(action, symbol, volume, price,)", Takes.UNNAMED)
def order_calc_margin(args: _Args, kwargs: _Kwargs) -> float:
    take.exactly(args, 4)
    action, name = take.integer(args[0]), take.symbol(args[1])
    return float(_state.call("order_calc_margin", action, name, *map(take.number, args[2:])))


@_api("order_calc_profit(action, symbol, volume, price_open, price_close)", Takes.UNNAMED)
def order_calc_profit(args: _Args, kwargs: _Kwargs) -> float:
    take.exactly(args, 5)
    action, name = take.integer(args[0]), take.symbol(args[1])
    return float(_state.call("order_calc_profit", action, name, *map(take.number, args[2:])))


@_api("order_check(request)", Takes.BOTH)
def order_check(args: _Args, kwargs: _Kwargs) -> Structure:
    request = take.trade_request(args, kwargs, _state.comment_limit)
    return _with_request(OrderCheckResult, _state.call("order_check", request))


@_api("order_send(request)", Takes.BOTH)
def order_send(args: _Args, kwargs: _Kwargs) -> Structure:
    request = take.trade_request(args, kwargs, _state.comment_limit)
    return _with_request(OrderSendResult, _state.call("order_send", request))


def _raw_order(
    order_type: int, symbol: str, volume: float, price: float, comment: str | None, ticket: int | None
) -> Any:
    order: dict[str, Any] = {
        "action": TRADE_ACTION_DEAL,
        "symbol": symbol,
        "volume": volume,
        "type": order_type,
        "price": price,
        "deviation": 10,
    }
    if comment is not None:
        order["comment"] = comment
    if ticket is not None:
        order["position"] = ticket
    return order_send(order)


def Close(symbol: str, *, comment: str | None = None, ticket: int | None = None) -> Any:  # noqa: N802 - the package's name
    """Close the positions in a symbol, or one of them: True, "Partially" or False; None on an error."""
    positions = positions_get(ticket=ticket) if ticket is not None else positions_get(symbol=symbol)
    done = 0
    for position in positions:
        closing = ORDER_TYPE_SELL if position.type == ORDER_TYPE_BUY else ORDER_TYPE_BUY
        for _ in range(10):
            tick = symbol_info_tick(symbol)
            if tick is None:
                return None
            price = tick.bid if closing == ORDER_TYPE_SELL else tick.ask
            result = _raw_order(closing, symbol, position.volume, price, comment, position.ticket)
            if result is None:
                return None
            if result.retcode not in (TRADE_RETCODE_REQUOTE, TRADE_RETCODE_PRICE_OFF):
                done += result.retcode == TRADE_RETCODE_DONE
                break
    if done:
        return True if done == len(positions) else "Partially"
    return False


def Buy(  # noqa: N802 - the package's name
    symbol: str,
    volume: float,
    price: float | None = None,
    *,
    comment: str | None = None,
    ticket: int | None = None,
) -> Any:
    """Buy at the market, or at a price."""
    return _market_order(ORDER_TYPE_BUY, symbol, volume, price, comment, ticket)


def Sell(  # noqa: N802 - the package's name
    symbol: str,
    volume: float,
    price: float | None = None,
    *,
    comment: str | None = None,
    ticket: int | None = None,
) -> Any:
    """Sell at the market, or at a price."""
    return _market_order(ORDER_TYPE_SELL, symbol, volume, price, comment, ticket)


def _market_order(
    order_type: int,
    symbol: str,
    volume: float,
    price: float | None,
    comment: str | None,
    ticket: int | None,
) -> Any:
    if price is not None:
        return _raw_order(order_type, symbol, volume, price, comment, ticket)
    result = None
    for _ in range(10):
        tick = symbol_info_tick(symbol)
        current = tick.ask if order_type == ORDER_TYPE_BUY else tick.bid
        result = _raw_order(order_type, symbol, volume, current, comment, ticket)
        if result is None or result.retcode not in (TRADE_RETCODE_REQUOTE, TRADE_RETCODE_PRICE_OFF):
            break
    return result
