"""Hands what the journal holds to the server: each chat in its order, chats beside each other, until it is
committed there.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog

from signalos.v1.signal_service_pb2 import SubmitSignalRequest
from signalos_telegram.domain.assembling import Part, Send, Try, Wait, assemble
from signalos_telegram.domain.messages import Action, external_id, request_id
from signalos_telegram.domain.retrying import FINAL_CODES, backoff
from signalos_telegram.journal import Journal, Row
from signalos_telegram.server import Server, ServerError, TelegramSource

_log = structlog.get_logger(__name__)
_IDLE_SECONDS: Final = 30.0


def utc_now() -> datetime:
    return datetime.now(UTC)


class Forwarder:
    """`wake` tells it that something was written; `feed` which sources read which chat."""

    def __init__(
        self,
        journal: Journal,
        server: Server,
        *,
        now: Callable[[], datetime] = utc_now,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._journal = journal
        self._server = server
        self._now = now
        self._dice = dice
        self._sources: Mapping[int, Sequence[TelegramSource]] | None = None
        self._written = asyncio.Event()
        self._lanes: dict[int, asyncio.Event] = {}

    def feed(self, sources: Mapping[int, Sequence[TelegramSource]]) -> None:
        """The sources of each chat, from now on. Nothing is handed on before this was said once."""
        self._sources = sources
        self.wake()

    def wake(self) -> None:
        """Something was written, or may go on."""
        self._written.set()
        for lane in self._lanes.values():
            lane.set()

    async def run(self) -> None:
        """Runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._written.clear()
                if self._sources is not None:
                    for chat in self._journal.waiting_chats():
                        if chat not in self._lanes:
                            self._lanes[chat] = asyncio.Event()
                            group.create_task(self._lane(chat))
                try:
                    async with asyncio.timeout(_IDLE_SECONDS):
                        await self._written.wait()
                except TimeoutError:
                    continue

    async def _lane(self, chat: int) -> None:
        """Hands on what one chat has, to the last of it."""
        failures = 0
        try:
            while rows := self._journal.waiting(chat):
                try:
                    await self._advance(chat, rows)
                    failures = 0
                except ServerError as error:
                    failures += 1
                    self._journal.fail(rows[0].seq, str(error))
                    self._journal.set_fact("last_error", str(error), self._now())
                    wait = backoff(failures, self._dice())
                    _log.warning("not handed on; trying again", chat=chat, error=str(error),
                                 seconds=round(wait.total_seconds(), 1))  # fmt: skip
                    await asyncio.sleep(wait.total_seconds())
        finally:
            del self._lanes[chat]
            # What was written between the last look and this.
            self._written.set()

    async def _advance(self, chat: int, rows: list[Row]) -> None:
        """One step with the oldest of a chat. Raises `ServerError` where it is to be tried again."""
        assert self._sources is not None
        head, following = rows[0], rows[1] if len(rows) > 1 else None
        sources = self._sources.get(chat, ())
        if not sources:
            _log.info("no source reads this chat any more", chat=chat, message=head.message_id)
            self._journal.finish(head.seq, "without_source")
            return
        if (
            head.action is Action.NEW
            and head.attempts == 0
            and await self._assembles(head, following, sources[0].default_symbol)
        ):
            return
        # Read again: it may have been changed or withdrawn while the server was asked.
        again = self._journal.waiting(chat, 1)
        if not again or again[0] != head:
            return
        await self._hand_on(head, sources)

    async def _assembles(self, head: Row, following: Row | None, default_symbol: str) -> bool:
        """Whether `head` was put together with what follows, or waits for it."""
        if following is not None and (following.action is not Action.NEW or following.attempts):
            following = None
        try:
            return await self._put_together(head, following, default_symbol)
        except ServerError as error:
            if error.code in FINAL_CODES:
                # What cannot be read cannot be the beginning of anything either.
                return False
            raise

    async def _put_together(self, head: Row, following: Row | None, default_symbol: str) -> bool:
        reading = await self._server.read(head.text, default_symbol)
        part = None if following is None else _part(following)
        match assemble(_part(head), reading, part, self._now()):
            case Wait(until):
                await self._changed(head.chat, (until - self._now()).total_seconds())
                return True
            case Try(text):
                assert following is not None
                alone = await self._server.read(following.text, default_symbol)
                if alone.whole or not (await self._server.read(text, default_symbol)).whole:
                    return False
                if self._journal.waiting(head.chat) != [head, following]:
                    return True
                self._journal.merge(head, following, text)
                _log.info("parts put together", chat=head.chat, message=head.message_id,
                          further=following.message_id)  # fmt: skip
                return True
            case Send():
                return False

    async def _changed(self, chat: int, seconds: float) -> None:
        """Waits until something is written, at most so long."""
        lane = self._lanes[chat]
        lane.clear()
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await lane.wait()
        except TimeoutError:
            return

    async def _hand_on(self, row: Row, sources: Sequence[TelegramSource]) -> None:
        self._journal.attempt(row.seq)
        done = self._journal.handed(row.seq)
        counter = "handed_on"
        for source in sources:
            if source.source_id in done:
                continue
            try:
                signal_id = await self._server.submit(self._request(row, source))
            except ServerError as error:
                if error.code not in FINAL_CODES:
                    raise
                # The same message would be refused for ever, and would hold up all that follows.
                counter = "refused"
                self._journal.set_fact("last_error", f"{source.name}: {error}", self._now())
                _log.error("refused by the server", source=source.name, chat=row.chat,
                           message=row.message_id, error=str(error))  # fmt: skip
            else:
                _log.info("handed on", source=source.name, chat=row.chat, message=row.message_id,
                          action=row.action, signal=signal_id)  # fmt: skip
            self._journal.hand(row.seq, source.source_id)
        self._journal.finish(row.seq, counter)

    def _request(self, row: Row, source: TelegramSource) -> SubmitSignalRequest:
        request = SubmitSignalRequest(
            request_id=request_id(source.source_id, row.chat, row.message_id, row.action, row.text, row.seq),
            source_id=source.source_id,
            text=row.text,
            external_id=external_id(row.chat, row.message_id),
            sender=row.sender,
            edited=row.action is Action.EDITED,
            deleted=row.action is Action.DELETED,
        )
        request.say_time.FromDatetime(row.say_time)
        if row.reply_to is not None:
            request.reply_to_external_id = external_id(row.chat, self._journal.root(row.chat, row.reply_to))
        return request


def _part(row: Row) -> Part:
    return Part(row.text, row.sender, row.say_time, row.arrive_time, row.reply_to, row.parts)
