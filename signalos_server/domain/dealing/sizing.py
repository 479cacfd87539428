"""How many lots a signal's risk buys at one account, and how they are shared over its targets.

Rounded down, never enlarged. Amounts are in the account's currency, as the symbol's live tick value is.
What is counted here is what is shown and held against limits; orders that are sized by risk are counted once
more by the bridge, with the terminal's own calculation.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from signalos_server.domain.dealing.denial import Denial, deny
from signalos_server.domain.records import SymbolSpec


class SizingMode(StrEnum):
    """What the size of an order comes from."""

    FIXED_LOTS = "fixed_lots"
    EQUITY_PERCENT = "equity_percent"
    BALANCE_PERCENT = "balance_percent"
    MONEY = "money"
    # The lots in the message; only where the source may say them.
    SIGNAL_LOTS = "signal_lots"


@dataclass(frozen=True, slots=True)
class Sizing:
    """A source's sizing: the mode and its amount (lots, percent, or money; unused for SIGNAL_LOTS)."""

    mode: SizingMode = SizingMode.EQUITY_PERCENT
    amount: Decimal = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Funds:
    """What an account has, as last read."""

    balance: Decimal
    equity: Decimal


@dataclass(frozen=True, slots=True)
class Sized:
    """A volume, and what it loses at the stop."""

    volume_lots: Decimal
    risk_money: Decimal
    loss_per_lot: Decimal


@dataclass(frozen=True, slots=True)
class Leg:
    """A share of an order with its own target; None: runs open."""

    volume_lots: Decimal
    take_profit: Decimal | None


def step_down(volume_lots: Decimal, spec: SymbolSpec) -> Decimal:
    """Return the volume rounded down to the symbol's step."""
    step = spec.volume_step_lots
    return volume_lots if step <= 0 else (volume_lots / step).to_integral_value(ROUND_DOWN) * step


def loss_per_lot(
    spec: SymbolSpec, entry: Decimal, stop_loss: Decimal, commission_per_lot: Decimal = Decimal(0)
) -> Decimal | Denial:
    """Return what one lot loses from entry to stop, commission included."""
    if spec.tick_size <= 0 or spec.tick_value <= 0:
        return deny("TICK_VALUE_UNKNOWN", f"the tick value of {spec.symbol} is not known", symbol=spec.symbol)
    distance = abs(entry - stop_loss)
    if distance <= 0:
        return deny("NO_STOP_DISTANCE", "the stop loss is at the entry", price=entry)
    return distance / spec.tick_size * spec.tick_value + commission_per_lot


def size(
    sizing: Sizing,
    funds: Funds,
    spec: SymbolSpec,
    entry: Decimal,
    stop_loss: Decimal,
    *,
    signal_lots: Decimal | None = None,
    commission_per_lot: Decimal = Decimal(0),
) -> Sized | Denial:
    """Return the volume of a whole signal: its risk is split over its legs, not multiplied by them."""
    per_lot = loss_per_lot(spec, entry, stop_loss, commission_per_lot)
    if isinstance(per_lot, Denial):
        return per_lot
    if sizing.mode in (SizingMode.FIXED_LOTS, SizingMode.SIGNAL_LOTS):
        wanted = sizing.amount if sizing.mode is SizingMode.FIXED_LOTS else signal_lots
        if wanted is None:
            return deny("NO_LOTS_IN_SIGNAL", "the source sizes by the message's lots, and it has none")
    else:
        money = _money(sizing, funds)
        if money <= 0:
            return deny("NOTHING_TO_RISK", "there is nothing to risk", equity=funds.equity)
        wanted = money / per_lot
    volume = min(step_down(wanted, spec), step_down(spec.volume_maximum_lots, spec))
    if volume < spec.volume_minimum_lots:
        return deny(
            "BELOW_MINIMUM_LOT",
            f"the risk allows {wanted:.4f} lots; the minimum of {spec.volume_minimum_lots} would risk more",
            allowed_lots=wanted.quantize(Decimal("0.0001"), ROUND_DOWN),
            minimum_lots=spec.volume_minimum_lots,
            minimum_risk=(spec.volume_minimum_lots * per_lot).quantize(Decimal("0.01")),
        )
    return Sized(volume, volume * per_lot, per_lot)


def _money(sizing: Sizing, funds: Funds) -> Decimal:
    if sizing.mode is SizingMode.MONEY:
        return sizing.amount
    base = funds.equity if sizing.mode is SizingMode.EQUITY_PERCENT else funds.balance
    return base * sizing.amount / 100


def share(volume_lots: Decimal, targets: tuple[Decimal | None, ...], spec: SymbolSpec) -> tuple[Leg, ...]:
    """Return the legs of a volume over its targets, nearest first, the remainder on the first.

    Where the volume is too small for all, the furthest targets get none. No target: one open leg.
    """
    wanted = targets or (None,)
    count = len(wanted)
    while count > 1 and step_down(volume_lots / count, spec) < spec.volume_minimum_lots:
        count -= 1
    part = step_down(volume_lots / count, spec)
    first = volume_lots - part * (count - 1)
    return (Leg(first, wanted[0]), *(Leg(part, target) for target in wanted[1:count]))
