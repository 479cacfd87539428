"""Decisions lead where the table says, and a signal stands as its decisions do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_server.domain.pipeline.record import (
    OUTCOMES,
    InvalidOutcome,
    Signal,
    SignalDecision,
    decision_id_of,
    ended,
    moved,
    only_observed,
    request_id_of,
    state_of,
)
from signalos_server.domain.pipeline.words import SignalOutcome, SignalState
from signalos_server.domain.signals.model import Gate, Kind, Parse

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DECISION = SignalDecision("dec", "sig", "src", "acc", 0, 0, Kind.OPEN)
SIGNAL = Signal("sig", "usr", "src", "s", "text", NOW, NOW, NOW, parsed=Parse(kind=Kind.OPEN, gate=Gate.OK))
_O = SignalOutcome


def test_every_outcome_has_its_row() -> None:
    assert set(OUTCOMES) == set(SignalOutcome)


@given(st.lists(st.sampled_from(SignalOutcome), max_size=12))
def test_what_has_ended_never_comes_back(wishes: list[SignalOutcome]) -> None:
    decision, over = DECISION, False
    for wish in wishes:
        try:
            decision = moved(decision, wish, NOW)
        except InvalidOutcome:
            assert wish not in OUTCOMES[decision.outcome]
            continue
        assert not over
        # What was sent may only be asked about once more.
        over = not OUTCOMES[decision.outcome]


def test_an_ended_decision_waits_for_nothing_and_says_why() -> None:
    waiting = replace(moved(DECISION, _O.APPROVAL, NOW), expire_time=NOW)
    over = ended(waiting, _O.EXPIRED, "EXPIRED", "nobody came", NOW)
    assert (over.expire_time, over.code, over.steps[-1].code) == (None, "EXPIRED", "EXPIRED")


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([_O.SENT, _O.DENIED], SignalState.ACTED),
        ([_O.SENT, _O.APPROVAL], SignalState.WAITING),
        ([_O.PENDING, _O.QUESTION], SignalState.WAITING),
        ([_O.SENT, _O.HELD], SignalState.RECEIVED),
        ([_O.PENDING, _O.DENIED], SignalState.RECEIVED),
        ([_O.DENIED, _O.SKIPPED, _O.EXPIRED, _O.REJECTED, _O.WITHDRAWN], SignalState.NOT_TRADED),
        ([], SignalState.NOT_TRADED),
    ],
)
def test_a_signal_stands_as_its_decisions_do(outcomes: list[SignalOutcome], state: SignalState) -> None:
    decisions = [replace(DECISION, outcome=outcome) for outcome in outcomes]
    assert state_of(SIGNAL, decisions) is state


def test_what_says_nothing_needs_no_action_and_what_is_not_read_is_received() -> None:
    assert state_of(replace(SIGNAL, parsed=Parse()), []) is SignalState.NO_ACTION
    assert state_of(replace(SIGNAL, parsed=None), []) is SignalState.RECEIVED


def test_keys_follow_from_the_decision_and_differ_by_round_and_number() -> None:
    first = replace(DECISION, decision_id=decision_id_of("sig", 0, 0, "acc"))
    keys = {request_id_of(replace(first, round=turn), number) for turn in range(3) for number in range(3)}
    assert len(keys) == 9
    assert request_id_of(first, 0) == request_id_of(replace(first, code="X"), 0)
    assert all(len(key) <= 64 for key in keys)
    assert decision_id_of("sig", 1, 0, "acc") != decision_id_of("sig", 0, 1, "acc")


OBSERVED = replace(DECISION, outcome=_O.SKIPPED, code="OBSERVED")


def test_an_order_that_was_shown_and_sent_nowhere_was_only_observed() -> None:
    assert only_observed([OBSERVED])
    assert only_observed([OBSERVED, replace(DECISION, outcome=_O.DENIED, code="STALE_QUOTE")])


@pytest.mark.parametrize(
    "other",
    [
        *(replace(DECISION, outcome=one) for one in SignalOutcome if one not in (_O.SKIPPED, _O.DENIED)),
        # What it was to clear the way for was denied in the end; the closes were sent.
        replace(DECISION, outcome=_O.DENIED, code="NOT_CLEARED", command_ids=("close",)),
    ],
    ids=lambda one: one.outcome.name,
)
def test_an_order_that_is_undecided_sent_or_asked_about_anywhere_was_more(other: SignalDecision) -> None:
    assert not only_observed([OBSERVED, other])
    assert not only_observed([other])


def test_an_order_that_was_skipped_for_another_reason_was_not_only_observed() -> None:
    assert not only_observed([replace(OBSERVED, code="PAUSED")])
    assert not only_observed([])
