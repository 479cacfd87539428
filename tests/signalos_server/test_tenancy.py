"""No caller sees or affects another's anything: every method, by every kind of caller, with foreign ids.

The methods, their requests' fields and the scopes that their comments promise are read from the contract, so
that a new method is in the matrix by itself.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

import signalos.v1.system_service_pb2  # noqa: F401 - registers its service
from signalos.v1 import (
    account_service_pb2,
    alert_service_pb2,
    auth_service_pb2,
    bridge_pb2,
    bridge_service_pb2,
    command_service_pb2,
    control_pb2,
    control_service_pb2,
    event_service_pb2,
    order_pb2,
    order_service_pb2,
    trade_pb2,
    trade_service_pb2,
    user_pb2,
)
from signalos_server.domain.caller import Role, Scope
from signalos_server.domain.records import order_id_of
from signalos_server.rpc.methods import METHODS, Door
from tests.signalos_server.serving import PASSWORD, Client
from tests.signalos_server.trading_world import Trader, TradingWorld, eventually, trading
from tests.support.fake_bridge import silent

pytestmark = pytest.mark.integration

PROTOS = Path(__file__).parents[2] / "protos" / "signalos" / "v1"
SERVICES = (
    "Account Alert Auth Bridge Command Control Event Order System Trade".split()  # noqa: SIM905 - a table
)
MARK = "only-for-ann"
ACTING = (
    "TradeService/OpenTrade",
    "TradeService/CloseTrade",
    "TradeService/PartialCloseTrade",
    "TradeService/ModifyTrade",
    "TradeService/SetTrailingStop",
    "TradeService/SetProtection",
    "TradeService/BreakEvenTrade",
    "TradeService/CloseAllTrades",
    "TradeService/AdoptTrade",
    "OrderService/ModifyOrder",
    "OrderService/CancelOrder",
)


def methods() -> Iterator[MethodDescriptor]:
    pool = descriptor_pool.Default()
    for name in SERVICES:
        yield from pool.FindServiceByName(f"signalos.v1.{name}Service").methods


def path_of(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def promised_scopes() -> dict[str, Scope]:
    """What the comment of each method says that it needs."""
    found: dict[str, Scope] = {}
    for name in SERVICES:
        text = (PROTOS / f"{name.lower()}_service.proto").read_text()
        for comment, method in re.findall(r"((?:^ *//.*\n)+) *rpc (\w+)\(", text, re.MULTILINE):
            needs = re.search(r"Needs\s+the\s+scope\s+`(\w+)`", re.sub(r"\n *//", " ", comment))
            if needs is not None:
                found[f"/signalos.v1.{name}Service/{method}"] = Scope[needs[1]]
    return found


def test_every_scope_that_a_comment_promises_is_asked_for() -> None:
    promised = promised_scopes()

    assert len(promised) >= 15
    assert {path: METHODS[path].scope for path in promised} == promised


@dataclass
class Victim:
    """Whose everything is named by others."""

    trader: Trader
    ids: dict[str, str]

    @property
    def secrets(self) -> list[bytes]:
        """What must be in no answer to another."""
        return [value.encode() for value in (*self.ids.values(), MARK)]

    async def state(self) -> list[bytes]:
        """All that the victim sees, without what moves by itself."""
        trader, client = self.trader, self.trader.client
        with_token: dict[str, Any] = {"metadata": trader.metadata}
        answers: list[Message] = [
            await trader.trades.ListTrades(trade_service_pb2.ListTradesRequest(), **with_token),
            await trader.orders.ListOrders(order_service_pb2.ListOrdersRequest(), **with_token),
            await trader.commands.ListCommands(command_service_pb2.ListCommandsRequest(), **with_token),
            await trader.control.ListStops(control_service_pb2.ListStopsRequest(), **with_token),
            await trader.control.GetLimits(
                control_service_pb2.GetLimitsRequest(account_id=trader.account_id), **with_token
            ),
            await trader.control.ListSyncReports(control_service_pb2.ListSyncReportsRequest(), **with_token),
            await client.alerts.ListAlerts(
                alert_service_pb2.ListAlertsRequest(include_acknowledged=True), **with_token
            ),
            await client.auth.ListApiTokens(auth_service_pb2.ListApiTokensRequest(), **with_token),
            await client.auth.GetSettings(auth_service_pb2.GetSettingsRequest(), **with_token),
            await client.auth.GetUser(auth_service_pb2.GetUserRequest(), **with_token),
            await client.accounts.ListBridges(account_service_pb2.ListBridgesRequest(), **with_token),
        ]
        standing = await trader.control.GetTradingState(
            control_service_pb2.GetTradingStateRequest(), **with_token
        )
        answers += [state.wanted for state in standing.states]
        sessions = await client.auth.ListSessions(auth_service_pb2.ListSessionsRequest(), **with_token)
        answers += [user_pb2.Session(session_id=one.session_id) for one in sessions.sessions]
        accounts = await client.accounts.ListAccounts(account_service_pb2.ListAccountsRequest(), **with_token)
        answers += [account_service_pb2.GetAccountRequest(account_id=one.name) for one in accounts.accounts]
        for answer in answers:
            _forget(answer, "last_use_time", "terminal_read_time", "guard_age_seconds", "last_seen_time")
        return [answer.SerializeToString(deterministic=True) for answer in answers]


def _forget(message: Message, *names: str) -> None:
    for field, value in message.ListFields():
        if field.name in names:
            message.ClearField(field.name)
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for one in value if field.is_repeated else [value]:
                _forget(one, *names)


async def make_victim(world: TradingWorld) -> Victim:
    """A trader with a trade, an order, an open command, a stop, an alert, a token and a session."""
    trader = await world.trader("ann", 1)
    trade_id = await trader.with_position(77)
    order = bridge_pb2.OrderRecord(
        ticket=88, symbol="EURUSD", volume_lots=0.1, remaining_volume_lots=0.1, price=1.0, comment=MARK
    )
    order.side, order.type = trade_pb2.SIDE_BUY, order_pb2.ORDER_TYPE_LIMIT
    order.state = order_pb2.ORDER_STATE_WORKING
    seq = await trader.bridge.event(order_changed=bridge_pb2.OrderChanged(order=order, change="placed"))
    alert = bridge_pb2.BridgeAlert(alert_key="k", code="TEST", message=MARK)
    await trader.bridge.tell(bridge_service_pb2.ConnectRequest(alert=alert))
    await trader.bridge.until(lambda: trader.bridge.acked >= seq)
    trader.bridge.answer = silent
    command = await trader.trades.CloseTrade(
        trader.close_request(trade_id, wait=0.0), metadata=trader.metadata
    )
    stop = control_service_pb2.EmergencyStopRequest(reason=MARK)
    stopped = await trader.control.EmergencyStop(stop, metadata=trader.metadata)
    token = await trader.client.auth.CreateApiToken(
        auth_service_pb2.CreateApiTokenRequest(name=MARK, scopes=[user_pb2.TOKEN_SCOPE_TRADE]),
        metadata=trader.metadata,
    )
    sessions = await trader.client.auth.ListSessions(
        auth_service_pb2.ListSessionsRequest(), metadata=trader.metadata
    )

    async def alerted() -> str | None:
        listed = await trader.client.alerts.ListAlerts(
            alert_service_pb2.ListAlertsRequest(), metadata=trader.metadata
        )
        return next((one.alert_id for one in listed.alerts if one.message == MARK), None)

    user = await trader.client.auth.GetUser(auth_service_pb2.GetUserRequest(), metadata=trader.metadata)
    return Victim(
        trader,
        {
            "account_id": trader.account_id,
            "trade_id": trade_id,
            "order_id": order_id_of(trader.account_id, 88),
            "command_id": command.command.command_id,
            "stop_id": stopped.stop_id,
            "alert_id": await eventually(alerted),
            "bridge_id": trader.bridge.bridge_id,
            "session_id": sessions.sessions[0].session_id,
            "token_id": token.token.token_id,
            "user_id": user.user.user_id,
        },
    )


def request_of(method: MethodDescriptor, ids: dict[str, str]) -> Message:
    """A request that passes the input rules and names the victim wherever it can name anybody."""
    request = message_factory.GetMessageClass(method.input_type)()
    for field in method.input_type.fields:
        if field.name in ids:
            setattr(request, field.name, ids[field.name])
        elif field.name.endswith("_ids") and field.name[:-1] in ids:
            getattr(request, field.name).append(ids[field.name[:-1]])
        elif field.name in _USUAL:
            setattr(request, field.name, _USUAL[field.name])
        elif field.type == FieldDescriptor.TYPE_ENUM and not field.is_repeated:
            setattr(request, field.name, 1)
    if method.name == "ResolveCommand":
        request.not_executed = True  # type: ignore[attr-defined]
    if method.name in ("ModifyTrade", "ModifyOrder"):
        request.stop_loss = 0.9  # type: ignore[attr-defined]
        request.update_mask.paths.append("stop_loss")  # type: ignore[attr-defined]
    if method.name == "UpdateSettings":
        request.update_mask.paths.append("time_zone")  # type: ignore[attr-defined]
    if method.name == "SetProtection":
        request.plan.SetInParent()  # type: ignore[attr-defined]
    if method.name == "PartialCloseTrade":
        request.ClearField("volume_lots")
    if method.name == "ListTrades":
        request.ClearField("state")
    if method.name == "EmergencyStop":
        request.scope = control_pb2.STOP_SCOPE_ACCOUNTS  # type: ignore[attr-defined]
    if method.name == "UpdateLimits":
        request.limits.SetInParent()  # type: ignore[attr-defined]
    if method.name == "ListAuditEntries":
        request.chain = ids["account_id"]  # type: ignore[attr-defined]
    return request


_USUAL: dict[str, Any] = {
    "symbol": "EURUSD",
    "volume_lots": 0.1,
    "percentage": 50.0,
    "distance": 0.01,
    "reason": "because",
    "user_name": "mallory",
    "password": PASSWORD,
    "current_password": "not the right one",
    "new_password": "another long password",
    "setup_code": "0000-0000",
    "name": "a name",
    "generation": "1",
}


async def call(channel: Any, method: MethodDescriptor, request: Message, token: str) -> tuple[str, bytes]:
    """The code's name and the answer of one call; a stream's first answer."""
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    if "request_id" in method.input_type.fields_by_name:
        request.request_id = uuid.uuid4().hex  # type: ignore[attr-defined]
    if "wait" in method.input_type.fields_by_name:
        request.wait.FromMilliseconds(0)  # type: ignore[attr-defined]
    data = request.SerializeToString()
    try:
        async with asyncio.timeout(20):
            if method.server_streaming and not method.client_streaming:
                stream = channel.unary_stream(path_of(method))(data, metadata=metadata)
                first = await stream.read()
                stream.cancel()
                return "OK", first if isinstance(first, bytes) else b""
            if method.client_streaming:
                both = channel.stream_stream(path_of(method))(iter([data]), metadata=metadata)
                first = await both.read()
                both.cancel()
                return "OK", first if isinstance(first, bytes) else b""
            return "OK", await channel.unary_unary(path_of(method))(data, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        return error.code().name, (error.details() or "").encode()


@asynccontextmanager
async def two_tenants(directory: Path) -> AsyncIterator[tuple[TradingWorld, Victim, Trader]]:
    async with trading(directory) as world:
        victim = await make_victim(world)
        yield world, victim, await world.trader("bob", 2)


async def token_of(client: Client, *scopes: Scope, seconds: float = 0.0) -> str:
    request = auth_service_pb2.CreateApiTokenRequest(name="a token", scopes=[int(one) for one in scopes])  # type: ignore[misc]
    if seconds:
        request.time_to_live.FromMilliseconds(int(seconds * 1000))
    return (await client.auth.CreateApiToken(request, metadata=client.metadata)).secret


def _strange(path: str) -> bool:
    """Methods that end or change the caller's own standing; they are tried with care elsewhere."""
    return path.rpartition("/")[2] in ("Logout", "ChangePassword", "Register", "SetUp", "Login")


async def test_another_trader_neither_sees_nor_changes_anything(tmp_path: Path) -> None:
    async with two_tenants(tmp_path) as (world, victim, bob):
        before = await victim.state()
        channel = world.world.channel
        tried = 0
        for token in (bob.client.token, await token_of(bob.client, *(set(Scope) - {Scope.ADMIN}))):
            for method in methods():
                path = path_of(method)
                if METHODS[path].door is not Door.CALLER or _strange(path):
                    continue
                tried += 1
                code, answer = await call(channel, method, request_of(method, victim.ids), token)
                assert code not in ("INTERNAL", "UNKNOWN", "UNAVAILABLE"), f"{path}: {code} {answer!r}"
                if code == "OK" and path.endswith("/EmergencyStop"):
                    told = control_service_pb2.EmergencyStopResponse.FromString(answer)
                    assert set(told.ignored_account_ids) <= {victim.ids["account_id"]}
                    told.ClearField("ignored_account_ids")
                    answer = told.SerializeToString()
                if code == "OK":
                    for secret in victim.secrets:
                        assert secret not in answer, f"{path} tells of {secret!r}"

        assert tried > 100
        assert await victim.state() == before
        assert not victim.trader.bridge.error


async def test_an_administrator_sees_and_stops_all_and_acts_for_nobody(tmp_path: Path) -> None:
    async with two_tenants(tmp_path) as (world, victim, _):
        admin = await world.world.sign_in("root", Role.ADMIN)
        channel = world.world.channel
        acting = {f"/signalos.v1.{name}" for name in ACTING}
        deliveries = len(victim.trader.bridge.deliveries)
        for method in methods():
            path = path_of(method)
            if path in acting:
                code, _ = await call(channel, method, request_of(method, victim.ids), admin.token)
                assert code == "PERMISSION_DENIED", f"{path}: {code}"
            elif path.rpartition("/")[2] in ("GetTrade", "GetOrder", "GetCommand", "GetAccount", "GetStop"):
                code, answer = await call(channel, method, request_of(method, victim.ids), admin.token)
                assert code == "OK", f"{path}: {code} {answer!r}"
        assert len(victim.trader.bridge.deliveries) == deliveries


async def test_each_method_asks_for_its_scope_and_for_a_token_that_lives(tmp_path: Path) -> None:
    async with two_tenants(tmp_path) as (world, victim, bob):
        channel, client = world.world.channel, bob.client
        tokens = {
            Scope.VIEW: await token_of(client, Scope.VIEW),
            Scope.TRADE: await token_of(client, Scope.TRADE),
            Scope.REARM: await token_of(client, Scope.REARM),
        }
        granted = {
            Scope.VIEW: {Scope.VIEW},
            Scope.TRADE: {Scope.VIEW, Scope.TRADE},
            Scope.REARM: {Scope.VIEW, Scope.REARM},
        }
        revoked = await token_of(client, Scope.TRADE)
        listed = await client.auth.ListApiTokens(
            auth_service_pb2.ListApiTokensRequest(), metadata=client.metadata
        )
        assert len(listed.tokens) == 4
        last = max(listed.tokens, key=lambda one: (one.create_time.ToNanoseconds(), one.token_id))
        await client.auth.RevokeApiToken(
            auth_service_pb2.RevokeApiTokenRequest(token_id=last.token_id), metadata=client.metadata
        )
        await eventually(lambda: _refuses(client, revoked))
        login = await client.auth.Login(auth_service_pb2.LoginRequest(user_name="bob", password=PASSWORD))
        await client.auth.Logout(
            auth_service_pb2.LogoutRequest(),
            metadata=(("authorization", f"Bearer {login.session_token}"),),
        )
        dead = {
            "nobody": "",
            "forged": client.token[:-3] + "AAA",
            "revoked": revoked,
            "signed out": login.session_token,
            "a bridge's credential": bob.bridge.credential,
            "a victim's bridge": victim.trader.bridge.credential,
        }
        for method in methods():
            path = path_of(method)
            access = METHODS[path]
            if access.door is not Door.CALLER or _strange(path):
                continue
            for who, token in dead.items():
                code, _ = await call(channel, method, request_of(method, victim.ids), token)
                assert code == "UNAUTHENTICATED", f"{path} by {who}: {code}"
            for scope, token in tokens.items():
                if access.scope in granted[scope]:
                    continue
                code, _ = await call(channel, method, request_of(method, victim.ids), token)
                assert code == "PERMISSION_DENIED", f"{path} by a {scope.name} token: {code}"


async def _refuses(client: Client, token: str) -> bool | None:
    other = client.with_token(token)
    try:
        await other.auth.GetUser(auth_service_pb2.GetUserRequest(), metadata=other.metadata)
    except grpc.aio.AioRpcError:
        return True
    return None


async def test_a_token_gives_itself_no_longer_life_no_more_scopes_and_signs_nobody_out(
    tmp_path: Path,
) -> None:
    async with two_tenants(tmp_path) as (_, __, bob):
        secret = await token_of(bob.client, Scope.TRADE, seconds=3600)
        token = bob.client.with_token(secret)
        made = await token.auth.CreateApiToken(
            auth_service_pb2.CreateApiTokenRequest(name="child", scopes=[user_pb2.TOKEN_SCOPE_TRADE]),
            metadata=token.metadata,
        )
        listed = await bob.client.auth.ListApiTokens(
            auth_service_pb2.ListApiTokensRequest(), metadata=bob.client.metadata
        )
        ends = {one.name: one.expire_time.ToNanoseconds() for one in listed.tokens}
        assert made.token.expire_time.ToNanoseconds() == ends["child"] == ends["a token"]

        more = auth_service_pb2.CreateApiTokenRequest(name="more", scopes=[user_pb2.TOKEN_SCOPE_REARM])
        change = auth_service_pb2.ChangePasswordRequest(
            current_password=PASSWORD, new_password="quite another one"
        )
        sessions = await token.auth.ListSessions(
            auth_service_pb2.ListSessionsRequest(), metadata=token.metadata
        )
        end = auth_service_pb2.RevokeSessionRequest(session_id=sessions.sessions[0].session_id)
        for attempt in (
            token.auth.CreateApiToken(more, metadata=token.metadata),
            token.auth.ChangePassword(change, metadata=token.metadata),
            token.auth.RevokeSession(end, metadata=token.metadata),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await attempt
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_streams_of_bridges_take_bridges_alone_and_each_its_own(tmp_path: Path) -> None:
    async with two_tenants(tmp_path) as (world, victim, bob):
        channel: Any = world.world.channel
        ann, credentials = (
            victim.trader.bridge,
            {
                "a session": bob.client.token,
                "another bridge": bob.bridge.credential,
                "nothing": "",
            },
        )
        for name, shape in (("Connect", "ConnectRequest"), ("Control", "ControlRequest")):
            for who, credential in credentials.items():
                hello = getattr(bridge_service_pb2, shape)(epoch=ann.epoch, hello=ann.hello())
                metadata = (("authorization", f"Bearer {credential}"), ("signalos-bridge", ann.bridge_id))
                stream = channel.stream_stream(f"/signalos.v1.BridgeService/{name}")(
                    iter([hello.SerializeToString()]), metadata=metadata
                )
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await stream.read()
                assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED, who
        assert ann.error is None


async def test_a_stream_of_events_holds_nothing_of_another(tmp_path: Path) -> None:
    async with two_tenants(tmp_path) as (world, victim, bob):
        heard = bytearray()
        stub = bob.client.events
        stream = stub.Subscribe(event_service_pb2.SubscribeRequest(), metadata=bob.metadata)

        async def listen() -> None:
            async for response in stream:
                heard.extend(response.SerializeToString())

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.2)
        trade_id = await victim.trader.with_position(99)
        await bob.with_position(55)
        async with asyncio.timeout(10):
            while bob.trade_id(55).encode() not in heard:  # noqa: ASYNC110 - told by another task
                await asyncio.sleep(0.02)
        stream.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        listed = await stub.ListEvents(event_service_pb2.ListEventsRequest(), metadata=bob.metadata)
        snapshot = await stub.GetSnapshot(event_service_pb2.GetSnapshotRequest(), metadata=bob.metadata)
        told = bytes(heard) + listed.SerializeToString() + snapshot.SerializeToString()
        for secret in (*victim.secrets, trade_id.encode()):
            assert secret not in told
        assert world.traders
