"""The `Terminal` that lives in a child process. Long reads are pages here, so that a close fits between."""

from __future__ import annotations

import string
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

from signalos_bridge.domain.market import (
    AccountSnapshot,
    BoundAccount,
    Deal,
    HistoryOrder,
    Position,
    Side,
    SymbolSpec,
    TerminalStatus,
    Tick,
    WorkingOrder,
)
from signalos_bridge.domain.orders import Order, Priority
from signalos_bridge.terminal import frames
from signalos_bridge.terminal.history_window import DAY_MSC, FARTHEST_OFFSET_MSC
from signalos_bridge.terminal.port import (
    ORDER_TIMEOUT_SECONDS,
    CheckResult,
    Gate,
    History,
    MagicTrace,
    TerminalAnswer,
    TerminalChange,
    TerminalSnapshot,
    TerminalUnavailable,
    Watch,
)
from signalos_bridge.terminal.process import ChildProcess, ProcessSettings

_SNAPSHOT_TRIES = 3
# A page that takes this long is halved, and doubled again when it takes a quarter of it.
_PAGE_SECONDS = 0.015
_FIRST_PAGE_MSC = DAY_MSC
_SHORTEST_PAGE_MSC = 60_000
_MOST_PAGE_DEALS = 1_000
_MOST_SYMBOLS_AT_ONCE = 250


class RemoteTerminal:
    """One terminal behind its process. See `Terminal`."""

    def __init__(self, settings: ProcessSettings) -> None:
        self._child = ChildProcess(settings)

    async def run(self) -> None:
        """Keep the terminal's process running. Ends after `close`; cancelling kills the process at once."""
        await self._child.run()

    @property
    def module_unusable(self) -> str | None:
        """Why the module that speaks to the terminal cannot be used; None: as far as is known it can."""
        return self._child.module_unusable

    async def close(self) -> None:
        """Let a running order end, refuse those that wait, and let go of the terminal."""
        await self._child.close()

    # Orders

    async def submit(
        self,
        order: Order,
        *,
        gate: Gate,
        priority: Priority | None = None,
        timeout_seconds: float = ORDER_TIMEOUT_SECONDS,
    ) -> TerminalAnswer:
        """See `Terminal.submit`."""
        return await self._child.calls.submit(
            order, gate=gate, priority=priority, timeout_seconds=timeout_seconds
        )

    async def check(self, order: Order) -> CheckResult:
        """See `Terminal.check`."""
        result: CheckResult = await self._child.calls.call("check", frames.submit_of(order))
        return result

    # Reads

    async def snapshot(self, *, deals_from_msc: int) -> TerminalSnapshot:
        """See `Terminal.snapshot`."""
        for _ in range(_SNAPSHOT_TRIES):
            await self._facts()
            before = await self.positions()
            history = await self.history(deals_from_msc)
            # What the watch told before this is in what is read after it; a long history takes seconds.
            facts = await self._facts()
            orders = await self.orders()
            after = await self.positions()
            if facts.account is not None and _same_positions(before, after):
                return TerminalSnapshot(
                    facts.account, facts.status, after, orders, history.deals, history.orders, facts.read_at
                )
        raise TerminalUnavailable(f"positions changed during each of {_SNAPSHOT_TRIES} readings")

    async def _facts(self) -> frames.Facts:
        facts: frames.Facts = await self._child.calls.call("facts", frames.Nothing())
        if facts.why_not is not None:
            raise TerminalUnavailable(facts.why_not)
        return facts

    async def history(self, from_msc: int, to_msc: int | None = None) -> History:
        """See `Terminal.history`."""
        return await self._history(from_msc, to_msc, None)

    async def _history(self, from_msc: int, to_msc: int | None, magic: int | None) -> History:
        if to_msc is None:
            broker_now = self._child.status.broker_time_msc or 0
            utc_now = time.time_ns() // 1_000_000
            to_msc = max(broker_now, utc_now + FARTHEST_OFFSET_MSC) + DAY_MSC
        deals: dict[int, Deal] = {}
        orders: dict[int, HistoryOrder] = {}
        start, length = from_msc, _FIRST_PAGE_MSC
        while start <= to_msc:
            end = min(start + length, to_msc)
            if length > _FIRST_PAGE_MSC:
                count: int = await self._child.calls.call("deals_count", frames.Span(start, end))
                if count > _MOST_PAGE_DEALS:
                    length //= 2
                    continue
            span = frames.Span(start, end, magic)
            began = time.monotonic()
            page: tuple[Deal, ...] = await self._child.calls.call("deals", span)
            took = time.monotonic() - began
            finished: tuple[HistoryOrder, ...] = await self._child.calls.call("history_orders", span)
            deals.update((deal.ticket, deal) for deal in page)
            orders.update((order.ticket, order) for order in finished)
            if took > _PAGE_SECONDS:
                length = max(length // 2, _SHORTEST_PAGE_MSC)
            elif took < _PAGE_SECONDS / 4:
                length *= 2
            start = end + 1
        return History(
            tuple(orders[ticket] for ticket in sorted(orders)),
            tuple(deals[ticket] for ticket in sorted(deals)),
        )

    async def positions(self) -> tuple[Position, ...]:
        """See `Terminal.positions`."""
        positions: tuple[Position, ...] = await self._child.calls.call("positions", frames.Nothing())
        return positions

    async def position(self, ticket: int) -> Position | None:
        """See `Terminal.position`."""
        position: Position | None = await self._child.calls.call("position", frames.Numbered(ticket))
        return position

    async def orders(self) -> tuple[WorkingOrder, ...]:
        """See `Terminal.orders`."""
        orders: tuple[WorkingOrder, ...] = await self._child.calls.call("orders", frames.Nothing())
        return orders

    async def deals_of_position(self, identifier: int) -> tuple[Deal, ...]:
        """See `Terminal.deals_of_position`."""
        deals: tuple[Deal, ...] = await self._child.calls.call(
            "deals_of_position", frames.Numbered(identifier)
        )
        return deals

    async def history_order(self, ticket: int) -> HistoryOrder | None:
        """See `Terminal.history_order`."""
        order: HistoryOrder | None = await self._child.calls.call("history_order", frames.Numbered(ticket))
        return order

    async def account(self) -> AccountSnapshot:
        """See `Terminal.account`."""
        account: AccountSnapshot = await self._child.calls.call("account", frames.Nothing())
        return account

    async def symbol(self, name: str) -> SymbolSpec | None:
        """See `Terminal.symbol`."""
        spec: SymbolSpec | None = await self._child.calls.call("symbol", frames.Named(name))
        return spec

    async def symbols(self) -> tuple[SymbolSpec, ...]:
        """See `Terminal.symbols`."""
        total: int = await self._child.calls.call("symbols_total", frames.Nothing())
        found: dict[str, SymbolSpec] = {}
        if total > _MOST_SYMBOLS_AT_ONCE:
            for initial in (*string.ascii_uppercase, *string.ascii_lowercase, *string.digits):
                await self._add_symbols(found, f"{initial}*")
                if len(found) >= total:
                    break
        if len(found) < total:
            # Names with other beginnings, or a broker whose filter works otherwise: nothing may be missing.
            await self._add_symbols(found, None)
        return tuple(found[name] for name in sorted(found))

    async def _add_symbols(self, found: dict[str, SymbolSpec], group: str | None) -> None:
        page: tuple[SymbolSpec, ...] = await self._child.calls.call("symbols", frames.Named(group))
        found.update((spec.name, spec) for spec in page)

    async def tick(self, symbol: str) -> Tick | None:
        """See `Terminal.tick`."""
        tick: Tick | None = await self._child.calls.call("tick", frames.Named(symbol))
        return tick

    async def find_by_magic(self, magic: int, *, from_msc: int) -> MagicTrace:
        """See `Terminal.find_by_magic`."""
        before = await self._facts_or_none()
        positions = tuple(found for found in await self.positions() if found.magic == magic)
        orders = tuple(found for found in await self.orders() if found.magic == magic)
        history = await self._history(from_msc, None, magic)
        deals = {deal.ticket: deal for deal in history.deals}
        identifiers = {deal.position_id for deal in history.deals} | {found.identifier for found in positions}
        for identifier in sorted(number for number in identifiers if number is not None):
            for deal in await self.deals_of_position(identifier):
                deals[deal.ticket] = deal
        after = await self._facts_or_none()
        return MagicTrace(
            magic=magic,
            positions=positions,
            orders=orders,
            history_orders=history.orders,
            deals=tuple(deals[ticket] for ticket in sorted(deals)),
            connected=before is not None and after is not None,
            read_at=time.monotonic(),
        )

    async def _facts_or_none(self) -> frames.Facts | None:
        try:
            return await self._facts()
        except TerminalUnavailable:
            return None

    async def calc_margin(self, symbol: str, side: Side, volume_lots: Decimal, price: Decimal) -> Decimal:
        """See `Terminal.calc_margin`."""
        return await self._calculate("calc_margin", frames.Trade(symbol, side, volume_lots, price))

    async def calc_profit(
        self, symbol: str, side: Side, volume_lots: Decimal, open_price: Decimal, close_price: Decimal
    ) -> Decimal:
        """See `Terminal.calc_profit`."""
        trade = frames.Trade(symbol, side, volume_lots, open_price, close_price)
        return await self._calculate("calc_profit", trade)

    async def _calculate(self, name: str, arguments: Any) -> Decimal:
        result: Decimal = await self._child.calls.call(name, arguments)
        return result

    # Watching

    def bind(self, account: BoundAccount) -> None:
        """See `Terminal.bind`."""
        self._child.bind(account)

    def watch(self, watch: Watch) -> None:
        """See `Terminal.watch`."""
        self._child.watch(watch)

    def changes(self) -> AsyncIterator[TerminalChange]:
        """See `Terminal.changes`."""
        return aiter(self._child.stream)

    @property
    def status(self) -> TerminalStatus:
        """See `Terminal.status`."""
        return self._child.status

    @property
    def last_read_at(self) -> float | None:
        """See `Terminal.last_read_at`."""
        return self._child.last_read_at

    @property
    def busy_since(self) -> float | None:
        """See `Terminal.busy_since`."""
        return self._child.calls.busy_since

    @property
    def risk_in_flight(self) -> bool:
        """See `Terminal.risk_in_flight`."""
        return self._child.calls.risk_in_flight

    @property
    def pid(self) -> int | None:
        """Return the id of the terminal's process, for operators and tests; None: there is none now."""
        return self._child.pid

    async def until_quiet(self) -> None:
        """See `Terminal.until_quiet`."""
        await self._child.calls.until_quiet()

    def expedite(self) -> None:
        """See `Terminal.expedite`."""
        self._child.calls.expedite()


def _same_positions(before: tuple[Position, ...], after: tuple[Position, ...]) -> bool:
    later = {position.ticket: position for position in after}
    return len(before) == len(later) and all(
        position.ticket in later and position.same_facts(later[position.ticket]) for position in before
    )
