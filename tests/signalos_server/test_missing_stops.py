"""Positions without a stop loss for longer than an account's limits allow are told of until they have one."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration

from signalos.v1 import alert_service_pb2, bridge_pb2, control_pb2
from tests.signalos_server.test_limits import funded, limited
from tests.signalos_server.trading_world import Trader, eventually, trading
from tests.support.fake_bridge import position

pytestmark = pytest.mark.integration


async def missing(trader: Trader) -> list[str]:
    """Return the trades of which it is told that they have no stop, and that nobody has ended."""
    answer = await trader.client.alerts.ListAlerts(
        alert_service_pb2.ListAlertsRequest(), metadata=trader.metadata
    )
    return [
        one.trade_id for one in answer.alerts if one.code == "STOP_MISSING" and not one.HasField("end_time")
    ]


async def test_a_position_without_a_stop_is_told_of_until_it_has_one(
    tmp_path: Path, storage_url: str
) -> None:
    async with trading(tmp_path, storage_url) as world:
        ann = await world.trader("ann", 1)
        await funded(ann.bridge, 10_000)
        await limited(ann, control_pb2.Limits(stop_missing_after=Duration(seconds=1)))
        bare = position(77, 0.1)
        bare.ClearField("broker_stop_loss")
        await ann.bridge.event(position_opened=bridge_pb2.PositionOpened(position=bare))

        async def told() -> bool | None:
            return await missing(ann) == [ann.trade_id(77)] or None

        await eventually(told)
        bare.broker_stop_loss = 1.09
        bare.update_broker_milliseconds += 1_000
        await ann.bridge.event(position_changed=bridge_pb2.PositionChanged(position=bare))

        async def over() -> bool | None:
            return not await missing(ann) or None

        await eventually(over)
