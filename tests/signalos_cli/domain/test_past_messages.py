from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_cli.domain.past_messages import PastMessage, UnreadableFile, read_messages

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
UNIX = str(int(NOON.timestamp()))


def export(*messages: dict[str, Any]) -> str:
    return json.dumps({"name": "Gold", "type": "public_channel", "id": 1, "messages": list(messages)})


def test_an_export_of_telegram_desktop_is_read() -> None:
    text = export(
        {"id": 1, "type": "service", "action": "create_channel", "date_unixtime": UNIX},
        {
            "id": 3, "type": "message", "date_unixtime": str(int(UNIX) + 60), "from_id": "channel1",
            "text": ["XAUUSD ", {"type": "bold", "text": "BUY"}, "\nSL 2330"], "reply_to_message_id": 2,
            "edited_unixtime": UNIX,
        },
        {"id": 2, "type": "message", "date_unixtime": UNIX, "from": "Ann", "text": "", "photo": "a.jpg"},
    )  # fmt: skip

    assert read_messages(text) == [
        PastMessage(NOON, "", "Ann", "2"),
        PastMessage(NOON.replace(minute=1), "XAUUSD BUY\nSL 2330", "channel1", "3", "2", edited=True),
    ]


def test_json_lines_are_read_in_the_order_of_their_times() -> None:
    text = (
        '{"time": "2026-05-04T14:00:00+02:00", "text": "BUY", "id": 7, "sender": "ann", "reply_to": 5}\n\n'
        '{"time": "2026-05-04T11:00:00", "text": "SELL"}\n'
    )

    assert read_messages(text) == [
        PastMessage(NOON.replace(hour=11), "SELL"),
        PastMessage(NOON, "BUY", "ann", "7", "5"),
    ]


def test_one_line_is_a_file_too() -> None:
    assert read_messages(f'{{"time": {UNIX}, "text": "BUY"}}') == [PastMessage(NOON, "BUY")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("BUY GOLD", "line 1 is not JSON"),
        ('{"time": 1, "text": "a"}\n{"text": "b"}', "line 2: an object like"),
        ('{"time": "yesterday", "text": "a"}', "line 1: 'yesterday' is no time"),
        ('{"time": 1e30, "text": "a"}', "is no time"),
        ('["a"]', "line 1: an object like"),
        ('{"chats": {"list": []}}', "export of a whole account"),
        (export({"id": 4, "type": "message", "date_unixtime": UNIX, "text": 5}), "message 4: its text"),
        (export({"id": 4, "type": "message", "date_unixtime": UNIX, "text": [5]}), "message 4: a piece"),
        (export({"id": 4, "type": "message", "text": "a"}), "message 4: None is no time"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(UnreadableFile, match=problem):
        read_messages(text)


@given(st.text(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_file_is_read_or_refused(text: str) -> None:
    try:
        read_messages(text)
    except UnreadableFile:
        return
