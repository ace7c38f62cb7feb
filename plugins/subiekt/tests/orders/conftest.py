from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

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
from mostek_subiekt.config import SubiektConfig
from mostek_subiekt.gt import SubiektGt
from mostek_subiekt.sandbox import create
from mostek_subiekt.schema import older_schema

TODAY = date(2026, 11, 20)
TEMPLATE = "ZK 1/11/2024"


QUERIES: dict[str, Query] = {}


class Writer(SubiektGt):
    """Subiekt on the sandbox's last day. Its queries are read from their files once, not for every test."""

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
    config: dict[str, Any] = field(default_factory=dict)
    lock_timeout: float = 3.0

    def __post_init__(self) -> None:
        self.connection = connect_sandbox(self.path)
        self.plugin = self.opened()
        self.buyer = self.value(
            "SELECT MIN(kh_Id) FROM dbo.kh__Kontrahent JOIN dbo.adr__Ewid ON adr_IdObiektu = kh_Id"
            " AND adr_TypAdresu = 1 WHERE kh_Zablokowany = 0 AND kh_Jednorazowy = 0 AND kh_IdRabat IS NULL"
            " AND kh_PlatOdroczone = 1 AND kh_DomyslnyTypCeny = 1 AND kh_Cena = 2 AND kh_AdresDostawy = 0"
            " AND kh_CentrumAut = 0 AND kh_InstKredytowa = 0 AND length(adr_NIP) >= 10 AND adr_NIP < 'A'"
        )
        self.goods = self.column(
            "SELECT tw_Symbol FROM dbo.tw__Towar WHERE tw_Rodzaj = 1 AND tw_Usuniety = 0 AND tw_Zablokowany = 0"
            " AND tw_Id NOT IN (SELECT jm_IdTowar FROM dbo.tw_JednMiary) ORDER BY tw_Id"
        )
        self.service = self.value("SELECT MIN(tw_Symbol) FROM dbo.tw__Towar WHERE tw_Rodzaj = 2")

    def opened(self) -> Writer:
        database = {"kind": "sqlite", "path": str(self.path), "lock_timeout": self.lock_timeout}
        settings = SubiektConfig.model_validate({"database": database, **self.config})
        return Writer(settings, Site("demo", self.path.parent))

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

    def close(self) -> None:
        self.plugin.close()
        self.connection.close()


@pytest.fixture(scope="session")
def current(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("orders") / "subiekt.db"
    create(path, customers=120, products=120, invoices=80, today=TODAY)
    return path


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("orders") / "older.db"
    create(path, customers=120, products=120, invoices=80, today=TODAY, schema=older_schema())
    return path


@pytest.fixture
def company(current: Path, old: Path, tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Makes a shop on a copy of the sandbox in which some statements were run first."""
    made: list[Shop] = []

    def make(
        *statements: str, older: bool = False, lock_timeout: float = 3.0, **orders: Any
    ) -> Shop:
        path = tmp_path / f"company{len(made)}.db"
        shutil.copy(old if older else current, path)
        with closing(connect_sandbox(path)) as connection:
            for statement in statements:
                connection.execute(statement)
        template = {} if "mode" in orders else {"template": TEMPLATE}
        made.append(Shop(path, {"orders": template | orders}, lock_timeout))
        return made[-1]

    yield make
    for shop in made:
        shop.close()


@pytest.fixture
def shop(company: Callable[..., Shop]) -> Shop:
    return company()


@pytest.fixture
def closed_shop(current: Path, tmp_path: Path) -> Iterator[Shop]:
    """A company that configured no orders."""
    path = tmp_path / "closed.db"
    shutil.copy(current, path)
    with closing(Shop(path)) as shop:
        yield shop
