"""The migrations lead to the tables as they are written."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from signalos_server.adapters.storage import database_url
from signalos_server.adapters.storage.migrate import differences, upgrade
from signalos_server.adapters.storage.sqlite import sqlite_engine


async def test_the_migrations_lead_to_the_tables_as_they_are_written(
    storage_url: str, tmp_path: Path
) -> None:
    url = database_url(storage_url, tmp_path)
    await upgrade(url)
    await upgrade(url)

    def compare(connection: Connection) -> list[str]:
        return differences(connection)

    if url.get_backend_name() == "sqlite":
        engine = sqlite_engine(url, begin="BEGIN", lock_seconds=1, pool_size=1, read_only=False)
        with engine.begin() as connection:
            found = compare(connection)
        engine.dispose()
    else:
        async_engine = create_async_engine(url)
        async with async_engine.connect() as async_connection:
            found = await async_connection.run_sync(compare)
        await async_engine.dispose()

    assert found == []


async def test_nodes_that_start_together_upgrade_once(storage_url: str, tmp_path: Path) -> None:
    url = database_url(storage_url, tmp_path)

    await asyncio.gather(*(upgrade(url) for _ in range(4)))
