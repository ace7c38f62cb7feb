from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from mostek.erp.v1.common_pb2 import PartyRole, TransactionKind
from mostek.erp.v1.invoice_pb2 import (
    CorrectionValues,
    GetInvoiceRequest,
    Invoice,
    InvoiceKind,
    InvoiceState,
    KsefEnvironment,
    KsefMode,
    KsefState,
    ListInvoicesRequest,
)
from mostek.plugin.testing import context, recorded
from mostek.wire.failures import NotFound, Unsupported
from mostek_subiekt.gt import SubiektGt

Rows = Callable[..., list[tuple[Any, ...]]]
Changed = Callable[..., SubiektGt]

ALL = FieldMask(
    paths=[f.name for f in Invoice.DESCRIPTOR.fields]  # lines and VAT summary too
)
INVOICE, CORRECTION, ADVANCE, FINAL, RECEIPT, RECEIPT_INVOICE, MARGIN = range(1, 8)


def listed(gt: SubiektGt, **fields: Any) -> list[Invoice]:
    request = ListInvoicesRequest(**{"page_size": 1000, **fields})
    return list(gt.list_invoices(request, context("ListInvoices")).invoices)


def got(gt: SubiektGt, number: object) -> Invoice:
    request = GetInvoiceRequest(id=str(number), read_mask=ALL)
    return gt.get_invoice(request, context("GetInvoice")).invoice


def numbers(rows: Rows, condition: str) -> set[tuple[int]]:
    return set(rows(f"SELECT dok_Id FROM dbo.dok__Dokument WHERE {condition}"))


def ids(invoices: list[Invoice]) -> set[tuple[int]]:
    return {(int(invoice.id),) for invoice in invoices}


# Which documents


def test_receipts_purchases_orders_and_cancelled_ones_stay_out(gt: SubiektGt, rows: Rows) -> None:
    assert ids(listed(gt)) == numbers(rows, "dok_Typ IN (2, 6, 62) AND dok_Status <> 2")


def test_an_invoice_whose_stock_has_not_moved_is_issued(gt: SubiektGt, rows: Rows) -> None:
    for number, status in rows(
        "SELECT dok_Id, dok_Status FROM dbo.dok__Dokument WHERE dok_Typ = 2 AND dok_Status IN (0, 3)"
    ):
        assert got(gt, number).state == InvoiceState.INVOICE_STATE_ISSUED, status


def test_cancelled_ones_come_when_asked_for(gt: SubiektGt, rows: Rows) -> None:
    cancelled = numbers(rows, "dok_Typ = 2 AND dok_Status = 2")
    found = listed(gt, include_cancelled=True)
    state = InvoiceState.INVOICE_STATE_CANCELLED
    assert ids([invoice for invoice in found if invoice.state == state]) == cancelled
    assert got(gt, min(cancelled)[0]).state == state


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        (INVOICE, "dok_Typ = 2 AND dok_Podtyp IN (0, 2)"),
        (CORRECTION, "dok_Typ = 6"),
        (ADVANCE, "dok_Typ = 2 AND dok_Podtyp = 3"),
        (FINAL, "dok_Typ = 2 AND dok_Podtyp = 5"),
        (RECEIPT, "dok_Typ = 21"),
        (RECEIPT_INVOICE, "dok_Typ = 2 AND dok_Podtyp = 1"),
        (MARGIN, "dok_Typ = 62"),
    ],
)
def test_each_kind_is_told_and_filtered(
    gt: SubiektGt, rows: Rows, kind: InvoiceKind.ValueType, condition: str
) -> None:
    found = listed(gt, kinds=[kind])
    assert found
    assert ids(found) == numbers(rows, f"{condition} AND dok_Status <> 2")
    assert {invoice.kind for invoice in found} == {kind}


def test_kinds_that_subiekt_does_not_have_find_nothing(gt: SubiektGt) -> None:
    assert listed(gt, kinds=[InvoiceKind.INVOICE_KIND_PROFORMA]) == []
    both = listed(gt, kinds=[ADVANCE, MARGIN])
    assert {invoice.kind for invoice in both} == {ADVANCE, MARGIN}


def test_an_order_is_no_invoice(gt: SubiektGt, rows: Rows) -> None:
    for kind in (1, 11, 16):
        (number,) = min(numbers(rows, f"dok_Typ = {kind}"))
        with pytest.raises(NotFound):
            got(gt, number)


def test_numbers_dates_and_customers_are_filtered(gt: SubiektGt, rows: Rows) -> None:
    base = "dok_Typ IN (2, 6, 62) AND dok_Status <> 2 AND"
    number, customer = rows(
        f"SELECT dok_NrPelny, dok_PlatnikId FROM dbo.dok__Dokument WHERE {base} dok_Id > 50"
    )[0]
    assert [i.number for i in listed(gt, numbers=[number.lower()])] == [number]
    found = listed(gt, customer_id=str(customer))
    assert ids(found) == numbers(rows, f"{base} dok_PlatnikId = {customer}")
    found = listed(gt, issue_date_from="2026-05-02", issue_date_to="2026-06-30")
    dates = "dok_DataWyst BETWEEN '2026-05-02 00:00:00' AND '2026-06-30 23:59:59'"
    assert ids(found) == numbers(rows, f"{base} {dates}")
    found = listed(gt, due_date_before="2026-01-01")
    assert ids(found) == numbers(rows, f"{base} dok_PlatTermin < '2026-01-01 00:00:00'")


def test_changes_cannot_be_told(gt: SubiektGt) -> None:
    with pytest.raises(Unsupported, match="change_token"):
        listed(gt, change_token="x")


# What is paid

SETTLED = (
    "SELECT d.dok_Id, COALESCE(SUM(CASE f.nzf_Typ WHEN 39 THEN 1 ELSE -1 END * f.nzf_WartoscWaluta), 0),"
    " SUM(CASE f.nzf_Typ WHEN 39 THEN 1 ELSE -1 END * (f.nzf_WartoscPierwotnaWaluta - f.nzf_WartoscWaluta))"
    " FROM dbo.dok__Dokument d LEFT JOIN dbo.nz__Finanse f ON f.nzf_IdDokumentAuto = d.dok_Id"
    " AND f.nzf_Typ IN (39, 40) AND f.nzf_IdObiektu = d.dok_PlatnikId AND f.nzf_TypObiektu = 1"
    " WHERE d.dok_Typ IN (2, 6, 62) AND d.dok_Status <> 2 GROUP BY d.dok_Id"
)


def test_remaining_and_paid_are_those_of_the_settlements(gt: SubiektGt, rows: Rows) -> None:
    wanted = {
        (number, round(remaining, 4), None if paid is None else round(paid, 4))
        for number, remaining, paid in rows(SETTLED)
    }
    found = {
        (int(i.id), float(i.remaining), float(i.paid) if i.HasField("paid") else None)
        for i in listed(gt)
    }
    assert found == wanted
    assert any(remaining < 0 for _, remaining, _ in found), "a correction to be given back"


def test_what_was_to_be_paid_is_paid_or_remains(gt: SubiektGt) -> None:
    for invoice in listed(gt):
        if invoice.HasField("paid"):
            settled = Decimal(invoice.paid) + Decimal(invoice.remaining)
            assert settled == Decimal(invoice.payable), invoice.number


def test_an_invoice_paid_by_card_is_not_owed_by_the_buyer(gt: SubiektGt, rows: Rows) -> None:
    by_card = rows(
        "SELECT nzf_IdDokumentAuto FROM dbo.nz__Finanse"
        " WHERE nzf_Typ = 39 AND nzf_Podtyp IN (4, 5) AND nzf_WartoscWaluta > 0"
    )
    assert by_card
    unpaid = ids(listed(gt, only_unpaid=True))
    for (number,) in by_card:
        invoice = got(gt, number)
        assert (invoice.remaining, Decimal(invoice.paid)) == ("0.0000", Decimal(invoice.gross))
        assert (number,) not in unpaid


def test_only_unpaid_are_those_with_something_remaining(gt: SubiektGt) -> None:
    wanted = {i.id for i in listed(gt) if Decimal(i.remaining)}
    assert wanted
    assert {i.id for i in listed(gt, only_unpaid=True)} == wanted


# Corrections and receipts


def test_a_correction_says_the_difference_in_totals_lines_and_vat(
    gt: SubiektGt, rows: Rows
) -> None:
    corrections = listed(gt, kinds=[CORRECTION], read_mask=ALL)
    for invoice in corrections:
        assert invoice.correction_values == CorrectionValues.CORRECTION_VALUES_DIFFERENCE
        for part in (invoice.lines, invoice.vat_summary):
            assert sum(Decimal(x.net) for x in part) == Decimal(invoice.net)
            assert sum(Decimal(x.gross) for x in part) == Decimal(invoice.gross)
        wanted = rows(
            "SELECT ob_Ilosc * ob_Znak, ob_WartBrutto FROM dbo.dok_Pozycja"
            " WHERE ob_DokHanId = ? AND ob_Status = 1",
            int(invoice.id),
        )
        assert [(float(x.quantity), float(x.gross)) for x in invoice.lines] == wanted
    signs = {Decimal(invoice.gross) > 0 for invoice in corrections}
    assert signs == {True, False}


def test_a_correction_names_what_it_corrects(gt: SubiektGt, rows: Rows) -> None:
    for invoice in listed(gt, kinds=[CORRECTION]):
        number, related, date = rows(
            "SELECT dok_DoDokNrPelny, dok_DoDokId, dok_DoDokDataWyst FROM dbo.dok__Dokument"
            " WHERE dok_Id = ?",
            int(invoice.id),
        )[0]
        (corrected,) = invoice.corrects
        assert corrected.number == number
        assert corrected.id == (str(related) if related else "")
        assert corrected.issue_date == (date or "")[:10]
        if related:
            assert corrected.ksef_number == got(gt, related).ksef.number
    assert not any(invoice.corrects for invoice in listed(gt, kinds=[INVOICE]))


def test_a_retail_invoice_names_its_receipts_so_that_none_counts_twice(
    gt: SubiektGt, rows: Rows
) -> None:
    wanted = set(rows("SELECT dfd_IdFS, dfd_IdPA FROM dbo.dok_PowiazanieFsdPA"))
    invoices = listed(gt)
    found = {(int(i.id), int(r.id)) for i in invoices for r in i.receipts}
    assert found == wanted
    assert {i.kind for i in invoices if i.receipts} == {RECEIPT_INVOICE}
    receipts = listed(gt, kinds=[RECEIPT])
    repeated = {r.id for i in invoices for r in i.receipts}
    for invoice in (i for i in invoices if i.receipts):
        of_it = [r for r in receipts if r.id in {x.id for x in invoice.receipts}]
        assert sum(Decimal(r.gross) for r in of_it) == Decimal(invoice.gross)
    assert repeated < {r.id for r in receipts}


def test_without_a_row_of_the_link_the_related_receipt_is_told(
    rows: Rows, changed: Changed
) -> None:
    number, receipt = rows(
        "SELECT dok_Id, dok_DoDokId FROM dbo.dok__Dokument"
        " WHERE dok_Typ = 2 AND dok_Podtyp = 1 AND dok_DoDokId > 0"
    )[0]
    gt = changed("DELETE FROM dbo.dok_PowiazanieFsdPA")
    assert [r.id for r in got(gt, number).receipts] == [str(receipt)]


# Orders that it was made of


@pytest.mark.parametrize("turned", [False, True])
def test_the_order_is_found_whichever_of_the_two_holds_the_others_id(
    rows: Rows, changed: Changed, turned: bool
) -> None:
    number, order = rows(
        "SELECT f.dok_Id, o.dok_Id FROM dbo.dok__Dokument f JOIN dbo.dok__Dokument o"
        " ON o.dok_Id = f.dok_DoDokId WHERE f.dok_Typ = 2 AND o.dok_Typ = 16"
    )[0]
    turn = (
        "UPDATE dbo.dok__Dokument SET dok_DoDokId = NULL WHERE dok_DoDokId = " + str(order),
        f"UPDATE dbo.dok__Dokument SET dok_DoDokId = {number} WHERE dok_Id = {order}",
    )
    gt = changed(*turn) if turned else changed()
    assert [o.id for o in got(gt, number).orders] == [str(order)]


def test_an_order_that_both_name_is_told_once(rows: Rows, changed: Changed) -> None:
    number, order = rows(
        "SELECT f.dok_Id, o.dok_Id FROM dbo.dok__Dokument f JOIN dbo.dok__Dokument o"
        " ON o.dok_Id = f.dok_DoDokId WHERE f.dok_Typ = 2 AND o.dok_Typ = 16"
    )[0]
    gt = changed(f"UPDATE dbo.dok__Dokument SET dok_DoDokId = {number} WHERE dok_Id = {order}")
    assert [o.id for o in got(gt, number).orders] == [str(order)]


# Parties, KSeF, currencies, lines


def test_parties_are_printed_as_the_document_froze_them(gt: SubiektGt, rows: Rows) -> None:
    moved = 0
    for invoice in listed(gt):
        name, city, now = rows(
            "SELECT h.adrh_NazwaPelna, h.adrh_Miejscowosc, a.adr_Miejscowosc FROM dbo.dok__Dokument"
            " JOIN dbo.adr_Historia h ON h.adrh_Id = dok_PlatnikAdreshId"
            " JOIN dbo.adr__Ewid a ON a.adr_Id = h.adrh_IdAdresu WHERE dok_Id = ?",
            int(invoice.id),
        )[0]
        buyer = invoice.parties[0]
        assert buyer.role == PartyRole.PARTY_ROLE_BUYER
        assert (buyer.name, buyer.address.city) == (name, city)
        moved += city != now
    assert moved, "the sandbox has companies that moved"


def test_a_school_is_the_recipient_of_what_its_gmina_buys(gt: SubiektGt, rows: Rows) -> None:
    wanted = rows(
        "SELECT dok_Id, dok_PlatnikId, dok_OdbiorcaId FROM dbo.dok__Dokument"
        " WHERE dok_Typ = 2 AND dok_OdbiorcaId <> dok_PlatnikId"
    )
    assert wanted
    for number, buyer, school in wanted:
        first, second = got(gt, number).parties
        assert (int(first.customer_id), int(second.customer_id)) == (buyer, school)
        assert second.role == PartyRole.PARTY_ROLE_JST_RECIPIENT


def test_a_buyer_out_of_the_card_index_has_a_name_but_no_id(gt: SubiektGt, rows: Rows) -> None:
    (number,) = rows(
        "SELECT dok_Id FROM dbo.dok__Dokument JOIN dbo.kh__Kontrahent ON kh_Id = dok_PlatnikId"
        " WHERE dok_Typ = 2 AND kh_Jednorazowy = 1"
    )[0]
    (buyer,) = got(gt, number).parties
    assert buyer.name
    assert not buyer.customer_id


def test_a_receipt_of_nobody_has_no_parties(gt: SubiektGt, rows: Rows) -> None:
    (number,) = min(numbers(rows, "dok_Typ = 21 AND dok_PlatnikId IS NULL"))
    assert not got(gt, number).parties


def test_ksef_numbers_come_from_both_places_and_find_their_invoice(
    gt: SubiektGt, rows: Rows
) -> None:
    wanted = rows(
        "SELECT dok_Id, ksefnr_NumerKSeF, dok_NumerKSeF FROM dbo.dok__Dokument"
        " LEFT JOIN dbo.ksef_NumerKSeF ON ksefnr_Id = dok_NumerKSeFId"
        " WHERE dok_Typ IN (2, 6, 62) AND dok_Status <> 2 AND dok_StatusKSeF = 5"
    )
    new, old = ([r for r in wanted if bool(r[1]) is there] for there in (True, False))
    assert new
    assert old
    found = {int(i.id): i.ksef for i in listed(gt)}
    for number, first, second in wanted:
        ksef = found[number]
        assert (ksef.number, ksef.state) == (first or second, KsefState.KSEF_STATE_ACCEPTED)
        assert ksef.mode == KsefMode.KSEF_MODE_ONLINE
        assert ksef.environment == KsefEnvironment.KSEF_ENVIRONMENT_PRODUCTION
        assert ksef.HasField("accepted_at")
    for number, first, second in (new[0], old[0]):
        (invoice,) = listed(gt, ksef_number=first or second)
        assert int(invoice.id) == number
    assert listed(gt, ksef_number="5250000000-20260101-000000000000-00") == []


def test_a_number_of_the_new_place_is_found_by_its_index(gt: SubiektGt, rows: Rows) -> None:
    (number,) = rows("SELECT MIN(ksefnr_NumerKSeF) FROM dbo.ksef_NumerKSeF")[0]
    with recorded(gt.database) as sent:
        listed(gt, ksef_number=number, read_mask=FieldMask(paths=["id"]))
    ((sql, params),) = sent
    plan = gt.database.explain(sql, params, context())  # type: ignore[attr-defined]
    assert any("(dok_NumerKSeFId=?" in step for step in plan)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (1, KsefState.KSEF_STATE_WAITING),
        (3, KsefState.KSEF_STATE_SENT),
        (4, KsefState.KSEF_STATE_REJECTED),
        (6, KsefState.KSEF_STATE_FAILED),
    ],
)
def test_the_state_in_ksef_is_told(
    rows: Rows, changed: Changed, status: int, state: KsefState.ValueType
) -> None:
    (number,) = min(numbers(rows, "dok_Typ = 2 AND dok_StatusKSeF IN (1, 3, 4, 6)"))
    gt = changed(f"UPDATE dbo.dok__Dokument SET dok_StatusKSeF = {status} WHERE dok_Id = {number}")
    assert got(gt, number).ksef.state == state


def test_what_ksef_knows_nothing_of_has_no_ksef(gt: SubiektGt, rows: Rows) -> None:
    (number,) = min(numbers(rows, "dok_Typ = 2 AND dok_StatusKSeF = 0"))
    assert not got(gt, number).HasField("ksef")


def test_a_euro_invoice_is_in_euro_and_in_zloty(gt: SubiektGt, rows: Rows) -> None:
    wanted = rows(
        "SELECT d.dok_Id, dok_WalutaKurs, dok_WartBrutto, SUM(vt_WartBruttoWaluta), MIN(nzf_WartoscPierwotnaWaluta)"
        " FROM dbo.dok__Dokument d JOIN dbo.dok_Vat ON vt_DokId = d.dok_Id"
        " JOIN dbo.nz__Finanse ON nzf_IdDokumentAuto = d.dok_Id"
        " WHERE dok_Waluta = 'EUR' AND dok_Typ = 2 GROUP BY d.dok_Id"
    )
    assert wanted
    for number, rate, gross_pln, gross, owed in wanted:
        invoice = got(gt, number)
        assert (invoice.currency, invoice.exchange_rate) == ("EUR", f"{rate:.4f}")
        assert invoice.gross == invoice.payable == f"{gross:.4f}" == f"{owed:.4f}"
        assert invoice.gross_pln == f"{gross_pln:.4f}"
        assert Decimal(invoice.net) + Decimal(invoice.vat) == Decimal(invoice.gross)
        assert not any(line.HasField("net") for line in invoice.lines)
        assert all(line.net_price for line in invoice.lines)
        for field in ("net", "vat", "gross"):
            of_rates = sum(Decimal(getattr(v, field)) for v in invoice.vat_summary)
            assert of_rates == Decimal(getattr(invoice, field))


def test_a_rate_for_a_hundred_units_is_not_told_wrong(rows: Rows, changed: Changed) -> None:
    (number,) = min(numbers(rows, "dok_Typ = 2 AND dok_Waluta = 'EUR'"))
    gt = changed(
        f"UPDATE dbo.dok__Dokument SET dok_WalutaLiczbaJednostek = 100 WHERE dok_Id = {number}"
    )
    assert not got(gt, number).HasField("exchange_rate")


def test_the_kind_of_transaction_is_told(gt: SubiektGt, rows: Rows) -> None:
    for operation, kind in (
        (0, TransactionKind.TRANSACTION_KIND_DOMESTIC),
        (1, TransactionKind.TRANSACTION_KIND_EXPORT),
        (2, TransactionKind.TRANSACTION_KIND_INTRA_EU),
    ):
        (number,) = min(numbers(rows, f"dok_Typ = 2 AND dok_RodzajOperacjiVat = {operation}"))
        assert got(gt, number).transaction_kind == kind


def test_lines_are_those_of_the_document_in_order(gt: SubiektGt, rows: Rows) -> None:
    for invoice in listed(gt, kinds=[INVOICE], read_mask=ALL, page_size=60):
        wanted = rows(
            "SELECT ob_DokHanLp, tw_Symbol, ob_Ilosc, vat_Symbol FROM dbo.dok_Pozycja"
            " JOIN dbo.tw__Towar ON tw_Id = ob_TowId JOIN dbo.sl_StawkaVAT ON vat_Id = ob_VatId"
            " WHERE ob_DokHanId = ? ORDER BY ob_DokHanLp",
            int(invoice.id),
        )
        found = [
            (x.line_number, x.product_code, float(x.quantity), x.vat_rate.code)
            for x in invoice.lines
        ]
        assert found == wanted


def test_lines_come_only_when_named_and_cost_one_statement_for_a_page(gt: SubiektGt) -> None:
    assert not any(invoice.lines or invoice.vat_summary for invoice in listed(gt))
    with recorded(gt.database) as sent:
        found = listed(gt, read_mask=FieldMask(paths=["id", "lines"]), page_size=100)
    assert len(sent) == 2
    assert all(invoice.lines for invoice in found)


def test_a_one_off_service_is_named_by_its_text(rows: Rows, changed: Changed) -> None:
    line, document = rows(
        "SELECT ob_Id, ob_DokHanId FROM dbo.dok_Pozycja JOIN dbo.dok__Dokument ON dok_Id = ob_DokHanId"
        " WHERE dok_Typ = 2 AND ob_DokHanLp = 1"
    )[0]
    gt = changed(
        f"UPDATE dbo.dok_Pozycja SET ob_TowId = NULL, ob_Opis = 'Wniesienie' WHERE ob_Id = {line}"
    )
    first = got(gt, document).lines[0]
    assert (first.name, first.product_id) == ("Wniesienie", "")


def test_both_columns_of_remarks_are_told(rows: Rows, changed: Changed) -> None:
    (number,) = min(numbers(rows, "dok_Typ = 2"))
    gt = changed(
        f"UPDATE dbo.dok__Dokument SET dok_Uwagi = 'a', dok_UwagiExt = 'b' WHERE dok_Id = {number}"
    )
    assert got(gt, number).remarks == "a\nb"
