"""Worlds for the rows of one file of tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.faults.suite import Worlds


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worlds() -> AsyncIterator[Worlds]:
    made = Worlds()
    try:
        yield made
    finally:
        await made.close()
