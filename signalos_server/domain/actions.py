"""What a command can ask of a terminal. Prices and volumes are `Decimal`; None is "not given"."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from signalos_server.domain.protection import ProtectionPlan
from signalos_server.domain.words import OrderType, Side


@dataclass(frozen=True, slots=True)
class Risk:
    """What may be lost at the stop: exactly one of the three is set. Money is in the account's currency."""

    equity_percent: Decimal | None = None
    balance_percent: Decimal | None = None
    money: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """Opens a position or places a pending order; sized by `volume_lots` or by `risk`."""

    symbol: str
    side: Side
    order_type: OrderType = OrderType.MARKET
    volume_lots: Decimal | None = None
    risk: Risk | None = None
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profits: tuple[Decimal, ...] = ()
    deviation_points: int | None = None
    expire_after_seconds: float | None = None
    comment: str = ""
    protection: ProtectionPlan | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """Closes a position: all of it, a fraction of what is open then, or so many lots."""

    position_identifier: int
    fraction: Decimal | None = None
    volume_lots: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Modify:
    """Sets the levels of a position; a level that is set to None is removed."""

    position_identifier: int
    set_stop_loss: bool = False
    stop_loss: Decimal | None = None
    set_take_profit: bool = False
    take_profit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ModifyOrder:
    """Moves a pending order; `price` None leaves it where it is."""

    order_ticket: int
    price: Decimal | None = None
    set_stop_loss: bool = False
    stop_loss: Decimal | None = None
    set_take_profit: bool = False
    take_profit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Cancels a pending order."""

    order_ticket: int


@dataclass(frozen=True, slots=True)
class CloseAll:
    """Closes every managed position, external ones too where asked; of one symbol where it is named."""

    external: bool = False
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Adopt:
    """Takes a position under management."""

    position_identifier: int


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Moves the stop to where leaving costs nothing, and `offset` (a difference of prices) beyond."""

    position_identifier: int
    offset: Decimal = Decimal(0)


Action = Open | Close | Modify | ModifyOrder | CancelOrder | CloseAll | Adopt | BreakEven

# The name of each kind in the contract's `Action` and in storage.
ACTION_KINDS: dict[str, type[Action]] = {
    "open": Open,
    "close": Close,
    "modify": Modify,
    "modify_order": ModifyOrder,
    "cancel_order": CancelOrder,
    "close_all": CloseAll,
    "adopt": Adopt,
    "break_even": BreakEven,
}


def kind_of(action: Action) -> str:
    """Return the name of the action's kind, as in `ACTION_KINDS`."""
    for name, kind in ACTION_KINDS.items():
        if isinstance(action, kind):
            return name
    raise TypeError(f"not an action: {type(action)!r}")


def loosens(side: Side, old_stop_loss: Decimal | None, new_stop_loss: Decimal | None) -> bool:
    """Return whether the new stop risks more than the old one."""
    if new_stop_loss is None:
        return old_stop_loss is not None
    return old_stop_loss is not None and (new_stop_loss - old_stop_loss) * side.sign < 0


def symbol_of(action: Action) -> str:
    """Return the symbol that the action names, empty where it names a ticket."""
    return action.symbol if isinstance(action, Open | CloseAll) else ""
