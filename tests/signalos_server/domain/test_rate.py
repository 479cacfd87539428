"""Token buckets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signalos_server.domain.rate import Buckets, Rate


def test_a_burst_and_then_so_many_a_second() -> None:
    buckets = Buckets(Rate(burst=3, per_second=2))

    assert [buckets.take("a", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert buckets.take("b", 0.0) == 0.0
    assert buckets.take("a", 0.5) == 0.0
    assert buckets.take("a", 0.5) == 0.5


def test_what_is_refused_takes_nothing() -> None:
    buckets = Buckets(Rate(burst=1, per_second=1))
    buckets.take("a", 0.0)

    assert [buckets.take("a", 0.5) for _ in range(10)] == [0.5] * 10
    assert buckets.take("a", 1.0) == 0.0


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=200))
def test_never_more_than_the_burst_and_the_rate_allow(gaps: list[float]) -> None:
    buckets, now, taken = Buckets(Rate(burst=5, per_second=4)), 0.0, 0
    for gap in gaps:
        now += gap
        taken += buckets.take("a", now) == 0.0

    assert taken <= 5 + 4 * now + 1e-6


def test_the_memory_is_bounded() -> None:
    buckets = Buckets(Rate(burst=1, per_second=1), capacity=10)
    for number in range(1000):
        buckets.take(str(number), 0.0)

    assert len(buckets._levels) == 10
