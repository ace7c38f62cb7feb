from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft
from mostek.erp.v1.order_pb2 import CreateOrderRequest, OrderDraft, ValidateOrderRequest
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.testing import changed_copy, context
from mostek_optima.sandbox import Sandbox

from ..conftest import Frozen, opened

COM: dict[str, Any] = {
    "mode": "com",
    "operator": "ADMIN",
    "password": "tajne-hasło",
    "warehouse": 1,
    "customers": True,
    "worker": {"start_timeout": 20.0, "call_timeout": 20.0},
}


class Shop:
    """A company on a sandbox of its own, and what is asked of it."""

    def __init__(self, path: Path, orders: dict[str, Any] | None) -> None:
        self.path = path
        self.plugin: Frozen = opened(path, company="Demo", orders=orders)
        # Plain goods at 23 %, a buyer without discount, limit and block.
        self.goods = [
            code
            for (code,) in self.rows(
                "SELECT Twr_Kod FROM CDN.Towary WHERE Twr_Typ = 1 AND Twr_NieAktywny = 0 AND Twr_Flaga = 2"
                " AND Twr_Stawka = 23 AND Twr_Kaucja = 0 AND Twr_TwrId NOT IN (SELECT TwJZ_TwrID FROM CDN.TwrJMZ)"
            )
        ]
        self.buyer, self.code = self.rows(
            "SELECT Knt_KntId, Knt_Kod FROM CDN.Kontrahenci WHERE Knt_Upust = 0 AND Knt_Nieaktywny = 0"
            " AND Knt_BlokadaDok = 0 AND Knt_Ceny = 0 AND Knt_Finalny = 0 AND Knt_KntId > 9"
        )[0]

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with closing(connect_sandbox(self.path, "CDN")) as connection:
            return connection.execute(sql, parameters).fetchall()

    def change(self, statement: str) -> None:
        with closing(connect_sandbox(self.path, "CDN")) as connection:
            connection.execute(statement)

    def row(self, table: str, key: str, value: Any) -> dict[str, Any]:
        with closing(connect_sandbox(self.path, "CDN")) as connection:
            cursor = connection.execute(f"SELECT * FROM CDN.{table} WHERE {key} = ?", (value,))
            names = [column[0] for column in cursor.description]
            return dict(zip(names, cursor.fetchone(), strict=True))

    def draft(self, **more: Any) -> OrderDraft:
        lines = [
            {"product": {"code": self.goods[0]}, "quantity": "3", "price": {"net": "10.00"}},
            {"product": {"code": self.goods[1]}, "quantity": "2.5", "price": {"net": "4.99"}},
        ]
        plain = {"external_number": "WEB-1", "buyer": {"code": self.code}, "lines": lines}
        return OrderDraft(**{**plain, **more})

    def order(self, **more: Any) -> Any:
        request = CreateOrderRequest(order=self.draft(**more))
        return self.plugin.call("CreateOrder", request, context("CreateOrder", idempotency_key="1"))

    def check(self, **more: Any) -> Any:
        request = ValidateOrderRequest(order=self.draft(**more))
        return self.plugin.call("ValidateOrder", request, context("ValidateOrder"))

    def customer(self, **draft: Any) -> Any:
        request = CreateCustomerRequest(customer=CustomerDraft(**draft))
        running = context("CreateCustomer", idempotency_key="1")
        return self.plugin.call("CreateCustomer", request, running)

    def orders(self, number: str = "WEB-1") -> list[int]:
        found = self.rows("SELECT TrN_TrNID FROM CDN.TraNag WHERE TrN_NumerObcy = ?", number)
        return [int(row[0]) for row in found]


Company = Callable[..., Shop]


@pytest.fixture
def company(sandbox: Sandbox, tmp_path: Path) -> Iterator[Company]:
    """A company whose sandbox was changed by some statements first; `orders` is its table of that name."""
    made: list[Shop] = []

    def make(*statements: str, orders: dict[str, Any] | None) -> Shop:
        folder = tmp_path / f"shop{len(made)}"
        folder.mkdir()
        path = changed_copy(sandbox.path, folder / "optima.db", *statements, schema="CDN")
        made.append(Shop(path, orders))
        return made[-1]

    yield make
    for shop in made:
        shop.plugin.close()


@pytest.fixture
def com(company: Company) -> Shop:
    return company(orders=COM)


@pytest.fixture
def sql(company: Company, sandbox: Sandbox) -> Shop:
    return company(orders={"mode": "sql", "template": sandbox.template_order})
