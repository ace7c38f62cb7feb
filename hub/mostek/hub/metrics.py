"""Every metric of the hub, by name: what is counted as it happens, and what is read when Prometheus asks.

`docs/metrics.md` has a row for each. Labels have few values, whatever the number of connectors and tenants; only the
series of `_BY_CONNECTOR`, which an operator turns on, have one for each connector.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mostek.link.v1.failure_pb2 import FailureKind
from mostek.wire.failures import CommandFailure
from mostek.wire.operations import Operation
from mostek.wire.session import Finished, HubSession, RoundTrip, reason_of

__all__ = [
    "Snapshot",
    "answered",
    "beaten",
    "closed",
    "conflict",
    "ended",
    "forwarded",
    "journal_fault",
    "opened",
]

# The moment at which a series was made would double their number, and tells nothing.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

_COUNTED = CollectorRegistry()
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_CALLS = Counter(
    "mostek_hub_calls",
    "Calls that ended, by class (read, write) and outcome: ok, abandoned by the caller, or the kind of the failure.",
    ["operation", "class", "outcome"],
    registry=_COUNTED,
)
_CALL_SECONDS = Histogram(
    "mostek_hub_call_seconds",
    "From a call's arrival until its answer; of a write as long as its caller waited.",
    ["operation"],
    buckets=_BUCKETS,
    registry=_COUNTED,
)
_HUB_SECONDS = Histogram(
    "mostek_hub_call_hub_seconds",
    "Of a read: the hub's own part, with the waiting for a connector that is about to come back.",
    buckets=_BUCKETS,
    registry=_COUNTED,
)
_LINK_SECONDS = Histogram(
    "mostek_hub_call_link_seconds",
    "Of a command: the way to the connector and back, without what the connector itself took.",
    buckets=_BUCKETS,
    registry=_COUNTED,
)
_SITE_SECONDS = Histogram(
    "mostek_hub_call_site_seconds",
    "Of a command: what connector, plugin and ERP took, as the connector says.",
    ["operation"],
    buckets=_BUCKETS,
    registry=_COUNTED,
)
_RESULT_BYTES = Counter(
    "mostek_hub_result_bytes", "Bytes of responses that came from connectors.", registry=_COUNTED
)
_CONNECTS = Counter(
    "mostek_hub_connects",
    "Streams that said Hello: opened, or refused as a copy, crowded or leaving.",
    ["result"],
    registry=_COUNTED,
)
_DISCONNECTS = Counter(
    "mostek_hub_disconnects",
    "Sessions that ended, by reason: that of the goodbye, else silent or cut.",
    ["reason"],
    registry=_COUNTED,
)
_CONFLICTS = Counter(
    "mostek_hub_registry_conflicts",
    "Second processes of an instance that was there and answered.",
    registry=_COUNTED,
)
_JOURNAL_FAULTS = Counter(
    "mostek_hub_journal_faults",
    "Journals of sites that were not the ones that they had been.",
    registry=_COUNTED,
)
_FORWARDS = Counter(
    "mostek_hub_forwards",
    "Reads that were sent to another replica: answered, failed, not_there, lost (with the connection to it, too).",
    ["end"],
    registry=_COUNTED,
)
_ROUND_TRIP_SECONDS = Histogram(
    "mostek_hub_round_trip_seconds",
    "Of heartbeats, from the hub to a connector and back.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    registry=_COUNTED,
)

_GAUGES = {
    "mostek_hub_info": ("The version that runs.", ("version",)),
    "mostek_hub_ready": ("Whether the hub takes calls: 1, or 0 while it starts and drains.", ()),
    "mostek_hub_replicas": ("Replicas that are alive as far as this one knows, itself too.", ()),
    "mostek_hub_may_write": (
        "Whether this replica may send writes: 0 while others may take it for dead.",
        (),
    ),
    "mostek_hub_sessions": ("Open sessions.", ("state",)),
    "mostek_hub_connectors": ("Connectors that this hub knows.", ("state",)),
    "mostek_hub_connectors_outdated": ("Connectors with software older than this hub's.", ()),
    "mostek_hub_companies": (
        "Companies of the connectors that are online, by schema.",
        ("schema",),
    ),
    "mostek_hub_slots": ("Room for commands in the open sessions.", ("state",)),
    "mostek_hub_heartbeat_age_max_seconds": ("The longest that any open session was silent.", ()),
    "mostek_hub_result_budget_bytes": ("Bytes of responses that the hub may hold at once.", ()),
    "mostek_hub_result_held_bytes": ("Bytes of responses that the hub holds.", ()),
    "mostek_hub_commands": ("Durable commands without an end, by state.", ("state",)),
    "mostek_hub_command_oldest_seconds": ("Age of the oldest durable command without an end.", ()),
    "mostek_hub_commands_to_resolve": (
        "Dead letters, and commands whose end an operator has to find.",
        ("state",),
    ),
    "mostek_hub_backlog_read_timestamp_seconds": (
        "When the numbers of durable commands were read; older ones mean that the database is away.",
        (),
    ),
    "mostek_hub_server_certificate_expiry_timestamp_seconds": (
        "When the certificate of the API expires; absent without TLS.",
        (),
    ),
    "mostek_hub_connector_certificate_expiry_min_timestamp_seconds": (
        "When the first certificate of those that are connected expires.",
        (),
    ),
}
#: Only with MOSTEK_HUB_METRICS_BY_CONNECTOR.
_BY_CONNECTOR = {
    "mostek_hub_connector_up": ("Whether the connector has a session.", ("tenant", "connector")),
    "mostek_hub_connector_changed_timestamp_seconds": (
        "When a session of the connector came or went last.",
        ("tenant", "connector"),
    ),
}


# Looking a series up costs more than counting in it, and each call counts in three.
_calls = cache(_CALLS.labels)
_call_seconds = cache(_CALL_SECONDS.labels)
_site_seconds = cache(_SITE_SECONDS.labels)


@cache
def _kind(kind: FailureKind.ValueType) -> str:
    return FailureKind.Name(kind).removeprefix("FAILURE_KIND_").lower()


def ended(operation: Operation, end: str | CommandFailure, seconds: float, away: float) -> None:
    """A call ended: `ok`, `abandoned` or with a failure. `away`: seconds of them that it was with connectors."""
    outcome = end if isinstance(end, str) else _kind(end.kind)
    _calls(operation.name, "write" if operation.write else "read", outcome).inc()
    _call_seconds(operation.name).observe(seconds)
    if not operation.write:
        _HUB_SECONDS.observe(max(seconds - away, 0.0))


def answered(operation: str, finished: Finished) -> None:
    """A command came back."""
    _RESULT_BYTES.inc(len(finished.response or b""))
    if finished.worked:
        _site_seconds(operation).observe(finished.worked)
        _LINK_SECONDS.observe(max(finished.seconds - finished.worked, 0.0))


def opened(result: str) -> None:
    """A stream said Hello: `opened`, or why not."""
    _CONNECTS.labels(result).inc()


def closed(rules: HubSession, now: float) -> None:
    """A session ended."""
    reason = rules.heard if rules.said is None else rules.said
    if reason is not None:
        text = reason_of(reason).removeprefix("GOODBYE_REASON_").lower()
    else:
        text = "silent" if rules.is_dead(now) else "cut"
    _DISCONNECTS.labels(text).inc()


def beaten(round_trip: RoundTrip) -> None:
    """A heartbeat was answered."""
    _ROUND_TRIP_SECONDS.observe(round_trip.seconds)


def conflict() -> None:
    """A second process of an instance was refused."""
    _CONFLICTS.inc()


def journal_fault() -> None:
    """A site's journal was rewritten, cut or replaced."""
    _JOURNAL_FAULTS.inc()


def forwarded(end: str) -> None:
    """A read came back from another replica, or did not."""
    _FORWARDS.labels(end).inc()


@dataclass(frozen=True)
class Snapshot(Collector):
    """Values of gauges at a moment: name, labels, value. Any thread can write them out."""

    values: Sequence[tuple[str, tuple[str, ...], float]]

    def collect(self) -> Iterator[Metric]:
        """All that Prometheus reads: what is counted, then the gauges."""
        yield from _COUNTED.collect()
        known = _GAUGES | _BY_CONNECTOR
        families: dict[str, GaugeMetricFamily] = {}
        for name, labels, value in self.values:
            if name not in families:
                text, names = known[name]
                families[name] = GaugeMetricFamily(name, text, labels=names)
            families[name].add_metric(labels, value)
        yield from families.values()
