"""When the bridge stops by itself below the least equity."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.equity_floor import FloorReading, FloorWatch, Funds
from signalos_bridge.domain.values import FloorAction

D = Decimal
FLOOR = D(9_000)


def read(equity: int, at: float, **changed: object) -> FloorReading:
    reading = FloorReading(D(equity), D(10_000), at, at, linked=True, login_matches=True)
    return replace(reading, **changed)  # type: ignore[arg-type]


def trips(
    *readings: FloorReading | None, action: FloorAction = FloorAction.FLATTEN, now: float | None = None
) -> int:
    watch, count = FloorWatch(), 0
    for reading in readings:
        at = now if now is not None else reading.read_at if reading and reading.read_at else 0.0
        watch, trip = watch.look(Funds(FLOOR, action, reading), at)
        count += trip
    return count


@pytest.mark.parametrize(
    ("readings", "count"),
    [
        ([read(8_999, 0)], 0),
        ([read(8_999, 0), read(8_990, 0.9)], 0),
        ([read(8_999, 0), read(8_990, 1.0)], 1),
        # At the floor nothing is broken.
        ([read(9_000, 0), read(9_000, 1)], 0),
        # One good read in between, and it begins anew.
        ([read(8_999, 0), read(9_001, 0.5), read(8_999, 1.0)], 0),
        # Told once, and read again since: it has not changed.
        ([read(8_999, 0), read(8_999, 0, read_at=1.5)], 1),
        ([read(8_999, 0), read(8_999, 0, read_at=0.9)], 0),
        # What is not plausible counts for nothing, and begins anew.
        ([read(8_999, 0), read(8_999, 1, linked=False)], 0),
        ([read(8_999, 0), read(8_999, 1, login_matches=False)], 0),
        ([read(8_999, 0), read(0, 1, balance=D(0))], 0),
        ([read(8_999, 0), None, read(8_999, 1)], 0),
        ([read(8_999, 0), read(8_999, 0.5, linked=False), read(8_999, 1)], 0),
        # Once, until the equity was above again.
        ([read(8_000, 0), read(8_000, 1), read(8_000, 2), read(8_000, 3)], 1),
        ([read(8_000, 0), read(8_000, 1), read(9_500, 2), read(8_000, 3), read(8_000, 4)], 2),
    ],
)
def test_it_trips_on_two_plausible_reads_a_second_apart(
    readings: list[FloorReading | None], count: int
) -> None:
    assert trips(*readings) == count


def test_a_read_that_is_too_old_trips_nothing() -> None:
    assert trips(read(8_000, 0), read(8_000, 1), now=20.0) == 0


def test_where_it_is_only_to_block_it_stops_nothing() -> None:
    assert trips(read(8_000, 0), read(8_000, 1), action=FloorAction.BLOCK) == 0


def test_another_wish_may_trip_again() -> None:
    watch = FloorWatch(None, (FLOOR, FloorAction.HALT))
    harder = Funds(FLOOR, FloorAction.FLATTEN, read(8_000, 0))
    watch, first = watch.look(harder, 0.0)
    watch, second = watch.look(replace(harder, reading=read(8_000, 1)), 1.0)

    assert (first, second) == (False, True)


@given(st.lists(st.tuples(st.integers(8_000, 10_000), st.floats(0, 0.4), st.booleans()), max_size=60))
def test_a_trip_has_two_reads_below_without_one_above_between(steps: list[tuple[int, float, bool]]) -> None:
    watch, at = FloorWatch(), 0.0
    below_since: float | None = None
    for equity, pause, linked in steps:
        at += pause
        reading = read(equity, at, linked=linked)
        watch, trip = watch.look(Funds(FLOOR, FloorAction.HALT, reading), at)
        if not linked or equity >= FLOOR:
            below_since = None
        elif below_since is None:
            below_since = at
        if trip:
            assert below_since is not None
            assert at - below_since >= 1.0
