"""What the terminal showed last: the watcher fills it, everybody reads it without waiting."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_CEILING, Decimal

from signalos_bridge.clock import Clock
from signalos_bridge.domain.market import (
    AccountSnapshot,
    Deal,
    DealEntry,
    Position,
    Side,
    SymbolSpec,
    TerminalStatus,
    Tick,
    WorkingOrder,
)
from signalos_bridge.domain.normalise import minimum_distance, points
from signalos_bridge.domain.stealth import Money, loss_at_stop
from signalos_bridge.terminal.port import Terminal

_SPEC_SECONDS = 30.0
# Quotes stamp the broker's time; a search begins this much before the newest one.
_SEARCH_MARGIN_MSC = 10 * 60 * 1000
# Broker time is at most this far behind UTC.
_LARGEST_OFFSET_MSC = 16 * 3600 * 1000
_USUAL_DIGITS = 2
_LEARNT_SECONDS = 3600.0
_FURTHER = Decimal("1.5")
_MOST_OF_PRICE = Decimal("0.01")


class TerminalView:
    """Positions, orders, account, quotes and symbol rules, as last told."""

    def __init__(self, terminal: Terminal, clock: Clock) -> None:
        self._terminal = terminal
        self._clock = clock
        self.positions: dict[int, Position] = {}
        self.orders: dict[int, WorkingOrder] = {}
        self.account: AccountSnapshot | None = None
        self.account_at: float | None = None
        self.ticks: dict[str, Tick] = {}
        self.tick_at: float | None = None
        self.unlinked_at: float | None = None
        self._specs: dict[str, tuple[float, SymbolSpec]] = {}
        # What refusals have taught, by symbol: points, and when.
        self._learnt: dict[str, tuple[int, float]] = {}
        self._commission: dict[str, tuple[Decimal, Decimal]] = {}

    @property
    def status(self) -> TerminalStatus:
        """Return the terminal's latest status."""
        return self._terminal.status

    @property
    def offset_seconds(self) -> int | None:
        """Return broker time minus UTC, None while unknown."""
        return self._terminal.status.utc_offset_seconds

    def broker_now_seconds(self, tick: Tick) -> int | None:
        """Return the broker's time about now; `tick` is a quote that was just read. None while unknown."""
        offset = self.offset_seconds
        if offset is not None:
            return self._clock.wall_msc() // 1000 + offset
        # The status is told when it changes, so that its newest time may be old.
        newest = max(tick.time_msc, self._terminal.status.broker_time_msc or 0)
        return newest // 1000 if newest > 0 else None

    @property
    def hedging(self) -> bool:
        """Return whether positions of one symbol stand beside each other."""
        return self.account is not None and self.account.margin_mode.is_hedging

    def search_from_msc(self) -> int:
        """Return a broker time that certainly lies before anything that is asked of the terminal now."""
        newest = self._terminal.status.broker_time_msc
        earliest = self._clock.wall_msc() - _LARGEST_OFFSET_MSC
        # A stale quote (over a weekend) lies far back, which is safe, and slow only.
        return earliest if newest is None else newest - _SEARCH_MARGIN_MSC

    def cached_spec(self, symbol: str) -> SymbolSpec | None:
        """Return a symbol's rules if they were read a moment ago."""
        held = self._specs.get(symbol)
        if held is None or self._clock.awake_seconds() - held[0] > _SPEC_SECONDS:
            return None
        return self._with_learnt(held[1])

    def last_spec(self, symbol: str) -> SymbolSpec | None:
        """Return a symbol's rules as last read, however long ago."""
        held = self._specs.get(symbol)
        return self._with_learnt(held[1]) if held is not None else None

    async def spec(self, symbol: str, *, fresh: bool = False) -> SymbolSpec | None:
        """Return a symbol's rules; None: there is no such symbol. Raises `TerminalUnavailable`."""
        if not fresh and (held := self.cached_spec(symbol)) is not None:
            return held
        spec = await self._terminal.symbol(symbol)
        if spec is not None:
            self._specs[symbol] = (self._clock.awake_seconds(), spec)
            return self._with_learnt(spec)
        return None

    def _with_learnt(self, spec: SymbolSpec) -> SymbolSpec:
        learnt = self._learnt.get(spec.name)
        if learnt is None:
            return spec
        points, at = learnt
        if self._clock.awake_seconds() - at > _LEARNT_SECONDS:
            del self._learnt[spec.name]
            return spec
        return replace(spec, learnt_points=points)

    def learn_distance(
        self, spec: SymbolSpec, tick: Tick, side: Side, stop: Decimal | None, target: Decimal | None
    ) -> int:
        """Learn from levels that the broker refused at about this quote; return the points learnt, 0: none.

        Only what was far enough by what is known teaches anything. It is forgotten after an hour, since a
        distance that floats comes back, and never more than a hundredth of the price.
        """
        market = tick.closing_price(side)
        if market is None:
            return 0
        away = [(market - stop) * side.value] if stop is not None else []
        if target is not None:
            away.append((target - market) * side.value)
        nearest = min(away, default=None)
        if nearest is None or nearest < minimum_distance(spec, tick):
            return 0
        further = max(points(nearest, spec) * _FURTHER, points(nearest, spec) + 1)
        most = points(market * _MOST_OF_PRICE, spec)
        learnt = int(min(further, most).to_integral_value(ROUND_CEILING))
        if learnt <= spec.learnt_points:
            return 0
        self._learnt[spec.name] = (learnt, self._clock.awake_seconds())
        return learnt

    def money(
        self,
        spec: SymbolSpec,
        floor: Decimal | None,
        account: AccountSnapshot | None = None,
        *,
        apart: int = 0,
    ) -> Money:
        """Return what losses in a symbol are counted with; `floor`: the equity below which nothing may go.

        `account`: as it was just read; None: as last told. `apart`: the position or order whose own stop is
        to be found, which does not count against itself.
        """
        account = account or self.account
        equity = account.equity if account is not None else None
        headroom = None
        if floor is not None:
            promised = self._promised(apart)
            # Not known is no headroom.
            headroom = Decimal(0)
            if equity is not None and promised is not None:
                headroom = max(equity - floor - promised, Decimal(0))
        return Money(equity, spec.tick_value_loss or spec.tick_value, headroom)

    def _promised(self, apart: int) -> Decimal | None:
        """Return what all positions and working orders but one would lose at the broker's stops.

        None: that cannot be counted.
        """
        total = Decimal(0)
        for position in self.positions.values():
            if position.identifier == apart:
                continue
            tick = self.ticks.get(position.symbol)
            price = position.current_price if tick is None else tick.closing_price(position.side)
            lost = loss_at_stop(
                position.side,
                position.volume_lots,
                price,
                position.stop_loss,
                self.last_spec(position.symbol),
            )
            if lost is None:
                return None
            total += lost
        for order in self.orders.values():
            side = order.type.side
            if order.ticket == apart or side is None:
                continue
            price = order.stop_limit_price or order.open_price
            lost = loss_at_stop(
                side, order.current_volume_lots, price, order.stop_loss, self.last_spec(order.symbol)
            )
            if lost is None:
                return None
            total += lost
        return total

    def learn_commission(self, deal: Deal) -> None:
        """Learn what a lot of a symbol costs for one way, from a deal.

        Brokers round a deal's commission, so that small deals tell little: what a larger one told stands
        until a deal does not fit it.
        """
        if not (deal.is_trade and deal.volume_lots > 0 and deal.entry in (DealEntry.IN, DealEntry.OUT)):
            return
        charged = max(-(deal.commission + deal.fee), Decimal(0))
        digits = self.account.currency_digits if self.account is not None else _USUAL_DIGITS
        lots, cost = self._commission.get(deal.symbol, (Decimal(0), Decimal(0)))
        fits = abs(cost * deal.volume_lots - charged) <= Decimal(1).scaleb(-digits)
        if not fits or deal.volume_lots > lots:
            self._commission[deal.symbol] = (deal.volume_lots, charged / deal.volume_lots)

    def commission_per_lot(self, symbol: str) -> Decimal:
        """Return what opening and closing a lot costs, as far as deals have shown."""
        return 2 * self._commission.get(symbol, (Decimal(0), Decimal(0)))[1]
