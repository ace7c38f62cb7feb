"""Asks a proxy for a tunnel, to learn why there is none: gRPC tells only the status of a refusal."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
from collections.abc import AsyncIterator
from urllib.parse import unquote, urlsplit

from mostek.connector.proxy import named, refused, shown, web_page

__all__ = ["why_no_tunnel"]

#: Seconds for the connection, and again for the answer.
_WITHIN = 5.0
#: Seconds in which a tunnel that is none shows it.
_PAUSE = 0.5
_LARGEST = 64 * 1024


class _Wrong(Exception):
    """Says what is wrong."""


async def why_no_tunnel(proxy: str, hub: str, setting: str = "") -> str:
    """One sentence for the site's administrator, or nothing: the proxy makes a tunnel to the hub (host:port).

    `proxy`: as `proxy_for` returns it; `setting`: of that name. Never shows the password, never raises.
    """
    try:
        async with _connected(proxy, setting) as (reader, writer):
            writer.write(_request(proxy, hub))
            await _judge(reader, proxy, hub, setting)
    except _Wrong as wrong:
        return str(wrong)
    except OSError as error:
        return f"The proxy {shown(proxy)} broke the connection off ({error.strerror or error})."
    return ""


@contextlib.asynccontextmanager
async def _connected(
    proxy: str, setting: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    parts = urlsplit(proxy)
    where = f"check {named(setting)}"
    try:
        async with asyncio.timeout(_WITHIN):
            streams = await asyncio.open_connection(parts.hostname, parts.port, limit=_LARGEST)
    except TimeoutError:
        raise _Wrong(
            f"The proxy {shown(proxy)} can't be reached within {_WITHIN:g} s: {where}, and whether a firewall lets "
            "this machine connect to it."
        ) from None
    except socket.gaierror:
        raise _Wrong(
            f"The name of the proxy {shown(proxy)} is not known here: {where}, and this machine's DNS."
        ) from None
    except OSError as error:
        raise _Wrong(
            f"Nothing takes connections at the proxy {shown(proxy)} ({error.strerror or error}): {where}, and "
            "whether it runs."
        ) from None
    try:
        yield streams
    finally:
        streams[1].close()
        with contextlib.suppress(OSError):
            await streams[1].wait_closed()


def _request(proxy: str, hub: str) -> bytes:
    lines = [f"CONNECT {hub} HTTP/1.1", f"Host: {hub}"]
    parts = urlsplit(proxy)
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        encoded = base64.b64encode(login.encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {encoded}")
    return "\r\n".join([*lines, "", ""]).encode()


async def _judge(reader: asyncio.StreamReader, proxy: str, hub: str, setting: str) -> None:
    """Raises _Wrong unless a tunnel was made."""
    status, headers = await _answer(reader, proxy, hub, setting)
    who = f"The proxy {shown(proxy)}"
    if not 200 <= status < 300:
        schemes = [value.split()[0] for name, value in headers if name in _OFFERS and value]
        login = urlsplit(proxy).username is not None
        said = refused(
            status,
            schemes=list(dict.fromkeys(schemes)),
            login=login,
            hub=hub,
            setting=named(setting),
        )
        raise _Wrong(f"{who} {said}")
    first = await _first_bytes(reader)
    if (
        dict(headers).get("content-type", "").startswith("text/")
        or (first or b"").lstrip()[:1] == b"<"
    ):
        raise _Wrong(f"{who} {web_page(hub)}.")
    if first == b"":
        raise _Wrong(
            f"{who} made a tunnel to {hub} and closed it at once: ask its administrator whether it inspects or "
            "blocks connections to it."
        )


_OFFERS = ("proxy-authenticate", "www-authenticate")


async def _answer(
    reader: asyncio.StreamReader, proxy: str, hub: str, setting: str
) -> tuple[int, list[tuple[str, str]]]:
    try:
        async with asyncio.timeout(_WITHIN):
            head = await reader.readuntil(b"\r\n\r\n")
    except TimeoutError:
        raise _Wrong(
            f"The proxy {shown(proxy)} takes connections and does not answer within {_WITHIN:g} s: ask its "
            f"administrator whether it can reach {hub}."
        ) from None
    except asyncio.LimitOverrunError:
        head = b""
    except asyncio.IncompleteReadError as end:
        head = end.partial
        if not head:
            raise _Wrong(
                f"The proxy {shown(proxy)} closes the connection without an answer: ask its administrator whether "
                f"this machine may use it, and CONNECT to {hub} is allowed."
            ) from None
    lines = head.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise _Wrong(
            f"What answers at {shown(proxy)} is no HTTP proxy: check the port in {named(setting)}."
        )
    headers = [line.partition(":") for line in lines[1:]]
    return int(rest[:3]), [(name.strip().lower(), value.strip()) for name, _, value in headers]


async def _first_bytes(reader: asyncio.StreamReader) -> bytes | None:
    """What comes through the tunnel by itself; None: nothing, and it stays open."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PAUSE):
            return await reader.read(1024)
    return None
