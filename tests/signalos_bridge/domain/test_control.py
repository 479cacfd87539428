"""Whether exposure may grow: stops, fence, lease and pause."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from signalos_bridge.domain.control import Control, Desired, HeldStop, Kept
from signalos_bridge.domain.values import CommandOrigin, LapsePolicy, Limits, Policies


def stop(stop_id: str, *, close: bool = False, at: int = 0) -> HeldStop:
    return HeldStop(stop_id, close, f"because of {stop_id}", False, at)


def wanted(revision: int, *, generation: int = 0, paused: bool = False) -> Desired:
    return Desired(
        revision,
        generation,
        paused,
        LapsePolicy.CANCEL_PENDINGS,
        Policies(revision, False, Limits(), ()),
    )


def an_open_control(now: float = 0.0) -> Control:
    control = Control(now=now, lease_seconds=30)
    control.control_opened(1)
    control.desired(wanted(1), 0)
    control.confirm(1)
    control.lease_held(1, now + 30)
    return control


def code(control: Control, now: float = 1.0, generation: int = 0, automated: bool = False) -> str:
    refusal = control.refusal(now, generation, automated, CommandOrigin.USER)
    return "" if refusal is None else refusal.code


def test_a_connected_confirmed_and_leased_bridge_may_open() -> None:
    assert code(an_open_control()) == ""


def test_a_new_bridge_may_not_open() -> None:
    control = Control(now=0.0, lease_seconds=30)

    assert code(control) == "CONTROL_LOST"


def test_nothing_opens_before_the_desired_state_of_this_epoch_is_kept_to() -> None:
    control = an_open_control()
    control.control_opened(2)
    control.lease_held(2, 60.0)

    assert code(control) == "CONTROL_LOST"

    control.confirm(2)

    assert code(control) == ""


def test_a_superseded_bridge_leaves_the_newer_ones_orders_alone_when_its_lease_is_over() -> None:
    control = an_open_control()
    control.control_lost(1)
    control.superseded()

    assert control.lapsed(40.0) is None
    assert control.lapse_at() is not None

    control.control_opened(2)
    assert control.lapsed(41.0) is None
    control.lease_held(2, 70.0)

    assert control.lapsed(69.0) is None
    assert control.lapsed(71.0) is LapsePolicy.CANCEL_PENDINGS


def test_a_lease_of_another_epoch_does_not_count() -> None:
    control = an_open_control()
    control.control_opened(2)
    control.confirm(2)
    control.lease_held(1, 100.0)

    assert code(control) == "NO_LEASE"


def test_a_lease_ends_by_the_clock_and_says_since_when() -> None:
    control = an_open_control()

    assert code(control, now=29.9) == ""
    refusal = control.refusal(32.5, 0, False, CommandOrigin.USER)
    assert refusal is not None
    assert refusal.code == "NO_LEASE"
    assert "2.5 s" in refusal.message


def test_losing_control_ends_opening_at_once_although_the_lease_runs() -> None:
    control = an_open_control()
    control.control_lost(1)

    assert code(control) == "CONTROL_LOST"
    assert control.lease_left(1.0) == 29.0


def test_what_was_issued_before_a_stop_is_fenced_even_after_the_rearm() -> None:
    control = an_open_control()
    control.stop(stop("s1"), 3)
    assert code(control, generation=2) == "FENCED"
    control.rearmed(["s1"], 4)

    assert code(control, generation=2) == "FENCED"
    assert code(control, generation=4) == ""


def test_what_the_bridge_starts_itself_is_stopped_and_not_fenced() -> None:
    control = an_open_control()
    control.stop(stop("s1"), 3)

    refusal = control.refusal(1.0, 0, False, CommandOrigin.TRAILING)

    assert refusal is not None
    assert refusal.code == "STOPPED"
    assert "because of s1" in refusal.message


def test_a_pause_holds_back_signals_and_programs_and_not_a_person() -> None:
    control = an_open_control()
    control.desired(wanted(2, paused=True), 0)

    assert code(control, automated=True) == "PAUSED"
    assert code(control, automated=False) == ""
    refusal = control.refusal(1.0, 0, False, CommandOrigin.SIGNAL)
    assert refusal is not None
    assert refusal.code == "PAUSED"


def test_a_rearm_leaves_a_newer_stop_in_force_and_the_pause_as_it_was() -> None:
    control = an_open_control()
    control.desired(wanted(2, paused=True), 0)
    control.stop(stop("a"), 1)
    control.stop(HeldStop("b", False, "by hand", True, 5), 0)
    verdict = control.judge_rearm(["a"], [])
    control.rearmed(verdict.clear, 2)

    assert [each.stop_id for each in control.held] == ["b"]
    assert control.kept.paused


def test_a_stop_that_a_rearm_named_does_not_come_back_with_a_late_frame() -> None:
    control = an_open_control()
    control.stop(stop("a"), 1)
    control.rearmed(["a"], 2)

    assert not control.stop(stop("a"), 1)
    assert not control.stopped


def test_a_rearm_is_refused_while_a_flatten_runs() -> None:
    control = an_open_control()
    control.stop(stop("a", close=True), 1)

    verdict = control.judge_rearm(["a"], ["a"])

    assert verdict.clear == ()
    assert "flatten is still running" in verdict.problem
    assert control.stopped


def test_an_unreadable_latch_counts_as_a_stop_until_it_can_be_read() -> None:
    control = an_open_control()
    control.latch_unreadable("the disk does not answer")
    assert code(control) == "FENCED"

    control.latch_read([], [], 0)

    assert code(control) == ""


def test_an_older_revision_is_not_taken_unless_a_restored_database_sent_it() -> None:
    control = an_open_control()
    control.desired(wanted(7), 1)

    assert "older than 7" in control.judge_desired(wanted(6), 1)
    assert control.judge_desired(wanted(7), 1) == ""
    assert control.judge_desired(wanted(2), 2) == ""
    assert "incarnation" in control.judge_desired(wanted(9), 0)


def test_a_lapse_is_told_once_and_again_after_the_next_lease() -> None:
    control = an_open_control()

    assert control.lapsed(29.0) is None
    assert control.lapsed(30.0) is LapsePolicy.CANCEL_PENDINGS
    assert control.lapsed(31.0) is None
    control.lease_held(1, 60.0)
    assert control.lapsed(60.0) is LapsePolicy.CANCEL_PENDINGS


def test_a_bridge_that_starts_without_a_server_lapses_too() -> None:
    control = Control(now=100.0, lease_seconds=30)
    control.restore(Kept(1, 5, True, LapsePolicy.HOLD, True))

    assert control.lapsed(129.9) is None
    assert control.lapsed(130.0) is LapsePolicy.HOLD
    assert control.kept.paused


STOP_IDS = st.sampled_from([f"s{number}" for number in range(5)])


class NothingOpensWhileStopped(RuleBasedStateMachine):
    """P5: after a stop is latched nothing may open, whatever arrives, until a re-arm names it."""

    def __init__(self) -> None:
        super().__init__()
        self.control = Control(now=0.0, lease_seconds=30)
        self.now = 0.0
        self.model_held: set[str] = set()
        self.model_cleared: set[str] = set()
        self.generation = 0
        self.epoch = 0

    @rule(stop_id=STOP_IDS, raised=st.integers(0, 2), close=st.booleans())
    def a_stop_arrives(self, stop_id: str, raised: int, close: bool) -> None:
        self.generation += raised
        self.control.stop(stop(stop_id, close=close), self.generation)
        if stop_id not in self.model_cleared:
            self.model_held.add(stop_id)

    @rule(stop_ids=st.lists(STOP_IDS, max_size=3), flattening=st.lists(STOP_IDS, max_size=2))
    def a_rearm_arrives(self, stop_ids: list[str], flattening: list[str]) -> None:
        verdict = self.control.judge_rearm(stop_ids, flattening)
        if verdict.problem:
            assert self.model_held & set(stop_ids) & set(flattening)
            return
        self.control.rearmed(verdict.clear, self.generation)
        self.model_held -= set(stop_ids)
        self.model_cleared |= set(stop_ids)

    @rule(revision=st.integers(0, 5), paused=st.booleans(), incarnation=st.integers(0, 1))
    def a_desired_state_arrives(self, revision: int, paused: bool, incarnation: int) -> None:
        desired = wanted(revision, generation=self.generation, paused=paused)
        if not self.control.judge_desired(desired, incarnation):
            self.control.desired(desired, incarnation)
            self.control.confirm(self.epoch)

    @rule()
    def control_opens(self) -> None:
        self.epoch += 1
        self.control.control_opened(self.epoch)

    @rule(age=st.integers(0, 1))
    def control_is_lost(self, age: int) -> None:
        self.control.control_lost(self.epoch - age)

    @rule(seconds=st.floats(0, 40))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.control.lapsed(self.now)

    @rule(seconds=st.floats(0, 30), age=st.integers(0, 1))
    def a_lease_arrives(self, seconds: float, age: int) -> None:
        self.control.lease_held(self.epoch - age, self.now + seconds)

    @rule(why=st.sampled_from(["", "no disk"]))
    def the_latch_is_read(self, why: str) -> None:
        if why:
            self.control.latch_unreadable(why)
        else:
            self.control.latch_read([], [], 0)

    @invariant()
    def what_is_held_is_what_was_stopped_and_not_rearmed(self) -> None:
        assert {each.stop_id for each in self.control.held} == self.model_held

    @invariant()
    def nothing_opens_while_a_stop_is_held(self) -> None:
        for origin in CommandOrigin:
            for generation in (0, self.generation, self.generation + 1):
                refusal = self.control.refusal(self.now, generation, False, origin)
                if self.model_held or self.control.doubt:
                    assert refusal is not None
                if not origin.is_bridge and generation < self.control.stop_generation:
                    assert refusal is not None
                if self.control.lease_left(self.now) is None or not self.control.connected:
                    assert refusal is not None


NothingOpensWhileStopped.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestNothingOpensWhileStopped = NothingOpensWhileStopped.TestCase


@pytest.mark.parametrize("origin", list(CommandOrigin))
def test_a_held_stop_refuses_every_origin(origin: CommandOrigin) -> None:
    control = an_open_control()
    control.stop(stop("s"), 0)

    assert control.refusal(1.0, 99, False, origin) is not None


def test_the_fence_of_the_last_rearm_is_read_from_the_disk_where_no_stop_is_held() -> None:
    control = Control(now=0.0, lease_seconds=30.0)
    control.latch_read((), frozenset({"a"}), 4)
    assert control.stop_generation == 4
