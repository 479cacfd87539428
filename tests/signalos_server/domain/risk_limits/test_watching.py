"""What readings are worth, and what an account's ledger remembers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_server.domain.risk_limits.ledger import Latch, Ledger
from signalos_server.domain.risk_limits.loss import Meter
from signalos_server.domain.risk_limits.stages import Levels, LimitState, Reading, Stage
from signalos_server.domain.risk_limits.watching import Explanation, PeakWatch

D = Decimal
NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)


def test_a_balance_that_no_deal_explains_counts_for_nothing_for_half_a_minute() -> None:
    told = Explanation().told(False, 100.0)

    assert not told.counts(100.0)
    assert not told.told(False, 129.0).counts(129.0)
    assert told.told(False, 130.0).counts(130.0)
    assert told.told(True, 110.0).counts(110.0)


@pytest.mark.parametrize(
    ("reads", "confirmed"),
    [
        ([(11_000, 0.0)], None),
        ([(11_000, 0.0), (11_000, 0.9)], None),
        ([(11_000, 0.0), (11_000, 1.0)], 11_000),
        # The lower of both is certain.
        ([(11_000, 0.0), (12_000, 1.0)], 11_000),
        ([(12_000, 0.0), (10_500, 0.5), (12_000, 1.0)], 10_500),
        # A spike that was gone again was none.
        ([(99_000, 0.0), (9_000, 0.5), (9_000, 2.0)], None),
    ],
)
def test_a_new_highest_equity_needs_two_reads(reads: list[tuple[int, float]], confirmed: int | None) -> None:
    watch, found = PeakWatch(), None
    for equity, at in reads:
        watch, risen = watch.read(D(10_000), D(equity), at)
        found = risen if risen is not None else found

    assert found == (None if confirmed is None else D(confirmed))


def test_a_ledger_begins_once_and_its_peaks_only_rise() -> None:
    ledger = Ledger("acc").begun(NOW, D(10_000))

    assert ledger.begun(NOW, D(5_000)) is ledger
    assert ledger.day_ended(D(9_000)) is ledger
    assert ledger.risen(D(10_400)).risen(D(10_200)).highest_equity == 10_400
    peaks = ledger.day_ended(D(10_300)).peaks(D(9_500))
    assert peaks is not None
    assert (peaks.start_balance, peaks.highest_day_end) == (D(9_500), D(10_300))


def test_a_latched_stage_rises_and_ends_only_by_its_name() -> None:
    soft = Latch("MAX_DAILY_LOSS", Stage.SOFT, NOW, D(500), D(430))
    ledger = Ledger("acc").latched(soft)

    assert ledger.latched(soft) is ledger
    hard = ledger.latched(replace(soft, stage=Stage.HARD))
    assert hard.latched(soft) is hard
    assert hard.resumed(frozenset({"MAX_TOTAL_LOSS"})).latches == hard.latches
    assert hard.resumed(frozenset({"MAX_DAILY_LOSS"})).latches == ()


LEVELS = Levels()
READS = st.lists(
    st.tuples(
        st.integers(-50, 200),
        st.floats(0, 0.6),
        st.booleans(),
        st.booleans(),
        st.sampled_from([D(0), D(10_000)]),
    ),
    max_size=60,
)


@given(READS)
def test_a_trip_needs_two_plausible_reads_a_second_apart_that_both_say_so(
    steps: list[tuple[int, float, bool, bool, Decimal]],
) -> None:
    state, at = LimitState(), 0.0
    history: list[tuple[float, bool, Stage]] = []
    for current, pause, linked, matches, balance in steps:
        at += pause
        reading = Reading(Meter("X", D(100), D(current)), at, linked, matches, balance)
        history.append((at, reading.plausible, LEVELS.stage(reading.meter)))
        before, state = state, state.read(reading, LEVELS)
        if state.latched >= Stage.SOFT and state.latched > before.latched:
            assert history[-1][1]
            # Back through an unbroken row of plausible reads that are at least as bad.
            row = [history[-1]]
            for earlier in reversed(history[:-1]):
                if not earlier[1] or earlier[2] < Stage.SOFT:
                    break
                row.append(earlier)
            bad = [moment for moment, _, stage in row if stage >= state.latched]
            assert max(bad) - min(bad) >= 1.0
