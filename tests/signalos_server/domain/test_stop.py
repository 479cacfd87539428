"""How far a stop has come: stages stay, repeats change nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis.strategies import booleans, builds, lists, none, sampled_from

from signalos_server.domain.stop import AccountStop, Stage, StopTicket, merge, on_stage
from signalos_server.domain.words import StopTicketState

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


ages = none() | sampled_from([0.0, 0.5, 3.0])
stages = builds(
    Stage,
    stop_id=sampled_from(["s"]),
    latched_seconds_ago=ages,
    quiet_seconds_ago=ages,
    cancelled_seconds_ago=ages,
    flat_seconds_ago=ages,
    complete=booleans(),
    unrecalled_command_ids=sampled_from([(), ("c1",), ("c2",)]),
)


@given(lists(stages, max_size=6))
def test_a_stage_that_was_reached_keeps_its_first_time_and_nothing_is_forgotten(told: list[Stage]) -> None:
    account = AccountStop("a")
    for number, stage in enumerate(told):
        after = on_stage(account, stage, later(number))
        for name in ("latch_time", "quiet_time", "cancel_time", "flat_time"):
            before = getattr(account, name)
            assert before is None or getattr(after, name) == before
        assert after.complete >= account.complete
        assert set(after.unrecalled_command_ids) >= set(account.unrecalled_command_ids)
        account = after


def a_ticket(attempts: int, seconds: float | None) -> StopTicket:
    return StopTicket(7, False, "EURUSD", False, StopTicketState.RETRYING, "refused", attempts, seconds)


def test_a_repeated_word_on_a_refused_ticket_changes_nothing_and_the_next_attempt_does() -> None:
    first = on_stage(AccountStop("a"), Stage("s", tickets=(a_ticket(1, 4.0),)), NOW)
    assert first.tickets[0].next_attempt_time == later(4.0)

    again = on_stage(first, Stage("s", tickets=(a_ticket(1, 2.9),)), later(1.0))
    assert again == replace(first, tickets=again.tickets)
    assert again.tickets == first.tickets

    second = on_stage(again, Stage("s", tickets=(a_ticket(2, 5.0),)), later(4.0))
    assert second.tickets[0].next_attempt_time == later(9.0)
    done = replace(a_ticket(3, None), state=StopTicketState.DONE)
    assert on_stage(second, Stage("s", tickets=(done,)), later(9.0)).tickets[0].next_attempt_time is None


def test_memory_and_record_together_say_all_that_either_knows() -> None:
    record = AccountStop("a", reached=False, quiet_time=NOW, unrecalled_command_ids=("c1",))
    memory = AccountStop("a", reached=True, latch_time=NOW, problem="market closed", complete=True)

    both = merge(record, memory)

    assert (both.reached, both.latch_time, both.quiet_time, both.complete) == (True, NOW, NOW, True)
    assert both.unrecalled_command_ids == ("c1",)
    assert both.problem == "market closed"
