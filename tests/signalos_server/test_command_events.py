"""What a stream tells of a command: every state that is on record, and none that never was."""

from __future__ import annotations

from pathlib import Path

import pytest

from signalos.v1 import bridge_pb2, command_pb2, event_service_pb2
from signalos.v1 import bridge_service_pb2 as pb
from tests.signalos_server.trading_world import Trader, eventually, trading
from tests.support.fake_bridge import FakeBridge, position, receipt, silent, succeed

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


async def test_frames_that_come_in_one_are_taken_as_if_each_had_come_by_itself(
    tmp_path: Path, storage_url: str
) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1, connected=False)
        trader.bridge.takes_batches = True
        trader.bridge.answer = together
        await trader.bridge.connect()
        assert trader.bridge.data_frames[0].welcome.takes_batches
        trade_id = await trader.with_position()

        answer = await trader.trades.CloseTrade(trader.close_request(trade_id), metadata=trader.metadata)

        assert answer.command.state == command_pb2.COMMAND_STATE_SUCCEEDED
        assert answer.command.HasField("deliver_time")

        async def acknowledged() -> bool | None:
            frames = [one for frame in trader.bridge.data_frames for one in frame.batch.frames or [frame]]
            acked = [frame for frame in frames if frame.HasField("outcome_ack")]
            return True if acked and trader.bridge.acked == trader.bridge.next_seq - 1 else None

        assert await eventually(acknowledged)


def together(bridge: FakeBridge, delivery: bridge_pb2.CommandDelivery) -> list[pb.ConnectRequest]:
    """Answer as `succeed` does, with the position's closing, all in one frame."""
    seq = bridge.next_seq
    bridge.next_seq += 1
    closed = bridge_pb2.PositionClosed(position=position(77, 0.1))
    event = bridge_pb2.BridgeEvent(seq=seq, event_id=f"e{seq}", position_closed=closed)
    frames = [*succeed(bridge, delivery)[:2], pb.ConnectRequest(event=event), *succeed(bridge, delivery)[2:]]
    return [pb.ConnectRequest(batch=pb.ConnectRequestBatch(frames=frames))]


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
