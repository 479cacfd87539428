"""Bars of any timeframe: from the recorded ticks, and before them from the seeded past."""

from datetime import UTC, datetime

from signalos_bridge.emulator.domain import noise
from signalos_bridge.emulator.domain.market import Market, SymbolMarket
from signalos_bridge.emulator.domain.server_time import DAY_MS, MINUTE_MS, is_open
from signalos_bridge.emulator.errors import CallFailed, LastError

Bar = tuple[int, float, float, float, float, int, int, int]
"""time in broker seconds, open, high, low, close, tick volume, spread in points, real volume."""

MOST_BARS = 100_000
_HOURS_FLAG, _WEEKS_FLAG, _MONTHS_FLAG = 0x4000, 0x8000, 0xC000
_MINUTES = frozenset({1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30})
_HOURS = frozenset({1, 2, 3, 4, 6, 8, 12, 24})
_SAMPLES = 8
"""Points of the seeded past that make one bar's high and low."""


def bars_before(market: Market, symbol: SymbolMarket, timeframe: int, broker_s: int, count: int) -> list[Bar]:
    """Return up to `count` bars, oldest first, the last being the one in which `broker_s` lies."""
    if count <= 0:
        raise CallFailed(LastError.INVALID_PARAMS)
    count = min(count, MOST_BARS)
    now = market.clock.broker_ms(market.utc_ms)
    at = min(broker_s * 1000, now)
    start = _start(timeframe, at)
    bars: list[Bar] = []
    # Hours in which the symbol does not trade have no bars; a week is the longest such gap.
    oldest = at - 2 * (count + 1) * _approximate_length(timeframe) - 7 * DAY_MS
    while len(bars) < count and start > oldest:
        bar = _bar(market, symbol, start, _next_start(timeframe, start))
        if bar is not None:
            bars.append(bar)
        start = _start(timeframe, start - 1)
    bars.reverse()
    return bars


def bars_between(market: Market, symbol: SymbolMarket, timeframe: int, from_s: int, to_s: int) -> list[Bar]:
    """Return the bars that begin between the two broker times."""
    now = market.clock.broker_ms(market.utc_ms)
    end = min(to_s * 1000, now)
    start = _start(timeframe, from_s * 1000)
    if start < from_s * 1000:
        start = _next_start(timeframe, start)
    bars: list[Bar] = []
    while start <= end and len(bars) < MOST_BARS:
        bar = _bar(market, symbol, start, _next_start(timeframe, start))
        if bar is not None:
            bars.append(bar)
        start = _next_start(timeframe, start)
    return bars


def _bar(market: Market, symbol: SymbolMarket, start: int, end: int) -> Bar | None:
    """Return the bar of a span of broker time, or None if nothing traded in it."""
    ticks = symbol.ticks
    clock = market.clock
    first, behind = ticks.first_since(clock.utc_ms(start)), ticks.first_since(clock.utc_ms(end))
    recorded = ticks.bid[first:behind]
    begin_of_record = ticks.time_ms[0]
    past: list[float] = []
    if start < begin_of_record:
        if not _traded(market, symbol, start, end):
            return None
        step = max(1, (min(end, begin_of_record) - start) // _SAMPLES)
        scale = 10.0**-symbol.spec.digits
        past = [
            round(
                noise.past_mid_points(symbol.spec, symbol.seed, clock.utc_ms(at)) * scale,
                symbol.spec.digits,
            )
            for at in range(start, min(end, begin_of_record), step)
        ]
    prices = [*past, *recorded]
    if not prices:
        return None
    volume = len(recorded) + len(past) * 15
    return (
        start // 1000,
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        volume,
        symbol.spec.spread_points,
        0,
    )


def _traded(market: Market, symbol: SymbolMarket, start: int, end: int) -> bool:
    if market.rules.always_open:
        return True
    step = max(MINUTE_MS, (end - start) // 8)
    return any(is_open(symbol.spec.hours, at) for at in range(start, end, step))


def _approximate_length(timeframe: int) -> int:
    kind, number = timeframe & 0xC000, timeframe & 0x3FFF
    if kind == 0 and number in _MINUTES:
        return number * MINUTE_MS
    if kind == _HOURS_FLAG and number in _HOURS:
        return number * 60 * MINUTE_MS
    if (kind, number) == (_WEEKS_FLAG, 1):
        return 7 * DAY_MS
    if (kind, number) == (_MONTHS_FLAG, 1):
        return 31 * DAY_MS
    raise CallFailed(LastError.INVALID_PARAMS)


def _start(timeframe: int, broker_ms: int) -> int:
    """Return the beginning of the bar in which that time lies. Weeks begin on Sunday."""
    length = _approximate_length(timeframe)
    if timeframe == _MONTHS_FLAG | 1:
        return _month_start(broker_ms)
    if timeframe == _WEEKS_FLAG | 1:
        # 1970 began on a Thursday.
        shift = 4 * DAY_MS
        return (broker_ms + shift) // length * length - shift
    return broker_ms // length * length


def _next_start(timeframe: int, start: int) -> int:
    if timeframe == _MONTHS_FLAG | 1:
        return _month_start(start + 32 * DAY_MS)
    return start + _approximate_length(timeframe)


def _month_start(broker_ms: int) -> int:
    moment = datetime.fromtimestamp(broker_ms / 1000, UTC)
    return int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp() * 1000)
