"""Contractors and products as they are read."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from mostek.erp.v1.common_pb2 import PriceBasis
from mostek.erp.v1.customer_pb2 import CustomerKind
from mostek.erp.v1.product_pb2 import ProductKind
from mostek.plugin.plugin import SettingError
from mostek.plugin.testing import listed, read
from mostek.wire.failures import NotFound

from .asking import Changed
from .conftest import Frozen, Rows, opened

# Contractors


def test_the_contractor_of_one_off_sales_is_no_customer(enova: Frozen) -> None:
    codes = {customer.code for customer in listed(enova, "ListCustomers")}
    assert "!INCYDENTALNY" not in codes
    with pytest.raises(NotFound):
        read(enova, "GetCustomer", id="1")


def test_which_contractors_stand_for_one_off_sales_can_be_configured(sandbox_path: Any) -> None:
    plugin = opened(sandbox_path, one_off=["KARTY"])
    codes = {customer.code for customer in listed(plugin, "ListCustomers")}
    plugin.close()
    assert "!INCYDENTALNY" in codes
    assert "KARTY" not in codes


def test_a_polish_postal_code_gets_its_leading_zeros_back(enova: Frozen, rows: Rows) -> None:
    ((host,), *_) = rows(
        "SELECT Host FROM dbo.Adresy WHERE HostType = 'Kontrahenci' AND AdresKodPocztowy = 950"
    )
    assert read(enova, "GetCustomer", id=str(host)).customer.address.postal_code == "00-950"


def test_a_foreign_postal_code_is_the_text_of_its_own_column(enova: Frozen) -> None:
    foreign = [c for c in listed(enova, "ListCustomers") if c.address.country == "DE"]
    assert {c.address.postal_code for c in foreign} == {"10115"}
    assert {(c.tax_id.country, len(c.tax_id.number)) for c in foreign} == {("DE", 9)}


def test_addresses_of_employees_with_the_same_ids_are_not_the_customers(
    enova: Frozen, rows: Rows
) -> None:
    streets: dict[int, str] = dict(
        rows("SELECT Host, AdresUlica FROM dbo.Adresy WHERE HostType = 'Kontrahenci' AND Typ = 1")
    )
    found = {int(c.id): c.address.street for c in listed(enova, "ListCustomers") if c.address.city}
    assert found == streets


@pytest.mark.parametrize("typed", ["{0}", "{0:3}-{0}", "PL{0}"])
def test_a_customer_is_found_by_its_nip_in_any_notation(enova: Frozen, typed: str) -> None:
    customers = [c for c in listed(enova, "ListCustomers") if c.tax_id.country == "PL"]
    for customer in customers[:12]:
        number = customer.tax_id.number
        wanted = {
            "{0}": number,
            "{0:3}-{0}": f"{number[:3]}-{number[3:6]}-{number[6:8]}-{number[8:]}",
            "PL{0}": f"PL{number}",
        }[typed]
        found = read(enova, "ListCustomers", tax_id=wanted).customers
        assert [c.id for c in found] == [customer.id]


def test_a_foreign_tax_id_does_not_find_a_polish_number_of_the_same_digits(
    changed: Changed,
) -> None:
    plugin = changed(
        "UPDATE dbo.Kontrahenci SET NIP = '0123456749', EuVAT = 'PL0123456749' WHERE ID = 10",
        "UPDATE dbo.Kontrahenci SET NIP = '', EuVAT = 'BE0123456749' WHERE ID = 11",
    )
    assert [c.id for c in read(plugin, "ListCustomers", tax_id="BE0123456749").customers] == ["11"]
    assert [c.id for c in read(plugin, "ListCustomers", tax_id="PL0123456749").customers] == ["10"]


def test_names_of_several_lines_have_the_first_as_the_short_name(enova: Frozen) -> None:
    long = next(c for c in listed(enova, "ListCustomers") if "Ἀθῆναι" in c.full_name)
    assert long.name == long.full_name.splitlines()[0]
    assert len(long.full_name.splitlines()) == 2


def test_percentages_are_fractions_and_a_discount_of_zero_is_none(enova: Frozen) -> None:
    found = {c.discount for c in listed(enova, "ListCustomers")}
    assert found == {"", "5.0000"}


def test_a_limit_in_another_currency_or_without_bounds_is_not_told(
    enova: Frozen, rows: Rows
) -> None:
    told = {int(c.id) for c in listed(enova, "ListCustomers") if c.credit_limit}
    wanted = rows(
        "SELECT ID FROM dbo.Kontrahenci WHERE LimitKredytuValue > 0 AND LimitKredytuSymbol = 'PLN'"
        " AND TypLimituKredytowego = 0"
    )
    assert told == {number for (number,) in wanted}


def test_a_card_names_its_payment_form_by_the_id_that_payments_have(enova: Frozen) -> None:
    methods = {m.id: m.name for m in read(enova, "DescribeErp").erp.payment_methods}
    named = [c.payment_method for c in listed(enova, "ListCustomers") if c.payment_method.id]
    assert named
    assert all(methods[method.id] == method.name for method in named)


def test_consumers_and_companies_are_told_apart(enova: Frozen) -> None:
    kinds = {c.kind for c in listed(enova, "ListCustomers")}
    assert kinds == {CustomerKind.CUSTOMER_KIND_COMPANY, CustomerKind.CUSTOMER_KIND_CONSUMER}


# Features


def test_features_are_attributes_by_their_names(sandbox_path: Any, rows: Rows) -> None:
    plugin = opened(
        sandbox_path,
        features={"customers": {"region": "Region handlowy", "points": "Punkty"}},
    )
    found = {int(c.id): c.attributes for c in listed(plugin, "ListCustomers")}
    wanted: dict[int, str] = dict(
        rows(
            "SELECT Parent, Data FROM dbo.Features WHERE ParentType = 'Kontrahenci' AND Lp = 0"
            " AND Name = 'Region handlowy'"
        )
    )
    assert {number: a["region"] for number, a in found.items() if "region" in a} == wanted
    # Numbers are stored right-aligned.
    assert {a["points"] for a in found.values() if "points" in a} >= {"0", "4"}
    plugin.close()


def test_the_name_of_a_feature_is_data(sandbox_path: Any) -> None:
    plugin = opened(sandbox_path, features={"products": {"x": "' OR '1'='1"}})
    assert not any(p.attributes for p in listed(plugin, "ListProducts"))
    plugin.close()


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({"receivables": {"x": "y"}}, "no query receivables that has features"),
        ({"customers": {"x": "y" * 31}}, "1 to 30 characters"),
    ],
)
def test_a_wrong_feature_is_refused_when_the_configuration_is_read(
    sandbox_path: Any, features: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        opened(sandbox_path, features=features)


def test_a_feature_that_is_an_attribute_already_is_refused_where_it_stands(
    sandbox_path: Any,
) -> None:
    both = {"customers": {"region": "k.Kod"}}
    with pytest.raises(SettingError, match="both in attributes") as refused:
        opened(sandbox_path, attributes=both, features={"customers": {"region": "Region"}})
    assert refused.value.path == ("features", "customers", "region")


# Products


def test_stock_is_what_the_lots_of_the_present_period_come_to(enova: Frozen, rows: Rows) -> None:
    wanted: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for product, warehouse, direction, quantity in rows(
        "SELECT z.Towar, z.Magazyn, z.Kierunek, z.IloscValue FROM dbo.Zasoby z WHERE z.Okres = 72"
        " AND z.PartiaTyp = 1 AND z.Nadrzedny IS NULL AND z.Magazyn <> 6"
    ):
        wanted[product, warehouse] += direction * Decimal(str(quantity))
    found = {
        (int(p.id), int(s.warehouse.id)): Decimal(s.on_hand)
        for p in listed(enova, "ListProducts")
        for s in p.stock
    }
    assert {key: value for key, value in found.items() if value} == {
        key: value for key, value in wanted.items() if value
    }
    assert min(found.values()) < 0
    # A product without a lot has nothing, which is told; a warehouse without accounts has no stock at all.
    assert 0 in found.values()
    assert {warehouse for _, warehouse in found} == {3, 4}


def test_services_have_no_stock(enova: Frozen) -> None:
    services = [
        p for p in listed(enova, "ListProducts") if p.kind == ProductKind.PRODUCT_KIND_SERVICE
    ]
    assert services
    assert not any(p.stock for p in services)


def test_available_is_what_is_on_hand_less_what_is_reserved(enova: Frozen) -> None:
    stocks = [s for p in listed(enova, "ListProducts") for s in p.stock]
    assert any(Decimal(s.reserved) for s in stocks)
    for stock in stocks:
        assert Decimal(stock.available) == Decimal(stock.on_hand) - Decimal(stock.reserved)


def test_in_stock_looks_at_the_warehouse_that_is_asked_for(enova: Frozen) -> None:
    found = listed(enova, "ListProducts", only_in_stock=True, warehouse_id="3")
    every = listed(enova, "ListProducts")
    wanted = {
        p.id
        for p in every
        if any(s.warehouse.id == "3" and Decimal(s.on_hand) > 0 for s in p.stock)
    }
    assert {p.id for p in found} == wanted
    assert {s.warehouse.id for p in found for s in p.stock} == {"3"}


def test_rates_without_a_percentage_are_told_from_zero_per_cent(enova: Frozen) -> None:
    rates = {p.vat_rate.code: p.vat_rate.percent for p in listed(enova, "ListProducts")}
    assert rates == {
        "23%": "23.0000",
        "8%": "8.0000",
        "5%": "5.0000",
        "0%": "0.0000",
        **dict.fromkeys(("zw", "np", "oo"), ""),
    }


def test_purchase_prices_and_prices_out_of_use_are_not_told(enova: Frozen) -> None:
    names = {price.price_list.name for p in listed(enova, "ListProducts") for price in p.prices}
    assert names == {"Podstawowa", "Hurtowa", "Detaliczna"}
    lists = read(enova, "DescribeErp").erp.price_lists
    assert {one.name: one.price_basis for one in lists} == {
        "Podstawowa": PriceBasis.PRICE_BASIS_UNSPECIFIED,
        "Hurtowa": PriceBasis.PRICE_BASIS_NET,
        "Detaliczna": PriceBasis.PRICE_BASIS_GROSS,
    }


def test_a_price_of_a_period_tells_its_days_and_others_have_none(enova: Frozen) -> None:
    of_period = [
        price
        for p in listed(enova, "ListProducts")
        for price in p.prices
        if price.valid_from or price.valid_to
    ]
    assert {(price.valid_from, price.valid_to) for price in of_period} == {
        ("", "2026-10-31"),
        ("2026-11-01", ""),
    }


def test_bar_codes_of_other_tables_with_the_same_id_are_not_the_products(
    enova: Frozen, rows: Rows
) -> None:
    of_others = {
        code for (code,) in rows("SELECT Kod FROM dbo.KodyKreskowe WHERE ZapisType <> 'Towary'")
    }
    codes = {ean.code for p in listed(enova, "ListProducts") for ean in p.eans}
    assert of_others
    assert not codes & of_others
    assert not read(enova, "ListProducts", eans=[min(of_others)]).products


def test_the_weight_is_in_kilograms(enova: Frozen) -> None:
    assert {p.net_weight_kg for p in listed(enova, "ListProducts")} == {"", "0.2500", "1.5000"}
