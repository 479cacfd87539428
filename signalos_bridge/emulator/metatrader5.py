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
from signalos_bridge.emulator.native import builtin
from signalos_bridge.emulator.pipe import ADDRESS_VARIABLE, Pipe, parse_address
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
_FOREVER = 1 << 40

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


_state = _State()


def _api(
    doc: str, *, failure: object = None
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

        return builtin("MetaTrader5", implementation.__name__, doc, guarded)

    return make


def _rows(kind: type[Structure], values: list[Any]) -> tuple[Structure, ...]:
    return tuple([kind(row) for row in values])


def _with_request(kind: type[Structure], row: list[Any]) -> Structure:
    row[-1] = TradeRequest(row[-1])
    return kind(row)


@_api(
    'initialize([path],[server="SERVER"],[login=LOGIN],[password="PASSWORD"])'
    " Establish connection to MetaTrader 5 terminal",
    failure=False,
)
def initialize(args: _Args, kwargs: _Kwargs) -> bool:
    named = dict(kwargs or {})
    if len(args) > 1 or (args and "path" in named):
        raise take.refuse("Invalid number of arguments")
    path = take.unnamed_text(args, 1) if args else take.text(named.pop("path", ""), "path")
    login = take.integer(named.pop("login", 0), "login")
    password = take.text(named.pop("password", ""), "password")
    server = take.text(named.pop("server", ""), "server")
    timeout_ms = take.integer(named.pop("timeout", 60_000), "timeout")
    named.pop("portable", None)
    if named:
        raise take.refuse("Invalid arguments")
    endpoint = parse_address(path or os.environ.get(ADDRESS_VARIABLE, ""))
    known = _state.pipe
    if known is not None and known.is_open:
        if known.endpoint != endpoint:
            raise CallFailed(LastError.INIT, "IPC initialize failed, already initialized")
        if login:
            known.call("login", login, password, server)
        return True
    pipe = Pipe(endpoint, max(0.001, timeout_ms / 1000))
    try:
        greeting = pipe.greet(login, password, server)
    except CallFailed:
        pipe.close()
        raise
    _state.pipe = pipe
    _state.comment_limit = int(greeting["comment_limit"])
    return True


@_api('login(login,[server="SERVER"],[password="PASSWORD"])', failure=False)
def login(args: _Args, kwargs: _Kwargs) -> bool:
    named = dict(kwargs or {})
    if len(args) > 1:
        raise take.refuse("Invalid number of arguments")
    number = take.unnamed_integer(args, 1) if args else take.integer(named.pop("login", None), "login")
    password = take.text(named.pop("password", ""), "password")
    server = take.text(named.pop("server", ""), "server")
    take.integer(named.pop("timeout", 60_000), "timeout")
    if named:
        raise take.refuse("Invalid arguments")
    return bool(_state.call("login", number, password, server))


@_api("shutdown() Disconnect from MetaTrader 5 terminal")
def shutdown(args: _Args, kwargs: _Kwargs) -> None:
    if _state.pipe is not None:
        _state.pipe.close()
        _state.pipe = None


@_api("version() Get MetaTrader 5 terminal version")
def version(args: _Args, kwargs: _Kwargs) -> tuple[Any, ...]:
    take.no_arguments(args, kwargs)
    return tuple(_state.call("version"))


def _last_error(args: _Args, kwargs: _Kwargs) -> tuple[int, str]:
    return _state.last_error


last_error = builtin("MetaTrader5", "last_error", "last_error()", _last_error)


@_api("terminal_info() Get parameters of MetaTrader 5 terminal")
def terminal_info(args: _Args, kwargs: _Kwargs) -> Structure:
    take.no_arguments(args, kwargs)
    return TerminalInfo(_state.call("terminal_info"))


@_api("account_info()")
def account_info(args: _Args, kwargs: _Kwargs) -> Structure:
    take.no_arguments(args, kwargs)
    return AccountInfo(_state.call("account_info"))


@_api("symbols_total()")
def symbols_total(args: _Args, kwargs: _Kwargs) -> int:
    take.no_arguments(args, kwargs)
    return int(_state.call("symbols_total"))


@_api('symbols_get([group="GROUP"])')
def symbols_get(args: _Args, kwargs: _Kwargs) -> tuple[Structure, ...]:
    if args:
        take.only_unnamed(args, kwargs, 1)
        group = take.unnamed_text(args, 1)
    else:
        group = take.text(take.only_named(args, kwargs, ("group",)).get("group", ""), "group")
    return _rows(SymbolInfo, _state.call("symbols_get", group))


@_api("symbol_info(symbol)")
def symbol_info(args: _Args, kwargs: _Kwargs) -> Structure:
    take.only_unnamed(args, kwargs, 1)
    return SymbolInfo(_state.call("symbol_info", take.unnamed_text(args, 1)))


@_api("symbol_info_tick(symbol)")
def symbol_info_tick(args: _Args, kwargs: _Kwargs) -> Structure:
    take.only_unnamed(args, kwargs, 1)
    return Tick(_state.call("symbol_info_tick", take.unnamed_text(args, 1)))


@_api("symbol_select(symbol,[enable])", failure=False)
def symbol_select(args: _Args, kwargs: _Kwargs) -> bool:
    named = dict(kwargs or {})
    enable: Any = named.pop("enable", True)
    if named or not 1 <= len(args) <= 2:
        raise take.refuse("Invalid number of arguments")
    if len(args) == 2:
        enable = args[1]
    return bool(_state.call("symbol_select", take.unnamed_text(args, 1), bool(enable)))


@_api("market_book_add(symbol)", failure=False)
def market_book_add(args: _Args, kwargs: _Kwargs) -> bool:
    take.only_unnamed(args, kwargs, 1)
    return bool(_state.call("market_book_add", take.unnamed_text(args, 1)))


@_api("market_book_release(symbol)", failure=False)
def market_book_release(args: _Args, kwargs: _Kwargs) -> bool:
    take.only_unnamed(args, kwargs, 1)
    return bool(_state.call("market_book_release", take.unnamed_text(args, 1)))


@_api("market_book_get(symbol)")
def market_book_get(args: _Args, kwargs: _Kwargs) -> tuple[Structure, ...]:
    take.only_unnamed(args, kwargs, 1)
    return _rows(BookInfo, _state.call("market_book_get", take.unnamed_text(args, 1)))


def _array(packed: bytes, kind: "np.dtype[Any]") -> "np.ndarray[Any, Any]":
    return np.frombuffer(packed, dtype=kind).copy()


@_api("copy_rates_from(symbol, timeframe, date_from, count)")
def copy_rates_from(args: _Args, kwargs: _Kwargs) -> Any:
    take.only_unnamed(args, kwargs, 4)
    name, timeframe = take.unnamed_text(args, 1), take.unnamed_integer(args, 2)
    when, count = take.unnamed_seconds(args, 3), take.unnamed_integer(args, 4)
    return _array(_state.call("copy_rates_from", name, timeframe, when, count), _RATES)


@_api("copy_rates_from_pos(symbol, timeframe, start_pos, count)")
def copy_rates_from_pos(args: _Args, kwargs: _Kwargs) -> Any:
    take.only_unnamed(args, kwargs, 4)
    name, timeframe = take.unnamed_text(args, 1), take.unnamed_integer(args, 2)
    start, count = take.unnamed_integer(args, 3), take.unnamed_integer(args, 4)
    return _array(_state.call("copy_rates_from_pos", name, timeframe, start, count), _RATES)


@_api("copy_rates_range(symbol, timeframe, date_from, date_to)")
def copy_rates_range(args: _Args, kwargs: _Kwargs) -> Any:
    take.only_unnamed(args, kwargs, 4)
    name, timeframe = take.unnamed_text(args, 1), take.unnamed_integer(args, 2)
    begin, end = take.unnamed_seconds(args, 3), take.unnamed_seconds(args, 4)
    return _array(_state.call("copy_rates_range", name, timeframe, begin, end), _RATES)


@_api("copy_ticks_from(symbol, date_from, count, flags)")
def copy_ticks_from(args: _Args, kwargs: _Kwargs) -> Any:
    take.only_unnamed(args, kwargs, 4)
    name, when = take.unnamed_text(args, 1), take.unnamed_seconds(args, 2)
    count, flags = take.unnamed_integer(args, 3), take.unnamed_integer(args, 4)
    return _array(_state.call("copy_ticks_from", name, when, count, flags), _TICKS)


@_api("copy_ticks_range(symbol, date_from, date_to, flags)")
def copy_ticks_range(args: _Args, kwargs: _Kwargs) -> Any:
    take.only_unnamed(args, kwargs, 4)
    name, begin = take.unnamed_text(args, 1), take.unnamed_seconds(args, 2)
    end, flags = take.unnamed_seconds(args, 3), take.unnamed_integer(args, 4)
    return _array(_state.call("copy_ticks_range", name, begin, end, flags), _TICKS)


def _filter(args: _Args, kwargs: _Kwargs) -> tuple[str, int, str]:
    named = take.only_named(args, kwargs, ("symbol", "ticket", "group"))
    return (
        take.text(named.get("symbol", ""), "symbol"),
        take.integer(named.get("ticket", 0), "ticket"),
        take.text(named.get("group", ""), "group"),
    )


@_api("positions_total()")
def positions_total(args: _Args, kwargs: _Kwargs) -> int:
    take.no_arguments(args, kwargs)
    return int(_state.call("positions_total"))


@_api('positions_get([symbol="SYMBOL"],[ticket=TICKET],[group="GROUP"])')
def positions_get(args: _Args, kwargs: _Kwargs) -> tuple[Structure, ...]:
    return _rows(TradePosition, _state.call("positions_get", *_filter(args, kwargs)))


@_api("orders_total()")
def orders_total(args: _Args, kwargs: _Kwargs) -> int:
    take.no_arguments(args, kwargs)
    return int(_state.call("orders_total"))


@_api('orders_get([symbol="SYMBOL"],[ticket=TICKET],[group="GROUP"])')
def orders_get(args: _Args, kwargs: _Kwargs) -> tuple[Structure, ...]:
    return _rows(TradeOrder, _state.call("orders_get", *_filter(args, kwargs)))


def _history_filter(args: _Args, kwargs: _Kwargs) -> tuple[int, int, str, int, int]:
    named = dict(kwargs or {})
    group = take.text(named.pop("group", ""), "group")
    ticket = take.integer(named.pop("ticket", 0), "ticket")
    position = take.integer(named.pop("position", 0), "position")
    if args:
        if len(args) != 2:
            raise take.refuse("Invalid number of arguments")
        begin, end = take.unnamed_seconds(args, 1), take.unnamed_seconds(args, 2)
    elif "date_from" in named or "date_to" in named:
        pair = (named.pop("date_from", 0), named.pop("date_to", _FOREVER))
        begin, end = take.unnamed_seconds(pair, 1), take.unnamed_seconds(pair, 2)
    elif ticket or position:
        begin, end = 0, _FOREVER
    else:
        raise take.refuse("Invalid arguments")
    if named:
        raise take.refuse("Invalid arguments")
    return begin, end, group, ticket, position


@_api("history_orders_total(date_from, date_to)")
def history_orders_total(args: _Args, kwargs: _Kwargs) -> int:
    return int(_state.call("history_orders_total", *_history_filter(args, kwargs)))


@_api('history_orders_get([date_from, date_to, [group="GROUP"]],[position=POSITION],[ticket=TICKET])')
def history_orders_get(args: _Args, kwargs: _Kwargs) -> tuple[Structure, ...]:
    return _rows(TradeOrder, _state.call("history_orders_get", *_history_filter(args, kwargs)))


@_api("history_deals_total(date_from, date_to)")
def history_deals_total(args: _Args, kwargs: _Kwargs) -> int:
    return int(_state.call("history_deals_total", *_history_filter(args, kwargs)))


@_api('history_deals_get([date_from, date_to, [group="GROUP"]],[position=POSITION],[ticket=TICKET])')
def history_deals_get(args: _Args, kwargs: _Kwargs) -> tuple[Structure, ...]:
    return _rows(TradeDeal, _state.call("history_deals_get", *_history_filter(args, kwargs)))


@_api("order_calc_margin(action, symbol, volume, price,)")
def order_calc_margin(args: _Args, kwargs: _Kwargs) -> float:
    take.only_unnamed(args, kwargs, 4)
    action, name = take.unnamed_integer(args, 1), take.unnamed_text(args, 2)
    numbers = [take.unnamed_number(args, position) for position in (3, 4)]
    return float(_state.call("order_calc_margin", action, name, *numbers))


@_api("order_calc_profit(action, symbol, volume, price_open, price_close)")
def order_calc_profit(args: _Args, kwargs: _Kwargs) -> float:
    take.only_unnamed(args, kwargs, 5)
    action, name = take.unnamed_integer(args, 1), take.unnamed_text(args, 2)
    numbers = [take.unnamed_number(args, position) for position in (3, 4, 5)]
    return float(_state.call("order_calc_profit", action, name, *numbers))


@_api("order_check(request)")
def order_check(args: _Args, kwargs: _Kwargs) -> Structure:
    request = take.trade_request(args, kwargs, _state.comment_limit)
    return _with_request(OrderCheckResult, _state.call("order_check", request))


@_api("order_send(request)")
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
