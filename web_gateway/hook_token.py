"""Where the token of a webhook call is: its path, its headers, or its JSON body. Pure.

A token in the body is cut out before the body goes on, so that no record of the message holds it. All else of
the body stays as it came, to the byte: a price that was written `1.10` is not written anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from typing import Final

from web_gateway.sessions import token_from_authorization

MEMBER: Final = "token"
_TOKEN: Final = re.compile(r"[!-~]{1,200}")
_SPACE: Final = " \t\n\r"
_decoder: Final = JSONDecoder()


@dataclass(frozen=True, slots=True)
class Presented:
    """What a caller shows, and what goes on."""

    # Empty: none was shown, or none that could be one.
    token: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    value: object
    start: int
    end: int


def presented(path_token: str, headers: Mapping[bytes, bytes], body: bytes) -> Presented:
    """The token of a call. The path goes before `X-SignalOS-Token`, that before `Authorization: Bearer`, that
    before the body's member `token`, which is cut out where it holds the token that counts.
    """
    stated = (
        path_token
        or headers.get(b"x-signalos-token", b"").decode("latin-1").strip()
        or token_from_authorization(headers.get(b"authorization", b"").decode("latin-1"))
        or ""
    )
    members = _members(body)
    secrets = [each for each in members if each.name == MEMBER and isinstance(each.value, str)]
    if not stated and len(secrets) == 1:
        stated = str(secrets[0].value)
    if not _TOKEN.fullmatch(stated):
        return Presented("", body)
    # A body may speak of another token, of a coin for example.
    shown = [each for each in secrets if each.value == stated]
    return Presented(stated, _without(body, members, shown) if shown else body)


def _members(body: bytes) -> list[_Member]:
    """The members of a JSON object, with their places in its text; none where it is not one."""
    try:
        text = body.decode("utf-8")
        return _scan(text)
    except (UnicodeDecodeError, JSONDecodeError, ValueError, IndexError, RecursionError):
        return []


def _scan(text: str) -> list[_Member]:
    """Raises one of the errors that `_members` names where `text` is not a JSON object."""
    members: list[_Member] = []
    at = _past_space(text, 1 if text.startswith("\ufeff") else 0)
    if text[at] != "{":
        return []
    at = _past_space(text, at + 1)
    while text[at] != "}":
        start = at
        name, at = _decoder.raw_decode(text, at)
        at = _past_space(text, at)
        if not isinstance(name, str) or text[at] != ":":
            return []
        value, at = _decoder.raw_decode(text, _past_space(text, at + 1))
        members.append(_Member(name, value, start, at))
        at = _past_space(text, at)
        if text[at] == ",":
            at = _past_space(text, at + 1)
            if text[at] == "}":
                return []
        elif text[at] != "}":
            return []
    if _past_space(text, at + 1) != len(text):
        return []
    return members


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _without(body: bytes, members: list[_Member], cut: list[_Member]) -> bytes:
    text = body.decode("utf-8")
    kept = [each for each in members if each not in cut]
    inner = ", ".join(text[each.start : each.end] for each in kept)
    return f"{text[: members[0].start]}{inner}{text[members[-1].end :]}".encode()
