"""Market, limit or stop: where the live quote puts a signal's entry."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from signalos_server.domain.dealing.denial import Denial, deny
from signalos_server.domain.order_rules import Market
from signalos_server.domain.signals.model import EntryType
from signalos_server.domain.words import OrderType, Side


@dataclass(frozen=True, slots=True)
class Placement:
    """The order that an entry becomes; `price` None: at the market."""

    order_type: OrderType
    price: Decimal | None = None


def place(
    entry_type: EntryType,
    side: Side,
    entry: tuple[Decimal, Decimal] | None,
    market: Market,
    *,
    tolerance: Decimal = Decimal(0),
    filling_limits: bool = False,
) -> Placement | Denial:
    """Return one order for an entry: never several, and none scaled in.

    `auto` inside the zone, or within `tolerance` (a difference of prices) of it, is at the market; else one
    order at the near edge: a limit on the better side, a stop on the worse. `filling_limits` allows a limit
    that would fill at once.
    """
    if entry_type is EntryType.MARKET or entry is None:
        return Placement(OrderType.MARKET)
    now = market.opening(side)
    low, high = entry
    if entry_type is EntryType.AUTO:
        return _by_quote(side, low, high, now, tolerance)
    # The edge that the market comes to first.
    limit = high if side is Side.BUY else low
    stop = low if side is Side.BUY else high
    if entry_type is EntryType.LIMIT:
        fills = (limit - now) * side.sign >= 0
        if fills and not filling_limits:
            return deny(
                "LIMIT_WOULD_FILL", f"a limit at {limit} would fill at once at {now}", price=limit, market=now
            )
        return Placement(OrderType.LIMIT, limit)
    if (stop - now) * side.sign <= 0:
        return deny(
            "STOP_PASSED", f"the market at {now} has passed the stop order's {stop}", price=stop, market=now
        )
    return Placement(OrderType.STOP, stop)


def _by_quote(side: Side, low: Decimal, high: Decimal, now: Decimal, tolerance: Decimal) -> Placement:
    if low - tolerance <= now <= high + tolerance:
        return Placement(OrderType.MARKET)
    above = now > high
    edge = high if above else low
    # A buy waits for a market above to come down, a sell for one below to come up.
    better = above is (side is Side.BUY)
    return Placement(OrderType.LIMIT if better else OrderType.STOP, edge)


def check_drift(
    side: Side, entry: tuple[Decimal, Decimal] | None, stop_loss: Decimal, market: Market, share: Decimal
) -> Denial | None:
    """Return a denial where the market has run from the signal's entry: above `share` of the stop's distance.

    Only a drift for the worse counts: a price better than asked is no harm, unless it is beyond the stop.
    """
    now = market.opening(side)
    if (now - stop_loss) * side.sign <= 0:
        return deny(
            "STOP_PASSED_BY_MARKET", f"the market at {now} is beyond the stop loss {stop_loss}", market=now
        )
    if entry is None:
        return None
    asked = entry[1] if side is Side.BUY else entry[0]
    drift = (now - asked) * side.sign
    allowed = abs(asked - stop_loss) * share
    if drift > allowed:
        return deny("MAX_DRIFT", f"the market has run {drift} from {asked}", limit=allowed, current=drift)
    return None


def check_spread(stop_loss: Decimal, side: Side, market: Market, share: Decimal) -> Denial | None:
    """Return a denial where the spread eats more than `share` of the stop's distance."""
    spread = market.ask - market.bid
    allowed = abs(market.opening(side) - stop_loss) * share
    if spread > allowed:
        return deny(
            "MAX_SPREAD", f"the spread {spread} is wide against the stop", limit=allowed, current=spread
        )
    return None
