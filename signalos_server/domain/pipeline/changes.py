"""What an update asks of one trade or pending order that it means: pure, from levels to levels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from signalos_server.domain.actions import Modify, ModifyOrder, loosens
from signalos_server.domain.dealing.denial import Denial, deny
from signalos_server.domain.dealing.pips import pips_in_price
from signalos_server.domain.dealing.shape import to_tick
from signalos_server.domain.pipeline.reading import is_order
from signalos_server.domain.protection import ProtectionPlan, StepState
from signalos_server.domain.records import Order, SymbolSpec, Trade, TrailingStop
from signalos_server.domain.signals.model import Kind, Parse
from signalos_server.domain.words import DistanceUnit, Side

_HALF = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class CloseIt:
    """Close it; `fraction` None: all of it."""

    fraction: Decimal | None = None


@dataclass(frozen=True, slots=True)
class BreakEvenIt:
    """Move its stop to where leaving costs nothing."""


@dataclass(frozen=True, slots=True)
class MoveIt:
    """Set its levels."""

    levels: Modify
    loosens: bool = False


@dataclass(frozen=True, slots=True)
class TrailIt:
    """Let its stop follow."""

    trailing: TrailingStop


@dataclass(frozen=True, slots=True)
class ReplanIt:
    """Give its ladder other prices."""

    plan: ProtectionPlan


Wish = CloseIt | BreakEvenIt | MoveIt | TrailIt | ReplanIt


def wishes_for(update: Parse, trade: Trade, leg: int, spec: SymbolSpec) -> tuple[Wish, ...] | Denial:
    """Return what an update asks of an open trade; nothing where it is so already. `leg` counts from 1."""
    match update.kind:
        case Kind.CLOSE:
            return (CloseIt(),)
        case Kind.PARTIAL_CLOSE:
            share = _HALF if update.fraction is None else update.fraction
            return (CloseIt(None if share >= 1 else share),)
        case Kind.BREAKEVEN:
            return (BreakEvenIt(),)
        case Kind.MODIFY:
            return _moves(update, trade, leg, spec)
        case _:
            return ()


def _moves(update: Parse, trade: Trade, leg: int, spec: SymbolSpec) -> tuple[Wish, ...] | Denial:
    position = trade.position
    wishes: list[Wish] = []
    if update.trail_pips is not None:
        distance = to_tick(pips_in_price(spec, update.symbol, update.trail_pips), spec)
        wishes.append(TrailIt(TrailingStop(distance=distance, unit=DistanceUnit.PRICE)))
    stop = update.stop_loss
    if stop is None and update.stop_loss_pips is not None:
        away = pips_in_price(spec, update.symbol, update.stop_loss_pips)
        stop = position.open_price - position.side.sign * away
    stop = None if stop is None else to_tick(stop, spec)
    targets = _targets(update, position.open_price, position.side, spec)
    levels = Modify(position.identifier)
    if stop is not None and stop != trade.stop_loss:
        levels = replace(levels, set_stop_loss=True, stop_loss=stop)
    ladder = _ladder_of(trade)
    if targets and ladder is not None:
        planned = _replanned(update, ladder, targets)
        if isinstance(planned, Denial):
            return planned
        if planned != ladder:
            wishes.append(ReplanIt(planned))
    elif targets:
        target = _own_target(update, targets, leg)
        if target is not None and target != trade.take_profit:
            levels = replace(levels, set_take_profit=True, take_profit=target)
    if levels.set_stop_loss or levels.set_take_profit:
        looser = levels.set_stop_loss and loosens(position.side, trade.stop_loss, levels.stop_loss)
        wishes.append(MoveIt(levels, looser))
    return tuple(wishes)


def _targets(update: Parse, entry: Decimal, side: Side, spec: SymbolSpec) -> tuple[Decimal, ...]:
    prices = update.take_profits or tuple(
        entry + side.sign * pips_in_price(spec, update.symbol, pips) for pips in update.take_profit_pips
    )
    return tuple(to_tick(price, spec) for price in prices)


def _own_target(update: Parse, targets: tuple[Decimal, ...], leg: int) -> Decimal | None:
    """Return which of the targets is this leg's; None: none of them."""
    if update.take_profit_index is not None:
        return targets[0] if update.take_profit_index == leg else None
    if len(targets) == 1:
        return targets[0]
    return targets[min(leg, len(targets)) - 1]


def _ladder_of(trade: Trade) -> ProtectionPlan | None:
    """Return the targets of a ladder that are still ahead; None: there is no ladder."""
    kept = trade.position.protection
    ahead = [step.target for step in kept.steps if step.state is StepState.WAITING] if kept else []
    return ProtectionPlan(tuple(ahead)) if ahead else None


def _replanned(
    update: Parse, ladder: ProtectionPlan, targets: tuple[Decimal, ...]
) -> ProtectionPlan | Denial:
    """Return a ladder with other prices; its shares stay."""
    held = ladder.targets
    index = update.take_profit_index
    if index is not None:
        if not 1 <= index <= len(held):
            return deny("NO_SUCH_TARGET", f"target {index} is asked for, and {len(held)} are ahead")
        moved = (*held[: index - 1], replace(held[index - 1], price=targets[0]), *held[index:])
        return ProtectionPlan(moved)
    if len(targets) == len(held):
        return ProtectionPlan(
            tuple(replace(target, price=price) for target, price in zip(held, targets, strict=True))
        )
    if len(targets) == 1:
        # One target for all of it.
        share = sum((target.share for target in held), Decimal(0))
        return ProtectionPlan((replace(held[-1], price=targets[0], share=share),))
    return deny(
        "TARGETS_DIFFER", f"{len(targets)} targets are given, and {len(held)} are ahead", targets=len(targets)
    )


def change_of_order(update: Parse, order: Order, leg: int, spec: SymbolSpec) -> ModifyOrder | None:
    """Return what an update of levels asks of a pending order; None: nothing."""
    pending = order.pending
    stop = update.stop_loss
    if stop is None and update.stop_loss_pips is not None:
        away = pips_in_price(spec, update.symbol, update.stop_loss_pips)
        stop = pending.price - pending.side.sign * away
    stop = None if stop is None else to_tick(stop, spec)
    targets = _targets(update, pending.price, pending.side, spec)
    target = _own_target(update, targets, leg) if targets else None
    change = ModifyOrder(pending.ticket)
    if stop is not None and stop != pending.stop_loss:
        change = replace(change, set_stop_loss=True, stop_loss=stop)
    if target is not None and target != pending.take_profit:
        change = replace(change, set_take_profit=True, take_profit=target)
    return change if change.set_stop_loss or change.set_take_profit else None


def becomes_another(edit: Parse, symbol: str, side: Side) -> Denial | None:
    """Return why an edit of an order cannot be done to what came of it: another side or instrument."""
    if not is_order(edit):
        return None
    if edit.side is not None and edit.side is not side:
        text = f"the edit says {edit.side.name.lower()}, and it is a {side.name.lower()} that is open"
        return deny("EDIT_CHANGES_ORDER", text, side=side.name)
    if edit.symbol is not None and edit.symbol != symbol:
        text = f"the edit names {edit.symbol}, and {symbol} is open"
        return deny("EDIT_CHANGES_ORDER", text, symbol=symbol)
    return None
