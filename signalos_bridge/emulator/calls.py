"""The API's functions, other than those that send orders, as the broker answers them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from signalos_bridge.emulator import history, rows
from signalos_bridge.emulator.broker import Broker
from signalos_bridge.emulator.domain.codes import Side
from signalos_bridge.emulator.domain.entities import Order, Position
from signalos_bridge.emulator.domain.market import SymbolMarket
from signalos_bridge.emulator.domain.money import order_margin, profit
from signalos_bridge.emulator.errors import CallFailed, LastError
from signalos_bridge.emulator.faults import Plan
from signalos_bridge.emulator.groups import group_filter
from signalos_bridge.emulator.lag import AccountView
from signalos_bridge.emulator.order_calls import check_row
from signalos_bridge.emulator.terminals import TerminalState, in_market_watch

BUILD = 5430
BUILD_DATE = "14 Nov 2025"

_Held = TypeVar("_Held", Position, Order)

Call = Callable[[Broker, TerminalState, Plan, list[Any]], Any]


def version(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    return (500, BUILD, BUILD_DATE)


def terminal_info(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    company = broker.account(terminal.login).terms.company
    return rows.terminal_row(terminal, company, BUILD)


def account_info(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    account = broker.account(terminal.login)
    return rows.account_row(broker.market, account, no_balance=plan.no_balance)


def symbols_total(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    return len(broker.market.symbols)


def symbols_get(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    account = broker.account(terminal.login)
    matches = group_filter(args[0]) if args[0] else None
    return [
        rows.symbol_row(broker.market, account, symbol, selected=in_market_watch(terminal, account, name))
        for name, symbol in broker.market.symbols.items()
        if matches is None or matches(name)
    ]


def symbol_info(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    symbol = _symbol(broker, args[0])
    account = broker.account(terminal.login)
    return rows.symbol_row(
        broker.market, account, symbol, selected=in_market_watch(terminal, account, args[0])
    )


def symbol_info_tick(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    symbol = _symbol(broker, args[0])
    if not in_market_watch(terminal, broker.account(terminal.login), args[0]):
        raise CallFailed(LastError.FAIL)
    return rows.tick_row(symbol)


def symbol_select(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    name, enable = args
    _symbol(broker, name)
    if enable == (name in terminal.market_watch):
        return True
    if enable:
        watch = (*terminal.market_watch, name)
    else:
        # What the account trades cannot be taken out.
        if in_market_watch(replace(terminal, market_watch=()), broker.account(terminal.login), name):
            raise CallFailed(LastError.FAIL)
        watch = tuple(one for one in terminal.market_watch if one != name)
    broker.set_terminal(replace(terminal, market_watch=watch))
    return True


def market_book_add(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    _symbol(broker, args[0])
    return True


def market_book_get(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    """One level on each side, as brokers show that have no depth."""
    symbol = _symbol(broker, args[0])
    volume = float(symbol.spec.volume_max)
    return [
        (1, float(symbol.quote.ask), int(volume), volume),
        (2, float(symbol.quote.bid), int(volume), volume),
    ]


def _view(broker: Broker, terminal: TerminalState, plan: Plan) -> AccountView:
    return broker.lagging.view(broker.account(terminal.login)).without(plan.unseen)


def positions_total(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    if plan.empty:
        return 0
    return len(_view(broker, terminal, plan).positions)


def positions_get(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    if plan.empty:
        return []
    account = broker.account(terminal.login)
    chosen = _chosen(_view(broker, terminal, plan).positions, *args)
    return rows.position_rows(broker.market, account, chosen)


def orders_total(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    if plan.empty:
        return 0
    return len(_view(broker, terminal, plan).orders)


def orders_get(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    if plan.empty:
        return []
    chosen = _chosen(_view(broker, terminal, plan).orders, *args)
    return [rows.order_row(broker.market, one) for one in chosen]


def order_calc_margin(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    action, name, volume, price = args
    symbol = _symbol(broker, name)
    if action not in (0, 1) or not volume > 0 or not price > 0:
        raise CallFailed(LastError.INVALID_PARAMS)
    account = broker.account(terminal.login)
    amount = order_margin(
        broker.market, symbol.spec, account, Side(action), _decimal(volume), _decimal(price)
    )
    return float(amount)


def order_calc_profit(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    action, name, volume, opened, closed = args
    symbol = _symbol(broker, name)
    if action not in (0, 1) or not volume > 0 or not opened > 0 or not closed > 0:
        raise CallFailed(LastError.INVALID_PARAMS)
    account = broker.account(terminal.login)
    amount = profit(
        broker.market,
        symbol.spec,
        account,
        Side(action),
        _decimal(volume),
        _decimal(opened),
        _decimal(closed),
    )
    return float(amount)


def order_check(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    return check_row(broker, terminal, args[0])


def login(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    """Log the terminal in to another account."""
    number, password, server = args
    account = broker.account(number)
    terms = account.terms
    if (terms.password and password != terms.password) or (server and server != terms.server):
        raise CallFailed(LastError.AUTH_FAILED)
    if terminal.login != number:
        broker.set_terminal(replace(terminal, login=number))
    return True


CALLS: dict[str, Call] = {
    "version": version,
    "terminal_info": terminal_info,
    "account_info": account_info,
    "symbols_total": symbols_total,
    "symbols_get": symbols_get,
    "symbol_info": symbol_info,
    "symbol_info_tick": symbol_info_tick,
    "symbol_select": symbol_select,
    "market_book_add": market_book_add,
    "market_book_release": market_book_add,
    "market_book_get": market_book_get,
    "positions_total": positions_total,
    "positions_get": positions_get,
    "orders_total": orders_total,
    "orders_get": orders_get,
    "order_calc_margin": order_calc_margin,
    "order_calc_profit": order_calc_profit,
    "order_check": order_check,
    "login": login,
    **history.CALLS,
}
SYMBOL_FIRST = frozenset(
    {
        "symbol_info",
        "symbol_info_tick",
        "symbol_select",
        "positions_get",
        "orders_get",
        "copy_ticks_from",
        "copy_ticks_range",
        "copy_rates_from",
        "copy_rates_from_pos",
        "copy_rates_range",
    }
)
"""Functions whose first argument is the symbol that a fault's scope is held against."""


def _symbol(broker: Broker, name: str) -> SymbolMarket:
    symbol = broker.market.symbols.get(name)
    if symbol is None:
        raise CallFailed(LastError.NOT_FOUND)
    return symbol


def _chosen(held: Mapping[int, _Held], symbol: str, ticket: int, group: str) -> list[_Held]:
    """Filter by what is given: a ticket goes before a symbol, and that before a group."""
    if ticket:
        found = held.get(ticket)
        return [] if found is None else [found]
    if symbol:
        return [one for one in held.values() if one.symbol == symbol]
    if group:
        matches = group_filter(group)
        return [one for one in held.values() if matches(one.symbol)]
    return list(held.values())


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))
