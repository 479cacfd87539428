"""Each pure machine alone: any state, any input, in any order."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from signalos_bridge.domain import command as theirs
from signalos_bridge.domain import guard
from signalos_bridge.domain.control import Control, HeldStop
from signalos_bridge.domain.facts import GuardState
from signalos_bridge.domain.latch_records import clear_record, contents, header_record, stop_record
from signalos_bridge.domain.session import (
    ConnectSession,
    EventsCommitted,
    Frame,
    Terms,
    Welcome,
)
from signalos_bridge.domain.values import CommandOrigin, LegState
from signalos_bridge.domain.values import CommandState as BridgeState
from signalos_server.domain import command as ours
from signalos_server.domain import control as documents
from signalos_server.domain.actions import Open
from signalos_server.domain.errors import FlattenRunning, StaleStops
from signalos_server.domain.words import CommandOrigin as Origin
from signalos_server.domain.words import CommandState, Side

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_IDS = st.sampled_from(["a", "b", "c", "d"])
_ENDS = [
    CommandState.SUCCEEDED,
    CommandState.PARTIAL,
    CommandState.REJECTED,
    CommandState.EXPIRED,
    CommandState.CANCELLED,
    CommandState.FENCED,
    CommandState.UNKNOWN,
]


class ServerCommand(RuleBasedStateMachine):
    """A command at the server under receipts, outcomes, losses and people, repeated and out of order."""

    def __init__(self) -> None:
        super().__init__()
        moment = ours.Moment(_NOW, 0.0, "server", "machine")
        self.command = ours.Command(
            "c", "acc", Origin.USER, CommandState.PENDING, Open("EURUSD", Side.BUY), _NOW,
            timedelta(seconds=5), 0, True, moment,
        )  # fmt: skip
        self.before = self.command
        self.by_outcome = True

    def _become(self, command: ours.Command, *, by_outcome: bool = False) -> None:
        self.before, self.command, self.by_outcome = self.command, command, by_outcome

    @rule(epoch=st.integers(1, 9))
    def it_is_offered(self, epoch: int) -> None:
        self._become(replace(self.command, offered_epoch=epoch))

    @rule(state=st.sampled_from([CommandState.DELIVERED, CommandState.RUNNING]))
    def a_receipt_comes(self, state: CommandState) -> None:
        self._become(ours.on_receipt(self.command, state, _NOW))

    @rule(state=st.sampled_from(_ENDS), number=st.integers(1, 4), lots=st.integers(0, 2))
    def an_outcome_comes(self, state: CommandState, number: int, lots: int) -> None:
        outcome = ours.Outcome("c", number, state, filled_volume_lots=Decimal(lots))
        with contextlib.suppress(ours.InvalidTransition):
            after, change = ours.on_outcome(self.command, outcome, _NOW)
            repeated, nothing = ours.on_outcome(after, outcome, _NOW)
            assert (repeated, nothing) == (after, ours.Change.NOTHING)
            ended = self.command.is_final and self.command.state is not after.state
            assert change is ours.Change.CORRECTED or not ended
            self._become(after, by_outcome=True)

    @rule()
    def the_bridge_loses_its_memory(self) -> None:
        self._become(ours.lose_memory(self.command, "LOST", ""))

    @rule(ticket=st.sampled_from([None, 7]))
    def a_person_resolves_it(self, ticket: int | None) -> None:
        unknown = self.command.state is CommandState.UNKNOWN
        if not unknown:
            with pytest.raises(ours.InvalidTransition):
                ours.resolve(self.command, executed_ticket=ticket, message="", now=_NOW)
            return
        self._become(ours.resolve(self.command, executed_ticket=ticket, message="", now=_NOW))
        assert self.command.resolved_by_person

    @rule(event=st.sampled_from([ours.CommandEvent.TIME_OVER, ours.CommandEvent.TAKEN_BACK]))
    def the_server_ends_it_alone(self, event: ours.CommandEvent) -> None:
        if self.command.offered_epoch is None and self.command.state is CommandState.PENDING:
            self._become(ours.end_unoffered(self.command, event, "", "", _NOW))
        else:
            with pytest.raises(ours.InvalidTransition):
                ours.end_unoffered(self.command, event, "", "", _NOW)

    @invariant()
    def what_has_ended_changes_by_a_higher_outcome_alone(self) -> None:
        assert self.command.outcome_number >= self.before.outcome_number
        if self.before.is_final and self.command.state is not self.before.state:
            assert self.by_outcome
            assert self.command.outcome_number > self.before.outcome_number

    @invariant()
    def an_end_has_a_time_and_nothing_else_has(self) -> None:
        assert (self.command.end_time is not None) is self.command.is_final


class BridgeLeg(RuleBasedStateMachine):
    """A leg and its command at the bridge, under any event."""

    def __init__(self) -> None:
        super().__init__()
        self.leg = theirs.Leg(0, 1, None, Decimal("0.10"))
        self.called = False

    @rule(event=st.sampled_from(theirs.LegEvent))
    def something_happens(self, event: theirs.LegEvent) -> None:
        known = (self.leg.state, event) in theirs.LEG_TRANSITIONS
        if not known:
            with pytest.raises(theirs.InvalidTransition):
                self.leg.apply(event)
            return
        self.called |= event is theirs.LegEvent.INTENT
        self.leg = self.leg.apply(event)

    @invariant()
    def only_of_what_was_called_is_anything_awaited(self) -> None:
        if self.leg.open:
            assert self.called
        if self.leg.state is LegState.PLANNED:
            assert not self.called


@given(state=st.sampled_from(BridgeState), event=st.sampled_from(theirs.CommandEvent))
def test_a_command_at_the_bridge_never_leaves_success_and_never_ends_unasked(
    state: BridgeState, event: theirs.CommandEvent
) -> None:
    try:
        after = theirs.next_command_state(state, event)
    except theirs.InvalidTransition:
        return
    assert state is not BridgeState.SUCCEEDED
    if state in (BridgeState.RUNNING, BridgeState.UNKNOWN):
        # The terminal was asked: it did it or refused, and nothing else is said of it.
        assert after not in (BridgeState.EXPIRED, BridgeState.CANCELLED, BridgeState.FENCED)


@given(state=st.sampled_from(GuardState), event=st.sampled_from(guard.GuardEvent))
def test_a_virtual_stop_is_armed_again_only_when_it_stands_or_its_close_failed(
    state: GuardState, event: guard.GuardEvent
) -> None:
    try:
        after = guard.next_guard_state(state, event)
    except theirs.InvalidTransition:
        return
    assert state is not GuardState.CLOSED
    if after is GuardState.ARMED:
        assert state in (GuardState.ARMED, GuardState.CLOSE_FAILED)


class BridgeControl(RuleBasedStateMachine):
    """The judge at the bridge and its latch, against sets of one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.control = Control(now=0.0, lease_seconds=10.0)
        self.disk = header_record()
        self.held: set[str] = set()
        self.cleared: set[str] = set()
        self.lease: float | None = None
        self.generation = 0
        self.epoch = 1
        self.doubt = False

    @rule(stop_id=_IDS, generation=st.integers(0, 5), close=st.booleans())
    def a_stop_comes(self, stop_id: str, generation: int, close: bool) -> None:
        stop = HeldStop(stop_id, close, "", False, 1)
        self.control.stop(stop, generation)
        self.disk += stop_record(stop, generation)
        self.generation = max(self.generation, generation)
        if stop_id not in self.cleared:
            self.held.add(stop_id)

    @rule(stop_ids=st.lists(_IDS, min_size=1, max_size=3), busy=st.booleans())
    def a_rearm_comes(self, stop_ids: list[str], busy: bool) -> None:
        flattening = self.held if busy else set()
        verdict = self.control.judge_rearm(stop_ids, flattening)
        assert bool(verdict.problem) is bool(set(stop_ids) & flattening)
        if not verdict.problem:
            self.generation += 1
            self.disk += clear_record(verdict.clear, self.generation)
            self.control.rearmed(verdict.clear, self.generation)
            self.held -= set(stop_ids)
            self.cleared |= set(stop_ids)

    @rule()
    def the_bridge_starts_again(self) -> None:
        found = contents(self.disk)
        self.control = Control(now=self.now, lease_seconds=10.0)
        self.control.latch_read(found.held, found.cleared, found.stop_generation)
        self.lease, self.epoch, self.doubt = None, self.epoch + 1, False

    @rule(readable=st.booleans())
    def the_disk_is_looked_at(self, readable: bool) -> None:
        self.doubt = not readable
        if readable:
            found = contents(self.disk)
            self.control.latch_read(found.held, found.cleared, found.stop_generation)
        else:
            self.control.latch_unreadable("no disk")

    @rule(seconds=st.sampled_from([0.5, 3.0, 12.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(left=st.sampled_from([1.0, 5.0]), new=st.booleans())
    def a_lease_is_granted(self, left: float, new: bool) -> None:
        if new:
            self.epoch += 1
            self.lease = None
        self.control.control_opened(self.epoch)
        self.control.confirm(self.epoch)
        self.control.lease_held(self.epoch, self.now + left)
        self.lease = max(self.now + left, self.lease or 0.0)

    @rule()
    def control_is_lost(self) -> None:
        self.control.control_lost(self.epoch)

    @invariant()
    def only_a_rearm_that_names_a_stop_leads_out_of_it(self) -> None:
        assert {stop.stop_id for stop in self.control.held} == self.held
        assert self.control.stopped is (bool(self.held) or self.doubt)
        found = contents(self.disk)
        assert {stop.stop_id for stop in found.held} == self.held
        assert self.control.stop_generation == self.generation == max(self.generation, found.stop_generation)

    @invariant()
    def nothing_is_opened_that_must_not_be(self) -> None:
        for generation in (0, self.generation):
            refusal = self.control.refusal(self.now, generation, False, CommandOrigin.USER)
            if self.held or self.doubt or generation < self.generation:
                assert refusal is not None
                assert refusal.code == "FENCED"
            elif self.lease is None or self.now >= self.lease or not self.control.connected:
                assert refusal is not None


class ServerDocument(RuleBasedStateMachine):
    """What is wanted of an account: stops, re-arms and policies in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.document = documents.ControlDocument("acc")
        self.number = 0

    def _become(self, after: documents.ControlDocument, gone: set[str]) -> None:
        before, self.document = self.document, after
        assert after.revision >= before.revision
        assert after.stop_generation >= before.stop_generation
        assert set(before.stop_ids) - set(after.stop_ids) == gone & set(before.stop_ids)
        if set(after.stop_ids) != set(before.stop_ids):
            assert after.revision > before.revision
            assert after.stop_generation > before.stop_generation

    @rule(stop_id=_IDS, close=st.booleans())
    def a_stop_is_called(self, stop_id: str, close: bool) -> None:
        self._become(documents.add_stop(self.document, documents.HeldStop(stop_id, close)), set())

    @rule(stop_ids=st.lists(_IDS, max_size=3), busy=st.booleans())
    def somebody_rearms(self, stop_ids: list[str], busy: bool) -> None:
        self.number += 1
        flattening = frozenset(self.document.stop_ids[:1]) if busy else frozenset()
        try:
            after = documents.rearm(self.document, tuple(stop_ids), flattening, f"r{self.number}")
        except (StaleStops, FlattenRunning):
            assert flattening or not stop_ids or not set(stop_ids) <= set(self.document.stop_ids)
        else:
            self._become(after, set(stop_ids))

    @rule(held=st.lists(_IDS, max_size=3), generation=st.integers(0, 9))
    def a_bridge_says_what_it_holds(self, held: list[str], generation: int) -> None:
        told = tuple(documents.HeldStop(stop_id) for stop_id in held)
        self._become(documents.adopt_held(self.document, told, generation), set())
        waiting = {one for pending in self.document.rearms for one in pending.stop_ids}
        assert set(held) - waiting <= set(self.document.stop_ids)

    @rule(held=st.lists(_IDS, max_size=3), generation=st.integers(0, 30))
    def a_bridge_confirms(self, held: list[str], generation: int) -> None:
        before = self.document
        after = documents.rearm_confirmed(before, tuple(held), generation)
        self._become(after, set())
        for pending in set(before.rearms) - set(after.rearms):
            assert pending.stop_generation <= generation
            assert not set(pending.stop_ids) & set(held)


class EventNumbers(RuleBasedStateMachine):
    """The bridge's numbering of events over many sessions: no hole, nothing beyond the credit, none lost."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.made = 0
        self.received = 0
        self.committed = 0
        self.epoch = 0
        self.credit = 3
        self.machine: ConnectSession | None = None

    @rule(count=st.integers(1, 5))
    def events_happen(self, count: int) -> None:
        self.made += count

    @rule(credit=st.integers(1, 6))
    def a_session_begins(self, credit: int) -> None:
        self.epoch += 1
        self.received, self.credit = self.committed, credit
        machine = ConnectSession(
            next_event_seq=self.made + 1, random=lambda: 0.5, last_epoch=(1, self.epoch - 1)
        )
        machine.opened(self.now)
        terms = Terms(5.0, 12.0, 30.0, credit)
        welcome = Welcome(self.epoch, 1, terms, self.committed, (), None)
        machine.receive(Frame(self.epoch, round(self.now * 1e9), welcome), self.now)
        assert machine.live
        self.machine = machine

    @rule(limit=st.integers(1, 4), lost=st.booleans())
    def what_may_be_sent_is_sent(self, limit: int, lost: bool) -> None:
        if self.machine is None or not self.machine.live:
            return
        self.machine.event_made(self.made + 1)
        while (span := self.machine.events_to_send(limit, self.now)) is not None:
            first, last = span
            assert first <= self.received + 1, "a hole"
            assert last <= self.committed + self.credit, "beyond the credit"
            assert last <= self.made
            self.received = max(self.received, last)
        if lost:
            self.machine = None

    @rule(share=st.integers(0, 3))
    def some_are_committed(self, share: int) -> None:
        self.committed = min(self.received, self.committed + share)
        if self.machine is not None and self.machine.live:
            ack = Frame(self.epoch, round(self.now * 1e9), EventsCommitted(self.committed))
            self.machine.receive(ack, self.now)

    @rule(seconds=st.sampled_from([0.1, 4.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        if self.machine is not None:
            self.machine.tick(self.now)

    def teardown(self) -> None:
        for _ in range(self.made + 2):
            if self.machine is None or not self.machine.live:
                self.a_session_begins(5)
            self.what_may_be_sent_is_sent(4, lost=False)
            self.some_are_committed(3)
        assert self.committed == self.made


TestServerCommand = ServerCommand.TestCase
TestBridgeLeg = BridgeLeg.TestCase
TestBridgeControl = BridgeControl.TestCase
TestServerDocument = ServerDocument.TestCase
TestEventNumbers = EventNumbers.TestCase
for _case in (TestServerCommand, TestBridgeLeg, TestBridgeControl, TestServerDocument, TestEventNumbers):
    _case.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
