"""Verified callers are remembered, for long enough to stop trading and not a moment after a revocation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from signalos_server.adapters.bus import InProcessBus
from signalos_server.domain.caller import Role
from signalos_server.domain.errors import NotAuthenticated, StorageUnavailable
from signalos_server.domain.people import SESSION_LIFE, Session, User, secret_hash
from signalos_server.service.verified import VerifiedCallers

T = TypeVar("T")
START = datetime(2026, 3, 4, tzinfo=UTC)
SECRET = "sos_" + "x" * 43


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class People:
    """One user with one session; may be down; counts what it is asked."""

    def __init__(self) -> None:
        self.down, self.reads, self.disabled = False, 0, False
        self.touched: list[datetime] = []

    async def run(self, unit: Callable[[Any], T]) -> T:
        return await self.read(unit)

    async def read(self, unit: Callable[[Any], T]) -> T:
        self.reads += 1
        if self.down:
            raise StorageUnavailable("down")
        return unit(self)

    def session_by_hash(self, hashed: str) -> Session | None:
        found = Session("ses_1", "usr_1", hashed, START, START, START + SESSION_LIFE, "", "")
        return found if hashed == secret_hash(SECRET) else None

    def user(self, user_id: str) -> User:
        return User(user_id, "alice", "h", Role.TRADER, self.disabled, START)

    def touch(self, credential_id: str, now: datetime) -> None:
        self.touched.append(now)


@pytest.fixture
async def parts() -> AsyncIterator[tuple[VerifiedCallers, People, Clock, InProcessBus]]:
    people, clock, bus = People(), Clock(), InProcessBus()
    callers = VerifiedCallers(people, clock, bus)
    yield callers, people, clock, bus
    await callers.close()


Parts = tuple[VerifiedCallers, People, Clock, InProcessBus]


async def test_one_question_serves_the_calls_of_a_few_seconds(parts: Parts) -> None:
    callers, people, clock, _ = parts
    for second in (0.0, 1.0, 2.9):
        clock.seconds = second
        await callers.authenticate(SECRET)
    assert people.reads == 1

    clock.seconds = 3.1
    await callers.authenticate(SECRET)
    assert people.reads == 2


async def test_looking_whether_a_session_holds_does_not_keep_it_alive(parts: Parts) -> None:
    callers, people, clock, _ = parts
    for minute in range(10):
        clock.seconds = 60.0 * minute
        await callers.authenticate(SECRET, is_use=False)
        await asyncio.sleep(0)
    assert people.touched == []

    await callers.authenticate(SECRET)
    await asyncio.sleep(0)
    assert people.touched == [clock.now()]


async def test_while_the_database_is_down_only_what_survives_it_is_let_in(parts: Parts) -> None:
    callers, people, clock, _ = parts
    await callers.authenticate(SECRET)
    people.down, clock.seconds = True, 600.0

    with pytest.raises(StorageUnavailable):
        await callers.authenticate(SECRET)
    caller = await callers.authenticate(SECRET, survives_storage=True)
    clock.seconds = 901.0

    assert caller.user_id == "usr_1"
    with pytest.raises(StorageUnavailable):
        await callers.authenticate(SECRET, survives_storage=True)


async def test_a_stranger_is_not_let_in_while_the_database_is_down(parts: Parts) -> None:
    callers, people, _, _ = parts
    people.down = True

    with pytest.raises(StorageUnavailable):
        await callers.authenticate(SECRET, survives_storage=True)


async def test_a_revocation_is_not_outlived_even_while_the_database_is_down(parts: Parts) -> None:
    callers, people, _, bus = parts
    await callers.authenticate(SECRET)
    bus.publish("credentials.usr_1")
    people.down = True

    with pytest.raises(StorageUnavailable):
        await callers.authenticate(SECRET, survives_storage=True)


async def test_unknown_and_disabled_are_refused(parts: Parts) -> None:
    callers, people, clock, _ = parts
    with pytest.raises(NotAuthenticated):
        await callers.authenticate("sos_unknown")
    with pytest.raises(NotAuthenticated):
        await callers.authenticate("garbage")
    await callers.authenticate(SECRET)
    people.disabled, clock.seconds = True, 4.0

    with pytest.raises(NotAuthenticated):
        await callers.authenticate(SECRET)


async def test_a_session_that_nobody_used_for_half_a_day_is_over(parts: Parts) -> None:
    callers, _, clock, _ = parts
    clock.seconds = 12 * 3600.0

    with pytest.raises(NotAuthenticated):
        await callers.authenticate(SECRET)
