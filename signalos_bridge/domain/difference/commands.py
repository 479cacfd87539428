"""Commands whose outcome nobody knew: what was found of them, and what may be theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from signalos_bridge.domain.command import Leg
from signalos_bridge.domain.difference.words import lots_of, name_of, side_word
from signalos_bridge.domain.facts import SyncDifference
from signalos_bridge.domain.facts import SyncDifferenceKind as Kind
from signalos_bridge.domain.market import Position, Side
from signalos_bridge.domain.orders import (
    CancelPending,
    CloseBy,
    ClosePosition,
    ModifyLevels,
    ModifyPending,
    OpenMarket,
    Order,
    PlacePending,
)
from signalos_bridge.domain.values import CommandState

_EXECUTED = (CommandState.SUCCEEDED, CommandState.PARTIAL)


@dataclass(frozen=True, slots=True)
class Sought:
    """An open that the terminal was asked for and that nobody has found.

    An execution would lie between `since_msc` and `until_msc`, both broker time; None: not known in it.
    """

    command_id: str
    symbol: str
    side: Side
    volume_lots: Decimal
    since_msc: int | None
    until_msc: int | None


def resolved_command(command_id: str, state: CommandState, leg: Leg) -> SyncDifference:
    """Return what became of a command's leg of which nobody knew."""
    what = asked_of(leg.order)
    if state in _EXECUTED:
        words = f"{what}: nobody knew its outcome, and it was executed"
        if leg.filled_volume_lots and leg.price is not None:
            words += f", {lots_of(leg.filled_volume_lots)} lots at {leg.price}"
    else:
        words = f"{what}: nobody knew its outcome, and it was not executed"
        if leg.message:
            words += f"; {leg.message}"
    return SyncDifference(
        Kind.COMMAND_RESOLVED,
        words,
        position_identifier=leg.position_identifier,
        order_ticket=leg.order_ticket,
        symbol="" if leg.order is None else leg.order.symbol,
        command_id=command_id,
    )


def asked_of(order: Order | None) -> str:
    """Return what the terminal was asked to do."""
    match order:
        case OpenMarket():
            return f"{side_word(order.side)} {lots_of(order.volume_lots)} {order.symbol} at the market"
        case PlacePending():
            kind = f"{order.side.name} {order.kind.name.replace('_', ' ')}"
            return f"place {kind} {lots_of(order.volume_lots)} {order.symbol} at {order.price}"
        case ClosePosition():
            return f"close {lots_of(order.volume_lots)} of {order.side.name} {order.symbol} #{order.ticket}"
        case CloseBy():
            return f"close {order.symbol} #{order.ticket} against #{order.opposite_ticket}"
        case ModifyLevels():
            return f"move the levels of {order.symbol} #{order.ticket}"
        case ModifyPending():
            return f"change the order {order.symbol} #{order.ticket}"
        case CancelPending():
            return f"cancel the order {order.symbol} #{order.ticket}"
    return "a command"


def with_suggestions(
    differences: Sequence[SyncDifference],
    shown: Sequence[Position],
    sought: Sequence[Sought],
    missing: Sequence[Position],
) -> list[SyncDifference]:
    """Return differences with what a position from outside may be: a likeness, which a person confirms.

    Likeness is symbol, side, volume and time; it is said only where one thing alone is alike. It never
    decides anything.
    """
    positions = {position.identifier: position for position in shown}
    return [
        _suggest(one, positions[one.position_identifier], sought, missing)
        if one.kind is Kind.OPENED_OUTSIDE and one.position_identifier in positions
        else one
        for one in differences
    ]


def _suggest(
    difference: SyncDifference,
    position: Position,
    sought: Sequence[Sought],
    missing: Sequence[Position],
) -> SyncDifference:
    commands = [one for one in sought if _looks_like(position, one)]
    if len(commands) == 1:
        alike = (
            "symbol, side and volume" if commands[0].since_msc is None else "symbol, side, volume and time"
        )
        return replace(
            difference,
            suggestion=(
                f"It looks like what an open of yours asked for whose outcome is not known (same {alike}). "
                "If it is that, say so of the command and adopt the position."
            ),
            likely_command_id=commands[0].command_id,
        )
    gone = [
        one
        for one in missing
        if (one.symbol, one.side, one.volume_lots) == (position.symbol, position.side, position.volume_lots)
        and one.identifier != position.identifier
    ]
    if len(gone) == 1 and not commands:
        return replace(
            difference,
            suggestion=(
                f"It looks like {name_of(gone[0])}, which is missing (same symbol, side and volume): "
                "the broker may have opened it anew. If it is that, adopt the position."
            ),
        )
    return difference


def _looks_like(position: Position, one: Sought) -> bool:
    if (position.symbol, position.side, position.volume_lots) != (one.symbol, one.side, one.volume_lots):
        return False
    after = one.since_msc is None or one.since_msc <= position.open_time_msc
    return after and (one.until_msc is None or position.open_time_msc <= one.until_msc)
