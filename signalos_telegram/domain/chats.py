"""Which chats a source means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_NUMBER: Final = re.compile(r"-?\d{1,20}")
_LINK: Final = re.compile(r"(?:https?://)?(?:t\.me|telegram\.me)/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat that the account is in."""

    # Telegram's marked number.
    number: int
    title: str
    # Without `@`; empty: none.
    user_name: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The chat that was meant, or in words why there is none."""

    number: int | None
    problem: str = ""


def find(named: str, chats: Iterable[Chat]) -> Found:
    """The chat with this number, user name, `t.me` link or exact title. Two of one title are not chosen
    between.
    """
    wanted = named.strip()
    if _NUMBER.fullmatch(wanted):
        return _by_number(wanted, list(chats))
    listed = list(chats)
    user_name = _LINK.sub("", wanted).removeprefix("@").rstrip("/").casefold()
    for chat in listed:
        if chat.user_name and chat.user_name.casefold() == user_name:
            return Found(chat.number)
    titled = [chat for chat in listed if chat.title.strip().casefold() == wanted.casefold()]
    if len(titled) == 1:
        return Found(titled[0].number)
    if titled:
        numbers = ", ".join(str(chat.number) for chat in titled)
        return Found(None, f"{len(titled)} chats are called {named!r}: name one by its number ({numbers})")
    return Found(None, f"this Telegram account is in no chat called {named!r}")


def _by_number(wanted: str, chats: list[Chat]) -> Found:
    number = int(wanted)
    # Other programs show channels and groups without their marks.
    marked = {number, -number, -(1_000_000_000_000 + abs(number))} if number > 0 else {number}
    matches = [chat for chat in chats if chat.number in marked]
    exact = [chat for chat in matches if chat.number == number]
    if exact:
        return Found(number)
    if len(matches) == 1:
        return Found(matches[0].number)
    if matches:
        return Found(None, f"{wanted} fits several chats: {', '.join(str(each.number) for each in matches)}")
    return Found(None, f"this Telegram account is in no chat with the number {wanted}")
