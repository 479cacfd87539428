"""Reads the chats: what is written, edited and deleted there, and what was while nobody looked."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from telethon import errors, events

from signalos_telegram.domain.chats import Chat, find
from signalos_telegram.domain.messages import Action
from signalos_telegram.domain.retrying import backoff
from signalos_telegram.forwarder import Forwarder, utc_now
from signalos_telegram.journal import Journal, Recorded
from signalos_telegram.server import Server, ServerError, TelegramSource
from signalos_telegram.translate import chat_from, message_from

_log = structlog.get_logger(__name__)

# Older messages, or more of them, are of no use as signals: the server refuses old orders all the same.
CAUGHT_UP_MESSAGES: Final = 200
CAUGHT_UP_AGE: Final = timedelta(hours=24)
# So many of the messages seen last are looked at again for edits and deletions.
LOOKED_AT_AGAIN: Final = 100
_REFRESH_SECONDS: Final = 60.0
# While a chat is not found: it may be joined any time.
_LIST_AGAIN: Final = timedelta(minutes=10)


# What a new connection may put right.
CONNECTION_ERRORS: Final = (
    OSError,
    EOFError,
    TimeoutError,
    errors.RPCError,
    errors.InvalidBufferError,
    errors.InvalidChecksumError,
    errors.SecurityError,
    errors.TypeNotFoundError,
    errors.ReadCancelledError,
)


class NotLoggedInError(Exception):
    """Telegram does not know this session, or not any more."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """Something that Telegram told, before it is recorded."""

    action: Action
    # Telethon's message; of a deletion its numbers.
    raw: Any
    # Of a deletion, where Telegram says it.
    chat: int | None = None


class Reader:
    """`client` is a `TelegramClient` that does not reconnect by itself."""

    def __init__(
        self,
        client: Any,
        journal: Journal,
        server: Server,
        forwarder: Forwarder,
        *,
        now: Callable[[], datetime] = utc_now,
        refresh_seconds: float = _REFRESH_SECONDS,
    ) -> None:
        self._client = client
        self._journal = journal
        self._server = server
        self._forwarder = forwarder
        self._now = now
        self._refresh_seconds = refresh_seconds
        self._seen: asyncio.Queue[_Seen] = asyncio.Queue()
        self._chats: Mapping[int, Sequence[TelegramSource]] = {}
        self._ordered = asyncio.Lock()
        self._listed: Sequence[Chat] = ()
        self._list_time = now()
        self._problems: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Runs until cancelled. Raises `NotLoggedInError`."""
        self._client.add_event_handler(self._on_new, events.NewMessage())
        self._client.add_event_handler(self._on_edited, events.MessageEdited())
        self._client.add_event_handler(self._on_deleted, events.MessageDeleted())
        failures = 0
        while True:
            try:
                await self._client.connect()
                failures = 0
                await self._while_connected()
            except (errors.UnauthorizedError, errors.AuthKeyError, errors.AuthKeyNotFound) as error:
                raise NotLoggedInError(str(error)) from error
            except CONNECTION_ERRORS as error:
                failures += 1
                self._say_disconnected(f"{type(error).__name__}: {error}")
            else:
                self._say_disconnected("the connection was lost")
            # What is left of the old connection must not read beside the new one.
            await self._client.disconnect()
            await asyncio.sleep(backoff(max(failures, 1), random.random()).total_seconds())  # noqa: S311

    async def _while_connected(self) -> None:
        if not await self._client.is_user_authorized():
            raise NotLoggedInError("nobody is logged in")
        self._journal.set_fact("telegram", "connected", self._now())
        _log.info("connected to Telegram")
        self._listed = await self._list()
        read_before = set(self._chats)
        await self.refresh()
        # Before what is told from now on, which waits meanwhile: the order of a chat is kept.
        for chat in sorted(read_before & self._chats.keys()):
            await self.catch_up(chat)
        refreshing = asyncio.ensure_future(self._refresh_again_and_again())
        taking = asyncio.ensure_future(self._take())
        lost = asyncio.ensure_future(self._client.disconnected)
        try:
            await asyncio.wait({refreshing, taking, lost}, return_when=asyncio.FIRST_COMPLETED)
            for task in (refreshing, taking, lost):
                if task.done():
                    task.result()
        finally:
            for task in (refreshing, taking):
                task.cancel()
            await asyncio.gather(refreshing, taking, return_exceptions=True)

    async def _list(self) -> list[Chat]:
        self._list_time = self._now()
        return [chat_from(each.entity, each.name) async for each in self._client.iter_dialogs()]

    async def _refresh_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(self._refresh_seconds)
            await self.refresh()
            self._journal.forget_old(self._now())

    async def refresh(self) -> None:
        """Asks the server which chats are to be read; keeps what is known where it does not answer."""
        try:
            sources = await self._server.sources()
        except ServerError as error:
            self._journal.set_fact("server", str(error), self._now())
            _log.warning("the server does not tell its sources", error=str(error))
            return
        self._journal.set_fact("server", "connected", self._now())
        wanted, problems = _resolved(sources, self._listed)
        if problems - self._problems or (problems and self._now() - self._list_time > _LIST_AGAIN):
            # It may have been joined since the chats were listed.
            self._listed = await self._list()
            wanted, problems = _resolved(sources, self._listed)
        for problem in sorted(problems - self._problems):
            _log.error("a chat is not read", problem=problem)
        self._problems = frozenset(problems)
        self._journal.set_fact("problems", "\n".join(sorted(problems)), self._now())
        self._journal.set_fact("chats_read", str(len(wanted)), self._now())
        known = {state.chat for state in self._journal.chats()}
        titles = {chat.number: chat.title for chat in self._listed}
        for chat in wanted:
            if chat not in known:
                newest = await self._client.get_messages(chat, limit=1)
                self._journal.begin_chat(chat, newest[0].id if newest else 0)
                _log.info("a chat is read from now on", chat=chat, title=titles[chat])
            self._journal.name_chat(chat, titles[chat])
        # What is told meanwhile waits, so that the order of a chat is kept.
        async with self._ordered:
            added = wanted.keys() - self._chats.keys()
            self._chats = wanted
            self._forwarder.feed(wanted)
            for chat in sorted(added):
                await self.catch_up(chat)

    async def catch_up(self, chat: int) -> None:
        """Records what was written, edited and deleted in a chat while nobody looked."""
        states = {state.chat: state.last_message_id for state in self._journal.chats()}
        oldest = self._now() - CAUGHT_UP_AGE
        again = self._journal.recent(chat, oldest, LOOKED_AT_AGAIN)
        if again:
            found = await self._client.get_messages(chat, ids=again)
            gone = [number for number, raw in zip(again, found, strict=True) if raw is None]
            if gone:
                self._journal.delete(chat, gone, self._now())
            for raw in reversed([each for each in found if each is not None]):
                self._record(raw, Action.EDITED)
        missed = await self._client.get_messages(
            chat, min_id=states.get(chat, 0), limit=CAUGHT_UP_MESSAGES + 1
        )
        if len(missed) > CAUGHT_UP_MESSAGES:
            self._journal.count("skipped_too_many")
            _log.warning("more was missed than is caught up on", chat=chat, limit=CAUGHT_UP_MESSAGES)
        for raw in reversed(missed[:CAUGHT_UP_MESSAGES]):
            message = message_from(raw)
            if message is not None and message.say_time < oldest:
                self._journal.count("skipped_too_old")
                continue
            self._record(raw, Action.NEW)
        self._forwarder.wake()

    async def _take(self) -> None:
        while True:
            seen = await self._seen.get()
            async with self._ordered:
                if seen.action is Action.DELETED:
                    self._record_deletion(seen)
                else:
                    self._record(seen.raw, seen.action)
            self._forwarder.wake()

    async def _on_new(self, event: Any) -> None:
        self._seen.put_nowait(_Seen(Action.NEW, event.message))

    async def _on_edited(self, event: Any) -> None:
        # Also told for reactions and views: the words decide.
        self._seen.put_nowait(_Seen(Action.EDITED, event.message))

    async def _on_deleted(self, event: Any) -> None:
        self._seen.put_nowait(_Seen(Action.DELETED, list(event.deleted_ids or ()), event.chat_id))

    def _record(self, raw: Any, action: Action) -> None:
        message = message_from(raw)
        if message is None or message.chat not in self._chats:
            return
        recorded = self._journal.record(message, action, self._now())
        if recorded is Recorded.NO_TEXT:
            _log.info("a message without text is not a signal", chat=message.chat,
                      message=message.message_id, what=message.media or "nothing")  # fmt: skip
        elif recorded is not Recorded.KNOWN:
            _log.info("seen", chat=message.chat, message=message.message_id, action=action,
                      recorded=recorded)  # fmt: skip

    def _record_deletion(self, seen: _Seen) -> None:
        if seen.chat is None:
            recorded = self._journal.delete_unplaced(seen.raw, self._now())
        elif seen.chat in self._chats:
            recorded = self._journal.delete(seen.chat, seen.raw, self._now())
        else:
            return
        if any(each is not Recorded.UNKNOWN_DELETION for each in recorded):
            _log.info("deleted", chat=seen.chat, messages=seen.raw)

    def _say_disconnected(self, why: str) -> None:
        self._journal.set_fact("telegram", "not connected", self._now())
        self._journal.set_fact("last_error", f"Telegram: {why}", self._now())
        _log.warning("not connected to Telegram", why=why)


def _resolved(
    sources: Sequence[TelegramSource], chats: Sequence[Chat]
) -> tuple[dict[int, list[TelegramSource]], set[str]]:
    """The sources of each chat, and in words the chats that were not found."""
    wanted: dict[int, list[TelegramSource]] = {}
    problems = set()
    for source in sources:
        for named in source.chats:
            found = find(named, chats)
            if found.number is None:
                problems.add(f"source {source.name}: {found.problem}")
            elif source not in wanted.setdefault(found.number, []):
                wanted[found.number].append(source)
    return wanted, problems
