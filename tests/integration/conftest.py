"""Databases for whole systems under test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import postgres_database, postgres_server


@pytest.fixture(params=["sqlite", "postgresql"])
def storage_environment(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """What chooses the database for every program of a world: nothing for SQLite."""
    if request.param == "sqlite":
        yield {}
        return
    with postgres_server() as directory, postgres_database(directory) as url:
        yield {"SIGNALOS_DATABASE_URL": url}
