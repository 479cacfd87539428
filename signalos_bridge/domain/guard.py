"""Watching hidden levels: when one is crossed, and what the guard then does, as a table.

A buy is closed at the bid and a sell at the ask, so those trigger. A level is crossed at the first quote at
or beyond it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from signalos_bridge.domain.command import InvalidTransition
from signalos_bridge.domain.facts import GuardState
from signalos_bridge.domain.market import Side, Tick
from signalos_bridge.domain.record import KnownPosition


class GuardEvent(Enum):
    """What can happen to a guarded position."""

    CROSSED = "crossed"
    CALLED = "called"
    CLOSED = "closed"
    FAILED = "failed"
    REARMED = "rearmed"


GUARD_TRANSITIONS: dict[tuple[GuardState, GuardEvent], GuardState] = {
    (GuardState.ARMED, GuardEvent.CROSSED): GuardState.TRIGGERED,
    (GuardState.ARMED, GuardEvent.REARMED): GuardState.ARMED,
    (GuardState.ARMED, GuardEvent.CLOSED): GuardState.CLOSED,
    (GuardState.TRIGGERED, GuardEvent.CALLED): GuardState.CLOSING,
    (GuardState.TRIGGERED, GuardEvent.FAILED): GuardState.CLOSE_FAILED,
    (GuardState.TRIGGERED, GuardEvent.CLOSED): GuardState.CLOSED,
    (GuardState.CLOSING, GuardEvent.CLOSED): GuardState.CLOSED,
    (GuardState.CLOSING, GuardEvent.FAILED): GuardState.CLOSE_FAILED,
    (GuardState.CLOSE_FAILED, GuardEvent.CALLED): GuardState.CLOSING,
    (GuardState.CLOSE_FAILED, GuardEvent.FAILED): GuardState.CLOSE_FAILED,
    (GuardState.CLOSE_FAILED, GuardEvent.CLOSED): GuardState.CLOSED,
    # A person gave the position other levels while its close could not be done.
    (GuardState.CLOSE_FAILED, GuardEvent.REARMED): GuardState.ARMED,
}


def next_guard_state(state: GuardState, event: GuardEvent) -> GuardState:
    """Return the state after an event; raises `InvalidTransition`."""
    try:
        return GUARD_TRANSITIONS[state, event]
    except KeyError:
        raise InvalidTransition(f"a guard that is {state.value} cannot be {event.value}") from None


@dataclass(frozen=True, slots=True)
class Crossing:
    """A hidden level, and the quote that reached it."""

    stop_loss: bool
    level: Decimal
    price: Decimal

    def words(self, side: Side) -> str:
        """Return what happened, for the audit."""
        what = "stop loss" if self.stop_loss else "take profit"
        quote = "bid" if side is Side.BUY else "ask"
        return f"virtual {what} {self.level} crossed by {quote} {self.price}"


def crossing(
    side: Side, stop_loss: Decimal | None, take_profit: Decimal | None, tick: Tick
) -> Crossing | None:
    """Return the level that this quote is at or beyond; the stop where it were both."""
    price = tick.closing_price(side)
    if price is None:
        return None
    if stop_loss is not None and (price - stop_loss) * side.value <= 0:
        return Crossing(True, stop_loss, price)
    if take_profit is not None and (price - take_profit) * side.value >= 0:
        return Crossing(False, take_profit, price)
    return None


def first_crossing(
    known: KnownPosition, ticks: Sequence[Tick], widest_spread: Decimal | None = None
) -> Crossing | None:
    """Return the first crossing of an armed position's hidden levels by quotes in order; None: none.

    A take profit does not count while the spread is above `widest_spread`; a stop loss always does.
    """
    record = known.record
    if record.guard_state is not GuardState.ARMED or known.missing:
        return None
    for tick in ticks:
        target = record.virtual_take_profit if _is_narrow(tick, widest_spread) else None
        found = crossing(known.position.side, record.virtual_stop_loss, target, tick)
        if found is not None:
            return found
    return None


def first_stop(known: KnownPosition, ticks: Sequence[Tick]) -> Crossing | None:
    """Return the first crossing of an armed position's hidden stop."""
    if known.record.guard_state is not GuardState.ARMED or known.missing:
        return None
    stop, side = known.record.virtual_stop_loss, known.position.side
    return next((found for tick in ticks if (found := crossing(side, stop, None, tick))), None)


def stays_at_target(known: KnownPosition, ticks: Sequence[Tick], widest_spread: Decimal | None) -> bool:
    """Return whether every one of these quotes is at or beyond the hidden take profit."""
    return all(first_crossing(known, (tick,), widest_spread) is not None for tick in ticks)


def _is_narrow(tick: Tick, widest: Decimal | None) -> bool:
    return widest is None or (tick.spread is not None and tick.spread <= widest)


def is_guarded(known: KnownPosition) -> bool:
    """Return whether every quote of the position's symbol has to be seen."""
    record = known.record
    planned = record.trailing is not None or (record.protection is not None and record.protection.active)
    if record.guard_state in (None, GuardState.CLOSED) and not planned:
        return False
    return known.managed and not known.missing
