"""What the terminal showed last: the watcher fills it, everybody reads it without waiting."""

from __future__ import annotations

from decimal import Decimal

from signalos_bridge.clock import Clock
from signalos_bridge.domain.market import (
    AccountSnapshot,
    Deal,
    DealEntry,
    Position,
    SymbolSpec,
    TerminalStatus,
    Tick,
    WorkingOrder,
)
from signalos_bridge.terminal.port import Terminal

_SPEC_SECONDS = 30.0
# Quotes stamp the broker's time; a search begins this much before the newest one.
_SEARCH_MARGIN_MSC = 10 * 60 * 1000
# Broker time is at most this far behind UTC.
_LARGEST_OFFSET_MSC = 16 * 3600 * 1000
_USUAL_DIGITS = 2


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
        return held[1]

    def last_spec(self, symbol: str) -> SymbolSpec | None:
        """Return a symbol's rules as last read, however long ago."""
        held = self._specs.get(symbol)
        return held[1] if held is not None else None

    async def spec(self, symbol: str, *, fresh: bool = False) -> SymbolSpec | None:
        """Return a symbol's rules; None: there is no such symbol. Raises `TerminalUnavailable`."""
        if not fresh and (held := self.cached_spec(symbol)) is not None:
            return held
        spec = await self._terminal.symbol(symbol)
        if spec is not None:
            self._specs[symbol] = (self._clock.awake_seconds(), spec)
        return spec

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
