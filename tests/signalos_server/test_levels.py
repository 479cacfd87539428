"""Levels are judged before a command is stored, with a quote that the bridge is asked for."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import grpc.aio
import pytest

from signalos.v1 import (
    bridge_pb2,
    bridge_service_pb2,
    command_pb2,
    command_service_pb2,
    order_pb2,
    trade_pb2,
    trade_service_pb2,
)
from tests.signalos_server.serving import error_of
from tests.signalos_server.trading_world import Trader, trading
from tests.support.fake_bridge import FakeBridge

pytestmark = pytest.mark.integration


class QuotingBridge(FakeBridge):
    """Answers a check with bid 1.10000 and ask 1.10010, unless it is `mute`."""

    mute = False
    asked = 0

    async def _on_data(self, frame: bridge_service_pb2.ConnectResponse) -> None:
        if frame.WhichOneof("message") == "check":
            self.asked += 1
            if not self.mute:
                result = bridge_pb2.CheckResult(
                    check_id=frame.check.check_id, price=1.1001, spread_points=10, volume_lots=0.01
                )
                await self.tell(bridge_service_pb2.ConnectRequest(check_result=result))
            return
        await super()._on_data(frame)


def _open(**levels: float) -> trade_service_pb2.OpenTradeRequest:
    request = trade_service_pb2.OpenTradeRequest(
        request_id=uuid.uuid4().hex,
        symbol="EURUSD",
        side=trade_pb2.SIDE_BUY,
        volume_lots=0.1,
        **levels,  # type: ignore[arg-type]
    )
    request.wait.FromMilliseconds(2000)
    return request


async def _refused(trader: Trader, request: trade_service_pb2.OpenTradeRequest) -> dict[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await trader.trades.OpenTrade(request, metadata=trader.metadata)
    code, reason, metadata, fields = error_of(refused.value)
    assert (code, reason) == ("INVALID_ARGUMENT", "OUT_OF_RANGE"), refused.value
    assert [field for field, _ in fields] == [metadata["field"]]
    return metadata


async def test_a_stop_on_the_wrong_side_is_refused_though_no_quote_was_streamed(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1, connected=False)
        bridge = QuotingBridge(trader.bridge.address, trader.bridge.bridge_id, trader.bridge.credential, 1)
        trader.bridge = bridge
        await bridge.connect()

        wrong = await _refused(trader, _open(stop_loss=1.2))
        near = await _refused(trader, _open(stop_loss=1.09995))
        waiting = await _refused(trader, _limit(price=1.2))

        assert wrong == {"field": "stopLoss", "value": "1.2", "maximum": "1.09990"}
        assert near["maximum"] == "1.09990"
        assert waiting["field"] == "price"
        assert bridge.asked == 3, "nothing is refused by a quote that was told before"
        listed = await trader.commands.ListCommands(
            command_service_pb2.ListCommandsRequest(), metadata=trader.metadata
        )
        assert not listed.commands

        trade_id = await trader.with_position()
        request = trade_service_pb2.ModifyTradeRequest(
            request_id=uuid.uuid4().hex, trade_id=trade_id, stop_loss=1.2
        )
        request.update_mask.paths.append("stop_loss")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await trader.trades.ModifyTrade(request, metadata=trader.metadata)
        assert error_of(refused.value)[1] == "OUT_OF_RANGE"


def _limit(price: float) -> trade_service_pb2.OpenTradeRequest:
    request = _open(price=price)
    request.order_type = order_pb2.ORDER_TYPE_LIMIT
    return request


async def test_a_bridge_that_does_not_tell_a_quote_judges_by_itself(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1, connected=False)
        bridge = QuotingBridge(trader.bridge.address, trader.bridge.bridge_id, trader.bridge.credential, 1)
        bridge.mute = True
        trader.bridge = bridge
        await bridge.connect()

        answer = await trader.trades.OpenTrade(_open(stop_loss=1.2), metadata=trader.metadata)

        assert answer.command.state == command_pb2.COMMAND_STATE_SUCCEEDED
        assert [delivery.action.open.stop_loss for delivery in bridge.deliveries] == [1.2]


async def test_an_opened_trade_can_be_read_once_its_opening_is_answered(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1)

        async def fill_later() -> None:
            await trader.bridge.until(lambda: bool(trader.bridge.deliveries))
            await asyncio.sleep(0.2)
            await trader.with_position(77)

        filling = asyncio.create_task(fill_later())
        answer = await trader.trades.OpenTrade(_open(), metadata=trader.metadata)
        read = await trader.trades.GetTrade(
            trade_service_pb2.GetTradeRequest(trade_id=answer.command.trade_id), metadata=trader.metadata
        )
        await filling

        assert read.trade.trade_id == trader.trade_id(77)


async def test_a_ladder_is_held_against_a_quote_that_was_asked_for_in_a_preview_too(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1, connected=False)
        bridge = QuotingBridge(trader.bridge.address, trader.bridge.bridge_id, trader.bridge.credential, 1)
        trader.bridge = bridge
        await bridge.connect()
        for preview in (True, False):
            request = _open()
            request.validate_only = preview
            request.protection.targets.add(price=1.05, share=0.5)
            metadata = await _refused(trader, request)
            assert metadata["field"] == "protection.targets[0].price"
        listed = await trader.commands.ListCommands(
            command_service_pb2.ListCommandsRequest(), metadata=trader.metadata
        )
        assert not listed.commands
