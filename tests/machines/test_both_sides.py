"""Both sides of a session against each other: broken at any frame, repeated, killed, stopped in between."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from signalos_server.domain.words import CommandState
from tests.machines.both_sides import BothSides

FINAL = {CommandState.SUCCEEDED, CommandState.REJECTED, CommandState.FENCED}


class Session(RuleBasedStateMachine):
    """Any order of frames, commits, failures and wishes."""

    def __init__(self) -> None:
        super().__init__()
        self.sides = BothSides()
        # Most of what can go wrong goes wrong in a session that lives.
        self.sides.dial()
        self.sides.flow(8)
        self.sides.dial_control()
        self.sides.flow(8)
        assert self.sides.session is not None
        assert self.sides.session.may_send(increases_risk=True)

    @rule(rounds=st.integers(1, 6))
    def all_flows(self, rounds: int) -> None:
        self.sides.flow(rounds)

    @rule(control=st.booleans())
    def a_frame_reaches_the_server(self, control: bool) -> None:
        self.sides.server_takes(control)

    @rule(control=st.booleans())
    def a_frame_reaches_the_bridge(self, control: bool) -> None:
        self.sides.bridge_takes(control)

    @rule()
    def the_bridge_dials(self) -> None:
        for control in (False, True):
            self.sides.bridge_notices(control)
        self.sides.dial()
        self.sides.dial_control()

    @rule(times=st.integers(1, 6))
    def the_server_commits(self, times: int) -> None:
        for _ in range(times):
            self.sides.commit()
        self.sides.read_owner()

    @rule()
    def the_terminal_has_time(self) -> None:
        self.sides.execute()

    @rule(opens=st.lists(st.sampled_from([True, True, False]), min_size=1, max_size=3))
    def somebody_trades(self, opens: list[bool]) -> None:
        for each in opens:
            self.sides.accept(each)

    @rule()
    def something_happens_at_the_broker(self) -> None:
        self.sides.event()

    @rule(at_the_bridge=st.booleans())
    def somebody_stops(self, at_the_bridge: bool) -> None:
        if at_the_bridge:
            self.sides.stop_at_the_bridge()
        else:
            self.sides.stop_at_the_server()

    @rule()
    def stops_are_recorded(self) -> None:
        self.sides.record_stops()

    @rule()
    def somebody_rearms(self) -> None:
        self.sides.rearm()

    @rule(control=st.booleans())
    def a_connection_breaks(self, control: bool) -> None:
        self.sides.cut(control)

    @rule(control=st.booleans(), server=st.booleans())
    def one_side_notices(self, control: bool, server: bool) -> None:
        if server:
            self.sides.server_notices(control)
        else:
            self.sides.bridge_notices(control)

    @rule(server=st.booleans())
    def a_program_is_killed(self, server: bool) -> None:
        if server:
            self.sides.server_dies()
        else:
            self.sides.bridge_dies()

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 13.0]))
    def time_passes(self, seconds: float) -> None:
        self.sides.pass_time(seconds)

    @rule()
    def all_heals(self) -> None:
        self.sides.heal()
        self._agree()

    @invariant()
    def nothing_is_done_twice_and_no_event_is_missed(self) -> None:
        sides = self.sides
        assert sides.facts == sides.events[: len(sides.facts)]
        assert all(count == 1 for count in sides.executions.values())
        assert sides.opened_while_stopped == []

    @invariant()
    def what_was_told_is_what_was_done(self) -> None:
        for command_id, row in self.sides.rows.items():
            done = self.sides.executions[command_id]
            if row.state is CommandState.SUCCEEDED:
                assert done == 1
            elif row.state in FINAL:
                assert done == 0

    def teardown(self) -> None:
        self.sides.heal()
        self._agree()

    def _agree(self) -> None:
        sides = self.sides
        assert sides.facts == sides.events
        assert {row.state for row in sides.rows.values()} <= FINAL
        assert set(sides.document.stop_ids) == sides.stops_made
        assert {stop.stop_id for stop in sides.control.held} == sides.stops_made
        assert sides.document.rearms == ()
        session = sides.session
        assert session is not None
        assert session.may_send(increases_risk=True) is not bool(sides.stops_made)
        if not sides.stops_made:
            assert sides.control.lease_left(sides.now) is not None
            assert session.lease_until is not None
            # The server never believes that a lease ends before the bridge does.
            assert session.lease_until >= sides.now + (sides.control.lease_left(sides.now) or 0.0)


TestSession = Session.TestCase
TestSession.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
