"""The code that a person carries from the dashboard to the bridge: where the server is, and a secret.

`SOS1-` and base32 of: the length of the address and the address, the length of the fingerprint (0 or 32) and
the fingerprint, and at least eight bytes of secret. Groups may be parted by hyphens or blanks, and letters be
of either case. The server gets the code as it is; the bridge needs only address and fingerprint.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

PREFIX = "SOS1-"
_MAX_CHARACTERS = 2000
_MIN_SECRET_BYTES = 8
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_BLANKS = re.compile(r"[\s-]+")


class BadPairingCode(Exception):  # noqa: N818 (it names what was typed)
    """The code cannot be one, in words for whoever typed it."""


@dataclass(frozen=True, slots=True)
class PairingCode:
    """Where to pair. `fingerprint`: SHA-256 of the server's certificate; None: not pinned."""

    address: str
    fingerprint: bytes | None


def parse_address(address: str) -> tuple[str, int]:
    """Return host and port of `host:port` or `[v6]:port`. Raises `BadPairingCode`."""
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found[2]) < 65536:
        raise BadPairingCode(f"{address[:80]!r} is no address of the form host:port")
    return found[1].strip("[]"), int(found[2])


def parse(text: str) -> PairingCode:
    """Return what a code says. Raises `BadPairingCode`."""
    compact = text.strip()
    if len(compact) > _MAX_CHARACTERS:
        raise BadPairingCode("the code is too long")
    if not compact.upper().startswith(PREFIX):
        raise BadPairingCode(f"a pairing code begins with {PREFIX}")
    body = _BLANKS.sub("", compact[len(PREFIX) :]).upper()
    try:
        data = base64.b32decode(body + "=" * (-len(body) % 8))
    except (binascii.Error, ValueError):
        raise BadPairingCode(
            "the code has characters that do not belong there, or some are missing"
        ) from None
    address, rest = _field(data)
    fingerprint, secret = _field(rest)
    if len(fingerprint) not in (0, 32) or len(secret) < _MIN_SECRET_BYTES:
        raise BadPairingCode("the code is incomplete")
    try:
        where = address.decode("ascii")
    except UnicodeDecodeError:
        raise BadPairingCode("the code names no address") from None
    parse_address(where)
    return PairingCode(where, fingerprint or None)


def _field(data: bytes) -> tuple[bytes, bytes]:
    if not data or len(data) < 1 + data[0]:
        raise BadPairingCode("the code is incomplete")
    return data[1 : 1 + data[0]], data[1 + data[0] :]
