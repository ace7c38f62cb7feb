"""The conformance suite on the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from mostek.plugin.contract import PluginContract
from mostek.plugin.plugin import Site
from mostek.plugin.schema import ReferenceSchema
from mostek_wapro.config import WaproConfig
from mostek_wapro.mag import WaproMag
from mostek_wapro.sandbox import create
from mostek_wapro.schema import older_schema, reference_schema

from .conftest import LARGE_TABLES


class TestWaproMag(PluginContract):
    plugin_type = WaproMag
    large_tables = LARGE_TABLES
    # No column is known that holds the number.
    unsupported_filters = frozenset({"ListInvoices.ksef_number"})

    @classmethod
    def make_plugin(cls, folder: Path) -> WaproMag:
        path = create(
            folder / "wapro.db", customers=160, products=120, invoices=300, today=date(2026, 11, 20)
        )
        settings = {"database": {"kind": "sqlite", "path": str(path)}, "company": "Nasza"}
        return WaproMag(WaproConfig.model_validate(settings), Site("demo", folder))

    def reference_schemas(self) -> Mapping[str, ReferenceSchema]:
        return {"8": reference_schema(), "2017": older_schema()}
