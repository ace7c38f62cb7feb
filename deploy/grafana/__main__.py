"""Writes the dashboard: `python deploy/grafana` (`make dashboard`). Panels stand below, in the order of the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

OUTPUT = Path(__file__).parent / "mostek.json"
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_WIDTH, _HEIGHT = 8, 8


class Panel(NamedTuple):
    """A diagram: its queries by legend. `unit`: Grafana's name of it."""

    title: str
    unit: str
    queries: dict[str, str]


def _quantiles(metric: str) -> dict[str, str]:
    rate = f"sum by (le) (rate({metric}_bucket[$__rate_interval]))"
    return {
        f"p{quantile}": f"histogram_quantile({quantile / 100}, {rate})" for quantile in (50, 99)
    }


ROWS: dict[str, list[Panel]] = {
    "Calls": [
        Panel(
            "Calls",
            "reqps",
            {
                "{{class}} {{outcome}}": "sum by (class, outcome) (rate(mostek_hub_calls_total[$__rate_interval]))"
            },
        ),
        Panel("From arrival to answer", "s", _quantiles("mostek_hub_call_seconds")),
        Panel(
            "By operation, 99 of 100",
            "s",
            {
                "{{operation}}": "histogram_quantile(0.99, sum by (le, operation)"
                " (rate(mostek_hub_call_seconds_bucket[$__rate_interval])))"
            },
        ),
        Panel("Of it: the hub", "s", _quantiles("mostek_hub_call_hub_seconds")),
        Panel("Of it: the link", "s", _quantiles("mostek_hub_call_link_seconds")),
        Panel("Of it: the site", "s", _quantiles("mostek_hub_call_site_seconds")),
    ],
    "Connectors": [
        Panel("Connectors", "none", {"{{state}}": "max by (state) (mostek_hub_connectors)"}),
        Panel("Sessions", "none", {"{{instance}} {{state}}": "mostek_hub_sessions"}),
        Panel(
            "Comings and goings",
            "cps",
            {
                "came: {{result}}": "sum by (result) (rate(mostek_hub_connects_total[$__rate_interval]))",
                "went: {{reason}}": "-sum by (reason) (rate(mostek_hub_disconnects_total[$__rate_interval]))",
            },
        ),
        Panel("Heartbeats there and back", "s", _quantiles("mostek_hub_round_trip_seconds")),
        Panel("Slots", "none", {"{{state}}": "sum by (state) (mostek_hub_slots)"}),
        Panel(
            "Companies by schema", "none", {"{{schema}}": "sum by (schema) (mostek_hub_companies)"}
        ),
    ],
    "Writes": [
        Panel("Without an end", "none", {"{{state}}": "max by (state) (mostek_hub_commands)"}),
        Panel("The oldest of them", "s", {"age": "max(mostek_hub_command_oldest_seconds)"}),
        Panel(
            "For an operator",
            "none",
            {"{{state}}": "max by (state) (mostek_hub_commands_to_resolve)"},
        ),
    ],
    "The hub": [
        Panel(
            "Responses",
            "Bps",
            {"{{instance}}": "rate(mostek_hub_result_bytes_total[$__rate_interval])"},
        ),
        Panel(
            "Room for responses",
            "percentunit",
            {"{{instance}}": "mostek_hub_result_held_bytes / mostek_hub_result_budget_bytes"},
        ),
        Panel(
            "Certificates expire in",
            "s",
            {
                "API {{instance}}": "mostek_hub_server_certificate_expiry_timestamp_seconds - time()",
                "first connector": "min(mostek_hub_connector_certificate_expiry_min_timestamp_seconds) - time()",
            },
        ),
    ],
    "Connectors that are scraped themselves": [
        Panel("Sessions with the hub", "none", {"{{instance}}": "mostek_connector_sessions"}),
        Panel(
            "Commands",
            "cps",
            {
                "{{instance}} {{outcome}}": "sum by (instance, outcome)"
                " (rate(mostek_connector_commands_total[$__rate_interval]))"
            },
        ),
        Panel(
            "Statements of the ERP, 95 of 100",
            "s",
            {
                "{{instance}} {{company}}": "histogram_quantile(0.95, sum by (le, instance, company)"
                " (rate(mostek_connector_erp_query_seconds_bucket[$__rate_interval])))"
            },
        ),
    ],
}


def dashboard() -> dict[str, Any]:
    """What Grafana imports."""
    return {
        "title": "Mostek",
        "uid": "mostek",
        "schemaVersion": 39,
        "tags": ["mostek"],
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "templating": {
            "list": [
                {"name": "source", "label": "Source", "type": "datasource", "query": "prometheus"}
            ]
        },
        "panels": list(_panels()),
    }


def _panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    below = 0
    for title, panels in ROWS.items():
        place = {"x": 0, "y": below, "w": 24, "h": 1}
        found.append({"id": len(found) + 1, "type": "row", "title": title, "gridPos": place})
        for number, panel in enumerate(panels):
            line, column = divmod(number, 24 // _WIDTH)
            at = (column * _WIDTH, below + 1 + line * _HEIGHT)
            found.append(_panel(len(found) + 1, panel, at))
        below += 1 + _HEIGHT * -(-len(panels) * _WIDTH // 24)
    return found


def _panel(number: int, panel: Panel, at: tuple[int, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {"x": at[0], "y": at[1], "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {"tooltip": {"mode": "multi", "sort": "desc"}},
        "targets": [
            {
                "refId": chr(ord("A") + n),
                "datasource": _SOURCE,
                "expr": query,
                "legendFormat": legend,
            }
            for n, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def text() -> str:
    """The file."""
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    OUTPUT.write_text(text(), encoding="utf-8")
    print(OUTPUT)
