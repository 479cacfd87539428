"""The broker's entities as rows: plain tuples in the order of the API's structures."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from signalos_bridge.emulator.domain.entities import Account, Deal, Order, Position
from signalos_bridge.emulator.domain.market import Market, SymbolMarket
from signalos_bridge.emulator.domain.money import figures, position_profit, tick_values, value
from signalos_bridge.emulator.terminals import TerminalState
from signalos_bridge.emulator.wire import encode_value

Row = tuple[Any, ...]


def position_rows(market: Market, account: Account, chosen: Iterable[Position]) -> list[Row | msgspec.Raw]:
    """Return the rows of positions as the account has or had them; made once while nothing of one moves."""
    value(market, account)
    valued, told = account.valued, account.told
    if len(told) > 2 * len(valued) + 100:
        told.clear()
    rows: list[Row | msgspec.Raw] = []
    for one in chosen:
        now = valued.get(one.ticket)
        if now is None or now.position is not one:
            # A view that lags behind shows what is no more.
            rows.append(position_row(market, one, position_profit(market, account, one)))
            continue
        known = told.get(one.ticket)
        if known is None or known[0] is not now:
            packed = encode_value(position_row(market, one, now.profit))
            known = told[one.ticket] = (now, msgspec.Raw(packed))
        rows.append(known[1])
    return rows


def position_row(market: Market, one: Position, profit: Decimal) -> Row:
    return (
        one.ticket,
        one.time_ms // 1000,
        one.time_ms,
        one.time_update_ms // 1000,
        one.time_update_ms,
        int(one.side),
        one.magic,
        one.identifier,
        int(one.reason),
        float(one.volume),
        float(one.price_open),
        float(one.sl),
        float(one.tp),
        float(market.symbols[one.symbol].quote.exit(one.side)),
        float(one.swap),
        float(profit),
        one.symbol,
        one.comment,
        one.external_id,
    )


def order_row(market: Market, one: Order) -> Row:
    current = one.price_current
    if not one.time_done_ms:
        current = market.symbols[one.symbol].quote.entry(one.type.side)
    return (
        one.ticket,
        one.time_setup_ms // 1000,
        one.time_setup_ms,
        one.time_done_ms // 1000,
        one.time_done_ms,
        one.expiration_ms // 1000,
        int(one.type),
        int(one.type_time),
        int(one.filling),
        int(one.state),
        one.magic,
        one.position_id,
        one.position_by_id,
        int(one.reason),
        float(one.volume_initial),
        float(one.volume_current),
        # A market order was sent without a price of its own.
        float(one.price_open) if one.type.is_pending or one.time_done_ms else 0.0,
        float(one.sl),
        float(one.tp),
        float(current),
        float(one.price_stoplimit),
        one.symbol,
        one.comment,
        one.external_id,
    )


def deal_row(one: Deal) -> Row:
    return (
        one.ticket,
        one.order,
        one.time_ms // 1000,
        one.time_ms,
        int(one.type),
        int(one.entry),
        one.magic,
        one.position_id,
        int(one.reason),
        float(one.volume),
        float(one.price),
        float(one.commission),
        float(one.swap),
        float(one.profit),
        float(one.fee),
        one.symbol,
        one.comment,
        one.external_id,
    )


def account_row(market: Market, account: Account, *, no_balance: bool) -> Row:
    terms = account.terms
    now = figures(market, account)
    money = [
        float(value)
        for value in (now.balance, now.credit, now.profit, now.equity, now.margin, now.free, now.level)
    ]
    if no_balance:
        money = [0.0] * 7
    return (
        terms.login,
        int(terms.trade_mode),
        terms.leverage,
        terms.limit_orders,
        0,
        terms.trade_allowed,
        terms.trade_expert,
        int(terms.margin_mode),
        terms.currency_digits,
        terms.fifo_close,
        *money,
        float(terms.margin_call_percent),
        float(terms.stop_out_percent),
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        terms.name,
        terms.server,
        terms.currency,
        terms.company,
    )


def terminal_row(terminal: TerminalState, company: str, build: int) -> Row:
    path = f"C:\\Program Files\\{company} MT5 Terminal {terminal.name}"
    return (
        False,
        False,
        terminal.connected,
        False,
        terminal.trade_allowed,
        terminal.tradeapi_disabled,
        False,
        False,
        False,
        False,
        build,
        100_000,
        0,
        # Microseconds to the trade server.
        1_000 if terminal.connected else 0,
        0.0,
        0.0,
        company,
        "MetaTrader 5",
        "English",
        path,
        path,
        "C:\\Users\\Public\\MetaQuotes\\Terminal\\Common",
    )


def tick_row(symbol: SymbolMarket) -> Row:
    ticks = symbol.ticks
    time_ms = ticks.time_ms[-1]
    return (time_ms // 1000, ticks.bid[-1], ticks.ask[-1], 0.0, 0, time_ms, ticks.flags[-1], 0.0)


def symbol_row(market: Market, account: Account, symbol: SymbolMarket, *, selected: bool) -> Row:
    """Return the row of `SymbolInfo`; what is not in the Market Watch shows no quotes."""
    spec = symbol.spec
    gain, loss = tick_values(market, spec, account.terms.currency)
    bid = symbol.ticks.bid[-1] if selected else 0.0
    ask = symbol.ticks.ask[-1] if selected else 0.0
    spread = int((symbol.quote.ask - symbol.quote.bid) / spec.point) if selected else 0
    change = (symbol.ticks.bid[-1] / symbol.day_open - 1) * 100 if symbol.day_open and selected else 0.0
    nothing = 0.0
    return (
        False,
        0,
        selected,
        selected,
        0,
        0,
        0,
        0,
        0,
        0,
        symbol.ticks.time_ms[-1] // 1000 if selected else 0,
        spec.digits,
        spread,
        True,
        0,
        int(spec.calc_mode),
        int(spec.trade_mode),
        0,
        0,
        spec.stops_level_points,
        spec.freeze_level_points,
        int(spec.execution),
        1,
        spec.triple_swap_weekday,
        True,
        15,
        spec.filling_mask,
        127,
        0,
        0,
        0,
        bid,
        symbol.day_high_bid if selected else 0.0,
        symbol.day_low_bid if selected else 0.0,
        ask,
        symbol.day_high_ask if selected else 0.0,
        symbol.day_low_ask if selected else 0.0,
        *([nothing] * 3),
        *([nothing] * 3),
        nothing,
        float(spec.point),
        float(gain),
        float(gain),
        float(loss),
        float(spec.tick_size),
        float(spec.contract_size),
        *([nothing] * 3),
        float(spec.volume_min),
        float(spec.volume_max),
        float(spec.volume_step),
        float(spec.volume_limit),
        float(spec.swap_long_points),
        float(spec.swap_short_points),
        *([nothing] * 7),
        symbol.day_open if selected else 0.0,
        *([nothing] * 5),
        float(spec.contract_size),
        change,
        *([nothing] * 9),
        "",
        "",
        spec.base,
        spec.profit,
        spec.margin_currency,
        "",
        spec.description,
        "",
        "",
        "",
        spec.name,
        "",
        spec.path,
    )
