"""The certificate and key that a program is given: looked at before anything starts."""

from __future__ import annotations

import ssl
from pathlib import Path

from signalos_cli.errors import UserError


def check_tls_files(certificate: Path | None, key: Path | None) -> None:
    """Raise `UserError` unless both are left out, or both can be read and belong together."""
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise UserError("--tls-cert and --tls-key belong together")
    for option, path in (("--tls-cert", certificate), ("--tls-key", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise UserError(f"{option}: cannot read {path}: {error.strerror}") from error
    try:
        # An empty password: a key that asks for one must not wait for somebody to type it.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise UserError(
            f"{certificate} and {key} are not a certificate and its own key, as PEM and without a password"
        ) from error
