"""When an alert that nobody acknowledges is told again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis.strategies import floats, lists

from signalos_server.domain.alerts import AlertStanding, EscalationPolicy, on_due, on_raised, on_seen_again
from signalos_server.domain.words import Severity

POLICY = EscalationPolicy()
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def tellings(standing: AlertStanding, until: timedelta) -> list[float]:
    """After how many minutes it is told again, where somebody looks every ten seconds."""
    told = []
    now = NOW
    while now <= NOW + until:
        after = on_due(POLICY, standing, now)
        if after is not None:
            standing = after
            told.append((now - NOW) / minutes(1))
        now += timedelta(seconds=10)
    return told


def test_a_critical_alert_is_told_after_1_5_and_15_minutes_and_then_every_15() -> None:
    assert tellings(on_raised(POLICY, Severity.CRITICAL, NOW), minutes(46)) == [1, 5, 15, 30, 45]


def test_a_warning_is_told_after_half_an_hour_and_then_every_4_hours() -> None:
    assert tellings(on_raised(POLICY, Severity.WARNING, NOW), minutes(600)) == [30, 270, 510]


def test_what_is_good_to_know_is_told_once() -> None:
    assert tellings(on_raised(POLICY, Severity.INFO, NOW), minutes(600)) == []


def test_an_alert_that_has_ended_or_was_acknowledged_is_not_told_again() -> None:
    raised = on_raised(POLICY, Severity.CRITICAL, NOW)

    assert on_due(POLICY, replace(raised, ended=True), NOW + minutes(2)) is None
    assert on_due(POLICY, replace(raised, acknowledged=True), NOW + minutes(2)) is None


def test_each_telling_has_a_higher_level() -> None:
    first = on_due(POLICY, on_raised(POLICY, Severity.CRITICAL, NOW), NOW + minutes(1))
    assert first is not None
    second = on_due(POLICY, first, NOW + minutes(5))
    assert second is not None

    assert (first.level, second.level) == (1, 2)


def test_seen_again_it_is_as_bad_as_it_ever_was_and_is_not_told_later() -> None:
    raised = on_raised(POLICY, Severity.CRITICAL, NOW)

    again = on_seen_again(POLICY, raised, Severity.WARNING, NOW + timedelta(seconds=50))

    assert again == raised


def test_a_warning_that_becomes_critical_is_told_as_soon_as_a_critical_one() -> None:
    raised = on_raised(POLICY, Severity.WARNING, NOW)

    worse = on_seen_again(POLICY, raised, Severity.CRITICAL, NOW + minutes(1))

    assert (worse.severity, worse.next_time) == (Severity.CRITICAL, NOW + minutes(2))


def test_what_had_ended_and_is_seen_again_is_told_again() -> None:
    ended = replace(on_raised(POLICY, Severity.CRITICAL, NOW), ended=True, next_time=None)

    again = on_seen_again(POLICY, ended, Severity.CRITICAL, NOW + minutes(20))

    assert again == AlertStanding(Severity.CRITICAL, 0, NOW + minutes(21))


def test_a_server_that_was_down_for_a_day_tells_once_and_goes_on_from_there() -> None:
    late = NOW + timedelta(days=1)

    told = on_due(POLICY, on_raised(POLICY, Severity.CRITICAL, NOW), late)

    assert told is not None
    assert told.next_time == late + minutes(4)
    assert on_due(POLICY, told, late) is None


@given(lists(floats(min_value=0, max_value=1e6), max_size=50))
def test_levels_only_rise_and_the_next_telling_lies_ahead(looks: list[float]) -> None:
    standing = on_raised(POLICY, Severity.CRITICAL, NOW)
    for seconds in sorted(looks):
        now = NOW + timedelta(seconds=seconds)
        after = on_due(POLICY, standing, now)
        if after is None:
            assert standing.next_time is not None
            assert now < standing.next_time
        else:
            assert after.level == standing.level + 1
            assert after.next_time is not None
            assert after.next_time > now
            standing = after


def test_waits_scale() -> None:
    quick = POLICY.scaled(0.01)

    assert quick.next_time(Severity.CRITICAL, 0, NOW) == NOW + timedelta(seconds=0.6)
