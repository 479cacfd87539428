"""What stands in a latch file, whole or damaged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.control import HeldStop
from signalos_bridge.domain.latch_records import clear_record, contents, header_record, stop_record

A = HeldStop("a", False, "news", False, 1)
B = HeldStop("b", True, "by hand: caf\u00e9\n", True, 2)


def test_stops_are_held_until_a_rearm_names_them() -> None:
    data = header_record() + stop_record(A, 3) + stop_record(B, 0) + clear_record(("a",), 4)

    found = contents(data)

    assert found.held == (B,)
    assert found.cleared == {"a"}
    assert found.stop_generation == 4
    assert not found.torn


def test_a_stop_after_its_own_rearm_stays_cleared() -> None:
    data = header_record() + stop_record(A, 0) + clear_record(("a",), 0) + stop_record(A, 0)

    assert contents(data).held == ()


def test_a_stop_that_comes_to_close_too_is_held_as_closing() -> None:
    closing = HeldStop("a", True, "news", False, 9)

    assert contents(header_record() + stop_record(A, 0) + stop_record(closing, 0)).held == (closing,)


def test_an_empty_or_foreign_file_counts_as_stopped() -> None:
    assert contents(b"").held
    assert contents(b"hello\n").held


def test_damage_can_be_rearmed_by_the_id_that_every_reader_gives_it() -> None:
    data = header_record() + stop_record(A, 0)[:-20] + stop_record(B, 0)
    (damage,) = [stop for stop in contents(data).held if stop != B]

    after = contents(data + clear_record((damage.stop_id, "b"), 1))

    assert after.held == ()


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_flipped_byte_never_loses_a_stop(position: int, value: int) -> None:
    data = bytearray(header_record() + stop_record(A, 1) + stop_record(B, 2))
    data[position % len(data)] = value

    held = contents(bytes(data)).held

    # Either the stop itself, or one for the damage in its place.
    assert len(held) >= 2


@given(st.integers(0, 600))
def test_a_torn_tail_never_loses_a_stop_that_was_whole_before(length: int) -> None:
    whole = header_record() + stop_record(A, 1)
    tail = (stop_record(B, 2) + clear_record(("a",), 3))[:length]

    held = contents(whole + tail).held

    if len(tail) < len(stop_record(B, 2) + clear_record(("a",), 3)) - 1:
        assert A in held


@given(st.binary(max_size=300))
def test_nothing_makes_the_reader_fail(data: bytes) -> None:
    assert contents(data).held
    assert A in contents(header_record() + stop_record(A, 0) + data).held
