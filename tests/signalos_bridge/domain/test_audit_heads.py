"""What a bridge keeps of the server's audit."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists

from signalos_bridge import kept_heads
from signalos_bridge.domain.audit_heads import AuditHead, KeptHeads, keep


def head(number: int, word: str = "a", chain: str = "system") -> AuditHead:
    return AuditHead(chain, number, word * 64)


def test_a_chain_that_grows_is_followed() -> None:
    kept, contradicted = keep(KeptHeads(), [head(3), head(1, chain="acc_1")])
    kept, more = keep(kept, [head(3), head(7, "b")])

    assert contradicted == more == ()
    assert set(kept.heads) == {head(7, "b"), head(1, chain="acc_1")}


@pytest.mark.parametrize("after", [head(2), head(3, "b")], ids=["cut", "written anew"])
def test_a_chain_that_is_cut_or_written_anew_is_caught_once_and_the_old_head_kept(after: AuditHead) -> None:
    before, _ = keep(KeptHeads(), [head(3)])

    kept, contradicted = keep(before, [after])
    again, silence = keep(kept, [after, head(9, "c")])

    assert contradicted == (head(3),)
    assert silence == ()
    assert again.heads == (head(9, "c"),)
    assert again.contradicted == (head(3),)


@given(lists(integers(1, 50), min_size=1, max_size=60))
def test_every_step_back_is_caught(numbers: list[int]) -> None:
    kept, caught = KeptHeads(), 0
    for number in numbers:
        kept, contradicted = keep(kept, [head(number)])
        caught += len(contradicted)

    assert caught == sum(after < before for before, after in itertools.pairwise(numbers))
    assert len(kept.contradicted) <= 20


def test_what_is_kept_is_read_back_and_damage_is_said(tmp_path: Path) -> None:
    kept = KeptHeads((head(3), head(1, chain="acc_1")), (head(9, "c"),))
    assert kept_heads.load(tmp_path) == KeptHeads()

    kept_heads.store(tmp_path, kept)

    assert kept_heads.load(tmp_path) == kept
    (tmp_path / kept_heads.HEADS_FILE).write_text("{")
    with pytest.raises(kept_heads.HeadsDamaged):
        kept_heads.load(tmp_path)
