"""The grpc.aio server: its limits, its address, and the rule that only loopback goes without TLS."""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

_OPTIONS: tuple[tuple[str, int], ...] = (
    # A second server on the same port would silently take half of the calls.
    ("grpc.so_reuseport", 0),
    # A bridge's table of some thousand symbols fits; requests of callers are held to less.
    ("grpc.max_receive_message_length", 4 << 20),
    ("grpc.max_send_message_length", 16 << 20),
    ("grpc.max_metadata_size", 16 << 10),
    # Streams are quiet for long; clients may ask whether the link is alive.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
)


class UnsafeAddress(Exception):  # noqa: N818 - named for what is wrong
    """The address can be reached by others, and no TLS files are given."""


@dataclass(frozen=True, slots=True)
class Tls:
    """A server's certificate chain and private key, as PEM files."""

    certificate: Path
    key: Path

    def fingerprint(self) -> str:
        """Return the SHA-256 of the certificate in hex, by which a bridge knows its server."""
        text = self.certificate.read_text("ascii")
        start = text.index("-----BEGIN CERTIFICATE-----")
        end = text.index("-----END CERTIFICATE-----") + len("-----END CERTIFICATE-----")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text[start:end])).hexdigest()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def make_server(interceptors: Sequence[grpc.aio.ServerInterceptor[Any, Any]]) -> grpc.aio.Server:
    """Return a server without services and without a port."""
    server = grpc.aio.server(interceptors=list(interceptors), options=_OPTIONS)
    # Generated code announces each method twice: by its service, and by itself for a shorter way inside the
    # library. Its loop then waits anew, at each call, for the next call of every single method: with our
    # number of them that costs more than the rest of its work on the call.
    server.add_registered_method_handlers = _not_registered  # type: ignore[attr-defined]
    return server


def _not_registered(service_name: str, method_handlers: Any) -> None:
    """Leave the methods of a service to be found by its name."""


def bind(server: grpc.aio.Server, host: str, port: int, tls: Tls | None) -> str:
    """Give `server` its port (0: any) and return its address. Raises `UnsafeAddress`, `OSError`."""
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    if tls is None and not is_loopback(host):
        raise UnsafeAddress(f"{host} can be reached from other machines: give TLS files")
    try:
        if tls is None:
            return f"{shown}:{server.add_insecure_port(f'{shown}:{port}')}"
        credentials = grpc.ssl_server_credentials([(tls.key.read_bytes(), tls.certificate.read_bytes())])
        return f"{shown}:{server.add_secure_port(f'{shown}:{port}', credentials)}"
    except RuntimeError as error:
        # The library says no more than that it did not work.
        raise OSError(f"cannot listen at {shown}:{port}; does another program use that port?") from error
