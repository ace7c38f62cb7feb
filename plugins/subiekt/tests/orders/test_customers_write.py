from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from mostek.wire.failures import CommandFailure, Conflict, Invalid, Unsupported

Company = Callable[..., Any]

NIP = "5260250274"
ADDRESS = {
    "street": "Długa",
    "house_number": "7",
    "flat_number": "2",
    "postal_code": "90-001",
    "city": "Łódź",
    "voivodeship": "łódzkie",
}


@pytest.fixture
def open_shop(company: Company) -> Any:
    """A company that lets customers be created."""
    person = company().value(
        "SELECT MIN(kh_Id) FROM dbo.kh__Kontrahent JOIN dbo.adr__Ewid ON adr_IdObiektu = kh_Id AND adr_TypAdresu = 1"
        " WHERE kh_Osoba = 1 AND kh_Jednorazowy = 0 AND kh_Zablokowany = 0 AND adr_NIP = ''"
    )
    plain = company().buyer
    return company(customers=True, company_template=plain, consumer_template=person)


def count(shop: Any, table: str = "kh__Kontrahent") -> int:
    return int(shop.value(f"SELECT COUNT(*) FROM dbo.{table}"))


def test_a_company_is_created_as_a_copy_of_the_template(open_shop: Any) -> None:
    answer = open_shop.customer(
        name="Nowa Łąka",
        full_name="Nowa Łąka sp. z o.o.",
        tax_id="526-025-02-74",
        regon="012100784",
        address=ADDRESS,
        email="biuro@laka.example",
        phone="42 600 00 01",
        group_id="2",
        price_list_id="3",
        payment_method_id="1",
        vat_payer=True,
        remarks="Z internetu",
    )
    assert (answer.customer.created, answer.customer.code) == (True, "NOWAŁĄKA")
    number = int(answer.customer.id)
    row = open_shop.row("kh__Kontrahent", "kh_Id", number)
    names = ("kh_REGON", "kh_EMail", "kh_IdGrupa", "kh_Cena", "kh_IdFormaP", "kh_Uwagi")
    assert [row[name] for name in names] == [
        *("012100784", "biuro@laka.example"),
        *(2, 3, 1, "Z internetu"),
    ]
    seat = open_shop.rows(
        "SELECT adr_Nazwa, adr_NazwaPelna, adr_NIP, adr_Adres, adr_Kod, adr_Miejscowosc, adr_Telefon, pa_KodPanstwaISO,"
        " woj_Nazwa FROM dbo.adr__Ewid LEFT JOIN dbo.sl_Panstwo ON pa_Id = adr_IdPanstwo"
        " LEFT JOIN dbo.sl_Wojewodztwo ON woj_Id = adr_IdWojewodztwo WHERE adr_IdObiektu = ? AND adr_TypAdresu = 1",
        number,
    )
    assert seat == [
        (
            *("Nowa Łąka", "Nowa Łąka sp. z o.o.", NIP, "Długa 7/2", "90-001", "Łódź"),
            *("42 600 00 01", "PL", "łódzkie"),
        )
    ]
    frozen = open_shop.rows(
        "SELECT adrh_NazwaPelna, adrh_Adres, adrh_NIP FROM dbo.adr_Historia JOIN dbo.adr__Ewid"
        " ON adr_Id = adrh_IdAdresu WHERE adr_IdObiektu = ? AND adr_TypAdresu = 1",
        number,
    )
    assert frozen == [("Nowa Łąka sp. z o.o.", "Długa 7/2", NIP)]


def test_what_is_the_other_customer_s_own_is_not_copied(open_shop: Any) -> None:
    template = open_shop.config["orders"]["company_template"]
    open_shop.connection.execute(
        "UPDATE dbo.kh__Kontrahent SET kh_ZgodaMark = 1, kh_PESEL = '1', kh_Pole3 = 'x', kh_KRS = '9', kh_MaxDniSp = 21"
        " WHERE kh_Id = ?",
        (template,),
    )
    number = int(open_shop.customer(name="Nowa", tax_id=NIP).customer.id)
    row = open_shop.row("kh__Kontrahent", "kh_Id", number)
    names = ("kh_ZgodaMark", "kh_PESEL", "kh_Pole3", "kh_KRS")
    assert [row[name] for name in names] == [0, "", "", ""]
    assert row["kh_MaxDniSp"] == 21
    assert row["kh_DataDodania"] == "2026-11-20 12:00:00"


def test_a_consumer_is_a_copy_of_a_person(open_shop: Any) -> None:
    number = int(open_shop.customer(name="Jan Maria Żak").customer.id)
    row = open_shop.row("kh__Kontrahent", "kh_Id", number)
    assert (row["kh_Osoba"], row["kh_Imie"], row["kh_Nazwisko"]) == (1, "Jan", "Maria Żak")


def test_a_customer_is_found_by_tax_id_in_any_notation_and_left_alone(open_shop: Any) -> None:
    first = open_shop.customer(name="Nowa", tax_id=NIP).customer
    before = count(open_shop)
    again = open_shop.customer(name="Inna nazwa", tax_id="PL 526-02-50-274").customer
    assert (again.id, again.code, again.created) == (first.id, first.code, False)
    assert count(open_shop) == before


def test_a_foreign_number_is_found_without_its_prefix(open_shop: Any) -> None:
    german = open_shop.rows(
        "SELECT adr_IdObiektu, adr_NIP FROM dbo.adr__Ewid JOIN dbo.sl_Panstwo ON pa_Id = adr_IdPanstwo"
        " WHERE pa_KodPanstwaISO = 'DE' AND adr_TypAdresu = 1 AND adr_NIP <> ''"
    )
    customer, typed = german[0]
    digits = "".join(c for c in typed if c.isdigit())
    open_shop.connection.execute(
        "UPDATE dbo.adr__Ewid SET adr_NIP = ? WHERE adr_TypAdresu = 1 AND adr_IdObiektu = ?",
        (digits, customer),
    )
    answer = open_shop.customer(name="X", tax_id=f"DE{digits}").customer
    assert (answer.id, answer.created) == (str(customer), False)


def test_without_tax_id_it_is_found_by_code(open_shop: Any) -> None:
    code = open_shop.value(
        "SELECT kh_Symbol FROM dbo.kh__Kontrahent WHERE kh_Id = ?", open_shop.buyer
    )
    answer = open_shop.customer(name="X", code=code.lower()).customer
    assert (answer.id, answer.created) == (str(open_shop.buyer), False)


def test_a_code_of_another_customer_is_a_conflict(open_shop: Any) -> None:
    code = open_shop.value(
        "SELECT kh_Symbol FROM dbo.kh__Kontrahent WHERE kh_Id = ?", open_shop.buyer
    )
    with pytest.raises(Conflict, match="belongs to another customer") as raised:
        open_shop.customer(name="X", code=code, tax_id=NIP)
    assert raised.value.violations[0].field == "customer.code"


def test_a_tax_id_of_several_customers_is_a_conflict(open_shop: Any) -> None:
    open_shop.connection.execute("UPDATE dbo.adr__Ewid SET adr_NIP = ?", (NIP,))
    with pytest.raises(Conflict, match="customers have this tax id"):
        open_shop.customer(name="X", tax_id=NIP)


def test_a_code_that_is_made_is_unique_and_fits(open_shop: Any) -> None:
    codes = [
        open_shop.customer(
            name="Bardzo długa nazwa firmy", address={"city": str(place)}, kind=2
        ).customer.code
        for place in range(3)
    ]
    assert codes == ["BARDZODŁUGANAZWA", "BARDZODŁUGANAZWA(2)", "BARDZODŁUGANAZWA(3)"]


def test_two_at_once_are_one_customer(open_shop: Any) -> None:
    answers: list[Any] = []
    work = lambda: answers.append(open_shop.customer(name="Nowa", tax_id=NIP).customer)  # noqa: E731
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.id for answer in answers}) == 1
    assert sorted(answer.created for answer in answers) == [False, False, True]


def test_without_configuration_customers_are_found_but_not_created(
    closed_shop: Any, shop: Any
) -> None:
    code = closed_shop.value(
        "SELECT kh_Symbol FROM dbo.kh__Kontrahent WHERE kh_Id = ?", closed_shop.buyer
    )
    assert not closed_shop.customer(name="X", code=code).customer.created
    for each in (closed_shop, shop):
        with pytest.raises(Unsupported, match="customers = true"):
            each.customer(name="X", tax_id=NIP)


def test_everything_that_does_not_fit_is_told_at_once(open_shop: Any) -> None:
    with pytest.raises(Invalid) as raised:
        open_shop.customer(
            name="x" * 54,
            full_name="Firma 🙂",
            tax_id=NIP,
            address=ADDRESS | {"city": "x" * 41, "country": "FR", "voivodeship": "Bawaria"},
            group_id="99",
            price_list_id="11",
            payment_method_id="99",
            payment_days=7,
            invoice_email="a@b.example",
        )
    assert {violation.field for violation in raised.value.violations} == {
        *("customer.name", "customer.full_name", "customer.address.city"),
        *("customer.address.country", "customer.address.voivodeship", "customer.group_id"),
        *("customer.price_list_id", "customer.payment_method_id", "customer.payment_days"),
        "customer.invoice_email",
    }


@pytest.mark.parametrize("older", [False, True])
def test_a_new_buyer_and_its_order_are_written_together(company: Company, older: bool) -> None:
    plain = company(older=older).buyer
    shop = company(older=older, customers=True, company_template=plain)
    buyer = {"draft": {"name": "Nowa", "tax_id": NIP, "address": ADDRESS}}
    answer = shop.order(buyer=buyer)
    assert answer.customer.created
    row = shop.row("dok__Dokument", "dok_Id", int(answer.id))
    assert row["dok_PlatnikId"] == int(answer.customer.id)
    frozen = shop.row("adr_Historia", "adrh_Id", row["dok_PlatnikAdreshId"])
    assert frozen["adrh_NIP"] == NIP
    again = shop.order(buyer=buyer)
    assert (again.id, again.already_existed, again.customer.created) == (answer.id, True, False)
    other = shop.order(buyer=buyer, external_number="WEB-2")
    assert (other.customer.id, other.customer.created) == (answer.customer.id, False)


def test_a_buyer_without_tax_id_is_not_created_twice_for_one_order(open_shop: Any) -> None:
    buyer = {"draft": {"name": "Anna Żak"}}
    first = open_shop.order(buyer=buyer)
    before = count(open_shop)
    assert open_shop.order(buyer=buyer).id == first.id
    assert count(open_shop) == before
    with pytest.raises(Conflict, match="buyer"):
        open_shop.order(buyer={"draft": {"name": "Ewa Żak"}})


def test_an_order_that_is_refused_leaves_no_new_buyer(open_shop: Any) -> None:
    before = count(open_shop), count(open_shop, "adr__Ewid")
    with pytest.raises(CommandFailure):
        open_shop.order(buyer={"draft": {"name": "Nowa", "tax_id": NIP}}, expected_total="0.01")
    assert (count(open_shop), count(open_shop, "adr__Ewid")) == before


def test_a_template_of_the_wrong_kind_is_refused(company: Company) -> None:
    shop = company(customers=True, consumer_template=company().buyer)
    with pytest.raises(Unsupported, match="private person"):
        shop.customer(name="Jan Żak")
    with pytest.raises(Unsupported, match="no template for companies"):
        shop.customer(name="Nowa", tax_id=NIP)
