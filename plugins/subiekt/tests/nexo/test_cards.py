"""Customers and products as they are read."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mostek.erp.v1.customer_pb2 import CustomerKind
from mostek.erp.v1.product_pb2 import ProductKind
from mostek.plugin.invented import nip_as_typed
from mostek.plugin.testing import listed, read
from mostek.wire.failures import NotFound

from .asking import Changed, by_id
from .conftest import Frozen, Rows

# Customers


def test_only_contractors_are_customers_and_never_the_own_company_or_one_off_ones(
    nexo: Frozen, rows: Rows, changed: Changed
) -> None:
    found = {customer.id for customer in listed(nexo, "ListCustomers")}
    expected = rows(
        "SELECT Id FROM @Podmioty WHERE Kontrahent = 1 AND Jednorazowy = 0 AND NOT (Typ = 2 AND Podtyp = 11)"
    )
    assert found == {str(row[0]) for row in expected}
    everybody = {c.id for c in listed(changed(customers="all"), "ListCustomers")}
    assert len(everybody) == len(found) + 1
    for hidden in rows("SELECT Id FROM @Podmioty WHERE Kontrahent = 0 OR Jednorazowy = 1"):
        with pytest.raises(NotFound):
            by_id(nexo, "GetCustomer", hidden[0])


def test_a_company_has_its_full_name_a_person_has_its_own(nexo: Frozen, rows: Rows) -> None:
    companies: dict[int, str] = dict(rows("SELECT Firma_Podmiot_Id, Nazwa FROM @Firmy"))
    persons = {row[0]: row for row in rows("SELECT Podmiot_Id, Imie, Nazwisko, PESEL FROM @Osoby")}
    for customer in listed(nexo, "ListCustomers"):
        number = int(customer.id)
        if number in companies:
            assert customer.full_name == companies[number]
            assert customer.kind == CustomerKind.CUSTOMER_KIND_COMPANY
        else:
            _, first, last, pesel = persons[number]
            assert (customer.full_name, customer.pesel) == (f"{first} {last}", pesel)
            assert customer.kind == CustomerKind.CUSTOMER_KIND_CONSUMER


@pytest.mark.parametrize("style", range(6))
def test_a_customer_is_found_by_its_tax_id_in_any_notation(
    nexo: Frozen, rows: Rows, style: int
) -> None:
    number, nip = rows(
        "SELECT Id, NIP FROM @Podmioty WHERE NIP > '' AND Kontrahent = 1 AND Podtyp <> 11"
    )[5]
    wanted = nip_as_typed(nip, style)
    (found,) = read(nexo, "ListCustomers", tax_id=wanted).customers
    assert (found.id, found.tax_id.number, found.tax_id.country) == (str(number), nip, "PL")


def test_a_foreign_customer_is_found_by_its_vat_number(nexo: Frozen, rows: Rows) -> None:
    number, vat = rows("SELECT Id, NIPUE FROM @Podmioty WHERE NIPUE LIKE 'DE%'")[0]
    (found,) = read(nexo, "ListCustomers", tax_id=vat).customers
    assert (found.id, found.tax_id.country, found.tax_id.number) == (str(number), "DE", vat[2:])
    assert found.currency == "EUR"


def test_an_address_is_in_one_line_where_the_program_shows_it_so(nexo: Frozen, rows: Rows) -> None:
    lines: dict[int, str] = dict(
        rows(
            "SELECT p.PodmiotAdresuPodstawowego_Id, a.LiniaCalosc FROM @Adresy a JOIN @Adresy_AdresPodmiotu p"
            " ON p.Id = a.Id WHERE a.LiniowyAktualny = 1 AND p.PodmiotAdresuPodstawowego_Id IS NOT NULL"
        )
    )
    assert lines
    for customer in listed(nexo, "ListCustomers"):
        line = lines.get(int(customer.id))
        assert customer.address.address_line == (line or "")
        assert bool(customer.address.street) != bool(line)


def test_an_address_for_everything_is_told_once(nexo: Frozen, rows: Rows) -> None:
    own = {
        row[0]
        for row in rows(
            "SELECT PodmiotAdresuPodstawowego_Id FROM @Adresy_AdresPodmiotu"
            " WHERE PodmiotAdresuPodstawowego_Id = PodmiotAdresuDostaw_Id"
        )
    }
    customers = listed(nexo, "ListCustomers")
    assert any(customer.delivery_addresses for customer in customers)
    assert any(customer.HasField("correspondence_address") for customer in customers)
    for customer in customers:
        if int(customer.id) in own:
            assert not customer.delivery_addresses
            assert not customer.HasField("correspondence_address")


def test_a_credit_limit_in_another_currency_is_not_told(nexo: Frozen, rows: Rows) -> None:
    limits = {
        row[0]: row[1:]
        for row in rows(
            "SELECT p.Id, p.LimitKredytuKupieckiego, w.Symbol, p.ZezwalajNaKredytKupiecki FROM @Podmioty p"
            " JOIN @Waluty w ON w.Id = p.Podmiot_WalutaLimitow_Id"
        )
    }
    told = 0
    for customer in listed(nexo, "ListCustomers"):
        limit, currency, allowed = limits[int(customer.id)]
        expected = bool(limit and currency == "PLN" and allowed)
        assert customer.HasField("credit_limit") == expected
        told += expected
    assert told


def test_the_email_is_that_of_the_newest_snapshot(nexo: Frozen) -> None:
    for customer in listed(nexo, "ListCustomers"):
        assert customer.email == f"biuro{customer.id}@firma.example"


# Products


def test_products_of_the_recycle_bin_are_not_listed(nexo: Frozen, rows: Rows) -> None:
    found = {product.id for product in listed(nexo, "ListProducts")}
    assert found == {
        str(r[0]) for r in rows("SELECT Id FROM @Asortymenty WHERE IsInRecycleBin = 0")
    }


def test_a_rate_is_a_share_in_the_database_and_exempt_has_none(nexo: Frozen) -> None:
    rates = {p.vat_rate.code: p.vat_rate for p in listed(nexo, "ListProducts")}
    assert rates["23"].percent == "23.0000"
    assert rates["0"].percent == "0.0000"
    assert not rates["zw"].HasField("percent")
    assert not rates["np"].HasField("percent")


def test_prices_are_of_published_lists_that_are_not_closed(nexo: Frozen, rows: Rows) -> None:
    names = {price.price_list.name for p in listed(nexo, "ListProducts") for price in p.prices}
    assert names == {"Detaliczna", "Hurtowa", "Eksport"}
    for product in listed(nexo, "ListProducts"):
        lists = [price.price_list.id for price in product.prices]
        assert len(set(lists)) == len(lists), "a threshold's price is there too"
        for price in product.prices:
            ((net, gross),) = rows(
                "SELECT CenaNetto, CenaBrutto FROM @PozycjeCennika"
                " WHERE Asortyment_Id = ? AND Cennik_Id = ? AND Glowna = 1",
                int(product.id),
                int(price.price_list.id),
            )
            assert (Decimal(price.net), Decimal(price.gross)) == (
                Decimal(str(net)),
                Decimal(str(gross)),
            )


def test_stock_is_what_is_available_and_what_is_held(nexo: Frozen, rows: Rows) -> None:
    compared = 0
    for product in listed(nexo, "ListProducts"):
        for stock in product.stock:
            ((free, held),) = rows(
                "SELECT IloscDostepna, IloscZarezerwowanaIlosciowo FROM @StanyMagazynowe"
                " WHERE Asortyment_Id = ? AND Magazyn_Id = ?",
                int(product.id),
                int(stock.warehouse.id),
            )
            assert Decimal(stock.available) == Decimal(str(free))
            assert Decimal(stock.reserved) == Decimal(str(held))
            assert Decimal(stock.on_hand) == Decimal(str(free + held))
            compared += 1
    assert compared > 100


def test_stock_in_another_unit_than_the_base_unit_is_not_told(nexo: Frozen, rows: Rows) -> None:
    other = rows(
        "SELECT s.AsortymentMagazynowy_Id FROM @JednostkiMiarAsortymentow s JOIN @Asortymenty t"
        " ON t.Id = s.AsortymentMagazynowy_Id WHERE s.AsortymentPodstawowej_Id IS NULL AND t.IsInRecycleBin = 0"
    )
    assert other
    for (number,) in other:
        assert not by_id(nexo, "GetProduct", number).stock
    found = {p.id for p in listed(nexo, "ListProducts", only_in_stock=True)}
    assert not found & {str(number) for (number,) in other}
    assert found


def test_services_have_no_stock_and_the_base_units_bar_code_comes_first(nexo: Frozen) -> None:
    products = listed(nexo, "ListProducts")
    services = [p for p in products if p.kind == ProductKind.PRODUCT_KIND_SERVICE]
    assert services
    assert not any(p.stock for p in services)
    several = [p for p in products if len(p.eans) > 1]
    assert several
    assert not any(p.eans[0].HasField("unit") for p in several)
