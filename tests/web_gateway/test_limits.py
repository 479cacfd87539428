from __future__ import annotations

import pytest

from web_gateway.limits import RateLimit, address_key


def test_a_burst_passes_and_then_one_at_a_time() -> None:
    limit = RateLimit("calls", rate_per_second=2, burst=3)

    assert [limit.take("a", 0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert limit.take("b", 0.0) == 0
    assert limit.take("a", 0.5) == 0
    assert limit.take("a", 0.5) > 0


def test_a_clock_that_stands_still_or_goes_back_grants_nothing() -> None:
    limit = RateLimit("calls", rate_per_second=1, burst=1)

    assert limit.take("a", 10.0) == 0
    assert limit.take("a", 9.0) == 1


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("", ""),
    ],
)
def test_one_household_is_one_caller(address: str, key: str) -> None:
    assert address_key(address) == key


def test_what_is_given_back_was_never_taken() -> None:
    limit = RateLimit("calls", rate_per_second=1, burst=2)

    for _ in range(5):
        assert limit.take("a", 0.0) == 0
        limit.give_back("a")
    limit.give_back("nobody")
    assert [limit.take("a", 0.0) for _ in range(3)] == [0, 0, 1]
