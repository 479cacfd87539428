"""Whether an order, a level, a volume or a distance fits a symbol's rules, with the numbers where not.

The market is a quote that is fresh enough to judge by, or None: then only what needs no quote is checked,
and the bridge, which sees the live quote, has the last word.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from signalos_server.domain.actions import Open
from signalos_server.domain.errors import OutOfRange
from signalos_server.domain.records import SymbolSpec, TrailingStop
from signalos_server.domain.words import DistanceUnit, OrderType, Side, SymbolTradeMode

# A trailing stop further away than this share of the price is a mistake of units.
_WIDEST_TRAILING = Decimal("0.20")


@dataclass(frozen=True, slots=True)
class Market:
    """A fresh quote."""

    bid: Decimal
    ask: Decimal

    def opening(self, side: Side) -> Decimal:
        """Return the price at which a position opens."""
        return self.ask if side is Side.BUY else self.bid

    def closing(self, side: Side) -> Decimal:
        """Return the price at which a position closes."""
        return self.bid if side is Side.BUY else self.ask


@dataclass(frozen=True, slots=True)
class Hides:
    """Which levels the broker does not see: those may be nearer to the market than it allows."""

    stop_loss: bool = False
    take_profit: bool = False


SHOWN = Hides()


def _refuse(field: str, value: Decimal, why: str, **bounds: Decimal) -> OutOfRange:
    numbers = {name: format(bound, "f") for name, bound in bounds.items()}
    return OutOfRange(f"{field} {value} {why}", {"field": field, "value": format(value, "f"), **numbers})


def check_volume(spec: SymbolSpec, volume_lots: Decimal, field: str = "volumeLots") -> None:
    """Raise `OutOfRange` where a volume is not one that the symbol takes."""
    bounds = {
        "minimum": spec.volume_minimum_lots,
        "maximum": spec.volume_maximum_lots,
        "step": spec.volume_step_lots,
    }
    if not spec.volume_minimum_lots <= volume_lots <= spec.volume_maximum_lots:
        raise _refuse(
            field,
            volume_lots,
            f"is not from {spec.volume_minimum_lots} to {spec.volume_maximum_lots} lots",
            **bounds,
        )
    if spec.volume_step_lots > 0 and volume_lots % spec.volume_step_lots != 0:
        raise _refuse(field, volume_lots, f"is not a multiple of {spec.volume_step_lots}", **bounds)


def check_price(spec: SymbolSpec, price: Decimal, field: str) -> None:
    """Raise `OutOfRange` where a price is finer than the symbol's ticks."""
    tick = spec.tick_size or spec.point
    if tick > 0 and price % tick != 0:
        raise _refuse(field, price, f"is not a multiple of the tick size {tick}", step=tick)


def check_open(spec: SymbolSpec, action: Open, market: Market | None, hides: Hides = SHOWN) -> None:
    """Raise `OutOfRange` where an order cannot be one that the broker takes."""
    _check_trade_mode(spec, action.side)
    if action.volume_lots is not None:
        check_volume(spec, action.volume_lots)
    if action.price is not None:
        check_pending_price(spec, action.side, action.order_type, action.price, market)
    reference = action.price
    if reference is None and market is not None:
        reference = market.closing(action.side)
    check_levels(spec, action.side, reference, action.stop_loss, action.take_profits, hides)
    if action.price is None and action.stop_loss is None and action.risk is not None:
        raise OutOfRange("risk needs a stop loss to be counted to", {"field": "stopLoss"})


def _check_trade_mode(spec: SymbolSpec, side: Side) -> None:
    allowed = {
        SymbolTradeMode.DISABLED: (),
        SymbolTradeMode.CLOSE_ONLY: (),
        SymbolTradeMode.LONG_ONLY: (Side.BUY,),
        SymbolTradeMode.SHORT_ONLY: (Side.SELL,),
    }.get(spec.trade_mode, (Side.BUY, Side.SELL))
    if side not in allowed:
        raise OutOfRange(
            f"{spec.symbol} does not take this side: its trade mode is {spec.trade_mode.name}",
            {"field": "side", "value": side.name},
        )


def check_pending_price(
    spec: SymbolSpec, side: Side, order_type: OrderType, price: Decimal, market: Market | None
) -> None:
    """Raise `OutOfRange` where a pending order at this price would not wait, or is too near the market."""
    check_price(spec, price, "price")
    if market is None:
        return
    now = market.opening(side)
    distance = spec.stops_level_points * spec.point
    # A buy limit and a sell stop wait below the market, the other two above.
    below = (order_type is OrderType.LIMIT) is (side is Side.BUY)
    if (below and price > now - distance) or (below and price >= now):
        raise _refuse("price", price, f"has to be below {now - distance}", maximum=now - distance)
    if not below and (price < now + distance or price <= now):
        raise _refuse("price", price, f"has to be above {now + distance}", minimum=now + distance)


def check_levels(
    spec: SymbolSpec,
    side: Side,
    reference: Decimal | None,
    stop_loss: Decimal | None,
    take_profits: tuple[Decimal, ...],
    hides: Hides = SHOWN,
) -> None:
    """Raise `OutOfRange` where a level is on the wrong side of the reference, or too near to it.

    A hidden level only has to be on its side.

    Without a reference only the two are held against each other.
    """
    levels = [("stopLoss", stop_loss, -side.sign)] if stop_loss is not None else []
    levels += [("takeProfit", price, side.sign) for price in take_profits]
    for field, price, direction in levels:
        assert price is not None
        check_price(spec, price, field)
        if reference is not None:
            hidden = hides.stop_loss if field == "stopLoss" else hides.take_profit
            least = Decimal(0) if hidden else spec.stops_level_points * spec.point
            _check_distance(spec, field, price, direction, reference, least)
    for price in take_profits:
        if stop_loss is not None and (price - stop_loss) * side.sign <= 0:
            raise _refuse("takeProfit", price, f"is on the wrong side of the stop loss {stop_loss}")


def _check_distance(
    spec: SymbolSpec, field: str, price: Decimal, direction: int, reference: Decimal, distance: Decimal
) -> None:
    away = (price - reference) * direction
    if away > 0 and away >= distance:
        return
    bound = reference + direction * distance
    word, name = ("above", "minimum") if direction > 0 else ("below", "maximum")
    why = f"has to be {word} {bound}"
    if away > 0:
        points = (away / spec.point).normalize()
        why += (
            f": it is {points:f} points from {reference}; the broker's minimum is {spec.stops_level_points}"
        )
    else:
        why += f": the market is at {reference}"
    raise _refuse(field, price, why, **{name: bound})


def part_of(spec: SymbolSpec, open_lots: Decimal, fraction: Decimal) -> Decimal:
    """Return a fraction of a volume, rounded down to the volume step."""
    step = spec.volume_step_lots
    share = open_lots * fraction
    return share if step <= 0 else (share / step).to_integral_value(ROUND_DOWN) * step


def check_part(spec: SymbolSpec, open_lots: Decimal, part_lots: Decimal, field: str) -> None:
    """Raise `OutOfRange` where a partial close leaves or makes a part below the minimum lot."""
    rest = open_lots - part_lots
    minimum = spec.volume_minimum_lots
    if part_lots < minimum or rest < minimum:
        if rest < 0:
            why = f"{part_lots} lots are more than the {open_lots} that are open"
        elif rest == 0:
            why = f"{part_lots} lots are all that is open: close the trade instead"
        elif part_lots <= 0:
            why = f"this part of {open_lots} lots is less than the smallest lot, {minimum}"
        else:
            why = f"closing {part_lots} of {open_lots} lots leaves {rest}: both have to be at least {minimum}"
        most = open_lots - minimum
        if most >= minimum:
            why += f"; a part is from {minimum} to {most} lots"
        elif rest != 0:
            why += "; the trade is too small for parts: close the whole"
        raise OutOfRange(
            why,
            {
                "field": field,
                "value": format(part_lots, "f"),
                "minimum": format(minimum, "f"),
                "maximum": format(max(most, Decimal(0)), "f"),
                "step": format(spec.volume_step_lots, "f"),
            },
        )


def distance_in_price(spec: SymbolSpec, distance: Decimal, unit: DistanceUnit) -> Decimal:
    """Return a distance as a difference of prices."""
    return distance * _in_price(spec, unit)


def _in_price(spec: SymbolSpec, unit: DistanceUnit) -> Decimal:
    if unit is DistanceUnit.PRICE:
        return Decimal(1)
    if unit is DistanceUnit.POINTS:
        return spec.point
    return spec.point * (10 if spec.digits in (3, 5) else 1)


def check_trailing(spec: SymbolSpec, trailing: TrailingStop, price: Decimal, hides: Hides = SHOWN) -> None:
    """Raise `OutOfRange` where a trailing stop is nearer than the stops level or absurdly far.

    A hidden one may be as near as a tick. The numbers of the refusal are in the unit of the distance.
    """
    distance = distance_in_price(spec, trailing.distance, trailing.unit)
    level = Decimal(0) if hides.stop_loss else spec.stops_level_points * spec.point
    tick = spec.tick_size or spec.point
    least, most = max(level, tick), price * _WIDEST_TRAILING
    if least <= distance <= most:
        return
    each = _in_price(spec, trailing.unit)
    asked, minimum, maximum = _plain(trailing.distance), _plain(least / each), _plain(most / each)
    unit = trailing.unit.name
    hint = "; a distance in POINTS or PIPS needs its unit" if trailing.unit is DistanceUnit.PRICE else ""
    bound = "the broker's minimum" if level >= tick else "one tick"
    raise OutOfRange(
        f"a distance of {asked} (unit {unit}) is not from {minimum} ({bound}) to {maximum}"
        f" (20 % of the price){hint}",
        {"field": "distance", "value": asked, "unit": unit, "minimum": minimum, "maximum": maximum},
    )


def _plain(number: Decimal) -> str:
    return format(number.normalize(), "f")
