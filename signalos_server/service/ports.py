"""What use cases need of the world around them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R", covariant=True)


class Clock(Protocol):
    """What time it is."""

    def now(self) -> datetime:
        """Return the wall clock's time, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""


class Units(Protocol[R]):
    """Runs units of work: plain functions of the records `R`, which may be run again."""

    async def run(self, unit: Callable[[R], T]) -> T:
        """Run and commit. Raises what the unit raises, `StorageUnavailable` or `CommitUnknown`."""

    async def read(self, unit: Callable[[R], T]) -> T:
        """Run on one consistent snapshot, without writing. Raises `StorageUnavailable`."""


class Subscription(Protocol):
    """A listener on the bus."""

    def close(self) -> None:
        """Listen no longer. Idempotent."""


class Bus(Protocol):
    """Carries wake-ups and prices between nodes. Every message may be lost, repeated or late."""

    def publish(self, subject: str, payload: bytes = b"") -> None:
        """Send to whoever listens; never blocks, never raises."""

    def subscribe(self, subject: str, listener: Callable[[str, bytes], None]) -> Subscription:
        """Call `listener(subject, payload)` on the event loop for each message.

        A subject that ends in `.>` stands for all that begin with what is before it.
        """

    def problem(self) -> str:
        """Return why it does not carry messages now, in plain words; empty: it does."""

    async def close(self) -> None:
        """Let go of it."""


class Passwords(Protocol):
    """Hashes passwords, slowly on purpose, off the event loop."""

    async def hash(self, password: str) -> str:
        """Return a hash with its own salt and parameters."""

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Whether the password is right; None takes as long and is always wrong."""
