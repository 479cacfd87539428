"""Where a call comes from: the peer itself, or what a gateway says that knows the gateway's key."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

_LONGEST_AGENT = 200
_LONGEST_ADDRESS = 100


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call comes from."""

    address: str
    user_agent: str
    via_gateway: bool


def origin_of(peer: str, metadata: Mapping[str, str], key: str) -> Origin:
    """Return where a call comes from; `peer` is grpc's, e.g. `ipv4:127.0.0.1:50000`."""
    shown = metadata.get("signalos-gateway-key", "")
    if shown and hmac.compare_digest(shown.encode(), key.encode()):
        return Origin(
            metadata.get("signalos-client-address", "")[:_LONGEST_ADDRESS] or _address(peer),
            metadata.get("signalos-user-agent", "")[:_LONGEST_AGENT],
            via_gateway=True,
        )
    return Origin(_address(peer), metadata.get("user-agent", "")[:_LONGEST_AGENT], via_gateway=False)


def _address(peer: str) -> str:
    kind, _, rest = unquote(peer).partition(":")
    if kind in ("ipv4", "ipv6"):
        return rest.rpartition(":")[0].strip("[]")
    return kind
