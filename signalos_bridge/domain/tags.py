"""The identities that survive at a broker: the magic number and the comment's tag of a leg, and our UUIDs.

`magic` is 15 bits for the installation and account, and 48 bits for the leg of a command.
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid

from signalos_bridge.domain.orders import MAX_COMMENT_LENGTH

_LEG_BITS = 48
_LEG_MASK = (1 << _LEG_BITS) - 1
_MAX_PREFIX = (1 << 15) - 1
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_NAMESPACE = uuid.UUID("6f1f6a52-2a9c-5d0e-9d3c-2f6f7a0b5c11")


def leg_magic(prefix: int, command_id: str, index: int) -> int:
    """Return the magic number of a leg: always positive, the same whenever it is asked."""
    if not 0 <= prefix <= _MAX_PREFIX:
        raise ValueError(f"magic prefix {prefix} is not 15 bits")
    digest = hashlib.sha256(f"{command_id}:{index}".encode()).digest()
    return prefix << _LEG_BITS | int.from_bytes(digest[:6], "big")


def prefix_of(magic: int) -> int:
    """Return the installation's part of a magic number."""
    return magic >> _LEG_BITS


def leg_of(magic: int) -> int:
    """Return the leg's part of a magic number: the same whichever prefix the installation had."""
    return magic & _LEG_MASK


def comment_tag(magic: int, wish: str = "") -> str:
    """Return `so-` with ten base32 characters of the leg, and what fits of the caller's wish behind it."""
    leg = (magic & _LEG_MASK).to_bytes(6, "big")
    tag = "so-" + base64.b32encode(leg).decode().rstrip("=").lower()
    wish = _UNSAFE.sub("-", wish).strip("-")
    return f"{tag}-{wish}"[:MAX_COMMENT_LENGTH].rstrip("-") if wish else tag


def bridge_command_id(account_id: str, subject: int | str, revision: int | str, step: int | str) -> str:
    """Return the id of a command that the bridge starts itself: the same cause has the same id."""
    return str(uuid.uuid5(_NAMESPACE, f"command|{account_id}|{subject}|{revision}|{step}"))


def event_id(account_id: str, *parts: object) -> str:
    """Return the id of an event: the same fact has the same id, however it was found."""
    return str(uuid.uuid5(_NAMESPACE, "|".join(("event", account_id, *map(str, parts)))))
