"""How old a frame is, when a stream is dead, and when to try again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.link_timing import Backoff, Ending, FrameAges, Pulse

OFFSET = 5_000.0


def nanoseconds(server_seconds: float) -> int:
    return round(server_seconds * 1e9)


def test_the_fastest_frame_of_a_session_has_age_zero_and_a_held_one_its_delay() -> None:
    ages = FrameAges()
    ages.observe(nanoseconds(100.0), OFFSET + 100.02, OFFSET + 99.98)

    assert ages.observe(nanoseconds(110.0), OFFSET + 110.01) == pytest.approx(0.0)
    assert ages.observe(nanoseconds(111.0), OFFSET + 123.01) == pytest.approx(12.0)


def test_a_session_that_began_behind_a_held_link_believes_the_pessimistic_bound() -> None:
    ages = FrameAges()
    # The welcome itself was under way for up to eight seconds, so what looks fast may not be.
    ages.observe(nanoseconds(100.0), OFFSET + 108.0, OFFSET + 99.9)

    assert ages.observe(nanoseconds(110.0), OFFSET + 116.0) >= 6.0


def test_clocks_that_drift_apart_do_not_make_frames_old() -> None:
    ages = FrameAges()
    drift = 1.0001
    oldest = 0.0
    for second in range(0, 24 * 3600, 5):
        sent_at = float(second)
        arrived_at = OFFSET + second * drift + 0.01
        oldest = max(oldest, ages.observe(nanoseconds(sent_at), arrived_at, arrived_at - 0.02))

    assert oldest < 0.1


@given(st.lists(st.tuples(st.floats(0.0, 20.0), st.floats(0.001, 5.0)), min_size=1, max_size=60))
def test_an_age_is_never_negative_and_never_above_the_true_delay_by_more_than_the_doubt(
    frames: list[tuple[float, float]],
) -> None:
    ages = FrameAges()
    now = 100.0
    for gap, delay in frames:
        now += gap
        age = ages.observe(nanoseconds(now), OFFSET + now + delay, OFFSET + now)
        assert -1e-6 <= age <= delay + 1e-6


def test_the_first_heartbeat_is_due_at_once_and_the_next_an_interval_later() -> None:
    pulse = Pulse(interval_seconds=5, dead_after_seconds=12)
    pulse.start(0.0)

    assert pulse.beat(0.0) == 1
    assert pulse.beat(4.9) is None
    assert pulse.beat(5.0) == 2
    assert pulse.sent_at(1) == 0.0


def test_one_heartbeat_is_enough_after_a_long_sleep() -> None:
    pulse = Pulse(interval_seconds=5, dead_after_seconds=12)
    pulse.start(0.0)
    pulse.beat(0.0)

    assert pulse.beat(600.0) == 2
    assert pulse.beat(600.1) is None


def test_a_heartbeat_with_news_does_not_wait_for_its_turn() -> None:
    pulse = Pulse(interval_seconds=5, dead_after_seconds=12)
    pulse.start(0.0)
    pulse.beat(0.0)

    pulse.hurry(1.0)

    assert pulse.beat(1.0) == 2
    assert pulse.beat(5.9) is None
    assert pulse.beat(6.0) == 3


def test_a_stream_is_dead_once_it_has_been_silent_for_too_long() -> None:
    pulse = Pulse(interval_seconds=5, dead_after_seconds=12)
    pulse.start(0.0)
    pulse.heard(3.0)

    assert not pulse.dead(14.9)
    assert pulse.dead(15.0)
    assert pulse.wake_at() == 0.0


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=40))
def test_reconnecting_waits_between_nothing_and_the_cap(numbers: list[float]) -> None:
    waits = iter(numbers)
    backoff = Backoff(lambda: next(waits))
    ceiling = 0.5
    for _ in numbers:
        assert 0 <= backoff.delay(Ending.LOST, 0.0) <= ceiling
        ceiling = min(10.0, ceiling * 2)


def test_a_session_that_lived_starts_the_backoff_anew() -> None:
    backoff = Backoff(lambda: 0.999)
    for _ in range(10):
        backoff.delay(Ending.SILENT, 0.0)

    assert backoff.delay(Ending.LOST, 60.0) < 0.5


def test_a_superseded_bridge_stays_away_longer_each_time() -> None:
    backoff = Backoff(lambda: 0.0)

    waits = [backoff.delay(Ending.SUPERSEDED, 1.0) for _ in range(3)]

    assert waits == [60.0, 120.0, 240.0]


def test_a_drained_bridge_comes_back_at_once_and_a_refused_one_slowly() -> None:
    backoff = Backoff(lambda: 0.0)

    assert backoff.delay(Ending.DRAINED, 100.0) == 0.0
    assert backoff.delay(Ending.REFUSED, 0.0) == 10.0
