"""Token buckets: so many calls a second on average, some more at once. Each process counts for itself."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

__all__ = ["Bucket", "Buckets", "network_of"]


class Bucket:
    """Fills with `rate` tokens a second up to `burst`. Moments are seconds of any steady clock."""

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> float:
        """Take a token: 0, or the seconds until there is one, and then none is taken."""
        tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if tokens >= 1:
            self._tokens = tokens - 1
            return 0.0
        self._tokens = tokens
        return (1 - tokens) / self.rate

    def give(self) -> None:
        """Put a token back."""
        self._tokens = min(self.burst, self._tokens + 1)


class Buckets:
    """A bucket for each of many names; of `most`, the one that was used longest ago is forgotten."""

    def __init__(self, rate: float, burst: float, most: int) -> None:
        self._rate = rate
        self._burst = burst
        self._most = most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def of(self, name: str, now: float) -> Bucket:
        """The bucket of that name."""
        found = self._buckets.get(name)
        if found is None:
            found = self._buckets[name] = Bucket(self._rate, self._burst, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        return found


def network_of(address: str) -> str:
    """For whom an address counts: IPv6 by its /64, which one peer has to itself."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))
    # Where one socket listens for both kinds, those of IPv4 are written as of IPv6.
    return str(getattr(ip, "ipv4_mapped", None) or ip)
