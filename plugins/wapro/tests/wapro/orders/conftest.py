from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.json_format import ParseDict

from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CreateCustomerResponse,
    CustomerDraft,
)
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CreateOrderResponse,
    OrderDraft,
    ValidateOrderRequest,
    ValidateOrderResponse,
)
from mostek.plugin.plugin import Site
from mostek.plugin.query import Query
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.sql_plugin import SqlConfig
from mostek.plugin.testing import context
from mostek.wire.rules import validate
from mostek_wapro.config import WaproConfig
from mostek_wapro.mag import WaproMag
from mostek_wapro.sandbox import create
from mostek_wapro.schema import older_schema

TODAY = date(2026, 11, 20)
QUERIES: dict[str, Query] = {}


class Writer(WaproMag):
    """WAPRO Mag on the sandbox's last day. Its queries are read from their files once, not for every test."""

    def _load(self, config: SqlConfig) -> dict[str, Query]:
        if not QUERIES:
            QUERIES.update(super()._load(config))
        return dict(QUERIES)

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=self.site.zone)


@dataclass
class Shop:
    """A company that takes orders, what it sells and to whom, and its database asked directly."""

    path: Path
    orders: dict[str, Any] | None = field(default_factory=dict)
    lock_timeout: float = 3.0
    #: More of the company's configuration.
    rules: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection = connect_sandbox(self.path)
        self.plugin = self.opened()
        self.buyer = self.value(
            "SELECT MIN(ID_KONTRAHENTA) FROM dbo.KONTRAHENT WHERE ID_FIRMY = 3 AND ODBIORCA = 1 AND ZABLOKOWANY = '0'"
            " AND Incydentalny = 0 AND DOMYSLNY_RABAT = 0 AND NIP > '' AND SYM_KRAJU = 'PL' AND TERMIN_NALEZNOSCI = 14"
        )
        self.goods = self.column(
            "SELECT INDEKS_KATALOGOWY FROM dbo.ARTYKUL WHERE ID_MAGAZYNU = 1 AND ZABLOKOWANY = '0'"
            " AND RODZAJ = 'Towar' AND VAT_SPRZEDAZY = '23' ORDER BY ID_ARTYKULU"
        )

    def opened(self) -> Writer:
        database = {"kind": "sqlite", "path": str(self.path), "lock_timeout": self.lock_timeout}
        settings: dict[str, Any] = {"database": database, "company": "Nasza", "orders": self.orders}
        settings |= self.rules
        site = Site("demo", self.path.parent, ZoneInfo("Europe/Warsaw"))
        plugin = Writer(WaproConfig.model_validate(settings), site)
        plugin.open()
        return plugin

    def draft(self, **changes: Any) -> OrderDraft:
        whole: dict[str, Any] = {
            "external_number": "WEB-1",
            "buyer": {"id": str(self.buyer)},
            "lines": [{"product": {"code": self.goods[0]}, "quantity": "2"}],
        }
        draft = ParseDict(whole | changes, OrderDraft())
        validate(draft)
        return draft

    def order(self, draft: OrderDraft | None = None, **changes: Any) -> CreateOrderResponse:
        request = CreateOrderRequest(order=draft or self.draft(**changes))
        return self.plugin.create_order(request, context("CreateOrder", idempotency_key="key"))

    def check(self, draft: OrderDraft | None = None, **changes: Any) -> ValidateOrderResponse:
        request = ValidateOrderRequest(order=draft or self.draft(**changes))
        return self.plugin.validate_order(request, context("ValidateOrder"))

    def problems(self, **changes: Any) -> dict[str, str]:
        """What is wrong, by field."""
        return {one.field: one.message for one in self.check(**changes).problems}

    def customer(self, **fields: Any) -> CreateCustomerResponse:
        draft = ParseDict(fields, CustomerDraft())
        validate(draft)
        request = CreateCustomerRequest(customer=draft)
        key = context("CreateCustomer", idempotency_key="key")
        return self.plugin.create_customer(request, key)

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, parameters).fetchall()

    def column(self, sql: str, *parameters: Any) -> list[Any]:
        return [row[0] for row in self.rows(sql, *parameters)]

    def value(self, sql: str, *parameters: Any) -> Any:
        return self.rows(sql, *parameters)[0][0]

    def row(self, table: str, key: str, value: Any) -> dict[str, Any]:
        cursor = self.connection.execute(f"SELECT * FROM dbo.{table} WHERE {key} = ?", (value,))
        return dict(zip((c[0] for c in cursor.description), cursor.fetchone(), strict=True))

    def counted(self) -> dict[str, int]:
        """How many rows there are of what a write may add to, and the last number drawn."""
        tables = ("ZAMOWIENIE", "POZYCJA_ZAMOWIENIA", "KONTRAHENT", "ADRESY_KONTRAHENTA")
        found = {table: self.value(f"SELECT COUNT(*) FROM dbo.{table}") for table in tables}
        return found | {"": self.value("SELECT SUM(LAST_ID) FROM dbo.NUMERACJA")}

    def close(self) -> None:
        self.plugin.close()
        self.connection.close()


@pytest.fixture(scope="session")
def sandboxes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A sandbox for each generation of the procedures."""
    folder = tmp_path_factory.mktemp("orders")
    sizes: dict[str, Any] = {"customers": 60, "products": 60, "invoices": 40, "today": TODAY}
    schemas = {"2019": older_schema(), "2022": None, "2026": None}
    return {
        name: create(folder / f"{name}.db", schema=schema, generation=name, **sizes)
        for name, schema in schemas.items()
    }


@pytest.fixture
def company(sandboxes: dict[str, Path], tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Makes a shop on a copy of a sandbox in which some statements were run first."""
    made: list[Shop] = []

    def make(
        *statements: str,
        generation: str = "2026",
        lock_timeout: float = 3.0,
        closed: bool = False,
        **orders: Any,
    ) -> Shop:
        path = tmp_path / f"company{len(made)}.db"
        shutil.copy(sandboxes[generation], path)
        with closing(connect_sandbox(path)) as connection:
            for statement in statements:
                connection.execute(statement)
        given = None if closed else {"user": "MOSTEK", "warehouse": "MAG"} | orders
        made.append(Shop(path, given, lock_timeout))
        return made[-1]

    yield make
    for shop in made:
        shop.close()


@pytest.fixture
def shop(company: Callable[..., Shop]) -> Shop:
    return company()
