"""History: finished orders and deals, ticks, and bars."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from signalos_bridge.emulator import rows
from signalos_bridge.emulator.bars import bars_before, bars_between
from signalos_bridge.emulator.broker import Broker
from signalos_bridge.emulator.domain.entities import Deal, Order
from signalos_bridge.emulator.domain.market import SymbolMarket, TickRecord
from signalos_bridge.emulator.errors import CallFailed, LastError
from signalos_bridge.emulator.faults import Plan
from signalos_bridge.emulator.groups import group_filter
from signalos_bridge.emulator.terminals import TerminalState
from signalos_bridge.emulator.wire import PACKED_RATE, PACKED_TICK

_Past = TypeVar("_Past", Order, Deal)

CLOCK_SETBACK_SECONDS = 3600
"""What is older by the broker's clock may be younger in truth: by as much as ends summer time."""

COPY_TICKS_ALL, COPY_TICKS_INFO, COPY_TICKS_TRADE = -1, 1, 2


def _history_orders(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> list[Order]:
    date_from, date_to, group, ticket, position = args
    history = broker.lagging.view(broker.account(terminal.login)).without(plan.unseen).order_history
    if ticket:
        found = history.get(ticket)
        return [] if found is None else [found]
    if position:
        return [one for one in history.values() if position in (one.position_id, one.position_by_id)]
    return _between(history, lambda one: one.time_done_ms // 1000, date_from, date_to, group)


def _history_deals(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> list[Deal]:
    date_from, date_to, group, ticket, position = args
    account = broker.account(terminal.login)
    deals = broker.lagging.view(account).without(plan.unseen).deals
    if ticket:
        return [one for one in reversed(deals.values()) if one.order == ticket][::-1]
    if position:
        of_position = account.deals_of_position.get(position, ())
        return [deals[number] for number in of_position if number in deals]
    return _between(deals, lambda one: one.time_ms // 1000, date_from, date_to, group)


def _between(
    history: dict[int, _Past], seconds_of: Callable[[_Past], int], date_from: int, date_to: int, group: str
) -> list[_Past]:
    """Return what lies between two broker times, both included."""
    matches = group_filter(group) if group else None
    found = []
    # From the end: most callers ask for the latest of a long history.
    for one in reversed(history.values()):
        seconds = seconds_of(one)
        if seconds < date_from - CLOCK_SETBACK_SECONDS:
            break
        if date_from <= seconds <= date_to and (matches is None or matches(one.symbol)):
            found.append(one)
    found.reverse()
    return found


def history_orders_total(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    return 0 if plan.empty else len(_history_orders(broker, terminal, plan, args))


def history_orders_get(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    if plan.empty:
        return []
    return [rows.order_row(broker.market, one) for one in _history_orders(broker, terminal, plan, args)]


def history_deals_total(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    return 0 if plan.empty else len(_history_deals(broker, terminal, plan, args))


def history_deals_get(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    if plan.empty:
        return []
    return [rows.deal_row(one) for one in _history_deals(broker, terminal, plan, args)]


def copy_ticks_from(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    name, date_from, count, flags = args
    ticks = _symbol(broker, name).ticks
    if count < 0:
        raise CallFailed(LastError.INVALID_PARAMS)
    begin = ticks.first_since(broker.market.clock.utc_ms(date_from * 1000))
    return _packed_ticks(ticks, range(begin, len(ticks.time_ms)), flags, count)


def copy_ticks_range(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    name, date_from, date_to, flags = args
    ticks = _symbol(broker, name).ticks
    clock = broker.market.clock
    chosen = range(
        ticks.first_since(clock.utc_ms(date_from * 1000)),
        ticks.first_since(clock.utc_ms(date_to * 1000) + 1),
    )
    return _packed_ticks(ticks, chosen, flags, len(chosen))


def copy_rates_from(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    name, timeframe, date_from, count = args
    symbol = _symbol(broker, name)
    return _packed_rates(bars_before(broker.market, symbol, timeframe, date_from, count))


def copy_rates_from_pos(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    name, timeframe, start, count = args
    symbol = _symbol(broker, name)
    if start < 0 or count <= 0:
        raise CallFailed(LastError.INVALID_PARAMS)
    now = broker.book.broker_ms // 1000
    bars = bars_before(broker.market, symbol, timeframe, now, start + count)
    return _packed_rates(bars[: max(0, len(bars) - start)])


def copy_rates_range(broker: Broker, terminal: TerminalState, plan: Plan, args: list[Any]) -> Any:
    name, timeframe, date_from, date_to = args
    symbol = _symbol(broker, name)
    return _packed_rates(bars_between(broker.market, symbol, timeframe, date_from, date_to))


def _packed_ticks(ticks: TickRecord, chosen: Iterable[int], flags: int, count: int) -> bytes:
    if flags == COPY_TICKS_TRADE:
        # Nothing but quotes is ever recorded.
        return b""
    if flags not in (COPY_TICKS_ALL, COPY_TICKS_INFO, COPY_TICKS_INFO | COPY_TICKS_TRADE):
        raise CallFailed(LastError.INVALID_PARAMS)
    packed = bytearray()
    for index in list(chosen)[:count]:
        time_ms = ticks.time_ms[index]
        packed += PACKED_TICK.pack(
            time_ms // 1000, ticks.bid[index], ticks.ask[index], 0.0, 0, time_ms, ticks.flags[index], 0.0
        )
    return bytes(packed)


def _packed_rates(bars: Iterable[tuple[int, float, float, float, float, int, int, int]]) -> bytes:
    return b"".join(PACKED_RATE.pack(*bar) for bar in bars)


def _symbol(broker: Broker, name: str) -> SymbolMarket:
    symbol = broker.market.symbols.get(name)
    if symbol is None:
        raise CallFailed(LastError.NOT_FOUND)
    return symbol


CALLS: dict[str, Callable[[Broker, TerminalState, Plan, list[Any]], Any]] = {
    "history_orders_total": history_orders_total,
    "history_orders_get": history_orders_get,
    "history_deals_total": history_deals_total,
    "history_deals_get": history_deals_get,
    "copy_ticks_from": copy_ticks_from,
    "copy_ticks_range": copy_ticks_range,
    "copy_rates_from": copy_rates_from,
    "copy_rates_from_pos": copy_rates_from_pos,
    "copy_rates_range": copy_rates_range,
}
