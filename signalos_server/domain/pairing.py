"""The code that a person carries from the dashboard to a bridge: where the server is, and a secret.

`SOS1-` and base32 of: the length of the address and the address, the length of the fingerprint (0 or 32) and
the fingerprint, and the secret. Groups of eight are parted by hyphens; either case is read.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta

from signalos_server.domain.errors import BadPairingCode

PREFIX = "SOS1-"
CODE_LIFE = timedelta(minutes=10)
# 96 bits.
SECRET_BYTES = 12
_GROUP = 8
_MOST_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class PairingCode:
    """What is stored of a code."""

    secret_hash: str
    user_id: str
    # None: a new account is made when the bridge pairs.
    account_id: str | None
    bridge_name: str
    create_time: datetime
    expire_time: datetime
    use_time: datetime | None = None

    def good(self, now: datetime) -> bool:
        """Whether a bridge can be paired with it at `now`."""
        return self.use_time is None and now < self.expire_time


def format_code(address: str, fingerprint: bytes, secret: bytes) -> str:
    """Return the code; `fingerprint` is empty where no TLS is used."""
    where = address.encode("ascii")
    data = bytes([len(where)]) + where + bytes([len(fingerprint)]) + fingerprint + secret
    text = base64.b32encode(data).decode().rstrip("=")
    return PREFIX + "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def secret_of(code: str) -> bytes:
    """Return the secret in a code as it was typed. Raises `BadPairingCode`."""
    text = "".join(code.split()).upper()
    if not text.startswith(PREFIX) or len(text) > _MOST_CHARACTERS:
        raise BadPairingCode(f"a pairing code begins with {PREFIX}")
    body = text[len(PREFIX) :].replace("-", "")
    try:
        data = base64.b32decode(body + "=" * (-len(body) % 8))
    except (binascii.Error, ValueError) as error:
        raise BadPairingCode("the pairing code is mistyped") from error
    for _ in range(2):
        length = data[0] + 1 if data else 1
        data = data[length:]
    if len(data) != SECRET_BYTES:
        raise BadPairingCode("the pairing code is mistyped")
    return data
