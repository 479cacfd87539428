"""Alerts on the wire."""

# ruff: noqa: N802 - methods are named as the contract names them
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from grpc.aio import ServicerContext

from signalos.v1 import alert_pb2, alert_service_pb2_grpc
from signalos.v1 import alert_service_pb2 as pb
from signalos_server.domain.alerts import AlertQuery
from signalos_server.domain.caller import Caller
from signalos_server.domain.pages import page_size
from signalos_server.rpc.call import caller

Context = ServicerContext[Any, Any]


class AlertMessages(Protocol):
    """Alerts that a caller sees."""

    async def page(
        self, caller: Caller, query: AlertQuery, size: int, page_token: str
    ) -> tuple[Sequence[alert_pb2.Alert], str, alert_pb2.AlertCounts]:
        """Return a page, newest first, the token of the next, and what is open in all.

        Raises `NotFound`, `BadPageToken`.
        """

    async def get(self, caller: Caller, alert_id: str) -> alert_pb2.Alert:
        """Return an alert. Raises `NotFound` for another user's."""

    async def acknowledge(self, caller: Caller, alert_id: str, note: str) -> alert_pb2.Alert:
        """Acknowledge an alert. Raises `NotFound` for another user's."""


class AlertServicer(alert_service_pb2_grpc.AlertServiceServicer):
    """Translates `AlertService`."""

    def __init__(self, alerts: AlertMessages) -> None:
        self._alerts = alerts

    async def ListAlerts(self, request: pb.ListAlertsRequest, context: Context) -> pb.ListAlertsResponse:
        """List alerts, newest first."""
        query = AlertQuery(
            account_id=request.account_id,
            include_acknowledged=request.include_acknowledged,
            minimum_severity=request.minimum_severity,
            command_id=request.command_id,
            trade_id=request.trade_id,
        )
        alerts, more, counts = await self._alerts.page(
            caller(), query, page_size(request.page_size, 50, 500), request.page_token
        )
        return pb.ListAlertsResponse(alerts=alerts, next_page_token=more, counts=counts)

    async def GetAlert(self, request: pb.GetAlertRequest, context: Context) -> pb.GetAlertResponse:
        """Return an alert."""
        return pb.GetAlertResponse(alert=await self._alerts.get(caller(), request.alert_id))

    async def AcknowledgeAlert(
        self, request: pb.AcknowledgeAlertRequest, context: Context
    ) -> pb.AcknowledgeAlertResponse:
        """Acknowledge an alert."""
        alert = await self._alerts.acknowledge(caller(), request.alert_id, request.note)
        return pb.AcknowledgeAlertResponse(alert=alert)
