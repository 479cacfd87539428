"""Fitting volumes and prices to a symbol's rules, and saying precisely why they do not fit.

Volumes are never enlarged and levels never loosened silently: what cannot be kept is refused with numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import Enum

from signalos_bridge.domain.market import Side, SymbolSpec, SymbolTradeMode, Tick
from signalos_bridge.domain.orders import PendingKind


class Rule(Enum):
    """The rules that a request can break."""

    VOLUME_BELOW_MINIMUM = "volume_below_minimum"
    VOLUME_ABOVE_MAXIMUM = "volume_above_maximum"
    VOLUME_OFF_STEP = "volume_off_step"
    REMAINDER_BELOW_MINIMUM = "remainder_below_minimum"
    VOLUME_ABOVE_POSITION = "volume_above_position"
    SYMBOL_DISABLED = "symbol_disabled"
    DIRECTION_NOT_ALLOWED = "direction_not_allowed"
    NO_QUOTE = "no_quote"
    WRONG_SIDE = "wrong_side"
    TOO_CLOSE = "too_close"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that a request breaks, with the numbers. `what` names the value (`stop loss`, `volume`)."""

    rule: Rule
    what: str
    value: Decimal | None
    limit: Decimal | None
    words: str


def round_to_grid(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    """Return the multiple of `step` next to `value` in the direction of `rounding`."""
    return (value / step).to_integral_value(rounding=rounding) * step


def volume_down(volume_lots: Decimal, spec: SymbolSpec) -> Decimal:
    """Return the largest multiple of the volume step that is not above `volume_lots`; may be zero."""
    return round_to_grid(volume_lots, spec.volume_step_lots, ROUND_DOWN)


def check_volume(volume_lots: Decimal, spec: SymbolSpec) -> Breach | None:
    """Return what is wrong with a volume to open."""
    if volume_lots < spec.volume_min_lots:
        return Breach(
            Rule.VOLUME_BELOW_MINIMUM,
            "volume",
            volume_lots,
            spec.volume_min_lots,
            f"volume {volume_lots} is below the minimum of {spec.volume_min_lots} lots of {spec.name}",
        )
    if volume_lots > spec.volume_max_lots:
        return Breach(
            Rule.VOLUME_ABOVE_MAXIMUM,
            "volume",
            volume_lots,
            spec.volume_max_lots,
            f"volume {volume_lots} is above the maximum of {spec.volume_max_lots} lots of {spec.name}",
        )
    if volume_down(volume_lots, spec) != volume_lots:
        return Breach(
            Rule.VOLUME_OFF_STEP,
            "volume",
            volume_lots,
            spec.volume_step_lots,
            f"volume {volume_lots} is not a multiple of the step of {spec.volume_step_lots} of {spec.name}",
        )
    return None


def check_close_volume(volume_lots: Decimal, position_lots: Decimal, spec: SymbolSpec) -> Breach | None:
    """Return what is wrong with closing `volume_lots` of a position. All of it may always be closed."""
    if volume_lots == position_lots:
        return None
    if volume_lots > position_lots:
        return Breach(
            Rule.VOLUME_ABOVE_POSITION,
            "volume",
            volume_lots,
            position_lots,
            f"volume {volume_lots} is more than the position's {position_lots} lots",
        )
    if breach := check_volume(volume_lots, spec):
        return breach
    rest = position_lots - volume_lots
    if rest < spec.volume_min_lots:
        return Breach(
            Rule.REMAINDER_BELOW_MINIMUM,
            "volume",
            rest,
            spec.volume_min_lots,
            f"closing {volume_lots} of {position_lots} lots would leave {rest}, "
            f"below the minimum of {spec.volume_min_lots}",
        )
    return None


def partial_close_volume(position_lots: Decimal, fraction: Decimal, spec: SymbolSpec) -> Decimal | Breach:
    """Return the volume that closes `fraction` (over 0, below 1) of a position, rounded down to the step."""
    if not (fraction.is_finite() and 0 < fraction < 1):
        raise ValueError(f"fraction {fraction} is not between 0 and 1")
    wanted = position_lots * fraction
    volume = volume_down(wanted, spec)
    if volume < spec.volume_min_lots:
        return Breach(
            Rule.VOLUME_BELOW_MINIMUM,
            "volume",
            volume,
            spec.volume_min_lots,
            f"{fraction * 100:f} % of {position_lots} lots is {volume} after rounding down to the step, "
            f"below the minimum of {spec.volume_min_lots}",
        )
    return check_close_volume(volume, position_lots, spec) or volume


def round_price(price: Decimal, spec: SymbolSpec) -> Decimal:
    """Return the nearest price that the symbol can have."""
    return _on_digits(round_to_grid(price, spec.tick_size, ROUND_HALF_EVEN), spec)


def round_stop_loss(price: Decimal, side: Side, spec: SymbolSpec) -> Decimal:
    """Return the next price of the symbol away from the market: down for a buy's stop, up for a sell's."""
    rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
    return _on_digits(round_to_grid(price, spec.tick_size, rounding), spec)


def round_take_profit(price: Decimal, side: Side, spec: SymbolSpec) -> Decimal:
    """Return the next price of the symbol away from the market: up for a buy's target, down for a sell's."""
    return round_stop_loss(price, side.opposite, spec)


def _on_digits(price: Decimal, spec: SymbolSpec) -> Decimal:
    return price.quantize(Decimal(1).scaleb(-spec.digits))


def points(distance: Decimal, spec: SymbolSpec) -> Decimal:
    """Return a price distance in the symbol's points."""
    return (distance / spec.point).normalize()


def minimum_distance(spec: SymbolSpec, tick: Tick) -> Decimal:
    """Return how far from the market a level must be, as a price distance.

    A stops level of 0 floats with the market: then it is twice the spread. What refusals have taught counts
    where it is more.
    """
    if spec.stops_level_points > 0:
        required = Decimal(spec.stops_level_points) * spec.point
    else:
        required = 2 * (tick.spread or Decimal(0))
    return max(required, Decimal(spec.learnt_points) * spec.point)


def check_stop_loss(price: Decimal, side: Side, spec: SymbolSpec, tick: Tick) -> Breach | None:
    """Return what is wrong with a stop loss of a position of this side at the current quote."""
    return _check_level("stop loss", price, side, -side.value, spec, tick)


def check_take_profit(price: Decimal, side: Side, spec: SymbolSpec, tick: Tick) -> Breach | None:
    """Return what is wrong with a take profit of a position of this side at the current quote."""
    return _check_level("take profit", price, side, side.value, spec, tick)


def check_frozen(level: Decimal | None, side: Side, spec: SymbolSpec, tick: Tick) -> Breach | None:
    """Return the breach when the market is so near a present level that the broker lets nobody touch it."""
    market = tick.closing_price(side)
    if level is None or market is None or spec.freeze_level_points == 0:
        return None
    distance = points(abs(market - level), spec)
    if distance > spec.freeze_level_points:
        return None
    return Breach(
        Rule.FROZEN,
        "level",
        level,
        Decimal(spec.freeze_level_points),
        f"{level} is {_plain(distance)} points from the market at {market}; "
        f"inside {spec.freeze_level_points} points the broker freezes it",
    )


def _check_level(
    what: str, price: Decimal, side: Side, direction: int, spec: SymbolSpec, tick: Tick
) -> Breach | None:
    market = tick.closing_price(side)
    if market is None:
        return _no_quote(what, spec)
    name = "bid" if side is Side.BUY else "ask"
    return _distance_breach(what, price, market, name, direction, minimum_distance(spec, tick), spec)


def check_pending_price(
    price: Decimal, side: Side, kind: PendingKind, spec: SymbolSpec, tick: Tick
) -> Breach | None:
    """Return what is wrong with a pending order's price. Limits wait on the better side, stops beyond."""
    market = tick.opening_price(side)
    if market is None:
        return _no_quote(f"{kind.value} price", spec)
    better = -side.value
    direction = better if kind is PendingKind.LIMIT else -better
    name = "ask" if side is Side.BUY else "bid"
    required = minimum_distance(spec, tick) if spec.stops_level_points else Decimal(0)
    return _distance_breach(
        f"{side.name.lower()} {kind.value.replace('_', ' ')} price",
        price,
        market,
        name,
        direction,
        required,
        spec,
    )


def check_pending_levels(
    price: Decimal,
    side: Side,
    stop_loss: Decimal | None,
    take_profit: Decimal | None,
    spec: SymbolSpec,
) -> Breach | None:
    """Return what is wrong with the levels of a pending order, which are measured from its own price."""
    required = Decimal(spec.stops_level_points) * spec.point
    for what, level, direction in (
        ("stop loss", stop_loss, -side.value),
        ("take profit", take_profit, side.value),
    ):
        if level is not None and (
            breach := _distance_breach(what, level, price, "the order's price", direction, required, spec)
        ):
            return breach
    return None


def check_tradable(side: Side, spec: SymbolSpec) -> Breach | None:
    """Return why the symbol does not allow opening in this direction."""
    mode = spec.trade_mode
    if mode is SymbolTradeMode.FULL:
        return None
    allowed = {SymbolTradeMode.LONG_ONLY: Side.BUY, SymbolTradeMode.SHORT_ONLY: Side.SELL}.get(mode)
    if allowed is side:
        return None
    if allowed is None:
        state = "only closing" if mode is SymbolTradeMode.CLOSE_ONLY else "no trading"
        return Breach(Rule.SYMBOL_DISABLED, "symbol", None, None, f"the broker allows {state} in {spec.name}")
    return Breach(
        Rule.DIRECTION_NOT_ALLOWED,
        "side",
        None,
        None,
        f"the broker allows only {'buying' if allowed is Side.BUY else 'selling'} in {spec.name}",
    )


def _no_quote(what: str, spec: SymbolSpec) -> Breach:
    return Breach(
        Rule.NO_QUOTE, what, None, None, f"there is no quote of {spec.name} to check the {what} against"
    )


def _distance_breach(
    what: str,
    price: Decimal,
    market: Decimal,
    market_name: str,
    direction: int,
    required: Decimal,
    spec: SymbolSpec,
) -> Breach | None:
    """Judge a price that must lie `required` beyond `market` in `direction` (1 above, -1 below)."""
    distance = (price - market) * direction
    if distance <= 0:
        where = "above" if direction > 0 else "below"
        return Breach(
            Rule.WRONG_SIDE, what, price, market, f"{what} {price} must be {where} {market_name} {market}"
        )
    if distance < required:
        return Breach(
            Rule.TOO_CLOSE,
            what,
            price,
            points(required, spec),
            f"{what} {price} is {_plain(points(distance, spec))} points from {market_name} {market}; "
            f"the broker's minimum is {_plain(points(required, spec))}",
        )
    return None


def _plain(number: Decimal) -> str:
    return f"{number:f}"
