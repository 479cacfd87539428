"""Gathers what limits are held against: from the record, and from what memory knows of the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from signalos_server.domain.actions import Open
from signalos_server.domain.command import Command, Leg
from signalos_server.domain.dealing.denial import Denial
from signalos_server.domain.dealing.sizing import Funds, Sizing, SizingMode, size
from signalos_server.domain.records import Deal, Order, SymbolSpec, Trade, order_id_of, trade_id_of, utc_of
from signalos_server.domain.risk_limits.days import DayAnchor
from signalos_server.domain.risk_limits.exposure import AskedOrder, Holding
from signalos_server.domain.risk_limits.facts import AccountFacts, AccountMoney, LosingRow
from signalos_server.domain.risk_limits.ledger import DealSums, Ledger, transfers_since
from signalos_server.domain.risk_limits.terms import Limits, TradingDay
from signalos_server.domain.words import OrderState, OrderType
from signalos_server.service.hub import Clocks
from signalos_server.service.live import Live
from signalos_server.service.quotes import Quotes
from signalos_server.service.records import Records

# An open that was done is on record as a trade long before; see `Trades._recorded`.
_ON_RECORD = timedelta(seconds=60)
_PAYMENT, _BONUS, _CREDIT = "BALANCE", "BONUS", "CREDIT"


@lru_cache(maxsize=64)
def anchor_of(day: TradingDay) -> DayAnchor:
    """Return when days begin. Raises `ZoneInfoNotFoundError` for a zone that is not known."""
    return DayAnchor(day.at, UTC if day.zone in ("", "UTC") else ZoneInfo(day.zone))


class LimitFacts:
    """Looks at accounts for their limits."""

    def __init__(self, live: Live, quotes: Quotes, clocks: Clocks) -> None:
        self._live = live
        self._quotes = quotes
        self._clocks = clocks

    def money(self, account_id: str) -> tuple[AccountMoney | None, float | None]:
        """Return an account's money as last read, and how long ago the terminal was last read, in seconds."""
        read_at = self._live.read_at(account_id)
        age = None if read_at is None else max(self._clocks.monotonic() - read_at, 0.0)
        found = self._live.money(account_id)
        if found is None or found.money.balance is None or found.money.equity is None:
            return None, age
        level = found.money.margin_level_percent
        return (
            AccountMoney(
                balance=_decimal(found.money.balance),
                equity=_decimal(found.money.equity),
                credit=_decimal(found.money.credit or 0.0),
                margin_level_percent=None if level is None else _decimal(level),
            ),
            age,
        )

    def offset(self, account_id: str) -> int | None:
        """Return broker time minus UTC as last told of an account's terminal, in seconds; None: not known."""
        terminal = self._live.terminal(account_id)
        return None if terminal is None else terminal.broker_offset_seconds

    def gather(
        self, records: Records, account_id: str, limits: Limits, *, symbol: str = "", besides: str = ""
    ) -> AccountFacts:
        """Return an account as its limits see it. `symbol`: whose quote is looked up as well.

        `besides`: a position or an order of ours (its id) that is left out, since it is judged anew.
        """
        now = self._clocks.moment().wall
        anchor = anchor_of(limits.day)
        money, age = self.money(account_id)
        if age is None or age > limits.account_age_seconds:
            money = None
        start = anchor.start(now)
        ledger = records.limits.ledger(account_id)
        day = records.limits.day(account_id, start) if limits.counts_the_day else None
        offset = self.offset(account_id)
        transfers = None
        if day is not None and money is not None:
            sums = deal_sums(records.book.deals_since(account_id, start, offset_seconds=offset))
            if sums is not None:
                transfers = transfers_since(day.balance, money.balance, sums).amount
        held = tuple(self._held(records, account_id, besides))
        opens = [
            (command, command.action)
            for command in records.commands.opens_under_way(account_id, now - _ON_RECORD)
            if isinstance(command.action, Open)
        ]
        symbols = {symbol, *(one.symbol for one in held), *(action.symbol for _, action in opens)} - {""}
        found = {name: records.book.symbol(account_id, name) for name in symbols}
        specs = {name: spec for name, spec in found.items() if spec is not None}
        spec = specs.get(symbol)
        under_way = self._under_way(records, account_id, opens, specs, money)
        return AccountFacts(
            now=now,
            anchor=anchor,
            money=money,
            money_age_seconds=age,
            holdings=(*held, *under_way),
            specs=specs,
            market=None if spec is None else self._quotes.market(account_id, spec),
            median_spread_points=None if spec is None else self._median(account_id, spec),
            day=day,
            transfers=transfers,
            all_transfers=all_transfers(records, ledger, offset),
            trades_today=None
            if limits.maximum_trades_a_day is None
            else records.book.opened_since(account_id, start) + len(under_way),
            requests_today=None
            if limits.maximum_requests_a_day is None
            else records.commands.count_since(account_id, start),
            losing_row=_losing_row(records, account_id, limits),
            ledger=ledger,
        )

    def _median(self, account_id: str, spec: SymbolSpec) -> Decimal | None:
        spread = self._live.median_spread(account_id, spec.symbol)
        return None if spread is None or spec.point <= 0 else _decimal(spread) / spec.point

    def _held(self, records: Records, account_id: str, besides: str) -> Iterable[Holding]:
        for trade in records.book.open_trades([account_id]):
            if trade.trade_id != besides:
                yield self.position(trade)
        for order in records.book.orders([account_id], None, OrderState.WORKING):
            if order.order_id != besides:
                yield _working(order)

    def position(self, trade: Trade) -> Holding:
        """Return a trade as limits see it: at its live price, with its effective stop loss."""
        position = trade.position
        live = self._live.trade(trade.account_id, position.identifier)
        # One that was opened a moment ago stands where it was opened.
        price = position.open_price if live is None else _decimal(live.position.current_price)
        return Holding(position.symbol, position.side, position.volume_lots, price, trade.stop_loss)

    def _under_way(
        self,
        records: Records,
        account_id: str,
        opens: list[tuple[Command, Open]],
        specs: dict[str, SymbolSpec],
        money: AccountMoney | None,
    ) -> tuple[Holding, ...]:
        """Return the legs of opens that the record of the terminal does not show yet."""
        found: list[Holding] = []
        for command, action in opens:
            legs = len(command.legs) or max(len(action.take_profits), 1)
            shown = sum(_shown(records, account_id, leg) for leg in command.legs)
            if command.is_final:
                # What was not filled is not coming.
                legs = sum(leg.filled_volume_lots > 0 or leg.order_ticket > 0 for leg in command.legs)
            planned = self.planned(account_id, action, specs.get(action.symbol), money)
            share = replace(planned.holding, volume_lots=planned.holding.volume_lots / max(legs, 1))
            found += [share] * (legs - shown)
        return tuple(found)

    def planned(
        self, account_id: str, action: Open, spec: SymbolSpec | None, money: AccountMoney | None
    ) -> AskedOrder:
        """Return an open as limits see it: at its price or the market's, with what its risk buys."""
        market = None if spec is None else self._quotes.market(account_id, spec)
        at_market = action.order_type is OrderType.MARKET
        entry = action.price
        if entry is None and market is not None:
            entry = market.opening(action.side)
        order = AskedOrder(
            account_id=account_id,
            symbol=action.symbol,
            side=action.side,
            volume_lots=action.volume_lots,
            entry=entry,
            stop_loss=action.stop_loss,
            market=at_market,
        )
        return order if action.risk is None else _by_risk(order, action, spec, money)


def _by_risk(
    order: AskedOrder, action: Open, spec: SymbolSpec | None, money: AccountMoney | None
) -> AskedOrder:
    """Return an order that is sized by what it may lose, as the server counts it; the bridge counts anew."""
    risk = action.risk
    assert risk is not None
    if risk.money is not None:
        sizing = Sizing(SizingMode.MONEY, risk.money)
    elif risk.equity_percent is not None:
        sizing = Sizing(SizingMode.EQUITY_PERCENT, risk.equity_percent)
    else:
        sizing = Sizing(SizingMode.BALANCE_PERCENT, risk.balance_percent or Decimal(0))
    if spec is None or money is None or order.entry is None or order.stop_loss is None:
        return order
    sized = size(sizing, Funds(money.balance, money.equity), spec, order.entry, order.stop_loss)
    if isinstance(sized, Denial):
        return order
    return replace(order, volume_lots=sized.volume_lots, risk_money=sized.risk_money)


def _shown(records: Records, account_id: str, leg: Leg) -> bool:
    identifier, ticket = leg.position_identifier, leg.order_ticket
    if identifier and records.book.trade(trade_id_of(account_id, identifier)) is not None:
        return True
    return bool(ticket) and records.book.order(order_id_of(account_id, ticket)) is not None


def _working(order: Order) -> Holding:
    pending = order.pending
    return Holding(
        pending.symbol, pending.side, pending.remaining_volume_lots, pending.price, pending.stop_loss, True
    )


def _losing_row(records: Records, account_id: str, limits: Limits) -> LosingRow:
    if limits.consecutive_losses is None:
        return LosingRow()
    count, last = 0, None
    for trades in records.book.closed_last(account_id, limits.consecutive_losses.count):
        results = [trade.realised_profit for trade in trades]
        known = [result for result in results if result is not None]
        if len(known) < len(results) or sum(known) >= 0:
            break
        count += 1
        newest = trades[0]
        if last is None and newest.close_broker_milliseconds is not None:
            offset = newest.position.broker_offset_seconds
            # Without the offset the moment at which it was recorded is the nearest that is known.
            last = utc_of(newest.close_broker_milliseconds, offset) or newest.update_time
    return LosingRow(count, last)


def deal_sums(deals: Iterable[Deal] | None) -> DealSums | None:
    """Return what deals add up to; None stays unknown. Credit is no part of the balance."""
    if deals is None:
        return None
    trading = payments = bonus = Decimal(0)
    for deal in deals:
        amount = deal.profit + deal.commission + deal.swap + deal.fee
        if deal.type == _PAYMENT:
            payments += amount
        elif deal.type == _BONUS:
            bonus += amount
        elif deal.type != _CREDIT:
            trading += amount
    return DealSums(trading, payments, bonus)


def all_transfers(records: Records, ledger: Ledger, offset_seconds: int | None) -> Decimal | None:
    """Return what was paid in and out since the ledger began; None: not known.

    `offset_seconds`: broker time minus UTC now, if that is known; see `Book.deals_since`.
    """
    if ledger.start_time is None:
        return None
    return _transfers(records, ledger, ledger.start_time, offset_seconds)


def transfers_before(
    records: Records, ledger: Ledger, moment: datetime, offset_seconds: int | None
) -> Decimal | None:
    """Return what was paid in and out from the ledger's beginning to a moment after it; None: not known."""
    if ledger.start_time is None or moment < ledger.start_time:
        return None
    paid = all_transfers(records, ledger, offset_seconds)
    later = _transfers(records, ledger, moment, offset_seconds)
    return None if paid is None or later is None else paid - later


def _transfers(
    records: Records, ledger: Ledger, since: datetime, offset_seconds: int | None
) -> Decimal | None:
    types = (_PAYMENT,) if ledger.bonus_in_credit else (_PAYMENT, _BONUS)
    book = records.book
    sums = deal_sums(book.deals_since(ledger.account_id, since, types, offset_seconds=offset_seconds))
    return None if sums is None else sums.payments + sums.bonus


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))
