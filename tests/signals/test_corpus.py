"""The project's own examples, in many spellings and languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

import pytest

from signalos_server.domain.signals.model import Gate, Kind, Parse
from signalos_server.domain.signals.parse import parse
from tests.signals.corpus import Example, examples

EXAMPLES = examples()
PROSE = [example for example in EXAMPLES if not example.source.startswith("machines")]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.source)
def test_an_example_is_read_as_it_is_meant(example: Example) -> None:
    assert example.faults() == []


def decorate(text: str) -> str:
    return "\n".join(f"🔥 {line} 🚀" for line in text.split("\n"))


def hide_zero_widths(text: str) -> str:
    return "\u200b".join(text)


def spread(text: str) -> str:
    return text.replace(" ", "   ")


def add_blank_lines(text: str) -> str:
    return text.replace("\n", "\n\n")


def end_lines_as_windows_does(text: str) -> str:
    return text.replace("\n", "\r\n")


def keep_words_together(text: str) -> str:
    return text.replace(" ", "\u00a0")


def embolden(text: str) -> str:
    return "\n".join(f"**{line}**" for line in text.split("\n"))


def sign(text: str) -> str:
    return f"{text}\n\n@the_channel_itself\nhttps://t.me/thechannel"


def shout(text: str) -> str:
    return text.upper()


NOISE: tuple[Callable[[str], str], ...] = (
    decorate,
    hide_zero_widths,
    spread,
    add_blank_lines,
    end_lines_as_windows_does,
    keep_words_together,
    embolden,
    sign,
    shout,
)


def substance(found: Parse) -> tuple[object, ...]:
    held = None if found.kind is Kind.NONE else found.gate
    return (held, *found.meaning)


@pytest.mark.parametrize("noise", NOISE, ids=lambda noise: noise.__name__)
def test_noise_changes_neither_a_number_nor_the_gate(noise: Callable[[str], str]) -> None:
    changed = [
        example.text
        for example in PROSE
        if not example.text.startswith("{")
        and substance(parse(noise(example.text), example.context))
        != substance(parse(example.text, example.context))
    ]

    assert changed == []


def figures(found: Parse) -> set[object]:
    held: set[object] = set()
    for one in (found, *found.also):
        held |= {*(one.entry or ()), *one.take_profits, *([] if one.stop_loss is None else [one.stop_loss])}
    return held


# A dash or a slash inside a figure can make two figures of it, and blanks behind its last point end a
# sentence: those are other texts, not broken figures.
@pytest.mark.parametrize("slip", ["O", "l", "x", "*", "?", " ", "💰"])
def test_a_figure_that_something_got_into_is_never_read_in_part(slip: str) -> None:
    random = Random(7)
    guessed = []
    for example in PROSE:
        if example.kind != "open" or example.gate != "ok":
            continue
        whole = figures(parse(example.text, example.context))
        for place in re.finditer(r"(?<![\d.,])\d+(?:[.,]\d+)*(?![\d.,])", example.text):
            if len(place.group()) < 4:
                continue
            inside = random.randrange(1, len(place.group()) - 1)
            at = place.start() + inside
            broken = example.text[:at] + slip + example.text[at + (0 if slip in " 💰" else 1) :]
            found = parse(broken, example.context)
            if found.kind is Kind.OPEN and found.gate is Gate.OK and not figures(found) <= whole:
                guessed.append(broken)

    assert guessed == []


def test_a_repetition_of_a_recent_order_is_nothing() -> None:
    from signalos_server.domain.signals.model import Context

    text = "XAUUSD BUY 2340 SL 2330 TP 2350"
    first = parse(text)
    again = parse("Gold long @ 2340.00, stop 2330, target 2350", Context(recent=(first,)))

    assert (first.kind, again.kind, again.gate) == (Kind.OPEN, Kind.NONE, Gate.REJECT)


def test_an_edit_that_completes_an_order_changes_it_and_opens_none() -> None:
    from signalos_server.domain.signals.model import Context

    edited = parse("GOLD SELL NOW 2358 SL 2365 TP 2350", Context(edited=True))

    assert edited.kind is Kind.MODIFY


def test_each_field_of_an_order_says_where_it_was_read() -> None:
    text = "📈 XAUUSD BUY 2340 SL 2330 TP 2350"
    places = {name: text[span.start : span.end] for name, span in parse(text).spans}

    assert places == {
        "side": "BUY",
        "symbol": "XAUUSD",
        "entry": "2340",
        "stop_loss": "2330",
        "take_profits": "2350",
    }


def test_a_held_order_says_why_and_where() -> None:
    text = "XAUUSD BUY 2340 SL 233O TP 2350"
    found = parse(text)
    broken = next(reason for reason in found.reasons if reason.code == "CORRUPT_FIGURE")

    assert found.gate is Gate.POLICY
    assert broken.span is not None
    assert text[broken.span.start : broken.span.end] == "233O"
