"""The audit's chain: whole, or said where not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_server.domain.audit import GENESIS, AuditEntry, SealedEntry, detail_text, seal, verify

START = datetime(2026, 3, 4, tzinfo=UTC)


def chain_of(length: int) -> list[SealedEntry]:
    entries, previous = [], GENESIS
    for number in range(1, length + 1):
        entry = AuditEntry(
            chain="acc_1",
            number=number,
            time=START + timedelta(seconds=number),
            monotonic_microseconds=number,
            user_id="usr_1",
            action="pause",
            detail=detail_text({"n": number}),
        )
        previous = seal(previous, entry)
        entries.append(SealedEntry(entry, previous))
    return entries


def head_of(chain: list[SealedEntry]) -> tuple[int, str]:
    return (chain[-1].entry.number, chain[-1].hash) if chain else (0, GENESIS)


@pytest.mark.parametrize("length", [0, 1, 20])
def test_a_whole_chain_passes(length: int) -> None:
    chain = chain_of(length)

    assert verify("acc_1", chain, head_of(chain)) is None


def test_a_cut_tail_shows_by_the_head_that_is_kept_elsewhere() -> None:
    chain = chain_of(5)

    broken = verify("acc_1", chain[:3], head_of(chain))

    assert broken is not None
    assert broken.number == 4


def test_a_rewritten_tail_shows_by_the_head() -> None:
    chain, other = chain_of(5), chain_of(4)
    forged = replace(chain[4].entry, action="resume")
    rewritten = [*other, SealedEntry(forged, seal(other[-1].hash, forged))]

    assert verify("acc_1", rewritten, head_of(chain)) is not None


@given(st.integers(0, 9), st.sampled_from(["time", "user_id", "action", "detail", "monotonic_microseconds"]))
def test_any_changed_field_of_any_entry_shows_there(position: int, field: str) -> None:
    chain = chain_of(10)
    entry = chain[position].entry
    changed = {
        "time": entry.time + timedelta(microseconds=1),
        "user_id": "usr_2",
        "action": "resume",
        "detail": "{}",
        "monotonic_microseconds": 0,
    }[field]
    forged = replace(entry, **{field: changed})  # type: ignore[arg-type]
    chain[position] = SealedEntry(forged, chain[position].hash)

    broken = verify("acc_1", chain, head_of(chain_of(10)))

    assert broken is not None
    assert broken.number == position + 1


@given(st.text(max_size=5), st.text(max_size=5))
def test_no_two_entries_read_the_same(user_id: str, action: str) -> None:
    entry = chain_of(1)[0].entry
    one = replace(entry, user_id=user_id + "1", action=action)
    other = replace(entry, user_id=user_id, action="1" + action)

    assert seal(GENESIS, one) != seal(GENESIS, other)
