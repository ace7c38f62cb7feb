"""Customers and products: what is easily got wrong, against rows that independent SQL takes from the sandbox."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

import pytest

from mostek.erp.v1.customer_pb2 import CustomerKind
from mostek.erp.v1.product_pb2 import ProductKind
from mostek.plugin.testing import listed, read
from mostek.wire.failures import NotFound

from .asking import KINDS, balance
from .conftest import TODAY, Frozen, Rows

# Customers


def test_a_tax_id_is_found_however_it_was_typed(optima: Frozen) -> None:
    polish = [c for c in listed(optima, "ListCustomers") if c.tax_id.country == "PL"]
    number = polish[0].tax_id.number
    dashed = f"{number[:3]}-{number[3:6]}-{number[6:8]}-{number[8:]}"
    for typed in (number, dashed, f"PL{number}", f"PL {dashed}"):
        assert [c.id for c in listed(optima, "ListCustomers", tax_id=typed)] == [polish[0].id]


def test_a_foreign_tax_id_is_found_by_its_prefix_or_by_the_country(
    optima: Frozen, rows: Rows
) -> None:
    prefixes = {
        p for (p,) in rows("SELECT Knt_NipKraj FROM CDN.Kontrahenci WHERE Knt_KrajISO='DE'")
    }
    assert prefixes == {"", "DE"}
    german = [c for c in listed(optima, "ListCustomers") if c.tax_id.country == "DE"]
    for customer in german:
        found = listed(optima, "ListCustomers", tax_id=f"DE{customer.tax_id.number}")
        assert [c.id for c in found] == [customer.id]
        assert not listed(optima, "ListCustomers", tax_id=f"FR{customer.tax_id.number}")


def test_the_one_off_customer_is_no_customer(optima: Frozen, rows: Rows) -> None:
    ((one_off,),) = rows("SELECT Knt_KntId FROM CDN.Kontrahenci WHERE Knt_Kod = '!NIEOKREŚLONY!'")
    for operation in ("GetCustomer", "GetCustomerBalance"):
        with pytest.raises(NotFound):
            read(optima, operation, id=str(one_off))
    receipts = listed(optima, "ListInvoices", kinds=[KINDS.INVOICE_KIND_RECEIPT])
    assert {p.customer_id for i in receipts for p in i.parties} == {""}
    assert all(p.name for i in receipts for p in i.parties)


def test_the_code_of_one_off_customers_is_configurable(changed: Callable[..., Frozen]) -> None:
    codes = {c.code for c in listed(changed(one_off="K0000"), "ListCustomers")}
    assert "!NIEOKREŚLONY!" in codes
    assert "K0000" not in codes


def test_names_are_joined_of_their_lines(optima: Frozen) -> None:
    names = {c.name: c.full_name for c in listed(optima, "ListCustomers")}
    assert any(full == f"{name} Zakład „Żółw”" for name, full in names.items())
    assert any(full == name for name, full in names.items())


def test_a_customer_may_be_blocked_in_several_ways(optima: Frozen) -> None:
    blocked = [c for c in listed(optima, "ListCustomers") if c.blocked]
    assert {c.block_reason for c in blocked} == {
        "sprzedaż zablokowana",
        "nie może być na dokumentach handlowych",
    }


def test_a_limit_that_is_switched_off_is_none(
    optima: Frozen, changed: Callable[..., Frozen]
) -> None:
    limited = [c for c in listed(optima, "ListCustomers") if c.credit_limit]
    assert {(c.credit_limit, c.credit_used) for c in limited} == {("5000.00", "1234.50")}
    assert balance(optima, limited[0].id).credit_left == "3765.50"
    plugin = changed("UPDATE CDN.Kontrahenci SET Knt_LimitFlag = 0")
    assert not balance(plugin, limited[0].id).HasField("credit_left")
    plugin = changed("UPDATE CDN.Kontrahenci SET Knt_LimitKredytuWal = 'EUR'")
    assert not any(c.HasField("credit_limit") for c in listed(plugin, "ListCustomers"))


def test_a_limit_in_another_currency_is_not_told(changed: Callable[..., Frozen]) -> None:
    plugin = changed("UPDATE CDN.Kontrahenci SET Knt_LimitKredytuWal = 'EUR'")
    customers = listed(plugin, "ListCustomers")
    assert not any(c.HasField("credit_limit") or c.HasField("credit_used") for c in customers)
    limited = balance(plugin, customers[0].id)
    assert not limited.HasField("credit_limit")
    assert not limited.HasField("credit_left")


def test_nobody_s_price_list_is_that_of_purchases(changed: Callable[..., Frozen]) -> None:
    plugin = changed("UPDATE CDN.Kontrahenci SET Knt_Ceny = 1")
    assert not any(c.HasField("price_list") for c in listed(plugin, "ListCustomers"))


@pytest.mark.parametrize(
    "keeper",
    [
        # An operator with an employee's id; an employee with a contractor's id.
        "8, Knt_OpiekunId = (SELECT MIN(Pod_PodId) FROM CDN.PodmiotyView WHERE Pod_PodmiotTyp = 3)",
        "3, Knt_OpiekunId = (SELECT MAX(Knt_KntId) FROM CDN.Kontrahenci)",
    ],
)
def test_a_keeper_is_looked_for_among_its_own_kind(
    changed: Callable[..., Frozen], keeper: str
) -> None:
    plugin = changed(f"UPDATE CDN.Kontrahenci SET Knt_OpiekunTyp = {keeper}")
    assert not any(c.HasField("salesperson") for c in listed(plugin, "ListCustomers"))


def test_days_of_payment_are_the_customers_own_or_those_of_the_form(optima: Frozen) -> None:
    days = defaultdict(set)
    for customer in listed(optima, "ListCustomers"):
        days[customer.payment_method.name].add(customer.payment_days)
    assert days["przelew"] == {14, 21}
    assert days["gotówka"] == {0, 21}


def test_consumers_and_companies_are_told_apart(optima: Frozen) -> None:
    for customer in listed(optima, "ListCustomers"):
        consumer = customer.kind == CustomerKind.CUSTOMER_KIND_CONSUMER
        assert consumer == bool(customer.pesel)


def test_an_inactive_contact_is_left_out(optima: Frozen, rows: Rows) -> None:
    ((active,),) = rows("SELECT COUNT(*) FROM CDN.KntOsoby WHERE KnO_Nieaktywny = 0")
    found = [p for c in listed(optima, "ListCustomers") for p in c.contacts]
    assert len(found) == active
    assert all(p.is_default for p in found)


# Products


def test_stock_is_the_latest_row_of_each_warehouse_not_after_today(
    optima: Frozen, rows: Rows
) -> None:
    """Each day of movement has a row; rows without a warehouse hold all of them together."""
    latest: dict[tuple[str, str], tuple[float, float]] = {}
    for product, warehouse, quantity, reserved in rows(
        "SELECT TwI_TwrId, TwI_MagId, TwI_Ilosc, TwI_Rezerwacje FROM CDN.TwrIlosci"
        f" WHERE TwI_MagId IS NOT NULL AND TwI_Data <= '{TODAY} 23:59:59' ORDER BY TwI_Data"
    ):
        latest[str(product), str(warehouse)] = (quantity, reserved)
    seen = 0
    for product in listed(optima, "ListProducts"):
        for stock in product.stock:
            on_hand, reserved = latest.get((product.id, stock.warehouse.id), (0, 0))
            assert (float(stock.on_hand), float(stock.reserved)) == (on_hand, reserved)
            assert Decimal(stock.available) == Decimal(stock.on_hand) - Decimal(stock.reserved)
            seen += (product.id, stock.warehouse.id) in latest
    assert seen == len(latest)


def test_goods_that_never_moved_have_a_stock_of_nothing_and_services_have_none(
    optima: Frozen, rows: Rows
) -> None:
    moved = {str(p) for (p,) in rows("SELECT TwI_TwrId FROM CDN.TwrIlosci")}
    products = listed(optima, "ListProducts")
    still = [
        p for p in products if p.id not in moved and p.kind != ProductKind.PRODUCT_KIND_SERVICE
    ]
    assert still
    assert {s.on_hand for p in still for s in p.stock} == {"0.0000"}
    services = [p for p in products if p.kind == ProductKind.PRODUCT_KIND_SERVICE]
    assert services
    assert not any(p.stock for p in services)


def test_a_warehouse_out_of_use_shows_only_where_something_is_in_it(optima: Frozen) -> None:
    old = [
        p for p in listed(optima, "ListProducts") if "STARY" in {s.warehouse.code for s in p.stock}
    ]
    assert 0 < len(old) < 10


def test_in_stock_looks_at_one_warehouse_if_one_is_named(changed: Callable[..., Frozen]) -> None:
    plugin = changed(
        "UPDATE CDN.TwrIlosci SET TwI_Ilosc = 0 WHERE TwI_MagId = 2 AND TwI_TwrId <> 1000"
    )
    assert len(listed(plugin, "ListProducts", only_in_stock=True)) > 50
    found = listed(plugin, "ListProducts", only_in_stock=True, warehouse_id="2")
    assert [p.id for p in found] == ["1000"]
    assert not listed(plugin, "ListProducts", only_in_stock=True, warehouse_id="no")


def test_the_purchase_price_and_lists_out_of_use_do_not_leave(optima: Frozen) -> None:
    names = {p.price_list.name for one in listed(optima, "ListProducts") for p in one.prices}
    assert names == {"hurtowa", "detaliczna", "eksport"}
    erp = read(optima, "DescribeErp").erp
    assert {p.name for p in erp.price_lists} == names


def test_a_price_is_net_or_gross_and_the_other_is_counted(optima: Frozen) -> None:
    for product in listed(optima, "ListProducts"):
        prices = {p.price_list.name: p for p in product.prices}
        wholesale, retail = prices["hurtowa"], prices["detaliczna"]
        percent = Decimal(product.vat_rate.percent or 0)
        gross = Decimal(wholesale.net) * (100 + percent) / 100
        assert abs(gross - Decimal(wholesale.gross)) <= Decimal("0.005")
        assert abs(Decimal(retail.gross) - Decimal(wholesale.gross)) <= Decimal("0.01")
        assert {p.currency for p in product.prices} <= {"PLN", "EUR"}


def test_a_price_of_zero_is_none(optima: Frozen) -> None:
    listed_in = [len(p.prices) for p in listed(optima, "ListProducts")]
    assert set(listed_in) == {2, 3}


def test_a_rate_that_is_none_has_no_percentage(optima: Frozen) -> None:
    rates = {p.vat_rate.code: p.vat_rate.percent for p in listed(optima, "ListProducts")}
    wanted = {"23": "23.00", "8": "8.00", "5": "5.00", "0": "0.00", "zw": "", "np": ""}
    assert rates == wanted
    told = read(optima, "DescribeErp").erp.vat_rates
    assert {r.code: bool(r.percent) for r in told} == {c: bool(p) for c, p in wanted.items()}


def test_units_are_told_once(optima: Frozen) -> None:
    """The bulk unit of the card may be among the others; units come again for every shop."""
    products = listed(optima, "ListProducts")
    for product in products:
        names = [u.unit for u in product.units]
        assert len(names) == len(set(names))
    factors = {u.unit: u.factor for p in products for u in p.units}
    assert factors == {"opak": "12.0000", "paleta": "240.0000"}


def test_a_group_holds_those_below_it(optima: Frozen) -> None:
    by_group = defaultdict(set)
    for product in listed(optima, "ListProducts"):
        by_group[product.group.id].add(product.id)
    found = {p.id for p in listed(optima, "ListProducts", group_id="101")}
    assert found == by_group["101"] | by_group["102"]
    assert not listed(optima, "ListProducts", group_id="nothing")
    assert by_group[""], "products in the root have no group"
