"""Rules that stop trading by themselves, stop settings and drills, over real sockets with bridges by hand."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import grpc.aio
import pytest

from signalos.v1 import (
    alert_service_pb2,
    auth_service_pb2,
    bridge_pb2,
    command_pb2,
    control_pb2,
    control_service_pb2,
    system_service_pb2,
    trade_pb2,
    trade_service_pb2,
    user_pb2,
)
from signalos.v1 import bridge_service_pb2 as pb
from signalos_server.domain.caller import Role
from tests.signalos_server.serving import error_of
from tests.signalos_server.trading_world import Trader, eventually, trading
from tests.support.fake_bridge import FakeBridge, receipt

pytestmark = pytest.mark.integration

Metadata = tuple[tuple[str, str], ...]


def an_open(lots: float = 0.1) -> trade_service_pb2.OpenTradeRequest:
    request = trade_service_pb2.OpenTradeRequest(
        request_id=uuid.uuid4().hex, symbol="EURUSD", side=trade_pb2.SIDE_BUY, volume_lots=lots
    )
    request.wait.FromMilliseconds(0)
    return request


async def opened(trader: Trader, count: int, lots: float, metadata: Metadata) -> None:
    calls = [trader.trades.OpenTrade(an_open(lots), metadata=metadata) for _ in range(count)]
    await asyncio.gather(*calls)


async def token(trader: Trader) -> Metadata:
    """Return what a program of the trader's carries."""
    request = auth_service_pb2.CreateApiTokenRequest(name="robot", scopes=[user_pb2.TOKEN_SCOPE_TRADE])
    answer = await trader.client.auth.CreateApiToken(request, metadata=trader.metadata)
    return (("authorization", f"Bearer {answer.secret}"),)


async def stops(trader: Trader) -> list[control_pb2.StopReport]:
    request = control_service_pb2.ListStopsRequest(active_only=True)
    return list((await trader.control.ListStops(request, metadata=trader.metadata)).stops)


async def the_stop(trader: Trader) -> control_pb2.StopReport:
    async def look() -> control_pb2.StopReport | None:
        found = await stops(trader)
        return found[0] if found and found[0].complete else None

    return await eventually(look)


async def settings(trader: Trader, **change: object) -> control_service_pb2.UpdateStopSettingsResponse:
    request = control_service_pb2.UpdateStopSettingsRequest(**change)  # type: ignore[arg-type]
    return await trader.control.UpdateStopSettings(request, metadata=trader.metadata)


def unknown(bridge: FakeBridge, delivery: bridge_pb2.CommandDelivery) -> list[pb.ConnectRequest]:
    """Answer that nobody knows."""
    outcome = bridge_pb2.CommandOutcome(
        command_id=delivery.command_id, outcome_number=1, state=command_pb2.COMMAND_STATE_UNKNOWN
    )
    running = receipt(delivery.command_id, command_pb2.COMMAND_STATE_RUNNING)
    return [running, pb.ConnectRequest(outcome=outcome)]


async def test_the_fifth_identical_open_of_a_program_halts_with_alert_audit_and_a_way_out(
    tmp_path: Path, storage_url: str
) -> None:
    async with trading(tmp_path, storage_url) as world:
        ann, bob = await world.trader("ann", 1), await world.trader("bob", 2)
        robot = await token(ann)
        await opened(ann, 4, 0.1, robot)
        # A person's own orders are theirs to repeat.
        await opened(ann, 8, 0.2, ann.metadata)
        assert await stops(ann) == []

        await ann.trades.OpenTrade(an_open(), metadata=robot)

        stop = await the_stop(ann)
        assert (stop.source, stop.user_id) == ("automatic", "")
        assert stop.trigger == control_pb2.STOP_TRIGGER_KIND_IDENTICAL_OPENS
        assert not stop.close_positions
        assert "5 identical opens" in stop.reason
        assert list(ann.bridge.held) == [stop.stop_id]
        assert not bob.bridge.held
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ann.trades.OpenTrade(an_open(), metadata=robot)
        assert error_of(refused.value)[1] == "TRADING_STOPPED"
        alerts = await ann.client.alerts.ListAlerts(
            alert_service_pb2.ListAlertsRequest(), metadata=ann.metadata
        )
        assert "STOPPED_AUTOMATICALLY" in {alert.code for alert in alerts.alerts}
        audit = await ann.client.system.ListAuditEntries(
            system_service_pb2.ListAuditEntriesRequest(), metadata=ann.metadata
        )
        entry = next(one for one in audit.entries if one.action == "emergency_stop")
        assert '"trigger":"IDENTICAL_OPENS"' in entry.detail

        rearm = control_service_pb2.RearmRequest(
            stop_ids=[stop.stop_id], reason="the robot is off", password="correct horse battery"
        )
        await ann.control.Rearm(rearm, metadata=ann.metadata)

        assert await stops(ann) == []
        await ann.bridge.until(lambda: not ann.bridge.held)
        # Looked at: counting begins anew.
        await ann.trades.OpenTrade(an_open(), metadata=robot)
        assert await stops(ann) == []


async def test_the_third_unknown_outcome_halts(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        ann = await world.trader("ann", 1)
        ann.bridge.answer = unknown
        for identifier in (71, 72, 73):
            assert await stops(ann) == []
            trade_id = await ann.with_position(identifier)
            await ann.trades.CloseTrade(ann.close_request(trade_id), metadata=ann.metadata)

        assert (await the_stop(ann)).trigger == control_pb2.STOP_TRIGGER_KIND_UNKNOWN_OUTCOMES


async def test_a_bridge_whose_clock_jumps_or_whose_loop_cannot_keep_up_is_halted(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        ann, bob = await world.trader("ann", 1), await world.trader("bob", 2)

        await ann.bridge.beat(1, wall_jump_seconds=-3600.0)
        for number in range(3):
            assert await stops(bob) == []
            await bob.bridge.beat(number + 1, loop_lag_seconds=1.5)

        assert (await the_stop(ann)).trigger == control_pb2.STOP_TRIGGER_KIND_CLOCK_JUMP
        assert (await the_stop(bob)).trigger == control_pb2.STOP_TRIGGER_KIND_LOOP_LAG


async def test_a_clock_of_the_server_that_jumps_halts_every_account_but_those_that_switched_it_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path) as world:
        ann, bob = await world.trader("ann", 1), await world.trader("bob", 2)
        off = control_pb2.StopTrigger(kind=control_pb2.STOP_TRIGGER_KIND_CLOCK_JUMP, enabled=False)
        changed = await settings(bob, triggers=[off])
        assert [each.kind for each in changed.settings.triggers if not each.enabled] == [off.kind]

        moments = world.world.foundation.moments
        wall = moments.now
        monkeypatch.setattr(moments, "now", lambda: wall().replace(year=2001))

        assert (await the_stop(ann)).trigger == control_pb2.STOP_TRIGGER_KIND_CLOCK_JUMP
        assert await stops(bob) == []


async def test_stop_settings_are_kept_told_to_the_bridge_and_refused_out_of_range(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        ann = await world.trader("ann", 1)
        get = control_service_pb2.GetStopSettingsRequest()
        shipped = (await ann.control.GetStopSettings(get, metadata=ann.metadata)).settings
        assert shipped.lapse_policy == control_pb2.LAPSE_POLICY_CANCEL_PENDINGS
        assert {each.kind for each in shipped.triggers} == {1, 2, 3, 4, 5}
        assert all(each.enabled for each in shipped.triggers)

        rate = control_pb2.StopTrigger(
            kind=control_pb2.STOP_TRIGGER_KIND_OPEN_RATE, enabled=True, threshold=50
        )
        await settings(ann, lapse_policy=control_pb2.LAPSE_POLICY_HOLD)
        await settings(ann, triggers=[rate])

        kept = (await ann.control.GetStopSettings(get, metadata=ann.metadata)).settings
        assert kept.lapse_policy == control_pb2.LAPSE_POLICY_HOLD
        assert [each.threshold for each in kept.triggers if each.kind == rate.kind] == [50]
        assert [each.window.seconds for each in kept.triggers if each.kind == rate.kind] == [10]
        told = [frame.desired_state for frame in ann.bridge.control_frames if frame.HasField("desired_state")]
        assert told[-1].lapse_policy == control_pb2.LAPSE_POLICY_HOLD

        rate.threshold = -1
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await settings(ann, triggers=[rate])
        assert error_of(refused.value)[1] == "INVALID_FIELD"
        request, robot = control_service_pb2.UpdateStopSettingsRequest(), await token(ann)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ann.control.UpdateStopSettings(request, metadata=robot)
        assert error_of(refused.value)[0] == "PERMISSION_DENIED"


async def test_an_administrator_who_owns_nothing_stops_everything_without_naming_it(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        ann = await world.trader("ann", 1)
        bob = await world.trader("bob", 2, connected=False)
        eve = await world.world.sign_in("eve", Role.ADMIN)
        control = type(ann.control)(eve.channel)

        answer = await control.EmergencyStop(
            control_service_pb2.EmergencyStopRequest(), metadata=eve.metadata
        )

        assert answer.recorded
        assert list(ann.bridge.held) == [answer.stop_id]
        assert [one.account_id for one in answer.report.accounts] == sorted([ann.account_id, bob.account_id])
        assert list(answer.unreached_account_ids) == [bob.account_id]
        assert [stop.stop_id for stop in await stops(bob)] == [answer.stop_id]


async def test_what_drills_measured_is_kept(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        ann, bob = await world.trader("ann", 1), await world.trader("bob", 2)
        for _ in range(3):
            await ann.control.RunDrill(control_service_pb2.RunDrillRequest(), metadata=ann.metadata)

        first = await ann.control.ListDrills(
            control_service_pb2.ListDrillsRequest(page_size=2), metadata=ann.metadata
        )
        rest = await ann.control.ListDrills(
            control_service_pb2.ListDrillsRequest(page_size=2, page_token=first.next_page_token),
            metadata=ann.metadata,
        )

        drills = [*first.drills, *rest.drills]
        assert len({drill.drill_id for drill in drills}) == 3
        assert all(drill.reached and drill.latched_milliseconds > 0 for drill in drills)
        assert drills == sorted(drills, key=lambda drill: drill.create_time.ToNanoseconds(), reverse=True)
        foreign = await bob.control.ListDrills(control_service_pb2.ListDrillsRequest(), metadata=bob.metadata)
        assert not foreign.drills
        assert not ann.bridge.held
