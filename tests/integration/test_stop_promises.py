"""What a stop promises, on real processes: under a full backlog, killed at every stage, and on a lapse."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.faults import Delay
from signalos_bridge.emulator.ledger import Received
from signalos_bridge.emulator.operator_messages import PlaceByHand
from tests.support.faulty_link import LOGIN, admin, all_commands, ended, opened
from tests.support.records import violations
from tests.support.world import PASSWORD, Caller, World, eventually, traded_account

pytestmark = pytest.mark.integration

# Heartbeats and leases of a fifth: a lease ends six seconds after its last beat. A call that was under way
# when the bridge was killed is believed not to have happened after three seconds instead of sixty.
QUICK = {"SIGNALOS_TIME_SCALE": "0.2", "SIGNALOS_SETTLE_SCALE": "0.05"}


async def stop(trader: Caller, **body: Any) -> dict[str, Any]:
    answer = await trader.post("/api/trading/emergency-stop", {"reason": "a test", **body})
    assert answer.status_code in (200, 202), answer.text
    return dict(answer.json())


async def rearm(trader: Caller, stop_id: str) -> None:
    body = {"stopIds": [stop_id], "reason": "looked at it", "password": PASSWORD, "wait": "20s"}
    answer = await trader.post("/api/trading/rearm", body)
    assert answer.status_code == 200, answer.text
    await eventually(trader.may_open, within=30)


async def account_of(trader: Caller, stop_id: str) -> dict[str, Any]:
    return dict((await trader.get(f"/api/trading/stops/{stop_id}"))["report"]["accounts"][0])


async def alert_codes(trader: Caller) -> set[str]:
    return {alert["code"] for alert in (await trader.get("/api/alerts"))["alerts"]}


def opens_received(broker: BrokerAdmin, since: int) -> list[Received]:
    """Requests that open a position or place an order, after so many records."""
    records = broker.ledger()[since:]
    received = [record for record in records if isinstance(record, Received)]
    return [
        one for one in received if one.request.get("action") in (1, 5) and not one.request.get("position")
    ]


async def test_a_stop_is_latched_before_any_queued_open_and_closes_of_before_still_run(
    tmp_path: Path,
) -> None:
    async with traded_account(tmp_path) as (_, trader):
        held, to_close = await opened(trader, 2)
        with admin(tmp_path) as broker:
            # One call holds the terminal; everything else waits behind it.
            slow = broker.add_fault(Delay(milliseconds=3000))
            calls = [
                trader.open("EURUSD", "BUY", 0.01, timeToLive="60s", wait="0s", key=f"queued-{number}")
                for number in range(40)
            ]
            queued = [answer.json()["command"]["commandId"] for answer in await asyncio.gather(*calls)]
            close = await trader.post(
                f"/api/trades/{to_close['trade']['tradeId']}/close", {"timeToLive": "60s", "wait": "0s"}
            )
            answer = await stop(trader)
            latched = len(broker.ledger())
            broker.clear_faults(slow)

            assert answer["report"]["accounts"][0]["latchTime"] is not None
            told = [await ended(trader, command_id, within=60) for command_id in queued]
            closed = await ended(trader, close.json()["command"]["commandId"], within=60)
            late = opens_received(broker, latched)

        states = [command["state"] for command in told]
        # What was in the terminal already could not be recalled, and is said so.
        unrecalled = set((await account_of(trader, answer["stopId"]))["unrecalledCommandIds"])
        done = {command["commandId"] for command in told if command["state"] == "SUCCEEDED"}
        assert done <= unrecalled
        assert len(done) <= 1
        assert states.count("FENCED") >= 39
        assert len(late) <= len(done)
        assert closed["state"] == "SUCCEEDED"
        assert held["trade"]["tradeId"] in {trade["trade"]["tradeId"] for trade in await trader.live_trades()}
        assert violations(await all_commands(trader), tmp_path) == []


async def test_a_bridge_that_is_killed_at_any_stage_of_a_stop_goes_on_and_closes_once(tmp_path: Path) -> None:
    async with traded_account(tmp_path, environment=QUICK) as (world, trader):
        for point in (
            "stop_latched:1",
            "stop_task_saved:1",
            "stop_task_saved:3",
            "after_intent:1",
            "after_call:1",
        ):
            await _killed_at(world, trader, tmp_path, point)
        assert violations(await all_commands(trader), tmp_path) == []


async def _killed_at(world: World, trader: Caller, directory: Path, point: str) -> None:
    # A terminal that has just been started anew tells its symbols a moment after its bridge is there.
    await eventually(lambda: _knows_symbols(trader), within=30)
    await opened(trader, 2)
    with admin(directory) as broker:
        by_hand = PlaceByHand(action=1, symbol="USDJPY", volume=0.2, type=0, type_filling=1)
        assert broker.place_by_hand(LOGIN, by_hand).retcode == 10009
        world.kill("bridge")
        await world.gone("bridge")
        await world.start_bridge(LOGIN, SIGNALOS_FAILPOINTS=point)
        await eventually(trader.may_open, within=30)
        answer = await stop(trader, closePositions=True, wait="0s")
        # It dies there.
        await world.gone("bridge")
        await world.start_bridge(LOGIN)

        async def flat() -> bool:
            return (await account_of(trader, answer["stopId"]))["flatTime"] is not None

        await eventually(flat, within=120)
        assert broker.positions(LOGIN) == [], point
        finished = len(broker.ledger())
        # One that is finished is not begun again.
        world.kill("bridge")
        await world.gone("bridge")
        await world.start_bridge(LOGIN)
        await eventually(trader.bridge_connected, within=30)
        assert not [record for record in broker.ledger()[finished:] if isinstance(record, Received)]
    await rearm(trader, answer["stopId"])


async def _knows_symbols(trader: Caller) -> bool:
    return "EURUSD" in str(await trader.get("/api/symbols"))


async def test_a_lapsed_lease_is_answered_as_the_account_says_and_never_silently(tmp_path: Path) -> None:
    async with traded_account(tmp_path, environment=QUICK) as (world, trader):
        with admin(tmp_path) as broker:
            broker.set_price("EURUSD", "1.10000", "1.10004")
            await opened(trader, 1)
            for policy, orders, positions in (("HOLD", 1, 1), ("CANCEL_PENDINGS", 0, 2), ("FLATTEN", 0, 0)):
                # A server that is frozen three times within a minute would stop trading by itself.
                calm = [{"kind": kind, "enabled": False} for kind in ("LOOP_LAG", "CLOCK_JUMP")]
                body = {"lapsePolicy": policy, "wait": "10s", "triggers": calm}
                answer = await trader.client.put("/api/trading/stop-settings", json=body)
                assert answer.status_code == 200, answer.text
                assert answer.json()["applied"] is True
                if not broker.orders(LOGIN):
                    placed = await trader.open("EURUSD", "BUY", 0.1, orderType="LIMIT", price=1.09)
                    assert placed.json()["command"]["state"] == "SUCCEEDED", placed.text
                world.freeze("server")
                # The lease, and the time to act on its end.
                deadline = time.monotonic() + 60
                while (len(broker.orders(LOGIN)), len(broker.positions(LOGIN))) != (orders, positions):
                    assert time.monotonic() < deadline, policy
                    await asyncio.sleep(0.2)
                if policy == "HOLD":
                    await asyncio.sleep(8)
                    assert len(broker.orders(LOGIN)) == 1
                    # It fills after all.
                    broker.set_price("EURUSD", "1.08900", "1.08904")
                    await asyncio.sleep(1)
                    assert len(broker.positions(LOGIN)) == 2
                    broker.set_price("EURUSD", "1.10000", "1.10004")
                world.thaw("server")
                await eventually(trader.bridge_connected, within=40)
                await eventually(trader.may_open, within=40)
        assert {"LEASE_LAPSED", "POSITION_AFTER_LAPSE"} <= await alert_codes(trader)
