"""What a site's process counts, for the plugins' part: the connector shows it with its own."""

from __future__ import annotations

import prometheus_client
from prometheus_client import CollectorRegistry, Histogram

__all__ = ["COUNTED", "QUERY_SECONDS"]

# The moment at which a series was made would double their number, and tells nothing.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

#: All metrics of the process.
COUNTED = CollectorRegistry()
QUERY_SECONDS = Histogram(
    "mostek_connector_erp_query_seconds",
    "Of a statement, until the ERP's database has its first rows.",
    ["company"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    registry=COUNTED,
)
