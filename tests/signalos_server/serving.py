"""A server in this process, on a real port, and stubs to call it with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from argon2 import PasswordHasher
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from signalos.v1 import (
    account_service_pb2_grpc,
    alert_service_pb2_grpc,
    auth_service_pb2,
    auth_service_pb2_grpc,
    event_service_pb2_grpc,
    signal_service_pb2_grpc,
    system_service_pb2_grpc,
)
from signalos_server import app
from signalos_server.domain.caller import Role
from signalos_server.domain.errors import AlreadyExists
from signalos_server.domain.people import User
from signalos_server.service.events import HubSettings

PASSWORD = "correct horse battery"

# Argon2 with its real parameters takes a core for a tenth of a second.
QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@dataclass
class Client:
    """One caller's stubs."""

    channel: grpc.aio.Channel
    token: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.auth = auth_service_pb2_grpc.AuthServiceStub(self.channel)
        self.accounts = account_service_pb2_grpc.AccountServiceStub(self.channel)
        self.signals = signal_service_pb2_grpc.SignalServiceStub(self.channel)
        self.alerts = alert_service_pb2_grpc.AlertServiceStub(self.channel)
        self.events = event_service_pb2_grpc.EventServiceStub(self.channel)
        self.system = system_service_pb2_grpc.SystemServiceStub(self.channel)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What every call of this caller carries."""
        bearer = (("authorization", f"Bearer {self.token}"),) if self.token else ()
        return (*bearer, *self.extra.items())

    def with_token(self, token: str) -> Client:
        """Return the same with another token."""
        return Client(self.channel, token)


@dataclass
class World:
    """A server that serves."""

    serving: app.Serving
    channel: grpc.aio.Channel

    @property
    def foundation(self) -> app.Foundation:
        """What the server is built on."""
        return self.serving.foundation

    def client(self, token: str = "") -> Client:
        """Return stubs with a token."""
        return Client(self.channel, token)

    async def add_user(self, name: str, role: Role = Role.TRADER) -> User:
        """Make a user whose password is `PASSWORD`."""
        foundation = self.foundation
        user = await foundation.auth._new_user(name, PASSWORD, role)

        from signalos_server.adapters.storage.people import SqlPeople

        try:
            await foundation.database.run(
                lambda session: SqlPeople(session, foundation.clock).insert_user(user)
            )
        except AlreadyExists:
            raise AssertionError(f"{name} is there already") from None
        return user

    async def sign_in(self, name: str, role: Role = Role.TRADER) -> Client:
        """Make a user and sign it in."""
        await self.add_user(name, role)
        answer = await self.client().auth.Login(
            auth_service_pb2.LoginRequest(user_name=name, password=PASSWORD)
        )
        return self.client(answer.session_token)


def quick_settings(data_dir: Path, storage_url: str | None = None) -> app.Settings:
    """Return settings under which streams are polled and beat often."""
    events = HubSettings(
        poll_seconds=0.1, heartbeat_seconds=0.2, live_seconds=0.02, check_seconds=0.1, retention_seconds=3600
    )
    timings = app.Timings(events=events, drain_seconds=0.5)
    return app.Settings(data_dir=data_dir, grpc_port=0, database_url=storage_url, timings=timings)


@asynccontextmanager
async def served(settings: app.Settings) -> AsyncIterator[World]:
    """Run a server in this process."""
    serving = await app.start(settings)
    serving.foundation.passwords._hasher = QUICK_HASHER
    serving.foundation.passwords._nobody = QUICK_HASHER.hash("nobody has this password")
    working = asyncio.create_task(app.background(serving))
    channel = grpc.aio.insecure_channel(serving.address)
    try:
        yield World(serving, channel)
    finally:
        await channel.close(None)
        await app.stop(serving)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await serving.foundation.close()


def error_of(error: grpc.aio.AioRpcError) -> tuple[str, str, dict[str, str], list[tuple[str, str]]]:
    """Return code, reason, metadata and field violations of an error."""
    status: Any = rpc_status.from_call(error)  # type: ignore[arg-type]
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details if status is not None else ():
        detail.Unpack(info)
        detail.Unpack(bad)
    fields = [(violation.field, violation.description) for violation in bad.field_violations]
    return error.code().name, info.reason, dict(info.metadata), fields
