"""From an action to its legs, before the first call: what is asked of the terminal, or why nothing is.

Each function is given what the terminal showed a moment ago and answers with an `Expansion` or a `Refusal`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from signalos_bridge.domain.command import POSITION_GONE, HiddenLevels, Leg
from signalos_bridge.domain.market import (
    ExpirationModes,
    OrderType,
    Position,
    Side,
    SymbolSpec,
    Tick,
    WorkingOrder,
)
from signalos_bridge.domain.normalise import (
    Breach,
    check_close_volume,
    check_frozen,
    check_pending_levels,
    check_pending_price,
    check_stop_loss,
    check_take_profit,
    check_tradable,
    check_volume,
    partial_close_volume,
    round_price,
    round_stop_loss,
    round_take_profit,
)
from signalos_bridge.domain.orders import (
    DEFAULT_DEVIATION_POINTS,
    CancelPending,
    ClosePosition,
    ModifyLevels,
    ModifyPending,
    OpenMarket,
    Order,
    PendingKind,
    PlacePending,
    loosens,
)
from signalos_bridge.domain.sizing import split_volume
from signalos_bridge.domain.tags import comment_tag, leg_magic
from signalos_bridge.domain.values import CloseAction, ModifyOrderAction, OpenAction, OpenKind, Refusal

_NOTHING = Decimal(0)
_PENDING_KINDS = {OpenKind.LIMIT: PendingKind.LIMIT, OpenKind.STOP: PendingKind.STOP}


@dataclass(frozen=True, slots=True)
class Tagger:
    """Gives the legs of one command their identities."""

    prefix: int
    command_id: str
    wish: str = ""

    def magic(self, index: int) -> int:
        """Return the magic number of a leg."""
        return leg_magic(self.prefix, self.command_id, index)

    def comment(self, index: int) -> str:
        """Return the comment of a leg's orders."""
        return comment_tag(self.magic(index), self.wish)


@dataclass(frozen=True, slots=True)
class Expansion:
    """The legs of a command, and what of them is otherwise than asked (empty: nothing)."""

    legs: tuple[Leg, ...]
    note: str = ""


def refusal_of(breach: Breach) -> Refusal:
    """Return a broken rule as a refusal: its name as the code, its numbers in the words."""
    return Refusal(breach.rule.name, breach.words)


def position_gone(identifier: int) -> Refusal:
    """Return the refusal of an action on a position that is not there."""
    return Refusal(POSITION_GONE, f"position {identifier} does not exist at the terminal")


@dataclass(frozen=True, slots=True)
class OutOfTurn(Refusal):
    """The refusal of a close on an account that closes the oldest position of a symbol first.

    `first` is the identifier of the position whose turn it is.
    """

    first: int = 0


def out_of_turn(position: Position, positions: Sequence[Position]) -> OutOfTurn | None:
    """Return the refusal of a close on an account that closes the oldest position of a symbol first."""
    first = _first_to_close(position.symbol, position.side, positions)
    if first is None or _age(first) >= _age(position):
        return None
    return OutOfTurn(
        "FIFO_CLOSE",
        f"this account closes the oldest position first: close {_told(first)} before #{position.ticket}",
        first.identifier,
    )


def turn_note(symbol: str, side: Side, positions: Sequence[Position]) -> str:
    """Return what an open is told on an account that closes the oldest position of a symbol first."""
    first = _first_to_close(symbol, side, positions)
    if first is None:
        return ""
    return f"this account closes the oldest position first: {_told(first)} has to be closed before this one"


def _first_to_close(symbol: str, side: Side, positions: Sequence[Position]) -> Position | None:
    same = (one for one in positions if (one.symbol, one.side) == (symbol, side))
    return min(same, key=_age, default=None)


def _age(position: Position) -> tuple[int, int]:
    return position.open_time_msc, position.ticket


def _told(position: Position) -> str:
    return f"#{position.ticket} ({position.side.name} {position.volume_lots:f} {position.symbol})"


@dataclass(frozen=True, slots=True)
class OpenFacts:
    """What an open is judged by. `disaster_stop` is set where its levels are to be hidden.

    `target_only`: its take profit is to be hidden, and its stop is not.
    """

    spec: SymbolSpec
    tick: Tick
    hedging: bool
    disaster_stop: Decimal | None = None
    target_only: bool = False
    broker_now_seconds: int | None = None


def expand_open(
    action: OpenAction, volume_lots: Decimal, tagger: Tagger, facts: OpenFacts
) -> Expansion | Refusal:
    """Return one leg for each take profit (one where there is none), all of one side and volume in sum."""
    spec, side = facts.spec, action.side
    if problem := check_tradable(side, spec) or check_volume(volume_lots, spec):
        return refusal_of(problem)
    targets = sorted(
        {round_take_profit(target, side, spec) for target in action.take_profits},
        reverse=side is Side.SELL,
    )
    if len(targets) > 1 and not facts.hedging:
        return Refusal(
            "HEDGING_REQUIRED",
            f"{len(targets)} take profits need as many positions, and this account keeps one for each symbol",
        )
    stop = None if action.stop_loss is None else round_stop_loss(action.stop_loss, side, spec)
    if misplaced := _check_open_levels(action, stop, targets, facts):
        return misplaced
    volumes = split_volume(volume_lots, max(1, len(targets)), spec)
    note = ""
    if len(targets) > len(volumes):
        note = (
            f"{volume_lots} lots are too few for {len(targets)} take profits: "
            f"{len(volumes)} orders, nearest targets first"
        )
    legs: list[Leg] = []
    for index, volume in enumerate(volumes):
        target = targets[index] if index < len(targets) else None
        order = _open_order(action, volume, stop, target, index, tagger, facts)
        if isinstance(order, Refusal):
            return order
        hidden = None
        if facts.disaster_stop is not None:
            hidden = HiddenLevels(stop, target)
        elif facts.target_only:
            hidden = HiddenLevels(None, target, target_only=True)
        legs.append(Leg(index, tagger.magic(index), order, volume, hidden=hidden))
    return Expansion(tuple(legs), note)


def _check_open_levels(
    action: OpenAction, stop: Decimal | None, targets: Sequence[Decimal], facts: OpenFacts
) -> Refusal | None:
    spec, tick, side = facts.spec, facts.tick, action.side
    hidden = facts.disaster_stop is not None
    problem: Breach | None = None
    if action.kind is not OpenKind.MARKET:
        if action.price is None:
            return Refusal("PRICE_MISSING", f"a {action.kind.value.lower()} order needs a price")
        price = round_price(action.price, spec)
        problem = check_pending_price(price, side, _PENDING_KINDS[action.kind], spec, tick)
        if problem is not None:
            return refusal_of(problem)
        shown = None if hidden else stop
        for target in (None,) if hidden or facts.target_only else targets or (None,):
            problem = problem or check_pending_levels(price, side, shown, target, spec)
        # Levels are measured from the order's own price.
        at = replace(tick, bid=price, ask=price)
        return refusal_of(problem) if problem else wrong_side(side, stop, targets, at)
    if tick.opening_price(side) is None or tick.closing_price(side) is None:
        return Refusal("NO_QUOTE", f"there is no quote of {spec.name}")
    if hidden:
        return wrong_side(side, stop, targets, tick)
    if stop is not None and facts.target_only:
        problem = check_stop_loss(stop, side, spec, tick)
        return refusal_of(problem) if problem else wrong_side(side, None, targets, tick)
    if stop is not None:
        problem = check_stop_loss(stop, side, spec, tick)
    for target in targets:
        problem = problem or check_take_profit(target, side, spec, tick)
    return refusal_of(problem) if problem else None


def wrong_side(side: Side, stop: Decimal | None, targets: Sequence[Decimal], tick: Tick) -> Refusal | None:
    """Hidden levels know no minimum distance; beyond the market they would trigger at once."""
    market = tick.closing_price(side)
    if market is None:
        return Refusal("NO_QUOTE", f"there is no quote of {tick.symbol}")
    name = "bid" if side is Side.BUY else "ask"
    for what, level, direction in (
        ("stop loss", stop, -side.value),
        *(("take profit", target, side.value) for target in targets),
    ):
        if level is not None and (level - market) * direction <= 0:
            where = "above" if direction > 0 else "below"
            return Refusal("WRONG_SIDE", f"{what} {level} must be {where} {name} {market}")
    return None


def _open_order(
    action: OpenAction,
    volume: Decimal,
    stop: Decimal | None,
    target: Decimal | None,
    index: int,
    tagger: Tagger,
    facts: OpenFacts,
) -> Order | Refusal:
    if facts.disaster_stop is not None:
        stop = facts.disaster_stop
    if facts.disaster_stop is not None or facts.target_only:
        target = None
    if action.kind is OpenKind.MARKET:
        deviation = action.deviation_points
        return OpenMarket(
            symbol=action.symbol,
            side=action.side,
            volume_lots=volume,
            stop_loss=stop,
            take_profit=target,
            magic=tagger.magic(index),
            comment=tagger.comment(index),
            deviation_points=DEFAULT_DEVIATION_POINTS if deviation is None else deviation,
        )
    assert action.price is not None
    expiration = None
    if action.expire_after_seconds is not None:
        if facts.broker_now_seconds is None:
            return Refusal("BROKER_TIME_UNKNOWN", "the broker's time is not known, so no expiry can be set")
        if not facts.spec.expiration_modes & ExpirationModes.SPECIFIED:
            return Refusal("EXPIRY_NOT_ALLOWED", f"the broker allows no expiry for orders in {action.symbol}")
        expiration = facts.broker_now_seconds + int(action.expire_after_seconds)
    return PlacePending(
        symbol=action.symbol,
        side=action.side,
        kind=_PENDING_KINDS[action.kind],
        volume_lots=volume,
        price=round_price(action.price, facts.spec),
        stop_loss=stop,
        take_profit=target,
        magic=tagger.magic(index),
        comment=tagger.comment(index),
        expiration_time_seconds=expiration,
    )


def expand_close(
    action: CloseAction, position: Position, spec: SymbolSpec, tagger: Tagger
) -> Expansion | Refusal:
    """Return the one leg that closes what was asked of the position as it is now."""
    volume = position.volume_lots
    if action.fraction is not None and action.fraction != 1:
        if not (action.fraction.is_finite() and 0 < action.fraction < 1):
            return Refusal("OUT_OF_RANGE", f"fraction {action.fraction} is not above 0 and at most 1")
        part = partial_close_volume(position.volume_lots, action.fraction, spec)
        if isinstance(part, Breach):
            return refusal_of(part)
        volume = part
    elif action.volume_lots is not None:
        if problem := check_close_volume(action.volume_lots, position.volume_lots, spec):
            return refusal_of(problem)
        volume = action.volume_lots
    return Expansion((close_leg(position, volume, 0, tagger),))


def expand_close_all(positions: Sequence[Position], tagger: Tagger, outside: int = 0) -> Expansion:
    """Return a leg for each position, oldest first (as accounts that close first in first out want it).

    `outside` positions stay, because they were opened outside and were not asked for; the note says so.
    """
    ordered = sorted(positions, key=lambda position: (position.open_time_msc, position.ticket))
    legs = tuple(
        close_leg(position, position.volume_lots, index, tagger) for index, position in enumerate(ordered)
    )
    notes = [] if legs else ["there was nothing to close"]
    if outside:
        notes.append(f"{outside} opened outside stay open: closing them has to be asked for (external)")
    return Expansion(legs, "; ".join(notes))


def close_leg(position: Position, volume: Decimal, index: int, tagger: Tagger) -> Leg:
    """Return a leg that closes so much of a position."""
    magic = tagger.magic(index)
    order = ClosePosition(
        position.ticket, position.symbol, position.side, volume, magic, tagger.comment(index)
    )
    return Leg(index, magic, order, volume, ticket=position.ticket, position_identifier=position.identifier)


def expand_levels(
    position: Position,
    stop: Decimal | None,
    target: Decimal | None,
    spec: SymbolSpec,
    tick: Tick,
    tagger: Tagger,
    *,
    effective_stop: Decimal | None,
    only_tighter: bool = False,
) -> Expansion | Refusal:
    """Return the leg that gives a position these levels at the broker (None: none).

    `effective_stop` is what counts now, hidden or visible: the leg is loosening where it gives that up.
    """
    if stop == position.stop_loss and target == position.take_profit:
        return Expansion((level_leg_without_call(position, tagger),), "the position has these levels already")
    problem: Breach | None = None
    # A market near either level freezes the position, and with it the other level.
    for held in (position.stop_loss, position.take_profit):
        problem = problem or check_frozen(held, position.side, spec, tick)
    if stop is not None and stop != position.stop_loss:
        problem = problem or check_stop_loss(stop, position.side, spec, tick)
    if target is not None and target != position.take_profit:
        problem = problem or check_take_profit(target, position.side, spec, tick)
    if problem is not None:
        return refusal_of(problem)
    leg = level_leg(position, stop, target, tagger, effective_stop=effective_stop, only_tighter=only_tighter)
    return Expansion((leg,))


def level_leg(
    position: Position,
    stop: Decimal | None,
    target: Decimal | None,
    tagger: Tagger,
    *,
    effective_stop: Decimal | None,
    only_tighter: bool = False,
) -> Leg:
    """Return a leg that writes both levels to the broker; see `ModifyLevels` for `only_tighter`."""
    magic = tagger.magic(0)
    order = ModifyLevels(
        ticket=position.ticket,
        symbol=position.symbol,
        stop_loss=stop,
        take_profit=target,
        loosening=loosens(position.side, effective_stop, stop),
        magic=magic,
        comment=tagger.comment(0),
        only_tighter=only_tighter,
    )
    return Leg(0, magic, order, _NOTHING, ticket=position.ticket, position_identifier=position.identifier)


def level_leg_without_call(position: Position, tagger: Tagger) -> Leg:
    """Return a leg for which the broker need not be asked."""
    return Leg(
        0,
        tagger.magic(0),
        None,
        _NOTHING,
        ticket=position.ticket,
        position_identifier=position.identifier,
    )


def expand_modify_order(
    action: ModifyOrderAction, order: WorkingOrder, spec: SymbolSpec, tick: Tick, tagger: Tagger
) -> Expansion | Refusal:
    """Return the leg that moves a pending order; what is not to be set stays."""
    side = order.type.side
    kind = _kind_of(order.type)
    if side is None or kind is None or order.open_price is None:
        return Refusal("ORDER_NOT_PENDING", f"order {order.ticket} is not a pending order")
    price = order.open_price if action.price is None else round_price(action.price, spec)
    stop, target = order.stop_loss, order.take_profit
    if action.set_stop_loss:
        stop = None if action.stop_loss is None else round_stop_loss(action.stop_loss, side, spec)
    if action.set_take_profit:
        target = None if action.take_profit is None else round_take_profit(action.take_profit, side, spec)
    magic = tagger.magic(0)
    if (price, stop, target) == (order.open_price, order.stop_loss, order.take_profit):
        same = Leg(0, magic, None, _NOTHING, ticket=order.ticket)
        return Expansion((same,), "the order stands like this already")
    problem = None
    if price != order.open_price:
        problem = check_pending_price(price, side, kind, spec, tick)
    if problem := problem or check_pending_levels(price, side, stop, target, spec):
        return refusal_of(problem)
    request = ModifyPending(
        ticket=order.ticket,
        symbol=order.symbol,
        price=price,
        stop_loss=stop,
        take_profit=target,
        stop_limit_price=order.stop_limit_price,
        expiration_time_seconds=order.expiration_time_seconds,
    )
    return Expansion((Leg(0, magic, request, _NOTHING, ticket=order.ticket),))


def expand_cancel_order(order: WorkingOrder, tagger: Tagger) -> Expansion:
    """Return the leg that removes a pending order."""
    request = CancelPending(order.ticket, order.symbol)
    return Expansion((Leg(0, tagger.magic(0), request, _NOTHING, ticket=order.ticket),))


def break_even_stop(
    position: Position, costs: Decimal, spec: SymbolSpec, tick: Tick, offset: Decimal = _NOTHING
) -> Decimal | Refusal:
    """Return the stop at which leaving costs nothing: the open price, plus spread, commission and swap.

    `costs` is what commission and swap took and will take, as a positive sum in the account's currency;
    `offset` is a difference of prices beyond. Rounded into profit.
    """
    worth = spec.tick_value / spec.tick_size * position.volume_lots if spec.tick_size else _NOTHING
    if worth <= 0:
        return Refusal("RISK_UNKNOWN", f"the worth of a tick of {spec.name} is not known")
    if tick.spread is None:
        return Refusal("NO_QUOTE", f"there is no quote of {spec.name}")
    distance = tick.spread + max(costs, _NOTHING) / worth + offset
    return round_take_profit(position.open_price + position.side.value * distance, position.side, spec)


def _kind_of(kind: OrderType) -> PendingKind | None:
    return {
        OrderType.BUY_LIMIT: PendingKind.LIMIT,
        OrderType.SELL_LIMIT: PendingKind.LIMIT,
        OrderType.BUY_STOP: PendingKind.STOP,
        OrderType.SELL_STOP: PendingKind.STOP,
        OrderType.BUY_STOP_LIMIT: PendingKind.STOP_LIMIT,
        OrderType.SELL_STOP_LIMIT: PendingKind.STOP_LIMIT,
    }.get(kind)
