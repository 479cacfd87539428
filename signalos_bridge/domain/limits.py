"""Limits, held against every order that increases exposure. None of them blocks closing or reducing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from signalos_bridge.domain.values import Limits, Refusal


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the limits are held against; None is not known, and what is not known is not within a limit.

    `position_count` counts positions, working orders and orders that are under way, external ones too.
    """

    order_lots: Decimal
    position_count: int
    spread_points: Decimal | None
    equity: Decimal | None
    market_order: bool


def breach(limits: Limits, exposure: Exposure) -> Refusal | None:
    """Return the first limit that the order would break, with its numbers."""
    lots = limits.maximum_order_lots
    if lots is not None and exposure.order_lots > lots:
        return _refusal("MAXIMUM_ORDER_LOTS", lots, exposure.order_lots)
    count = limits.maximum_positions
    if count is not None and exposure.position_count + 1 > count:
        return _refusal("MAXIMUM_POSITIONS", count, exposure.position_count)
    spread = limits.maximum_spread_points
    if spread is not None and exposure.market_order:
        if exposure.spread_points is None:
            return _refusal("MAXIMUM_SPREAD", spread, "unknown")
        if exposure.spread_points > spread:
            return _refusal("MAXIMUM_SPREAD", spread, exposure.spread_points)
    equity = limits.minimum_equity
    if equity is not None:
        if exposure.equity is None:
            return _refusal("MINIMUM_EQUITY", equity, "unknown")
        if exposure.equity < equity:
            return _refusal("MINIMUM_EQUITY", equity, exposure.equity)
    return None


def _refusal(code: str, limit: Decimal | int, current: Decimal | int | str) -> Refusal:
    shown = f"{current:f}" if isinstance(current, Decimal) else current
    allowed = f"{limit:f}" if isinstance(limit, Decimal) else limit
    return Refusal(code, f"{code}: limit={allowed} current={shown}")
