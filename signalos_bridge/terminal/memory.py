"""A `Terminal` without a terminal: for load tests of what is above the port, and for its unit tests.

It judges gate, latch, bound account and the position to close as the real one does, and answers at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

from signalos_bridge.domain.market import (
    AccountSnapshot,
    BoundAccount,
    Deal,
    HistoryOrder,
    Position,
    Side,
    SymbolSpec,
    TerminalState,
    TerminalStatus,
    Tick,
    WorkingOrder,
)
from signalos_bridge.domain.orders import (
    ClosePosition,
    ModifyLevels,
    Order,
    Priority,
    not_loosened,
    operation_of,
)
from signalos_bridge.domain.outcomes import (
    Executed,
    NotDone,
    NotSent,
    Outcome,
    PartlyExecuted,
    Retry,
    classify,
    not_sent,
)
from signalos_bridge.terminal.change_stream import ChangeStream
from signalos_bridge.terminal.memory_broker import MemoryBroker
from signalos_bridge.terminal.port import (
    ORDER_TIMEOUT_SECONDS,
    AccountChanged,
    CheckResult,
    Gate,
    History,
    MagicTrace,
    OrdersChanged,
    PositionsChanged,
    Shown,
    StatusChanged,
    TerminalAnswer,
    TerminalChange,
    TerminalSnapshot,
    TicksArrived,
    Watch,
    WatchStarted,
)
from signalos_bridge.terminal.status import status_without_terminal

_ZERO = Decimal(0)


class MemoryTerminal:
    """See `Terminal`. `set_tick` and `set_time` are the market; `run` begins to tell."""

    def __init__(self, account: AccountSnapshot, symbols: tuple[SymbolSpec, ...], now_msc: int) -> None:
        self._stream = ChangeStream(self._begin)
        self._broker = MemoryBroker(account, symbols, now_msc, self._stream.put)
        self._bound: BoundAccount | None = None
        self._watch = Watch()
        self._status = replace(
            status_without_terminal(),
            state=TerminalState.READY,
            connected=True,
            trade_allowed=True,
            login=account.login,
            utc_offset_seconds=0,
            broker_time_msc=now_msc,
        )

    def set_time(self, at: float, now_msc: int) -> None:
        """Set this machine's monotonic time and broker time."""
        self._broker.at, self._broker.now_msc = at, now_msc
        self._status = replace(self._status, broker_time_msc=now_msc)

    def set_tick(self, tick: Tick) -> None:
        """Set a symbol's quote, and tell it if it is watched."""
        if tick.symbol in self._watch.guarded_symbols | self._watch.quoted_symbols:
            self._stream.put(TicksArrived(tick.symbol, (tick,), True, self._broker.at))
        self._broker.quote(tick)

    async def run(self) -> None:
        """Begin to tell. Returns at once: there is nothing to keep running."""
        self._begin("the bridge started")

    async def close(self) -> None:
        """End the stream of changes."""
        self._stream.close()

    def _begin(self, reason: str) -> None:
        broker, at = self._broker, self._broker.at
        changes: tuple[TerminalChange, ...] = (
            StatusChanged(self._status, at),
            WatchStarted(reason, at),
            PositionsChanged(tuple(broker.positions.values()), (), True, at),
            OrdersChanged(tuple(broker.orders.values()), (), True, at),
            AccountChanged(broker.account, at),
        )
        for change in changes:
            self._stream.put(change)

    async def submit(
        self,
        order: Order,
        *,
        gate: Gate,
        priority: Priority | None = None,
        timeout_seconds: float = ORDER_TIMEOUT_SECONDS,
    ) -> TerminalAnswer:
        """See `Terminal.submit`."""
        clearance = gate()
        if clearance.refusal is not None:
            return _kept(NotDone(clearance.refusal, clearance.words, Retry.NEVER))
        if clearance.latched and order.increases_risk:
            return _kept(not_sent(NotSent.LATCHED))
        if self._bound is None:
            return _kept(not_sent(NotSent.ACCOUNT_UNBOUND))
        if self._bound != self._broker.account.bound():
            return _kept(not_sent(NotSent.ACCOUNT_MISMATCH))
        if isinstance(order, ClosePosition):
            position = self._broker.positions.get(order.ticket)
            if position is None:
                return _kept(not_sent(NotSent.POSITION_GONE))
            if (position.symbol, position.side) != (order.symbol, order.side):
                return _kept(not_sent(NotSent.POSITION_CHANGED))
            order = replace(order, volume_lots=min(order.volume_lots, position.volume_lots))
        if isinstance(order, ModifyLevels) and (held := self._broker.positions.get(order.ticket)) is not None:
            found = not_loosened(order, held)
            if found is None:
                return _kept(not_sent(NotSent.STOP_IS_TIGHTER))
            order = found
        answer = self._broker.trade(order)
        asked: Decimal | None = getattr(order, "volume_lots", None)
        outcome = classify(operation_of(order), asked, answer)
        return TerminalAnswer(outcome, answer, None, 0.0, 0.0, self._shown(order, outcome))

    def _shown(self, order: Order, outcome: Outcome) -> Shown | None:
        if not isinstance(outcome, Executed | PartlyExecuted) or not outcome.deal:
            return None
        deal = next((found for found in self._broker.deals if found.ticket == outcome.deal), None)
        if deal is None or deal.position_id is None:
            return None
        position = self._broker.positions.get(deal.position_id)
        deals = tuple(found for found in self._broker.deals if found.position_id == deal.position_id)
        return Shown(deal.position_id, deal.position_id, position, deals, self._broker.at)

    async def check(self, order: Order) -> CheckResult:
        """Pass everything: there is no margin here."""
        return CheckResult(0, "Done", _ZERO, self._broker.account.free_margin, _ZERO)

    async def snapshot(self, *, deals_from_msc: int) -> TerminalSnapshot:
        """See `Terminal.snapshot`."""
        history = await self.history(deals_from_msc)
        return TerminalSnapshot(
            account=self._broker.account,
            status=self._status,
            positions=await self.positions(),
            orders=await self.orders(),
            deals=history.deals,
            history_orders=history.orders,
            read_at=self._broker.at,
        )

    async def history(self, from_msc: int, to_msc: int | None = None) -> History:
        """See `Terminal.history`."""
        end = self._broker.now_msc if to_msc is None else to_msc
        return History(
            tuple(found for found in self._broker.finished if from_msc <= found.done_time_msc <= end),
            tuple(deal for deal in self._broker.deals if from_msc <= deal.time_msc <= end),
        )

    async def positions(self) -> tuple[Position, ...]:
        """See `Terminal.positions`."""
        return tuple(self._broker.positions.values())

    async def position(self, ticket: int) -> Position | None:
        """See `Terminal.position`."""
        return self._broker.positions.get(ticket)

    async def orders(self) -> tuple[WorkingOrder, ...]:
        """See `Terminal.orders`."""
        return tuple(self._broker.orders.values())

    async def deals_of_position(self, identifier: int) -> tuple[Deal, ...]:
        """See `Terminal.deals_of_position`."""
        return tuple(deal for deal in self._broker.deals if deal.position_id == identifier)

    async def history_order(self, ticket: int) -> HistoryOrder | None:
        """See `Terminal.history_order`."""
        return next((found for found in self._broker.finished if found.ticket == ticket), None)

    async def account(self) -> AccountSnapshot:
        """See `Terminal.account`."""
        return self._broker.account

    async def symbol(self, name: str) -> SymbolSpec | None:
        """See `Terminal.symbol`."""
        return self._broker.symbols.get(name)

    async def symbols(self) -> tuple[SymbolSpec, ...]:
        """See `Terminal.symbols`."""
        return tuple(self._broker.symbols.values())

    async def tick(self, symbol: str) -> Tick | None:
        """See `Terminal.tick`."""
        return self._broker.ticks.get(symbol)

    async def find_by_magic(self, magic: int, *, from_msc: int) -> MagicTrace:
        """See `Terminal.find_by_magic`."""
        history = await self.history(from_msc)
        own = {deal.position_id for deal in history.deals if deal.magic == magic}
        return MagicTrace(
            magic=magic,
            positions=tuple(found for found in await self.positions() if found.magic == magic),
            orders=tuple(found for found in await self.orders() if found.magic == magic),
            history_orders=tuple(found for found in history.orders if found.magic == magic),
            deals=tuple(deal for deal in self._broker.deals if deal.position_id in own),
            connected=True,
            read_at=self._broker.at,
        )

    async def calc_margin(self, symbol: str, side: Side, volume_lots: Decimal, price: Decimal) -> Decimal:
        """Return zero: there is no margin here."""
        return _ZERO

    async def calc_profit(
        self, symbol: str, side: Side, volume_lots: Decimal, open_price: Decimal, close_price: Decimal
    ) -> Decimal:
        """See `Terminal.calc_profit`."""
        spec = self._broker.symbols[symbol]
        ticks = (close_price - open_price) * side.value / spec.tick_size
        return (ticks * spec.tick_value * volume_lots).quantize(Decimal("0.01"))

    def bind(self, account: BoundAccount) -> None:
        """See `Terminal.bind`."""
        self._bound = account
        matches = account == self._broker.account.bound()
        self._status = replace(self._status, account_matches=matches)
        self._begin("an account was bound")

    def watch(self, watch: Watch) -> None:
        """See `Terminal.watch`."""
        self._watch = watch

    def changes(self) -> AsyncIterator[TerminalChange]:
        """See `Terminal.changes`."""
        return aiter(self._stream)

    @property
    def status(self) -> TerminalStatus:
        """See `Terminal.status`."""
        return self._status

    @property
    def last_read_at(self) -> float | None:
        """See `Terminal.last_read_at`."""
        return self._broker.at

    @property
    def busy_since(self) -> float | None:
        """Return None: every call is over at once."""
        return None

    @property
    def risk_in_flight(self) -> bool:
        """Return False: every call is over at once."""
        return False

    async def until_quiet(self) -> None:
        """Return at once."""

    def expedite(self) -> None:
        """Do nothing: there is never a running call."""


def _kept(outcome: NotDone) -> TerminalAnswer:
    return TerminalAnswer(outcome, None, None, 0.0, 0.0)
