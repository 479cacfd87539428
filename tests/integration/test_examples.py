"""The programs in docs/examples do what their first line says, against a real SignalOS."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.support.world import PASSWORD, traded_account

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples"


@pytest.mark.parametrize("example", ["client_grpcio.py", "client_grpclib.py"])
async def test_a_program_with_nothing_but_the_stubs_closes_a_trade_and_sees_it(
    example: str, tmp_path: Path
) -> None:
    async with traded_account(tmp_path) as (world, trader):
        assert (await trader.open()).status_code == 200
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(EXAMPLES / example), world.address("server"), "trader",
            env={**os.environ, "SIGNALOS_PASSWORD": PASSWORD},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(30):
            output, _ = await process.communicate()
        text = output.decode()
        assert process.returncode == 0, text
        assert "COMMAND_STATE_SUCCEEDED" in text
        assert "closed at" in text
        assert await trader.live_trades() == []
