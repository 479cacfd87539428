"""Telethon's objects to messages of ours. Pure, and the only reader of their fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from telethon import utils
from telethon.tl import types

from signalos_telegram.domain.chats import Chat
from signalos_telegram.domain.messages import MAXIMUM_TEXT, Message

_MEDIA_NAMES: Final = {
    types.MessageMediaPhoto: "photo",
    types.MessageMediaPoll: "poll",
    types.MessageMediaContact: "contact",
    types.MessageMediaGeo: "place",
    types.MessageMediaGeoLive: "place",
    types.MessageMediaVenue: "place",
    types.MessageMediaDice: "dice",
    types.MessageMediaStory: "story",
}


def message_from(raw: Any) -> Message | None:
    """What somebody wrote; None for what nobody did: joins, pins, changed titles, and empty places."""
    if not isinstance(raw, types.Message) or raw.date is None:
        return None
    return Message(
        chat=utils.get_peer_id(raw.peer_id),
        message_id=raw.id,
        text=(raw.message or "")[:MAXIMUM_TEXT],
        sender=str(utils.get_peer_id(raw.from_id or raw.peer_id)),
        say_time=_said(raw),
        reply_to=_replied_to(raw.reply_to),
        album=raw.grouped_id,
        media=_media(raw.media),
    )


def chat_from(entity: Any, title: str) -> Chat:
    """A chat of the account's list."""
    kind = "private"
    if isinstance(entity, types.Channel):
        kind = "channel" if entity.broadcast else "group"
    elif isinstance(entity, types.Chat):
        kind = "group"
    user_name = getattr(entity, "username", None)
    if user_name is None:
        active = [each.username for each in getattr(entity, "usernames", None) or () if each.active]
        user_name = active[0] if active else ""
    return Chat(utils.get_peer_id(entity), title, user_name or "", kind)


def _said(raw: types.Message) -> datetime:
    """When the words were first said: an old signal is not made new by forwarding it."""
    when: datetime = raw.date
    if raw.fwd_from is not None and raw.fwd_from.date is not None:
        when = min(when, raw.fwd_from.date)
    return when.astimezone(UTC)


def _replied_to(header: Any) -> int | None:
    if not isinstance(header, types.MessageReplyHeader) or header.reply_to_peer_id is not None:
        # A story, or a message of another chat.
        return None
    if header.forum_topic and header.reply_to_top_id is None:
        # Every message of a topic "replies" to the one that opened it.
        return None
    number: int | None = header.reply_to_msg_id
    return number


def _media(media: Any) -> str:
    if media is None or isinstance(media, (types.MessageMediaEmpty, types.MessageMediaWebPage)):
        return ""
    if isinstance(media, types.MessageMediaDocument):
        if media.voice:
            return "voice"
        if media.video or media.round:
            return "video"
        attributes = getattr(media.document, "attributes", None) or ()
        if any(isinstance(each, types.DocumentAttributeSticker) for each in attributes):
            return "sticker"
        return "file"
    return _MEDIA_NAMES.get(type(media), "something without text")
