"""Equity is recorded while a bridge reads its terminal, and no longer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from signalos.v1 import account_pb2, account_service_pb2, bridge_pb2, bridge_service_pb2
from tests.signalos_server.serving import quick_settings, served
from tests.signalos_server.trading_world import TradingWorld, eventually


async def test_equity_is_recorded_while_a_bridge_reads_its_terminal_and_told_after_a_restart(
    tmp_path: Path,
) -> None:
    settings = quick_settings(tmp_path)
    settings = replace(settings, timings=replace(settings.timings, equity_seconds=0.1))
    async with served(settings) as served_world:
        world = TradingWorld(served_world)
        trader = await world.trader("ann", 1)
        request = account_service_pb2.ListEquityRequest(account_id=trader.account_id)

        async def told(least: int) -> list[account_pb2.EquitySample] | None:
            answer = await trader.client.accounts.ListEquity(request, metadata=trader.metadata)
            return list(answer.samples) if len(answer.samples) >= least else None

        money = account_pb2.AccountState(balance=1000.0, equity=1012.5)
        live = bridge_pb2.LiveUpdate(account=money)
        await trader.bridge.tell(bridge_service_pb2.ConnectRequest(live=live))
        samples = await eventually(lambda: told(3))
        assert {(one.equity, one.balance) for one in samples} == {(1012.5, 1000.0)}
        assert samples[0].span.ToMilliseconds() == 100
        times = [one.time.ToMilliseconds() for one in samples]
        assert times == sorted(set(times))
        await trader.bridge.close()
        token = trader.client.token

    async with served(settings) as again:
        client = again.client(token)
        before = await client.accounts.ListEquity(request, metadata=client.metadata)
        assert len(before.samples) >= 3
        for _ in range(3):
            await again.foundation.equity.look()
        after = await client.accounts.ListEquity(request, metadata=client.metadata)
        assert after.samples == before.samples, "nobody reads the terminal now"
