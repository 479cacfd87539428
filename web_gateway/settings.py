"""What the gateway is told at start."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit


class SettingsError(Exception):
    """The settings contradict each other or would serve unprotected."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one caller may ask for. Emergency stop is outside of all of them."""

    logins_per_minute: float = 20
    mutations_per_second: float = 200
    mutation_burst: float = 1000
    body_bytes: int = 1024 * 1024
    # Of a webhook; the contract's own bound.
    hook_bytes: int = 32 * 1024
    # Webhook calls of one address with tokens that are not known to be good.
    strange_hooks_per_minute: float = 60
    sockets_per_user: int = 1000
    sockets_per_address: int = 1000
    sockets: int = 5000


@dataclass(frozen=True, slots=True)
class Timings:
    """How long things may take, in seconds."""

    call_seconds: float = 10.0
    body_seconds: float = 10.0
    # TradingView gives up after 3 s, and sends again only what it was refused.
    hook_seconds: float = 2.5
    authenticate_seconds: float = 10.0
    subscribe_grace_seconds: float = 0.5
    heartbeat_seconds: float = 5.0
    ping_seconds: float = 30.0
    # With a few events a second, a reader that has stalled is so cut within 10 s: the time to send this much,
    # the time to answer, the time to abort.
    ping_after_bytes: int = 4 * 1024
    pong_seconds: float = 5.0
    stalled_seconds: float = 5.0
    abort_seconds: float = 2.0
    session_check_seconds: float = 4.0
    upstream_silence_seconds: float = 15.0
    linger_seconds: float = 5.0
    shutdown_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the gateway needs to know."""

    data_dir: Path
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    server_address: str = "127.0.0.1:50051"
    server_tls_ca: Path | None = None
    server_data_dir: Path | None = None
    public_origins: tuple[str, ...] = ()
    behind_proxy: bool = False
    trusted_proxies: tuple[str, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    dev: bool = False
    metrics_token: str | None = None
    metrics_port: int | None = None
    log_format: Literal["console", "json"] = "console"
    limits: Limits = field(default_factory=Limits)
    timings: Timings = field(default_factory=Timings)

    def check(self) -> None:
        """Raises `SettingsError` for what must not be served."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingsError("TLS needs both the certificate and the key")
        if not is_loopback(self.http_host) and self.tls_cert is None and not self.behind_proxy:
            raise SettingsError(
                f"{self.http_host} is not a loopback address: give TLS files, or --behind-proxy where a "
                "proxy ends TLS"
            )
        if self.trusted_proxies and not self.behind_proxy:
            raise SettingsError("proxies are named, but --behind-proxy is not set")
        for proxy in self.trusted_proxies:
            try:
                ipaddress.ip_network(proxy, strict=False)
            except ValueError as error:
                raise SettingsError(f"{proxy} is neither an address nor a network") from error
        for origin in self.public_origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
                raise SettingsError(f"{origin} is not an origin, such as https://trading.example.org")


def is_loopback(host: str) -> bool:
    """Whether nothing beyond this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
