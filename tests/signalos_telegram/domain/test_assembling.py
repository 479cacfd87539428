from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from signalos_telegram.domain.assembling import WINDOW, Part, Reading, Send, Try, Wait, assemble
from tests.signalos_telegram.recorded import NOON, at

WHOLE = Reading(opens=True, may_be_sent=True, has_symbol=True, has_side=True, has_stop=True)
NO_STOP = replace(WHOLE, has_stop=False)
ONLY_SYMBOL = Reading(opens=False, may_be_sent=False, has_symbol=True, has_side=False, has_stop=False)
CHATTER = Reading(opens=False, may_be_sent=False, has_symbol=False, has_side=False, has_stop=False)

HEAD = Part("GOLD BUY NOW", "ann", NOON, NOON)
LEVELS = Part("SL 2330 TP 2350", "ann", at(2), at(2))


def test_a_whole_order_never_waits() -> None:
    assert assemble(HEAD, WHOLE, None, NOON) == Send()
    assert assemble(HEAD, WHOLE, LEVELS, at(2)) == Send()


def test_chatter_and_messages_of_several_actions_never_wait() -> None:
    assert assemble(HEAD, CHATTER, None, NOON) == Send()
    assert assemble(HEAD, replace(NO_STOP, further=1), None, NOON) == Send()


@pytest.mark.parametrize("reading", [NO_STOP, ONLY_SYMBOL])
def test_the_beginning_of_an_order_waits_for_the_rest_and_not_for_ever(reading: Reading) -> None:
    assert assemble(HEAD, reading, None, at(1)) == Wait(NOON + WINDOW)
    assert assemble(HEAD, reading, None, NOON + WINDOW) == Send()


def test_a_beginning_that_was_caught_up_on_does_not_wait() -> None:
    assert assemble(replace(HEAD, arrive_time=at(60)), NO_STOP, None, at(60)) == Send()


def test_the_rest_is_tried_together_with_the_beginning() -> None:
    assert assemble(HEAD, NO_STOP, LEVELS, at(2)) == Try("GOLD BUY NOW\nSL 2330 TP 2350")


@pytest.mark.parametrize(
    "other",
    [
        replace(LEVELS, sender="bob"),
        replace(LEVELS, say_time=NOON + WINDOW + timedelta(seconds=1)),
        replace(LEVELS, say_time=at(-1)),
        replace(LEVELS, reply_to=3),
        replace(LEVELS, text=""),
    ],
)
def test_what_does_not_belong_to_it_is_not_tried(other: Part) -> None:
    assert assemble(HEAD, NO_STOP, other, at(2)) == Send()


def test_no_more_than_four_parts_are_put_together() -> None:
    assert assemble(replace(HEAD, count=3), NO_STOP, LEVELS, at(2)) != Send()
    assert assemble(replace(HEAD, count=4), NO_STOP, LEVELS, at(2)) == Send()
