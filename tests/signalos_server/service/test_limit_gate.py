"""No limit stands in the way of what closes or reduces, whatever is set and whatever is known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_server.domain.actions import (
    Action,
    Adopt,
    BreakEven,
    CancelOrder,
    Close,
    CloseAll,
    Modify,
    ModifyOrder,
)
from signalos_server.domain.control import ControlDocument
from signalos_server.domain.errors import LimitReached
from signalos_server.domain.records import Order, PendingOrder
from signalos_server.domain.risk_limits.terms import Amount, DailyLoss, Limits
from signalos_server.domain.words import OrderState, OrderType, Side
from signalos_server.service.limit_gate import LimitGate
from tests.signalos_server.domain.risk_limits.test_admission import ANY_LIMITS, FACTS, NOW

D = Decimal
_IDS = st.integers(1, 10**9)
REDUCING: st.SearchStrategy[Action] = st.one_of(
    st.builds(Close, _IDS, st.none() | st.decimals("0.01", "0.99", places=2)),
    st.builds(CloseAll, st.booleans()),
    st.builds(CancelOrder, _IDS),
    st.builds(Adopt, _IDS),
    st.builds(BreakEven, _IDS),
    st.builds(
        Modify, _IDS, set_take_profit=st.just(True), take_profit=st.none() | st.decimals(1, 2, places=5)
    ),
)


class NothingKnown:
    """Facts that nobody may ask for: a close does not depend on what can be found out."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


def gate(facts: object = None) -> LimitGate:
    return LimitGate(NothingKnown(), facts or NothingKnown(), NothingKnown())  # type: ignore[arg-type]


def admit(gate: LimitGate, records: object, limits: Limits, action: Action) -> None:
    document = ControlDocument("acc", limits=limits)
    gate.admit(records, document, action, trade_id="t", order_id="o", last_try=True)  # type: ignore[arg-type]


class _Book:
    """A record of one trade or order."""

    def __init__(self, order: Order | None = None) -> None:
        self.book = self
        self._order = order

    def trade(self, trade_id: str) -> None:
        return None

    def order(self, order_id: str) -> Order | None:
        return self._order


@given(limits=ANY_LIMITS, action=REDUCING)
def test_no_limit_ever_denies_a_close(limits: Limits, action: Action) -> None:
    admit(gate(), _Book(), limits, action)


def working(side: Side, stop_loss: str) -> Order:
    pending = PendingOrder(
        7,
        "EURUSD",
        side,
        OrderType.LIMIT,
        OrderState.WORKING,
        D("0.10"),
        D("0.10"),
        D("1.10000"),
        stop_loss=D(stop_loss),
    )
    return Order("o", "acc", pending, NOW)


@given(limits=ANY_LIMITS, nearer=st.integers(0, 900))
def test_a_tighter_stop_of_an_order_is_never_denied(limits: Limits, nearer: int) -> None:
    tighter = ModifyOrder(7, set_stop_loss=True, stop_loss=D("1.09000") + D(nearer) / 100_000)

    admit(gate(), _Book(working(Side.BUY, "1.09000")), limits, tighter)


def test_an_order_that_would_risk_more_is_denied() -> None:
    class Facts:
        def gather(self, *_: object, **__: object) -> object:
            return FACTS

    limits = Limits(daily_loss=DailyLoss(Amount(money=D(250))))
    wider = ModifyOrder(7, set_stop_loss=True, stop_loss=D("1.08000"))

    with pytest.raises(LimitReached) as caught:
        admit(gate(Facts()), _Book(working(Side.BUY, "1.09000")), limits, wider)

    assert caught.value.metadata["code"] == "MAX_DAILY_LOSS"
    assert caught.value.metadata["worst_case"] == "350.00"
