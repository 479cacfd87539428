"""Alerts as people meet them: raised, seen again, told again, ended, acknowledged; over restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from prometheus_client import generate_latest

from signalos.v1 import alert_pb2, bridge_pb2, command_pb2, event_service_pb2
from signalos.v1 import alert_service_pb2 as pb
from signalos.v1 import bridge_service_pb2 as bridge_pb
from signalos_server.domain.alerts import EscalationPolicy
from signalos_server.domain.caller import Role
from signalos_server.domain.happenings import NewAlert
from signalos_server.domain.words import Severity
from tests.signalos_server.serving import Client, World, error_of, quick_settings, served
from tests.signalos_server.trading_world import Trader, eventually, trading

QUICK = EscalationPolicy(
    {
        Severity.CRITICAL: (timedelta(seconds=0.2), timedelta(seconds=0.4)),
        Severity.WARNING: (timedelta(hours=1),),
    }
)


@asynccontextmanager
async def quick(data_dir: Path, storage_url: str | None = None) -> AsyncIterator[World]:
    """A server that tells critical alerts again after a fifth of a second."""
    settings = quick_settings(data_dir, storage_url)
    timings = replace(settings.timings, escalation=QUICK, alert_seconds=0.05)
    async with served(replace(settings, timings=timings)) as world:
        yield world


async def make_account(client: Client) -> str:
    from signalos.v1 import account_service_pb2

    made = await client.accounts.CreateAccount(
        account_service_pb2.CreateAccountRequest(name="mine"), metadata=client.metadata
    )
    return str(made.account.account_id)


async def raised(
    world: World,
    account_id: str,
    severity: Severity = Severity.CRITICAL,
    code: str = "TEST",
    **more: Any,
) -> None:
    alert = NewAlert(account_id, severity, code, more.pop("key", "k"), "it happened", **more)
    await world.foundation.storage.run(lambda records: records.alert(alert))


async def ended(world: World, account_id: str, code: str = "TEST", key: str = "k") -> None:
    await world.foundation.storage.run(
        lambda records: records.alert_ended(account_id, code, key, "it is over")
    )


async def listed(client: Client, **fields: Any) -> pb.ListAlertsResponse:
    return await client.alerts.ListAlerts(pb.ListAlertsRequest(**fields), metadata=client.metadata)


async def only(client: Client, **fields: Any) -> alert_pb2.Alert:
    (alert,) = (await listed(client, **fields)).alerts
    return alert


async def tellings(client: Client) -> list[alert_pb2.Alert]:
    """What the client's stream said of alerts, in order."""
    answer = await client.events.ListEvents(
        event_service_pb2.ListEventsRequest(page_size=1000), metadata=client.metadata
    )
    return [event.error_alert.alert for event in answer.events if event.HasField("error_alert")]


async def acknowledge(client: Client, alert_id: str, note: str = "") -> alert_pb2.Alert:
    answer = await client.alerts.AcknowledgeAlert(
        pb.AcknowledgeAlertRequest(alert_id=alert_id, note=note), metadata=client.metadata
    )
    return answer.alert


async def test_a_critical_alert_is_told_again_until_it_is_acknowledged(
    storage_url: str, tmp_path: Path
) -> None:
    async with quick(tmp_path, storage_url) as world:
        client = await world.sign_in("alice")
        await raised(world, await make_account(client))

        async def told_twice_again() -> bool | None:
            return (await only(client)).escalation_level >= 2 or None

        await eventually(told_twice_again)
        alert = await only(client)
        assert alert.HasField("next_escalation_time")
        acknowledged = await acknowledge(client, alert.alert_id, "looked at it")
        said = await tellings(client)
        await asyncio.sleep(0.6)

        assert acknowledged.acknowledge_note == "looked at it"
        assert not acknowledged.HasField("next_escalation_time")
        assert await tellings(client) == said
        levels = [one.escalation_level for one in said[:-1]]
        assert levels == list(range(len(levels)))
        assert said[-1] == acknowledged


async def test_what_was_due_while_the_server_was_down_is_told_after_its_start(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path)
    async with served(settings) as world:
        client = await world.sign_in("alice")
        await raised(world, await make_account(client))
        before = await only(client)
    async with quick(tmp_path) as world:
        # Raised under the usual waits, it would be due in a minute; as if that had gone by.
        from sqlalchemy import update

        from signalos_server.adapters.storage.tables.alerts import AlertRow

        past = world.foundation.clock.now() - timedelta(seconds=1)
        await world.foundation.database.run(
            lambda session: session.execute(update(AlertRow).values(escalate_time=past)) and None
        )
        client = world.client(client.token)

        async def told_again() -> bool | None:
            return (await only(client)).escalation_level >= 1 or None

        await eventually(told_again)
        alert = await only(client)

    assert alert.alert_id == before.alert_id
    assert alert.create_time == before.create_time


async def test_a_condition_that_ended_is_said_and_the_alert_stays(storage_url: str, tmp_path: Path) -> None:
    async with quick(tmp_path, storage_url) as world:
        client = await world.sign_in("alice")
        account = await make_account(client)
        await raised(world, account)
        await ended(world, account)
        await ended(world, account)
        alert = await only(client)
        said = await tellings(client)
        await asyncio.sleep(0.6)

        assert alert.end_reason == "it is over"
        assert alert.HasField("end_time")
        assert not alert.HasField("acknowledge_time")
        # It is told no more, and still to be acknowledged.
        assert await tellings(client) == said
        assert len(said) == 2
        assert (await listed(client)).counts.critical == 1
        await acknowledge(client, alert.alert_id)
        assert not (await listed(client)).alerts


async def test_what_had_ended_and_is_seen_again_has_not_ended(tmp_path: Path) -> None:
    async with quick(tmp_path) as world:
        client = await world.sign_in("alice")
        account = await make_account(client)
        await raised(world, account)
        await ended(world, account)
        await raised(world, account)

        alert = await only(client)

        assert alert.count == 2
        assert not alert.HasField("end_time")
        assert alert.HasField("next_escalation_time")


async def test_the_end_of_an_acknowledged_condition_is_said_too(tmp_path: Path) -> None:
    async with quick(tmp_path) as world:
        client = await world.sign_in("alice")
        account = await make_account(client)
        await raised(world, account)
        alert = await only(client)
        await acknowledge(client, alert.alert_id)
        await ended(world, account)

        answer = await client.alerts.GetAlert(
            pb.GetAlertRequest(alert_id=alert.alert_id), metadata=client.metadata
        )

        assert answer.alert.end_reason == "it is over"
        assert (await tellings(client))[-1] == answer.alert


async def test_a_repeated_telling_of_a_bridge_counts_once_also_after_it_was_acknowledged(
    tmp_path: Path,
) -> None:
    async with quick(tmp_path) as world:
        client = await world.sign_in("alice")
        account = await make_account(client)
        await raised(world, account, telling_id="t1")
        await raised(world, account, telling_id="t1")
        alert = await only(client)
        await acknowledge(client, alert.alert_id)
        await raised(world, account, telling_id="t1")
        open_then = list((await listed(client)).alerts)
        await raised(world, account, telling_id="t2")

        assert alert.count == 1
        assert open_then == []
        assert (await only(client)).count == 1


async def test_lists_are_filtered_and_counted(tmp_path: Path) -> None:
    async with quick(tmp_path) as world:
        client = await world.sign_in("alice")
        account = await make_account(client)
        await raised(world, account, Severity.INFO, "A", command_id="c1")
        await raised(world, account, Severity.WARNING, "B", trade_id="trd_1")
        await raised(world, account, Severity.CRITICAL, "C", command_id="c1")

        bad = await listed(client, minimum_severity=alert_pb2.ALERT_SEVERITY_WARNING)
        of_command = await listed(client, command_id="c1")
        of_trade = await listed(client, trade_id="trd_1")

        assert [alert.code for alert in bad.alerts] == ["C", "B"]
        assert [alert.code for alert in of_command.alerts] == ["C", "A"]
        assert [alert.code for alert in of_trade.alerts] == ["B"]
        counts = of_trade.counts
        assert (counts.critical, counts.warning, counts.info) == (1, 1, 1)


async def test_nobody_sees_counts_or_acknowledges_anothers_alerts(tmp_path: Path) -> None:
    async with quick(tmp_path) as world:
        alice, bob = await world.sign_in("alice"), await world.sign_in("bob")
        admin = await world.sign_in("root", Role.ADMIN)
        await raised(world, await make_account(alice))
        await raised(world, "", code="SYSTEM")
        alert = await only(alice)

        for call in (
            bob.alerts.GetAlert(pb.GetAlertRequest(alert_id=alert.alert_id), metadata=bob.metadata),
            bob.alerts.AcknowledgeAlert(
                pb.AcknowledgeAlertRequest(alert_id=alert.alert_id), metadata=bob.metadata
            ),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call
            assert error_of(refused.value)[1] == "NOT_FOUND"
        assert (await listed(bob)).counts == alert_pb2.AlertCounts()
        assert (await listed(alice)).counts.critical == 1
        assert (await listed(admin)).counts.critical == 2
        assert not await tellings(bob)


async def test_metrics_show_what_nobody_acknowledged(tmp_path: Path) -> None:
    async with quick(tmp_path) as world:
        client = await world.sign_in("alice")
        await raised(world, await make_account(client))

        async def shown() -> bool | None:
            figures = generate_latest(world.foundation.registry).decode()
            return (
                'signalos_alerts_unacknowledged{severity="critical"} 1.0' in figures
                and "signalos_alerts_escalated 1.0" in figures
                and "signalos_alerts_told_again_total 0.0" not in figures
            ) or None

        await eventually(shown)


# What raises and ends them.


async def codes(trader: Trader, **fields: Any) -> dict[str, bool]:
    """Each open alert's code, and whether what it tells of has ended."""
    answer = await listed(trader.client, **fields)
    return {alert.code: alert.HasField("end_time") for alert in answer.alerts}


async def test_an_unknown_outcome_is_alerted_once_and_ends_when_it_is_known(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1001)
        bridge = trader.bridge
        trade_id = await trader.with_position()

        def doubt(_: Any, delivery: bridge_pb2.CommandDelivery) -> list[bridge_pb.ConnectRequest]:
            outcome = bridge_pb2.CommandOutcome(
                command_id=delivery.command_id,
                outcome_number=1,
                state=command_pb2.COMMAND_STATE_UNKNOWN,
                message="no answer",
            )
            said = bridge_pb2.BridgeAlert(
                alert_key=f"unknown:{delivery.command_id}",
                code="COMMAND_UNKNOWN",
                severity=alert_pb2.ALERT_SEVERITY_CRITICAL,
                command_id=delivery.command_id,
                telling_id="t1",
            )
            return [bridge_pb.ConnectRequest(outcome=outcome), bridge_pb.ConnectRequest(alert=said)]

        bridge.answer = doubt
        closed = await trader.trades.CloseTrade(
            trader.close_request(trade_id, wait=1.0), metadata=trader.metadata
        )
        assert closed.command.state == command_pb2.COMMAND_STATE_UNKNOWN
        await bridge.until(lambda: "t1" in bridge.alert_acks)
        alert = await only(trader.client)
        assert (alert.code, alert.count) == ("COMMAND_UNKNOWN", 1)
        assert alert.command_id == closed.command.command_id

        await bridge.tell(
            bridge_pb.ConnectRequest(
                outcome=bridge_pb2.CommandOutcome(
                    command_id=closed.command.command_id,
                    outcome_number=2,
                    state=command_pb2.COMMAND_STATE_REJECTED,
                )
            )
        )

        async def over() -> bool | None:
            return (await codes(trader)) == {"COMMAND_UNKNOWN": True} or None

        await eventually(over)


async def test_a_bridge_that_says_an_end_ends_its_own_condition_only(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        ann, ben = await world.trader("ann", 1001), await world.trader("ben", 1002)
        for trader in (ann, ben):
            blind = bridge_pb2.BridgeAlert(
                alert_key="blind",
                code="GUARD_BLIND",
                severity=alert_pb2.ALERT_SEVERITY_CRITICAL,
                message="blind for 3.1 s",
                telling_id=f"blind-{trader.account_id}",
            )
            await trader.bridge.tell(bridge_pb.ConnectRequest(alert=blind))
            await trader.bridge.until(lambda trader=trader: len(trader.bridge.alert_acks) == 1)  # type: ignore[misc]
        sees = bridge_pb2.BridgeAlert(
            alert_key="blind", code="GUARD_BLIND", message="it sees again", telling_id="over", ended=True
        )
        await ann.bridge.tell(bridge_pb.ConnectRequest(alert=sees))
        await ann.bridge.until(lambda: "over" in ann.bridge.alert_acks)

        assert await codes(ann) == {"GUARD_BLIND": True}
        assert await codes(ben) == {"GUARD_BLIND": False}
