"""What a ladder and a move to break-even must be, held against side, market and first risk."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from signalos_server.domain.errors import OutOfRange
from signalos_server.domain.protection import PlanStart, ProtectionPlan, StartKind
from signalos_server.domain.words import Side


def check_plan(
    plan: ProtectionPlan,
    side: Side,
    price: Decimal | None,
    initial_stop: Decimal | None,
    *,
    field: str = "plan",
) -> None:
    """Raise `OutOfRange` where a plan makes no sense.

    `price` is what closing pays now, or a pending order's price; None where it is not known: the bridge holds
    the targets against its own quote. `initial_stop` None: no stop is known, so that no risk can be counted.
    """
    total = sum((target.share for target in plan.targets), Decimal(0))
    if total > 1:
        raise OutOfRange(
            f"the shares of all targets add up to {total}, more than 1",
            {"field": f"{field}.targets", "value": format(total, "f"), "maximum": "1"},
        )
    for number, (nearer, farther) in enumerate(pairwise(plan.targets), 1):
        if (farther.price - nearer.price) * _sign(side) <= 0:
            raise _behind(
                f"{field}.targets[{number}].price", farther.price, nearer.price, side, "the one before"
            )
    if plan.targets and price is not None and (plan.targets[0].price - price) * _sign(side) <= 0:
        raise _behind(f"{field}.targets[0].price", plan.targets[0].price, price, side, "the market")
    if plan.break_even is not None:
        check_start(plan.break_even.start, len(plan.targets), initial_stop, field=f"{field}.breakEven.start")


def check_start(
    start: PlanStart, target_count: int, initial_stop: Decimal | None, *, field: str = "start"
) -> None:
    """Raise `OutOfRange` where a plan could never begin."""
    if start.kind is StartKind.RISK and initial_stop is None:
        raise OutOfRange(
            "a multiple of the risk needs a trade that has had a stop loss",
            {"field": f"{field}.riskMultiple"},
        )
    if start.kind is StartKind.TARGET and start.value > target_count:
        raise OutOfRange(
            f"target {start.value} is asked for, and the ladder has {target_count}",
            {"field": f"{field}.target", "value": str(start.value), "maximum": str(target_count)},
        )


def _sign(side: Side) -> int:
    return 1 if side is Side.BUY else -1


def _behind(field: str, value: Decimal, limit: Decimal, side: Side, what: str) -> OutOfRange:
    where, bound = ("above", "minimum") if side is Side.BUY else ("below", "maximum")
    return OutOfRange(
        f"a target at {value} has to be {where} {what}, {limit}",
        {"field": field, "value": format(value, "f"), bound: format(limit, "f")},
    )
