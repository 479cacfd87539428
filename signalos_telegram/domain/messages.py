"""A message of a chat, as far as it concerns us, and the names by which the server knows it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

# What the server takes; Telegram's own bound is 4,096, of a caption 1,024 (4,096 with Premium).
MAXIMUM_TEXT: Final = 32_768


class Action(StrEnum):
    """What happened to a message."""

    NEW = "new"
    EDITED = "edited"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `chat` is Telegram's marked number: negative for groups and channels."""

    chat: int
    message_id: int
    # Empty where it has none: a picture or a voice message without a caption.
    text: str
    # Who wrote it, by number, which cannot be borrowed as a name can; of a channel's post the channel's.
    sender: str
    # When its words were first said, UTC: of a forwarded message, when the original was written.
    say_time: datetime
    # The message replied to, in the same chat; None: no reply.
    reply_to: int | None = None
    # Pictures sent as one; None: alone.
    album: int | None = None
    # What it is instead of text, for the log: `photo`, `voice`; empty: nothing.
    media: str = ""

    @property
    def numbers_are_its_own(self) -> bool:
        """Channels and large groups number their messages themselves; all other chats of an account share one
        numbering.
        """
        return is_channel(self.chat)


def is_channel(chat: int) -> bool:
    """Whether `chat` is a channel or a large group ("supergroup")."""
    return chat < -1_000_000_000_000


def external_id(chat: int, message_id: int) -> str:
    """The server's name of a message."""
    return f"{chat}:{message_id}"


def request_id(source_id: str, chat: int, message_id: int, action: Action, text: str, serial: int) -> str:
    """The same for each repetition of a submission, and for nothing else; at most 64 characters.

    `serial` tells a text from the same text after it was another in between.
    """
    said = "\x00".join((source_id, str(chat), str(message_id), action, text, str(serial)))
    return f"tg-{hashlib.blake2b(said.encode(), digest_size=24).hexdigest()}"
