"""Figures about calls and alerts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from signalos_server.service.alerts import OpenAlerts


class RpcMetrics:
    """Counts and times of calls, by method and status."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.calls = Counter(
            "signalos_rpc_calls_total", "Calls that ended.", ("method", "code"), registry=registry
        )
        self.seconds = Histogram(
            "signalos_rpc_seconds",
            "Seconds from request to answer of unary calls.",
            ("method",),
            buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 3, 10),
            registry=registry,
        )
        self.streams = Gauge("signalos_rpc_streams", "Streams that are open.", ("method",), registry=registry)


class AlertMetrics:
    """What nobody has acknowledged."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._open = Gauge(
            "signalos_alerts_unacknowledged", "Alerts to acknowledge.", ("severity",), registry=registry
        )
        self._escalated = Gauge(
            "signalos_alerts_escalated", "Of these, those that were told again.", registry=registry
        )
        self._told_again = Counter(
            "signalos_alerts_told_again_total",
            "Tellings of alerts that nobody acknowledged.",
            registry=registry,
        )

    def show(self, alerts: OpenAlerts) -> None:
        """See `service.alerts.AlertFigures`."""
        for severity, count in alerts.by_severity.items():
            self._open.labels(severity.name.lower()).set(count)
        self._escalated.set(alerts.escalated)

    def told_again(self, count: int) -> None:
        """See `service.alerts.AlertFigures`."""
        self._told_again.inc(count)
