"""Databases for the server's tests: SQLite and PostgreSQL, a fresh one for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from signalos_server.adapters.storage import Database, database_url, open_database
from signalos_server.adapters.storage.migrate import upgrade
from tests.signalos_server.serving import World, quick_settings, served
from tests.support.postgres import postgres_database, postgres_server


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[str]:
    """The socket directory of the session's PostgreSQL server."""
    with postgres_server() as directory:
        yield directory


@pytest.fixture(params=["sqlite", "postgresql"])
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.sqlite3'}"
        return
    with postgres_database(request.getfixturevalue("postgres_socket")) as url:
        yield url


@pytest.fixture
async def database(storage_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """A database of either kind, with its schema."""
    url = database_url(storage_url, tmp_path)
    await upgrade(url)
    opened = open_database(url)
    yield opened
    await opened.close()


@pytest.fixture
async def world(storage_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """A server in this process, on a real port and either database."""
    async with served(quick_settings(tmp_path / "server", storage_url)) as running:
        yield running
