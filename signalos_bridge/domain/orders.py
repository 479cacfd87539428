"""What can be asked of a terminal. One value is one request to the broker.

`magic` (64 bits) is the identity that survives at the broker; `comment` is a tag of at most 26 characters
that brokers may rewrite.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum, IntEnum

from signalos_bridge.domain.market import Position, Side

MAX_COMMENT_LENGTH = 26
MAX_MAGIC = 2**63 - 1
DEFAULT_DEVIATION_POINTS = 20

_COMMENT = re.compile(rf"[A-Za-z0-9_-]{{0,{MAX_COMMENT_LENGTH}}}")


class Priority(IntEnum):
    """The order in which waiting calls reach the terminal; lower goes first."""

    STOP = 0
    CLOSE = 1
    MODIFY = 2
    OPEN = 3
    READ = 4


class Operation(Enum):
    """What a request does, as far as its answer has to be read differently."""

    OPEN = "open"
    PLACE = "place"
    CLOSE = "close"
    CLOSE_BY = "close_by"
    MODIFY_LEVELS = "modify_levels"
    MODIFY_ORDER = "modify_order"
    CANCEL = "cancel"


class PendingKind(Enum):
    """The kinds of pending order."""

    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


def _check_tag(magic: int, comment: str) -> None:
    if not 0 <= magic <= MAX_MAGIC:
        raise ValueError(f"magic {magic} is outside 0..{MAX_MAGIC}")
    if not _COMMENT.fullmatch(comment):
        raise ValueError(f"comment {comment!r} is not at most {MAX_COMMENT_LENGTH} of A-Z a-z 0-9 _ -")


def _check_volume(volume_lots: Decimal) -> None:
    if not volume_lots.is_finite() or volume_lots <= 0:
        raise ValueError(f"volume {volume_lots} is not positive")


def _check_price(name: str, price: Decimal | None) -> None:
    if price is not None and (not price.is_finite() or price <= 0):
        raise ValueError(f"{name} {price} is not positive")


def loosens(side: Side, current_stop: Decimal | None, new_stop: Decimal | None) -> bool:
    """Return whether moving a stop loss from one level to the other lets the position lose more."""
    if new_stop is None:
        return current_stop is not None
    if current_stop is None:
        return False
    return (new_stop - current_stop) * side.value < 0


@dataclass(frozen=True, slots=True)
class OpenMarket:
    """Buy or sell at the market, with both levels in the same request. None sends no level."""

    symbol: str
    side: Side
    volume_lots: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    magic: int
    comment: str
    deviation_points: int = DEFAULT_DEVIATION_POINTS

    def __post_init__(self) -> None:
        _check_tag(self.magic, self.comment)
        _check_volume(self.volume_lots)
        _check_price("stop loss", self.stop_loss)
        _check_price("take profit", self.take_profit)

    @property
    def increases_risk(self) -> bool:
        """Return True: a new position is new exposure."""
        return True


@dataclass(frozen=True, slots=True)
class PlacePending:
    """Place an order that waits at `price`.

    A stop-limit order becomes a limit order at `stop_limit_price` when `price` is reached; other kinds have
    none. `expiration_time_seconds` is broker time; None is good till cancelled.
    """

    symbol: str
    side: Side
    kind: PendingKind
    volume_lots: Decimal
    price: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    magic: int
    comment: str
    stop_limit_price: Decimal | None = None
    expiration_time_seconds: int | None = None

    def __post_init__(self) -> None:
        _check_tag(self.magic, self.comment)
        _check_volume(self.volume_lots)
        _check_price("price", self.price)
        _check_price("stop loss", self.stop_loss)
        _check_price("take profit", self.take_profit)
        _check_price("stop limit price", self.stop_limit_price)
        if (self.stop_limit_price is None) is (self.kind is PendingKind.STOP_LIMIT):
            raise ValueError("a stop-limit order, and no other, has a stop limit price")

    @property
    def increases_risk(self) -> bool:
        """Return True: the order can fill at any time."""
        return True


@dataclass(frozen=True, slots=True)
class ClosePosition:
    """Close `volume_lots` of the position `ticket`, whose own side is `side`.

    The terminal side re-reads the position immediately before the call: it never sends more than the
    position then has, and sends nothing when the ticket is gone or has changed its side.
    """

    ticket: int
    symbol: str
    side: Side
    volume_lots: Decimal
    magic: int
    comment: str
    deviation_points: int = DEFAULT_DEVIATION_POINTS

    def __post_init__(self) -> None:
        _check_tag(self.magic, self.comment)
        _check_volume(self.volume_lots)

    @property
    def increases_risk(self) -> bool:
        """Return False."""
        return False


@dataclass(frozen=True, slots=True)
class CloseBy:
    """Close two opposite positions of one symbol against each other (hedging accounts)."""

    ticket: int
    opposite_ticket: int
    symbol: str
    magic: int
    comment: str

    def __post_init__(self) -> None:
        _check_tag(self.magic, self.comment)

    @property
    def increases_risk(self) -> bool:
        """Return False."""
        return False


@dataclass(frozen=True, slots=True)
class ModifyLevels:
    """Set both levels of a position; None removes one.

    `loosening` is the asker's statement that the *effective* stop moves away from the market (see `loosens`);
    hiding levels behind a wider stop at the broker is not loosening.

    `only_tighter`: the position is read again just before the call, its take profit stays, and nothing is
    sent where the broker's stop is tighter by then (see `not_loosened`). For what the bridge moves by itself.
    """

    ticket: int
    symbol: str
    stop_loss: Decimal | None
    take_profit: Decimal | None
    loosening: bool
    magic: int = 0
    comment: str = ""
    only_tighter: bool = False

    def __post_init__(self) -> None:
        _check_tag(self.magic, self.comment)
        _check_price("stop loss", self.stop_loss)
        _check_price("take profit", self.take_profit)

    @property
    def increases_risk(self) -> bool:
        """Return whether the position may lose more than before."""
        return self.loosening


def not_loosened(order: ModifyLevels, position: Position) -> ModifyLevels | None:
    """Return what to send for a position as it is now; None: its stop is tighter than the one asked for."""
    if not order.only_tighter:
        return order
    if loosens(position.side, position.stop_loss, order.stop_loss):
        return None
    return replace(order, take_profit=position.take_profit)


@dataclass(frozen=True, slots=True)
class ModifyPending:
    """Set price, levels and expiration of a pending order, all of them; None removes a level."""

    ticket: int
    symbol: str
    price: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    stop_limit_price: Decimal | None = None
    expiration_time_seconds: int | None = None

    def __post_init__(self) -> None:
        _check_price("price", self.price)
        _check_price("stop loss", self.stop_loss)
        _check_price("take profit", self.take_profit)
        _check_price("stop limit price", self.stop_limit_price)

    @property
    def increases_risk(self) -> bool:
        """Return True: an order moved nearer to the market fills sooner."""
        return True


@dataclass(frozen=True, slots=True)
class CancelPending:
    """Remove a pending order."""

    ticket: int
    symbol: str

    @property
    def increases_risk(self) -> bool:
        """Return False."""
        return False


Order = OpenMarket | PlacePending | ClosePosition | CloseBy | ModifyLevels | ModifyPending | CancelPending

_OPERATIONS: dict[type[Order], Operation] = {
    OpenMarket: Operation.OPEN,
    PlacePending: Operation.PLACE,
    ClosePosition: Operation.CLOSE,
    CloseBy: Operation.CLOSE_BY,
    ModifyLevels: Operation.MODIFY_LEVELS,
    ModifyPending: Operation.MODIFY_ORDER,
    CancelPending: Operation.CANCEL,
}

_PRIORITIES: dict[Operation, Priority] = {
    Operation.OPEN: Priority.OPEN,
    Operation.PLACE: Priority.OPEN,
    Operation.CLOSE: Priority.CLOSE,
    Operation.CLOSE_BY: Priority.CLOSE,
    Operation.MODIFY_LEVELS: Priority.MODIFY,
    Operation.MODIFY_ORDER: Priority.MODIFY,
    # A cancel takes exposure away as a close does, and must not wait behind one that trails a stop.
    Operation.CANCEL: Priority.CLOSE,
}


def operation_of(order: Order) -> Operation:
    """Return what kind of request an order is."""
    return _OPERATIONS[type(order)]


def priority_of(order: Order) -> Priority:
    """Return how urgent an order is by itself; what an emergency stop submits goes as `Priority.STOP`."""
    return _PRIORITIES[operation_of(order)]
