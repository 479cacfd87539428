"""Lists are read to their end, page by page, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from signalos.v1 import command_service_pb2, control_service_pb2, trade_pb2, trade_service_pb2
from tests.signalos_server.trading_world import Trader, trading

pytestmark = pytest.mark.integration


async def commands_of(trader: Trader, size: int) -> list[str]:
    found: list[str] = []
    token = ""
    while True:
        page = await trader.commands.ListCommands(
            command_service_pb2.ListCommandsRequest(page_size=size, page_token=token),
            metadata=trader.metadata,
        )
        found += [command.command_id for command in page.commands]
        token = page.next_page_token
        if not token or len(found) > 100:
            return found


async def stops_of(trader: Trader, size: int) -> list[str]:
    found: list[str] = []
    token = ""
    while True:
        page = await trader.control.ListStops(
            control_service_pb2.ListStopsRequest(page_size=size, page_token=token), metadata=trader.metadata
        )
        found += [stop.stop_id for stop in page.stops]
        token = page.next_page_token
        if not token or len(found) > 100:
            return found


async def test_pages_of_commands_and_stops_show_each_once_newest_first(
    tmp_path: Path, storage_url: str
) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        made: list[str] = []
        for number in range(7):
            opened = await trader.trades.OpenTrade(
                trade_service_pb2.OpenTradeRequest(
                    request_id=f"page-{number}", symbol="EURUSD", side=trade_pb2.SIDE_BUY, volume_lots=0.1
                ),
                metadata=trader.metadata,
            )
            made.insert(0, opened.command.command_id)
        for size in (1, 3, 7, 100):
            assert await commands_of(trader, size) == made

        stops: list[str] = []
        for closing in (False, True):
            stopped = await trader.control.EmergencyStop(
                control_service_pb2.EmergencyStopRequest(close_positions=closing), metadata=trader.metadata
            )
            stops.insert(0, stopped.stop_id)
        for size in (1, 2):
            assert await stops_of(trader, size) == list(dict.fromkeys(stops))
