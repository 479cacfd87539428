"""The blind sets: messages that were labelled and committed before the parser was run on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.signals.score import figures, judge_all, load

SETS = sorted((Path(__file__).parent / "blind").glob("*.jsonl"))


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_a_set_that_was_blind_once_is_answered_as_the_specification_asks(path: Path) -> None:
    told = figures(judge_all(load(path)))

    assert told.kind >= 0.98
    assert told.opens >= 0.97
    assert told.answered_ok >= 0.95
    assert (told.unsafe, told.destructive, told.unheld) == (0, 0, 0)
