"""The broker with its ledger, and what the terminal shows of it: later, and in pieces.

The ledger is the truth that the promises are held against. It is written by nobody but the broker.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Any

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
from signalos_bridge.domain.orders import (
    CancelPending,
    ClosePosition,
    ModifyLevels,
    OpenMarket,
    Order,
    PlacePending,
)
from signalos_bridge.domain.outcomes import BrokerAnswer
from signalos_bridge.terminal.memory_broker import MemoryBroker, _answer
from signalos_bridge.terminal.port import (
    AccountChanged,
    HistoryAppeared,
    OrdersChanged,
    PositionsChanged,
    TerminalChange,
)
from signalos_bridge.terminal.requests import market_type

_ZERO = Decimal(0)
_LIMITS = (OrderType.BUY_LIMIT, OrderType.SELL_LIMIT)

# How a request is answered. What is not named here is answered at once and truly.
FATES = (
    "done", "partial", "requote", "price changed", "no quotes", "locked", "rejected", "market closed",
    "times out and is done", "times out and is not done", "none and done", "none and not done",
    "placed, done later", "done without words", "times out and is done later", "the terminal dies, done",
    "the terminal dies, not done", "error, done",
)  # fmt: skip
_ACCEPTED_FIRST = ("placed, done later", "times out and is done later")
REFUSALS = {"requote": 10004, "price changed": 10020, "no quotes": 10021, "locked": 10028, "rejected": 10006,
            "market closed": 10018}  # fmt: skip


@dataclass(slots=True)
class Entry:
    """One request as the broker received it, and what it did."""

    serial: int
    order: Order
    at: float
    fate: str
    retcode: int | None = None
    executed_lots: Decimal = _ZERO
    # It traded, stands as a pending order, or changed what it was to change.
    took_effect: bool = False
    no_change: bool = False

    @property
    def magic(self) -> int:
        return getattr(self.order, "magic", 0)


class Shown:
    """What the terminal has been told of by the trade server so far."""

    def __init__(self) -> None:
        self.positions: dict[int, Position] = {}
        self.orders: dict[int, WorkingOrder] = {}
        self.deals: list[Deal] = []
        self.finished: list[HistoryOrder] = []
        self.account: AccountSnapshot | None = None

    def take(self, change: TerminalChange) -> None:
        if isinstance(change, PositionsChanged):
            for ticket in change.gone:
                self.positions.pop(ticket, None)
            self.positions.update((position.ticket, position) for position in change.changed)
        elif isinstance(change, OrdersChanged):
            for ticket in change.gone:
                self.orders.pop(ticket, None)
            self.orders.update((order.ticket, order) for order in change.changed)
        elif isinstance(change, HistoryAppeared):
            self.deals.extend(change.deals)
            self.finished.extend(change.orders)
        elif isinstance(change, AccountChanged):
            self.account = change.account


class Exchange(MemoryBroker):
    """The broker, and the terminal's trade server connection."""

    def __init__(
        self,
        account: AccountSnapshot,
        symbols: tuple[SymbolSpec, ...],
        loop: asyncio.AbstractEventLoop,
        random: Random,
        began_msc: int,
    ) -> None:
        super().__init__(account, symbols, began_msc, self._changed)
        self._loop = loop
        self._random = random
        self._context = contextvars.copy_context()
        self._began = loop.time()
        self._began_msc = began_msc
        self.shown = Shown()
        self.shown.account = account
        self.ledger: list[Entry] = []
        # Stop loss and take profit that each position has ever had.
        self.levels: dict[int, set[tuple[Decimal | None, Decimal | None]]] = {}
        self.linked = True
        # Seconds until a change of positions and orders, and one of history, is shown.
        self.book_lag = 0.0
        self.history_lag = 0.0
        self._book_at = 0.0
        self._history_at = 0.0
        self._last_deal_msc = 0
        self.fate: Callable[[Order], str] = lambda _order: "done"
        self.listeners: list[Callable[[TerminalChange], None]] = []
        self.on_execution: Callable[[Entry], None] = lambda _entry: None
        # What is still under way at the broker: it may come to pass after everybody has forgotten it.
        self.pending_work = 0

    def of_ticket(self, ticket: int) -> list[Entry]:
        """Return the requests about a position or order."""
        return [entry for entry in self.ledger if getattr(entry.order, "ticket", None) == ticket]

    def _keep(self, position: Position) -> None:
        self.levels.setdefault(position.ticket, set()).add((position.stop_loss, position.take_profit))
        super()._keep(position)

    def tick_time(self) -> None:
        """Let the broker's clock show what time it is; no two deals have the same millisecond."""
        now_msc = self._began_msc + round((self._loop.time() - self._began) * 1000)
        self.now_msc = max(now_msc, self._last_deal_msc + 1)

    def _deal(self, *args: Any, **names: Any) -> int:
        self._last_deal_msc = self.now_msc
        return super()._deal(*args, **names)

    # -- requests --------------------------------------------------------------------------------------

    def submit(self, order: Order, answer: Callable[[BrokerAnswer | None], None]) -> Entry:
        """Take a request from the terminal. `answer` is called once; None: the terminal dies in the call."""
        entry = Entry(len(self.ledger) + 1, order, self._loop.time(), self.fate(order))
        self.ledger.append(entry)
        self._later(self._random.choice((0.001, 0.005, 0.02, 0.1)), self._arrive, entry, answer)
        return entry

    def _later(self, seconds: float, call: Callable[..., object], *args: Any) -> None:
        self.pending_work += 1

        def run() -> None:
            self.pending_work -= 1
            call(*args)

        self._loop.call_later(seconds, run, context=self._context)

    def _arrive(self, entry: Entry, answer: Callable[[BrokerAnswer | None], None]) -> None:
        """The request has reached the broker."""
        fate = entry.fate
        back = self._random.choice((0.001, 0.005, 0.02, 0.1))
        if fate in REFUSALS:
            entry.retcode = REFUSALS[fate]
            self._later(back, answer, _answer(entry.retcode))
            return
        if fate == "partial":
            self._later(back, answer, self._carry_out(entry, partly=True))
            return
        done: BrokerAnswer | None = None
        if fate == "placed, done later" and not isinstance(entry.order, OpenMarket | ClosePosition):
            # Of an order that waits, or of a change, it says that it was taken: that it was done.
            fate = "done"
        if fate in ("placed, done later", "times out and is done later"):
            self._later(self._random.uniform(0.05, 1.0), self._carry_out, entry)
            entry.retcode = 10008 if fate.startswith("placed") else 10012
        elif "not done" not in fate:
            done = self._carry_out(entry)
        if done is not None and done.retcode not in (10008, 10009, 10010):
            # Refused for a reason of its own; whatever the fate, that is what is said.
            self._later(back, answer, done)
            return
        said: BrokerAnswer | None
        match fate:
            case "done":
                said = done
            case "done without words":
                assert done is not None
                said = replace(done, volume_lots=None, price=None, deal=None)
            case "placed, done later":
                said = _answer(10008)
            case "times out and is done" | "times out and is not done" | "times out and is done later":
                said, back = _answer(10012), back + 0.5
            case "none and done" | "none and not done":
                said = BrokerAnswer(None, None, None, None, None, None, None, None, "", -10005, "IPC timeout")
            case "error, done":
                said = _answer(10011)
            case _:
                said = None
        entry.retcode = None if said is None else said.retcode
        self._later(back, answer, said)

    def _carry_out(self, entry: Entry, *, partly: bool = False) -> BrokerAnswer:
        self.tick_time()
        order = entry.order
        if partly and isinstance(order, OpenMarket | ClosePosition) and order.volume_lots > Decimal("0.01"):
            part = max(Decimal("0.01"), (order.volume_lots / 2).quantize(Decimal("0.01")))
            answer = self.trade(self._clamped(replace(order, volume_lots=part)))
            if answer.retcode == 10009 and part < order.volume_lots:
                answer = replace(answer, retcode=10010)
        else:
            answer = self.trade(self._clamped(order))
        entry.retcode = answer.retcode
        if answer.retcode in (10009, 10010):
            entry.took_effect = True
            if isinstance(order, OpenMarket | ClosePosition):
                entry.executed_lots += answer.volume_lots or _ZERO
        entry.no_change = answer.retcode == 10025
        if (
            not entry.took_effect
            and entry.fate in _ACCEPTED_FIRST
            and isinstance(order, OpenMarket | ClosePosition)
        ):
            # It had accepted the order already: its history tells how that ended.
            self._rejected(order)
        self.on_execution(entry)
        return answer

    def _rejected(self, order: OpenMarket | ClosePosition) -> None:
        side = order.side.opposite if isinstance(order, ClosePosition) else order.side
        finished = HistoryOrder(
            ticket=self._next(), symbol=order.symbol, type=market_type(side), state=OrderState.REJECTED,
            initial_volume_lots=order.volume_lots, unfilled_volume_lots=order.volume_lots, open_price=None,
            stop_loss=None, take_profit=None, setup_time_msc=self.now_msc, done_time_msc=self.now_msc,
            magic=order.magic, comment=order.comment, position_id=None, reason=Reason.EXPERT,
        )  # fmt: skip
        self.finished.append(finished)
        self._changed(HistoryAppeared((), (finished,), self.at))

    def _clamped(self, order: Order) -> Order:
        """Close no more than there is; the terminal looked a moment before."""
        if isinstance(order, ClosePosition) and (held := self.positions.get(order.ticket)) is not None:
            return replace(order, volume_lots=min(order.volume_lots, held.volume_lots))
        return order

    # -- the market ------------------------------------------------------------------------------------

    def move(self, tick: Tick) -> None:
        """Set a price: levels at the broker close, pending orders fill."""
        self.tick_time()
        self.quote(tick)
        for position in list(self.positions.values()):
            price = tick.closing_price(position.side)
            if position.symbol != tick.symbol or price is None:
                continue
            side = position.side.value
            if position.stop_loss is not None and (price - position.stop_loss) * side <= 0:
                self.close(position, Reason.STOP_LOSS)
            elif position.take_profit is not None and (price - position.take_profit) * side >= 0:
                self.close(position, Reason.TAKE_PROFIT)
        for order in list(self.orders.values()):
            price = tick.opening_price(order.type.side) if order.type.side is not None else None
            if order.symbol != tick.symbol or price is None or order.open_price is None:
                continue
            side = order.type.side.value if order.type.side is not None else 0
            beyond = (price - order.open_price) * side
            if beyond <= 0 if order.type in _LIMITS else beyond >= 0:
                self._fill(order, price)

    def close(self, position: Position, reason: Reason, lots: Decimal | None = None) -> None:
        """Close a position from outside."""
        self.tick_time()
        if position.ticket not in self.positions:
            return
        before = len(self.deals)
        self._reason = reason
        self._close(
            ClosePosition(
                position.ticket, position.symbol, position.side, lots or position.volume_lots, 0, ""
            )
        )
        self._reason = None
        assert len(self.deals) == before + 1

    def open_by_hand(self, symbol: str, side: Side, lots: Decimal) -> None:
        """Open a position from outside."""
        self.tick_time()
        self._open(OpenMarket(symbol, side, lots, None, None, 0, "by-hand"))

    def _fill(self, order: WorkingOrder, price: Decimal) -> None:
        """A pending order becomes a position; the order's ticket is the position's."""
        side = order.type.side
        assert side is not None
        del self.orders[order.ticket]
        self.tick_time()
        lots = order.current_volume_lots
        position = Position(
            ticket=order.ticket, identifier=order.ticket, symbol=order.symbol, side=side, volume_lots=lots,
            open_price=price, stop_loss=order.stop_loss, take_profit=order.take_profit, current_price=price,
            profit=_ZERO, swap=_ZERO, magic=order.magic, comment=order.comment, open_time_msc=self.now_msc,
            update_time_msc=self.now_msc, reason=Reason.EXPERT,
        )  # fmt: skip
        self._changed(OrdersChanged((), (order.ticket,), False, self.at))
        self._keep(position)
        self._last_deal_msc = self.now_msc
        deal = Deal(
            ticket=self._next(), order=order.ticket, position_id=order.ticket, symbol=order.symbol,
            type=DealType(int(market_type(side))), entry=DealEntry.IN, reason=Reason.EXPERT, volume_lots=lots,
            price=price, profit=_ZERO, swap=_ZERO, commission=_ZERO, fee=_ZERO, magic=order.magic,
            comment=order.comment, time_msc=self.now_msc,
        )  # fmt: skip
        finished = HistoryOrder(
            ticket=order.ticket, symbol=order.symbol, type=order.type, state=OrderState.FILLED,
            initial_volume_lots=lots, unfilled_volume_lots=_ZERO, open_price=order.open_price,
            stop_loss=order.stop_loss, take_profit=order.take_profit, setup_time_msc=order.setup_time_msc,
            done_time_msc=self.now_msc, magic=order.magic, comment=order.comment, position_id=order.ticket,
            reason=order.reason,
        )  # fmt: skip
        self.deals.append(deal)
        self.finished.append(finished)
        self._changed(HistoryAppeared((deal,), (finished,), self.at))

    def cancel_by_hand(self, ticket: int) -> None:
        """Cancel a pending order from outside."""
        self.tick_time()
        if ticket in self.orders:
            self._cancel(CancelPending(ticket, self.orders[ticket].symbol))

    def move_levels_by_hand(self, position: Position, stop_loss: Decimal | None) -> None:
        """Move a position's stop from outside."""
        self.tick_time()
        self._modify(ModifyLevels(position.ticket, position.symbol, stop_loss, position.take_profit, False))

    # -- what is shown ---------------------------------------------------------------------------------

    _reason: Reason | None = None

    def _changed(self, change: TerminalChange) -> None:
        if isinstance(change, HistoryAppeared) and self._reason is not None:
            reason = self._reason
            deals = tuple(replace(deal, reason=reason, magic=0, comment="") for deal in change.deals)
            orders = tuple(replace(order, reason=reason, magic=0, comment="") for order in change.orders)
            self.deals[-1], self.finished[-1] = deals[0], orders[0]
            change = HistoryAppeared(deals, orders, change.at)
        now = self._loop.time()
        if isinstance(change, HistoryAppeared):
            at = self._history_at = max(self._history_at, now + self.history_lag)
        else:
            at = self._book_at = max(self._book_at, now + self.book_lag)
        if at <= now:
            self._show(change)
        else:
            self._later(at - now, self._show, change)

    def _show(self, change: TerminalChange) -> None:
        self.shown.take(change)
        for listener in list(self.listeners):
            listener(change)

    @property
    def settled(self) -> bool:
        """Return whether nothing is under way at the broker, and all of it is shown."""
        return self.pending_work == 0


def accepts(order: Order) -> bool:
    """Return whether a request asks the broker for an order of its own."""
    return isinstance(order, OpenMarket | ClosePosition | PlacePending)
