"""What an update asks of a trade: levels on ticks, never a change that is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from signalos_server.domain.dealing.denial import Denial
from signalos_server.domain.pipeline.changes import (
    BreakEvenIt,
    CloseIt,
    MoveIt,
    ReplanIt,
    TrailIt,
    becomes_another,
    wishes_for,
)
from signalos_server.domain.protection import LadderStep, LadderTarget, Protection, StepState, StopMove
from signalos_server.domain.records import Position, Trade
from signalos_server.domain.signals.model import Kind, Parse
from signalos_server.domain.signals.parse import parse
from signalos_server.domain.words import Side, TradeState
from tests.signalos_server.domain.dealing.test_sizing import a_spec

D = Decimal
SPEC = a_spec()
POSITION = Position(
    ticket=1,
    identifier=1,
    symbol="EURUSD",
    side=Side.BUY,
    volume_lots=D("0.1"),
    open_price=D("1.1"),
    broker_stop_loss=D("1.095"),
    broker_take_profit=D("1.105"),
)
TRADE = Trade("trd", "acc", TradeState.OPEN, POSITION, D("0.1"), datetime(2026, 1, 1, tzinfo=UTC))


def modify(**fields: object) -> Parse:
    return Parse(kind=Kind.MODIFY, symbol="EURUSD", **fields)  # type: ignore[arg-type]


def test_closes_parts_and_break_even_are_what_they_say() -> None:
    assert wishes_for(parse("close EURUSD now"), TRADE, 1, SPEC) == (CloseIt(),)
    assert wishes_for(parse("close half EURUSD"), TRADE, 1, SPEC) == (CloseIt(D("0.5")),)
    assert wishes_for(Parse(kind=Kind.PARTIAL_CLOSE), TRADE, 1, SPEC) == (CloseIt(D("0.5")),)
    assert wishes_for(Parse(kind=Kind.BREAKEVEN), TRADE, 1, SPEC) == (BreakEvenIt(),)


@pytest.mark.parametrize(("stop", "looser"), [("1.0970", False), ("1.0900", True)])
def test_a_stop_is_moved_and_known_to_be_looser(stop: str, looser: bool) -> None:
    (wish,) = _wishes(modify(stop_loss=D(stop)))
    assert isinstance(wish, MoveIt)
    assert (wish.levels.stop_loss, wish.levels.set_take_profit, wish.loosens) == (D(stop), False, looser)


def test_levels_that_are_so_already_are_no_change() -> None:
    assert _wishes(modify(stop_loss=D("1.0950"), take_profits=(D("1.1050"),))) == ()


def test_a_leg_takes_the_target_that_is_its_own() -> None:
    targets = (D("1.1060"), D("1.1080"))
    (first,) = _wishes(modify(take_profits=targets))
    (second,) = _wishes(modify(take_profits=targets), leg=2)
    assert isinstance(first, MoveIt)
    assert isinstance(second, MoveIt)
    assert (first.levels.take_profit, second.levels.take_profit) == targets
    assert _wishes(modify(take_profits=(D("1.1090"),), take_profit_index=2)) == ()


def test_a_ladder_gets_other_prices_and_keeps_its_shares() -> None:
    held = tuple(
        LadderStep(LadderTarget(D(price), D("0.5"), StopMove.BREAK_EVEN), StepState.WAITING)
        for price in ("1.1050", "1.1100")
    )
    trade = replace(TRADE, position=replace(POSITION, protection=Protection(held)))
    (wish,) = _wishes(modify(take_profits=(D("1.1150"),), take_profit_index=2), trade=trade)
    assert isinstance(wish, ReplanIt)
    assert [(one.price, one.share) for one in wish.plan.targets] == [
        (D("1.1050"), D("0.5")),
        (D("1.1150"), D("0.5")),
    ]
    refused = wishes_for(modify(take_profits=(D("1.12"),), take_profit_index=3), trade, 1, SPEC)
    assert isinstance(refused, Denial)
    assert refused.code == "NO_SUCH_TARGET"


def test_a_trailing_distance_in_pips_is_one_in_price() -> None:
    (wish,) = _wishes(modify(trail_pips=D(20)))
    assert isinstance(wish, TrailIt)
    assert wish.trailing.distance == D("0.0020")


def test_an_edit_to_another_side_or_instrument_is_another_order() -> None:
    edit = replace(parse("EURUSD SELL NOW SL 1.105 TP 1.095"), kind=Kind.MODIFY)
    assert becomes_another(edit, "EURUSD", Side.BUY) is not None
    assert becomes_another(edit, "EURUSD", Side.SELL) is None
    assert becomes_another(edit, "XAUUSD", Side.SELL) is not None
    assert becomes_another(modify(stop_loss=D("1.09")), "XAUUSD", Side.SELL) is None


def _wishes(update: Parse, *, trade: Trade = TRADE, leg: int = 1) -> tuple[object, ...]:
    found = wishes_for(update, trade, leg, SPEC)
    assert not isinstance(found, Denial)
    return found
