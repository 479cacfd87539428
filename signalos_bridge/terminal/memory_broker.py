"""A small broker in memory: hedging, every market order filled at once and in full at the quote.

Pending orders stand until cancelled; broker-side levels do not trigger; there is no margin. Prices and time
move only when told, so that two runs are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from signalos_bridge.domain.market import (
    AccountSnapshot,
    Deal,
    DealEntry,
    DealType,
    HistoryOrder,
    OrderState,
    OrderType,
    Position,
    Reason,
    Side,
    SymbolSpec,
    Tick,
    WorkingOrder,
)
from signalos_bridge.domain.normalise import check_volume
from signalos_bridge.domain.orders import (
    CancelPending,
    ClosePosition,
    ModifyLevels,
    ModifyPending,
    OpenMarket,
    Order,
    PlacePending,
)
from signalos_bridge.domain.outcomes import BrokerAnswer
from signalos_bridge.terminal.port import (
    AccountChanged,
    HistoryAppeared,
    OrdersChanged,
    PositionsChanged,
    TerminalChange,
)
from signalos_bridge.terminal.requests import market_type, pending_type

_ZERO = Decimal(0)
_DONE, _INVALID, _INVALID_VOLUME, _NO_QUOTES, _NO_CHANGES, _CLOSED = 10009, 10013, 10014, 10021, 10025, 10036


def _answer(
    retcode: int,
    order: int | None = None,
    deal: int | None = None,
    lots: Decimal | None = None,
    price: Decimal | None = None,
) -> BrokerAnswer:
    return BrokerAnswer(retcode, None, order, deal, lots, price, None, None, "", 1, "Success")


class MemoryBroker:
    """The broker's books. `tell` is given each change as it happens."""

    def __init__(
        self,
        account: AccountSnapshot,
        symbols: tuple[SymbolSpec, ...],
        now_msc: int,
        tell: Callable[[TerminalChange], None],
    ) -> None:
        self.account = account
        self.symbols = {spec.name: spec for spec in symbols}
        self.now_msc = now_msc
        self.at = 0.0
        self.ticks: dict[str, Tick] = {}
        self.positions: dict[int, Position] = {}
        self.orders: dict[int, WorkingOrder] = {}
        self.deals: list[Deal] = []
        self.finished: list[HistoryOrder] = []
        self._tell = tell
        self._serial = 1000

    def quote(self, tick: Tick) -> None:
        """Set a symbol's price, and what its positions are worth."""
        self.ticks[tick.symbol] = tick
        moved: list[Position] = []
        for position in self.positions.values():
            price = tick.closing_price(position.side)
            if position.symbol == tick.symbol and price is not None:
                profit = self.profit(position, position.volume_lots, price)
                moved.append(replace(position, current_price=price, profit=profit))
        self.positions.update((position.ticket, position) for position in moved)
        if moved:
            self._tell(PositionsChanged(tuple(moved), (), False, self.at))

    def profit(self, position: Position, lots: Decimal, price: Decimal) -> Decimal:
        """Return what closing that much at that price earns."""
        spec = self.symbols[position.symbol]
        ticks = (price - position.open_price) * position.side.value / spec.tick_size
        return (ticks * spec.tick_value * lots).quantize(Decimal(1).scaleb(-self.account.currency_digits))

    def trade(self, order: Order) -> BrokerAnswer:
        """Carry an order out, or refuse it with MetaTrader's code."""
        match order:
            case OpenMarket():
                return self._open(order)
            case ClosePosition():
                return self._close(order)
            case ModifyLevels():
                return self._modify(order)
            case PlacePending():
                return self._place(order)
            case ModifyPending():
                return self._move(order)
            case CancelPending():
                return self._cancel(order)
            case _:
                return _answer(_INVALID)

    def _next(self) -> int:
        self._serial += 1
        return self._serial

    def _open(self, order: OpenMarket) -> BrokerAnswer:
        spec, tick = self.symbols.get(order.symbol), self.ticks.get(order.symbol)
        price = tick.opening_price(order.side) if tick is not None else None
        if spec is None or price is None:
            return _answer(_NO_QUOTES)
        if check_volume(order.volume_lots, spec) is not None:
            return _answer(_INVALID_VOLUME)
        number = self._next()
        position = Position(
            ticket=number,
            identifier=number,
            symbol=order.symbol,
            side=order.side,
            volume_lots=order.volume_lots,
            open_price=price,
            stop_loss=order.stop_loss,
            take_profit=order.take_profit,
            current_price=price,
            profit=_ZERO,
            swap=_ZERO,
            magic=order.magic,
            comment=order.comment,
            open_time_msc=self.now_msc,
            update_time_msc=self.now_msc,
            reason=Reason.EXPERT,
        )
        self._keep(position)
        deal = self._deal(position, DealEntry.IN, order.side, order.volume_lots, price, order, number)
        return _answer(_DONE, number, deal, order.volume_lots, price)

    def _close(self, order: ClosePosition) -> BrokerAnswer:
        position = self.positions.get(order.ticket)
        if position is None:
            return _answer(_CLOSED)
        price = self.ticks[position.symbol].closing_price(position.side)
        if price is None:
            return _answer(_NO_QUOTES)
        lots = order.volume_lots
        if lots == position.volume_lots:
            del self.positions[order.ticket]
            self._tell(PositionsChanged((), (order.ticket,), False, self.at))
        else:
            self._keep(replace(position, volume_lots=position.volume_lots - lots))
        number = self._next()
        deal = self._deal(position, DealEntry.OUT, position.side.opposite, lots, price, order, number)
        return _answer(_DONE, number, deal, lots, price)

    def _keep(self, position: Position) -> None:
        position = replace(position, update_time_msc=self.now_msc)
        self.positions[position.ticket] = position
        self._tell(PositionsChanged((position,), (), False, self.at))

    def _deal(
        self,
        position: Position,
        entry: DealEntry,
        side: Side,
        lots: Decimal,
        price: Decimal,
        order: OpenMarket | ClosePosition,
        number: int,
    ) -> int:
        profit = self.profit(position, lots, price) if entry is DealEntry.OUT else _ZERO
        deal = Deal(
            ticket=self._next(),
            order=number,
            position_id=position.identifier,
            symbol=position.symbol,
            type=DealType(int(market_type(side))),
            entry=entry,
            reason=Reason.EXPERT,
            volume_lots=lots,
            price=price,
            profit=profit,
            swap=_ZERO,
            commission=_ZERO,
            fee=_ZERO,
            magic=order.magic,
            comment=order.comment,
            time_msc=self.now_msc,
        )
        self.deals.append(deal)
        finished = HistoryOrder(
            ticket=number,
            symbol=position.symbol,
            type=market_type(side),
            state=OrderState.FILLED,
            initial_volume_lots=lots,
            unfilled_volume_lots=_ZERO,
            open_price=price,
            stop_loss=None,
            take_profit=None,
            setup_time_msc=self.now_msc,
            done_time_msc=self.now_msc,
            magic=order.magic,
            comment=order.comment,
            position_id=position.identifier,
            reason=Reason.EXPERT,
        )
        self.finished.append(finished)
        self._tell(HistoryAppeared((deal,), (finished,), self.at))
        if profit:
            balance = self.account.balance + profit
            self.account = replace(self.account, balance=balance, equity=balance, free_margin=balance)
            self._tell(AccountChanged(self.account, self.at))
        return deal.ticket

    def _modify(self, order: ModifyLevels) -> BrokerAnswer:
        position = self.positions.get(order.ticket)
        if position is None:
            return _answer(_CLOSED)
        if (position.stop_loss, position.take_profit) == (order.stop_loss, order.take_profit):
            return _answer(_NO_CHANGES)
        self._keep(replace(position, stop_loss=order.stop_loss, take_profit=order.take_profit))
        return _answer(_DONE)

    def _place(self, order: PlacePending) -> BrokerAnswer:
        return self._stand(
            WorkingOrder(
                ticket=self._next(),
                symbol=order.symbol,
                type=pending_type(order.kind, order.side),
                state=OrderState.PLACED,
                initial_volume_lots=order.volume_lots,
                current_volume_lots=order.volume_lots,
                open_price=order.price,
                stop_limit_price=order.stop_limit_price,
                stop_loss=order.stop_loss,
                take_profit=order.take_profit,
                current_price=None,
                expiration_time_seconds=order.expiration_time_seconds,
                setup_time_msc=self.now_msc,
                magic=order.magic,
                comment=order.comment,
                position_id=None,
                reason=Reason.EXPERT,
                filling=None,
            )
        )

    def _stand(self, order: WorkingOrder) -> BrokerAnswer:
        self.orders[order.ticket] = order
        self._tell(OrdersChanged((order,), (), False, self.at))
        return _answer(_DONE, order.ticket)

    def _move(self, order: ModifyPending) -> BrokerAnswer:
        known = self.orders.get(order.ticket)
        if known is None:
            return _answer(_INVALID)
        moved = replace(
            known,
            open_price=order.price,
            stop_limit_price=order.stop_limit_price,
            stop_loss=order.stop_loss,
            take_profit=order.take_profit,
            expiration_time_seconds=order.expiration_time_seconds,
        )
        return _answer(_NO_CHANGES) if moved == known else self._stand(moved)

    def _cancel(self, order: CancelPending) -> BrokerAnswer:
        known = self.orders.pop(order.ticket, None)
        if known is None:
            return _answer(_INVALID)
        finished = HistoryOrder(
            ticket=known.ticket,
            symbol=known.symbol,
            type=OrderType(known.type),
            state=OrderState.CANCELED,
            initial_volume_lots=known.initial_volume_lots,
            unfilled_volume_lots=known.current_volume_lots,
            open_price=known.open_price,
            stop_loss=known.stop_loss,
            take_profit=known.take_profit,
            setup_time_msc=known.setup_time_msc,
            done_time_msc=self.now_msc,
            magic=known.magic,
            comment=known.comment,
            position_id=None,
            reason=known.reason,
        )
        self.finished.append(finished)
        self._tell(OrdersChanged((), (order.ticket,), False, self.at))
        self._tell(HistoryAppeared((), (finished,), self.at))
        return _answer(_DONE, order.ticket)
