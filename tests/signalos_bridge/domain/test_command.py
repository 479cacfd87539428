from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.command import (
    COMMAND_TRANSITIONS,
    LEG_TRANSITIONS,
    CommandEvent,
    CommandRecord,
    InvalidTransition,
    Leg,
    LegEvent,
    judge,
    next_command_state,
    next_leg_state,
)
from signalos_bridge.domain.orders import CancelPending
from signalos_bridge.domain.values import (
    CloseAction,
    CloseAllAction,
    Command,
    CommandOrigin,
    CommandState,
    LegState,
)

COMMAND = Command("c", CommandOrigin.USER, CloseAction(1), 1, False, 1.0)


def a_leg(index: int, state: LegState, code: str = "") -> Leg:
    return Leg(index, index, CancelPending(1, "EURUSD"), Decimal(1), state=state, code=code, message=code)


def a_record(*legs: Leg, command: Command = COMMAND) -> CommandRecord:
    return CommandRecord(command, 1, CommandState.RUNNING, legs, 0, 0.0)


@given(st.lists(st.sampled_from(LegEvent), max_size=30))
def test_a_leg_never_leaves_done_and_is_never_planned_again(events: list[LegEvent]) -> None:
    state = LegState.PLANNED
    for event in events:
        try:
            after = next_leg_state(state, event)
        except InvalidTransition:
            continue
        assert after is not LegState.PLANNED
        assert state is not LegState.DONE
        state = after


@given(st.lists(st.sampled_from(CommandEvent), max_size=30))
def test_what_succeeded_stays_so_and_what_was_fenced_expired_or_cancelled_never_ran(
    events: list[CommandEvent],
) -> None:
    state = CommandState.DELIVERED
    began = False
    for event in events:
        try:
            after = next_command_state(state, event)
        except InvalidTransition:
            continue
        began = began or event in (CommandEvent.BEGUN, CommandEvent.AMBIGUOUS)
        assert state is not CommandState.SUCCEEDED
        if after in (CommandState.EXPIRED, CommandState.CANCELLED, CommandState.FENCED):
            assert not began
        state = after


def test_every_pair_is_either_in_the_table_or_refused() -> None:
    for state in CommandState:
        for event in CommandEvent:
            if (state, event) not in COMMAND_TRANSITIONS:
                with pytest.raises(InvalidTransition):
                    next_command_state(state, event)
    for leg_state in LegState:
        for leg_event in LegEvent:
            if (leg_state, leg_event) not in LEG_TRANSITIONS:
                with pytest.raises(InvalidTransition):
                    next_leg_state(leg_state, leg_event)


@pytest.mark.parametrize(
    ("states", "event"),
    [
        ((LegState.DONE, LegState.DONE), CommandEvent.EXECUTED),
        ((LegState.DONE, LegState.NOT_DONE), CommandEvent.EXECUTED_IN_PART),
        ((LegState.PARTIAL,), CommandEvent.EXECUTED_IN_PART),
        ((LegState.NOT_DONE, LegState.NOT_DONE), CommandEvent.REFUSED),
        ((LegState.DONE, LegState.UNKNOWN), CommandEvent.AMBIGUOUS),
        ((LegState.PLACED,), CommandEvent.AMBIGUOUS),
        ((LegState.DONE, LegState.CALLING), None),
        ((LegState.DONE, LegState.PLANNED), None),
    ],
)
def test_a_command_comes_to_what_its_legs_came_to(
    states: tuple[LegState, ...], event: CommandEvent | None
) -> None:
    verdict = judge(a_record(*(a_leg(index, state) for index, state in enumerate(states))))

    assert (verdict.event if verdict else None) is event


def test_closing_all_does_not_count_what_was_gone_before_its_turn() -> None:
    command = replace(COMMAND, action=CloseAllAction(True))
    gone = a_leg(1, LegState.NOT_DONE, "POSITION_GONE")

    verdict = judge(a_record(a_leg(0, LegState.DONE), gone, command=command))

    assert verdict is not None
    assert verdict.event is CommandEvent.EXECUTED


def test_closing_all_of_nothing_succeeds_and_says_so() -> None:
    record = replace(a_record(command=replace(COMMAND, action=CloseAllAction(True))), note="nothing there")

    verdict = judge(record)

    assert verdict is not None
    assert (verdict.event, verdict.message) == (CommandEvent.EXECUTED, "nothing there")
