"""Page tokens: where the next page begins, opaque to callers and checked when they come back."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TypeVar

from signalos_server.domain.errors import BadPageToken

P = TypeVar("P", str, int)


def encode_page(kind: str, *position: str | int) -> str:
    """Return the token for the page after `position` of a list of `kind` (with its filters)."""
    text = json.dumps([kind, *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_page(kind: str, token: str, *types: type[str] | type[int]) -> tuple[str | int, ...] | None:
    """Return the position in `token`; `None` for an empty one. Raises `BadPageToken`."""
    if not token:
        return None
    try:
        padded = token + "=" * (-len(token) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadPageToken from error
    if not isinstance(values, list) or len(values) != len(types) + 1 or values[0] != kind:
        raise BadPageToken
    position = values[1:]
    if any(type(value) is not wanted for value, wanted in zip(position, types, strict=True)):
        raise BadPageToken
    # A number beyond 64 bits is none that a database gave.
    if any(isinstance(value, int) and abs(value) >= 1 << 63 for value in position):
        raise BadPageToken
    return tuple(position)


def page_size(asked: int, default: int, maximum: int) -> int:
    """Return how many to list: 0 is the default, more than the maximum is lowered."""
    return min(asked or default, maximum)
