"""Callers that were verified a moment ago, remembered so that not each call asks the database.

A revocation evicts at once on the node where it was made, and within seconds on the others. While the
database is down, a caller that was verified within the last minutes may still stop trading.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from signalos_server.domain.caller import Caller
from signalos_server.domain.errors import CommitUnknown, NotAuthenticated, StorageUnavailable
from signalos_server.domain.people import (
    SESSION_PREFIX,
    TOKEN_PREFIX,
    ApiToken,
    Session,
    User,
    caller_of,
    secret_hash,
)
from signalos_server.service.people_records import PeopleRecords
from signalos_server.service.ports import Bus, Clock, Units

log = structlog.get_logger(__name__)

_FRESH_SECONDS = 3.0
_USABLE_SECONDS = 900.0
_TOUCH_AFTER = timedelta(minutes=1)
_MOST = 20_000


@dataclass(frozen=True, slots=True)
class _Verified:
    """A caller, and when the database said so."""

    caller: Caller
    credential: Session | ApiToken
    at: float


class VerifiedCallers:
    """Knows who shows a bearer token."""

    def __init__(self, units: Units[PeopleRecords], clock: Clock, bus: Bus) -> None:
        self._units = units
        self._clock = clock
        self._known: OrderedDict[str, _Verified] = OrderedDict()
        self._looking: dict[str, asyncio.Task[_Verified]] = {}
        # Raised by each eviction, so that an answer read before it is not remembered after it.
        self._evictions = 0
        self._touches: set[asyncio.Task[None]] = set()
        self._touched: dict[str, datetime] = {}
        self._subscription = bus.subscribe("credentials.>", self._evict)

    async def authenticate(
        self, bearer: str, *, survives_storage: bool = False, is_use: bool = True
    ) -> Caller:
        """Return who shows `bearer`. Raises `NotAuthenticated` or `StorageUnavailable`.

        With `is_use` false it is only looked at whether the credential still holds: what a program asks again
        and again for an open tab must not keep an idle session alive.
        """
        key = secret_hash(bearer)
        verified = self._known.get(key)
        if verified is None or self._clock.monotonic() - verified.at > _FRESH_SECONDS:
            try:
                verified = await self._look(key, bearer)
            except StorageUnavailable:
                verified = self._known.get(key)
                if verified is None or not survives_storage or not self._usable(verified):
                    raise
        if not verified.credential.alive(self._clock.now()):
            self._known.pop(key, None)
            raise NotAuthenticated("the session or token has ended")
        if is_use:
            self._touch(verified)
        return verified.caller

    async def close(self) -> None:
        """Finish what is under way."""
        self._subscription.close()
        for task in [*self._touches, *self._looking.values()]:
            task.cancel()
        await asyncio.gather(*self._touches, *self._looking.values(), return_exceptions=True)

    def _usable(self, verified: _Verified) -> bool:
        return self._clock.monotonic() - verified.at < _USABLE_SECONDS

    async def _look(self, key: str, bearer: str) -> _Verified:
        """Ask the database; callers that come meanwhile with the same token share the answer."""
        task = self._looking.get(key)
        if task is None:
            task = asyncio.create_task(self._verify(key, bearer))
            self._looking[key] = task
            task.add_done_callback(lambda done: self._looked(key, done))
        return await asyncio.shield(task)

    def _looked(self, key: str, task: asyncio.Task[_Verified]) -> None:
        del self._looking[key]
        if not task.cancelled():
            task.exception()

    async def _verify(self, key: str, bearer: str) -> _Verified:
        evictions = self._evictions

        def unit(records: PeopleRecords) -> tuple[User, Session | ApiToken] | None:
            credential: Session | ApiToken | None = None
            if bearer.startswith(SESSION_PREFIX):
                credential = records.session_by_hash(key)
            elif bearer.startswith(TOKEN_PREFIX):
                credential = records.token_by_hash(key)
            user = None if credential is None else records.user(credential.user_id)
            return None if user is None or credential is None else (user, credential)

        started = self._clock.monotonic()
        found = await self._units.read(unit)
        if found is None or found[0].disabled or not found[1].alive(self._clock.now()):
            self._known.pop(key, None)
            raise NotAuthenticated("the token is unknown, expired or revoked")
        verified = _Verified(caller_of(*found), found[1], started)
        if evictions == self._evictions:
            self._known[key] = verified
            self._known.move_to_end(key)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return verified

    def _evict(self, subject: str, _payload: bytes) -> None:
        self._evictions += 1
        user_id = subject.partition(".")[2]
        for key in [key for key, known in self._known.items() if known.caller.user_id == user_id]:
            del self._known[key]

    def _touch(self, verified: _Verified) -> None:
        """Note the use, once a minute and off the caller's path."""
        identifier = verified.caller.credential_id
        now = self._clock.now()
        last = self._touched.get(identifier) or verified.credential.last_use_time
        if last is not None and now - last < _TOUCH_AFTER:
            return
        if len(self._touched) > _MOST:
            self._touched.clear()
        self._touched[identifier] = now
        task = asyncio.create_task(self._store_touch(identifier, now))
        self._touches.add(task)
        task.add_done_callback(self._touches.discard)

    async def _store_touch(self, identifier: str, now: datetime) -> None:
        try:
            await self._units.run(lambda records: records.touch(identifier, now))
        except (StorageUnavailable, CommitUnknown):
            # Only how long the session lasts without use hangs on it; the next use tries again.
            self._touched.pop(identifier, None)
