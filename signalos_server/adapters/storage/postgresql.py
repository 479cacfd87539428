"""PostgreSQL through asyncpg: each unit is a transaction of its own on a pooled connection.

Units run READ COMMITTED: what a unit decides on, it locks first (`rows.lock_account`). What the server
reports as a deadlock or a conflict before the commit is certain not to hold, and is run again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from signalos_server.adapters.storage.database import Database, StorageLimits, T, Unit
from signalos_server.adapters.storage.wakes import Wake, wakes_of
from signalos_server.domain.errors import CommitUnknown, StorageUnavailable
from signalos_server.failpoints import reach

_ATTEMPTS = 5
_RETRY_SECONDS = 0.02

# Serialization failure and deadlock: the server undid the transaction and asks to run it again.
_CONFLICTS = frozenset({"40001", "40P01"})
# Statement and lock time-outs, too many connections, going down, starting, disk full, out of memory.
_UNAVAILABLE = frozenset({"57014", "55P03", "53300", "57P01", "57P02", "57P03", "53100", "53200", "25P03"})


def _sqlstate(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")


def _is_lost_link(error: BaseException) -> bool:
    if isinstance(error, DBAPIError):
        state = _sqlstate(error)
        return (
            error.connection_invalidated
            or isinstance(error, InterfaceError)
            or state.startswith("08")
            or state in {"57P01", "57P02", "57P03"}
        )
    return isinstance(error, OSError | TimeoutError | ConnectionError)


class PostgresqlDatabase(Database):
    """A PostgreSQL database; every wait in it is bounded."""

    def __init__(self, url: URL, limits: StorageLimits, wake: Wake) -> None:
        self._limits = limits
        self._wake = wake
        self._closing = False
        self._tasks: set[asyncio.Task[Any]] = set()
        milliseconds = int(limits.statement_seconds * 1000)
        self._engine = create_async_engine(
            url,
            pool_size=limits.pool_size,
            max_overflow=0,
            pool_timeout=limits.queue_seconds,
            pool_use_lifo=True,
            connect_args={
                "timeout": limits.lock_seconds,
                "command_timeout": limits.statement_seconds + 2,
                "server_settings": {
                    "application_name": "signalos_server",
                    "statement_timeout": str(milliseconds),
                    "lock_timeout": str(int(limits.lock_seconds * 1000)),
                    "idle_in_transaction_session_timeout": str(milliseconds * 2),
                    # A commit that is acknowledged is on the disk, whatever the cluster's default.
                    "synchronous_commit": "on",
                    "timezone": "UTC",
                },
            },
        )
        self._snapshots = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    async def run(self, unit: Unit[T]) -> T:
        return await self._shielded(self._run(unit))

    async def read(self, unit: Unit[T]) -> T:
        return await self._shielded(self._read(unit))

    async def _shielded(self, work: Coroutine[Any, Any, T]) -> T:
        """Let begun work finish when its caller is cancelled: a cancelled commit is an unknown one."""
        if self._closing:
            work.close()
            raise StorageUnavailable("the database is being closed; nothing was accepted")
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Fetched, so that an error whose caller has gone is not reported as never retrieved.
            task.exception()

    async def _run(self, unit: Unit[T]) -> T:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._attempt(unit)
            except (DBAPIError, PoolTimeout, OSError, TimeoutError) as error:
                if not self._again(error, attempt):
                    raise self._translated(error) from error
            await asyncio.sleep(_RETRY_SECONDS * attempt * (0.5 + random.random()))  # noqa: S311 - jitter
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, unit: Unit[T]) -> T:
        async with AsyncSession(self._engine, expire_on_commit=False) as session:
            result = await session.run_sync(unit)
            await session.flush()
            try:
                await session.commit()
            except DBAPIError as error:
                if _is_lost_link(error) or not _sqlstate(error):
                    raise CommitUnknown("the link to the database broke inside a commit") from error
                raise
            except (OSError, TimeoutError) as error:
                raise CommitUnknown("the link to the database broke inside a commit") from error
            reach("after_commit")
            wakes = wakes_of(session.sync_session)
            if wakes:
                reach("before_publish")
                self._wake(wakes)
            session.expunge_all()
            return result

    async def _read(self, unit: Unit[T]) -> T:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with AsyncSession(self._snapshots) as session:
                    result = await session.run_sync(unit)
                    session.expunge_all()
                    return result
            except (DBAPIError, PoolTimeout, OSError, TimeoutError) as error:
                if not self._again(error, attempt):
                    raise self._translated(error) from error
        raise AssertionError("the last attempt returns or raises")

    def _again(self, error: BaseException, attempt: int) -> bool:
        if attempt == _ATTEMPTS:
            return False
        if isinstance(error, DBAPIError) and _sqlstate(error) in _CONFLICTS:
            return True
        # A pooled connection that died while idle; no second try against a server that is away.
        return isinstance(error, DBAPIError) and _is_lost_link(error) and attempt == 1

    def _translated(self, error: BaseException) -> BaseException:
        """Return what to tell the caller about an error before any commit."""
        if isinstance(error, DBAPIError):
            state = _sqlstate(error)
            if not (_is_lost_link(error) or state in _CONFLICTS or state in _UNAVAILABLE):
                return error
        return StorageUnavailable(f"the database did not commit ({error}); nothing was accepted")

    async def close(self) -> None:
        self._closing = True
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        await self._engine.dispose()
