"""Brings a database's schema to the present, and writes the next migration.

`python -m signalos_server.adapters.storage.migrate "what changed"` writes the next file in
`migrations/versions` from the difference between the tables and the migrations so far; read it and
run `ruff format` on it before committing it. Tables count once `tables/__init__.py` imports their file.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from signalos_server.adapters.storage.database import database_url
from signalos_server.adapters.storage.sqlite import sqlite_engine
from signalos_server.adapters.storage.tables import Table
from signalos_server.domain.errors import StorageUnavailable

_DIRECTORY = Path(__file__).parent / "migrations"

# Any number, as long as every node takes the same: "sOS1".
_LOCK = 0x734F5331


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_DIRECTORY))
    # A stray `%` in a path would be read as interpolation.
    config.set_main_option("version_locations", str(_DIRECTORY / "versions"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Nodes that start together wait for the first.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    command.upgrade(_config(connection), "head")


def differences(connection: Connection) -> list[str]:
    """Return what the tables have and the database has not, or the other way round."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return [repr(difference) for difference in compare_metadata(context, Table.metadata)]


def _upgrade_sqlite(url: URL) -> None:
    assert url.database is not None
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sqlite_engine(url, begin="BEGIN IMMEDIATE", lock_seconds=30, pool_size=1, read_only=False)
    try:
        with engine.begin() as connection:
            _upgrade(connection)
    finally:
        engine.dispose()


async def upgrade(url: URL) -> None:
    """Bring the schema at `url` to the present, all or nothing. Raises `StorageUnavailable`."""
    try:
        if url.get_backend_name() == "sqlite":
            await asyncio.to_thread(_upgrade_sqlite, url)
            return
        engine = create_async_engine(url, connect_args={"timeout": 10})
        try:
            async with engine.begin() as connection:
                await connection.run_sync(_upgrade)
        finally:
            await engine.dispose()
    except (DBAPIError, OSError) as error:
        raise StorageUnavailable(f"the database cannot be prepared ({error})") from error


def head_revision() -> str:
    """Return the revision that this program's tables are at."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def write_migration(message: str) -> None:
    """Write the next migration from what the tables have and the migrations do not."""
    with tempfile.TemporaryDirectory() as directory:
        url = database_url(None, Path(directory))
        _upgrade_sqlite(url)
        engine = sqlite_engine(url, begin="BEGIN", lock_seconds=5, pool_size=1, read_only=False)
        with engine.begin() as connection:
            number = f"{len(list((_DIRECTORY / 'versions').glob('0*.py'))) + 1:04}"
            command.revision(_config(connection), message=message, autogenerate=True, rev_id=number)
        engine.dispose()


if __name__ == "__main__":
    write_migration(sys.argv[1])
