"""From this machine to the hub's port: name, proxy, route, and how long a silent connection lives."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote, urlsplit

from mostek.connector.doctor.examination import Hub, Said, Subject
from mostek.connector.proxy import proxy_for, shown
from mostek.wire.session import SessionSettings

__all__ = ["Refusal", "connected", "idle", "name", "proxy", "route"]

_LARGEST_HEAD = 64 * 1024
#: HTTP/2: the client's preface with empty SETTINGS, and the frames that follow.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
_SETTINGS_ACK = b"\0\0\0\4\1\0\0\0\0"
_PING = b"\0\0\x08\6\0\0\0\0\0" + b"mostekok"
_IS_PING, _ACK = 6, 1


class Refusal(OSError):
    """A proxy did not make a tunnel. `schemes`: the logins that it offers."""

    def __init__(self, status: int, schemes: str = "") -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.schemes = schemes


def name(subject: Subject) -> Said:
    """Whether the hub's name is known here."""
    assert subject.hub
    hub = subject.hub
    if _proxy_or_none(hub):
        yield "name.by-proxy", {"host": hub.host}
        return
    try:
        found = socket.getaddrinfo(hub.host, hub.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        yield "name.unknown", {"host": hub.host, "reason": _words(error)}
        return
    addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
    yield "name.ok", {"host": hub.host, "addresses": ", ".join(addresses)}


def proxy(subject: Subject) -> Said:
    """Whether the proxy, if there is one, lets through to the hub."""
    assert subject.hub
    hub = subject.hub
    try:
        url = proxy_for(hub.link, hub.proxy)
    except ValueError as error:
        yield "proxy.wrong", {"reason": str(error)}
        return
    if not url:
        yield "proxy.none", {}
        return
    said = {"proxy": shown(url), "hub": hub.link}
    try:
        _through(url, hub.link, subject.patience).close()
    except Refusal as refusal:
        yield _refused(refusal), said | {"status": refusal.status, "schemes": refusal.schemes}
    except OSError as error:
        yield "proxy.unreachable", said | {"reason": _words(error)}
    else:
        yield "proxy.ok", said


def _refused(refusal: Refusal) -> str:
    if refusal.status in {401, 407}:
        return "proxy.login"
    return "proxy.refused" if refusal.status else "proxy.strange"


def route(subject: Subject) -> Said:
    """Whether the hub's port takes connections."""
    assert subject.hub
    hub, began = subject.hub, time.monotonic()
    try:
        connected(hub, subject.patience).close()
    except TimeoutError:
        yield "route.silent", {"hub": hub.link, "seconds": f"{subject.patience:g}"}
    except ConnectionRefusedError:
        yield "route.refused", {"hub": hub.link}
    except OSError as error:
        yield "route.none", {"hub": hub.link, "reason": _words(error)}
    else:
        milliseconds = round((time.monotonic() - began) * 1000, 1)
        yield "route.ok", {"hub": hub.link, "milliseconds": milliseconds}


def connected(hub: Hub, patience: float, address: str = "") -> socket.socket:
    """A TCP connection to the hub's link, or to another address, by the way that the link goes. Raises OSError."""
    target = address or hub.link
    if url := _proxy_or_none(hub):
        return _through(url, target, patience)
    host, _, port = target.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), patience)


def _proxy_or_none(hub: Hub) -> str:
    with contextlib.suppress(ValueError):
        return proxy_for(hub.link, hub.proxy)
    return ""


def _through(url: str, target: str, patience: float) -> socket.socket:
    """A tunnel through a proxy. Raises Refusal, OSError."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), patience)
    try:
        connection.sendall(_connect(url, target))
        head = _head(connection)
    except BaseException:
        connection.close()
        raise
    lines = head.split("\r\n")
    version, _, rest = lines[0].partition(" ")
    status = int(rest[:3]) if version.startswith("HTTP/1.") and rest[:3].isdigit() else 0
    if not 200 <= status < 300:
        connection.close()
        headers = [line.partition(":") for line in lines[1:]]
        offers = [v.split()[0] for n, _, v in headers if n.lower() == "proxy-authenticate" and v]
        raise Refusal(status, ", ".join(offers) or "-")
    return connection


def _connect(url: str, target: str) -> bytes:
    parts = urlsplit(url)
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}")
    return "\r\n".join([*lines, "", ""]).encode()


def _head(connection: socket.socket) -> str:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _LARGEST_HEAD:
        # Byte by byte at the end: what follows the head belongs to the tunnel.
        part = connection.recv(1)
        if not part:
            break
        head += part
    return head.decode("latin-1")


def idle(subject: Subject) -> Said:
    """How long a connection that nobody speaks on lives: one for each span, all at once."""
    assert subject.hub
    hub = subject.hub
    if not subject.idle:
        yield "not-asked", {"option": "--idle"}
        return
    spans = sorted(subject.idle)
    try:
        held = [_Silent(hub, subject.patience) for _ in spans]
    except OSError as error:
        yield "idle.failed", {"reason": _words(error)}
        return
    with ThreadPoolExecutor(len(spans)) as threads:
        alive = list(
            threads.map(lambda pair: pair[0].lives_after(pair[1]), zip(held, spans, strict=True))
        )
    if all(alive):
        yield "idle.ok", {"seconds": f"{spans[-1]:g}"}
        return
    yield _cut(spans, alive)


def _cut(spans: list[float], alive: list[bool]) -> tuple[str, dict[str, object]]:
    dead = spans[alive.index(False)]
    lived = max(
        (span for span, lives in zip(spans, alive, strict=True) if lives and span < dead), default=0
    )
    beat = SessionSettings.heartbeat_interval
    key = "idle.cut" if lived > beat else "idle.cut-early"
    return key, {"alive": f"{lived:g}", "dead": f"{dead:g}", "beat": f"{beat:g}"}


class _Silent:
    """An HTTP/2 connection on which nothing is said but what it takes to open it."""

    def __init__(self, hub: Hub, patience: float) -> None:
        self._patience = patience
        self._socket = connected(hub, patience)
        if hub.tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            if hub.enrolled:
                context.load_cert_chain(str(hub.identity))
            self._socket = context.wrap_socket(self._socket, server_hostname=hub.host)
        self._socket.settimeout(patience)
        self._socket.sendall(_PREFACE)
        self._read_frame()
        self._socket.sendall(_SETTINGS_ACK)

    def lives_after(self, seconds: float) -> bool:
        """Be silent for so long; then whether the other side answers a ping. Closes the connection."""
        with self._socket, contextlib.suppress(OSError):
            time.sleep(seconds)
            self._socket.sendall(_PING)
            ends = time.monotonic() + self._patience
            while time.monotonic() < ends:
                kind, flags = self._read_frame()
                if kind == _IS_PING and flags & _ACK:
                    return True
        return False

    def _read_frame(self) -> tuple[int, int]:
        """Type and flags of the next frame. Raises OSError."""
        head = self._exactly(9)
        size, kind, flags = struct.unpack(">I", b"\0" + head[:3])[0], head[3], head[4]
        self._exactly(size)
        return kind, flags

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                raise ConnectionResetError("closed")
            data += part
        return data


def _words(error: BaseException) -> str:
    return str(getattr(error, "strerror", "") or error) or type(error).__name__
