"""The conformance suite of writes, by Sfera nexo."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mostek.connector.testing import ThroughRunner
from mostek.erp.v1.order_pb2 import (
    CustomerChoice,
    OrderDraft,
    OrderLineDraft,
    PriceChoice,
    ProductChoice,
)
from mostek.plugin.contract import OrderContract
from mostek.plugin.contract_hostile import HostileContract
from mostek.plugin.plugin import Plugin, Site
from mostek_subiekt.nexo.config import NexoConfig
from mostek_subiekt.nexo.plugin import SubiektNexo
from mostek_subiekt.nexo.sandbox import create
from mostek_subiekt.nexo.schema import OWNER

from .test_nexo_orders import SFERA

WRITES = ("ValidateOrder", "CreateOrder")


class TestSferaNexo(ThroughRunner, OrderContract, HostileContract):
    """Reads are the same however it is written: `test_contract.py` has their rules."""

    plugin_type = SubiektNexo
    test_a_literal_is_looked_for_as_it_stands: ClassVar[Any] = None

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        if "served" in metafunc.fixturenames:
            metafunc.parametrize("served", WRITES)

    @classmethod
    def make_plugin(cls, folder: Path) -> SubiektNexo:
        path = create(
            folder / "nexo.db", customers=40, products=40, invoices=40, today=date(2026, 11, 20)
        )
        database = {"kind": "sqlite", "path": str(path), "schema": OWNER}
        config = NexoConfig.model_validate({"database": database, "orders": SFERA})
        return SubiektNexo(config, Site("demo", folder))

    def order(self, plugin: Plugin, number: str) -> OrderDraft:
        lines = [
            OrderLineDraft(
                product=ProductChoice(code=code), quantity="2", price=PriceChoice(net="10.50")
            )
            for code in ("ŚRU-00000", "NAK-00001")
        ]
        return OrderDraft(external_number=number, buyer=CustomerChoice(code="K00000"), lines=lines)
