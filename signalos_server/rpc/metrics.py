"""Figures about calls, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


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
