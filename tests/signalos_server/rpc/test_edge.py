"""The edge: every method is in the table, and what it does to each call."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from google.protobuf import descriptor_pool

import signalos.v1.account_service_pb2
import signalos.v1.alert_service_pb2
import signalos.v1.bridge_service_pb2
import signalos.v1.command_service_pb2
import signalos.v1.control_service_pb2
import signalos.v1.event_service_pb2
import signalos.v1.order_service_pb2
import signalos.v1.system_service_pb2
import signalos.v1.trade_service_pb2  # noqa: F401 - registers its service
from signalos.v1 import auth_service_pb2 as pb
from signalos.v1.system_service_pb2 import GetInfoRequest
from signalos_server import app
from signalos_server.adapters.files import gateway_key
from signalos_server.adapters.logs import redact
from signalos_server.domain.caller import Caller
from signalos_server.domain.rate import Rate
from signalos_server.rpc.methods import METHODS
from signalos_server.rpc.origin import origin_of
from signalos_server.rpc.server import is_loopback
from tests.signalos_server.serving import error_of, quick_settings, served

SERVICES = (
    "Account Alert Auth Bridge Command Control Event Order Signal System Trade".split()  # noqa: SIM905 - a table
)


def test_every_method_of_the_contract_has_an_entry_and_no_entry_is_left_over() -> None:
    pool = descriptor_pool.Default()
    methods = {
        f"/signalos.v1.{name}Service/{method.name}"
        for name in SERVICES
        for method in pool.FindServiceByName(f"signalos.v1.{name}Service").methods
    }

    assert methods == {method for method in METHODS if method.startswith("/signalos.")}


async def test_changes_are_limited_by_user_and_reads_are_not(tmp_path: Path) -> None:
    quick = quick_settings(tmp_path)
    settings = app.Settings(
        tmp_path, grpc_port=0, timings=quick.timings, change_rate=Rate(burst=2, per_second=0.01)
    )
    async with served(settings) as world:
        alice, bob = await world.sign_in("alice"), await world.sign_in("bob")
        change = pb.RevokeSessionRequest(session_id="ses_none")
        for _ in range(2):
            await alice.auth.RevokeSession(change, metadata=alice.metadata)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await alice.auth.RevokeSession(change, metadata=alice.metadata)
        await alice.auth.ListSessions(pb.ListSessionsRequest(), metadata=alice.metadata)
        await bob.auth.RevokeSession(change, metadata=bob.metadata)

    code, reason, metadata, _ = error_of(caught.value)
    assert (code, reason) == ("RESOURCE_EXHAUSTED", "RATE_LIMITED")
    assert float(metadata["retry_after_seconds"]) > 0


async def test_a_gateway_is_believed_only_with_its_key(tmp_path: Path) -> None:
    async with served(quick_settings(tmp_path)) as world:
        await world.add_user("alice")
        login = pb.LoginRequest(user_name="alice", password="correct horse battery")
        said = (("signalos-client-address", "203.0.113.7"), ("signalos-user-agent", "Browser"))
        key = gateway_key(tmp_path)

        with_key = await world.client().auth.Login(login, metadata=(("signalos-gateway-key", key), *said))
        without = await world.client().auth.Login(login, metadata=(("signalos-gateway-key", "x"), *said))

    assert (with_key.session.address, with_key.session.user_agent) == ("203.0.113.7", "Browser")
    assert without.session.address == "127.0.0.1"


async def test_what_nobody_foresaw_is_told_by_its_correlation_id_alone(tmp_path: Path) -> None:
    async with served(quick_settings(tmp_path)) as world:

        async def broken() -> bool:
            raise ValueError("the secret inside")

        world.foundation.auth.set_up_needed = broken  # type: ignore[method-assign]
        call = world.client().system.GetInfo(
            GetInfoRequest(), metadata=(("signalos-correlation-id", "abc-123"),)
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call

    code, reason, metadata, _ = error_of(caught.value)
    assert (code, reason, metadata) == ("INTERNAL", "INTERNAL", {"correlation_id": "abc-123"})
    assert "secret" not in str(caught.value.details())


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.1.2.3:5000", "10.1.2.3"),
        ("ipv6:%5B::1%5D:5000", "::1"),
        ("unix:", "unix"),
    ],
)
def test_a_peer_is_known_by_its_address(peer: str, address: str) -> None:
    assert origin_of(peer, {}, "key").address == address


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("example.com", False)],
)
def test_only_loopback_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_secrets_are_blanked_by_key_and_by_look() -> None:
    line = redact(
        None,
        "info",
        {
            "password": "p",
            "error_code": 7,
            "event": "showed sos_abcdefghijklmnopqrstuvwxyz and SOS1-ABCDEFGH-ABCDEFGH-ABCDEFGH",
            "url": "postgresql://user:hunter2@db/x",
        },
    )

    assert line == {
        "password": "[redacted]",
        "error_code": 7,
        "event": "showed [redacted] and [redacted]",
        "url": "postgresql://[redacted]@db/x",
    }


async def test_only_a_gateway_may_say_that_a_call_is_no_use_of_the_session(tmp_path: Path) -> None:
    async with served(quick_settings(tmp_path)) as world:
        ann = await world.sign_in("ann")
        callers = world.foundation.callers
        heard: list[bool] = []
        original = callers.authenticate

        async def listening(bearer: str, *, survives_storage: bool = False, is_use: bool = True) -> Caller:
            heard.append(is_use)
            return await original(bearer, survives_storage=survives_storage, is_use=is_use)

        callers.authenticate = listening  # type: ignore[method-assign]
        key = ("signalos-gateway-key", gateway_key(tmp_path))
        for more in ((), (("signalos-check-only", "1"),), (key,), (key, ("signalos-check-only", "1"))):
            await ann.auth.GetUser(pb.GetUserRequest(), metadata=(*ann.metadata, *more))

    assert heard == [True, True, True, False]


async def test_a_zero_in_a_text_is_refused_with_its_field(tmp_path: Path) -> None:
    async with served(quick_settings(tmp_path)) as world:
        ann = await world.sign_in("ann")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ann.auth.CreateApiToken(pb.CreateApiTokenRequest(name="a\0b"), metadata=ann.metadata)

    code, reason, _, fields = error_of(refused.value)
    assert (code, reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert ("name", "must not hold a zero character") in fields
