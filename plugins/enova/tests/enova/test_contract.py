"""The conformance suite on the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from mostek.connector.testing import ThroughRunner
from mostek.plugin.contract import PluginContract
from mostek.plugin.plugin import Site
from mostek.plugin.schema import ReferenceSchema
from mostek_enova.config import EnovaConfig
from mostek_enova.enova import Enova365
from mostek_enova.sandbox import create
from mostek_enova.schema import older_schema, reference_schema

from .conftest import LARGE_TABLES


class TestEnova365(ThroughRunner, PluginContract):
    plugin_type = Enova365
    large_tables = LARGE_TABLES
    # Groups are features of each site's own.
    unsupported_filters = frozenset({"ListCustomers.group_id", "ListProducts.group_id"})

    @classmethod
    def make_plugin(cls, folder: Path) -> Enova365:
        path = create(
            folder / "enova.db", customers=120, products=120, invoices=330, today=date(2026, 11, 20)
        )
        settings = {"database": {"kind": "sqlite", "path": str(path)}}
        return Enova365(EnovaConfig.model_validate(settings), Site("demo", folder))

    def reference_schemas(self) -> Mapping[str, ReferenceSchema]:
        return {"2026": reference_schema(), "about 2016": older_schema()}
