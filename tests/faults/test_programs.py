"""Programs are killed, frozen and restarted, also while a stop is called."""

from __future__ import annotations

import pytest

from tests.faults.suite import Worlds, holds

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("name", ["F1", "F2", "F3", "F4", "F5", "F6", "F11", "F22", "F24", "F29"])
async def test_every_promise_holds(name: str, worlds: Worlds) -> None:
    await holds(name, worlds)
