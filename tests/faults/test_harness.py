"""The means of the proof themselves: doing nothing does not pass, and what proved nothing says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tests.faults.load import Asked
from tests.faults.plants import PLANTS, environment_of
from tests.faults.report import Report
from tests.faults.rows import ROWS
from tests.faults.run import Result, of_times
from tests.faults.verdict import Expectation, Window, enough
from tests.faults.world import Shape
from tests.faults.worlds import batches, shares

FAULT = Window("server:after_commit", began_at=10.0, healed_at=11.0, recovered_at=15.0, struck=True)


def asked(state: str, at: float, *, reason: str = "", refused: str = "") -> Asked:
    return Asked(
        f"key-{at}-{state}",
        "open",
        at,
        "POST",
        "/api/trades",
        {},
        command_id="" if refused else "c",
        accepted_at=at,
        state=state,
        reason=reason,
        ended_at=at + 0.5,
        refused=refused,
    )


def many(count: int, at: float = 12.0) -> list[Asked]:
    return [asked("SUCCEEDED", at) for _ in range(count)]


def test_asking_for_nothing_does_not_pass() -> None:
    assert enough([], [FAULT], Expectation()) != []


def test_what_no_fault_touched_has_to_succeed() -> None:
    before, during, after = (asked("REJECTED", at, reason="NO_LEASE") for at in (5.0, 12.0, 20.0))

    assert len(enough([*many(30), before], [FAULT], Expectation())) == 1
    assert len(enough([*many(30), after], [FAULT], Expectation())) == 1
    assert enough([*many(30), during], [FAULT], Expectation()) == []


def test_nine_of_ten_have_to_succeed_even_under_the_fault() -> None:
    expired = [asked("EXPIRED", 12.0) for _ in range(2)]

    assert enough([*many(18), *expired], [FAULT], Expectation()) == []
    (words,) = enough([*many(17), *expired], [FAULT], Expectation())
    assert "17 of 19" in words


def test_nothing_may_stay_unknown() -> None:
    (words,) = enough([*many(30), asked("UNKNOWN", 12.0)], [FAULT], Expectation())

    assert "UNKNOWN" in words


def test_a_refusal_that_nothing_explains_is_told() -> None:
    stopped = asked("", 12.0, refused="TRADING_STOPPED")

    assert len(enough([*many(30), stopped], [FAULT], Expectation())) == 1
    expected = Expectation(refusals=frozenset({"TRADING_STOPPED"}))
    assert enough([*many(30), stopped], [FAULT], expected) == []


def report(tmp_path: Path, *results: Result) -> Report:
    with (tmp_path / "out").open("w") as out:
        told = Report(Console(file=out), [ROWS["F1"]], 1, Shape(), tmp_path / "results.json")
        for result in results:
            told.told(result)
        told.show()
    return told


def test_a_row_whose_runs_were_all_void_proves_nothing(tmp_path: Path) -> None:
    void, passed = Result("F1", 1, void="missed"), Result("F1", 2)

    assert report(tmp_path, void).exit_code == 2
    assert report(tmp_path, void, passed).exit_code == 0


def test_broken_and_late_promises_fail_and_everything_is_kept(tmp_path: Path) -> None:
    assert report(tmp_path, Result("F1", 1), Result("F1", 2, late=["P7"])).exit_code == 1
    assert report(tmp_path, Result("F1", 1), Result("F1", 2, violations=["P2"])).exit_code == 1
    kept = json.loads((tmp_path / "results.json").read_text())
    assert [one["outcome"] for one in kept["results"]] == ["passed", "violated"]


def test_every_row_has_its_first_seed_before_any_has_its_last() -> None:
    work = batches(list(ROWS.values()), range(1, 21), Shape())
    runs = [(row.name, seed) for batch in work for row, seed in batch.runs]

    assert sorted(runs) == sorted((name, seed) for name in ROWS for seed in range(1, 21))
    first = {name: next(at for at, run in enumerate(runs) if run[0] == name) for name in ROWS}
    assert max(first.values()) < len(runs) / 2


def test_a_row_that_leaves_a_mark_has_a_world_of_its_own() -> None:
    base = Shape()

    assert shares(ROWS["F1"], base)
    assert not any(shares(ROWS[name], base) for name in ("F7", "F13", "F14", "F17", "F18", "F19", "F26"))


def test_a_machine_that_stands_still_excuses_lateness_and_nothing_else() -> None:
    assert of_times("P7 server:after_commit: back after 40.0 s, not 10.0 s")
    assert of_times("P1 only 7 of 11 commands succeeded: []")
    assert not of_times("P2 key a: commands ['1', '2']")
    assert not of_times("P2 violation DOUBLE_EXECUTION: 2 orders accepted for one leg")
    assert not of_times("P5 an order from before the stop is SUCCEEDED after the re-arm")
    assert not of_times("F12 c: sent to the broker 2.00 s after its time to live")


@pytest.mark.parametrize("row", PLANTS)
def test_a_planted_bug_is_in_the_module_once_a_program_has_loaded_it(row: str) -> None:
    module = PLANTS[row].module
    script = (
        f"import importlib; print(importlib.import_module({module!r}).__dict__.get('__planted__', 'no bug'))"
    )
    told = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment_of(row)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.strip() == PLANTS[row].words
    assert row in ROWS
