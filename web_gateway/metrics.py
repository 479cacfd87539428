"""What the gateway counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """A registry of its own, so that two gateways can live in one process of tests."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "signalos_gateway_requests_total", "REST calls.", ["rpc", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "signalos_gateway_request_seconds", "Time of REST calls.", ["rpc"], registry=self._registry
        )
        self.sockets = Gauge("signalos_gateway_sockets", "Open WebSockets.", registry=self._registry)
        self.streams = Gauge(
            "signalos_gateway_streams", "Streams from the server, one a user.", registry=self._registry
        )
        self.sockets_cut = Counter(
            "signalos_gateway_sockets_cut_total", "WebSockets cut for not reading.", registry=self._registry
        )
        self.frames = Counter("signalos_gateway_frames_total", "Frames sent.", registry=self._registry)

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry)
