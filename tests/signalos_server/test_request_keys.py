"""One key is one command of one user, whichever method it comes by."""

from __future__ import annotations

from pathlib import Path

import grpc.aio
import pytest

from signalos.v1 import command_pb2, trade_service_pb2
from tests.signalos_server.serving import error_of
from tests.signalos_server.trading_world import trading

pytestmark = pytest.mark.integration


async def test_a_key_is_not_good_for_another_method_and_is_another_users_own(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        ann, bob = await world.trader("ann", 1), await world.trader("bob", 2)
        mine, other = await ann.with_position(), await bob.with_position()
        close = trade_service_pb2.CloseTradeRequest(request_id="k", trade_id=mine)
        first = await ann.trades.CloseTrade(close, metadata=ann.metadata)

        # The same bytes as the close, by a method that does something else.
        even = trade_service_pb2.BreakEvenTradeRequest(request_id="k", trade_id=mine)
        assert even.SerializeToString() == close.SerializeToString()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ann.trades.BreakEvenTrade(even, metadata=ann.metadata)
        bobs = trade_service_pb2.CloseTradeRequest(request_id="k", trade_id=other)
        second = await bob.trades.CloseTrade(bobs, metadata=bob.metadata)
        with pytest.raises(grpc.aio.AioRpcError) as hidden:
            await bob.trades.CloseTrade(
                trade_service_pb2.CloseTradeRequest(request_id="other", trade_id=mine), metadata=bob.metadata
            )

        assert error_of(refused.value)[1] == "REQUEST_ID_REUSED"
        assert error_of(hidden.value)[1] == "NOT_FOUND"
        assert first.command.command_id != second.command.command_id
        assert second.command.state == command_pb2.COMMAND_STATE_SUCCEEDED
        assert len(ann.bridge.deliveries) == len(bob.bridge.deliveries) == 1


async def test_a_refused_call_does_not_use_its_key_up(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        ann = await world.trader("ann", 1)
        request = trade_service_pb2.CloseTradeRequest(request_id="k", trade_id=ann.trade_id(77))
        with pytest.raises(grpc.aio.AioRpcError):
            await ann.trades.CloseTrade(request, metadata=ann.metadata)
        await ann.with_position(77)

        answer = await ann.trades.CloseTrade(request, metadata=ann.metadata)

        assert answer.command.state == command_pb2.COMMAND_STATE_SUCCEEDED
