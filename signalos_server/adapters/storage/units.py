"""Units of work on records instead of sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from signalos_server.adapters.storage.database import Database

R = TypeVar("R")
T = TypeVar("T")


class SqlUnits(Generic[R]):
    """Runs units on the records that `records` makes of a session."""

    def __init__(self, database: Database, records: Callable[[Session], R]) -> None:
        self._database = database
        self._records = records

    async def run(self, unit: Callable[[R], T]) -> T:
        """Run and commit. Raises what the unit raises, `StorageUnavailable` or `CommitUnknown`."""
        return await self._database.run(lambda session: unit(self._records(session)))

    async def read(self, unit: Callable[[R], T]) -> T:
        """Run on one consistent snapshot, without writing. Raises `StorageUnavailable`."""
        return await self._database.read(lambda session: unit(self._records(session)))
