"""Which HTTP proxy stands between the connector and the hub, and what its refusals mean."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Sequence
from urllib.parse import SplitResult, quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

__all__ = [
    "channel_options",
    "checked_proxy",
    "explained",
    "is_here",
    "named",
    "proxy_for",
    "refused",
    "shown",
    "web_page",
]

#: In which order; gRPC itself reads only some of them, and only in lower case.
_VARIABLES = ("https", "all", "http")
_FORM = "http://host:port or http://user:password@host:port"
_RELAY = (
    "ask its administrator to let the connector through without a login, or run a relay that speaks them (px, cntlm) "
    'beside the connector and set hub.proxy = "http://127.0.0.1:3128"'
)
_INSPECTED = (
    "What the hub's address shows is no certificate of the hub. If TLS is inspected on the way, ask for an exemption "
    "for the hub's two host names: `mostek-connector doctor` says by whom"
)


def checked_proxy(url: str) -> str:
    """The setting as it may be used: with user and password percent-encoded. Raises ValueError, which never shows
    the password."""
    parts = _parts(url if "//" in url else f"http://{url}")
    if parts.scheme != "http":
        raise ValueError("must begin with http://; TLS to the proxy itself is not spoken")
    login, _, address = parts.netloc.rpartition("@")
    if not login:
        return f"http://{address}"
    user, _, password = login.partition(":")
    return f"http://{quote(unquote(user), safe='')}:{quote(unquote(password), safe='')}@{address}"


def _parts(url: str) -> SplitResult:
    wrong = f"must be {_FORM}; in user and password write %40 for @, %3A for :, %2F for /, %23 for #, %25 for %"
    try:
        parts = urlsplit(url)
        complete = parts.hostname and parts.port
    except ValueError:
        # Its words quote the whole.
        raise ValueError(wrong) from None
    if not complete or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(wrong)
    return parts


def channel_options(link: str, setting: str = "") -> tuple[tuple[str, str | int], ...]:
    """gRPC options for the way to the hub. Raises ValueError, as `proxy_for`."""
    if proxy := proxy_for(link, setting):
        return (("grpc.http_proxy", proxy),)
    # gRPC would read some of the environment's variables by itself.
    return (("grpc.enable_http_proxy", 0),)


def proxy_for(address: str, setting: str = "") -> str:
    """The setting's proxy, else the environment's: `HTTPS_PROXY`, `ALL_PROXY` or `HTTP_PROXY` in either case; on
    Windows the system's where the environment has none. None for a hub on this machine or one that `NO_PROXY` names.
    Raises ValueError, which names the variable, if the environment's can't be used."""
    # gRPC itself goes directly where no_proxy says so, whatever it is told.
    if is_here(address) or proxy_bypass(address.rpartition(":")[0].strip("[]")):
        return ""
    proxy = setting or _of_environment()
    try:
        return checked_proxy(proxy) if proxy else ""
    except ValueError as error:
        raise ValueError(f"{named(setting)} {error}") from None


def _of_environment() -> str:
    proxies = getproxies()
    return next((proxies[name] for name in _VARIABLES if proxies.get(name)), "")


def named(setting: str = "") -> str:
    """Where the proxy was set, for people."""
    if setting:
        return "hub.proxy"
    for variable in _VARIABLES:
        for name in (f"{variable}_proxy", f"{variable}_PROXY".upper()):
            if os.environ.get(name):
                return name
    return "the proxy of the system's settings"


def shown(proxy: str) -> str:
    """Its host:port, without user and password."""
    return urlsplit(proxy).netloc.rpartition("@")[2]


def is_here(address: str) -> bool:
    """Whether an address, host:port, is on this machine."""
    host = address.rpartition(":")[0].strip("[]")
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
    return f"The proxy {refused(int(match[1]))}" if match else details


def refused(
    status: int,
    *,
    schemes: Sequence[str] = (),
    login: bool | None = None,
    hub: str = "the hub's address",
    setting: str = "hub.proxy",
) -> str:
    """What a proxy's answer to CONNECT means and what to do, to follow "The proxy …".

    `schemes` of authentication that it offers; `login`: whether it was given one; `setting`: where it was set.
    """
    match status:
        case 401 | 407:
            said = _login_refused(schemes, login, setting)
        case 403:
            said = f"does not allow a tunnel to {hub}: ask its administrator to allow CONNECT to it"
        case 400 | 404 | 405 | 501:
            said = f"makes no tunnels: check that {setting} names an HTTP proxy that allows CONNECT"
        case 502 | 503 | 504:
            said = (
                f"could not reach {hub}: check hub.link, and ask its administrator whether it can resolve that name "
                "and may connect to it"
            )
        case _ if status == 511 or 300 <= status < 400:
            said = web_page(hub)
        case _:
            said = "answered in a way that is not understood: ask its administrator what it means"
    return f"{said} (HTTP {status})."


def _login_refused(schemes: Sequence[str], login: bool | None, setting: str) -> str:
    if schemes and "basic" not in {scheme.lower() for scheme in schemes}:
        return f"takes only {' and '.join(schemes)}, and the connector speaks only Basic: {_RELAY}"
    if login:
        return f"refuses the user or the password in {setting}: correct them"
    wants = 'wants a user and a password: set hub.proxy = "http://user:password@host:port"'
    if login is False:
        return wants
    return f"{wants}. If it takes only NTLM or Kerberos, {_RELAY}"


def web_page(hub: str) -> str:
    """What to say of a proxy that shows a page, to follow "The proxy …"."""
    return (
        "answers with a web page instead of a tunnel, which most likely wants somebody to log in or to agree: ask "
        f"its administrator to exempt {hub}"
    )
