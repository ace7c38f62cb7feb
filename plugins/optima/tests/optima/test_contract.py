"""The conformance suite on the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from mostek.connector.testing import ThroughRunner
from mostek.plugin.contract import FilterCase, PluginContract
from mostek.plugin.plugin import Site
from mostek.plugin.schema import ReferenceSchema
from mostek_optima.optima import Optima
from mostek_optima.sandbox import create
from mostek_optima.schema import VERSIONS, older_schema, reference_schema

from .conftest import LARGE_TABLES, TODAY, settings

#: Groups are a tree: those below the wanted one are found with it.
_BELOW = {"101": {"101", "102"}, "102": {"102"}, "103": {"103"}}


class TestOptima(ThroughRunner, PluginContract):
    plugin_type = Optima
    large_tables = LARGE_TABLES
    filters: ClassVar[Mapping[str, Mapping[str, FilterCase]]] = {
        "ListProducts": {
            "group_id": FilterCase(
                lambda item: item.group.id or None,
                lambda item, wanted: item.group.id in _BELOW[wanted],
                walks=True,
            )
        }
    }

    @classmethod
    def make_plugin(cls, folder: Path) -> Optima:
        path = folder / "optima.db"
        create(path, customers=120, products=120, invoices=400, today=TODAY)
        return Optima(settings(path), Site("demo", folder))

    def reference_schemas(self) -> Mapping[str, ReferenceSchema]:
        return {"2026.4": reference_schema(), **{v: older_schema(v) for v in VERSIONS}}
