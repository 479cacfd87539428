from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.command import InvalidTransition
from signalos_bridge.domain.facts import GuardState, PositionRecord, TradeOrigin
from signalos_bridge.domain.guard import GuardEvent, first_crossing, next_guard_state
from signalos_bridge.domain.market import Position, Reason, Side, Tick
from signalos_bridge.domain.record import KnownPosition

prices = st.decimals(Decimal("1.00000"), Decimal("1.20000"), places=5)
sides = st.sampled_from(Side)


def a_position(side: Side = Side.BUY, open_price: str = "1.10000", **changes: object) -> Position:
    made = Position(
        ticket=1,
        identifier=1,
        symbol="EURUSD",
        side=side,
        volume_lots=Decimal("0.10"),
        open_price=Decimal(open_price),
        stop_loss=None,
        take_profit=None,
        current_price=None,
        profit=Decimal(0),
        swap=Decimal(0),
        magic=0,
        comment="",
        open_time_msc=1,
        update_time_msc=1,
        reason=Reason.EXPERT,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def guarded(side: Side, stop: Decimal | None, target: Decimal | None) -> KnownPosition:
    return KnownPosition(
        PositionRecord(
            a_position(side),
            TradeOrigin.MANAGED,
            virtual_stop_loss=stop,
            virtual_take_profit=target,
            hidden=True,
            guard_state=GuardState.ARMED,
        )
    )


def a_quote(bid: Decimal) -> Tick:
    return Tick("EURUSD", bid, bid + Decimal("0.00010"), 1)


@given(sides, prices, st.lists(prices, max_size=30))
def test_a_stop_triggers_at_the_first_quote_at_or_beyond_it_and_at_no_other(
    side: Side, stop: Decimal, bids: list[Decimal]
) -> None:
    ticks = [a_quote(bid) for bid in bids]
    closing = [tick.bid if side is Side.BUY else tick.ask for tick in ticks]
    expected = next(
        (price for price in closing if price is not None and (price - stop) * side.value <= 0), None
    )

    found = first_crossing(guarded(side, stop, None), ticks)

    assert (found.price if found else None) == expected


@given(sides, prices, st.lists(prices, max_size=30))
def test_a_target_triggers_on_the_winning_side_only(side: Side, target: Decimal, bids: list[Decimal]) -> None:
    found = first_crossing(guarded(side, None, target), [a_quote(bid) for bid in bids])

    if found is not None:
        assert (found.price - target) * side.value >= 0
        assert not found.stop_loss


@given(prices, st.lists(prices, min_size=1, max_size=10))
def test_only_an_armed_guard_triggers(stop: Decimal, bids: list[Decimal]) -> None:
    known = guarded(Side.BUY, stop, None)
    for state in GuardState:
        if state is not GuardState.ARMED:
            closing = replace(known, record=replace(known.record, guard_state=state))
            assert first_crossing(closing, [a_quote(bid) for bid in bids]) is None


@given(st.lists(st.sampled_from(GuardEvent), max_size=40))
def test_a_closed_guard_stays_closed_and_closing_needs_a_crossing(events: list[GuardEvent]) -> None:
    state, crossed = GuardState.ARMED, False
    for event in events:
        try:
            after = next_guard_state(state, event)
        except InvalidTransition:
            continue
        crossed = (crossed or event is GuardEvent.CROSSED) and event is not GuardEvent.REARMED
        assert state is not GuardState.CLOSED
        if after in (GuardState.TRIGGERED, GuardState.CLOSING, GuardState.CLOSE_FAILED):
            assert crossed
        state = after
