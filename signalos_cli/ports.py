"""Whether a port is free: asked before anything starts, so that the answer is one plain line."""

from __future__ import annotations

import errno
import socket
import sys

from signalos_cli.errors import EXIT_FAILED, UserError


def check_port(option: str, host: str, port: int) -> None:
    """Raise `UserError` unless a program could listen at `host` and `port` now. Port 0 is always free."""
    if port == 0:
        return
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise UserError(f"{host} is no address of this machine: {error.strerror}") from error
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as listening:
        if sys.platform != "win32":
            # Connections that ended a moment ago do not count; on Windows the option means another thing.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise UserError(
                    f"another program uses port {port} of {host}",
                    hint=f"end it, or choose another port: {option} {port + 10}",
                    exit_code=EXIT_FAILED,
                ) from error
            raise UserError(
                f"cannot listen at {host}, port {port}: {error.strerror}", exit_code=EXIT_FAILED
            ) from error
