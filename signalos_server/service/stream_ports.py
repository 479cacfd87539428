"""What the event hub needs of storage, of the contract and of memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from signalos_server.service.live import Ages, LiveMoney, LiveTrade


@dataclass(frozen=True, slots=True)
class StreamHead:
    """Where a user's stream stands."""

    epoch: str
    # The last number given.
    seq: int
    # The last number that retention has taken away.
    forgotten_seq: int


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event in its place."""

    seq: int
    # As stored: without `seq` and `epoch`.
    payload: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Events after a cursor, and where the stream stood when they were read."""

    head: StreamHead
    events: tuple[StoredEvent, ...]


@dataclass(frozen=True, slots=True)
class TakenSnapshot:
    """All that is, as of the head that was read with it."""

    head: StreamHead
    # A serialised `Event` with the snapshot.
    wire: bytes


class Streams(Protocol):
    """Users' streams in storage. Raises `StorageUnavailable`."""

    async def heads(self, user_ids: Collection[str]) -> dict[str, StreamHead]:
        """Return where the streams stand; a stream that does not exist yet is left out."""

    async def after(self, user_id: str, after_seq: int, limit: int) -> Batch:
        """Return at most `limit` events after a cursor, oldest first."""

    async def account_owners(self) -> dict[str, str]:
        """Return the owner of each account."""

    async def forget(self, keep_count: int, before: datetime) -> int:
        """Take away events beyond count and age; return how many."""


class Snapshots(Protocol):
    """Reads snapshots. Raises `StorageUnavailable`."""

    async def take(self, user_id: str, *, sees_all: bool) -> TakenSnapshot:
        """Read all that is, with the head of the stream, in one state of the database."""


class EventEncoder(Protocol):
    """Writes events as the contract says them; each answer is one serialised `Event`."""

    def numbered(self, payload: bytes, seq: int, epoch: str) -> bytes:
        """Return a stored event with its place."""

    def gap(self, after_seq: int, epoch: str, reason: str, now: datetime) -> bytes:
        """Return word that events are missing after a cursor."""

    def heartbeat(self, seq: int, epoch: str, ages: Sequence[Ages], now: datetime) -> bytes:
        """Return word that the stream lives."""

    def numbers(
        self, account_id: str, trades: Sequence[LiveTrade], money: LiveMoney | None, now: datetime
    ) -> list[bytes]:
        """Return prices, profits and money of an account."""
