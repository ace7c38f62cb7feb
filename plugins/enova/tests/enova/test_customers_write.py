"""Customers by the program's business objects, with their double."""

from __future__ import annotations

import pytest

from mostek.wire.failures import (
    Invalid,
    Rejected,
    Unsupported,
)

from .asking import NIP, WARSAW
from .conftest import Company, Shop


def test_a_company_is_created_with_what_the_draft_says(company: Company) -> None:
    shop = company()
    answer = shop.customer(
        name="Żółta Łódź Sp. z o.o.",
        tax_id="525-224-84-81",
        regon="016385358",
        vat_payer=True,
        email="biuro@lodz.example",
        phone="42 600",
        payment_days=21,
        payment_method_id="12",
        address=WARSAW | {"post_office": "Warszawa 1"},
        correspondence_address={"street": "Skrytka 5", "city": "Łódź", "postal_code": "90001"},
    )
    assert answer.customer.created
    assert answer.customer.code == "ZOLTALODZSPZ"
    row = shop.where("Kontrahenci", "ID = ?", int(answer.customer.id))
    assert (row["Nazwa"], row["NIP"], row["REGON"]) == (
        "Żółta Łódź Sp. z o.o.",
        NIP,
        "016385358",
    )
    assert (row["StatusPodmiotu"], row["RodzajPodmiotu"], row["PodatnikVAT"]) == (0, 0, 1)
    assert (row["KontaktEMAIL"], row["Termin"], row["SposobZaplaty"]) == (
        "biuro@lodz.example",
        21,
        22,
    )
    seat, post = shop.rows(
        "SELECT AdresUlica, AdresKodPocztowy, AdresTelefon FROM dbo.Adresy WHERE HostType = 'Kontrahenci'"
        " AND Host = ? ORDER BY Typ",
        row["ID"],
    )
    assert seat == ("Długa", 950, "42 600")
    assert post == ("Skrytka 5", 90001, None)


def test_a_customer_that_is_there_is_found_and_left_alone(company: Company) -> None:
    shop = company()
    nip = shop.value("SELECT NIP FROM dbo.Kontrahenci WHERE ID = ?", shop.buyer)
    answer = shop.customer(name="Inna nazwa", tax_id=nip)
    assert (answer.customer.id, answer.customer.created) == (str(shop.buyer), False)


def test_a_consumer_and_a_foreign_company_are_such_in_the_program(company: Company) -> None:
    shop = company()
    person = shop.customer(name="Jan Nowak", address=WARSAW)
    abroad = shop.customer(
        name="Muster GmbH",
        tax_id="DE136695976",
        eu_vat_payer=True,
        address={"city": "Berlin", "postal_code": "10115", "country": "DE"},
    )
    row = shop.where("Kontrahenci", "ID = ?", int(person.customer.id))
    assert (row["StatusPodmiotu"], row["NIP"]) == (1, None)
    row = shop.where("Kontrahenci", "ID = ?", int(abroad.customer.id))
    assert (row["RodzajPodmiotu"], row["EuVAT"], row["NIP"]) == (3, "DE136695976", None)
    address = shop.where("Adresy", "HostType = 'Kontrahenci' AND Host = ?", row["ID"])
    assert (address["AdresZagranicznyKodPocztowy"], address["AdresKodKraju"]) == ("10115", "DE")


def test_a_code_that_is_taken_gets_a_number(company: Company) -> None:
    shop = company()
    codes = [shop.customer(name="Sklep Zoo").customer.code for _ in range(3)]
    assert codes == ["SKLEPZOO", "SKLEPZOO-2", "SKLEPZOO-3"]


def test_a_code_that_somebody_took_meanwhile_is_refused(company: Company) -> None:
    shop = company(fault="taken meanwhile")
    with pytest.raises(Rejected) as raised:
        shop.customer(name="Nowa Firma", tax_id=NIP)
    assert "już istnieje" in raised.value.erp_text
    assert "WgKodu" in raised.value.erp_text


def test_what_a_customer_can_not_have_is_told_at_once(shop: Shop) -> None:
    with pytest.raises(Invalid) as raised:
        shop.customer(
            name="Firma",
            full_name="Firma Sp. z o.o.",
            tax_id="GB123456789",
            group_id="1",
            price_list_id="42",
            invoice_email="a@b.example",
            remarks="x",
            payment_method_id="99",
            attributes={"a": "b"},
            address={"city": "X", "postal_code": "1", "voivodeship": "łódzkie"},
        )
    told = {violation.field.removeprefix("customer.") for violation in raised.value.violations}
    assert told == {
        *("full_name", "tax_id", "group_id", "price_list_id", "invoice_email", "remarks"),
        *("payment_method_id", "attributes", "address.postal_code", "address.voivodeship"),
    }


def test_customers_are_created_only_where_the_site_allows_it(company: Company) -> None:
    shop = company(customers=False)
    with pytest.raises(Unsupported, match="set customers = true"):
        shop.customer(name="Nowa")
    draft = {"draft": {"name": "Nowa"}}
    assert "buyer.draft" in shop.problems(buyer=draft)
