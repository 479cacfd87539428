"""Databases die, disks are full, journals are damaged, clocks are wrong."""

from __future__ import annotations

import pytest

from tests.faults.suite import Worlds, holds

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("name", ["F7", "F14", "F17", "F18", "F19"])
async def test_every_promise_holds(name: str, worlds: Worlds) -> None:
    await holds(name, worlds)
