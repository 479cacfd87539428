"""Alerts on the wire."""

# ruff: noqa: N802 - methods are named as the contract names them
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from grpc.aio import ServicerContext

from signalos.v1 import alert_pb2, alert_service_pb2_grpc
from signalos.v1 import alert_service_pb2 as pb
from signalos_server.domain.caller import Caller
from signalos_server.domain.pages import page_size
from signalos_server.rpc.call import caller

Context = ServicerContext[Any, Any]


class AlertMessages(Protocol):
    """Alerts that a caller sees."""

    async def page(
        self, caller: Caller, account_id: str, *, include_acknowledged: bool, size: int, page_token: str
    ) -> tuple[Sequence[alert_pb2.Alert], str]:
        """Return a page, newest first, and the token of the next. Raises `NotFound`, `BadPageToken`."""

    async def acknowledge(self, caller: Caller, alert_id: str) -> alert_pb2.Alert:
        """Acknowledge an alert. Raises `NotFound` for another user's."""


class AlertServicer(alert_service_pb2_grpc.AlertServiceServicer):
    """Translates `AlertService`."""

    def __init__(self, alerts: AlertMessages) -> None:
        self._alerts = alerts

    async def ListAlerts(self, request: pb.ListAlertsRequest, context: Context) -> pb.ListAlertsResponse:
        """List alerts, newest first."""
        alerts, more = await self._alerts.page(
            caller(),
            request.account_id,
            include_acknowledged=request.include_acknowledged,
            size=page_size(request.page_size, 50, 500),
            page_token=request.page_token,
        )
        return pb.ListAlertsResponse(alerts=alerts, next_page_token=more)

    async def AcknowledgeAlert(
        self, request: pb.AcknowledgeAlertRequest, context: Context
    ) -> pb.AcknowledgeAlertResponse:
        """Acknowledge an alert."""
        alert = await self._alerts.acknowledge(caller(), request.alert_id)
        return pb.AcknowledgeAlertResponse(alert=alert)
