from __future__ import annotations

import pytest

from signalos_telegram.domain.chats import Chat, Found, find

CHATS = [
    Chat(-1_001_234_567_890, "Gold Signals", "goldsignals", "channel"),
    Chat(-555, "Us"),
    Chat(777, "Ann", "ann"),
    Chat(-556, "Twice"),
    Chat(-557, "Twice"),
]


@pytest.mark.parametrize(
    ("named", "number"),
    [
        ("-1001234567890", -1_001_234_567_890),
        ("1234567890", -1_001_234_567_890),
        ("@GoldSignals", -1_001_234_567_890),
        ("https://t.me/goldsignals", -1_001_234_567_890),
        ("gold signals ", -1_001_234_567_890),
        ("555", -555),
        ("777", 777),
        ("Us", -555),
    ],
)
def test_a_chat_is_found_by_number_name_link_and_title(named: str, number: int) -> None:
    assert find(named, CHATS) == Found(number)


def test_two_of_one_title_are_not_chosen_between() -> None:
    found = find("Twice", CHATS)

    assert found.number is None
    assert "-556, -557" in found.problem


@pytest.mark.parametrize("named", ["Gold", "@nobody", "-1", "99999", ""])
def test_what_is_not_there_is_said_and_not_guessed(named: str) -> None:
    found = find(named, CHATS)

    assert found.number is None
    assert "in no chat" in found.problem
