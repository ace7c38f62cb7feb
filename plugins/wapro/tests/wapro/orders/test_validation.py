"""What is wrong with a draft is told whole, by line, before anything is touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mostek.wire.failures import Invalid

Company = Callable[..., Any]


def test_every_problem_is_told_at_once_by_line_and_nothing_is_written(shop: Any) -> None:
    good = {"product": {"code": shop.goods[0]}, "quantity": "1"}
    changes: dict[str, Any] = {
        "external_number": "x" * 31,
        "remarks": "日本",
        "warehouse_id": "9",
        "payment_method_id": "99",
        "lines": [
            {"product": {"code": "no such"}, "quantity": "1"},
            good | {"unit": "paleta"},
            good | {"vat_code": "99"},
            good | {"quantity": "1.23456"},
        ],
    }
    before = shop.counted()
    problems = shop.problems(**changes)
    assert problems.keys() == {
        *("external_number", "remarks", "warehouse_id", "payment_method_id"),
        *("lines[0].product.code", "lines[1].unit", "lines[2].vat_code", "lines[3].quantity"),
    }
    with pytest.raises(Invalid) as raised:
        shop.order(**changes)
    assert len(raised.value.violations) == len(problems)
    assert shop.counted() == before


@pytest.mark.parametrize("notation", ["{}", "PL {}", "{0:.3}-{1}"])
def test_a_customer_is_found_by_its_tax_id_in_any_notation(shop: Any, notation: str) -> None:
    nip = "".join(filter(str.isdigit, shop.row("KONTRAHENT", "ID_KONTRAHENTA", shop.buyer)["NIP"]))
    spelled = (
        f"{nip[:3]}-{nip[3:6]}-{nip[6:8]}-{nip[8:]}" if "-" in notation else notation.format(nip)
    )
    answer = shop.order(buyer={"tax_id": spelled})
    assert answer.customer.id == str(shop.buyer)


def test_a_product_is_found_by_either_bar_code_in_the_order_s_warehouse(shop: Any) -> None:
    codes = shop.rows(
        "SELECT t.KOD_KRESKOWY, k.KOD_KRESKOWY, t.ID_ARTYKULU FROM dbo.ARTYKUL t"
        " JOIN dbo.KOD_KRESKOWY k ON k.ID_ARTYKULU = t.ID_ARTYKULU"
        " WHERE t.ID_MAGAZYNU = 1 AND t.ZABLOKOWANY = '0' AND t.KOD_KRESKOWY > ''"
    )[0]
    lines = [{"product": {"ean": code}, "quantity": "1"} for code in codes[:2]]
    answer = shop.order(lines=lines)
    assert {line.product_id for line in answer.order.lines} == {str(codes[2])}


def test_a_card_of_another_warehouse_is_refused_and_says_which(shop: Any) -> None:
    other = shop.value(
        "SELECT ID_ARTYKULU FROM dbo.ARTYKUL WHERE ID_MAGAZYNU = 2 AND INDEKS_KATALOGOWY = ?",
        shop.goods[0],
    )
    line = {"product": {"id": str(other)}, "quantity": "1"}
    assert "SKL" in shop.problems(lines=[line])["lines[0].product.id"]
    assert shop.order(lines=[line], warehouse_id="2").id


def test_another_company_s_card_is_not_there(shop: Any) -> None:
    foreign = shop.value("SELECT MIN(ID_ARTYKULU) FROM dbo.ARTYKUL WHERE ID_MAGAZYNU = 9")
    line = {"product": {"id": str(foreign)}, "quantity": "1"}
    assert "no such product" in shop.problems(lines=[line])["lines[0].product.id"]
    customer = shop.value("SELECT MIN(ID_KONTRAHENTA) FROM dbo.KONTRAHENT WHERE ID_FIRMY = 7")
    assert "no such customer" in shop.problems(buyer={"id": str(customer)})["buyer.id"]


def test_a_quantity_in_another_unit_is_refused_with_what_to_give(shop: Any) -> None:
    code = shop.value(
        "SELECT t.INDEKS_KATALOGOWY FROM dbo.ARTYKUL t JOIN dbo.JEDNOSTKA j ON j.ID_ARTYKULU = t.ID_ARTYKULU"
        " WHERE j.SKROT = 'kart.' AND t.ID_MAGAZYNU = 1 AND t.ZABLOKOWANY = '0'"
    )
    line = {"product": {"code": code}, "quantity": "1.5", "unit": "kart.", "price": {"net": "12"}}
    said = shop.problems(lines=[line])["lines[0].unit"]
    assert "give the quantity in the product's basic unit" in said


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO dbo.CENNIK_KONTRAHENTA (ID_ARTYKULU, ID_KONTRAHENTA, ID_CENNIK_KONTRAHENTA)"
        " SELECT 1, ID_KONTRAHENTA, ID_KONTRAHENTA FROM dbo.KONTRAHENT",
        "UPDATE dbo.KONTRAHENT SET DOMYSLNY_RABAT = 7",
        "UPDATE dbo.GRUPA_KONTRAHENTA SET NARZUT = 3",
        "UPDATE dbo.ARTYKUL SET CENA_PROMOCJI_N = 1, PROMOCJA_OD = 82000, PROMOCJA_DO = 90000",
    ],
)
def test_a_price_that_the_program_would_count_otherwise_has_to_be_given(
    shop: Any, statement: str
) -> None:
    shop.connection.execute(statement)
    assert "can't be told" in shop.problems()["lines[0].discount"]
    line = {"product": {"code": shop.goods[0]}, "quantity": "2", "price": {"net": "5"}}
    assert not shop.problems(lines=[line])


def test_a_promotion_that_is_over_does_not_matter(company: Company) -> None:
    over = "UPDATE dbo.ARTYKUL SET CENA_PROMOCJI_N = 1, PROMOCJA_OD = 82000, PROMOCJA_DO = 82001"
    assert not company(over).problems()


def test_prices_come_from_the_group_s_list_then_the_site_s_then_the_product_s(
    company: Company,
) -> None:
    no_list = "UPDATE dbo.GRUPA_KONTRAHENTA SET ID_CENY = NULL"
    prices = []
    for statements, config in (
        (["UPDATE dbo.GRUPA_KONTRAHENTA SET ID_CENY = 2"], {}),
        ([no_list], {"price_list": "Hurtowa"}),
        ([no_list], {}),
    ):
        shop = company(*statements, **config)
        prices.append(shop.order().order.lines[0].net_price)
    listed = shop.column(
        "SELECT c.CENA_NETTO FROM dbo.CENA_ARTYKULU c JOIN dbo.ARTYKUL t ON t.ID_ARTYKULU = c.ID_ARTYKULU"
        " WHERE t.INDEKS_KATALOGOWY = ? AND t.ID_MAGAZYNU = 1 ORDER BY c.ID_CENY DESC",
        shop.goods[0],
    )
    assert [float(price) for price in prices] == [listed[0], listed[0], listed[1]]


def test_the_buyer_s_discount_goes_with_the_erp_s_price_only(shop: Any) -> None:
    shop.connection.execute(
        "UPDATE dbo.KONTRAHENT SET DOMYSLNY_RABAT = -10 WHERE ID_KONTRAHENTA = ?", (shop.buyer,)
    )
    own = {"product": {"code": shop.goods[1]}, "quantity": "1", "price": {"net": "10"}}
    listed = {"product": {"code": shop.goods[0]}, "quantity": "1"}
    answer = shop.order(lines=[listed, own])
    price = shop.value(
        "SELECT c.CENA_NETTO FROM dbo.CENA_ARTYKULU c JOIN dbo.ARTYKUL t ON t.ID_ARTYKULU = c.ID_ARTYKULU"
        " JOIN dbo.KONTRAHENT k ON k.ID_KONTRAHENTA = ? JOIN dbo.GRUPA_KONTRAHENTA g ON g.ID_GRUPY = k.ID_GRUPY"
        " WHERE t.INDEKS_KATALOGOWY = ? AND t.ID_MAGAZYNU = 1 AND c.ID_CENY = g.ID_CENY",
        shop.buyer,
        shop.goods[0],
    )
    found = [float(line.net_price) for line in answer.order.lines]
    assert found == pytest.approx([price * 0.9, 10], abs=0.00005)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"currency": "EUR"}, "currency"),
        ({"exchange_rate": {"rate": "4.2"}}, "exchange_rate"),
        ({"discount": "3"}, "discount"),
        ({"series": "ZX"}, "series"),
        ({"transaction_kind": "TRANSACTION_KIND_EXPORT"}, "transaction_kind"),
        ({"attributes": {"POLE1": "x"}}, "attributes.POLE1"),
        ({"delivery": {"id": "1"}}, "delivery.id"),
        ({"delivery_date": "2026-11-01"}, "delivery_date"),
        ({"expected_total": "1.00"}, "expected_total"),
    ],
)
def test_what_is_not_written_is_refused_by_name(
    shop: Any, changes: dict[str, Any], field: str
) -> None:
    assert list(shop.problems(**changes)) == [field]


@pytest.mark.parametrize(
    ("statement", "field", "said"),
    [
        ("UPDATE dbo.KONTRAHENT SET ZABLOKOWANY = '1'", "buyer.id", "blocked"),
        ("UPDATE dbo.KONTRAHENT SET ODBIORCA = 0", "buyer.id", "supplier"),
        ("UPDATE dbo.KONTRAHENT SET Incydentalny = 1", "buyer.id", "no such customer"),
        ("UPDATE dbo.ARTYKUL SET ZABLOKOWANY = '1'", "lines[0].product.code", "withdrawn"),
        ("UPDATE dbo.CENA_ARTYKULU SET CENA_NETTO = 0", "lines[0].price", "no price"),
        ("UPDATE dbo.CENA_ARTYKULU SET SYM_WAL = 'EUR'", "lines[0].price", "another currency"),
        ("UPDATE dbo.STAWKA_VAT SET AKTYWNY = '0'", "lines[0]", "no VAT rate"),
    ],
)
def test_cards_that_can_not_be_used_are_told(
    shop: Any, statement: str, field: str, said: str
) -> None:
    shop.connection.execute(statement)
    problems = shop.problems()
    assert list(problems) == [field]
    assert said in problems[field]
