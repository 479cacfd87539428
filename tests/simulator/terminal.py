"""One bridge's connection to the terminal: a lane of calls, reads of what is shown, and its changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from random import Random

from signalos_bridge.clock import Clock
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
from signalos_bridge.domain.orders import ClosePosition, Order, Priority, operation_of, priority_of
from signalos_bridge.domain.outcomes import (
    BrokerAnswer,
    Executed,
    NotDone,
    NotSent,
    Outcome,
    PartlyExecuted,
    Retry,
    classify,
    lost_in_call,
    not_sent,
)
from signalos_bridge.terminal.change_stream import ChangeStream
from signalos_bridge.terminal.lane import Lane
from signalos_bridge.terminal.port import (
    ORDER_TIMEOUT_SECONDS,
    AccountChanged,
    CheckResult,
    Gate,
    History,
    MagicTrace,
    OrdersChanged,
    PositionsChanged,
    SentRequest,
    Shown,
    StatusChanged,
    TerminalAnswer,
    TerminalChange,
    TerminalSnapshot,
    TerminalUnavailable,
    TicksArrived,
    Watch,
    WatchStarted,
)
from signalos_bridge.terminal.status import status_without_terminal
from tests.simulator.exchange import Exchange

_ZERO = Decimal(0)
# Order calls are bounded to a fifth of what they are in production, as all patience is here.
_SCALE = 0.2


class SimTerminal:
    """See `signalos_bridge.terminal.port.Terminal`."""

    def __init__(
        self,
        exchange: Exchange,
        clock: Clock,
        random: Random,
        on_submit: Callable[[Order], None],
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._random = random
        self._on_submit = on_submit
        self._stream = ChangeStream(self._begin)
        self._bound: BoundAccount | None = None
        self._watch = Watch()
        self._lane: Lane[asyncio.Future[None]] = Lane()
        self._busy_since: float | None = None
        self._risk = False
        self._kill: Callable[[], None] | None = None
        self._quiet: list[asyncio.Future[None]] = []
        self._read_at = clock.awake_seconds()
        self.up = True
        self.closed = False
        self._status = replace(
            status_without_terminal(),
            state=TerminalState.READY,
            connected=exchange.linked,
            trade_allowed=True,
            login=exchange.account.login,
            utc_offset_seconds=0,
            broker_time_msc=exchange.now_msc,
        )
        exchange.listeners.append(self._take)

    # -- what the world does to it ---------------------------------------------------------------------

    def detach(self) -> None:
        """The bridge is gone, and with it its child."""
        self.closed = True
        if self._take in self._exchange.listeners:
            self._exchange.listeners.remove(self._take)

    def set_up(self, up: bool) -> None:
        """The terminal's process ends, or has started again."""
        if up == self.up:
            return
        self.up = up
        if not up and self._kill is not None:
            self._kill()
        self._tell_status()
        if up:
            self._begin("the terminal was started again")

    def link_changed(self) -> None:
        """The link to the trade server broke or came back."""
        self._tell_status()

    def _tell_status(self) -> None:
        state = TerminalState.READY if self.up else TerminalState.NO_PIPE
        connected = self.up and self._exchange.linked
        self._status = replace(self._status, state=state, connected=connected)
        self._stream.put(StatusChanged(self._status, self._at()))

    def quoted(self, tick: Tick) -> None:
        """Tell a quote, where it is watched."""
        if not (self.up and self._exchange.linked):
            return
        if self.closed:
            return
        if tick.symbol in self._watch.guarded_symbols or tick.symbol in self._watch.quoted_symbols:
            self._stream.put(TicksArrived(tick.symbol, (tick,), True, self._at()))

    def _at(self) -> float:
        return self._clock.awake_seconds()

    def _take(self, change: TerminalChange) -> None:
        if self.closed or not (self.up and self._exchange.linked):
            return
        self._stream.put(replace(change, at=self._at()))

    async def run(self) -> None:
        """Begin to tell."""
        self._begin("the bridge started")

    async def close(self) -> None:
        self._stream.close()

    def _begin(self, reason: str) -> None:
        shown, at = self._exchange.shown, self._at()
        assert shown.account is not None
        self._status = replace(self._status, broker_time_msc=self._exchange.now_msc)
        for change in (
            StatusChanged(self._status, at),
            WatchStarted(reason, at),
            PositionsChanged(tuple(shown.positions.values()), (), True, at),
            OrdersChanged(tuple(shown.orders.values()), (), True, at),
            AccountChanged(shown.account, at),
        ):
            self._stream.put(change)
        if self.up and self._exchange.linked:
            for symbol in sorted(self._watch.guarded_symbols):
                if (tick := self._exchange.ticks.get(symbol)) is not None:
                    self._stream.put(TicksArrived(symbol, (tick,), False, at))

    # -- orders ----------------------------------------------------------------------------------------

    async def submit(
        self,
        order: Order,
        *,
        gate: Gate,
        priority: Priority | None = None,
        timeout_seconds: float = ORDER_TIMEOUT_SECONDS,
    ) -> TerminalAnswer:
        loop = asyncio.get_running_loop()
        if self._busy_since is not None or len(self._lane):
            turn: asyncio.Future[None] = loop.create_future()
            waiting = self._lane.join(turn, priority_of(order) if priority is None else priority)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._over()
                else:
                    self._lane.withdraw(waiting)
                raise
        self._busy_since = self._clock.awake_seconds()
        try:
            return await self._call(order, gate, timeout_seconds * _SCALE)
        finally:
            self._over()

    def _over(self) -> None:
        self._busy_since = None
        self._risk = False
        self._kill = None
        turn = self._lane.next()
        while turn is not None and turn.done():
            turn = self._lane.next()
        if turn is not None:
            self._busy_since = self._clock.awake_seconds()
            turn.set_result(None)
            return
        waiting, self._quiet = self._quiet, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def _call(self, order: Order, gate: Gate, timeout_seconds: float) -> TerminalAnswer:
        if not self.up:
            return _kept(not_sent(NotSent.TERMINAL_DOWN))
        clearance = gate()
        if clearance.refusal is not None:
            return _kept(NotDone(clearance.refusal, clearance.words, Retry.NEVER))
        if clearance.latched and order.increases_risk:
            return _kept(not_sent(NotSent.LATCHED))
        if self._bound is None:
            return _kept(not_sent(NotSent.ACCOUNT_UNBOUND))
        if not self._exchange.linked:
            return _kept(not_sent(NotSent.NOT_CONNECTED))
        if isinstance(order, ClosePosition):
            position = self._exchange.shown.positions.get(order.ticket)
            if position is None:
                return _kept(not_sent(NotSent.POSITION_GONE))
            if (position.symbol, position.side) != (order.symbol, order.side):
                return _kept(not_sent(NotSent.POSITION_CHANGED))
            order = replace(order, volume_lots=min(order.volume_lots, position.volume_lots))
        self._on_submit(order)
        self._risk = order.increases_risk
        loop = asyncio.get_running_loop()
        began = self._clock.awake_seconds()
        answered: asyncio.Future[BrokerAnswer | None] = loop.create_future()

        def answer(said: BrokerAnswer | None) -> None:
            if not answered.done():
                answered.set_result(said)

        def kill() -> None:
            answer(None)

        self._kill = kill
        self._exchange.submit(order, answer)
        timer = loop.call_later(timeout_seconds, kill)
        try:
            said = await answered
        finally:
            timer.cancel()
        took = self._clock.awake_seconds() - began
        sent = SentRequest(0, order.symbol, volume=getattr(order, "volume_lots", None))
        if said is None:
            outcome: Outcome = lost_in_call("the terminal was lost in the call")
            return TerminalAnswer(outcome, None, sent, 0.0, took)
        outcome = classify(operation_of(order), getattr(order, "volume_lots", None), said)
        return TerminalAnswer(outcome, said, sent, 0.0, took, self._shown(outcome))

    def _shown(self, outcome: Outcome) -> Shown | None:
        if not isinstance(outcome, Executed | PartlyExecuted) or not outcome.deal:
            return None
        shown = self._exchange.shown
        deal = next((found for found in reversed(shown.deals) if found.ticket == outcome.deal), None)
        if deal is None or deal.position_id is None:
            return None
        position = shown.positions.get(deal.position_id)
        if position is None and any(
            held.ticket == deal.position_id for held in self._exchange.positions.values()
        ):
            return None
        deals = tuple(found for found in shown.deals if found.position_id == deal.position_id)
        return Shown(deal.position_id, deal.position_id, position, deals, self._at())

    @property
    def busy_since(self) -> float | None:
        return self._busy_since

    @property
    def risk_in_flight(self) -> bool:
        return self._risk

    async def until_quiet(self) -> None:
        while self._busy_since is not None:
            quiet: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._quiet.append(quiet)
            # A stop does not wait for what is still in the lane: it is refused when its turn comes.
            await asyncio.wait([quiet], timeout=0.05)

    def expedite(self) -> None:
        if self._kill is not None:
            asyncio.get_running_loop().call_later(5.0 * _SCALE, self._kill)

    # -- reads -----------------------------------------------------------------------------------------

    async def _read(self) -> None:
        await asyncio.sleep(self._random.choice((0.0, 0.001, 0.004)))
        if not self.up:
            raise TerminalUnavailable("the terminal does not run")
        self._read_at = self._clock.awake_seconds()

    async def check(self, order: Order) -> CheckResult:
        await self._read()
        return CheckResult(0, "Done", _ZERO, self._exchange.account.free_margin, _ZERO)

    async def snapshot(self, *, deals_from_msc: int) -> TerminalSnapshot:
        await self._read()
        if not self._exchange.linked:
            raise TerminalUnavailable("the terminal is not connected to its trade server")
        shown = self._exchange.shown
        assert shown.account is not None
        return TerminalSnapshot(
            account=shown.account,
            status=self._status,
            positions=tuple(shown.positions.values()),
            orders=tuple(shown.orders.values()),
            deals=tuple(deal for deal in shown.deals if deal.time_msc >= deals_from_msc),
            history_orders=tuple(order for order in shown.finished if order.done_time_msc >= deals_from_msc),
            read_at=self._at(),
        )

    async def history(self, from_msc: int, to_msc: int | None = None) -> History:
        await self._read()
        return self._history(from_msc, to_msc)

    def _history(self, from_msc: int, to_msc: int | None = None) -> History:
        end = float("inf") if to_msc is None else to_msc
        shown = self._exchange.shown
        return History(
            tuple(found for found in shown.finished if from_msc <= found.done_time_msc <= end),
            tuple(deal for deal in shown.deals if from_msc <= deal.time_msc <= end),
        )

    async def positions(self) -> tuple[Position, ...]:
        await self._read()
        return tuple(self._exchange.shown.positions.values())

    async def position(self, ticket: int) -> Position | None:
        await self._read()
        return self._exchange.shown.positions.get(ticket)

    async def orders(self) -> tuple[WorkingOrder, ...]:
        await self._read()
        return tuple(self._exchange.shown.orders.values())

    async def deals_of_position(self, identifier: int) -> tuple[Deal, ...]:
        await self._read()
        return tuple(deal for deal in self._exchange.shown.deals if deal.position_id == identifier)

    async def history_order(self, ticket: int) -> HistoryOrder | None:
        await self._read()
        return next((found for found in self._exchange.shown.finished if found.ticket == ticket), None)

    async def account(self) -> AccountSnapshot:
        await self._read()
        assert self._exchange.shown.account is not None
        return self._exchange.shown.account

    async def symbol(self, name: str) -> SymbolSpec | None:
        await self._read()
        return self._exchange.symbols.get(name)

    async def symbols(self) -> tuple[SymbolSpec, ...]:
        await self._read()
        return tuple(self._exchange.symbols.values())

    async def tick(self, symbol: str) -> Tick | None:
        await self._read()
        return self._exchange.ticks.get(symbol)

    async def find_by_magic(self, magic: int, *, from_msc: int) -> MagicTrace:
        await self._read()
        linked = self._exchange.linked
        shown = self._exchange.shown
        history = self._history(from_msc)
        own = {deal.position_id for deal in history.deals if deal.magic == magic}
        return MagicTrace(
            magic=magic,
            positions=tuple(found for found in shown.positions.values() if found.magic == magic),
            orders=tuple(found for found in shown.orders.values() if found.magic == magic),
            history_orders=tuple(found for found in history.orders if found.magic == magic),
            deals=tuple(deal for deal in shown.deals if deal.position_id in own),
            connected=linked and self._exchange.linked,
            read_at=self._at(),
        )

    async def calc_margin(self, symbol: str, side: Side, volume_lots: Decimal, price: Decimal) -> Decimal:
        await self._read()
        return _ZERO

    async def calc_profit(
        self, symbol: str, side: Side, volume_lots: Decimal, open_price: Decimal, close_price: Decimal
    ) -> Decimal:
        await self._read()
        spec = self._exchange.symbols[symbol]
        ticks = (close_price - open_price) * side.value / spec.tick_size
        return (ticks * spec.tick_value * volume_lots).quantize(Decimal("0.01"))

    # -- the rest --------------------------------------------------------------------------------------

    def bind(self, account: BoundAccount) -> None:
        self._bound = account
        self._status = replace(self._status, account_matches=account == self._exchange.account.bound())
        self._begin("an account was bound")

    def watch(self, watch: Watch) -> None:
        new = watch.guarded_symbols - self._watch.guarded_symbols
        self._watch = watch
        for symbol in sorted(new):
            if (tick := self._exchange.ticks.get(symbol)) is not None:
                # The first look at a symbol tells its latest quote.
                asyncio.get_running_loop().call_later(0.05, self.quoted, tick)

    def changes(self) -> AsyncIterator[TerminalChange]:
        return aiter(self._stream)

    @property
    def status(self) -> TerminalStatus:
        return self._status

    @property
    def last_read_at(self) -> float | None:
        """The poll reads all the time while the terminal runs and is linked."""
        if self.up and self._exchange.linked:
            self._read_at = self._clock.awake_seconds()
        return self._read_at


def _kept(outcome: NotDone) -> TerminalAnswer:
    return TerminalAnswer(outcome, None, None, 0.0, 0.0)
