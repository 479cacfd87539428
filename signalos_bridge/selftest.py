"""A self-test on a demo account: every kind of request is made once, and held against expectations.

Nothing is traded on a real account. Whatever was opened is closed again, also when something fails midway.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from signalos_bridge.domain.market import (
    AccountSnapshot,
    Deal,
    DealEntry,
    OrderState,
    Position,
    Reason,
    Side,
    SymbolSpec,
    SymbolTradeMode,
    Tick,
    TradeMode,
    WorkingOrder,
)
from signalos_bridge.domain.normalise import (
    minimum_distance,
    round_price,
    round_stop_loss,
    round_take_profit,
    volume_down,
)
from signalos_bridge.domain.orders import (
    CancelPending,
    CloseBy,
    ClosePosition,
    ModifyLevels,
    ModifyPending,
    OpenMarket,
    Order,
    PendingKind,
    PlacePending,
)
from signalos_bridge.domain.outcomes import Executed, NoChange, NotDone, Outcome, Placed
from signalos_bridge.domain.selftest import Report, relative_difference
from signalos_bridge.domain.tags import comment_tag
from signalos_bridge.terminal.metatrader5 import AdapterSettings
from signalos_bridge.terminal.opened import opened
from signalos_bridge.terminal.port import Clearance, Terminal, TerminalUnavailable

_T = TypeVar("_T")

# What a result tells is looked for in positions, orders and deals for so long.
_SHOWN_SECONDS = 5.0
_POLL_SECONDS = 0.02
# The adapter waits this long for a result to show before it leaves it to the watch.
_EXPECTED_LAG_SECONDS = 0.5
_QUOTE_SECONDS = 10.0
# Rounding of a tick's value by the terminal.
_VALUE_TOLERANCE = Decimal("0.005")
_FAR = Decimal("0.05")
_OPEN_GATE = Clearance(latched=False)


class SelfTestRefused(Exception):  # noqa: N818 (it names what happened)
    """The self-test would not begin: the account is not a demo account, or nothing can be traded on it."""


def selftest(
    terminal_module: str,
    terminal_path: str | None,
    symbol: str,
    tell: Callable[[str], None],
    *,
    terminal_wait_seconds: float = 30.0,
) -> Report:
    """Run the self-test on the terminal's account; blocking. `tell` hears what is being tried.

    Raises `SelfTestRefused` for anything but a demo account that can be traded on, and `TerminalUnavailable`
    when the terminal does not answer.
    """

    async def run() -> Report:
        adapter = AdapterSettings(module=terminal_module, path=terminal_path)
        async with opened(adapter, terminal_wait_seconds) as (terminal, account):
            return await SelfTest(terminal, account, symbol, tell).run()

    return asyncio.run(run())


@dataclass(frozen=True, slots=True)
class _Market:
    spec: SymbolSpec
    tick: Tick
    lots: Decimal


class SelfTest:
    """One run. `tell` is called with what is being tried, for whoever waits."""

    def __init__(
        self, terminal: Terminal, account: AccountSnapshot, symbol: str, tell: Callable[[str], None]
    ) -> None:
        self._terminal = terminal
        self._account = account
        self._symbol = symbol
        self._tell = tell
        # One number for all that this run opens, so that it finds and closes nothing else.
        self._magic = secrets.randbits(62) | 1
        status = terminal.status
        self._report = Report(account.login, account.server, status.company, status.build, symbol)

    async def run(self) -> Report:
        """Try everything; return what was found. Raises `SelfTestRefused`, `TerminalUnavailable`."""
        if self._account.trade_mode is not TradeMode.DEMO:
            raise SelfTestRefused(
                f"account {self._account.login} at {self._account.server} is a "
                f"{self._account.trade_mode.name.lower()} account; the self-test trades on demo accounts only"
            )
        self._terminal.bind(self._account.bound())
        try:
            market = await self._look()
            position = await self._open(market)
            if position is not None:
                await self._levels(market, position)
                await self._partial(market, position)
            await self._pending(market)
            if position is not None:
                await self._close(position)
            await self._opposite(market)
        finally:
            await self._clear()
        return self._report

    # -- the account and the symbol --------------------------------------------------------------------

    async def _look(self) -> _Market:
        self._tell("the account, its switches and the symbol")
        report, step = self._report, "account"
        account = await self._timed("account_info", self._terminal.account())
        blocks = self._terminal.status.blocks
        if blocks:
            raise SelfTestRefused("; ".join(block.value for block in blocks))
        report.hold(step, "the balance is above zero", account.balance > 0, "above 0", account.balance)
        report.hold(
            step,
            "equity is balance, credit and floating profit",
            abs(account.equity - account.balance - account.credit - account.profit) <= Decimal("0.01"),
            account.balance + account.credit + account.profit,
            account.equity,
            "sizing and limits count on equity",
        )
        first = await self._timed("positions_get", self._terminal.positions())
        again = await self._terminal.positions()
        same = {position.ticket for position in first} == {position.ticket for position in again}
        report.hold(step, "two readings of positions agree", same, len(first), len(again))
        return await self._symbol_rules()

    async def _symbol_rules(self) -> _Market:
        report, step = self._report, "symbol"
        spec = await self._timed("symbol_info", self._terminal.symbol(self._symbol))
        if spec is None:
            raise SelfTestRefused(f"the broker has no symbol {self._symbol}: name one with --symbol")
        if spec.trade_mode is not SymbolTradeMode.FULL:
            raise SelfTestRefused(f"{spec.name} is not fully tradable: its mode is {spec.trade_mode.name}")
        tick = await self._until(lambda: self._terminal.tick(self._symbol), _quoted, _QUOTE_SECONDS)
        if tick is None or tick.bid is None or tick.ask is None:
            raise SelfTestRefused(f"there is no quote of {self._symbol}: is its market open?")
        report.equal(step, "a point is the last digit", Decimal(1).scaleb(-spec.digits), spec.point)
        report.hold(step, "the ask is above the bid", tick.ask >= tick.bid, f">= {tick.bid}", tick.ask)
        report.hold(
            step,
            "the smallest lot is a multiple of the step",
            volume_down(spec.volume_min_lots, spec) == spec.volume_min_lots,
            f"a multiple of {spec.volume_step_lots}",
            spec.volume_min_lots,
            "volumes are rounded down to the step",
        )
        ticks = Decimal(100)
        far = tick.ask + ticks * spec.tick_size
        profit = await self._timed(
            "order_calc_profit",
            self._terminal.calc_profit(spec.name, Side.BUY, spec.volume_min_lots, tick.ask, far),
        )
        counted = (spec.tick_value_profit or spec.tick_value) * ticks * spec.volume_min_lots
        difference = relative_difference(profit, counted)
        cent = abs(profit - counted) <= Decimal("0.01")
        report.hold(
            step,
            "tick values agree with order_calc_profit",
            cent or difference <= _VALUE_TOLERANCE,
            profit,
            f"{counted.normalize():f} ({difference * 100:.2f} % off)",
            "volumes from risk are counted with order_calc_profit; stops by money with tick values",
        )
        report.hold(
            step, "some filling mode is allowed", bool(spec.filling_mask), "FOK or IOC", spec.filling_mask
        )
        # Twice the smallest lot, so that half of it can be closed.
        return _Market(spec, tick, spec.volume_min_lots * 2)

    # -- a position ------------------------------------------------------------------------------------

    async def _open(self, market: _Market) -> Position | None:
        spec, tick, step = market.spec, await self._tick(), "open"
        assert tick.bid is not None
        self._tell(f"opening {market.lots} lots of {spec.name}")
        distance = self._distance(spec, tick)
        stop = round_stop_loss(tick.bid - distance, Side.BUY, spec)
        target = round_take_profit(tick.bid + distance, Side.BUY, spec)
        comment = comment_tag(self._magic)
        order = OpenMarket(spec.name, Side.BUY, market.lots, stop, target, self._magic, comment)
        outcome = await self._submit("order_send (open)", order)
        if not self._report.hold(
            step,
            "a market order is executed",
            isinstance(outcome, Executed),
            "Executed",
            _said(outcome),
            "see the return code; an order that is only placed, or filled in part, is looked for afterwards",
        ) and isinstance(outcome, NotDone):
            return None
        began = time.monotonic()
        position = await self._until(self._own_position, lambda found: found is not None)
        if position is None:
            self._report.hold(step, "the position shows", False, f"in {_SHOWN_SECONDS} s", "not at all")
            return None
        lag = time.monotonic() - began
        self._lag(step, "the position shows soon after the result", lag)
        report = self._report
        report.equal(step, "it carries our magic number", self._magic, position.magic, _TAG_ADVICE)
        report.equal(
            step,
            "it carries our comment",
            comment,
            position.comment,
            "brokers may rewrite comments; the magic number is what counts",
        )
        report.equal(step, "its stop loss is the order's", stop, position.stop_loss, _LEVELS_ADVICE)
        report.equal(step, "its take profit is the order's", target, position.take_profit, _LEVELS_ADVICE)
        report.equal(step, "its volume is the order's", market.lots, position.volume_lots)
        report.equal(
            step,
            "its reason is EXPERT",
            Reason.EXPERT,
            position.reason,
            "causes of closes are told from reasons",
        )
        deals = await self._until(lambda: self._terminal.deals_of_position(position.identifier), bool)
        self._deal(step, deals, DealEntry.IN, market.lots)
        if isinstance(outcome, Executed) and outcome.price is not None:
            report.equal(step, "the result's price is the position's", position.open_price, outcome.price)
            slipped = (outcome.price - (tick.ask or outcome.price)) / spec.point
            report.hold(step, "slippage in points", abs(slipped) <= 20, "at most 20", slipped)
        return position

    async def _levels(self, market: _Market, position: Position) -> None:
        spec, step = market.spec, "modify"
        self._tell("moving stop loss and take profit")
        tick = await self._tick()
        assert tick.bid is not None
        distance = self._distance(spec, tick) * 2
        stop = round_stop_loss(tick.bid - distance, Side.BUY, spec)
        target = round_take_profit(tick.bid + distance, Side.BUY, spec)
        order = ModifyLevels(position.ticket, spec.name, stop, target, loosening=True)
        outcome = await self._submit("order_send (modify)", order)
        report = self._report
        report.hold(step, "levels can be moved", isinstance(outcome, Executed), "Executed", _said(outcome))
        shown = await self._until(
            lambda: self._terminal.position(position.ticket),
            lambda found: found is not None and (found.stop_loss, found.take_profit) == (stop, target),
        )
        seen = "gone" if shown is None else f"{shown.stop_loss} / {shown.take_profit}"
        agrees = shown is not None and (shown.stop_loss, shown.take_profit) == (stop, target)
        report.hold(step, "the moved levels show", agrees, f"{stop} / {target}", seen, _LEVELS_ADVICE)
        outcome = await self._submit("order_send (modify)", order)
        report.hold(
            step,
            "the same levels again change nothing (10025)",
            isinstance(outcome, NoChange | Executed),
            "NoChange",
            _said(outcome),
        )
        tick = await self._tick()
        assert tick.bid is not None
        near = round_price(tick.bid - spec.tick_size, spec)
        outcome = await self._submit(
            "order_send (modify)", ModifyLevels(position.ticket, spec.name, near, target, loosening=False)
        )
        if spec.stops_level_points > 1:
            report.hold(
                step,
                f"a stop within the stops level of {spec.stops_level_points} points is refused (10016)",
                isinstance(outcome, NotDone),
                "INVALID_STOPS",
                _said(outcome),
                "the broker's minimum distance is not what the symbol says",
            )
        else:
            report.hold(
                step,
                "a stop one tick from the market is taken, where the stops level is 0",
                not isinstance(outcome, NotDone),
                "Executed",
                _said(outcome),
                "the stops level floats: the bridge keeps twice the spread, and learns from refusals",
            )
        if not isinstance(outcome, NotDone):
            # Back, so that the market does not close it before the test does.
            await self._submit("order_send (modify)", order)

    async def _partial(self, market: _Market, position: Position) -> None:
        step = "partial close"
        self._tell("closing half of it")
        if await self._terminal.position(position.ticket) is None:
            self._report.skipped(step, "half can be closed", "the market closed the position before")
            return
        half = market.spec.volume_min_lots
        order = ClosePosition(
            position.ticket, position.symbol, Side.BUY, half, self._magic, comment_tag(self._magic)
        )
        outcome = await self._submit("order_send (close)", order)
        report = self._report
        report.hold(step, "half can be closed", isinstance(outcome, Executed), "Executed", _said(outcome))
        began = time.monotonic()
        shown = await self._until(
            lambda: self._terminal.position(position.ticket),
            lambda found: found is None or found.volume_lots != market.lots,
        )
        self._lag(step, "the smaller volume shows soon after the result", time.monotonic() - began)
        report.equal(
            step,
            "the rest keeps its ticket and has the volume that is left",
            market.lots - half,
            None if shown is None else shown.volume_lots,
            "believe the deal, then the position",
        )

    async def _close(self, position: Position) -> None:
        step = "close"
        self._tell("closing the rest")
        held = await self._terminal.position(position.ticket)
        report = self._report
        if held is None:
            report.skipped(step, "a position can be closed", "it was closed before")
            return
        order = ClosePosition(
            held.ticket, held.symbol, Side.BUY, held.volume_lots, self._magic, comment_tag(self._magic)
        )
        outcome = await self._submit("order_send (close)", order)
        report.hold(
            step, "a position can be closed", isinstance(outcome, Executed), "Executed", _said(outcome)
        )
        began = time.monotonic()
        gone = await self._until(lambda: self._terminal.position(held.ticket), lambda found: found is None)
        report.hold(step, "it is not open any more", gone is None, "gone", "gone" if gone is None else "open")
        self._lag(step, "its end shows soon after the result", time.monotonic() - began)
        deals = await self._until(
            lambda: self._terminal.deals_of_position(position.identifier),
            lambda found: _volume(found, DealEntry.OUT) == _volume(found, DealEntry.IN),
        )
        report.equal(
            step,
            "closing deals add up to the opening ones",
            _volume(deals or (), DealEntry.IN),
            _volume(deals or (), DealEntry.OUT),
            "what was closed is believed from deals",
        )
        outcome = await self._submit("order_send (close)", order)
        report.hold(
            step,
            "closing it again does nothing",
            isinstance(outcome, NotDone),
            "POSITION_GONE",
            _said(outcome),
            "a repeated close must never open the other side",
        )

    # -- a pending order -------------------------------------------------------------------------------

    async def _pending(self, market: _Market) -> None:
        spec, step, report = market.spec, "pending order", self._report
        self._tell("placing, moving and cancelling a pending order")
        tick = await self._tick()
        assert tick.ask is not None
        price = round_price(tick.ask * (1 - _FAR), spec)
        order = PlacePending(
            spec.name,
            Side.BUY,
            PendingKind.LIMIT,
            spec.volume_min_lots,
            price,
            None,
            None,
            self._magic,
            comment_tag(self._magic),
        )
        outcome = await self._submit("order_send (pending)", order)
        placed = isinstance(outcome, Placed | Executed)
        report.hold(step, "a limit order can be placed", placed, "Placed", _said(outcome))
        if not placed:
            return
        found = await self._until(self._own_order, lambda one: one is not None)
        if found is None:
            report.hold(step, "it shows among the working orders", False, f"in {_SHOWN_SECONDS} s", "no")
            return
        report.equal(step, "it waits at its price", price, found.open_price)
        report.equal(step, "it carries our magic number", self._magic, found.magic, _TAG_ADVICE)
        lower = round_price(tick.ask * (1 - 2 * _FAR), spec)
        outcome = await self._submit(
            "order_send (move pending)", ModifyPending(found.ticket, spec.name, lower, None, None)
        )
        report.hold(
            step, "it can be moved", isinstance(outcome, Executed | Placed), "Executed", _said(outcome)
        )
        moved = await self._until(self._own_order, lambda one: one is not None and one.open_price == lower)
        report.equal(step, "the moved price shows", lower, None if moved is None else moved.open_price)
        outcome = await self._submit("order_send (cancel)", CancelPending(found.ticket, spec.name))
        report.hold(
            step, "it can be cancelled", isinstance(outcome, Executed | Placed), "Executed", _said(outcome)
        )
        gone = await self._until(self._own_order, lambda one: one is None)
        report.hold(step, "it waits no more", gone is None, "gone", "gone" if gone is None else "working")
        ended = await self._until(
            lambda: self._terminal.history_order(found.ticket), lambda one: one is not None
        )
        report.equal(
            step,
            "history says that it was cancelled",
            OrderState.CANCELED,
            None if ended is None else ended.state,
            "an order that is gone is explained from history",
        )

    # -- the other side --------------------------------------------------------------------------------

    async def _opposite(self, market: _Market) -> None:
        """On a hedging account two sides stand beside each other, and close each other."""
        step, report = "hedging", self._report
        if not self._account.margin_mode.is_hedging:
            report.skipped(step, "both sides stand beside each other", "this is a netting account")
            return
        self._tell("a position of each side, closed by each other")
        lots, spec = market.spec.volume_min_lots, market.spec
        for side in (Side.BUY, Side.SELL):
            order = OpenMarket(spec.name, side, lots, None, None, self._magic, comment_tag(self._magic))
            outcome = await self._submit("order_send (open)", order)
            opened = isinstance(outcome, Executed)
            if not report.hold(
                step, f"a {side.name.lower()} is executed", opened, "Executed", _said(outcome)
            ):
                return
        both = await self._until(self._own_positions, lambda found: len(found) == 2)
        seen = len(both or ())
        advice = "netting, not hedging" if seen < 2 else "what an earlier step opened still stood"
        report.equal(step, "both sides stand beside each other", 2, seen, advice)
        if both is None or len(both) != 2:
            return
        first, second = both
        outcome = await self._submit(
            "order_send (close by)",
            CloseBy(first.ticket, second.ticket, spec.name, self._magic, comment_tag(self._magic)),
        )
        report.hold(
            step, "they close each other", isinstance(outcome, Executed | Placed), "Executed", _said(outcome)
        )
        left = await self._until(self._own_positions, lambda found: not found)
        report.equal(step, "nothing is left of them", 0, len(left or ()))

    # -- small things ----------------------------------------------------------------------------------

    async def _clear(self) -> None:
        """Close and cancel whatever this run left."""
        try:
            for order in await self._terminal.orders():
                if order.magic == self._magic:
                    await self._submit("order_send (cancel)", CancelPending(order.ticket, order.symbol))
            for position in await self._own_positions():
                close = ClosePosition(
                    position.ticket,
                    position.symbol,
                    position.side,
                    position.volume_lots,
                    self._magic,
                    comment_tag(self._magic),
                )
                await self._submit("order_send (close)", close)
            left = await self._until(self._own_positions, lambda found: not found)
            tickets = ", ".join(f"#{position.ticket}" for position in left or ())
            self._report.hold(
                "clean up", "nothing of the test is left open", not left, "nothing", tickets or "nothing",
                "close it by hand",
            )  # fmt: skip
        except TerminalUnavailable as error:
            self._report.hold(
                "clean up",
                "nothing of the test is left open",
                False,
                "nothing",
                f"cannot be seen: {error.why}",
                f"look for positions and orders with magic number {self._magic} and close them by hand",
            )

    async def _submit(self, name: str, order: Order) -> Outcome:
        answer = await self._terminal.submit(order, gate=lambda: _OPEN_GATE)
        if answer.raw is not None:
            self._report.took(name, answer.call_seconds)
        return answer.outcome

    async def _timed(self, name: str, call: Awaitable[_T]) -> _T:
        began = time.monotonic()
        result = await call
        self._report.took(name, time.monotonic() - began)
        return result

    async def _until(
        self,
        look: Callable[[], Awaitable[_T]],
        wanted: Callable[[_T], bool],
        seconds: float = _SHOWN_SECONDS,
    ) -> _T:
        """Look again and again until it is as wanted; return what was seen last."""
        until = time.monotonic() + seconds
        while True:
            seen = await look()
            if wanted(seen) or time.monotonic() >= until:
                return seen
            await asyncio.sleep(_POLL_SECONDS)

    async def _tick(self) -> Tick:
        tick = await self._until(lambda: self._terminal.tick(self._symbol), _quoted, _QUOTE_SECONDS)
        if tick is None or tick.bid is None or tick.ask is None:
            raise TerminalUnavailable(f"there is no quote of {self._symbol} any more")
        return tick

    def _distance(self, spec: SymbolSpec, tick: Tick) -> Decimal:
        """Return a distance of levels that the market does not reach meanwhile: a percent of the price."""
        assert tick.bid is not None
        return max(minimum_distance(spec, tick) * 3, tick.bid / 100)

    async def _own_positions(self) -> list[Position]:
        return [one for one in await self._terminal.positions() if one.magic == self._magic]

    async def _own_position(self) -> Position | None:
        return next(iter(await self._own_positions()), None)

    async def _own_order(self) -> WorkingOrder | None:
        return next((one for one in await self._terminal.orders() if one.magic == self._magic), None)

    def _lag(self, step: str, what: str, seconds: float) -> None:
        self._report.hold(
            step,
            what,
            seconds <= _EXPECTED_LAG_SECONDS,
            f"within {_EXPECTED_LAG_SECONDS * 1000:.0f} ms",
            f"{seconds * 1000:.0f} ms",
            "trades appear later than the answer; the bridge waits for them, and is slower",
        )

    def _deal(self, step: str, deals: tuple[Deal, ...] | None, entry: DealEntry, lots: Decimal) -> None:
        report = self._report
        if not deals:
            report.hold(step, "the deal shows in history", False, f"in {_SHOWN_SECONDS} s", "no")
            return
        deal = deals[0]
        report.equal(step, "the deal's entry", entry, deal.entry)
        report.equal(step, "the deal's volume", lots, deal.volume_lots)
        report.equal(step, "the deal carries our magic number", self._magic, deal.magic, _TAG_ADVICE)


_TAG_ADVICE = "after a crash orders are found by their magic number: without it outcomes stay UNKNOWN"
_LEVELS_ADVICE = "levels do not arrive as sent: stops must be looked at by hand on this broker"


def _quoted(tick: Tick | None) -> bool:
    return tick is not None and tick.bid is not None and tick.ask is not None


def _volume(deals: tuple[Deal, ...], entry: DealEntry) -> Decimal:
    return sum((deal.volume_lots for deal in deals if deal.entry is entry), Decimal(0))


def _said(outcome: Outcome) -> str:
    if isinstance(outcome, NotDone):
        code = "" if outcome.retcode is None else f" ({outcome.retcode})"
        return f"{outcome.code}{code}: {outcome.words}"
    return type(outcome).__name__
