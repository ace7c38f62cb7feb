"""The checks in their order: what is below first."""

from __future__ import annotations

from collections.abc import Sequence

from mostek.connector.doctor import erp, hub, journal, machine, network, tls
from mostek.connector.doctor.examination import Check

__all__ = ["CHECKS"]

CHECKS: Sequence[Check] = (
    Check("configuration", machine.configuration),
    Check("machine", machine.machine),
    Check("journal", journal.journal),
    Check("proxy", network.proxy, needs=("hub",)),
    Check("name", network.name, needs=("hub",)),
    Check("route", network.route, needs=("hub", "proxy", "name")),
    Check("tls", tls.tls, needs=("route",)),
    Check("identity", tls.identity, needs=("hub",)),
    Check("api", hub.api, needs=("hub", "proxy")),
    Check("stream", hub.stream, needs=("tls", "identity")),
    Check("idle", network.idle, needs=("route",)),
    Check("odbc", erp.odbc),
    Check("database", erp.databases, needs=("companies", "odbc"), apart=True),
    Check("rights", erp.rights, needs=("database",)),
    Check("isolation", erp.isolation, needs=("database",)),
    Check("schema", erp.schema, needs=("database",)),
)
