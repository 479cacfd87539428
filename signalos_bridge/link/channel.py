"""One HTTP/2 connection to the server: small windows, a pinned key, and an end that does not wait."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import ssl
from asyncio import BaseTransport
from typing import cast

from google.rpc.error_details_pb2 import ErrorInfo  # type: ignore[import-untyped]
from grpclib.client import Channel, Handler
from grpclib.config import Configuration
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from grpclib.protocol import H2Protocol

from signalos_bridge.domain.link_timing import Ending
from signalos_bridge.domain.pairing_code import parse_address

# With the default of four megabytes that much can hide in a stalled stream, and arrive old.
WINDOW_BYTES = 65535

_REFUSED = frozenset(
    {
        Status.UNAUTHENTICATED,
        Status.PERMISSION_DENIED,
        Status.FAILED_PRECONDITION,
        Status.INVALID_ARGUMENT,
        Status.UNIMPLEMENTED,
        Status.NOT_FOUND,
    }
)


class ServerUntrusted(Exception):  # noqa: N818 (it names a state of the world, not a fault)
    """The server's certificate is not the one that the pairing code named, or cannot be verified."""


class _Protocol(H2Protocol):
    transport: asyncio.Transport | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        # uvloop's transports are of no class of asyncio's.
        self.transport = cast(asyncio.Transport, transport)
        super().connection_made(transport)


class BridgeChannel(Channel):
    """A connection that is used once: opened, talked over, and aborted."""

    def __init__(self, address: str, fingerprint: bytes | None) -> None:
        """Plain only to loopback; else TLS, with the fingerprint where one is known."""
        host, port = parse_address(address)
        self._fingerprint = fingerprint
        super().__init__(
            host,
            port,
            ssl=_tls(host, fingerprint),
            config=Configuration(
                http2_connection_window_size=WINDOW_BYTES, http2_stream_window_size=WINDOW_BYTES
            ),
        )

    async def connect(self, timeout_seconds: float) -> None:
        """Connect and verify who answers, before anything secret is said.

        Raises `OSError`, `TimeoutError` or `ServerUntrusted`.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                protocol = await self.__connect__()
        except ssl.SSLCertVerificationError as error:
            raise ServerUntrusted(f"the server's certificate: {error.verify_message}") from error
        except ssl.SSLError as error:
            raise ConnectionError(f"TLS failed: {error.reason}") from error
        assert isinstance(protocol, _Protocol)
        if self._fingerprint is not None:
            assert protocol.transport is not None
            tls = protocol.transport.get_extra_info("ssl_object")
            certificate = tls.getpeercert(binary_form=True) if tls is not None else None
            found = hashlib.sha256(certificate or b"").digest()
            if not hmac.compare_digest(found, self._fingerprint):
                self.abort()
                raise ServerUntrusted("the server's key is not the one that the pairing code named")

    def abort(self) -> None:
        """End the connection at once. What is under way in its streams fails; nothing is flushed."""
        protocol = self._protocol
        if isinstance(protocol, _Protocol) and protocol.transport is not None:
            protocol.transport.abort()
        self.close()

    def _protocol_factory(self) -> H2Protocol:
        return _Protocol(Handler(), self._config, self._h2_config)


def _tls(host: str, fingerprint: bytes | None) -> ssl.SSLContext | None:
    if fingerprint is None and is_loopback(host):
        return None
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    if fingerprint is not None:
        # The key itself is known; whoever signed it, and for what name, adds nothing.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine and nothing else."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def reason_of(error: GRPCError) -> str:
    """Return the registered reason that an error carries; empty: none."""
    for detail in error.details or ():
        if isinstance(detail, ErrorInfo):
            return str(detail.reason)
    return ""


def ending_of(error: GRPCError) -> tuple[Ending, str]:
    """Return what an error of a stream means for the next one, with words."""
    words = f"{error.status.name}: {error.message or reason_of(error) or 'no words'}"
    return (Ending.REFUSED if error.status in _REFUSED else Ending.LOST), words
