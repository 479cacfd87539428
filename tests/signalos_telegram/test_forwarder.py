from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from signalos.v1.signal_service_pb2 import SubmitSignalRequest
from signalos_telegram.domain.assembling import Reading
from signalos_telegram.domain.messages import Action, Message
from signalos_telegram.forwarder import Forwarder
from signalos_telegram.journal import Journal
from signalos_telegram.server import ServerError, TelegramSource
from tests.signalos_telegram.recorded import CHANNEL, GROUP, NOON, at
from tests.support.world import eventually

SOURCE = TelegramSource("src_1", "Gold", ("@gold",))
OTHER = TelegramSource("src_2", "Mine", ("@gold",))
FIRST = Message(CHANNEL, 7, "BUY GOLD SL 2330", "ann", NOON)


class Desk:
    """A server that keeps what it gets, and fails as often as it is told to."""

    def __init__(self) -> None:
        self.asked: list[SubmitSignalRequest] = []
        self.submitted: list[SubmitSignalRequest] = []
        self.failures: list[str] = []
        self.refused: set[str] = set()
        self.reads = 0
        # Reached before an answer, so that a test can do something meanwhile.
        self.gate = asyncio.Event()
        self.gate.set()

    async def sources(self) -> Sequence[TelegramSource]:
        return [SOURCE]

    async def read(self, text: str, default_symbol: str) -> Reading:
        self.reads += 1
        opens = "BUY" in text
        return Reading(opens, opens, "GOLD" in text, opens, "SL" in text)

    async def submit(self, request: SubmitSignalRequest) -> str:
        self.asked.append(request)
        await self.gate.wait()
        if self.failures:
            raise ServerError(self.failures.pop(0), "not now")
        if request.text in self.refused:
            raise ServerError("INVALID_ARGUMENT", "never")
        self.submitted.append(request)
        return f"sig_{len(self.submitted)}"


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path)
    yield opened
    opened.close()


@asynccontextmanager
async def forwarding(journal: Journal, desk: Desk, clock: Clock | None = None) -> AsyncIterator[Forwarder]:
    forwarder = Forwarder(journal, desk, now=clock or Clock(), dice=lambda: 0.0)
    task = asyncio.create_task(forwarder.run())
    try:
        yield forwarder
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def write(journal: Journal, *messages: Message, action: Action = Action.NEW) -> None:
    for message in messages:
        journal.record(message, action, NOON)


async def empty(journal: Journal) -> None:
    async def none_waits() -> bool:
        return journal.queue_length() == 0

    await eventually(none_waits, within=10, every=0.01)


async def test_a_message_is_handed_on_with_all_that_is_known_of_it(journal: Journal) -> None:
    desk = Desk()
    write(journal, FIRST, replace(FIRST, message_id=8, text="close", reply_to=7, say_time=at(9)))
    async with forwarding(journal, desk) as forwarder:
        forwarder.feed({CHANNEL: [SOURCE]})
        await empty(journal)

    first, reply = desk.submitted
    assert (first.source_id, first.text, first.external_id) == ("src_1", FIRST.text, f"{CHANNEL}:7")
    assert (first.sender, first.say_time.ToDatetime(NOON.tzinfo)) == ("ann", NOON)
    assert not first.edited
    assert not first.deleted
    assert (reply.reply_to_external_id, reply.external_id) == (f"{CHANNEL}:7", f"{CHANNEL}:8")
    assert first.request_id != reply.request_id


async def test_edits_and_deletions_follow_under_the_same_name(journal: Journal) -> None:
    desk = Desk()
    write(journal, FIRST)
    async with forwarding(journal, desk) as forwarder:
        forwarder.feed({CHANNEL: [SOURCE]})
        await empty(journal)
        write(journal, replace(FIRST, text="BUY GOLD SL 2331"), action=Action.EDITED)
        forwarder.wake()
        await empty(journal)
        journal.delete(CHANNEL, [7], at(5))
        forwarder.wake()
        await empty(journal)

    assert [(each.text, each.edited, each.deleted) for each in desk.submitted] == [
        ("BUY GOLD SL 2330", False, False),
        ("BUY GOLD SL 2331", True, False),
        ("", False, True),
    ]
    assert {each.external_id for each in desk.submitted} == {f"{CHANNEL}:7"}


async def test_what_was_not_acknowledged_is_sent_again_under_the_same_key(journal: Journal) -> None:
    desk = Desk()
    desk.failures = ["UNAVAILABLE", "DEADLINE_EXCEEDED", "UNAUTHENTICATED"]
    write(journal, FIRST)
    async with forwarding(journal, desk) as forwarder:
        forwarder.feed({CHANNEL: [SOURCE]})
        await empty(journal)

    assert [each.text for each in desk.submitted] == [FIRST.text]
    assert "UNAUTHENTICATED" in journal.facts()["last_error"].value


async def test_an_answer_that_was_lost_is_asked_for_under_the_same_key_after_a_restart(
    journal: Journal,
) -> None:
    desk = Desk()
    desk.gate.clear()
    write(journal, FIRST)
    async with forwarding(journal, desk) as forwarder:
        forwarder.feed({CHANNEL: [SOURCE]})

        async def attempted() -> bool:
            return journal.waiting(CHANNEL)[0].attempts == 1

        await eventually(attempted, every=0.01)
    assert journal.queue_length() == 1

    desk.gate.set()
    async with forwarding(journal, desk) as forwarder:
        forwarder.feed({CHANNEL: [SOURCE]})
        await empty(journal)
    assert len(desk.asked) == 2
    assert len({each.request_id for each in desk.asked}) == 1


async def test_the_order_of_a_chat_is_kept_and_another_chat_is_not_held_up(journal: Journal) -> None:
    desk = Desk()
    desk.failures = ["UNAVAILABLE"]
    write(journal, *(replace(FIRST, message_id=n) for n in (7, 8, 9)), replace(FIRST, chat=GROUP))
    async with forwarding(journal, desk) as forwarder:
        forwarder.feed({CHANNEL: [SOURCE], GROUP: [SOURCE]})
        await empty(journal)

    names = [each.external_id for each in desk.submitted]
    assert [name for name in names if name.startswith(str(CHANNEL))] == [f"{CHANNEL}:{n}" for n in (7, 8, 9)]
    assert names[0] == f"{GROUP}:7"


async def test_what_is_refused_for_good_does_not_hold_up_the_rest(journal: Journal) -> None:
    desk = Desk()
    desk.refused = {FIRST.text}
    write(journal, FIRST, replace(FIRST, message_id=8, text="close all"))
    async with forwarding(journal, desk) as forwarder:
        forwarder.feed({CHANNEL: [SOURCE]})
        await empty(journal)

    assert [each.text for each in desk.submitted] == ["close all"]
    assert journal.counters() == {"handed_on": 1, "refused": 1}
    assert "INVALID_ARGUMENT" in journal.facts()["last_error"].value


async def test_each_source_of_a_chat_gets_it_once(journal: Journal) -> None:
    desk = Desk()
    write(journal, FIRST)
    journal.hand(journal.waiting(CHANNEL)[0].seq, "src_1")
    async with forwarding(journal, desk) as forwarder:
        forwarder.feed({CHANNEL: [SOURCE, OTHER]})
        await empty(journal)

    assert [each.source_id for each in desk.submitted] == ["src_2"]


async def test_nothing_goes_before_the_sources_are_known_and_to_no_source_nothing(journal: Journal) -> None:
    desk = Desk()
    write(journal, FIRST)
    async with forwarding(journal, desk) as forwarder:
        await asyncio.sleep(0)
        assert journal.queue_length() == 1
        forwarder.feed({})
        await empty(journal)

    assert desk.submitted == []
    assert journal.counters() == {"without_source": 1}


async def test_a_post_in_two_parts_is_one_signal(journal: Journal) -> None:
    desk = Desk()
    write(journal, replace(FIRST, text="BUY GOLD"))
    async with forwarding(journal, desk) as forwarder:
        forwarder.feed({CHANNEL: [SOURCE]})

        async def was_read() -> bool:
            return desk.reads > 0

        await eventually(was_read, every=0.01)
        assert desk.submitted == []
        write(journal, replace(FIRST, message_id=8, text="SL 2330", say_time=at(2)))
        forwarder.wake()
        await empty(journal)

    assert [(each.text, each.external_id) for each in desk.submitted] == [
        ("BUY GOLD\nSL 2330", f"{CHANNEL}:7")
    ]


async def test_a_beginning_that_nothing_follows_goes_alone(journal: Journal) -> None:
    desk = Desk()
    clock = Clock()
    write(journal, replace(FIRST, text="BUY GOLD"))
    async with forwarding(journal, desk, clock) as forwarder:
        forwarder.feed({CHANNEL: [SOURCE]})

        async def was_read() -> bool:
            return desk.reads > 0

        await eventually(was_read, every=0.01)
        clock.time = NOON + timedelta(seconds=5)
        forwarder.wake()
        await empty(journal)

    assert [each.text for each in desk.submitted] == ["BUY GOLD"]


async def test_two_whole_orders_stay_two(journal: Journal) -> None:
    desk = Desk()
    write(journal, replace(FIRST, text="BUY GOLD"), replace(FIRST, message_id=8))
    async with forwarding(journal, desk) as forwarder:
        forwarder.feed({CHANNEL: [SOURCE]})
        await empty(journal)

    assert [each.text for each in desk.submitted] == ["BUY GOLD", FIRST.text]
