"""Files of past prices, as the emulated broker replays them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

# One tick of a symbol in so many milliseconds is kept.
SPACING_MS: Final = 1_000


class UnreadablePrices(Exception):  # noqa: N818 (it says what they are)
    """The file is none of prices; the message says where."""


@dataclass(frozen=True, slots=True)
class PastTick:
    """What a symbol cost at a moment."""

    time: datetime
    symbol: str
    bid: Decimal
    ask: Decimal


def read_ticks(
    lines: Iterable[str], symbols: Container[str], begin: datetime, end: datetime
) -> Iterator[PastTick]:
    """The ticks of the broker's `symbols` from `begin` to `end`, thinned. A line is `time,symbol,bid,ask`,
    the time in milliseconds since 1970 or RFC 3339 (UTC where no zone is given). Raises `UnreadablePrices`.
    """
    last: dict[str, datetime] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#") or (number == 1 and "symbol" in line.lower()):
            continue
        tick = _tick(line, number)
        if tick.symbol not in symbols or not begin <= tick.time <= end:
            continue
        before = last.get(tick.symbol)
        if before is not None and (tick.time - before).total_seconds() * 1000 < SPACING_MS:
            continue
        last[tick.symbol] = tick.time
        yield tick


def replay_line(tick: PastTick, begin: datetime) -> str:
    """A line of the emulator's own tick file: milliseconds from its start."""
    offset = round((tick.time - begin).total_seconds() * 1000)
    return f"{offset},{tick.symbol},{tick.bid},{tick.ask}"


def _tick(line: str, number: int) -> PastTick:
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != 4:
        raise UnreadablePrices(f"line {number}: time,symbol,bid,ask is needed, not {line.strip()[:60]!r}")
    try:
        bid, ask = Decimal(parts[2]), Decimal(parts[3])
        time = _time(parts[0])
    except (InvalidOperation, ValueError, OverflowError, OSError):
        raise UnreadablePrices(f"line {number}: {line.strip()[:60]!r} cannot be read") from None
    if not (bid.is_finite() and ask.is_finite() and 0 < bid <= ask):
        raise UnreadablePrices(f"line {number}: bid {bid} and ask {ask} are no prices")
    return PastTick(time, parts[1], bid, ask)


def _time(text: str) -> datetime:
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
