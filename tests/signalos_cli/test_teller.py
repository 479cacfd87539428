"""What a person, or a log collector, is told."""

import json

import pytest
from rich.console import Console

from signalos_cli.domain.supervision import (
    Action,
    AllEnded,
    Exit,
    GaveUp,
    Start,
    Storm,
    TooSlow,
    WillRestart,
)
from signalos_cli.teller import StderrTeller, words_of


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Start("server"), "starts server"),
        (
            WillRestart("server", Exit(signal=9), 0.5),
            "server ended (killed by signal 9); starts again in 0.5 s",
        ),
        (WillRestart("bridge", Exit(code=1), 2.0), "bridge ended (exit code 1); starts again in 2 s"),
        (
            GaveUp("gateway", Exit(2, reason="no such file"), 1),
            "gateway cannot start: no such file; ends everything",
        ),
        (TooSlow("bridge", 10.0), "bridge took longer than 10 s; kills it"),
        (AllEnded(False), ""),
    ],
)
def test_what_happens_is_said_in_words(action: Action, words: str) -> None:
    assert words_of(action) == words


def test_a_storm_says_that_it_goes_on() -> None:
    assert "started again all the same" in words_of(Storm("bridge", 6, 60.0))


def test_as_json_each_line_is_one_object_that_says_whose_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    teller = StderrTeller(Console(stderr=True), json_lines=True)
    teller.line("server", '{"event": "ready", "level": "info"}')
    teller.line("emulator", "plain words")
    teller.action(Start("bridge"))
    teller.close()

    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert told[0] == {"program": "server", "event": "ready", "level": "info"}
    assert (told[1]["program"], told[1]["event"]) == ("emulator", "plain words")
    assert (told[2]["program"], told[2]["event"]) == ("supervisor", "starts bridge")


def test_markup_in_a_programs_line_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    teller = StderrTeller(Console(stderr=True, soft_wrap=True), json_lines=False)
    teller.line("server", "[bold]not markup[/] [info]")
    teller.close()

    assert capsys.readouterr().err == "server     [bold]not markup[/] [info]\n"
