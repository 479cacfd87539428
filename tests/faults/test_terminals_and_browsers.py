"""Terminals lie, people trade by hand, browsers do not read, strangers knock."""

from __future__ import annotations

import pytest

from tests.faults.suite import Worlds, holds

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("name", ["F15", "F20", "F21", "F25", "F26"])
async def test_every_promise_holds(name: str, worlds: Worlds) -> None:
    await holds(name, worlds)
