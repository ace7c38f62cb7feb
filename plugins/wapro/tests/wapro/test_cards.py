"""Customers and products as they are read."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from mostek.erp.v1.product_pb2 import ProductKind
from mostek.plugin.testing import listed, read

from .conftest import Frozen, Rows

# Customers


def test_a_tax_id_is_found_however_it_was_typed(mag: Frozen) -> None:
    polish = [c for c in listed(mag, "ListCustomers") if c.tax_id.country == "PL"]
    number = polish[0].tax_id.number
    dashed = f"{number[:3]}-{number[3:6]}-{number[6:8]}-{number[8:]}"
    for typed in (number, dashed, f"PL{number}", f"PL {dashed}"):
        assert [c.id for c in listed(mag, "ListCustomers", tax_id=typed)] == [polish[0].id]
    assert len(polish) == len({c.tax_id.number for c in polish})


def test_suppliers_alone_and_one_off_customers_are_left_out(mag: Frozen, rows: Rows) -> None:
    ((count,),) = rows(
        "SELECT COUNT(*) FROM dbo.KONTRAHENT WHERE ID_FIRMY = 3 AND ODBIORCA = 1 AND Incydentalny = 0"
    )
    assert len(listed(mag, "ListCustomers")) == count < 120


def test_only_a_negative_percentage_is_a_discount(mag: Frozen) -> None:
    assert {c.discount for c in listed(mag, "ListCustomers")} == {"", "5.00"}


def test_a_customer_opened_by_an_operator_is_still_there(mag: Frozen, rows: Rows) -> None:
    edited = rows(
        "SELECT ID_KONTRAHENTA FROM dbo.KONTRAHENT WHERE FLAGA_STANU = 1 AND ID_FIRMY = 3"
    )
    assert read(mag, "GetCustomer", id=str(edited[0][0])).customer.name


def test_a_code_that_can_be_no_number_finds_nothing(mag: Frozen) -> None:
    assert not read(mag, "ListCustomers", codes=["KOWALSKI"]).customers


# Products


def test_a_product_is_a_card_of_one_warehouse(mag: Frozen, rows: Rows) -> None:
    products = listed(mag, "ListProducts")
    by_code = defaultdict(list)
    for product in products:
        by_code[product.code].append(product)
    assert all(len(cards) == 2 for cards in by_code.values())
    stored = {
        str(i): (s, r)
        for i, s, r in rows("SELECT ID_ARTYKULU, STAN, ZAREZERWOWANO FROM dbo.ARTYKUL")
    }
    for product in products:
        if product.kind == ProductKind.PRODUCT_KIND_SERVICE:
            assert not product.stock
            continue
        (stock,) = product.stock
        on_hand, reserved = stored[product.id]
        assert (float(stock.on_hand), float(stock.reserved)) == (on_hand, reserved)
        assert Decimal(stock.available) == Decimal(stock.on_hand) - Decimal(stock.reserved)


def test_a_code_in_a_warehouse_is_one_product(mag: Frozen) -> None:
    product = listed(mag, "ListProducts")[0]
    found = listed(mag, "ListProducts", codes=[product.code], warehouse_id="2")
    assert [s.warehouse.id for p in found for s in p.stock] == ["2"]


def test_a_rate_that_is_none_has_no_percentage(mag: Frozen) -> None:
    rates = {p.vat_rate.code: p.vat_rate.percent for p in listed(mag, "ListProducts")}
    assert {code: rates[code] for code in ("23", "0", "zw", "np")} == {
        "23": "23.00",
        "0": "0.00",
        "zw": "",
        "np": "",
    }
