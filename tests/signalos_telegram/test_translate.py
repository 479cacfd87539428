from __future__ import annotations

from typing import Any

import pytest
from telethon import events
from telethon.tl import types

from signalos_telegram.domain.chats import Chat
from signalos_telegram.domain.messages import Message
from signalos_telegram.translate import chat_from, message_from
from tests.signalos_telegram.recorded import ANN, CHANNEL, GROUP, NOON, at, peer, post


def test_a_post_of_a_channel_is_said_by_the_channel() -> None:
    assert message_from(post(7, "BUY GOLD")) == Message(CHANNEL, 7, "BUY GOLD", str(CHANNEL), NOON)


def test_a_message_of_a_group_is_said_by_its_author() -> None:
    message = message_from(post(7, "BUY GOLD", GROUP, from_id=types.PeerUser(ANN)))

    assert message is not None
    assert (message.chat, message.sender) == (GROUP, str(ANN))


def test_a_forwarded_message_is_as_old_as_its_original() -> None:
    header = types.MessageFwdHeader(date=at(-7200), from_name="Somebody")

    message = message_from(post(7, "BUY GOLD", fwd_from=header))

    assert message is not None
    assert message.say_time == at(-7200)


@pytest.mark.parametrize(
    ("header", "reply_to"),
    [
        (types.MessageReplyHeader(reply_to_msg_id=5), 5),
        (types.MessageReplyHeader(reply_to_msg_id=5, quote=True, quote_text="BUY"), 5),
        (types.MessageReplyHeader(reply_to_msg_id=5, forum_topic=True), None),
        (types.MessageReplyHeader(reply_to_msg_id=5, forum_topic=True, reply_to_top_id=2), 5),
        (types.MessageReplyHeader(reply_to_msg_id=5, reply_to_peer_id=types.PeerChannel(9)), None),
        (types.MessageReplyStoryHeader(peer=types.PeerUser(1), story_id=3), None),
        (None, None),
    ],
)
def test_what_is_replied_to(header: Any, reply_to: int | None) -> None:
    message = message_from(post(7, "close", reply_to=header))

    assert message is not None
    assert message.reply_to == reply_to


@pytest.mark.parametrize(
    ("media", "name"),
    [
        (types.MessageMediaPhoto(), "photo"),
        (types.MessageMediaDocument(voice=True), "voice"),
        (types.MessageMediaDocument(round=True), "video"),
        (types.MessageMediaDocument(), "file"),
        (types.MessageMediaUnsupported(), "something without text"),
        (types.MessageMediaWebPage(webpage=types.WebPageEmpty(id=1)), ""),
        (None, ""),
    ],
)
def test_what_there_is_instead_of_text(media: Any, name: str) -> None:
    message = message_from(post(7, media=media))

    assert message is not None
    assert (message.text, message.media) == ("", name)


def test_a_caption_is_the_text_of_its_picture() -> None:
    message = message_from(post(7, "SELL US30", media=types.MessageMediaPhoto(), grouped_id=99))

    assert message is not None
    assert (message.text, message.album) == ("SELL US30", 99)


@pytest.mark.parametrize(
    "raw",
    [
        types.MessageEmpty(id=3, peer_id=peer(GROUP)),
        types.MessageService(
            id=4, peer_id=peer(GROUP), date=NOON, action=types.MessageActionChatEditTitle("new title")
        ),
    ],
)
def test_what_nobody_wrote_is_no_message(raw: Any) -> None:
    assert message_from(raw) is None


def test_a_deletion_says_where_it_was_in_channels_only() -> None:
    in_channel = events.MessageDeleted.build(
        types.UpdateDeleteChannelMessages(channel_id=1_234_567_890, messages=[1, 2], pts=1, pts_count=1)
    )
    elsewhere = events.MessageDeleted.build(types.UpdateDeleteMessages(messages=[3], pts=1, pts_count=1))

    assert (in_channel.chat_id, in_channel.deleted_ids) == (CHANNEL, [1, 2])
    assert (elsewhere.chat_id, elsewhere.deleted_ids) == (None, [3])


def test_chats_are_known_by_number_name_and_kind() -> None:
    channel = types.Channel(
        id=1_234_567_890,
        title="Gold",
        photo=types.ChatPhotoEmpty(),
        date=NOON,
        broadcast=True,
        username="gold",
    )
    group = types.Chat(
        id=555, title="Us", photo=types.ChatPhotoEmpty(), participants_count=3, date=NOON, version=1
    )

    assert chat_from(channel, "Gold") == Chat(CHANNEL, "Gold", "gold", "channel")
    assert chat_from(group, "Us") == Chat(GROUP, "Us", "", "group")
