from __future__ import annotations

from datetime import UTC, datetime, timedelta

from signalos.v1.signal_pb2 import Signal
from signalos_cli.backtest.replay import file_time, last_attempts

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def test_a_moment_of_the_brokers_clock_is_told_in_the_files_time() -> None:
    # A day between two messages, of which the broker saw half an hour.
    clock = [
        (0, NOON),
        (1_800_000, NOON + timedelta(minutes=30)),
        (3_600_000, NOON + timedelta(days=1, minutes=30)),
    ]

    assert file_time(clock, 600_000) == NOON + timedelta(minutes=10)
    assert file_time(clock, 1_800_000) == NOON + timedelta(minutes=30)
    assert file_time(clock, 3_000_000) == NOON + timedelta(days=1, minutes=20)
    assert file_time(clock, 3_600_500) == NOON + timedelta(days=1, minutes=30, milliseconds=500)


def test_of_several_attempts_the_last_one_counts_at_each_account() -> None:
    signal = Signal()
    for account, action, attempt in (("a", 0, 0), ("b", 0, 0), ("a", 1, 0), ("a", 0, 1)):
        signal.decisions.add(account_id=account, action_index=action, attempt=attempt)

    assert [(each.account_id, each.action_index, each.attempt) for each in last_attempts(signal)] == [
        ("a", 0, 1), ("b", 0, 0), ("a", 1, 0),
    ]  # fmt: skip
