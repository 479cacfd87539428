"""Which samples of equity are kept, and which are told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signalos_server.domain.equity import EquitySample, at_most, due_coarser, forgotten_before, thinned

MINUTE = 60_000


def sample(minute: float, equity: float = 1.0) -> EquitySample:
    return EquitySample(int(minute * MINUTE), equity, None, 60.0)


def test_a_stretch_keeps_its_last_sample_which_then_stands_for_all_of_it() -> None:
    samples = [sample(0, 1), sample(14.9, 2), sample(15, 3), sample(61, 4)]

    assert thinned(samples, 900.0) == [
        EquitySample(int(14.9 * MINUTE), 2, None, 900.0),
        EquitySample(15 * MINUTE, 3, None, 900.0),
        EquitySample(61 * MINUTE, 4, None, 900.0),
    ]


def test_what_is_older_than_a_day_is_kept_by_quarters_and_what_is_older_than_a_month_by_six_hours() -> None:
    now = 100 * 86_400_000 + 12_345
    quarters, sixths = due_coarser(now, 60.0)

    assert (quarters.span_seconds, sixths.span_seconds) == (900.0, 21_600.0)
    for step, days in ((quarters, 1), (sixths, 30)):
        age = now - step.before_milliseconds
        assert days * 86_400_000 <= age < days * 86_400_000 + step.span_seconds * 1000
        assert step.before_milliseconds % (step.span_seconds * 1000) == 0, "only whole stretches"
    assert now - forgotten_before(now, 60.0) == 730 * 86_400_000


def test_what_is_few_is_told_as_it_is() -> None:
    samples = [sample(minute) for minute in range(10)]
    assert at_most(samples, 10) == samples


@given(
    st.lists(st.integers(0, 10**12), min_size=1, max_size=300, unique=True).map(sorted),
    st.integers(2, 50),
)
def test_never_more_than_asked_are_told_the_last_among_them_and_none_is_made_up(
    times: list[int], most: int
) -> None:
    samples = [EquitySample(time, time / 7, None, 60.0) for time in times]
    told = at_most(samples, most)

    assert 1 <= len(told) <= most
    assert told[-1].time_milliseconds == times[-1]
    assert {(one.time_milliseconds, one.equity) for one in told} <= {
        (one.time_milliseconds, one.equity) for one in samples
    }
    assert [one.time_milliseconds for one in told] == sorted(one.time_milliseconds for one in told)
    if len(times) > most:
        (stretch,) = {one.span_seconds for one in told}
        assert stretch * most >= (times[-1] - times[0]) / 1000, "together they stand for all of the time"
