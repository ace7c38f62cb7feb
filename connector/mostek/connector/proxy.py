"""Which HTTP proxy stands between the connector and the hub, and what its refusals mean."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

__all__ = ["channel_options", "checked_proxy", "explained", "is_here", "proxy_for"]

_REFUSALS = {
    "401": 'wants a password: set hub.proxy = "http://user:password@host:port"',
    "407": (
        'wants a password: set hub.proxy = "http://user:password@host:port". A proxy that takes only NTLM or Kerberos '
        "needs a relay beside the connector (px, cntlm) or an exemption for the hub's address"
    ),
    "403": "does not let the connector through: ask its administrator to allow CONNECT to the hub's address",
}
_INSPECTED = (
    "What the hub's address shows is no certificate of the hub. If TLS is inspected on the way, ask for an exemption "
    "for the hub's two host names: `mostek-connector doctor` says by whom"
)


def checked_proxy(url: str) -> str:
    """The setting as it may be used. Raises ValueError, which never shows the password."""
    parts = urlsplit(url if "//" in url else f"http://{url}")
    if parts.scheme != "http":
        raise ValueError("must begin with http://; TLS to the proxy itself is not spoken")
    try:
        complete = bool(parts.hostname and parts.port)
    except ValueError:
        complete = False
    if not complete:
        raise ValueError("must be http://host:port or http://user:password@host:port")
    return parts.geturl()


def channel_options(link: str, setting: str = "") -> tuple[tuple[str, str | int], ...]:
    """gRPC options for the way to the hub."""
    if proxy := proxy_for(link, setting):
        return (("grpc.http_proxy", proxy),)
    # gRPC would read some of the environment's variables by itself.
    return (("grpc.enable_http_proxy", 0),)


def proxy_for(address: str, setting: str = "") -> str:
    """The setting's proxy, else the environment's (`HTTPS_PROXY`, in any case of letters, unless `NO_PROXY` names the
    hub), else none. A hub on this machine is reached without one."""
    return "" if is_here(address) else setting or _of_environment(address)


def _of_environment(link: str) -> str:
    # On Windows these read the system's settings where the environment has none.
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all") or ""
    host, _, _ = link.rpartition(":")
    if not proxy or proxy_bypass(host):
        return ""
    return checked_proxy(proxy)


def is_here(link: str) -> bool:
    """Whether an address, host:port, is on this machine."""
    host = link.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def explained(details: str) -> str:
    """What a connection error means to the site's administrator: gRPC's own words, or what to do about the
    network."""
    if "CERTIFICATE_VERIFY_FAILED" in details:
        return _INSPECTED
    match = re.search(r"HTTP proxy returned response code (\d+)", details)
    if match is None:
        return details
    refusal = _REFUSALS.get(match[1], "answered in a way that is not understood")
    return f"The proxy {refusal} (HTTP {match[1]})."
