"""The life of commands, as a table and as what is said about one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_server.domain.actions import Close
from signalos_server.domain.command import (
    TRANSITIONS,
    Change,
    Command,
    CommandEvent,
    Fate,
    InvalidTransition,
    Moment,
    Outcome,
    apply,
    end_unoffered,
    fate_of_unseen,
    lose_memory,
    on_outcome,
    on_receipt,
    outlives_restart,
    resolve,
    time_left,
)
from signalos_server.domain.words import CommandOrigin, CommandState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCEPTED = Moment(NOW, 1000.0, "server-1", "machine-1")


def a_command(**changes: object) -> Command:
    command = Command(
        command_id="c1",
        account_id="acc_1",
        origin=CommandOrigin.USER,
        state=CommandState.PENDING,
        action=Close(77),
        create_time=NOW,
        time_to_live=timedelta(seconds=5),
        stop_generation=3,
        increases_risk=False,
        accepted=ACCEPTED,
    )
    return replace(command, **changes)  # type: ignore[arg-type]


def later(
    seconds: float, *, wall: float | None = None, server: str = "server-1", boot: str = "machine-1"
) -> Moment:
    return Moment(NOW + timedelta(seconds=seconds if wall is None else wall), 1000.0 + seconds, server, boot)


FINAL = [state for state in CommandState if state.is_final]
TOLD = [*FINAL, CommandState.UNKNOWN]

outcomes = st.builds(
    Outcome,
    command_id=st.just("c1"),
    outcome_number=st.integers(1, 5),
    state=st.sampled_from(TOLD),
    filled_volume_lots=st.sampled_from([Decimal(0), Decimal("0.1")]),
)
words = st.one_of(outcomes, st.sampled_from([CommandState.DELIVERED, CommandState.RUNNING]))


def test_every_state_has_an_answer_to_what_a_bridge_may_say_or_says_that_it_has_none() -> None:
    for state in CommandState:
        for event in CommandEvent:
            if (state, event) in TRANSITIONS:
                assert apply(state, event) is TRANSITIONS[state, event]
            else:
                assert state.is_final
                with pytest.raises(InvalidTransition):
                    apply(state, event)


def test_nothing_leads_back_from_the_end() -> None:
    for (state, _), after in TRANSITIONS.items():
        if state.is_final:
            assert after is state


@given(st.lists(words, max_size=20))
def test_whatever_a_bridge_says_in_whatever_order_is_taken(told: list[Outcome | CommandState]) -> None:
    command = a_command(offered_epoch=1)
    for word in told:
        before = command
        if isinstance(word, CommandState):
            command = on_receipt(command, word, NOW)
            assert not before.is_final or command is before
            continue
        command, change = on_outcome(command, word, NOW)
        if word.outcome_number <= before.outcome_number:
            assert (command, change) == (before, Change.NOTHING)
        else:
            assert command.state is word.state
            contradicts = before.is_final and (
                (before.state, before.filled_volume_lots) != (word.state, word.filled_volume_lots)
            )
            assert (change is Change.CORRECTED) == contradicts


@given(st.lists(outcomes, max_size=12))
def test_repeating_everything_that_was_said_changes_nothing(told: list[Outcome]) -> None:
    command = a_command(offered_epoch=1)
    for outcome in told:
        command, _ = on_outcome(command, outcome, NOW)
    for outcome in told:
        again, change = on_outcome(command, outcome, NOW)
        assert (again, change) == (command, Change.NOTHING)


def test_an_execution_whose_receipts_were_lost_counts() -> None:
    after, change = on_outcome(a_command(offered_epoch=1), Outcome("c1", 1, CommandState.SUCCEEDED), NOW)
    assert (after.state, change) == (CommandState.SUCCEEDED, Change.APPLIED)
    assert after.end_time == NOW


def test_only_what_was_never_offered_is_ended_by_the_server() -> None:
    ended = end_unoffered(a_command(), CommandEvent.TIME_OVER, "EXPIRED_IN_QUEUE", "", NOW)
    assert ended.state is CommandState.EXPIRED
    with pytest.raises(InvalidTransition):
        end_unoffered(a_command(offered_epoch=1), CommandEvent.TIME_OVER, "EXPIRED_IN_QUEUE", "", NOW)


def test_a_lost_memory_makes_offered_commands_unknown_and_leaves_the_others() -> None:
    assert lose_memory(a_command(), "X", "").state is CommandState.PENDING
    assert lose_memory(a_command(offered_epoch=2), "X", "").state is CommandState.UNKNOWN
    ended = a_command(offered_epoch=2, state=CommandState.REJECTED)
    assert lose_memory(ended, "X", "") is ended


def test_a_person_resolves_what_is_unknown_and_nothing_else() -> None:
    resolved = resolve(a_command(state=CommandState.UNKNOWN), executed_ticket=5, message="", now=NOW)
    assert resolved.state is CommandState.SUCCEEDED
    assert resolved.resolved_by_person
    with pytest.raises(InvalidTransition):
        resolve(a_command(state=CommandState.RUNNING), executed_ticket=None, message="", now=NOW)


@given(st.floats(-7200, 7200), st.floats(0, 10))
def test_within_one_start_the_wall_clock_never_decides(wall: float, seconds: float) -> None:
    left = time_left(a_command(), later(seconds, wall=wall))
    assert abs(left.total_seconds() - (5 - seconds)) < 1e-3


@pytest.mark.parametrize(
    ("moment", "risky", "lives"),
    [
        (later(3.0, server="server-2"), True, True),
        (later(4.5, server="server-2"), True, False),  # less than a second is left
        (later(4.5, server="server-2"), False, True),
        (later(3.0, wall=-3600, server="server-2"), True, False),  # the wall clock has jumped
        (later(3.0, wall=3600, server="server-2"), False, True),
        (later(3.0, server="server-2", boot="machine-2"), True, False),  # the machine was booted
        (later(4.5), True, True),
        (later(5.5), False, False),
    ],
)
def test_after_a_restart_what_increases_risk_lives_only_by_clocks_that_agree(
    moment: Moment, risky: bool, lives: bool
) -> None:
    assert outlives_restart(a_command(increases_risk=risky), moment) is lives


@pytest.mark.parametrize(
    ("command", "generation", "stopped", "fate"),
    [
        (a_command(increases_risk=True), 3, False, Fate.SEND),
        (a_command(increases_risk=True), 4, False, Fate.FENCE),
        (a_command(increases_risk=True), 3, True, Fate.FENCE),
        (a_command(), 4, True, Fate.SEND),
        (a_command(cancel_wanted=True), 3, False, Fate.TAKE_BACK),
    ],
)
def test_a_stop_fences_what_increases_risk_and_nothing_else(
    command: Command, generation: int, stopped: bool, fate: Fate
) -> None:
    assert fate_of_unseen(command, now=later(1), stop_generation=generation, stopped=stopped) is fate


def test_an_outcome_without_receipts_tells_when_the_bridge_had_the_command_and_called() -> None:
    accepted = replace(a_command(offered_epoch=1), create_time=NOW - timedelta(seconds=2))
    told = Outcome("c1", 1, CommandState.SUCCEEDED, queue_seconds=0.4, terminal_seconds=0.1, age_seconds=1.5)

    after, _ = on_outcome(accepted, told, NOW)

    assert after.deliver_time == NOW - timedelta(seconds=1.5)
    assert after.run_time == NOW - timedelta(seconds=1.1)
    assert after.end_time == NOW


def test_no_age_makes_a_command_older_than_its_acceptance() -> None:
    accepted = replace(a_command(offered_epoch=1), create_time=NOW)

    after, _ = on_outcome(accepted, Outcome("c1", 1, CommandState.SUCCEEDED, age_seconds=9.0), NOW)

    assert after.deliver_time == NOW


def test_receipts_that_came_are_believed_before_an_age() -> None:
    accepted = replace(a_command(offered_epoch=1), create_time=NOW - timedelta(seconds=9))
    receipted = on_receipt(accepted, CommandState.DELIVERED, NOW - timedelta(seconds=1))

    after, _ = on_outcome(receipted, Outcome("c1", 1, CommandState.SUCCEEDED, age_seconds=5.0), NOW)

    assert after.deliver_time == NOW - timedelta(seconds=1)
