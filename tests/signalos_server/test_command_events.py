"""What a stream tells of a command: every state that is on record, and none that never was."""

from __future__ import annotations

from pathlib import Path

import pytest

from signalos.v1 import command_pb2, event_service_pb2
from tests.signalos_server.trading_world import Trader, eventually, trading
from tests.support.fake_bridge import receipt, silent

pytestmark = pytest.mark.integration


async def told(trader: Trader) -> list[tuple[int, int]]:
    """Return the numbers and states of the commands' events."""
    answer = await trader.client.events.ListEvents(
        event_service_pb2.ListEventsRequest(), metadata=trader.metadata
    )
    # By now the stream tells all that happened, without a hole.
    assert [event.seq for event in answer.events] == list(range(1, len(answer.events) + 1))
    return [
        (event.seq, event.command_update.command.state)
        for event in answer.events
        if event.HasField("command_update")
    ]


async def test_receipts_that_are_recorded_with_their_outcome_are_told_with_it(
    tmp_path: Path, storage_url: str
) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        trade_id = await trader.with_position()

        answer = await trader.trades.CloseTrade(trader.close_request(trade_id), metadata=trader.metadata)

        assert answer.command.HasField("deliver_time")
        assert answer.command.HasField("run_time")
        states = [state for _, state in await told(trader)]
        assert states[0] == command_pb2.COMMAND_STATE_PENDING
        assert states[-1] == command_pb2.COMMAND_STATE_SUCCEEDED
        assert states == sorted(states)


async def test_a_receipt_is_told_though_no_outcome_follows(tmp_path: Path, storage_url: str) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        trader.bridge.answer = silent
        trade_id = await trader.with_position()
        answer = await trader.trades.CloseTrade(
            trader.close_request(trade_id, wait=0.0), metadata=trader.metadata
        )
        await trader.bridge.until(lambda: len(trader.bridge.deliveries) == 1)

        await trader.bridge.tell(receipt(answer.command.command_id, command_pb2.COMMAND_STATE_DELIVERED))

        async def delivered() -> bool | None:
            states = [state for _, state in await told(trader)]
            wanted = [command_pb2.COMMAND_STATE_PENDING, command_pb2.COMMAND_STATE_DELIVERED]
            return True if states == wanted else None

        assert await eventually(delivered)
