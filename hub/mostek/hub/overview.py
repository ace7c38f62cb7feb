"""How a hub is, in a few lines, from what it shows Prometheus."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

__all__ = ["asked", "overview"]

_ASK_WITHIN = 5.0


def asked(address: str) -> dict[str, str]:
    """What the hub whose metrics are at host:port tells. Raises OSError."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=_ASK_WITHIN) as answer:
        return overview(answer.read().decode(), time.time())


def overview(text: str, now: float) -> dict[str, str]:
    """The lines by their names. `now`: seconds since 1970."""
    families = {family.name: family for family in text_string_to_metric_families(text)}
    return dict(_lines(families, now))


def _lines(families: dict[str, Metric], now: float) -> Iterator[tuple[str, str]]:
    def sums(name: str, label: str = "state") -> str:
        found = families[name].samples if name in families else []
        return ", ".join(f"{one.value:.0f} {one.labels[label]}" for one in found) or "none"

    def only(name: str) -> float | None:
        found = families[name].samples if name in families else []
        return found[0].value if found else None

    yield "version", families["mostek_hub_info"].samples[0].labels["version"]
    yield "ready", "yes" if only("mostek_hub_ready") else "no"
    yield "connectors", sums("mostek_hub_connectors")
    yield "sessions", sums("mostek_hub_sessions")
    yield "slots", sums("mostek_hub_slots")
    yield "companies", sums("mostek_hub_companies", "schema")
    yield "writes", sums("mostek_hub_commands")
    oldest = only("mostek_hub_command_oldest_seconds") or 0
    yield "oldest write", str(timedelta(seconds=round(oldest)))
    yield "writes to look at", sums("mostek_hub_commands_to_resolve")
    read_at = only("mostek_hub_backlog_read_timestamp_seconds")
    yield "database", f"read {now - read_at:.0f} s ago" if read_at else "not read yet"
    if (expires := only("mostek_hub_server_certificate_expiry_timestamp_seconds")) is not None:
        yield "certificate", f"expires in {(expires - now) / 86400:.1f} days"
