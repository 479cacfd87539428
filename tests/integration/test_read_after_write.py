"""Who is answered that a command is done finds its trade as it then is."""

from __future__ import annotations

from pathlib import Path

from tests.support.world import traded_account


async def test_a_trade_is_found_with_the_answer_to_its_open_and_closed_with_that_to_its_close(
    tmp_path: Path,
) -> None:
    async with traded_account(tmp_path) as (_, trader):
        for _ in range(10):
            opened = (await trader.open()).json()["command"]
            assert opened["state"] == "SUCCEEDED"
            trade = (await trader.get(f"/api/trades/{opened['tradeId']}"))["trade"]
            assert trade["state"] == "OPEN"

            closed = await trader.post(f"/api/trades/{opened['tradeId']}/close")
            assert closed.json()["command"]["state"] == "SUCCEEDED"
            trade = (await trader.get(f"/api/trades/{opened['tradeId']}"))["trade"]
            assert trade["state"] == "CLOSED"
