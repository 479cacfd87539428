"""Whatever the text, there is an answer; and nothing that nobody said becomes an order."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalos_server.domain.signals.lexicon import ROOT
from signalos_server.domain.signals.model import Gate, Kind
from signalos_server.domain.signals.parse import LONGEST_TEXT, parse

# How long a parse takes is measured by the benchmark, not here, where other tests run beside it.
UNHURRIED = settings(deadline=None)

WORDS = sorted(word for word in ROOT.then if not word.isdigit())
FIGURES = st.sampled_from(
    ["2340", "1.0850", "1,0850", "39,420", "2340-45", "1e9", "23xx", "0", "99999999", "5"]
)
SIGNS = st.sampled_from([*" \n\n.,:;-/@#()[]{}%$?!+=*&'\"|<>~_", "✅", "²", "３", "\u202e", "\u200b", "½"])
SOUP = st.lists(st.one_of(st.sampled_from(WORDS), FIGURES, SIGNS), max_size=40).map(" ".join)


@UNHURRIED
@given(st.text(max_size=300))
def test_random_characters_get_an_answer_and_are_no_order(text: str) -> None:
    assert not parse(text).executable


@settings(UNHURRIED, max_examples=400)
@given(SOUP)
def test_any_mixture_of_words_gets_an_answer(text: str) -> None:
    parse(text)


@settings(UNHURRIED, max_examples=200)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
        lambda inner: (
            st.dictionaries(
                st.sampled_from(["symbol", "action", "price", "sl", "tp", "lots", "time", "message", "x"]),
                inner,
                max_size=4,
            )
            | st.lists(inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_any_json_gets_an_answer(body: object) -> None:
    import json

    parse(json.dumps(body))


@UNHURRIED
@given(st.sampled_from(["buy", "sell", "купить", "شراء", "买入"]), st.text(max_size=80))
def test_a_side_without_an_instrument_is_never_an_order(side: str, text: str) -> None:
    found = parse(f"{side} {text}")

    assert found.symbol is not None or not (found.kind is Kind.OPEN and found.gate in (Gate.OK, Gate.POLICY))


def test_a_text_without_end_is_refused_before_it_is_read() -> None:
    assert parse("buy gold " * LONGEST_TEXT).gate is Gate.REJECT


def test_deeply_nested_json_is_refused() -> None:
    assert parse('{"a":' * 2000 + "1" + "}" * 2000).gate in (Gate.REJECT, Gate.NONE)


@pytest.mark.parametrize(
    "piece",
    [
        "1 ",
        "1-",
        "now ",
        "close ",
        "be ",
        "buy 1 ",
        "sl 1 tp 2 ",
        "gold eurusd ",
        "(",
        "不",
        "b u y ",
        "close, sl 1, ",
        "don't close, ",
        "buy gold 4050\n",
        "close half and sl to 4050 ",
        "والهدف ",
    ],
)
def test_the_longest_text_costs_little_whatever_is_in_it(piece: str) -> None:
    text = piece * (LONGEST_TEXT // len(piece))

    start = time.thread_time()
    parse(text)

    # A figure that grew with the square of the length took twenty times as long.
    assert time.thread_time() - start < 2
