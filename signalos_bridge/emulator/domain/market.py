"""Quotes: a seeded walk or a replayed file, the record of ticks, and conversion between currencies."""

import heapq
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal

from signalos_bridge.emulator.domain import noise
from signalos_bridge.emulator.domain.codes import Side
from signalos_bridge.emulator.domain.server_time import ServerClock, is_open
from signalos_bridge.emulator.domain.symbols import SymbolSpec

CLOSED_RECHECK_MS = 10_000
TICKS_KEPT = 40_000
_PULL = 1 / 3000
"""Share of the distance to its anchor that a price goes back with each tick."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A price at which the market deals. `utc_ms` is when it came."""

    bid: Decimal
    ask: Decimal
    utc_ms: int

    def entry(self, side: Side) -> Decimal:
        """Return the price at which a deal in that direction is made."""
        return self.ask if side is Side.BUY else self.bid

    def exit(self, side: Side) -> Decimal:
        """Return the price at which a position of that direction is closed."""
        return self.bid if side is Side.BUY else self.ask


@dataclass(frozen=True, slots=True)
class ReplayTick:
    """One line of a tick file, at its time after the start of the replay."""

    offset_ms: int
    symbol: str
    bid: Decimal
    ask: Decimal


@dataclass(frozen=True, slots=True)
class SymbolCondition:
    """What an operator may change about a symbol while the broker runs."""

    closed: bool | None = None
    """None: as its hours say."""
    spread_factor: Decimal = Decimal(1)
    slippage_points: int = 0
    """How much worse than its quote a market order, a stop or a stop-out is dealt; limits never slip."""
    opening_gap_points: int = 0
    """How far from its last price the symbol opens, each time that its market has been closed."""


@dataclass(frozen=True, slots=True)
class PriceState:
    """Everything that the walk of one symbol needs to go on after a restart."""

    tick_number: int
    mid_points: int
    anchor_points: int
    next_tick_ms: int
    quote: Quote


@dataclass(slots=True)
class TickRecord:
    """The latest ticks of a symbol, in compact arrays.

    Sorted by `utc_ms`; `time_ms`, the broker's wall clock, shows one hour twice when summer ends.
    """

    utc_ms: "array[int]" = field(default_factory=lambda: array("q"))
    time_ms: "array[int]" = field(default_factory=lambda: array("q"))
    bid: "array[float]" = field(default_factory=lambda: array("d"))
    ask: "array[float]" = field(default_factory=lambda: array("d"))
    flags: "array[int]" = field(default_factory=lambda: array("L"))

    def first_since(self, utc_ms: int) -> int:
        """Return the index of the first tick that is not older."""
        return bisect_left(self.utc_ms, utc_ms)

    def add(self, utc_ms: int, broker_ms: int, bid: float, ask: float) -> None:
        changed = 6
        if self.time_ms:
            changed = (2 if self.bid[-1] != bid else 0) | (4 if self.ask[-1] != ask else 0)
        self.utc_ms.append(utc_ms)
        self.time_ms.append(broker_ms)
        self.bid.append(bid)
        self.ask.append(ask)
        self.flags.append(changed)
        if len(self.time_ms) > TICKS_KEPT * 2:
            for values in (self.utc_ms, self.time_ms, self.bid, self.ask, self.flags):
                del values[:TICKS_KEPT]


@dataclass(slots=True)
class SymbolMarket:
    """One symbol with its quote."""

    spec: SymbolSpec
    seed: int
    price: PriceState
    condition: SymbolCondition = SymbolCondition()
    ticks: TickRecord = field(default_factory=TickRecord)
    replayed: bool = False
    shut: bool = False
    """Its market was closed when it was last to tick."""
    day: int = -1
    day_open: float = 0.0
    day_high_bid: float = 0.0
    day_low_bid: float = 0.0
    day_high_ask: float = 0.0
    day_low_ask: float = 0.0

    @property
    def quote(self) -> Quote:
        return self.price.quote


@dataclass(slots=True)
class MarketRules:
    """How the market behaves as a whole."""

    seed: int = 1
    tick_interval_ms: int = 500
    """Mean time between two ticks of a symbol; 0 means that no price moves by itself."""
    swing_factor: Decimal = Decimal(1)
    always_open: bool = True
    """Symbols trade around the clock; otherwise in their hours."""
    suffix: str = ""


class Market:
    """All symbols. Told the time, it yields the ticks that came until then, in their order."""

    def __init__(
        self, specs: Iterable[SymbolSpec], rules: MarketRules, clock: ServerClock, utc_ms: int
    ) -> None:
        self.rules = rules
        self.clock = clock
        self.utc_ms = utc_ms
        self.start_ms = utc_ms
        self.symbols: dict[str, SymbolMarket] = {}
        self._due: list[tuple[int, str]] = []
        self._replay: list[ReplayTick] = []
        self._replay_at = 0
        for spec in specs:
            seed = noise.seed_of(rules.seed, spec.name.removesuffix(rules.suffix))
            mid = noise.past_mid_points(spec, seed, utc_ms)
            quote = _quote_around(spec, mid, spec.spread_points, utc_ms)
            state = PriceState(0, mid, mid, utc_ms, quote)
            symbol = self.symbols[spec.name] = SymbolMarket(spec, seed, state)
            self._note_tick(symbol)
            self._schedule(symbol, utc_ms)

    def replay(self, ticks: Iterable[ReplayTick]) -> None:
        """Let the symbols in `ticks` move by them alone, from now on."""
        self._replay = sorted(ticks, key=lambda tick: tick.offset_ms)
        self._replay_at = 0
        for tick in self._replay:
            self.symbols[tick.symbol].replayed = True

    def resume(self, name: str, state: PriceState) -> None:
        """Take over a price that was recorded before a restart; `resume_at` must follow."""
        symbol = self.symbols[name]
        symbol.price = state
        self._note_tick(symbol)

    def resume_at(self, utc_ms: int) -> None:
        """Go on at the moment at which the records end."""
        self.utc_ms = max(self.utc_ms, utc_ms)
        self._due = []
        if not self.rules.tick_interval_ms:
            return
        for name, symbol in self.symbols.items():
            at = symbol.price.next_tick_ms
            if at <= self.utc_ms:
                # Its market was closed: go on with the times at which it was looked at again.
                at += ((self.utc_ms - at) // CLOSED_RECHECK_MS + 1) * CLOSED_RECHECK_MS
            self._due.append((at, name))
        heapq.heapify(self._due)

    def advance(self, utc_ms: int, *, longest_gap_ms: int | None = None) -> Iterator[str]:
        """Yield the name of a symbol after each of its ticks until `utc_ms`.

        Ticks missed for longer than `longest_gap_ms` (a suspended process) are left out: prices jump.
        """
        if longest_gap_ms is not None and utc_ms - self.utc_ms > longest_gap_ms:
            self._skip_to(utc_ms)
        while True:
            walk_at = self._due[0][0] if self._due else None
            replay_at = self._next_replay_ms()
            if walk_at is not None and walk_at <= utc_ms and (replay_at is None or walk_at <= replay_at):
                at, name = heapq.heappop(self._due)
                symbol = self.symbols[name]
                self.utc_ms = max(self.utc_ms, at)
                moved = self._walk(symbol, at)
                if moved:
                    yield name
            elif replay_at is not None and replay_at <= utc_ms:
                tick = self._replay[self._replay_at]
                self._replay_at += 1
                self.utc_ms = max(self.utc_ms, replay_at)
                self.put(tick.symbol, tick.bid, tick.ask, replay_at)
                yield tick.symbol
            else:
                break
        self.utc_ms = max(self.utc_ms, utc_ms)

    def put(self, name: str, bid: Decimal, ask: Decimal, utc_ms: int) -> None:
        """Make that the symbol's quote; its walk goes on from there."""
        symbol = self.symbols[name]
        mid = int((bid + ask).scaleb(symbol.spec.digits) / 2)
        symbol.price = replace(
            symbol.price,
            tick_number=symbol.price.tick_number + 1,
            mid_points=mid,
            anchor_points=mid,
            quote=Quote(bid, ask, utc_ms),
        )
        self._note_tick(symbol)

    def is_open(self, name: str, utc_ms: int) -> bool:
        symbol = self.symbols[name]
        if symbol.condition.closed is not None:
            return not symbol.condition.closed
        return self.rules.always_open or is_open(symbol.spec.hours, self.clock.broker_ms(utc_ms))

    def rate(self, source: str, target: str, *, selling: bool) -> Decimal:
        """Return what one unit of `source` is in `target`, when it is sold (or else bought)."""
        if source == target:
            return Decimal(1)
        direct = self._pair_rate(source, target, selling)
        if direct is not None:
            return direct
        to_dollar = self._pair_rate(source, "USD", selling)
        from_dollar = self._pair_rate("USD", target, selling)
        if to_dollar is None or from_dollar is None:
            raise LookupError(f"no symbol converts {source} into {target}")
        return to_dollar * from_dollar

    def _pair_rate(self, source: str, target: str, selling: bool) -> Decimal | None:
        symbol = self.symbols.get(f"{source}{target}{self.rules.suffix}")
        if symbol is not None:
            return symbol.quote.bid if selling else symbol.quote.ask
        symbol = self.symbols.get(f"{target}{source}{self.rules.suffix}")
        if symbol is not None:
            return 1 / (symbol.quote.ask if selling else symbol.quote.bid)
        return None

    def _walk(self, symbol: SymbolMarket, at: int) -> bool:
        if symbol.replayed:
            return False
        if not self.is_open(symbol.spec.name, at):
            heapq.heappush(self._due, (at + CLOSED_RECHECK_MS, symbol.spec.name))
            symbol.shut = True
            return False
        price = symbol.price
        if symbol.shut:
            symbol.shut = False
            gap = symbol.condition.opening_gap_points
            price = replace(price, mid_points=price.mid_points + gap, anchor_points=price.anchor_points + gap)
        number = price.tick_number + 1
        draw = noise.mix(symbol.seed ^ noise.mix(number))
        pull = (price.anchor_points - price.mid_points) * _PULL
        swing = float(symbol.spec.swing_points * self.rules.swing_factor)
        mid = max(1, price.mid_points + round(noise.bell(draw) * swing + pull))
        jitter = draw >> 13 & 3
        spread = symbol.spec.spread_points + (jitter if symbol.spec.spread_points > 5 else 0)
        wide = max(1, int(spread * symbol.condition.spread_factor))
        quote = _quote_around(symbol.spec, mid, wide, at)
        symbol.price = PriceState(number, mid, price.anchor_points, at, quote)
        self._note_tick(symbol)
        self._schedule(symbol, at)
        return True

    def _schedule(self, symbol: SymbolMarket, after_ms: int) -> None:
        mean = self.rules.tick_interval_ms
        if mean == 0:
            return
        draw = noise.mix(symbol.seed + symbol.price.tick_number * 7919) % 1000
        at = after_ms + max(1, mean * (400 + draw * 12 // 10) // 1000)
        symbol.price = replace(symbol.price, next_tick_ms=at)
        heapq.heappush(self._due, (at, symbol.spec.name))

    def _skip_to(self, utc_ms: int) -> None:
        self._due = [(max(at, utc_ms - 1), name) for at, name in self._due]
        heapq.heapify(self._due)

    def _next_replay_ms(self) -> int | None:
        if self._replay_at >= len(self._replay):
            return None
        return self.start_ms + self._replay[self._replay_at].offset_ms

    def _note_tick(self, symbol: SymbolMarket) -> None:
        quote = symbol.price.quote
        broker_ms = self.clock.broker_ms(quote.utc_ms)
        bid, ask = float(quote.bid), float(quote.ask)
        symbol.ticks.add(quote.utc_ms, broker_ms, bid, ask)
        day = broker_ms // 86_400_000
        if day != symbol.day:
            symbol.day, symbol.day_open = day, bid
            symbol.day_high_bid = symbol.day_low_bid = bid
            symbol.day_high_ask = symbol.day_low_ask = ask
        else:
            symbol.day_high_bid = max(symbol.day_high_bid, bid)
            symbol.day_low_bid = min(symbol.day_low_bid, bid)
            symbol.day_high_ask = max(symbol.day_high_ask, ask)
            symbol.day_low_ask = min(symbol.day_low_ask, ask)


def _quote_around(spec: SymbolSpec, mid_points: int, spread_points: int, utc_ms: int) -> Quote:
    size = spec.tick_size_points
    bid_points = max(size, (mid_points - spread_points // 2) // size * size)
    ask_points = bid_points + max(size, spread_points // size * size)
    return Quote(Decimal(bid_points).scaleb(-spec.digits), Decimal(ask_points).scaleb(-spec.digits), utc_ms)


def is_multiple(value: Decimal, unit: Decimal) -> bool:
    return value % unit == 0


def round_money(value: Decimal, digits: int) -> Decimal:
    """Round to the currency's digits, halves away from zero."""
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
