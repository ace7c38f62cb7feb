"""The conformance suite on the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

from mostek.connector.testing import ThroughRunner
from mostek.plugin.contract import FilterCase, PluginContract
from mostek.plugin.contract_hostile import LITERALS
from mostek.plugin.plugin import Site
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.schema import ReferenceSchema
from mostek_subiekt.nexo.config import NexoConfig
from mostek_subiekt.nexo.plugin import SubiektNexo
from mostek_subiekt.nexo.sandbox import create
from mostek_subiekt.nexo.schema import OWNER, reference_schema

from .conftest import LARGE_TABLES


def _plant(path: Path) -> None:
    """Names that hold what means something to LIKE and to SQL, so that there is something to find."""
    with closing(connect_sandbox(path, OWNER)) as erp:
        for number, text in enumerate(LITERALS, 100_003):
            for table, column in (("Asortymenty", "Nazwa"), ("Podmioty", "NazwaSkrocona")):
                erp.execute(
                    f"UPDATE {OWNER}.{table} SET {column} = ? WHERE Id = ?",
                    (f"Klucz {text}9", number),
                )


def _group(customer: Any) -> Any:
    return customer.group.id or None


class TestSubiektNexo(ThroughRunner, PluginContract):
    plugin_type = SubiektNexo
    large_tables = LARGE_TABLES
    # No column is known that marks a product as withdrawn.
    unsupported_filters = frozenset({"ListProducts.active"})
    filters: ClassVar[Mapping[str, Mapping[str, FilterCase]]] = {
        # A customer of several groups is found by each of them, and tells the first.
        "ListCustomers": {"group_id": FilterCase(_group, lambda item, group: True, walks=True)},
    }

    @classmethod
    def make_plugin(cls, folder: Path) -> SubiektNexo:
        path = create(
            folder / "nexo.db", customers=160, products=120, invoices=300, today=date(2026, 11, 20)
        )
        _plant(path)
        database = {"kind": "sqlite", "path": str(path), "schema": OWNER}
        config = NexoConfig.model_validate({"database": database})
        return SubiektNexo(config, Site("demo", folder))

    def reference_schemas(self) -> Mapping[str, ReferenceSchema]:
        return {"59": reference_schema()}
