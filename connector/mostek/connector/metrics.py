"""Every metric of the connector, by name; `docs/metrics.md` has a row for each.

Shown on a port of this machine where `[metrics]` asks for it. Labels have few values: operations, kinds of failure, the
companies of the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from mostek.link.v1.failure_pb2 import FailureKind
from mostek.link.v1.link_pb2 import Command
from mostek.plugin.metrics import COUNTED
from mostek.wire.failures import CommandFailure
from mostek.wire.operations import OPERATIONS
from mostek.wire.session import ConnectorSession, RoundTrip, reason_of

__all__ = ["beaten", "certified", "ended", "left", "running", "seen", "shown", "welcomed"]

_BUCKETS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    120.0,
)

_INFO = Gauge("mostek_connector_info", "The version that runs.", ["version"], registry=COUNTED)
_SESSIONS = Gauge(
    "mostek_connector_sessions",
    "Sessions that the hub has welcomed; none: the connector is offline.",
    registry=COUNTED,
)
_CONNECTS = Counter("mostek_connector_connects", "Sessions that were welcomed.", registry=COUNTED)
_DISCONNECTS = Counter(
    "mostek_connector_disconnects",
    "Streams that ended, by reason: that of the hub's goodbye, else left by this side, failed before it was welcomed,"
    " silent or cut.",
    ["reason"],
    registry=COUNTED,
)
_ROUND_TRIP_SECONDS = Histogram(
    "mostek_connector_round_trip_seconds",
    "Of heartbeats, to the hub and back.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    registry=COUNTED,
)
_COMMANDS = Counter(
    "mostek_connector_commands",
    "Commands that ended, by outcome: ok, or the kind of the failure.",
    ["operation", "outcome"],
    registry=COUNTED,
)
_COMMAND_SECONDS = Histogram(
    "mostek_connector_command_seconds",
    "Of a command, from its arrival until its end.",
    ["operation"],
    buckets=_BUCKETS,
    registry=COUNTED,
)
_RUNNING = Gauge(
    "mostek_connector_commands_running", "Commands that run or wait here.", registry=COUNTED
)
_RESULT_BYTES = Counter("mostek_connector_result_bytes", "Bytes of responses.", registry=COUNTED)
_COMPANY_DRIFT = Gauge(
    "mostek_connector_company_drift",
    "What of a company's schema is not as its plugin expects: how many sentences.",
    ["company"],
    registry=COUNTED,
)
_COMPANY_UP = Gauge(
    "mostek_connector_company_up",
    "Whether the ERP could be looked at when that was tried last, twice a minute.",
    ["company"],
    registry=COUNTED,
)
_CERTIFICATE = Gauge(
    "mostek_connector_certificate_expiry_timestamp_seconds",
    "When the connector's certificate expires; 0 without TLS.",
    registry=COUNTED,
)


def welcomed() -> None:
    """The hub has welcomed a session."""
    _CONNECTS.inc()
    _SESSIONS.inc()


def left(rules: ConnectorSession, now: float, *, was_welcomed: bool) -> None:
    """A stream ended."""
    if was_welcomed:
        _SESSIONS.dec()
    if rules.heard is not None:
        reason = reason_of(rules.heard).removeprefix("GOODBYE_REASON_").lower()
    elif not was_welcomed:
        reason = "failed"
    elif rules.said is not None:
        reason = "left"
    else:
        reason = "silent" if rules.is_dead(now) else "cut"
    _DISCONNECTS.labels(reason).inc()


def beaten(round_trip: RoundTrip) -> None:
    """A heartbeat was answered."""
    _ROUND_TRIP_SECONDS.observe(round_trip.seconds)


@contextmanager
def running() -> Iterator[None]:
    """A command runs or waits within the block."""
    with _RUNNING.track_inprogress():
        yield


def ended(command: Command, end: bytes | CommandFailure, seconds: float) -> None:
    """A command has its end."""
    if isinstance(end, bytes):
        outcome = "ok"
        _RESULT_BYTES.inc(len(end))
    else:
        outcome = FailureKind.Name(end.kind).removeprefix("FAILURE_KIND_").lower()
    # Whatever the hub calls it, there are no more series than operations.
    operation = command.operation if command.operation in OPERATIONS else "unknown"
    _COMMANDS.labels(operation, outcome).inc()
    _COMMAND_SECONDS.labels(operation).observe(seconds)


def seen(company: str, drift: Sequence[str] | None) -> None:
    """A company's ERP was looked at; None: it could not be."""
    _COMPANY_UP.labels(company).set(drift is not None)
    if drift is not None:
        _COMPANY_DRIFT.labels(company).set(len(drift))


def certified(expires_at: float) -> None:
    """When the certificate in use expires, seconds since 1970."""
    _CERTIFICATE.set(expires_at)


@contextmanager
def shown(host: str, port: int) -> Iterator[int]:
    """Serve `/metrics` from a thread of its own until the block ends; the port. OSError: it is taken."""
    _INFO.labels(version("mostek")).set(1)
    server, thread = start_http_server(port, host, COUNTED)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
