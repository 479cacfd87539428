"""Volumes: from the money that may be lost, and split over several targets. Rounded down, never enlarged."""

from __future__ import annotations

from decimal import Decimal

from signalos_bridge.domain.market import AccountSnapshot, SymbolSpec
from signalos_bridge.domain.normalise import volume_down
from signalos_bridge.domain.values import Refusal, RiskAmount

_HUNDRED = Decimal(100)


def money_at_risk(risk: RiskAmount, account: AccountSnapshot) -> Decimal:
    """Return the amount in the account's currency."""
    if risk.equity_percent is not None:
        return account.equity * risk.equity_percent / _HUNDRED
    if risk.balance_percent is not None:
        return account.balance * risk.balance_percent / _HUNDRED
    assert risk.money is not None
    return risk.money


def volume_for_risk(money: Decimal, loss_per_lot: Decimal, spec: SymbolSpec) -> Decimal | Refusal:
    """Return the largest volume whose loss at the stop is not above `money`.

    `loss_per_lot` is positive, in the account's currency, commission included. A volume below the minimum is
    refused: to round it up would risk more than was allowed.
    """
    if loss_per_lot <= 0:
        return Refusal("RISK_UNKNOWN", f"the loss of one lot of {spec.name} at the stop cannot be counted")
    volume = volume_down(money / loss_per_lot, spec)
    if volume < spec.volume_min_lots:
        least = spec.volume_min_lots * loss_per_lot
        return Refusal(
            "RISK_TOO_SMALL",
            f"risk={money:.2f} allows {volume} lots of {spec.name}; the minimum of "
            f"{spec.volume_min_lots} lots would risk {least:.2f}",
        )
    return min(volume, volume_down(spec.volume_max_lots, spec))


def split_volume(volume_lots: Decimal, parts: int, spec: SymbolSpec) -> tuple[Decimal, ...]:
    """Return shares that add up to the volume: multiples of the step, the remainder on the first.

    Where not every part would reach the minimum there are fewer. A volume that is itself too small comes back
    as one share.
    """
    if parts < 1:
        raise ValueError("a volume is split into at least one part")
    possible = int(volume_lots / spec.volume_min_lots) if spec.volume_min_lots > 0 else parts
    count = max(1, min(parts, possible))
    while count > 1 and volume_down(volume_lots / count, spec) < spec.volume_min_lots:
        count -= 1
    share = volume_down(volume_lots / count, spec)
    return (volume_lots - share * (count - 1), *([share] * (count - 1)))
