"""The hub itself: its clock and version by its API, and a stream that carries frames both ways."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from statistics import median
from typing import Any

import grpc

from mostek.connector.doctor.examination import Hub, Said, Subject
from mostek.connector.doctor.network import connected
from mostek.connector.proxy import channel_options
from mostek.link.v1.link_pb2 import ConnectorToHub, Goodbye, GoodbyeReason
from mostek.link.v1.link_pb2_grpc import LinkServiceStub

__all__ = ["api", "stream"]

#: Seconds that a clock may be off: certificates are backdated by some minutes, and documents have the site's day.
_SKEWED, _WRONG = 30, 300
_TRIES = 3


def api(subject: Subject) -> Said:
    """The clock by the API's answers, and the hub's version."""
    assert subject.hub
    hub = subject.hub
    if not hub.api:
        yield "not-asked", {"option": "--api"}
        return
    try:
        began = time.time()
        answer = _asked(hub, subject.patience)
        now = (began + time.time()) / 2
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", "") or type(error).__name__
        yield "api.unreachable", {"api": hub.api, "reason": reason}
        return
    if date := answer.getheader("date"):
        # The header has whole seconds, rounded down.
        yield _clock(now - parsedate_to_datetime(date).timestamp() - 0.5)
    if found := _version(answer.getheader("server", "")):
        own = version("mostek")
        yield ("version.same" if found == own else "version.other"), {"hub": found, "own": own}


def _asked(hub: Hub, patience: float) -> http.client.HTTPResponse:
    """An answer that everybody gets. Raises OSError, HTTPException."""
    connection = http.client.HTTPConnection(hub.api.rpartition(":")[0], timeout=patience)
    plain = connected(hub, patience, hub.api)
    connection.sock = _secured(plain, hub) if hub.tls else plain
    try:
        connection.request("GET", "/livez")
        return connection.getresponse()
    finally:
        connection.close()


def _secured(plain: socket.socket, hub: Hub) -> ssl.SSLSocket:
    """Nothing secret is asked or told, and whether the certificate is believed is asked elsewhere."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=hub.api.rpartition(":")[0].strip("[]"))


def _clock(off: float) -> tuple[str, dict[str, Any]]:
    seconds = round(abs(off))
    if seconds > _WRONG:
        return "clock.wrong", {"seconds": seconds}
    if seconds > _SKEWED:
        return "clock.skewed", {"seconds": seconds}
    return "clock.ok", {"seconds": max(seconds, 1)}


def _version(server: str) -> str:
    """Of `mostek-hub/0.1.0`; empty if what answers is not a hub."""
    name, _, found = server.partition("/")
    return found if name == "mostek-hub" else ""


def stream(subject: Subject) -> Said:
    """Whether a stream carries frames both ways, and how long one takes.

    It says goodbye instead of Hello, so that the hub answers and never takes the doctor for a connector: a session of
    this installation would push the running connector's aside.
    """
    assert subject.hub
    hub = subject.hub
    if hub.tls and not hub.enrolled:
        # The hub takes no stream without a certificate.
        yield "skipped", {"because": ["identity"]}
        return
    try:
        seconds = _round_trip(hub, subject.patience)
    except _Refused as refused:
        yield "stream.refused", {"reason": str(refused)}
    except _NoHub as error:
        yield "stream.broken", {"hub": hub.link, "reason": str(error)}
    except grpc.RpcError as error:
        yield _broken(error, hub, subject.patience)
    else:
        yield "stream.ok", {"milliseconds": f"{seconds * 1000:.1f}"}


def _broken(error: Any, hub: Hub, patience: float) -> tuple[str, dict[str, Any]]:
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "stream.silent", {"hub": hub.link, "seconds": f"{patience:g}"}
    return "stream.broken", {"hub": hub.link, "reason": error.details() or error.code().name}


class _Refused(Exception):
    pass


class _NoHub(Exception):
    pass


def _round_trip(hub: Hub, patience: float) -> float:
    """Seconds, the median of some. Raises RpcError, _Refused, _NoHub."""
    options = (*channel_options(hub.link, hub.proxy), ("grpc.use_local_subchannel_pool", 1))
    with _channel(hub, options) as channel:
        spans = [_one(channel, patience) for _ in range(_TRIES + 1)]
    # The first one opens the connection.
    return median(spans[1:])


def _channel(hub: Hub, options: tuple[tuple[str, Any], ...]) -> grpc.Channel:
    if not hub.tls:
        return grpc.insecure_channel(hub.link, options=options)
    own = hub.identity.read_bytes() if hub.identity and hub.enrolled else None
    authorities = hub.ca.read_bytes() if hub.ca else None
    credentials = grpc.ssl_channel_credentials(authorities, own, own)
    return grpc.secure_channel(hub.link, credentials, options=options)


def _one(channel: grpc.Channel, patience: float) -> float:
    over = threading.Event()
    began = time.monotonic()
    call: Any = LinkServiceStub(channel).Connect(_frames(over), timeout=patience)
    try:
        answer = next(call, None)
        if answer is None:
            raise _NoHub("the stream ended without an answer")
        if answer.goodbye.reason == GoodbyeReason.GOODBYE_REASON_REFUSED:
            raise _Refused(answer.goodbye.message)
        return time.monotonic() - began
    finally:
        over.set()
        call.cancel()


def _frames(over: threading.Event) -> Iterator[ConnectorToHub]:
    """A goodbye, and then the stream is left open until the answer is there."""
    reason = GoodbyeReason.GOODBYE_REASON_STOPPING
    yield ConnectorToHub(goodbye=Goodbye(reason=reason, message="doctor"))
    over.wait()
