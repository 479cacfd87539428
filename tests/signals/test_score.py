"""The labelled set, where it lies beside the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.signals.score import figures, judge_all, load

LABELLED = Path(__file__).resolve().parents[3] / "shared" / "signals" / "examples.jsonl"


@pytest.mark.skipif(not LABELLED.exists(), reason="the labelled set is not beside the project")
def test_the_labelled_set_is_answered_as_the_specification_asks() -> None:
    told = figures(judge_all(load(LABELLED)))

    assert told.kind >= 0.98
    assert told.opens >= 0.97
    assert told.answered_ok >= 0.95
    assert (told.unsafe, told.destructive, told.unheld) == (0, 0, 0)
