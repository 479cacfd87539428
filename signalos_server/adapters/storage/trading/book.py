"""Trades, orders, deals and symbols in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Table,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from signalos_server.adapters.storage.prepared import Prepared
from signalos_server.adapters.storage.tables.trades import DealRow, OrderRow, SymbolRow, TradeRow
from signalos_server.adapters.storage.trading.mapping import columns_of, from_json, to_json, value_of
from signalos_server.domain.frames import Recorded
from signalos_server.domain.protection import Protection
from signalos_server.domain.records import (
    Deal,
    Order,
    PendingOrder,
    Position,
    SymbolSpec,
    Trade,
    TrailingStop,
)
from signalos_server.domain.words import OrderState, Side, TradeOrigin, TradeState
from signalos_server.service.records import Page

_LIVE = (TradeState.OPEN, TradeState.UNKNOWN_MISSING)
# No broker's clock is further from UTC, in milliseconds.
_WIDEST_OFFSET = 15 * 3_600_000
_SUMMER_TIME = 3_600_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A bridge without memory reads the terminal's deals from this long before the last one on record.
_TOLD_AGAIN_MILLISECONDS = 60 * 60 * 1000

# Prepared once and run without the mapper: they are on the path of every command.
_TRADES: Table = TradeRow.__table__  # type: ignore[assignment]  # a table, as every mapped class has
_DEALS: Table = DealRow.__table__  # type: ignore[assignment]
# What several legs have in common: their signal, else their order, else nothing but themselves.
_OF_ONE_SIGNAL = case(
    (_TRADES.c.signal_id != "", _TRADES.c.signal_id),
    (_TRADES.c.open_command_id != "", _TRADES.c.open_command_id),
    else_=_TRADES.c.trade_id,
).label("of_one_signal")
_TRADE = Prepared(select(_TRADES).where(_TRADES.c.trade_id == bindparam("wanted")))
# The same as literals: a statement with parameters for a list is not compiled once.
_LIVE_STATES: list[ColumnElement[int]] = [literal_column(str(int(state))) for state in _LIVE]
_OPEN_TRADES_OF_ONE = Prepared(
    select(_TRADES)
    .where(_TRADES.c.account_id == bindparam("wanted"), _TRADES.c.state.in_(_LIVE_STATES))
    .order_by(_TRADES.c.open_broker_milliseconds.desc(), _TRADES.c.trade_id.desc())
)
_ORDERS: Table = OrderRow.__table__  # type: ignore[assignment]
_ORDERS_OF_ONE = Prepared(
    select(_ORDERS)
    .where(_ORDERS.c.account_id == bindparam("wanted"), _ORDERS.c.state == bindparam("of_state"))
    .order_by(_ORDERS.c.place_broker_milliseconds.desc(), _ORDERS.c.order_id.desc())
)
_DEALS_OF = Prepared(
    select(_DEALS)
    .where(_DEALS.c.account_id == bindparam("account"), _DEALS.c.position_identifier == bindparam("position"))
    .order_by(_DEALS.c.broker_milliseconds, _DEALS.c.ticket)
)
_SYMBOL = Prepared(
    select(SymbolRow.__table__).where(
        SymbolRow.account_id == bindparam("account"), SymbolRow.symbol == bindparam("name")
    )
)


def _replacing(insert_into: Any, table: Table) -> Any:
    """Return an insert that overwrites the row that has the same key."""
    keys = [column.name for column in table.primary_key]
    statement = insert_into(table)
    others = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=others)


_SAVE_TRADE = Prepared(
    by_dialect={
        "sqlite": _replacing(sqlite.insert, _TRADES),
        "postgresql": _replacing(postgresql.insert, _TRADES),
    }
)
_ADD_DEAL = Prepared(
    by_dialect={
        "sqlite": sqlite.insert(_DEALS).on_conflict_do_nothing(),
        "postgresql": postgresql.insert(_DEALS).on_conflict_do_nothing(),
    }
)


class SqlBook:
    """The book of one unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def trade(self, trade_id: str) -> Trade | None:
        """See `service.records.Book`."""
        row = _TRADE.one_or_none(self._session.connection(), {"wanted": trade_id})
        return None if row is None else _trade(row)

    def save_trade(self, trade: Trade) -> None:
        """See `service.records.Book`."""
        _SAVE_TRADE.count(self._session.connection(), _trade_columns(trade))

    def open_trades(self, account_ids: Sequence[str]) -> list[Trade]:
        """See `service.records.Book`."""
        if len(account_ids) == 1:
            rows = _OPEN_TRADES_OF_ONE.all(self._session.connection(), {"wanted": account_ids[0]})
            return [_trade(row) for row in rows]
        query = (
            select(TradeRow)
            .where(TradeRow.account_id.in_(account_ids), TradeRow.state.in_(_LIVE))
            .order_by(TradeRow.open_broker_milliseconds.desc(), TradeRow.trade_id.desc())
        )
        return [_trade(row) for row in self._session.scalars(query)]

    def trades(
        self,
        account_ids: Sequence[str],
        page: Page,
        *,
        state: TradeState | None,
        symbol: str,
        start: int | None,
        end: int | None,
    ) -> list[Trade]:
        """See `service.records.Book`."""
        opened = TradeRow.open_broker_milliseconds
        # Bounds are in UTC; a broker whose offset is not known is taken at its word.
        utc = opened - func.coalesce(TradeRow.broker_offset_seconds, 0) * 1000
        query = select(TradeRow).where(TradeRow.account_id.in_(account_ids))
        if state is not None:
            query = query.where(TradeRow.state == state)
        if symbol:
            query = query.where(TradeRow.symbol == symbol)
        if start is not None:
            query = query.where(utc >= start)
        if end is not None:
            query = query.where(utc < end)
        if page.before is not None:
            query = query.where(tuple_(opened, TradeRow.trade_id) < tuple_(*page.before))
        query = query.order_by(opened.desc(), TradeRow.trade_id.desc()).limit(page.size)
        return [_trade(row) for row in self._session.scalars(query)]

    def order(self, order_id: str) -> Order | None:
        """See `service.records.Book`."""
        row = self._session.get(OrderRow, order_id)
        return None if row is None else _order(row)

    def save_order(self, order: Order) -> None:
        """See `service.records.Book`."""
        self._session.merge(
            OrderRow(
                order_id=order.order_id,
                account_id=order.account_id,
                update_time=order.update_time,
                **columns_of(order.pending),
            )
        )
        self._session.flush()

    def orders(self, account_ids: Sequence[str], page: Page | None, state: OrderState) -> list[Order]:
        """See `service.records.Book`."""
        if page is None and len(account_ids) == 1:
            given = {"wanted": account_ids[0], "of_state": state}
            return [_order(row) for row in _ORDERS_OF_ONE.all(self._session.connection(), given)]
        placed = OrderRow.place_broker_milliseconds
        query = select(OrderRow).where(OrderRow.account_id.in_(account_ids), OrderRow.state == state)
        if page is not None and page.before is not None:
            query = query.where(tuple_(placed, OrderRow.order_id) < tuple_(*page.before))
        query = query.order_by(placed.desc(), OrderRow.order_id.desc())
        if page is not None:
            query = query.limit(page.size)
        return [_order(row) for row in self._session.scalars(query)]

    def add_deals(self, account_id: str, deals: Sequence[Deal]) -> None:
        """See `service.records.Book`."""
        if deals:
            rows = [{"account_id": account_id, **columns_of(deal)} for deal in deals]
            _ADD_DEAL.many(self._session.connection(), rows)

    def deals_of(self, account_id: str, position_identifier: int) -> list[Deal]:
        """See `service.records.Book`."""
        wanted = {"account": account_id, "position": position_identifier}
        return [value_of(row, Deal) for row in _DEALS_OF.all(self._session.connection(), wanted)]

    def deals(
        self, account_ids: Sequence[str], page: Page, *, start: int | None, end: int | None
    ) -> list[tuple[str, Deal]]:
        """See `service.records.Book`. The page's key is the broker's time and the ticket."""
        time = DealRow.broker_milliseconds
        query = select(DealRow).where(DealRow.account_id.in_(account_ids))
        if start is not None:
            query = query.where(time >= start)
        if end is not None:
            query = query.where(time < end)
        if page.before is not None:
            account_id, _, ticket = page.before[1].partition(":")
            query = query.where(
                or_(
                    time < page.before[0],
                    (time == page.before[0])
                    & (tuple_(DealRow.account_id, DealRow.ticket) < tuple_(account_id, int(ticket))),
                )
            )
        query = query.order_by(time.desc(), DealRow.account_id.desc(), DealRow.ticket.desc()).limit(page.size)
        return [(row.account_id, value_of(row, Deal)) for row in self._session.scalars(query)]

    def deals_since(
        self,
        account_id: str,
        since: datetime,
        types: Sequence[str] = (),
        *,
        offset_seconds: int | None = None,
    ) -> list[Deal] | None:
        """See `service.records.Book`."""
        bound = _milliseconds(since)
        query = select(_DEALS).where(
            _DEALS.c.account_id == account_id,
            # Whatever its offset, a deal is not later than this on the broker's clock.
            _DEALS.c.broker_milliseconds >= bound - _WIDEST_OFFSET,
        )
        if types:
            query = query.where(_DEALS.c.type.in_(types))
        query = query.order_by(_DEALS.c.broker_milliseconds, _DEALS.c.ticket)
        rows = self._session.connection().execute(query).all()
        least = most = 0
        if any(row.broker_offset_seconds is None for row in rows):
            least, most = self._offsets_between(account_id, offset_seconds)
        found: list[Deal] = []
        for row in rows:
            offset = row.broker_offset_seconds
            if offset is not None:
                since_then = row.broker_milliseconds - offset * 1000 >= bound
            elif row.broker_milliseconds - most >= bound:
                since_then = True
            elif row.broker_milliseconds - least < bound:
                since_then = False
            else:
                return None
            if since_then:
                found.append(value_of(row, Deal))
        return found

    def _offsets_between(self, account_id: str, now_seconds: int | None) -> tuple[int, int]:
        """Return between which offsets a deal of unknown offset has its own, in milliseconds."""
        query = select(func.min(_DEALS.c.broker_offset_seconds), func.max(_DEALS.c.broker_offset_seconds))
        told = self._session.connection().execute(query.where(_DEALS.c.account_id == account_id)).one()
        known = [one for one in (*told, now_seconds) if one is not None]
        if not known:
            return -_WIDEST_OFFSET, _WIDEST_OFFSET
        return min(known) * 1000 - _SUMMER_TIME, max(known) * 1000 + _SUMMER_TIME

    def opened_since(self, account_id: str, since: datetime) -> int:
        """See `service.records.Book`."""
        utc = _TRADES.c.open_broker_milliseconds - func.coalesce(_TRADES.c.broker_offset_seconds, 0) * 1000
        query = select(func.count()).where(
            _TRADES.c.account_id == account_id,
            _TRADES.c.open_broker_milliseconds >= _milliseconds(since) - _WIDEST_OFFSET,
            utc >= _milliseconds(since),
        )
        return self._session.connection().execute(query).scalar_one()

    def closed_last(self, account_id: str, size: int) -> list[tuple[Trade, ...]]:
        """See `service.records.Book`."""
        closed = func.max(_TRADES.c.close_broker_milliseconds)
        last = (
            select(_OF_ONE_SIGNAL)
            .where(_TRADES.c.account_id == account_id)
            .group_by(_OF_ONE_SIGNAL)
            .having(func.sum(case((_TRADES.c.state == TradeState.CLOSED, 0), else_=1)) == 0)
            .order_by(closed.desc(), _OF_ONE_SIGNAL.desc())
            .limit(size)
        )
        found: dict[str, list[Trade]] = {key: [] for key in self._session.scalars(last)}
        query = (
            select(_TRADES, _OF_ONE_SIGNAL)
            .where(_TRADES.c.account_id == account_id, _OF_ONE_SIGNAL.in_(found))
            .order_by(_TRADES.c.close_broker_milliseconds.desc(), _TRADES.c.trade_id.desc())
        )
        for row in self._session.connection().execute(query) if found else ():
            found[row.of_one_signal].append(_trade(row))
        return [tuple(trades) for trades in found.values()]

    def open_at(self, account_id: str, moment: datetime) -> bool | None:
        """See `service.records.Book`."""
        bound = _milliseconds(moment)
        query = select(
            _TRADES.c.open_broker_milliseconds,
            _TRADES.c.close_broker_milliseconds,
            _TRADES.c.broker_offset_seconds,
        ).where(
            _TRADES.c.account_id == account_id,
            _TRADES.c.open_broker_milliseconds <= bound + _WIDEST_OFFSET,
            or_(
                _TRADES.c.state.in_(_LIVE),
                _TRADES.c.close_broker_milliseconds >= bound - _WIDEST_OFFSET,
            ),
        )
        known = True
        for row in self._session.connection().execute(query):
            if row.broker_offset_seconds is None:
                known = False
                continue
            shift = row.broker_offset_seconds * 1000
            closed = row.close_broker_milliseconds
            if row.open_broker_milliseconds - shift <= bound and (closed is None or closed - shift > bound):
                return True
        return False if known else None

    def last_deal_milliseconds(self, account_id: str) -> int:
        """See `service.records.Book`."""
        query = select(func.max(DealRow.broker_milliseconds)).where(DealRow.account_id == account_id)
        return self._session.scalar(query) or 0

    def symbol(self, account_id: str, symbol: str) -> SymbolSpec | None:
        """See `service.records.Book`."""
        wanted = {"account": account_id, "name": symbol}
        row = _SYMBOL.one_or_none(self._session.connection(), wanted)
        return None if row is None else value_of(row, SymbolSpec)

    def symbols(self, account_id: str) -> list[SymbolSpec]:
        """See `service.records.Book`."""
        query = select(SymbolRow).where(SymbolRow.account_id == account_id).order_by(SymbolRow.symbol)
        return [value_of(row, SymbolSpec) for row in self._session.scalars(query)]

    def symbol_names(self, account_id: str) -> list[str]:
        """See `service.records.Book`."""
        return list(self._session.scalars(select(SymbolRow.symbol).where(SymbolRow.account_id == account_id)))

    def symbols_named(self, account_id: str, names: Sequence[str]) -> list[SymbolSpec]:
        """See `service.records.Book`."""
        if not names:
            return []
        query = (
            select(SymbolRow.__table__)
            .where(SymbolRow.account_id == account_id, SymbolRow.symbol.in_(names))
            .order_by(SymbolRow.symbol)
        )
        return [value_of(row, SymbolSpec) for row in self._session.execute(query)]

    def save_symbols(self, account_id: str, symbols: Sequence[SymbolSpec], *, first: bool) -> None:
        """See `service.records.Book`."""
        old = delete(SymbolRow).where(SymbolRow.account_id == account_id)
        named = {symbol.symbol: symbol for symbol in symbols}
        self._session.execute(old if first else old.where(SymbolRow.symbol.in_(named)))
        if named:
            rows = [{"account_id": account_id, **columns_of(symbol)} for symbol in named.values()]
            self._session.execute(insert(SymbolRow), rows)

    def recorded(self, account_id: str) -> Recorded:
        """See `service.records.Book`."""
        last = self.last_deal_milliseconds(account_id)
        since = max(0, last - _TOLD_AGAIN_MILLISECONDS)
        open_positions = select(TradeRow.position_identifier).where(
            TradeRow.account_id == account_id, TradeRow.state.in_(_LIVE)
        )
        known = (
            select(DealRow.ticket)
            .where(
                DealRow.account_id == account_id,
                or_(DealRow.broker_milliseconds >= since, DealRow.position_identifier.in_(open_positions)),
            )
            .order_by(DealRow.ticket)
        )
        return Recorded(
            positions=tuple(trade.position for trade in self.open_trades([account_id])),
            orders=tuple(order.pending for order in self.orders([account_id], None, OrderState.WORKING)),
            last_deal_broker_milliseconds=last,
            known_deals_from_broker_milliseconds=since,
            known_deal_tickets=tuple(self._session.scalars(known)),
        )


def _milliseconds(moment: datetime) -> int:
    return round((moment - _EPOCH).total_seconds() * 1000)


_POSITION_OWN = frozenset({"identifier", "swap", "trailing_stop", "protection"})


def _trade_columns(trade: Trade) -> dict[str, Any]:
    position = trade.position
    trailing, protection = position.trailing_stop, position.protection
    return {
        **columns_of(position, without=_POSITION_OWN),
        "trade_id": trade.trade_id,
        "account_id": trade.account_id,
        "state": int(trade.state),
        "position_identifier": position.identifier,
        "opened_volume_lots": trade.opened_volume_lots,
        "close_price": trade.close_price,
        "trailing_stop": "" if trailing is None else to_json(trailing),
        "protection": "" if protection is None else to_json(protection),
        "realised_profit": trade.realised_profit,
        "commission": trade.commission,
        "deal_swap": trade.swap,
        "position_swap": position.swap,
        "close_broker_milliseconds": trade.close_broker_milliseconds,
        "close_cause": int(trade.close_cause),
        "signal_id": trade.signal_id,
        "update_time": trade.update_time,
    }


def _trade(row: Any) -> Trade:
    trailing = from_json(row.trailing_stop, TrailingStop) if row.trailing_stop else None
    protection = from_json(row.protection, Protection) if row.protection else None
    return value_of(
        row,
        Trade,
        position=value_of(
            row,
            Position,
            identifier=row.position_identifier,
            swap=row.position_swap,
            trailing_stop=trailing,
            protection=protection,
            side=Side(row.side),
            origin=TradeOrigin(row.origin),
        ),
        swap=row.deal_swap,
    )


def _order(row: Any) -> Order:
    return value_of(row, Order, pending=value_of(row, PendingOrder))
