"""The limits that the bridge holds by itself."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from signalos_bridge.domain.limits import Exposure, breach
from signalos_bridge.domain.values import Limits

D = Decimal
WITHIN = Exposure(
    order_lots=D("0.10"), position_count=2, spread_points=D(12), equity=D(10_000), market_order=True
)


@pytest.mark.parametrize(
    ("limits", "changed", "message"),
    [
        (Limits(maximum_order_lots=D("0.10")), {}, None),
        (Limits(maximum_order_lots=D("0.09")), {}, "MAXIMUM_ORDER_LOTS: limit=0.09 current=0.10"),
        (Limits(maximum_positions=3), {}, None),
        (Limits(maximum_positions=2), {}, "MAXIMUM_POSITIONS: limit=2 current=2"),
        (Limits(maximum_spread_points=D(12)), {}, None),
        (Limits(maximum_spread_points=D(11)), {}, "MAXIMUM_SPREAD: limit=11 current=12"),
        (
            Limits(maximum_spread_points=D(11)),
            {"spread_points": None},
            "MAXIMUM_SPREAD: limit=11 current=unknown",
        ),
        # The spread of the moment says nothing of when an order fills.
        (Limits(maximum_spread_points=D(11)), {"market_order": False}, None),
        (Limits(minimum_equity=D(10_000)), {}, None),
        (Limits(minimum_equity=D(10_001)), {}, "MINIMUM_EQUITY: limit=10001 current=10000"),
        (Limits(minimum_equity=D(1)), {"equity": None}, "MINIMUM_EQUITY: limit=1 current=unknown"),
        (Limits(), {"spread_points": None, "equity": None}, None),
    ],
)
def test_an_order_that_a_limit_forbids_is_refused_with_its_numbers(
    limits: Limits, changed: dict[str, object], message: str | None
) -> None:
    refusal = breach(limits, replace(WITHIN, **changed))  # type: ignore[arg-type]

    assert (refusal.message if refusal is not None else None) == message
