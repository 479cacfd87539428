"""The bridge's side of the two streams, in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalos_bridge.domain.link_timing import Ending
from signalos_bridge.domain.session import (
    Acknowledged,
    Act,
    Arrival,
    Beat,
    ConnectSession,
    ControlSession,
    CreditGiven,
    Deliver,
    DrainSaid,
    Ended,
    EventsCommitted,
    Frame,
    InvalidTransition,
    LeaseGranted,
    LeaseHeld,
    OutcomeCommitted,
    OutcomeDone,
    Renew,
    RepeatOutcome,
    Resume,
    SendBeat,
    SendHello,
    ServerMessage,
    StreamState,
    SupersededBy,
    Terms,
    Welcome,
)

TERMS = Terms(heartbeat_seconds=5, dead_after_seconds=12, lease_seconds=30, event_credit=10)


def welcome(epoch: int = 7, committed: int = 0, incarnation: int = 0, terms: Terms = TERMS) -> Welcome:
    return Welcome(epoch, incarnation, terms, committed, (), None)


def frame(message: ServerMessage, epoch: int = 7, sent: float = 0.0) -> Frame:
    return Frame(epoch, round(sent * 1e9), message)


def a_session(next_event_seq: int = 1, last_epoch: tuple[int, int] = (0, 0)) -> ConnectSession:
    return ConnectSession(next_event_seq=next_event_seq, random=lambda: 0.5, last_epoch=last_epoch)


def an_open_session(next_event_seq: int = 1, committed: int = 0) -> ConnectSession:
    session = a_session(next_event_seq)
    session.opened(0.0)
    session.receive(frame(welcome(committed=committed)), 0.0)
    return session


def ending(acts: tuple[Act, ...]) -> Ending | None:
    return next((act.ending for act in acts if isinstance(act, Ended)), None)


def test_the_hello_is_first_and_the_welcome_begins_the_session() -> None:
    session = a_session(next_event_seq=5)

    assert session.opened(0.0) == (SendHello(),)
    acts = session.receive(frame(welcome(committed=4)), 0.1)

    assert acts == (Acknowledged(4), Resume(welcome(committed=4)))
    assert session.state is StreamState.LIVE
    assert session.epoch == 7


def test_a_session_that_is_not_welcomed_in_time_is_over() -> None:
    session = a_session()
    session.opened(0.0)

    assert session.tick(4.9) == ()
    assert ending(session.tick(5.0)) is Ending.SILENT


def test_another_first_frame_than_a_welcome_ends_the_session() -> None:
    session = a_session()
    session.opened(0.0)

    assert ending(session.receive(frame(Beat(1)), 0.1)) is Ending.MALFORMED


@pytest.mark.parametrize(
    "answer",
    [
        welcome(epoch=3),
        welcome(committed=-1),
        welcome(terms=Terms(12, 5, 30, 1)),
        welcome(terms=Terms(0, 5, 30, 1)),
        welcome(terms=Terms(1, 5, 0, 1)),
    ],
)
def test_a_welcome_that_makes_no_sense_is_not_believed(answer: Welcome) -> None:
    session = a_session(last_epoch=(0, 3))
    session.opened(0.0)

    assert ending(session.receive(frame(answer, epoch=answer.epoch), 0.1)) is Ending.MALFORMED


def test_a_journal_that_the_server_knows_more_of_is_not_gone_on_with() -> None:
    session = a_session()
    session.opened(0.0)
    assert ending(session.receive(frame(welcome(committed=9)), 0.1)) is Ending.JOURNAL_BEHIND


def test_a_journal_that_another_one_has_spoken_after_is_renewed_and_not_gone_on_with() -> None:
    session = a_session(next_event_seq=9)
    session.opened(0.0)
    outdated = replace(welcome(committed=4), journal_outdated=True)

    renew, *rest = session.receive(frame(outdated), 0.1)

    assert renew == Renew(outdated)
    assert ending(tuple(rest)) is Ending.JOURNAL_OUTDATED
    assert not session.live


def test_a_restored_database_outranks_a_higher_epoch() -> None:
    session = a_session(last_epoch=(1, 900))
    session.opened(0.0)

    acts = session.receive(frame(welcome(epoch=2, incarnation=2), epoch=2), 0.1)

    assert ending(acts) is None
    assert session.live


def test_frames_of_another_epoch_are_ignored() -> None:
    session = an_open_session()

    assert session.receive(frame(Arrival("old command"), epoch=6), 1.0) == ()
    assert session.receive(frame(Arrival("command"), sent=1.0), 1.0) == (Deliver("command", 0.0),)
    assert session.ignored_frames == 1


def test_a_command_that_was_held_for_twelve_seconds_says_so() -> None:
    session = an_open_session()

    (act,) = session.receive(frame(Arrival("command"), sent=1.0), 13.0)

    assert isinstance(act, Deliver)
    assert act.age_seconds == pytest.approx(12.0)


def test_events_go_out_as_far_as_the_credit_reaches() -> None:
    session = an_open_session(next_event_seq=31, committed=3)

    assert session.events_to_send(4, 1.0) == (4, 7)
    assert session.events_to_send(100, 1.0) == (8, 13)
    assert session.events_to_send(100, 1.0) is None
    assert session.receive(frame(EventsCommitted(8)), 2.0) == (Acknowledged(8),)
    assert session.events_to_send(100, 2.0) == (14, 18)
    session.receive(frame(CreditGiven(100)), 2.0)
    assert session.events_to_send(100, 2.0) == (19, 30)


def test_events_that_are_not_committed_in_time_are_sent_again() -> None:
    session = an_open_session(next_event_seq=4)
    assert session.events_to_send(10, 0.0) == (1, 3)
    session.receive(frame(EventsCommitted(1)), 5.0)
    session.receive(frame(Beat(1)), 14.0)

    session.tick(15.0)

    assert session.events_to_send(10, 15.0) == (2, 3)


def test_an_acknowledgement_of_events_that_do_not_exist_is_ignored() -> None:
    session = an_open_session(next_event_seq=4)

    assert session.receive(frame(EventsCommitted(4)), 1.0) == ()
    assert session.receive(frame(EventsCommitted(3)), 1.0) == (Acknowledged(3),)
    assert session.receive(frame(EventsCommitted(2)), 1.0) == ()


def test_an_outcome_is_repeated_until_it_is_acknowledged() -> None:
    session = an_open_session()
    session.outcome_sent("c1", 1, 0.0)
    assert not session.outcome_due("c1", 1)
    assert session.outcome_due("c1", 2)

    session.receive(frame(Beat(1)), 9.0)
    assert RepeatOutcome("c1", 1) in session.tick(10.0)
    assert session.receive(frame(OutcomeCommitted("c1", 1)), 11.0) == (OutcomeDone("c1", 1),)
    assert session.outcome_due("c1", 1)


def test_a_silent_server_is_given_up() -> None:
    session = an_open_session()
    assert session.tick(0.0) == (SendBeat(1),)

    assert ending(session.tick(11.9)) is None
    assert ending(session.tick(12.0)) is Ending.SILENT
    assert session.receive(frame(Arrival("late")), 13.0) == ()


def test_a_draining_server_is_left_within_its_window_and_served_until_then() -> None:
    session = an_open_session()
    session.receive(frame(DrainSaid(8.0)), 1.0)
    session.receive(frame(DrainSaid(8.0)), 2.0)

    assert session.receive(frame(Arrival("command"), sent=3.0), 3.0)
    assert ending(session.tick(4.9)) is None
    assert ending(session.tick(5.0)) is Ending.DRAINED


def test_a_newer_session_ends_this_one() -> None:
    session = an_open_session()

    assert session.receive(frame(SupersededBy(7, "")), 1.0) == ()
    acts = session.receive(frame(SupersededBy(8, "10.0.0.9:4711")), 1.0)

    assert acts == (Ended(Ending.SUPERSEDED, "superseded by session 8 from 10.0.0.9:4711"),)


def test_a_stream_is_opened_once() -> None:
    session = an_open_session()

    with pytest.raises(InvalidTransition):
        session.opened(1.0)


def test_a_lease_counts_from_the_sending_of_the_heartbeat_that_earned_it() -> None:
    control = ControlSession(epoch=7, terms=TERMS)
    assert control.opened(100.0) == (SendHello(), SendBeat(1))

    assert control.receive(frame(LeaseGranted(1), sent=3.0), 103.0) == (LeaseHeld(130.0),)
    assert control.receive(frame(LeaseGranted(1), sent=3.0), 104.0) == ()
    assert control.tick(105.0) == (SendBeat(2),)
    assert control.receive(frame(LeaseGranted(2), sent=5.0), 105.1) == (LeaseHeld(135.0),)


def test_a_lease_for_a_heartbeat_that_was_never_sent_is_ignored() -> None:
    control = ControlSession(epoch=7, terms=TERMS)
    control.opened(100.0)

    assert control.receive(frame(LeaseGranted(2)), 100.1) == ()
    assert control.receive(frame(LeaseGranted(1), epoch=6), 100.1) == ()
    assert control.ignored_frames == 2


def test_a_silent_control_stream_is_over() -> None:
    control = ControlSession(epoch=7, terms=TERMS)
    control.opened(0.0)
    control.receive(frame(Arrival("desired state")), 2.0)

    assert ending(control.tick(13.9)) is None
    assert ending(control.tick(14.0)) is Ending.SILENT


MESSAGES = st.one_of(
    st.builds(Beat, st.integers(0, 5)),
    st.builds(LeaseGranted, st.integers(0, 5)),
    st.builds(EventsCommitted, st.integers(-1, 40)),
    st.builds(OutcomeCommitted, st.sampled_from(["a", "b"]), st.integers(0, 3)),
    st.builds(CreditGiven, st.integers(-1, 20)),
    st.builds(DrainSaid, st.floats(-1, 30)),
    st.builds(SupersededBy, st.integers(5, 9), st.just("")),
    st.builds(Arrival, st.integers()),
    st.builds(welcome, st.integers(6, 8), st.integers(-1, 30)),
)
INPUTS = st.one_of(
    st.tuples(st.just("receive"), MESSAGES, st.integers(6, 8), st.floats(0, 5)),
    st.tuples(st.just("tick"), st.none(), st.just(0), st.floats(0, 14)),
    st.tuples(st.just("events"), st.none(), st.integers(0, 20), st.floats(0, 1)),
    st.tuples(st.just("outcome"), st.none(), st.integers(1, 3), st.floats(0, 1)),
    st.tuples(st.just("made"), st.none(), st.integers(0, 5), st.floats(0, 1)),
    st.tuples(st.just("lost"), st.none(), st.just(0), st.floats(0, 1)),
)


@settings(max_examples=300, deadline=None)
@given(st.booleans(), st.lists(INPUTS, max_size=60))
def test_any_input_in_any_state_keeps_the_data_streams_promises(
    open_first: bool, inputs: list[tuple[str, ServerMessage | None, int, float]]
) -> None:
    session = a_session(next_event_seq=20)
    now = 0.0
    last_sent = last_committed = 0
    ends = 0
    next_seq = 20
    if open_first:
        session.opened(now)
    for kind, message, number, seconds in inputs:
        now += seconds
        over = session.state is StreamState.OVER
        acts: tuple[Act, ...] = ()
        if kind == "receive":
            assert message is not None
            acts = session.receive(frame(message, epoch=number, sent=now), now)
        elif kind == "tick":
            acts = session.tick(now)
        elif kind == "events":
            span = session.events_to_send(number, now)
            if span is not None:
                assert session.live
                assert 1 <= span[0] <= span[1] < next_seq
                # No event is left out: a span begins right after what was sent or committed before.
                assert span[0] <= max(last_sent, last_committed) + 1
                last_sent = span[1]
        elif kind == "outcome":
            session.outcome_sent("a", number, now)
        elif kind == "made":
            next_seq += number
            session.event_made(next_seq)
        else:
            acts = session.lost("gone")
        ends += sum(isinstance(act, Ended) for act in acts)
        if over:
            assert acts == ()
        for act in acts:
            if isinstance(act, Deliver):
                assert act.age_seconds >= -1e-6
            if isinstance(act, Acknowledged):
                assert act.event_seq < next_seq
                last_committed = act.event_seq
        wake_at = session.wake_at()
        assert (wake_at is None) is (session.state in (StreamState.NEW, StreamState.OVER))
    assert ends <= 1


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.builds(LeaseGranted, st.integers(0, 6)), st.integers(6, 8), st.floats(0, 6)),
            st.tuples(st.builds(Beat, st.integers(0, 6)), st.integers(6, 8), st.floats(0, 6)),
            st.tuples(st.none(), st.just(0), st.floats(0, 6)),
        ),
        max_size=60,
    )
)
def test_no_lease_is_longer_than_its_length_from_a_heartbeat_that_was_sent(
    inputs: list[tuple[ServerMessage | None, int, float]],
) -> None:
    control = ControlSession(epoch=7, terms=TERMS)
    now = 0.0
    sent_at: dict[int, float] = {}

    def note(acts: tuple[Act, ...]) -> None:
        for act in acts:
            if isinstance(act, SendBeat):
                sent_at[act.number] = now
            if isinstance(act, LeaseHeld):
                assert act.until in [sent + TERMS.lease_seconds for sent in sent_at.values()]
                assert act.until <= now + TERMS.lease_seconds

    note(control.opened(now))
    for message, epoch, seconds in inputs:
        now += seconds
        note(control.tick(now) if message is None else control.receive(frame(message, epoch, now), now))


@pytest.mark.parametrize(
    ("ours", "theirs", "lives"),
    [("e4", "e4", True), ("e4", "other", False), ("", "other", True), ("e4", "", True)],
)
def test_a_journal_that_was_put_back_and_went_on_otherwise_is_behind(
    ours: str, theirs: str, lives: bool
) -> None:
    session = ConnectSession(next_event_seq=9, random=lambda: 0.5, event_id=lambda seq: ours)
    session.opened(0.0)

    acts = session.receive(frame(replace(welcome(committed=4), committed_event_id=theirs)), 0.1)

    assert session.live is lives
    assert (ending(acts) is Ending.JOURNAL_BEHIND) is not lives
