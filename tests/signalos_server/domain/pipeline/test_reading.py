"""What repeats what, and what an edit may still do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from signalos_server.domain.pipeline.reading import (
    check_edit,
    check_order_of_versions,
    gate_of,
    is_order,
    meaning_key,
    repeats_part,
)
from signalos_server.domain.pipeline.record import Signal
from signalos_server.domain.signals.model import Context, Parse
from signalos_server.domain.signals.parse import parse

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def a_signal(text: str, *, edited: bool = False, deleted: bool = False, age: float = 0) -> Signal:
    said = NOW - timedelta(seconds=age)
    parsed = parse(text, Context(edited=edited)) if text else None
    return Signal(
        "sig", "usr", "src", "s", text, NOW, said, NOW, edited=edited, deleted=deleted, parsed=parsed
    )


def said(signal: Signal) -> Parse:
    assert signal.parsed is not None
    return signal.parsed


def test_orders_of_one_meaning_share_a_key_whatever_their_words_and_zeros() -> None:
    one = parse("BUY GOLD NOW SL 2330 TP 2350")
    other = parse("XAUUSD buy now\nStop loss: 2330.00\nTake profit: 2350.0 🚀")
    assert meaning_key(one) == meaning_key(other) != ""
    assert meaning_key(parse("BUY GOLD NOW SL 2330 TP 2351")) != meaning_key(one)
    assert meaning_key(parse("close gold")) == ""


def test_an_edit_of_the_words_alone_says_the_same() -> None:
    first = a_signal("BUY GOLD NOW SL 2330 TP 2350")
    same = a_signal("BUY GOLD NOW SL 2330 TP 2350 !!", edited=True)
    other = a_signal("BUY GOLD NOW SL 2331 TP 2350", edited=True)
    assert is_order(said(same))
    found = check_edit(same, said(same), first)
    assert found is not None
    assert found.code == "SAYS_THE_SAME"
    assert check_edit(other, said(other), first) is None


def test_a_part_is_not_closed_twice_by_an_edit() -> None:
    first = a_signal("Close half of XAUUSD")
    again = a_signal("Close 30% of XAUUSD", edited=True)
    move = a_signal("Move SL of XAUUSD to 2335", edited=True)
    assert repeats_part(again, said(again), first)
    assert not repeats_part(move, said(move), first)


def test_older_versions_and_deleted_messages_do_nothing_any_more() -> None:
    newer = a_signal("BUY GOLD NOW SL 2331 TP 2350", edited=True)
    older = a_signal("BUY GOLD NOW SL 2330 TP 2350", age=30)
    gone = a_signal("", deleted=True)
    overtaken = check_order_of_versions(older, newer)
    deleted = check_order_of_versions(older, gone)
    assert overtaken is not None
    assert overtaken.code == "OVERTAKEN"
    assert deleted is not None
    assert deleted.code == "DELETED_BEFORE"
    assert check_order_of_versions(newer, older) is None
    assert check_order_of_versions(replace(gone, say_time=older.say_time), newer) is None


def test_a_refused_parse_goes_no_further_and_says_why() -> None:
    refused = gate_of(parse("should I buy gold?"))
    assert refused is not None
    assert refused.code
    assert gate_of(parse("BUY GOLD NOW SL 2330 TP 2350")) is None
