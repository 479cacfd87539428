"""Argon2 in a few threads of its own: it takes a core for tens of milliseconds, and lets the loop run."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from signalos_server.domain.errors import RateLimited

# More would wait longer than a person does; the memory is what one hash takes times the threads.
_MOST_WAITING = 50


class Argon2Passwords:
    """Argon2id with the library's recommended parameters."""

    def __init__(self, hasher: PasswordHasher | None = None, threads: int = 2) -> None:
        self._hasher = hasher or PasswordHasher()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._waiting = 0
        # What an unknown user's password is compared with, so that it takes as long.
        self._nobody = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """Return a hash with its own salt and parameters. Raises `RateLimited` when too many wait."""
        return await self._run(password, None) or ""

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Whether the password is right. Raises `RateLimited` when too many wait."""
        return await self._run(password, hashed or self._nobody) is not None and hashed is not None

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    async def _run(self, password: str, hashed: str | None) -> str | None:
        if self._waiting >= _MOST_WAITING:
            raise RateLimited("passwords being checked", 1.0)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            if hashed is None:
                return await loop.run_in_executor(self._pool, self._hasher.hash, password)
            return await loop.run_in_executor(self._pool, self._verified, hashed, password)
        finally:
            self._waiting -= 1

    def _verified(self, hashed: str, password: str) -> str | None:
        try:
            self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return None
        return hashed
