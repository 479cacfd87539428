"""Whether and when a leg is tried again: only after a definite "not done", and only so often."""

from __future__ import annotations

from dataclasses import dataclass

from signalos_bridge.domain.orders import (
    CancelPending,
    CloseBy,
    ClosePosition,
    ModifyLevels,
    OpenMarket,
    Order,
    PlacePending,
    Priority,
    priority_of,
)
from signalos_bridge.domain.outcomes import NotDone, Retry
from signalos_bridge.domain.values import CommandOrigin

_ATTEMPTS: dict[Retry, int] = {
    Retry.NEVER: 1,
    Retry.NEW_QUOTE: 5,
    Retry.FRESH_TICK: 12,
    Retry.OTHER_FILLING: 4,
    Retry.SHORT_BACKOFF: 6,
    Retry.REREAD: 3,
}
_FIRST_WAIT: dict[Retry, float] = {
    Retry.NEW_QUOTE: 0.05,
    Retry.FRESH_TICK: 0.25,
    Retry.OTHER_FILLING: 0.0,
    Retry.SHORT_BACKOFF: 0.25,
    Retry.REREAD: 0.1,
}
_LONGEST_WAIT = 2.0


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after so many seconds; `reread`: look at the position or order first."""

    wait_seconds: float
    reread: bool


def again(order: Order, refused: NotDone, attempts: int) -> Again | None:
    """Return how to go on after `attempts` calls, the last of which was definitely not done; None: not."""
    retry = refused.retry
    if attempts >= _ATTEMPTS[retry]:
        return None
    if retry is Retry.REREAD and not isinstance(order, ClosePosition | CloseBy | CancelPending):
        # What was to be changed is not what it was: the asker has to look, not we.
        return None
    wait = _FIRST_WAIT[retry]
    if retry is Retry.SHORT_BACKOFF:
        wait = min(_LONGEST_WAIT, wait * 2 ** (attempts - 1))
    return Again(wait, retry is Retry.REREAD)


def lane_key(order: Order) -> str:
    """Return what must not be acted upon twice at a time: a position, an order, or opens of a symbol."""
    if isinstance(order, OpenMarket | PlacePending):
        return f"open:{order.symbol}"
    if isinstance(order, ClosePosition | CloseBy | ModifyLevels):
        return f"position:{order.ticket}"
    return f"order:{order.ticket}"


def urgency(order: Order, origin: CommandOrigin) -> Priority:
    """Return how urgent an order of this origin is."""
    return Priority.STOP if origin is CommandOrigin.STOP else priority_of(order)
