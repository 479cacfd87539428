from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from telethon import errors, events
from telethon.tl import types

from signalos.v1.signal_service_pb2 import SubmitSignalRequest
from signalos_telegram.domain.assembling import Reading
from signalos_telegram.domain.messages import Action
from signalos_telegram.forwarder import Forwarder
from signalos_telegram.journal import Fact, Journal
from signalos_telegram.reader import CAUGHT_UP_MESSAGES, NotLoggedInError, Reader
from signalos_telegram.server import ServerError, TelegramSource
from tests.signalos_telegram.recorded import CHANNEL, GROUP, NOON, at, peer, post
from tests.support.world import eventually

SOURCE = TelegramSource("src_1", "Gold", ("@gold", "Us"))


@dataclass
class _Dialog:
    entity: Any
    name: str


class Telegram:
    """What Telethon's client does for the reader, from memory."""

    def __init__(self) -> None:
        self.history: dict[int, list[Any]] = {CHANNEL: [], GROUP: []}
        self.handlers: dict[type, Any] = {}
        self.disconnected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.connects = 0
        self.disconnects = 0
        self.listings = 0
        self.left = False
        self.authorized = True
        self.failures: list[Exception] = []

    async def connect(self) -> None:
        self.connects += 1
        if self.failures:
            raise self.failures.pop(0)
        self.disconnected = asyncio.get_running_loop().create_future()

    async def disconnect(self) -> None:
        self.disconnects += 1

    async def is_user_authorized(self) -> bool:
        return self.authorized

    def add_event_handler(self, handler: Any, event: Any) -> None:
        self.handlers[type(event)] = handler

    async def iter_dialogs(self) -> AsyncIterator[_Dialog]:
        self.listings += 1
        photo = types.ChatPhotoEmpty()
        yield _Dialog(
            types.Channel(1_234_567_890, "Gold", photo, NOON, broadcast=True, username="gold"), "Gold"
        )
        if not self.left:
            yield _Dialog(types.Chat(555, "Us", photo, 3, NOON, 1), "Us")

    async def get_messages(
        self, chat: int, limit: int = 0, min_id: int = 0, ids: list[int] | None = None
    ) -> list[Any]:
        held = {each.id: each for each in self.history[chat]}
        if ids is not None:
            return [held.get(number) for number in ids]
        return [held[number] for number in sorted(held, reverse=True) if number > min_id][:limit]

    async def told(self, kind: type, **event: Any) -> None:
        await self.handlers[kind](type("Event", (), event))

    async def posted(self, message: Any) -> None:
        self.history[-1_000_000_000_000 - message.peer_id.channel_id].append(message)
        await self.told(events.NewMessage, message=message)


class Desk:
    def __init__(self) -> None:
        self.told: Sequence[TelegramSource] = [SOURCE]
        self.away = False
        self.submitted: list[SubmitSignalRequest] = []

    async def sources(self) -> Sequence[TelegramSource]:
        if self.away:
            raise ServerError("UNAVAILABLE", "away")
        return self.told

    async def read(self, text: str, default_symbol: str) -> Reading:
        return Reading(False, False, False, False, False)

    async def submit(self, request: SubmitSignalRequest) -> str:
        self.submitted.append(request)
        return "sig"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path)
    yield opened
    opened.close()


@asynccontextmanager
async def reading(journal: Journal, telegram: Telegram, desk: Desk | None = None) -> AsyncIterator[Reader]:
    """The reader alone, so that what it recorded stays to be looked at."""
    server = desk or Desk()
    forwarder = Forwarder(journal, server, now=lambda: NOON)
    reader = Reader(telegram, journal, server, forwarder, now=lambda: NOON, refresh_seconds=0.05)
    task = asyncio.create_task(reader.run())
    try:
        yield reader
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def recorded(journal: Journal, chat: int = CHANNEL) -> list[tuple[Action, int, str]]:
    return [(row.action, row.message_id, row.text) for row in journal.waiting(chat, 1000)]


async def until_read(journal: Journal, count: int, chat: int = CHANNEL) -> None:
    async def there() -> bool:
        return len(recorded(journal, chat)) >= count

    await eventually(there, within=5, every=0.01)


async def connected(journal: Journal) -> None:
    async def begun() -> bool:
        return len(journal.chats()) == 2 and journal.facts()["telegram"].value == "connected"

    await eventually(begun, within=5, every=0.01)


async def test_what_was_written_before_a_chat_was_first_read_is_no_signal(journal: Journal) -> None:
    telegram = Telegram()
    telegram.history[CHANNEL] = [post(7, "BUY GOLD")]
    async with reading(journal, telegram):
        await connected(journal)
        await telegram.posted(post(8, "SELL GOLD"))
        await until_read(journal, 1)

    assert recorded(journal) == [(Action.NEW, 8, "SELL GOLD")]
    assert {state.chat: state.title for state in journal.chats()} == {CHANNEL: "Gold", GROUP: "Us"}


async def test_what_was_missed_is_caught_up_on_in_order_before_what_is_new(journal: Journal) -> None:
    journal.begin_chat(CHANNEL, 5)
    telegram = Telegram()
    telegram.history[CHANNEL] = [post(n, f"message {n}", seconds=n) for n in (4, 5, 6, 7)]
    async with reading(journal, telegram):
        await until_read(journal, 2)
        await telegram.posted(post(8, "message 8"))
        await until_read(journal, 3)

    assert [number for _, number, _ in recorded(journal)] == [6, 7, 8]


async def test_edits_and_deletions_that_were_missed_are_found(journal: Journal) -> None:
    telegram = Telegram()
    journal.begin_chat(CHANNEL, 5)
    telegram.history[CHANNEL] = [post(n, f"message {n}") for n in (6, 7, 8)]
    async with reading(journal, telegram):
        await until_read(journal, 3)
    for row in journal.waiting(CHANNEL, 3):
        journal.attempt(row.seq)

    telegram.history[CHANNEL] = [post(6, "message 6"), post(7, "message 7, corrected")]
    async with reading(journal, telegram):
        await until_read(journal, 5)

    assert recorded(journal)[3:] == [(Action.DELETED, 8, ""), (Action.EDITED, 7, "message 7, corrected")]


async def test_catching_up_has_a_bound_and_says_so(journal: Journal) -> None:
    journal.begin_chat(CHANNEL, 5)
    telegram = Telegram()
    telegram.history[CHANNEL] = [post(n, f"message {n}") for n in range(6, 6 + CAUGHT_UP_MESSAGES + 50)]
    async with reading(journal, telegram):
        await until_read(journal, CAUGHT_UP_MESSAGES)

    assert recorded(journal)[0][1] == 56
    assert journal.counters()["skipped_too_many"] == 1


async def test_what_is_a_day_old_is_not_caught_up_on(journal: Journal) -> None:
    journal.begin_chat(CHANNEL, 5)
    telegram = Telegram()
    telegram.history[CHANNEL] = [post(6, "old", date=at(-90_000)), post(7, "new")]
    async with reading(journal, telegram):
        await until_read(journal, 1)

    assert recorded(journal) == [(Action.NEW, 7, "new")]
    assert journal.counters()["skipped_too_old"] == 1


async def test_edits_and_deletions_come_as_they_are_told(journal: Journal) -> None:
    telegram = Telegram()
    async with reading(journal, telegram):
        await connected(journal)
        await telegram.posted(post(7, "BUY GOLD"))
        await until_read(journal, 1)
        journal.attempt(journal.waiting(CHANNEL)[0].seq)
        await telegram.told(events.MessageEdited, message=post(7, "BUY GOLD", edit_date=at(1)))
        await telegram.told(events.MessageEdited, message=post(7, "SELL GOLD", edit_date=at(2)))
        await until_read(journal, 2)
        await telegram.told(events.MessageDeleted, deleted_ids=[7], chat_id=CHANNEL)
        in_group = post(3, "hello", GROUP, from_id=peer(777))
        await telegram.told(events.NewMessage, message=in_group)
        await until_read(journal, 1, GROUP)
        journal.attempt(journal.waiting(GROUP)[0].seq)
        await telegram.told(events.MessageDeleted, deleted_ids=[3], chat_id=None)
        await until_read(journal, 2, GROUP)

    assert [action for action, _, _ in recorded(journal)] == [Action.NEW, Action.DELETED]
    assert recorded(journal, GROUP)[1] == (Action.DELETED, 3, "")


async def test_a_chat_of_no_source_is_not_read(journal: Journal) -> None:
    telegram = Telegram()
    async with reading(journal, telegram):
        await connected(journal)
        await telegram.told(events.NewMessage, message=post(7, "BUY GOLD", -1_009_999_999_999))
        await telegram.posted(post(8, "BUY GOLD"))
        await until_read(journal, 1)

    assert journal.waiting_chats() == [CHANNEL]


async def test_a_connection_that_breaks_with_an_error_is_made_anew_after_the_old_one_is_ended(
    journal: Journal,
) -> None:
    telegram = Telegram()
    async with reading(journal, telegram):
        await connected(journal)
        telegram.disconnected.set_exception(ConnectionResetError("by the other side"))

        async def again() -> bool:
            return telegram.connects == 2 and journal.facts()["telegram"].value == "connected"

        await eventually(again, within=5, every=0.01)
        assert telegram.disconnects == 1

    assert "by the other side" in journal.facts()["last_error"].value


async def test_a_lost_connection_is_made_anew_and_what_came_meanwhile_is_read(journal: Journal) -> None:
    telegram = Telegram()
    async with reading(journal, telegram):
        await connected(journal)
        telegram.history[CHANNEL].append(post(7, "BUY GOLD"))
        telegram.failures = [OSError("no route")]
        telegram.disconnected.set_result(None)
        await until_read(journal, 1)

    assert telegram.connects == 3
    assert "no route" in journal.facts()["last_error"].value


async def test_the_chats_go_on_while_the_server_is_away(journal: Journal) -> None:
    telegram, desk = Telegram(), Desk()
    async with reading(journal, telegram, desk):
        await connected(journal)
        desk.away = True

        async def said() -> bool:
            return "UNAVAILABLE" in journal.facts()["server"].value

        await eventually(said, within=5, every=0.01)
        await telegram.posted(post(7, "BUY GOLD"))
        await until_read(journal, 1)


async def test_what_came_before_the_server_told_its_chats_is_caught_up_on(journal: Journal) -> None:
    journal.begin_chat(CHANNEL, 5)
    telegram, desk = Telegram(), Desk()
    desk.away = True
    telegram.history[CHANNEL] = [post(6, "missed")]
    async with reading(journal, telegram, desk):

        async def begun() -> bool:
            return "UNAVAILABLE" in (journal.facts().get("server") or Fact("", NOON)).value

        await eventually(begun, within=5, every=0.01)
        await telegram.posted(post(7, "told to nobody"))
        desk.away = False
        await until_read(journal, 2)
        await telegram.posted(post(8, "BUY GOLD"))
        await until_read(journal, 3)

    assert [number for _, number, _ in recorded(journal)] == [6, 7, 8]


async def test_a_chat_that_cannot_be_found_is_said(journal: Journal) -> None:
    telegram, desk = Telegram(), Desk()
    desk.told = [TelegramSource("src_1", "Gold", ("@gold", "Us", "@nowhere"))]
    async with reading(journal, telegram, desk):
        await connected(journal)

    assert "@nowhere" in journal.facts()["problems"].value
    # Listed at the beginning, and once more for what was not found.
    assert telegram.listings == 2


async def test_a_chat_that_was_joined_meanwhile_is_found(journal: Journal) -> None:
    telegram, desk = Telegram(), Desk()
    telegram.left = True
    async with reading(journal, telegram, desk):

        async def said() -> bool:
            return "Us" in (journal.facts().get("problems") or Fact("", NOON)).value

        await eventually(said, within=5, every=0.01)
        telegram.left = False
        desk.told = [TelegramSource("src_1", "Gold", ("@gold", "Us", "@other"))]
        await connected(journal)


@pytest.mark.parametrize("lost", [False, True])
async def test_a_session_that_telegram_does_not_know_ends_it(journal: Journal, lost: bool) -> None:
    telegram = Telegram()
    telegram.authorized = lost
    if lost:
        telegram.failures = [errors.AuthKeyUnregisteredError(None)]
    reader = Reader(telegram, journal, Desk(), Forwarder(journal, Desk()), now=lambda: NOON)
    with pytest.raises(NotLoggedInError):
        await reader.run()
