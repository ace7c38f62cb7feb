from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from mostek.erp.v1.common_pb2 import PartyRole, TaxIdKind
from mostek.erp.v1.customer_pb2 import (
    Customer,
    CustomerKind,
    GetCustomerRequest,
    ListCustomersRequest,
)
from mostek.plugin.testing import context, recorded
from mostek.wire.failures import Denied, Invalid, NotFound
from mostek_subiekt.gt import SubiektGt

Rows = Callable[..., list[tuple[Any, ...]]]
Changed = Callable[..., SubiektGt]
SEATS = (
    "dbo.kh__Kontrahent k JOIN dbo.adr__Ewid a ON a.adr_IdObiektu = k.kh_Id AND a.adr_TypAdresu = 1"
)


def listed(gt: SubiektGt, **fields: Any) -> list[Customer]:
    request = ListCustomersRequest(**{"page_size": 1000, **fields})
    return list(gt.list_customers(request, context("ListCustomers")).customers)


def got(gt: SubiektGt, number: object) -> Customer:
    request = GetCustomerRequest(id=str(number))
    return gt.get_customer(request, context("GetCustomer")).customer


def test_all_are_listed_but_one_off_ones(gt: SubiektGt, rows: Rows) -> None:
    found = rows(f"SELECT k.kh_Id, a.adr_NazwaPelna FROM {SEATS} WHERE kh_Jednorazowy = 0")
    assert {(int(c.id), c.full_name) for c in listed(gt)} == set(found)
    (one_off, *_) = rows("SELECT kh_Id FROM dbo.kh__Kontrahent WHERE kh_Jednorazowy = 1")[0]
    with pytest.raises(NotFound):
        got(gt, one_off)


@pytest.mark.parametrize(
    "like", ["___-___-__-__", "___-__-__-___", "PL%", "PL %", "___ %", "_" * 10]
)
def test_a_nip_is_found_however_it_was_typed_and_returned_as_digits(
    gt: SubiektGt, rows: Rows, like: str
) -> None:
    number, typed = rows(
        f"SELECT k.kh_Id, a.adr_NIP FROM {SEATS} WHERE kh_Jednorazowy = 0 AND a.adr_NIP LIKE ?"
        " AND a.adr_IdPanstwo = (SELECT pa_Id FROM dbo.sl_Panstwo WHERE pa_KodPanstwaISO = 'PL')",
        like,
    )[0]
    digits = "".join(c for c in typed if c.isdigit())
    for asked in (digits, f"PL {digits[:3]}-{digits[3:6]}-{digits[6:8]}-{digits[8:]}"):
        found = listed(gt, tax_id=asked)
        assert str(number) in {customer.id for customer in found}
        for customer in found:
            assert (customer.tax_id.country, customer.tax_id.number) == ("PL", digits)
            assert customer.tax_id.kind == TaxIdKind.TAX_ID_KIND_NIP


def test_the_vat_number_of_another_state_is_found_with_and_without_its_prefix(
    gt: SubiektGt, rows: Rows, changed: Changed
) -> None:
    number, typed = rows(f"SELECT k.kh_Id, a.adr_NIP FROM {SEATS} WHERE a.adr_NIP LIKE 'DE%'")[0]
    (customer,) = listed(gt, tax_id=typed.replace("DE", "de "))
    assert (customer.tax_id.country, customer.tax_id.number) == ("DE", typed[2:])
    assert customer.tax_id.kind == TaxIdKind.TAX_ID_KIND_EU_VAT
    bare = f"UPDATE dbo.adr__Ewid SET adr_NIP = '{typed[2:]}' WHERE adr_NIP = '{typed}'"
    (customer,) = listed(changed(bare), tax_id=typed)
    assert (customer.id, customer.tax_id.country) == (str(number), "DE")


def test_a_number_typed_bare_in_another_country_is_not_found(rows: Rows, changed: Changed) -> None:
    number = rows("SELECT kh_Id FROM dbo.kh__Kontrahent WHERE kh_Jednorazowy = 0")[0][0]
    gt = changed(
        "UPDATE dbo.adr__Ewid SET adr_NIP = '811907980'"
        f" WHERE adr_IdObiektu = {number} AND adr_TypAdresu = 1"
    )
    assert listed(gt, tax_id="DE811907980") == []


def test_a_code_is_compared_as_the_erp_does(gt: SubiektGt, rows: Rows) -> None:
    number, code = rows(
        "SELECT kh_Id, kh_Symbol FROM dbo.kh__Kontrahent"
        " WHERE kh_Jednorazowy = 0 AND kh_Symbol LIKE '%Ó%'"
    )[0]
    assert [c.id for c in listed(gt, codes=[code.lower() + "  "])] == [str(number)]
    with pytest.raises(Invalid, match="codes"):
        listed(gt, codes=["x" * 21])
    with pytest.raises(Invalid, match="codes"):
        listed(gt, codes=["\N{GRINNING FACE}"])


def test_a_text_is_found_in_code_and_names_and_its_wildcards_stand_for_themselves(
    gt: SubiektGt, changed: Changed
) -> None:
    assert {c.id for c in listed(gt, text="szkoła")} == {
        c.id for c in listed(gt) if "szkoła" in c.full_name.lower()
    }
    assert listed(gt, text="%") == []
    renamed = changed(
        "UPDATE dbo.adr__Ewid SET adr_NazwaPelna = '50%_[zł]'"
        " WHERE adr_TypAdresu = 1 AND adr_IdObiektu = 5"
    )
    assert len(listed(renamed, text="0%_[ZŁ")) == 1


def test_blocked_ones_are_told_and_filtered(gt: SubiektGt, rows: Rows) -> None:
    blocked = {
        str(row[0])
        for row in rows(
            "SELECT kh_Id FROM dbo.kh__Kontrahent WHERE kh_Zablokowany = 1 AND kh_Jednorazowy = 0"
        )
    }
    inactive = listed(gt, active=False)
    assert {c.id for c in inactive} == blocked
    assert all(c.blocked and not c.active for c in inactive)
    assert blocked.isdisjoint(c.id for c in listed(gt, active=True))


def test_a_group_is_filtered(gt: SubiektGt, rows: Rows) -> None:
    ids = rows("SELECT kh_Id FROM dbo.kh__Kontrahent WHERE kh_IdGrupa = 2 AND kh_Jednorazowy = 0")
    found = listed(gt, group_id="2")
    assert {(int(c.id),) for c in found} == set(ids)
    assert {c.group.name for c in found} == {"Sklepy"}


def test_the_address_is_in_its_parts(gt: SubiektGt, rows: Rows) -> None:
    number, street, house, code, city, province = rows(
        f"SELECT k.kh_Id, adr_Ulica, adr_NrDomu, adr_Kod, adr_Miejscowosc, woj_Nazwa FROM {SEATS}"
        " JOIN dbo.sl_Wojewodztwo w ON w.woj_Id = a.adr_IdWojewodztwo WHERE kh_Jednorazowy = 0"
    )[0]
    address = got(gt, number).address
    assert (address.street, address.house_number) == (street, house)
    assert (address.postal_code, address.city, address.voivodeship) == (code, city, province)
    assert address.country == "PL"
    assert not address.HasField("post_office")


def test_the_correspondence_address_is_there_only_when_it_is_active(
    gt: SubiektGt, rows: Rows
) -> None:
    sql = (
        "SELECT k.kh_Id FROM dbo.kh__Kontrahent k JOIN dbo.adr__Ewid a ON a.adr_IdObiektu = k.kh_Id"
        " AND a.adr_TypAdresu = 2 WHERE kh_Jednorazowy = 0 AND kh_AdresKoresp = ?"
    )
    active, stale = ({str(row[0]) for row in rows(sql, flag)} for flag in (1, 0))
    assert active
    assert stale
    assert {c.id for c in listed(gt) if c.HasField("correspondence_address")} == active


def test_delivery_addresses_are_those_of_the_list_and_the_active_one_of_the_card(
    gt: SubiektGt, rows: Rows
) -> None:
    extra = {str(row[0]) for row in rows("SELECT adk_IdAdresuHist FROM dbo.kh_AdresyDostawy")}
    active = rows(
        "SELECT k.kh_Id FROM dbo.kh__Kontrahent k WHERE k.kh_AdresDostawy = 1 AND kh_Jednorazowy = 0"
    )
    found = [(c, d) for c in listed(gt) for d in c.delivery_addresses]
    assert {d.id for _, d in found if not d.is_default} <= extra
    assert {(int(c.id),) for c, d in found if d.is_default} == set(active)
    for _, address in found:
        name, city = rows(
            f"SELECT adrh_Nazwa, adrh_Miejscowosc FROM dbo.adr_Historia WHERE adrh_Id = {address.id}"
        )[0]
        assert (address.name, address.address.city) == (name, city)


def test_a_gmina_has_its_schools_as_recipients(gt: SubiektGt, rows: Rows) -> None:
    pairs = rows("SELECT kh_IdNabywca, kh_Id FROM dbo.kh__Kontrahent WHERE kh_IdNabywca > 0")
    found = [(c, r) for c in listed(gt) for r in c.recipients]
    assert {(int(c.id), int(r.id)) for c, r in found} == set(pairs)
    assert {r.role for _, r in found} <= {
        PartyRole.PARTY_ROLE_OTHER,
        PartyRole.PARTY_ROLE_RECIPIENT,
        PartyRole.PARTY_ROLE_JST_RECIPIENT,
    }


def test_the_recipient_that_a_card_names_is_told_once(rows: Rows, changed: Changed) -> None:
    buyer, school = rows(
        "SELECT kh_IdNabywca, kh_Id FROM dbo.kh__Kontrahent WHERE kh_IdNabywca > 0"
    )[0]
    gt = changed(f"UPDATE dbo.kh__Kontrahent SET kh_IdOdbiorca = {school} WHERE kh_Id = {buyer}")
    assert [r.id for r in got(gt, buyer).recipients].count(str(school)) == 1


def test_contacts_are_the_persons_of_the_contractor(gt: SubiektGt, rows: Rows) -> None:
    persons = rows("SELECT pk_IdKh, pk_Id, pk_Nazwisko, pk_EMail FROM dbo.kh_Pracownik")
    found = {(int(c.id), int(p.id), p.last_name, p.email) for c in listed(gt) for p in c.contacts}
    assert found == set(persons)


def test_phone_and_emails_come_from_the_card_or_from_the_main_entries(
    gt: SubiektGt, rows: Rows, changed: Changed
) -> None:
    number, address = rows(f"SELECT k.kh_Id, a.adr_Id FROM {SEATS} WHERE k.kh_EMail LIKE 'biuro%'")[
        0
    ]
    mail = "SELECT am_Email FROM dbo.adr_Email WHERE am_IdAdres = ? AND am_DoWysylkiDokumentow = ?"
    customer = got(gt, number)
    assert customer.invoice_email == rows(mail, address, 1)[0][0]
    assert (
        customer.email
        == rows("SELECT kh_EMail FROM dbo.kh__Kontrahent WHERE kh_Id = ?", number)[0][0]
    )
    bare = changed(
        f"UPDATE dbo.kh__Kontrahent SET kh_EMail = '' WHERE kh_Id = {number}",
        f"UPDATE dbo.adr__Ewid SET adr_Telefon = '' WHERE adr_Id = {address}",
    )
    customer = got(bare, number)
    assert customer.email == rows(mail, address, 0)[0][0]
    phone = "SELECT tel_Numer FROM dbo.tel__Ewid WHERE tel_IdAdresu = ? AND tel_Podstawowy = 1"
    assert customer.phone == rows(phone, address)[0][0]


def test_terms_of_sale_are_those_of_the_card(gt: SubiektGt, rows: Rows) -> None:
    number, level, days, limit = rows(
        "SELECT kh_Id, kh_Cena, fp_Termin, kh_MaxWartKred FROM dbo.kh__Kontrahent"
        " JOIN dbo.sl_FormaPlatnosci ON fp_Id = kh_IdFormaP"
        " WHERE kh_MaxWartKred > 0 AND kh_PlatOdroczone = 1"
    )[0]
    (name,) = rows(f"SELECT twp_NazwaCeny{level} FROM dbo.tw_Parametr")[0]
    customer = got(gt, number)
    assert (customer.price_list.id, customer.price_list.name) == (str(level), name)
    assert customer.payment_days == days
    assert customer.credit_limit == f"{limit:.4f}"
    (cash,) = rows("SELECT kh_Id FROM dbo.kh__Kontrahent WHERE kh_PlatOdroczone = 0")[0]
    assert not got(gt, cash).HasField("payment_days")


def test_a_discount_and_its_absence(gt: SubiektGt, rows: Rows) -> None:
    discounted = {
        str(row[0]) for row in rows("SELECT kh_Id FROM dbo.kh__Kontrahent WHERE kh_IdRabat > 0")
    }
    for customer in listed(gt):
        assert customer.HasField("discount") is (customer.id in discounted)
        assert customer.discount in {"", "5.0000"}


def test_a_sole_trader_is_a_company_and_a_person_without_tax_id_a_consumer(
    gt: SubiektGt, rows: Rows
) -> None:
    sql = (
        f"SELECT k.kh_Id FROM {SEATS} WHERE kh_Jednorazowy = 0 AND kh_Osoba = 1 AND"
        " (a.adr_NIP > '') = ?"
    )
    kinds = {int(c.id): c.kind for c in listed(gt)}
    assert {kinds[row[0]] for row in rows(sql, 1)} == {CustomerKind.CUSTOMER_KIND_COMPANY}
    assert {kinds[row[0]] for row in rows(sql, 0)} == {CustomerKind.CUSTOMER_KIND_CONSUMER}


def test_a_pesel_leaves_only_where_the_policy_lets_it(gt: SubiektGt, rows: Rows) -> None:
    number, pesel = rows("SELECT kh_Id, kh_PESEL FROM dbo.kh__Kontrahent WHERE kh_PESEL > ''")[0]
    assert got(gt, number).pesel == pesel
    denied = context("GetCustomer", denied=frozenset({"Customer.pesel"}))
    with recorded(gt.database) as sent:
        response = gt.get_customer(GetCustomerRequest(id=str(number)), denied)
    assert not response.customer.HasField("pesel")
    assert "kh_PESEL" not in sent[0][0]


def test_who_may_not_see_tax_ids_may_not_search_by_them(gt: SubiektGt) -> None:
    denied = context("ListCustomers", denied=frozenset({"Customer.tax_id"}))
    with pytest.raises(Denied):
        gt.list_customers(ListCustomersRequest(tax_id="5261040828"), denied)
    with recorded(gt.database) as sent:
        gt.list_customers(ListCustomersRequest(page_size=5), denied)
    assert "[tax_id" not in sent[0][0]


def test_a_page_costs_one_statement_per_file(gt: SubiektGt) -> None:
    with recorded(gt.database) as sent:
        listed(gt, page_size=100)
    assert len(sent) == 4


def test_a_change_token_brings_what_changed_since_and_not_what_was_long_before(
    rows: Rows, changed: Changed
) -> None:
    (card, address, person), *_ = rows(
        "SELECT MIN(kh_Id), MAX(kh_Id), (SELECT MIN(pk_Id) FROM dbo.kh_Pracownik)"
        " FROM dbo.kh__Kontrahent WHERE kh_Jednorazowy = 0"
    )
    (of_person,) = rows("SELECT pk_IdKh FROM dbo.kh_Pracownik WHERE pk_Id = ?", person)[0]
    later = "'2026-11-20 13:00:00'"
    gt = changed(
        f"UPDATE dbo.kh__Kontrahent SET kh_DataZmiany = {later} WHERE kh_Id = {card}",
        f"UPDATE dbo.adr__Ewid SET adr_DataZmiany = {later}"
        f" WHERE adr_IdObiektu = {address} AND adr_TypAdresu = 1",
        f"UPDATE dbo.kh_Pracownik SET pk_DataZmiany = {later} WHERE pk_Id = {person}",
        "UPDATE dbo.kh__Kontrahent SET kh_DataZmiany = NULL WHERE kh_DataZmiany > '2026-11-19'"
        f" AND kh_Id <> {card}",
    )
    first = gt.list_customers(ListCustomersRequest(), context("ListCustomers"))
    assert first.change_token
    again = ListCustomersRequest(change_token=first.change_token)
    found = gt.list_customers(again, context("ListCustomers")).customers
    assert {int(c.id) for c in found} == {card, address, of_person}


def test_every_page_tells_the_change_token_of_the_first(gt: SubiektGt) -> None:
    request = ListCustomersRequest(page_size=50, read_mask=FieldMask(paths=["id"]))
    tokens, seen = set(), 0
    while True:
        response = gt.list_customers(request, context("ListCustomers"))
        tokens.add(response.change_token)
        seen += len(response.customers)
        if not response.next_page_token:
            break
        request.page_token = response.next_page_token
    assert len(tokens) == 1
    assert seen == len(listed(gt))


@pytest.mark.parametrize("token", ["", "x", "2026-11-20", "2026-99-01T00:00:00"])
def test_a_wrong_change_token_is_refused(gt: SubiektGt, token: str) -> None:
    if not token:
        assert listed(gt, change_token=token)
        return
    with pytest.raises(Invalid, match="change_token"):
        listed(gt, change_token=token)


def test_the_site_can_add_fields_and_hide_rows(rows: Rows, changed: Changed) -> None:
    gt = changed(
        attributes={"customers": {"trasa": "k.kh_Pole1"}},
        rows={"customers": "k.kh_IdGrupa = 2"},
    )
    found = listed(gt)
    assert {c.group.id for c in found} == {"2"}
    assert any(c.attributes["trasa"].startswith("Trasa") for c in found)
