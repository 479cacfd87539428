"""The server's side of a bridge session: any frame at any time, lost, repeated and out of order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from signalos_server.domain.bridge_session import (
    LINK_TRANSITIONS,
    BridgeSession,
    End,
    LeaseGranted,
    LinkEvent,
    LinkState,
    Output,
    Ready,
    Record,
    Send,
    Stream,
)
from signalos_server.domain.command import Outcome
from signalos_server.domain.control import Applied, ControlDocument, HeldStop, add_stop, set_paused
from signalos_server.domain.frames import (
    BridgeEvent,
    DealSeen,
    Desired,
    EventAck,
    Heartbeat,
    HeartbeatAnswer,
    Hello,
    LeaseGrant,
    OutcomeTold,
    Receipt,
    Standing,
    Standings,
    StopOrder,
    Superseded,
    Welcome,
)
from signalos_server.domain.lease import OwnerReading
from signalos_server.domain.records import Deal
from signalos_server.domain.words import CloseCause, CommandState, DealEntry, LapsePolicy

DOCUMENT = ControlDocument("acc_1")
ZERO = Decimal(0)
DEAL = DealSeen(
    Deal(
        1,
        0,
        0,
        "",
        "BALANCE",
        DealEntry.UNSPECIFIED,
        CloseCause.UNSPECIFIED,
        ZERO,
        ZERO,
        ZERO,
        ZERO,
        ZERO,
        ZERO,
    )
)
HELLO = Hello("brg_1", "boot", "journal", "1", (1,), None, 1)


def welcome(*open_commands: str, committed: int = 0) -> Welcome:
    return Welcome(
        epoch=5,
        account_id="acc_1",
        committed_event_seq=committed,
        magic_prefix=1,
        incarnation=1,
        heartbeat_seconds=5,
        dead_after_seconds=12,
        lease_seconds=30,
        event_credit=10,
        server_time=datetime(2026, 1, 1, tzinfo=UTC),
        open_command_ids=open_commands,
    )


def applied(revision: int) -> Applied:
    return Applied(revision, 0, False, False, LapsePolicy.CANCEL_PENDINGS)


def a_session(*open_commands: str, committed: int = 0) -> BridgeSession:
    session = BridgeSession(welcome(*open_commands, committed=committed), DOCUMENT, 0.0)
    session.start()
    if not open_commands:
        session.receive(Stream.DATA, 5, Standings(()), 0.0)
    return session


def with_control(session: BridgeSession, now: float = 0.0) -> BridgeSession:
    session.open_control(now)
    session.receive(Stream.CONTROL, 5, HELLO, now)
    session.control_adopted(DOCUMENT, now)
    return session


def sent(outputs: list[Output]) -> list[object]:
    return [output.frame for output in outputs if isinstance(output, Send)]


def event(seq: int) -> BridgeEvent:
    return BridgeEvent(seq, f"e{seq}", DEAL)


def test_every_link_state_has_an_answer_to_every_link_event() -> None:
    assert set(LINK_TRANSITIONS) == {(state, event) for state in LinkState for event in LinkEvent}


def test_nothing_is_offered_before_the_bridge_has_answered_the_welcome() -> None:
    session = BridgeSession(welcome(), DOCUMENT, 0.0)
    assert session.start() == [Send(Stream.DATA, welcome())]
    assert not session.may_send(increases_risk=False)

    assert session.receive(Stream.DATA, 5, Standings(()), 0.0) == [Ready(opens=False)]

    assert session.may_send(increases_risk=False)


def test_what_increases_risk_waits_for_control_to_apply_the_revision() -> None:
    session = a_session()
    assert session.may_send(increases_risk=False)
    assert not session.may_send(increases_risk=True)
    with_control(session)
    assert not session.may_send(increases_risk=True)

    outputs = session.receive(Stream.CONTROL, 5, applied(1), 1.0)

    assert Ready(opens=True) in outputs
    assert session.may_send(increases_risk=True)


def test_a_change_of_the_document_holds_opens_back_until_it_is_applied() -> None:
    session = with_control(a_session())
    session.receive(Stream.CONTROL, 5, applied(1), 1.0)
    changed = set_paused(DOCUMENT, True)

    assert sent(session.desire(changed)) == [Desired(changed)]

    assert not session.may_send(increases_risk=True)
    assert session.may_send(increases_risk=False)
    session.receive(Stream.CONTROL, 5, applied(2), 2.0)
    assert session.may_send(increases_risk=True)


def test_nothing_is_sent_before_the_open_commands_are_answered_for() -> None:
    session = a_session("c1", "c2")
    assert not session.may_send(increases_risk=False)
    session.receive(Stream.DATA, 5, Standings((Standing("c1", None),)), 1.0)
    assert not session.may_send(increases_risk=False)

    outputs = session.receive(
        Stream.DATA, 5, Standings((Standing("c2", CommandState.RUNNING), Standing("strange", None))), 1.0
    )

    assert [type(output) for output in outputs] == [Record, Ready]
    assert session.may_send(increases_risk=False)


def test_a_repeated_event_is_acknowledged_and_not_returned() -> None:
    session = a_session(committed=7)
    assert sent(session.receive(Stream.DATA, 5, event(7), 1.0)) == [EventAck(7)]
    assert session.receive(Stream.DATA, 5, event(8), 1.0) == [Record(event(8))]
    assert session.receive(Stream.DATA, 5, event(8), 1.0) == []
    assert sent(session.events_committed(8)) == [EventAck(8)]


def test_a_hole_in_the_events_ends_the_stream() -> None:
    session = a_session()
    outputs = session.receive(Stream.DATA, 5, event(2), 1.0)
    assert any(isinstance(output, End) for output in outputs)
    assert session.link is LinkState.ENDED


def test_events_beyond_the_credit_end_the_stream() -> None:
    session = a_session()
    for seq in range(1, 11):
        session.receive(Stream.DATA, 5, event(seq), 1.0)
    assert any(isinstance(output, End) for output in session.receive(Stream.DATA, 5, event(11), 1.0))


def test_a_frame_of_another_epoch_ends_its_stream_and_writes_nothing() -> None:
    session = a_session()
    outputs = session.receive(Stream.DATA, 4, event(1), 1.0)
    assert not any(isinstance(output, Record) for output in outputs)
    assert session.link is LinkState.ENDED


def test_a_stream_that_is_silent_for_too_long_is_dead_and_the_other_lives_on() -> None:
    session = with_control(a_session())
    session.receive(Stream.CONTROL, 5, Heartbeat(1), 10.0)
    outputs = session.tick(12.5)
    assert [output.stream for output in outputs if isinstance(output, End)] == [Stream.DATA]
    assert session.link is LinkState.CONTROL_ONLY
    assert session.may_stop()
    assert not session.may_send(increases_risk=False)


def test_a_lease_is_granted_only_by_a_fresh_reading_of_this_owner() -> None:
    session = with_control(a_session())
    assert sent(session.receive(Stream.CONTROL, 5, Heartbeat(1), 1.0)) == [HeartbeatAnswer(1)]
    # The reading that was missing gives the heartbeat that was there already its lease.
    assert session.read_owner(OwnerReading(1.0, 5, 0, False, 1), 1.5) == [
        Send(Stream.CONTROL, LeaseGrant(1)),
        LeaseGranted(31.0),
    ]
    assert session.read_owner(OwnerReading(1.6, 5, 0, False, 1), 1.7) == []
    assert sent(session.receive(Stream.CONTROL, 5, Heartbeat(2), 2.0)) == [LeaseGrant(2)]
    assert sent(session.receive(Stream.CONTROL, 5, Heartbeat(3), 7.0)) == [HeartbeatAnswer(3)]
    assert session.read_owner(OwnerReading(7.0, 6, 0, False, 1), 7.0) == []
    assert sent(session.receive(Stream.CONTROL, 5, Heartbeat(4), 7.5)) == [HeartbeatAnswer(4)]


def test_the_first_lease_comes_with_the_adoption_and_counts_from_the_heartbeat() -> None:
    session = a_session()
    session.read_owner(OwnerReading(0.0, 5, 0, False, 1), 0.0)
    session.open_control(0.0)
    session.receive(Stream.CONTROL, 5, HELLO, 0.0)
    assert sent(session.receive(Stream.CONTROL, 5, Heartbeat(1), 0.0)) == [HeartbeatAnswer(1)]

    outputs = session.control_adopted(DOCUMENT, 3.0)

    # After what is wanted, so that the bridge keeps to it before it may open.
    assert sent(outputs) == [Desired(DOCUMENT), LeaseGrant(1)]
    assert session.lease_until == 30.0


def test_a_heartbeat_earns_no_lease_in_another_control_stream() -> None:
    session = a_session()
    session.open_control(0.0)
    session.receive(Stream.CONTROL, 5, HELLO, 0.0)
    session.receive(Stream.CONTROL, 5, Heartbeat(1), 0.0)
    session.lost(Stream.CONTROL, "cut")
    with_control(session, 1.0)
    assert session.read_owner(OwnerReading(1.0, 5, 0, False, 1), 1.0) == []


def test_no_heartbeat_earns_a_lease_while_stopped_and_the_rearm_gives_it_back() -> None:
    session = with_control(a_session())
    session.stop(StopOrder("s1", False, 1, ""))
    session.receive(Stream.CONTROL, 5, Heartbeat(1), 1.0)
    assert session.read_owner(OwnerReading(1.0, 5, 0, False, 1), 1.0) == []
    stopped = add_stop(DOCUMENT, HeldStop("s1"))
    session.desire(stopped)
    assert session.read_owner(OwnerReading(2.0, 5, 1, True, stopped.revision), 2.0) == []
    session.desire(replace(stopped, revision=stopped.revision + 1, stops=()))
    assert sent(session.read_owner(OwnerReading(3.0, 5, 1, False, 1), 3.0)) == [LeaseGrant(1)]


def test_a_stop_from_memory_ends_leases_and_opens_at_once() -> None:
    session = with_control(a_session())
    session.receive(Stream.CONTROL, 5, applied(1), 1.0)
    session.read_owner(OwnerReading(1.0, 5, 0, False, 1), 1.0)
    order = StopOrder("s1", False, 1, "")

    assert sent(session.stop(order)) == [order]

    assert not session.may_send(increases_risk=True)
    assert session.may_send(increases_risk=False)
    assert sent(session.receive(Stream.CONTROL, 5, Heartbeat(2), 2.0)) == [HeartbeatAnswer(2)]
    stopped = add_stop(DOCUMENT, HeldStop("s1"))
    session.desire(stopped)
    assert session.stopping == ()
    assert not session.may_send(increases_risk=True)


def test_a_stop_that_is_only_in_memory_is_sent_again_when_control_comes_back() -> None:
    session = with_control(a_session())
    order = StopOrder("s1", True, 1, "")
    session.stop(order)
    session.lost(Stream.CONTROL, "cut")
    session.open_control(2.0)
    session.receive(Stream.CONTROL, 5, HELLO, 2.0)
    assert order in sent(session.control_adopted(DOCUMENT, 2.0))


def test_a_superseded_session_says_so_and_hears_nothing_more() -> None:
    session = with_control(a_session())
    outputs = session.supersede(6, "10.0.0.9")
    assert sent(outputs) == [Superseded(6, "10.0.0.9"), Superseded(6, "10.0.0.9")]
    assert session.link is LinkState.ENDED
    assert session.receive(Stream.DATA, 5, event(1), 1.0) == []


frames = st.one_of(
    st.builds(Heartbeat, number=st.integers(1, 9)),
    st.builds(event, st.integers(1, 14)),
    st.builds(Receipt, st.just("c1"), st.just(CommandState.DELIVERED)),
    st.just(OutcomeTold(Outcome("c1", 1, CommandState.SUCCEEDED))),
    st.just(Standings((Standing("c1", None),))),
    st.builds(applied, st.integers(1, 4)),
    st.just(HELLO),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("frame"), st.sampled_from(Stream), st.sampled_from([5, 5, 5, 5, 4]), frames),
        st.tuples(st.just("open"), st.just(None), st.just(0), st.just(None)),
        st.tuples(st.just("adopt"), st.just(None), st.just(0), st.just(None)),
        st.tuples(st.just("lost"), st.sampled_from(Stream), st.just(0), st.just(None)),
        st.tuples(st.just("commit"), st.just(None), st.integers(0, 12), st.just(None)),
        st.tuples(st.just("stop"), st.just(None), st.just(0), st.just(None)),
        st.tuples(st.just("tick"), st.just(None), st.integers(0, 20), st.just(None)),
    ),
    max_size=60,
)


@settings(max_examples=300)
@given(steps)
def test_any_input_in_any_state_keeps_the_promises(
    told: list[tuple[str, Stream | None, int, object]],
) -> None:
    session, now, recorded, stopped = a_session("c1"), 0.0, 0, False
    for kind, stream, number, frame in told:
        now += 0.5
        ended = session.link is LinkState.ENDED
        outputs: list[Output] = []
        if kind == "frame":
            assert stream is not None
            outputs = session.receive(stream, number, frame, now)  # type: ignore[arg-type]
        elif kind == "open":
            outputs = session.open_control(now)
        elif kind == "adopt":
            outputs = session.control_adopted(DOCUMENT, now)
        elif kind == "lost":
            assert stream is not None
            outputs = session.lost(stream, "cut")
        elif kind == "commit":
            outputs = session.events_committed(min(number, recorded))
        elif kind == "stop":
            outputs = session.stop(StopOrder("s1", False, 1, ""))
            stopped = True
        else:
            now += number
            outputs = session.tick(now)
        for output in outputs:
            if isinstance(output, Record) and isinstance(output.item, BridgeEvent):
                # In order, without a hole, and never twice.
                assert output.item.seq == recorded + 1
                recorded += 1
            assert not (isinstance(output, Send) and isinstance(output.frame, LeaseGrant) and stopped)
        if ended:
            assert session.link is LinkState.ENDED
            assert not any(isinstance(output, Send | Record) for output in outputs)
        if stopped:
            assert not session.may_send(increases_risk=True)
