from __future__ import annotations

import sqlite3
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signalos_telegram.domain.messages import Action, Message
from signalos_telegram.journal import FILE, Journal, Recorded
from tests.signalos_telegram.recorded import CHANNEL, GROUP, NOON, at

FIRST = Message(CHANNEL, 7, "BUY GOLD", "ann", NOON)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path)
    yield opened
    opened.close()


def texts(journal: Journal, chat: int = CHANNEL) -> list[tuple[Action, int, str]]:
    return [(row.action, row.message_id, row.text) for row in journal.waiting(chat, 10)]


def test_what_is_seen_again_with_the_same_words_is_known(journal: Journal) -> None:
    assert journal.record(FIRST, Action.NEW, NOON) is Recorded.QUEUED
    assert journal.record(FIRST, Action.NEW, NOON) is Recorded.KNOWN
    assert journal.record(FIRST, Action.EDITED, NOON) is Recorded.KNOWN
    assert texts(journal) == [(Action.NEW, 7, "BUY GOLD")]


def test_what_waits_outlives_the_program(tmp_path: Path) -> None:
    before = Journal(tmp_path)
    before.record(FIRST, Action.NEW, NOON)
    before.attempt(1)
    before.close()

    after = Journal(tmp_path)
    [row] = after.waiting(CHANNEL)
    after.close()
    assert (row.text, row.sender, row.say_time, row.attempts) == ("BUY GOLD", "ann", NOON, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
def test_it_is_readable_by_its_owner_only(tmp_path: Path, journal: Journal) -> None:
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_an_edit_before_it_was_handed_on_changes_what_goes(journal: Journal) -> None:
    journal.record(FIRST, Action.NEW, NOON)

    recorded = journal.record(replace(FIRST, text="SELL GOLD"), Action.EDITED, at(1))

    assert recorded is Recorded.CHANGED_BEFORE_SENT
    assert texts(journal) == [(Action.NEW, 7, "SELL GOLD")]


def test_an_edit_after_an_attempt_follows_it(journal: Journal) -> None:
    journal.record(FIRST, Action.NEW, NOON)
    journal.attempt(journal.waiting(CHANNEL)[0].seq)

    journal.record(replace(FIRST, text="SELL GOLD"), Action.EDITED, at(1))

    assert texts(journal) == [(Action.NEW, 7, "BUY GOLD"), (Action.EDITED, 7, "SELL GOLD")]


def test_a_message_deleted_before_it_was_handed_on_never_goes(journal: Journal) -> None:
    journal.record(FIRST, Action.NEW, NOON)

    assert journal.delete(CHANNEL, [7], at(1)) == [Recorded.WITHDRAWN_BEFORE_SENT]
    assert texts(journal) == []
    assert journal.record(FIRST, Action.NEW, at(2)) is Recorded.KNOWN


def test_an_edit_that_arrives_after_the_deletion_revives_nothing(journal: Journal) -> None:
    journal.record(FIRST, Action.NEW, NOON)
    journal.delete(CHANNEL, [7], at(1))

    assert journal.record(replace(FIRST, text="SELL GOLD"), Action.EDITED, at(2)) is Recorded.KNOWN
    assert texts(journal) == []


def test_a_deletion_after_an_attempt_follows_it_and_unsent_edits_go(journal: Journal) -> None:
    journal.record(FIRST, Action.NEW, NOON)
    journal.attempt(journal.waiting(CHANNEL)[0].seq)
    journal.record(replace(FIRST, text="SELL GOLD"), Action.EDITED, at(1))

    assert journal.delete(CHANNEL, [7, 7, 8], at(2)) == [
        Recorded.QUEUED, Recorded.KNOWN, Recorded.UNKNOWN_DELETION,
    ]  # fmt: skip
    assert texts(journal) == [(Action.NEW, 7, "BUY GOLD"), (Action.DELETED, 7, "")]


def test_a_deletion_without_a_chat_is_of_a_chat_that_shares_its_numbers(journal: Journal) -> None:
    in_group = replace(FIRST, chat=GROUP)
    for message in (FIRST, in_group):
        journal.record(message, Action.NEW, NOON)
        journal.attempt(journal.waiting(message.chat)[0].seq)

    assert journal.delete_unplaced([7], at(1)) == [Recorded.QUEUED]
    assert [action for action, _, _ in texts(journal, GROUP)] == [Action.NEW, Action.DELETED]
    assert [action for action, _, _ in texts(journal, CHANNEL)] == [Action.NEW]
    assert journal.delete_unplaced([99], at(1)) == [Recorded.UNKNOWN_DELETION]


def test_a_picture_without_words_is_counted_and_a_caption_added_later_is_new(journal: Journal) -> None:
    assert journal.record(replace(FIRST, text=""), Action.NEW, NOON) is Recorded.NO_TEXT
    assert journal.counters() == {"no_text": 1}
    assert journal.record(FIRST, Action.EDITED, at(1)) is Recorded.QUEUED
    assert texts(journal) == [(Action.NEW, 7, "BUY GOLD")]


def test_an_edit_that_takes_all_words_away_is_a_deletion(journal: Journal) -> None:
    journal.record(FIRST, Action.NEW, NOON)
    journal.attempt(journal.waiting(CHANNEL)[0].seq)

    journal.record(replace(FIRST, text=""), Action.EDITED, at(1))

    assert texts(journal)[1:] == [(Action.DELETED, 7, "")]


def test_parts_go_by_the_name_of_the_first_in_edits_replies_and_deletions(journal: Journal) -> None:
    second = Message(CHANNEL, 8, "SL 2330", "ann", at(1))
    journal.record(FIRST, Action.NEW, NOON)
    journal.record(second, Action.NEW, at(1))
    head, following = journal.waiting(CHANNEL)
    journal.merge(head, following, "BUY GOLD\nSL 2330")
    assert texts(journal) == [(Action.NEW, 7, "BUY GOLD\nSL 2330")]

    journal.record(replace(second, text="SL 2331"), Action.EDITED, at(2))
    assert texts(journal) == [(Action.NEW, 7, "BUY GOLD\nSL 2331")]
    journal.attempt(head.seq)
    journal.record(replace(second, text="SL 2332"), Action.EDITED, at(3))
    assert texts(journal)[1:] == [(Action.EDITED, 7, "BUY GOLD\nSL 2332")]
    assert journal.root(CHANNEL, 8) == 7
    journal.delete(CHANNEL, [8], at(4))
    assert texts(journal)[1:] == [(Action.DELETED, 7, "")]


def test_a_reply_to_a_picture_of_an_album_means_the_one_with_the_words(journal: Journal) -> None:
    journal.record(replace(FIRST, message_id=7, text="", album=5), Action.NEW, NOON)
    journal.record(replace(FIRST, message_id=8, album=5), Action.NEW, NOON)

    assert journal.root(CHANNEL, 7) == 8
    assert journal.root(CHANNEL, 99) == 99


def test_what_was_handed_to_one_source_is_kept_until_all_have_it(journal: Journal) -> None:
    journal.record(FIRST, Action.NEW, NOON)
    seq = journal.waiting(CHANNEL)[0].seq
    journal.hand(seq, "src_1")
    journal.hand(seq, "src_1")

    assert journal.handed(seq) == {"src_1"}
    journal.finish(seq, "handed_on")
    assert (journal.handed(seq), journal.queue_length(), journal.counters()) == (set(), 0, {"handed_on": 1})


def test_numbers_are_never_used_twice(journal: Journal) -> None:
    journal.record(FIRST, Action.NEW, NOON)
    first = journal.waiting(CHANNEL)[0].seq
    journal.finish(first, "handed_on")
    journal.record(replace(FIRST, message_id=8), Action.NEW, NOON)

    assert journal.waiting(CHANNEL)[0].seq > first


def test_old_messages_are_forgotten_unless_they_wait(journal: Journal) -> None:
    journal.record(FIRST, Action.NEW, NOON)
    journal.record(replace(FIRST, message_id=8), Action.NEW, NOON)
    journal.finish(journal.waiting(CHANNEL)[0].seq, "handed_on")

    journal.forget_old(NOON + timedelta(days=15))

    assert texts(journal) == [(Action.NEW, 8, "BUY GOLD")]
    assert journal.record(FIRST, Action.NEW, at(1)) is Recorded.QUEUED


def test_a_fact_keeps_since_when_it_holds(journal: Journal) -> None:
    journal.set_fact("server", "connected", NOON)
    journal.set_fact("server", "connected", at(60))
    assert journal.facts()["server"].time == NOON
    journal.set_fact("server", "away", at(90))
    assert (journal.facts()["server"].value, journal.facts()["server"].time) == ("away", at(90))


def test_a_chat_that_is_new_is_read_from_its_newest_message(journal: Journal) -> None:
    journal.begin_chat(CHANNEL, 40)
    journal.begin_chat(CHANNEL, 50)
    assert [state.last_message_id for state in journal.chats()] == [40]
    journal.record(replace(FIRST, message_id=41), Action.NEW, NOON)
    journal.record(replace(FIRST, message_id=39), Action.NEW, NOON)
    assert [state.last_message_id for state in journal.chats()] == [41]


def test_one_that_looks_only_changes_nothing(tmp_path: Path, journal: Journal) -> None:
    journal.record(FIRST, Action.NEW, NOON)

    looking = Journal(tmp_path, read_only=True)
    assert looking.queue_length() == 1
    with pytest.raises(sqlite3.OperationalError):
        looking.count("x")
    looking.close()


events = st.lists(
    st.tuples(st.sampled_from(["write", "delete", "hand", "lose", "restart"]), st.integers(1, 3),
              st.sampled_from(["A", "B", "C", ""])),
    max_size=40,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events)
def test_whatever_happens_the_server_hears_of_each_message_once_and_its_last_state_last(
    tmp_path_factory: pytest.TempPathFactory, happened: list[tuple[str, int, str]]
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    journal = Journal(directory)
    shown: dict[int, str | None] = {}
    ever: set[int] = set()
    heard: dict[int, list[tuple[Action, str]]] = {}

    def hand() -> bool:
        rows = journal.waiting(CHANNEL, 1)
        if not rows:
            return False
        journal.attempt(rows[0].seq)
        heard.setdefault(rows[0].message_id, []).append((rows[0].action, rows[0].text))
        journal.finish(rows[0].seq, "handed_on")
        return True

    for what, number, text in happened:
        match what:
            case "write" if shown.get(number, "") is not None:
                action = Action.EDITED if number in ever else Action.NEW
                journal.record(Message(CHANNEL, number, text, "ann", NOON), action, NOON)
                if number in shown and shown[number] and not text:
                    # Its words were taken away: what is written there later is another thing.
                    shown[number] = None
                else:
                    shown[number] = text
                ever.add(number)
            case "delete" if number in ever:
                journal.delete(CHANNEL, [number], NOON)
                shown[number] = None
            case "hand":
                hand()
            case "lose":
                rows = journal.waiting(CHANNEL, 1)
                if rows:
                    # The server may have it, and the answer did not come.
                    journal.attempt(rows[0].seq)
            case "restart":
                journal.close()
                journal = Journal(directory)
    while hand():
        pass
    journal.close()

    for number, told in heard.items():
        assert [action for action, _ in told].count(Action.NEW) == 1
        assert told[0][0] is Action.NEW
        assert Action.DELETED not in [action for action, _ in told[:-1]]
        last = shown[number]
        assert told[-1] == (Action.DELETED, "") if last is None else told[-1][1] == last
    for number, last in shown.items():
        assert not last or number in heard
