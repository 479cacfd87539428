"""Lines break, bridges are doubled, stops are re-armed."""

from __future__ import annotations

import pytest

from tests.faults.suite import Worlds, holds

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("name", ["F9", "F10", "F12", "F13", "F23"])
async def test_every_promise_holds(name: str, worlds: Worlds) -> None:
    await holds(name, worlds)
