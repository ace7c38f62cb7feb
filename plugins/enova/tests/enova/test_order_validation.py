"""What is checked before anything of an order is touched."""

from __future__ import annotations

from typing import Any

import pytest

from mostek.erp.v1.erp_pb2 import DescribeErpRequest
from mostek.erp.v1.order_pb2 import (
    OrderProblemCode,
)
from mostek.plugin.testing import context
from mostek.wire.failures import (
    Rejected,
)

from .asking import WARSAW
from .conftest import Company, Shop


def test_every_problem_is_told_at_once_by_its_line(shop: Shop) -> None:
    code = OrderProblemCode
    hidden = shop.value("SELECT Kod FROM dbo.Towary WHERE Blokada = 1 AND Typ = 1")
    recipe = shop.value("SELECT Kod FROM dbo.Towary WHERE Typ = 8 AND Blokada = 0")
    blocked = shop.value("SELECT Kod FROM dbo.Kontrahenci WHERE BlokadaSprzedazy = 1")
    found = shop.problems(
        external_number=" WEB-9",
        buyer={"code": blocked},
        recipient={"code": "!INCYDENTALNY"},
        currency="EUR",
        discount="5",
        warehouse_id="99",
        price_list_id="41",
        payment_method_id="12",
        payment_days=14,
        reserve=True,
        delivery={"address": {"address": WARSAW}},
        transaction_kind="TRANSACTION_KIND_EXPORT",
        document_wanted="DOCUMENT_WANTED_INVOICE",
        lines=[
            {"product": {"code": "no such"}, "quantity": "1"},
            {"product": {"code": hidden}, "quantity": "1", "price": {"net": "1"}},
            {"product": {"code": recipe}, "quantity": "1.12345", "price": {"net": "1"}},
            shop.line(net="1") | {"unit": "opak", "remark": "x"},
            shop.line(1, net="1") | {"vat_code": "8%"},
            shop.line(2, gross="1") | {"warehouse_id": "4"},
        ],
    )
    assert found == {
        "external_number": code.ORDER_PROBLEM_CODE_INCONSISTENT,
        "buyer.code": code.ORDER_PROBLEM_CODE_INACTIVE,
        "recipient.code": code.ORDER_PROBLEM_CODE_NOT_FOUND,
        "currency": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "discount": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "warehouse_id": code.ORDER_PROBLEM_CODE_NOT_FOUND,
        "price_list_id": code.ORDER_PROBLEM_CODE_NOT_FOUND,
        "payment_method_id": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "payment_days": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "reserve": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "delivery.address": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "transaction_kind": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "document_wanted": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "lines[0].product.code": code.ORDER_PROBLEM_CODE_NOT_FOUND,
        "lines[1].product.code": code.ORDER_PROBLEM_CODE_INACTIVE,
        "lines[2].product.code": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "lines[2].quantity": code.ORDER_PROBLEM_CODE_TOO_LONG,
        "lines[3].unit": code.ORDER_PROBLEM_CODE_NOT_FOUND,
        "lines[3].remark": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "lines[4].vat_code": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "lines[5].price.gross": code.ORDER_PROBLEM_CODE_INCONSISTENT,
        "lines[5].warehouse_id": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
    }


def test_whether_goods_are_reserved_is_the_definitions_affair(shop: Shop) -> None:
    unsupported = OrderProblemCode.ORDER_PROBLEM_CODE_UNSUPPORTED
    assert shop.problems(reserve=True) == {"reserve": unsupported}
    assert not shop.problems(reserve=False)
    assert not shop.problems(reserve=True, series="ZOI")
    assert shop.problems(reserve=False, series="ZOI") == {"reserve": unsupported}


@pytest.mark.parametrize(
    ("series", "code"),
    [
        ("ZO/D", OrderProblemCode.ORDER_PROBLEM_CODE_INACTIVE),
        ("FV", OrderProblemCode.ORDER_PROBLEM_CODE_NOT_FOUND),
        ("zażółć", OrderProblemCode.ORDER_PROBLEM_CODE_NOT_FOUND),
    ],
)
def test_a_series_that_makes_no_orders_is_refused(shop: Shop, series: str, code: int) -> None:
    assert shop.problems(series=series) == {"series": code}


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        ({"definition": "ZK"}, "there is no definition ZK of customers' orders"),
        ({"warehouse": "X"}, "there is no warehouse X: correct `warehouse`"),
        ({"price_list": "Y"}, "there are no prices Y: correct `price_list`"),
    ],
)
def test_a_wrong_configuration_is_told_by_its_setting(
    company: Company, orders: dict[str, str], said: str
) -> None:
    shop = company(**orders)
    assert any(said in one.message for one in shop.check().problems)
    with pytest.raises(Rejected, match=said.replace("`", ".")):
        shop.order()


@pytest.mark.parametrize("typed", ["{0}", "{0:.3}-{1}-{2}-{3}", "PL {0}"])
def test_a_buyer_is_found_by_its_nip_in_any_notation(shop: Shop, typed: str) -> None:
    nip = shop.value("SELECT NIP FROM dbo.Kontrahenci WHERE ID = ?", shop.buyer)
    digits = "".join(filter(str.isdigit, nip))
    wanted = typed.format(digits, digits[3:6], digits[6:8], digits[8:])
    assert not shop.problems(buyer={"tax_id": wanted})


def test_a_nip_that_two_have_is_ambiguous(company: Company) -> None:
    shop = company()
    nip = shop.value("SELECT NIP FROM dbo.Kontrahenci WHERE ID = ?", shop.buyer)
    shop.connection.execute("UPDATE dbo.Kontrahenci SET NIP = ? WHERE ID = 2", (nip,))
    found = shop.problems(buyer={"tax_id": nip})
    assert found == {"buyer.tax_id": OrderProblemCode.ORDER_PROBLEM_CODE_AMBIGUOUS}


def test_a_product_is_found_by_any_of_its_bar_codes(shop: Shop) -> None:
    code = shop.value("SELECT MAX(Kod) FROM dbo.KodyKreskowe WHERE ZapisType = 'Towary'")
    line = {"product": {"ean": code}, "quantity": "1", "price": {"net": "1"}}
    assert not shop.problems(lines=[line])
    other = shop.value("SELECT MAX(Kod) FROM dbo.KodyKreskowe WHERE ZapisType <> 'Towary'")
    line["product"] = {"ean": other}
    assert list(shop.problems(lines=[line])) == ["lines[0].product.ean"]


def test_a_product_without_a_price_needs_one(company: Company) -> None:
    shop = company("DELETE FROM dbo.Ceny WHERE Definicja = 42")
    found = shop.problems(lines=[shop.line()])
    assert found == {"lines[0].price": OrderProblemCode.ORDER_PROBLEM_CODE_NO_PRICE}


def test_the_lengths_of_the_database_hold(company: Company) -> None:
    shop = company(
        "ALTER TABLE dbo.DokHandlowe RENAME COLUMN ObcyNumer TO was",
        "ALTER TABLE dbo.DokHandlowe ADD COLUMN ObcyNumer 'nvarchar(5)' COLLATE Polish_CI_AS",
    )
    assert shop.problems(external_number="WEB-10") == {
        "external_number": OrderProblemCode.ORDER_PROBLEM_CODE_TOO_LONG
    }
    limits = {one.path: one.max_length for one in shop_limits(shop)}
    assert limits["OrderDraft.external_number"] == 5
    assert limits["OrderDraft.lines.product.code"] == 100


def shop_limits(shop: Shop) -> list[Any]:
    answer = shop.plugin.describe_erp(DescribeErpRequest(), context("DescribeErp"))
    return list(answer.erp.limits)
