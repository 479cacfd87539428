"""Accounts, pairing and who sees what, over a real port and on both databases."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
import pytest

from signalos.v1 import account_pb2, alert_service_pb2, auth_service_pb2, system_service_pb2, user_pb2
from signalos.v1 import account_service_pb2 as pb
from signalos_bridge.domain import pairing_code
from signalos_server.adapters.storage.alert_book import raise_alert
from signalos_server.adapters.storage.equity_book import SqlEquity
from signalos_server.domain.caller import Role
from signalos_server.domain.equity import EquitySample
from signalos_server.domain.errors import (
    AccountMismatch,
    AlreadyExists,
    BadPairingCode,
    InvalidField,
    NotAuthenticated,
    RateLimited,
)
from signalos_server.domain.frames import Identity
from signalos_server.domain.happenings import NewAlert
from signalos_server.domain.words import Severity
from signalos_server.service.accounts import Paired
from tests.signalos_server.serving import Client, World, error_of

IDENTITY = Identity(login=1001, broker_server="Demo-1", currency="USD", company="Broker")


async def refused(call: Any) -> tuple[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    code, reason, _, _ = error_of(caught.value)
    return code, reason


async def create(client: Client, name: str = "mine") -> str:
    made = await client.accounts.CreateAccount(pb.CreateAccountRequest(name=name), metadata=client.metadata)
    return made.account.account_id


async def code_for(client: Client, account_id: str = "") -> str:
    answer = await client.accounts.CreatePairingCode(
        pb.CreatePairingCodeRequest(account_id=account_id, bridge_name="desk"), metadata=client.metadata
    )
    return answer.code


async def pair(world: World, code: str, identity: Identity = IDENTITY, address: str = "::1") -> Paired:
    return await world.foundation.accounts.pair(code, "", identity, "0.1.0", address)


async def test_a_code_pairs_one_bridge_with_a_new_account_named_after_its_login(world: World) -> None:
    client = await world.sign_in("alice")
    code = await code_for(client)

    paired = await pair(world, code.lower())
    with pytest.raises(BadPairingCode):
        await pair(world, code)

    account = (
        await client.accounts.GetAccount(
            pb.GetAccountRequest(account_id=paired.account_id), metadata=client.metadata
        )
    ).account
    assert (account.name, account.login, account.currency) == ("1001 Demo-1", 1001, "USD")
    assert (account.bridge.bridge_id, account.bridge.name) == (paired.bridge_id, "desk")
    assert account.bridge.state == account_pb2.BRIDGE_STATE_PAIRED
    bridge = await world.foundation.accounts.authenticate_bridge(paired.bridge_id, paired.credential)
    assert bridge.account_id == paired.account_id
    with pytest.raises(NotAuthenticated):
        await world.foundation.accounts.authenticate_bridge(paired.bridge_id, paired.credential + "x")


async def test_a_bridge_reads_server_and_key_from_the_code(world: World) -> None:
    client = await world.sign_in("alice")

    read = pairing_code.parse(await code_for(client))

    assert read.address == world.serving.address
    assert read.fingerprint is None


async def test_pairing_again_revokes_the_bridge_before(world: World) -> None:
    client = await world.sign_in("alice")
    first = await pair(world, await code_for(client))
    revoked: list[tuple[str, str]] = []
    world.foundation.on_revoke.append(
        lambda _session, account_id, bridge_id, _now: revoked.append((account_id, bridge_id))
    )

    second = await pair(world, await code_for(client, first.account_id))

    assert second.account_id == first.account_id
    assert (first.account_id, first.bridge_id) in revoked
    with pytest.raises(NotAuthenticated):
        await world.foundation.accounts.authenticate_bridge(first.bridge_id, first.credential)
    listed = await client.accounts.ListBridges(pb.ListBridgesRequest(), metadata=client.metadata)
    assert [(bridge.bridge_id, bridge.state) for bridge in listed.bridges] == [
        (second.bridge_id, account_pb2.BRIDGE_STATE_PAIRED),
        (first.bridge_id, account_pb2.BRIDGE_STATE_REVOKED),
    ]


async def test_an_account_keeps_to_its_login_and_a_login_to_its_account(world: World) -> None:
    client = await world.sign_in("alice")
    paired = await pair(world, await code_for(client))
    other = Identity(login=2002, broker_server="Demo-1")

    with pytest.raises(AccountMismatch):
        await pair(world, await code_for(client, paired.account_id), other)
    with pytest.raises(AlreadyExists):
        await pair(world, await code_for(client))
    with pytest.raises(AlreadyExists):
        await pair(world, await code_for(client, await create(client)))
    with pytest.raises(InvalidField):
        await pair(world, await code_for(client), Identity(login=0, broker_server=""))


async def test_two_bridges_that_pair_one_login_at_once_make_one_account(world: World) -> None:
    client = await world.sign_in("alice")
    codes = [await code_for(client) for _ in range(4)]

    results = await asyncio.gather(*(pair(world, code) for code in codes), return_exceptions=True)

    kinds = sorted(type(result).__name__ for result in results)
    assert kinds == ["AlreadyExists"] * 3 + ["Paired"]


async def test_codes_cannot_be_guessed_at_leisure(world: World) -> None:
    for _ in range(10):
        with pytest.raises(BadPairingCode):
            await pair(world, "SOS1-AAAA", address="10.0.0.9")
    with pytest.raises(RateLimited):
        await pair(world, "SOS1-AAAA", address="10.0.0.9")
    with pytest.raises(BadPairingCode):
        await pair(world, "SOS1-AAAA", address="10.0.0.8")


async def test_revoking_twice_is_as_once(world: World) -> None:
    client = await world.sign_in("alice")
    paired = await pair(world, await code_for(client))
    request = pb.RevokeBridgeRequest(bridge_id=paired.bridge_id)

    first = await client.accounts.RevokeBridge(request, metadata=client.metadata)
    again = await client.accounts.RevokeBridge(request, metadata=client.metadata)

    assert first == again
    assert first.bridge.state == account_pb2.BRIDGE_STATE_REVOKED


async def test_another_users_account_is_not_found_by_any_call(world: World) -> None:
    alice, bob = await world.sign_in("alice"), await world.sign_in("bob")
    paired = await pair(world, await code_for(alice))
    acc, mine = paired.account_id, await create(bob)
    alert_id = await world.foundation.database.run(
        lambda session: (
            raise_alert(
                session, NewAlert(acc, Severity.CRITICAL, "TEST", "k", "m"), world.foundation.clock.now()
            ).alert_id
        )
    )
    calls = [
        bob.accounts.GetAccount(pb.GetAccountRequest(account_id=acc), metadata=bob.metadata),
        bob.accounts.UpdateAccount(
            pb.UpdateAccountRequest(account_id=acc, name="stolen"), metadata=bob.metadata
        ),
        bob.accounts.ListSymbols(pb.ListSymbolsRequest(account_id=acc), metadata=bob.metadata),
        bob.accounts.GetTerminalStatus(pb.GetTerminalStatusRequest(account_id=acc), metadata=bob.metadata),
        bob.accounts.CreatePairingCode(pb.CreatePairingCodeRequest(account_id=acc), metadata=bob.metadata),
        bob.accounts.ListBridges(pb.ListBridgesRequest(account_id=acc), metadata=bob.metadata),
        bob.accounts.RevokeBridge(pb.RevokeBridgeRequest(bridge_id=paired.bridge_id), metadata=bob.metadata),
        bob.alerts.ListAlerts(alert_service_pb2.ListAlertsRequest(account_id=acc), metadata=bob.metadata),
        bob.alerts.AcknowledgeAlert(
            alert_service_pb2.AcknowledgeAlertRequest(alert_id=alert_id), metadata=bob.metadata
        ),
        bob.system.ListAuditEntries(
            system_service_pb2.ListAuditEntriesRequest(chain=acc), metadata=bob.metadata
        ),
        bob.system.ListAuditEntries(
            system_service_pb2.ListAuditEntriesRequest(chain="system"), metadata=bob.metadata
        ),
    ]

    assert [await refused(call) for call in calls] == [("NOT_FOUND", "NOT_FOUND")] * len(calls)
    listed = await bob.accounts.ListAccounts(pb.ListAccountsRequest(), metadata=bob.metadata)
    audit = await bob.system.ListAuditEntries(
        system_service_pb2.ListAuditEntriesRequest(), metadata=bob.metadata
    )
    alerts = await bob.alerts.ListAlerts(alert_service_pb2.ListAlertsRequest(), metadata=bob.metadata)
    assert [account.account_id for account in listed.accounts] == [mine]
    assert {entry.chain for entry in audit.entries} == {mine}
    assert not alerts.alerts


async def test_an_administrator_sees_all_and_renames_only_its_own(world: World) -> None:
    alice, admin = await world.sign_in("alice"), await world.sign_in("root-user", Role.ADMIN)
    acc = await create(alice)

    listed = await admin.accounts.ListAccounts(pb.ListAccountsRequest(), metadata=admin.metadata)
    code = await refused(
        admin.accounts.UpdateAccount(
            pb.UpdateAccountRequest(account_id=acc, name="x"), metadata=admin.metadata
        )
    )

    assert [account.account_id for account in listed.accounts] == [acc]
    assert code == ("PERMISSION_DENIED", "PERMISSION_DENIED")


async def test_pairing_needs_the_scope_for_it(world: World) -> None:
    client = await world.sign_in("alice")
    made = await client.auth.CreateApiToken(
        auth_service_pb2.CreateApiTokenRequest(name="t", scopes=[user_pb2.TOKEN_SCOPE_TRADE]),
        metadata=client.metadata,
    )
    program = client.with_token(made.secret)

    code = await refused(
        program.accounts.CreatePairingCode(pb.CreatePairingCodeRequest(), metadata=program.metadata)
    )

    assert code == ("PERMISSION_DENIED", "PERMISSION_DENIED")


async def test_accounts_come_in_pages_oldest_first(world: World) -> None:
    client = await world.sign_in("alice")
    made = [await create(client, f"a{n}") for n in range(5)]

    found, token = [], ""
    while True:
        page = await client.accounts.ListAccounts(
            pb.ListAccountsRequest(page_size=2, page_token=token), metadata=client.metadata
        )
        found += [account.account_id for account in page.accounts]
        token = page.next_page_token
        if not token:
            break

    assert found == made


async def test_an_account_without_a_bridge_is_said_not_to_be_connected(world: World) -> None:
    client = await world.sign_in("alice")
    empty = await client.accounts.GetTerminalStatus(pb.GetTerminalStatusRequest(), metadata=client.metadata)
    await create(client)

    status = await client.accounts.GetTerminalStatus(pb.GetTerminalStatusRequest(), metadata=client.metadata)

    assert not empty.accounts
    assert [(one.connected, one.HasField("state")) for one in status.accounts] == [(False, False)]
    assert status.accounts[0].since == status.accounts[0].account.create_time


async def test_an_alert_counts_up_until_somebody_acknowledges_it(world: World) -> None:
    client = await world.sign_in("alice")
    acc = await create(client)

    async def seen(message: str) -> None:
        alert = NewAlert(acc, Severity.WARNING, "BRIDGE_OFFLINE", "brg", message)
        await world.foundation.database.run(
            lambda session: raise_alert(session, alert, world.foundation.clock.now())
        )

    async def listed(**fields: Any) -> list[tuple[int, str]]:
        answer = await client.alerts.ListAlerts(
            alert_service_pb2.ListAlertsRequest(**fields), metadata=client.metadata
        )
        return [(alert.count, alert.message) for alert in answer.alerts]

    await seen("first")
    await seen("second")
    assert await listed() == [(2, "second")]
    alerts = await client.alerts.ListAlerts(alert_service_pb2.ListAlertsRequest(), metadata=client.metadata)
    request = alert_service_pb2.AcknowledgeAlertRequest(alert_id=alerts.alerts[0].alert_id)
    first = await client.alerts.AcknowledgeAlert(request, metadata=client.metadata)
    again = await client.alerts.AcknowledgeAlert(request, metadata=client.metadata)
    await seen("third")

    assert first == again
    assert await listed() == [(1, "third")]
    assert len(await listed(include_acknowledged=True)) == 2


async def test_how_equity_went_is_told_to_whose_account_it_is(world: World) -> None:
    client = await world.sign_in("alice")
    other = await world.sign_in("bob")
    account_id = await create(client)
    book = SqlEquity(world.foundation.database)
    now = int(time.time() * 1000)
    await book.add([(account_id, EquitySample(now - 60_000, 99.5, None, 60.0))])
    await book.add([(account_id, EquitySample(now - 3 * 86_400_000, 50.25, 49.0, 900.0))])

    request = pb.ListEquityRequest(account_id=account_id)
    told = (await client.accounts.ListEquity(request, metadata=client.metadata)).samples
    assert [(one.equity, one.HasField("balance"), one.span.seconds) for one in told] == [(99.5, False, 60)]
    request.since.FromMilliseconds(now - 4 * 86_400_000)
    request.until.FromMilliseconds(now - 2 * 86_400_000)
    told = (await client.accounts.ListEquity(request, metadata=client.metadata)).samples
    assert [(one.equity, one.balance, one.time.ToMilliseconds()) for one in told] == [
        (50.25, 49.0, now - 3 * 86_400_000)
    ]
    request.until.FromMilliseconds(0)
    assert await refused(client.accounts.ListEquity(request, metadata=client.metadata)) == (
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
    )
    assert await refused(other.accounts.ListEquity(request, metadata=other.metadata)) == (
        "NOT_FOUND",
        "NOT_FOUND",
    )
