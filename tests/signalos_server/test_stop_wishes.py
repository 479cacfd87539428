"""Whatever a stop names, it stops what its caller may trade, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from signalos.v1 import control_pb2, control_service_pb2
from tests.signalos_server.trading_world import Trader, trading

pytestmark = pytest.mark.integration

WISHES = {
    "nothing": control_service_pb2.EmergencyStopRequest(),
    "an account that is not there": control_service_pb2.EmergencyStopRequest(account_ids=["nope"]),
    "a scope of a newer contract": control_service_pb2.EmergencyStopRequest(scope=99),  # type: ignore[arg-type]
    "everything, by a trader": control_service_pb2.EmergencyStopRequest(
        scope=control_pb2.STOP_SCOPE_EVERYTHING
    ),
    "accounts, and none": control_service_pb2.EmergencyStopRequest(scope=control_pb2.STOP_SCOPE_ACCOUNTS),
    "a reason with a zero byte": control_service_pb2.EmergencyStopRequest(reason="a\0b" * 5_000),
}


async def stopped(trader: Trader) -> bool:
    answer = await trader.control.GetTradingState(
        control_service_pb2.GetTradingStateRequest(), metadata=trader.metadata
    )
    return all(state.wanted.stop_ids for state in answer.states)


@pytest.mark.parametrize("wish", WISHES)
async def test_a_stop_that_names_nothing_of_its_callers_stops_all_of_it(
    tmp_path: Path, storage_url: str, wish: str
) -> None:
    async with trading(tmp_path, storage_url) as world:
        ann, bob = await world.trader("ann", 1), await world.trader("bob", 2)
        request = control_service_pb2.EmergencyStopRequest()
        request.CopyFrom(WISHES[wish])

        answer = await ann.control.EmergencyStop(request, metadata=ann.metadata)

        assert answer.recorded
        assert await stopped(ann)
        assert not await stopped(bob)
        assert list(answer.ignored_account_ids) == list(request.account_ids)
        await ann.bridge.until(lambda: bool(ann.bridge.held))
        assert not bob.bridge.held


async def test_a_stop_of_one_account_leaves_anothers_though_both_are_named(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        ann, bob = await world.trader("ann", 1), await world.trader("bob", 2)
        request = control_service_pb2.EmergencyStopRequest(account_ids=[ann.account_id, bob.account_id])

        answer = await ann.control.EmergencyStop(request, metadata=ann.metadata)

        assert list(answer.ignored_account_ids) == [bob.account_id]
        assert await stopped(ann)
        assert not await stopped(bob)
