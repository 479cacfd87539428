"""Health, version and audit on the wire."""

# ruff: noqa: N802 - methods are named as the contract names them
from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from grpc.aio import ServicerContext

from signalos.v1 import control_pb2, system_service_pb2_grpc
from signalos.v1 import system_service_pb2 as pb
from signalos_server.domain.audit import SealedEntry
from signalos_server.domain.errors import NotServing, StorageUnavailable
from signalos_server.domain.pages import page_size
from signalos_server.rpc.call import caller, current_call
from signalos_server.service.auth import Auth
from signalos_server.service.ports import Clock
from signalos_server.service.system import HealthPart, System

Context = ServicerContext[Any, Any]


class SystemServicer(system_service_pb2_grpc.SystemServiceServicer):
    """Translates `SystemService`."""

    def __init__(self, system: System, auth: Auth, clock: Clock, *, dev: bool) -> None:
        self._system = system
        self._auth = auth
        self._clock = clock
        self._dev = dev

    async def GetHealth(self, request: pb.GetHealthRequest, context: Context) -> pb.GetHealthResponse:
        """Tell whether the system serves; with a token, each part."""
        problem = await self._system.problem()
        who = current_call().caller
        if who is None:
            if problem:
                raise NotServing("the server does not serve; nothing was accepted")
            return pb.GetHealthResponse(serving=True)
        parts = await self._system.parts(who)
        return pb.GetHealthResponse(serving=not problem, parts=_part_messages(parts))

    async def GetInfo(self, request: pb.GetInfoRequest, context: Context) -> pb.GetInfoResponse:
        """Tell what runs here."""
        try:
            needed = await self._auth.set_up_needed()
        except StorageUnavailable:
            needed = False
        response = pb.GetInfoResponse(
            version=version("signalos"),
            registration_open=self._auth.registration_open,
            setup_needed=needed,
            dev=self._dev,
        )
        response.time.FromDatetime(self._clock.now())
        return response

    async def ListAuditEntries(
        self, request: pb.ListAuditEntriesRequest, context: Context
    ) -> pb.ListAuditEntriesResponse:
        """List the audit, newest first."""
        size = page_size(request.page_size, 50, 500)
        entries, more = await self._system.audit(caller(), request.chain, size, request.page_token)
        return pb.ListAuditEntriesResponse(entries=map(_entry_message, entries), next_page_token=more)


def _part_messages(parts: Sequence[HealthPart]) -> list[pb.HealthPart]:
    return [
        pb.HealthPart(name=part.name, healthy=part.healthy, message=part.message, account_id=part.account_id)
        for part in parts
    ]


def _entry_message(sealed: SealedEntry) -> control_pb2.AuditEntry:
    entry = sealed.entry
    message = control_pb2.AuditEntry(
        number=entry.number,
        chain=entry.chain,
        monotonic_seconds=entry.monotonic_microseconds / 1_000_000,
        user_id=entry.user_id,
        action=entry.action,
        detail=entry.detail,
        hash=sealed.hash,
    )
    message.time.FromDatetime(entry.time)
    return message
