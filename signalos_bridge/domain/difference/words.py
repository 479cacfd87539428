"""What happened, in the words of a trader: who did it, at which price, with which result."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from signalos_bridge.domain.facts import CloseCause, OrderRecord
from signalos_bridge.domain.market import Deal, DealEntry, DealType, Position, Reason, Side
from signalos_bridge.domain.orders import loosens
from signalos_bridge.domain.record import KnownPosition

_NOTHING = Decimal(0)

_OF_REASON: dict[Reason, str] = {
    Reason.CLIENT: "by hand in a terminal",
    Reason.MOBILE: "by hand on a phone",
    Reason.WEB: "by hand in the web terminal",
    Reason.EXPERT: "by another program (an expert)",
    Reason.STOP_LOSS: "by the broker at its stop loss",
    Reason.TAKE_PROFIT: "by the broker at its take profit",
    Reason.STOP_OUT: "by the broker, because the margin ran out (stop-out)",
    Reason.ROLLOVER: "by the broker at the rollover",
    Reason.VARIATION_MARGIN: "by the broker for variation margin",
    Reason.SPLIT: "by the broker because of a split",
    Reason.OTHER: "for a reason that this program does not know",
}
_OF_OURS: dict[CloseCause, str] = {
    CloseCause.USER: "by a command of SignalOS's users",
    CloseCause.VIRTUAL_STOP_LOSS: "by SignalOS at its hidden stop loss",
    CloseCause.VIRTUAL_TAKE_PROFIT: "by SignalOS at its hidden take profit",
    CloseCause.EMERGENCY_STOP: "by an emergency stop",
    CloseCause.SIGNALOS: "by SignalOS (a signal, a ladder or a plan)",
}
_OF_MONEY: dict[DealType, tuple[str, str]] = {
    DealType.BALANCE: ("was deposited", "was withdrawn"),
    DealType.CREDIT: ("of credit was given", "of credit was taken back"),
    DealType.BONUS: ("of bonus was given", "of bonus was taken back"),
}


_CENT = Decimal("0.01")


def lots_of(volume: Decimal) -> str:
    """Return a volume as traders write it: with two decimals, or more where it has more."""
    exponent = volume.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return str(volume.quantize(_CENT)) if exponent >= -2 else f"{volume.normalize():f}"


def name_of(position: Position) -> str:
    """Return what a trader calls a position."""
    return f"{position.side.name} {lots_of(position.volume_lots)} {position.symbol} #{position.ticket}"


def order_name(order: OrderRecord) -> str:
    """Return what a trader calls a pending order."""
    return f"{order.type.name.replace('_', ' ')} {lots_of(order.volume_lots)} {order.symbol} #{order.ticket}"


def price_of(price: Decimal | None) -> str:
    """Return a price or level; `none` where there is none."""
    return "none" if price is None else str(price)


def by_hand_of(reason: Reason) -> str:
    """Return who opened or placed something, going by MetaTrader's reason."""
    return _OF_REASON[reason]


def by_whom(deal: Deal, cause: CloseCause | None) -> str:
    """Return who or what made a deal; `cause` as `cause_of_deal` says."""
    words = _OF_OURS.get(cause) if cause is not None else None
    words = words or _OF_REASON[deal.reason]
    return f"against an opposite position, {words}" if deal.entry is DealEntry.OUT_BY else words


def result_of(deals: Sequence[Deal]) -> str:
    """Return what closing deals brought with their costs, in the account's currency."""
    money = sum((deal.profit + deal.swap + deal.commission + deal.fee for deal in deals), _NOTHING)
    if not money:
        return "without profit or loss"
    return f"with a {'profit' if money > 0 else 'loss'} of {abs(money)}"


def level_moved(
    known: KnownPosition, after: Position, what: str, old: Decimal | None, new: Decimal | None
) -> str:
    """Return that a level of the broker's was set, moved or removed; a disaster stop is called one."""
    stop = what == "stop loss"
    if stop and known.record.stop_hidden:
        what = "broker's disaster stop"
    name = name_of(after)
    if old is None:
        return f"{name} was given a {what} at {price_of(new)}"
    if new is None:
        return f"the {what} of {name} was removed; it was at {old}"
    way = ""
    if stop:
        way = ", which risks more" if loosens(after.side, old, new) else ", which risks less"
    return f"the {what} of {name} was moved from {old} to {new}{way}"


def money_moved(deal: Deal) -> str:
    """Return what a deal that trades nothing did to the account."""
    more, less = _OF_MONEY.get(deal.type, ("was booked in favour", "was charged"))
    words = f"{abs(deal.profit)} {more if deal.profit >= 0 else less}"
    if deal.type not in _OF_MONEY:
        words += f" ({deal.type.name.lower().replace('_', ' ')})"
    return f"{words}: {deal.comment}" if deal.comment else words


def side_word(side: Side) -> str:
    """Return the verb of a side."""
    return "buy" if side is Side.BUY else "sell"
