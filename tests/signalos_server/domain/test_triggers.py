"""The rules that stop trading by themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers, lists

from signalos_server.domain import triggers
from signalos_server.domain.errors import InvalidField
from signalos_server.domain.triggers import (
    LATE_TIMES,
    SHIPPED,
    AccountWatch,
    ClockWatch,
    Trip,
    change,
    clock_jumped,
    in_force,
)
from signalos_server.domain.words import StopTriggerKind

_K = StopTriggerKind
OFF = tuple(replace(setting, enabled=False) for setting in SHIPPED.values())


def test_every_rule_is_in_force_until_it_is_switched_off() -> None:
    # A limit of the account is no rule of the stop settings.
    assert set(SHIPPED) == set(StopTriggerKind) - {StopTriggerKind.UNSPECIFIED, StopTriggerKind.LIMIT}
    assert all(setting.enabled for setting in in_force(()).values())
    assert not any(setting.enabled for setting in in_force(OFF).values())


def test_the_third_unknown_within_five_minutes_trips_and_the_same_one_counts_once() -> None:
    watch = AccountWatch()

    assert watch.unknown("a", (), 0.0) is None
    assert watch.unknown("a", (), 1.0) is None
    assert watch.unknown("b", (), 2.0) is None
    trip = watch.unknown("c", (), 299.0)

    assert trip is not None
    assert trip.kind is _K.UNKNOWN_OUTCOMES
    assert "3 commands became UNKNOWN" in trip.reason
    # What a person has looked at and re-armed does not count again.
    assert watch.unknown("d", (), 300.0) is None


def test_unknowns_that_lie_further_apart_than_the_window_do_not_trip() -> None:
    watch = AccountWatch()

    assert [watch.unknown(name, (), at) for name, at in (("a", 0.0), ("b", 200.0), ("c", 300.0))] == [
        None
    ] * 3


def a_flood(watch: AccountWatch, each_second: list[int]) -> list[float]:
    """Returns when it tripped."""
    tripped = []
    for second, count in enumerate(each_second):
        for number in range(count):
            now = 1000.0 + second + number / (count + 1)
            # Never alike, so that this rule alone is asked.
            if watch.opened("token", (second, number), (), now) is not None:
                tripped.append(now)
    return tripped


def test_eleven_opens_in_each_of_ten_seconds_trip_with_the_next_open() -> None:
    assert a_flood(AccountWatch(), [11] * 10) == []
    assert a_flood(AccountWatch(), [11] * 10 + [1]) == [1010.0]


def test_ten_a_second_for_ever_and_a_burst_with_a_pause_do_not_trip() -> None:
    assert a_flood(AccountWatch(), [10] * 60) == []
    assert a_flood(AccountWatch(), [100, 0] * 20) == []
    assert a_flood(AccountWatch(), [50] * 9 + [10] + [50] * 9) == []


@given(lists(integers(0, 30), max_size=25))
def test_the_rate_trips_only_where_ten_whole_seconds_in_a_row_had_more_than_ten(counts: list[int]) -> None:
    tripped = a_flood(AccountWatch(), counts)

    floods = [end for end in range(10, len(counts)) if min(counts[end - 10 : end]) > 10 and counts[end]]
    assert bool(tripped) == bool(floods)


def test_the_fifth_identical_open_of_a_source_within_ten_seconds_trips() -> None:
    watch = AccountWatch()

    answers = [watch.opened("token:1", "BUY 0.1 EURUSD", (), float(at)) for at in (0, 2, 4, 6, 9)]

    assert answers[:4] == [None] * 4
    assert isinstance(answers[4], Trip)
    assert "BUY 0.1 EURUSD" in answers[4].reason


def test_a_persons_own_orders_other_sources_other_orders_and_older_ones_do_not_count() -> None:
    watch = AccountWatch()

    assert not any(watch.opened(None, "BUY", (), at / 10) for at in range(20))
    assert not any(watch.opened(f"token:{at % 2}", "BUY", (), 10 + at) for at in range(8))
    assert not any(watch.opened("token:3", f"BUY {at}", (), 30.0) for at in range(50))
    assert not any(watch.opened("token:4", "SELL", (), 100.0 + 2.5 * at) for at in range(50))


def test_a_clock_that_jumps_either_way_trips_and_sleep_or_drift_does_not() -> None:
    watch = ClockWatch(1_000_000.0, 50.0)

    # A machine that slept an hour: both clocks went on.
    assert watch.look(1_003_600.0, 3650.0) == 0.0
    back = watch.look(1_000_010.0, 3660.0)

    assert back == pytest.approx(-3600.0)
    trip = clock_jumped("the server", back, ())
    assert trip is not None
    assert "-3600.0 s" in trip.reason
    assert clock_jumped("the server", 9.9, ()) is None
    assert clock_jumped("the server", 3600.0, OFF) is None


def test_a_loop_that_is_late_once_was_frozen_and_one_that_is_late_again_and_again_trips() -> None:
    watch = AccountWatch()

    assert watch.loop_late("the server", 60.0, (), 0.0) is None
    assert watch.loop_late("the bridge", 60.0, (), 1.0) is None
    assert watch.loop_late("the server", 0.9, (), 2.0) is None
    assert watch.loop_late("the server", 1.0, (), 3.0) is None
    trip = watch.loop_late("the server", 1.5, (), 59.0)

    assert trip is not None
    assert trip.kind is _K.LOOP_LAG
    assert LATE_TIMES == 3


@given(lists(floats(0, 400), min_size=1, max_size=60))
def test_no_rule_trips_that_is_switched_off(gaps: list[float]) -> None:
    watch, now = AccountWatch(), 0.0
    for gap in gaps:
        now += gap
        assert watch.unknown(str(now), OFF, now) is None
        assert watch.opened("token", "BUY", OFF, now) is None
        assert watch.loop_late("the server", 99.0, OFF, now) is None
        assert clock_jumped("the server", 99.0, OFF) is None


def test_a_change_names_what_differs_from_the_shipped_and_leaves_the_rest() -> None:
    slower = replace(SHIPPED[_K.OPEN_RATE], threshold=50)

    first = change((), [slower])
    second = change(first, [replace(SHIPPED[_K.CLOCK_JUMP], enabled=False)])

    assert first == (slower,)
    assert in_force(second)[_K.OPEN_RATE] == slower
    assert not in_force(second)[_K.CLOCK_JUMP].enabled
    assert change(second, [SHIPPED[_K.OPEN_RATE], SHIPPED[_K.CLOCK_JUMP]]) == ()


@pytest.mark.parametrize(
    ("kind", "threshold", "window"),
    [
        (_K.UNKNOWN_OUTCOMES, 0, 300.0),
        (_K.UNKNOWN_OUTCOMES, 2.5, 300.0),
        (_K.OPEN_RATE, float("nan"), 10.0),
        (_K.OPEN_RATE, 10, None),
        (_K.IDENTICAL_OPENS, 1, 10.0),
        (_K.IDENTICAL_OPENS, 5, 0.0),
        (_K.CLOCK_JUMP, 10.0, 10.0),
        (_K.LOOP_LAG, 0.0, 60.0),
    ],
)
def test_a_rule_that_would_never_or_always_trip_is_refused_with_its_range(
    kind: StopTriggerKind, threshold: float, window: float | None
) -> None:
    with pytest.raises(InvalidField) as refused:
        change((), [triggers.TriggerSetting(kind, True, threshold, window)])

    assert kind.name in refused.value.message
