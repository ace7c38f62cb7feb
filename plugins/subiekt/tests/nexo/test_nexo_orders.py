"""Orders by Sfera nexo, with the double of its objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
import sqlglot
from pydantic import ValidationError
from sqlglot import exp

from mostek.erp.v1.order_pb2 import OrderState
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.testing import context, recorded
from mostek.plugin.worker.inside import Fault
from mostek.wire.failures import (
    Conflict,
    ErpUnavailable,
    Invalid,
    Locked,
    Rejected,
    Unsupported,
)
from mostek.wire.operations import OPERATIONS
from mostek_subiekt.nexo.config import NexoConfig
from mostek_subiekt.nexo.net import load
from mostek_subiekt.nexo.orders.writer import NexoWriter
from mostek_subiekt.nexo.schema import OWNER

from . import faulty
from .conftest import Frozen, opened

SFERA: dict[str, Any] = {
    "folder": "/nexo/Bin",
    "operator": "Szef",
    "password": "tajne-hasło",
    "worker": {"start_timeout": 20.0, "call_timeout": 20.0},
}
GOODS = ("ŚRU-00000", "NAK-00001")
Shop = Callable[..., "Company"]


class Company:
    def __init__(self, path: Path, **orders: Any) -> None:
        self.path = path
        config = {"orders": SFERA | orders} if orders is not None else {}
        self.plugin = opened(path, **config)

    def call(self, operation: str, **fields: Any) -> Any:
        request = OPERATIONS[operation].request(**fields)
        return self.plugin.call(operation, request, context(operation, idempotency_key="key"))

    def order(self, **fields: Any) -> Any:
        return self.call("CreateOrder", order=draft(**fields))

    def problems(self, **fields: Any) -> dict[str, str]:
        answer = self.call("ValidateOrder", order=draft(**fields))
        return {problem.field: problem.message for problem in answer.problems}

    def rows(self, sql: str, *parameters: Any) -> list[Any]:
        with closing(connect_sandbox(self.path, OWNER)) as erp:
            return erp.execute(sql.replace("@", f"{OWNER}."), parameters).fetchall()

    def written(self) -> list[Any]:
        return self.rows("SELECT Id FROM @Dokumenty WHERE NumerZewnetrzny = 'SHOP-1'")


def draft(**fields: Any) -> dict[str, Any]:
    lines = [line(code, net="10.50") for code in GOODS]
    return {"external_number": "SHOP-1", "buyer": {"code": "K00001"}, "lines": lines} | fields


def line(code: str, quantity: str = "2", **more: Any) -> dict[str, Any]:
    price = {key: more.pop(key) for key in ("net", "gross") if key in more}
    return (
        {"product": {"code": code}, "quantity": quantity}
        | ({"price": price} if price else {})
        | more
    )


@pytest.fixture
def shop(nexo_path: Path, tmp_path: Path) -> Iterator[Company]:
    company = Company(copyfile(nexo_path, tmp_path / "nexo.db"))
    yield company
    company.plugin.close()


@pytest.fixture
def broken(nexo_path: Path, tmp_path: Path) -> Iterator[Shop]:
    """A company whose Sfera fails as it is told."""
    made: list[Company] = []

    def make(fault: str, **worker: Any) -> Company:
        path = copyfile(nexo_path, tmp_path / "nexo.db")
        company = Company(path, worker=SFERA["worker"] | worker)
        made.append(company)
        plugin = company.plugin
        plugin.writer.close()
        plugin.writer = NexoWriter(plugin, plugin.settings, f"{faulty.__name__}:Faulty")
        Path(f"{path}.fault").write_text(fault)
        return company

    yield make
    for company in made:
        company.plugin.close()


# What is written


def test_an_order_is_written_by_the_program_and_read_back(shop: Company) -> None:
    answer = shop.order(remarks="Zażółć gęślą jaźń", delivery_date="2026-12-01")
    order = answer.order
    assert (order.id, order.number) == (answer.id, answer.number)
    assert order.external_number == "SHOP-1"
    assert order.remarks == "Zażółć gęślą jaźń"
    assert order.delivery_date == "2026-12-01"
    assert order.order_date == "2026-11-20"
    assert order.state == OrderState.ORDER_STATE_OPEN
    assert [one.product_code for one in order.lines] == list(GOODS)
    assert [one.net_price for one in order.lines] == ["10.5000", "10.5000"]
    assert not answer.already_existed
    assert not answer.warnings


def test_an_order_sent_again_is_found(shop: Company) -> None:
    lines = [line(GOODS[0], net="10.3333", discount="12.5"), line(GOODS[1])]
    lines[1]["discount"] = "0"
    first, again = shop.order(lines=lines), shop.order(lines=lines)
    assert again.already_existed
    assert (again.id, again.number) == (first.id, first.number)
    assert len(shop.written()) == 1
    with pytest.raises(Conflict, match=r"lines\[0\]\.quantity"):
        shop.order(lines=[line(GOODS[0], "3", net="10.3333", discount="12.5"), lines[1]])


def test_gross_prices_and_a_discount_come_to_what_was_planned(shop: Company) -> None:
    answer = shop.order(lines=[line(GOODS[0], "3", gross="12.30", discount="10")])
    assert not answer.warnings
    assert answer.order.gross == "33.2100"
    assert answer.order.lines[0].discount == "10.0000"


def test_recipient_warehouse_and_payment_are_those_of_the_draft(shop: Company) -> None:
    (warehouse,) = shop.rows("SELECT MAX(Id) FROM @Magazyny")[0]
    (form,) = shop.rows("SELECT Id FROM @FormyPlatnosci WHERE Nazwa = 'przelew 30 dni'")[0]
    answer = shop.order(
        recipient={"code": "K00002"}, warehouse_id=str(warehouse), payment_method_id=str(form)
    )
    order = answer.order
    assert order.warehouse.id == str(warehouse)
    assert order.payment_method.id == str(form)
    assert [party.customer_code for party in order.parties][:2] == ["K00001", "K00002"]


def test_a_line_without_price_has_the_programs(shop: Company) -> None:
    answer = shop.order(lines=[line(GOODS[0], discount="0")])
    assert not answer.warnings
    assert float(answer.order.lines[0].net_price) > 0


def test_a_total_that_the_program_counts_otherwise_writes_nothing(broken: Shop) -> None:
    shop = broken("dearer")
    with pytest.raises(Rejected, match="expected total"):
        shop.order(lines=[line(GOODS[0], net="10")], expected_total="24.60")
    assert not shop.written()


# What is refused


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"reserve": True}, "reserve"),
        ({"price_list_id": "1"}, "price_list_id"),
        ({"series": "X"}, "series"),
        ({"currency": "EUR"}, "currency"),
        ({"payment_days": 7}, "payment_days"),
        ({"attributes": {"route": "5"}}, "attributes.route"),
        ({"buyer": {"draft": {"name": "Nowy", "tax_id": "5252344078"}}}, "buyer.draft"),
        ({"lines": [line(GOODS[0], net="1", vat_code="8")]}, "lines[0].vat_code"),
        ({"lines": [line(GOODS[0], net="1", unit="karton")]}, "lines[0].unit"),
        ({"lines": [line(GOODS[0])]}, "lines[0].discount"),
    ],
)
def test_what_is_not_known_to_be_taken_is_refused(
    shop: Company, fields: dict[str, Any], where: str
) -> None:
    assert where in shop.problems(**fields)
    with pytest.raises((Unsupported, Invalid)):
        shop.order(**fields)
    assert not shop.written()


def test_no_customer_is_created_and_one_that_is_there_is_told(shop: Company) -> None:
    with pytest.raises(Unsupported, match="add the customer in the program"):
        shop.call("CreateCustomer", customer={"name": "Nowy"})
    answer = shop.call("CreateCustomer", customer={"name": "Stary", "code": "K00001"})
    assert (answer.customer.code, answer.customer.created) == ("K00001", False)
    operations = shop.call("DescribeErp").erp.operations
    assert "CreateOrder" in operations
    assert "CreateCustomer" not in operations


def test_without_a_configuration_nothing_is_written(nexo: Frozen) -> None:
    for operation, fields in (
        ("CreateOrder", {"order": draft()}),
        ("CreateCustomer", {"customer": {"name": "Nowy"}}),
    ):
        with pytest.raises(Unsupported, match=r"\[companies\.<name>\.orders\]"):
            nexo.call(
                operation,
                OPERATIONS[operation].request(**fields),
                context(operation, idempotency_key="key"),
            )


def test_a_configuration_without_operator_is_refused() -> None:
    with pytest.raises(ValidationError, match="operator"):
        NexoConfig.model_validate(
            {"database": {"kind": "sqlite", "path": "x.db"}, "orders": {"folder": "/nexo"}}
        )


# How it fails


@pytest.mark.parametrize(
    ("fault", "failure", "said"),
    [
        ("no licence", ErpUnavailable, "licence"),
        ("licence lost", ErpUnavailable, "no licence for Sfera"),
        ("wrong password", ErpUnavailable, "operator"),
        ("other version", ErpUnavailable, "exactly the version"),
        ("open", Locked, "open in Subiekt nexo"),
        ("locked", Locked, "open in Subiekt nexo"),
        ("no database", ErpUnavailable, "lost its database"),
        ("no member", ErpUnavailable, "this version"),
        ("refuses", Rejected, "refused"),
        ("raises", Rejected, "refused"),
        ("dies", ErpUnavailable, None),
        ("vanishes", Rejected, "nothing is there"),
    ],
)
def test_each_failure_is_told_by_what_it_means(
    broken: Shop, fault: str, failure: type[Exception], said: str | None
) -> None:
    shop = broken(fault)
    with pytest.raises(failure, match=said):
        shop.order()
    assert not shop.written()


@pytest.mark.parametrize("fault", ["raises after commit", "dies after commit"])
def test_what_was_saved_before_it_failed_is_found(broken: Shop, fault: str) -> None:
    shop = broken(fault)
    answer = shop.order()
    assert [(int(answer.id),)] == shop.written()


def test_a_dialog_does_not_hold_the_connector(broken: Shop) -> None:
    shop = broken("dialog", call_timeout=1.5)
    with pytest.raises(ErpUnavailable):
        shop.order()
    assert not shop.written()


# Rights


def test_every_statement_is_tsql_and_covered_by_the_rights(shop: Company) -> None:
    rights = shop.plugin.rights()
    with recorded(shop.plugin.database) as sent:
        shop.order(lines=[line(GOODS[0], discount="0")], warehouse_id="100000")
        shop.problems(external_number="SHOP-2", price_list_id="100000", payment_method_id="1")
        by_ean = {"product": {"ean": "5900000000008"}, "quantity": "1", "price": {"net": "1"}}
        shop.problems(external_number="SHOP-3", buyer={"tax_id": "5252344078"}, lines=[by_ean])
    named = set()
    for sql, _ in sent:
        if sql.startswith("PRAGMA") or "sqlite_master" in sql:
            continue
        tree = sqlglot.parse_one(sql.replace("LIMIT ?", ""), read="tsql")
        assert isinstance(tree, exp.Select | exp.Union), sql
        named |= {f"{OWNER}.{table.name}" for table in tree.find_all(exp.Table)}
    assert named <= set(rights.read_tables)
    assert rights.write.looks_up <= named
    assert rights.write.sessions


# .NET


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="correct `folder`"):
        load(str(tmp_path / "nowhere"), "")


def test_pythonnet_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="pythonnet"):
        load(str(tmp_path), "")
