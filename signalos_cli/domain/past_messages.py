"""Files of messages: the JSON that Telegram Desktop exports of a chat, and plain JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

MAXIMUM_TEXT: Final = 32_768


class UnreadableFile(Exception):  # noqa: N818 (it says what it is)
    """The file is none of messages; the message says what was found, and where."""


@dataclass(frozen=True, slots=True)
class PastMessage:
    """A message that was written some time ago."""

    time: datetime
    # Empty where it had none: a picture, a voice message.
    text: str
    sender: str = ""
    # The file's own name of it; empty: none.
    name: str = ""
    # The name of the message that it replies to; empty: none.
    reply_to: str = ""
    # The file holds its last version, not the first.
    edited: bool = False


def read_messages(text: str) -> list[PastMessage]:
    """The messages of a file, oldest first. Raises `UnreadableFile`."""
    if not text.strip():
        raise UnreadableFile("the file is empty")
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        found = list(_lines(text))
    else:
        found = _export(whole) if _is_export(whole) else list(_lines(text))
    # Sorting keeps the file's order where two have one time.
    return sorted(found, key=lambda message: message.time)


def _is_export(whole: object) -> bool:
    if not isinstance(whole, dict):
        return False
    if "chats" in whole:
        raise UnreadableFile(
            "this is an export of a whole account: open the one chat in Telegram Desktop, and export its "
            "history"
        )
    return isinstance(whole.get("messages"), list)


def _export(whole: Mapping[str, object]) -> list[PastMessage]:
    listed = whole["messages"]
    assert isinstance(listed, list)
    messages = []
    for number, each in enumerate(listed, 1):
        if not isinstance(each, dict):
            raise UnreadableFile(f"message {number} is no object")
        # Joins, pins and changed titles are of the type `service`.
        if each.get("type") != "message":
            continue
        where = f"message {each.get('id', number)}"
        messages.append(
            PastMessage(
                time=_time(each.get("date_unixtime", each.get("date")), where),
                text=_export_text(each.get("text", ""), where)[:MAXIMUM_TEXT],
                sender=str(each.get("from_id") or each.get("from") or ""),
                name=str(each.get("id", "")),
                reply_to=str(each.get("reply_to_message_id", "")),
                edited="edited" in each or "edited_unixtime" in each,
            )
        )
    return messages


def _export_text(held: object, where: str) -> str:
    """Plain text, or a list of it and of formatted pieces."""
    if isinstance(held, str):
        return held
    if isinstance(held, list):
        return "".join(_export_piece(piece, where) for piece in held)
    raise UnreadableFile(f"{where}: its text is neither text nor a list")


def _export_piece(piece: object, where: str) -> str:
    if isinstance(piece, str):
        return piece
    if isinstance(piece, dict) and isinstance(piece.get("text"), str):
        return str(piece["text"])
    raise UnreadableFile(f"{where}: a piece of its text cannot be read")


def _lines(text: str) -> Iterator[PastMessage]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        where = f"line {number}"
        try:
            held = json.loads(line)
        except json.JSONDecodeError as error:
            raise UnreadableFile(f"{where} is not JSON: {error}") from None
        if not isinstance(held, dict) or not isinstance(held.get("text"), str) or "time" not in held:
            raise UnreadableFile(f'{where}: an object like {{"time": "2026-05-04T12:00:00Z", "text": "..."}}'
                                 " is needed")  # fmt: skip
        yield PastMessage(
            time=_time(held["time"], where),
            text=held["text"][:MAXIMUM_TEXT],
            sender=str(held.get("sender") or ""),
            name=str(held.get("id") or ""),
            reply_to=str(held.get("reply_to") or ""),
        )


def _time(held: object, where: str) -> datetime:
    """Seconds since 1970, or RFC 3339; without a zone it is UTC."""
    try:
        if isinstance(held, (int, float)) or (isinstance(held, str) and held.strip().isdigit()):
            return datetime.fromtimestamp(float(held), UTC)
        if isinstance(held, str):
            read = datetime.fromisoformat(held)
            return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise UnreadableFile(f"{where}: {held!r} is no time")
