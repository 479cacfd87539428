"""Token buckets by caller: pure, told the time."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from functools import lru_cache
from typing import Final

_MAXIMUM_BUCKETS: Final = 20_000


class RateLimit:
    """Lets each key through `rate` times a second, with `burst` at once."""

    def __init__(self, name: str, rate_per_second: float, burst: float) -> None:
        self.name = name
        self._rate = rate_per_second
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """0 if `key` may pass now; else the seconds until it may. `now` is monotonic, in seconds."""
        left, at = self._buckets.pop(key, (self._burst, now))
        left = min(self._burst, left + max(0.0, now - at) * self._rate)
        wait = 0.0
        if left >= 1:
            left -= 1
        else:
            wait = (1 - left) / self._rate
        self._buckets[key] = (left, now)
        if len(self._buckets) > _MAXIMUM_BUCKETS:
            # The one that was quiet longest is full again, or nearly so.
            self._buckets.popitem(last=False)
        return wait

    def give_back(self, key: str) -> None:
        """Takes back what `take` counted last: it was not meant by this limit."""
        if key in self._buckets:
            left, at = self._buckets[key]
            self._buckets[key] = (min(self._burst, left + 1), at)


@lru_cache(maxsize=4096)
def address_key(address: str) -> str:
    """What of an address is one caller: all of IPv4, the first 64 bits of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
