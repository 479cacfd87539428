"""The shape of a signal's order: prices on ticks, targets as a ladder, and the worst case under stealth."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

from signalos_server.domain.dealing.denial import Denial
from signalos_server.domain.dealing.sizing import Leg, Sized, loss_per_lot
from signalos_server.domain.order_rules import Market
from signalos_server.domain.pipeline.words import LadderStopPlan
from signalos_server.domain.protection import LadderTarget, ProtectionPlan, StopMove
from signalos_server.domain.records import SymbolSpec
from signalos_server.domain.words import Side

# As the bridge sets its disaster stops; it counts once more with the live tick, and has the last word.
_DISASTER_MULTIPLE = 2
_SPREADS = 3
_BUFFER_POINTS = 10
_MILLIONTH = Decimal("0.000001")


def to_tick(price: Decimal, spec: SymbolSpec) -> Decimal:
    """Return the nearest price that the symbol has."""
    tick = spec.tick_size or spec.point
    return price if tick <= 0 else (price / tick).quantize(Decimal(1)) * tick


def ladder_of(legs: tuple[Leg, ...], stop_plan: LadderStopPlan) -> ProtectionPlan | None:
    """Return the legs as targets of one position; None: a plain order says all of it.

    Shares are of the whole volume, and add up to 1 where nothing runs open.
    """
    targets = [leg for leg in legs if leg.take_profit is not None]
    if not targets or len(legs) == 1:
        return None
    whole = sum((leg.volume_lots for leg in legs), Decimal(0))
    shares = [(leg.volume_lots / whole).quantize(_MILLIONTH, ROUND_DOWN) for leg in targets]
    if len(targets) == len(legs):
        shares[0] = 1 - sum(shares[1:], Decimal(0))
    return ProtectionPlan(
        tuple(
            LadderTarget(leg.take_profit, part, _stop_move(number, stop_plan))
            for number, (leg, part) in enumerate(zip(targets, shares, strict=True))
            if leg.take_profit is not None
        )
    )


def _stop_move(number: int, stop_plan: LadderStopPlan) -> StopMove:
    if stop_plan is LadderStopPlan.STAY:
        return StopMove.STAY
    if number == 0:
        return StopMove.BREAK_EVEN
    return StopMove.PREVIOUS_TARGET if stop_plan is LadderStopPlan.FOLLOW else StopMove.STAY


def disaster_loss(
    spec: SymbolSpec,
    side: Side,
    entry: Decimal,
    stop_loss: Decimal,
    market: Market,
    sized: Sized,
    *,
    hidden: bool,
) -> Decimal | None:
    """Return what is lost at the disaster stop, where levels are hidden; None: they are not."""
    if not hidden:
        return None
    # Where the position would be closed right after it is opened.
    closing = entry - side.sign * (market.ask - market.bid)
    distance = max(
        _DISASTER_MULTIPLE * abs(closing - stop_loss),
        (spec.stops_level_points + _BUFFER_POINTS) * spec.point,
        _SPREADS * (market.ask - market.bid),
    )
    per_lot = loss_per_lot(spec, entry, closing - side.sign * distance)
    if isinstance(per_lot, Denial):
        return None
    # Commission is in what the sizing counted for a lot, and is paid once either way.
    at_stop = loss_per_lot(spec, entry, stop_loss)
    commission = sized.loss_per_lot - at_stop if not isinstance(at_stop, Denial) else Decimal(0)
    return sized.volume_lots * (per_lot + commission)
