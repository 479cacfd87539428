"""Whom a bridge believes to be its server."""

from __future__ import annotations

import hashlib
import shutil
import ssl
import subprocess
from pathlib import Path

import grpc
import pytest

from signalos_bridge.link.channel import BridgeChannel, ServerUntrusted, is_loopback
from tests.signalos_bridge.link.bridge_rig import Rig
from tests.support.scripted_server import ScriptedServer


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[bytes, bytes, bytes]:
    """Key, certificate and fingerprint of a server that nobody else vouches for."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=signalos", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    der = ssl.PEM_cert_to_DER_cert(cert.read_text())
    return key.read_bytes(), cert.read_bytes(), hashlib.sha256(der).digest()


async def test_a_pinned_key_is_believed_and_any_other_is_told_nothing(
    tmp_path: Path, certificate: tuple[bytes, bytes, bytes]
) -> None:
    key, cert, fingerprint = certificate
    server = ScriptedServer()
    await server.start("127.0.0.1:0", grpc.ssl_server_credentials([(key, cert)]))
    rig = Rig(tmp_path, server.address, fingerprint=fingerprint)
    async with rig.running():
        await server.live()
    said = len(server.metadata)

    other = BridgeChannel(server.address, b"\x00" * 32)
    with pytest.raises(ServerUntrusted):
        await other.connect(2.0)
    other.abort()

    assert len(server.metadata) == said
    await server.stop()


def test_only_this_machine_is_spoken_to_without_a_key() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert is_loopback("localhost")
    assert not is_loopback("10.0.0.1")
    assert not is_loopback("localhost.example.org")


async def test_a_server_elsewhere_is_spoken_to_over_verified_tls() -> None:
    channel = BridgeChannel("trade.example.org:50051", None)

    assert channel._ssl is not None
    assert channel._ssl.check_hostname
    channel.abort()
