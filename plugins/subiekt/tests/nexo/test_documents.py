"""Invoices and orders as they are read."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest

from mostek.erp.v1.common_pb2 import PartyRole
from mostek.erp.v1.invoice_pb2 import CorrectionValues, InvoiceKind
from mostek.erp.v1.order_pb2 import OrderDocumentKind, OrderState
from mostek.plugin.testing import listed, read, recorded

from .asking import ALL, Changed, by_id
from .conftest import Frozen, Rows

# Invoices


def test_amounts_are_exact_to_the_grosz(nexo: Frozen, rows: Rows) -> None:
    sums = rows(
        "SELECT SUM(CAST(ROUND(Wartosc_NettoPoRabacie * 100) AS int)),"
        " SUM(CAST(ROUND(Wartosc_VatPoRabacie * 100) AS int)),"
        " SUM(CAST(ROUND(Wartosc_BruttoPoRabacie * 100) AS int)) FROM @Dokumenty d JOIN @StatusyDokumentow s"
        " ON s.Id = d.StatusDokumentuId WHERE Symbol IN ('FS', 'KFS') AND s.Uniewazniony = 0"
    )[0]
    invoices = listed(nexo, "ListInvoices", read_mask=ALL)
    for place, name in enumerate(("net", "vat", "gross")):
        assert sum(Decimal(getattr(i, name)) for i in invoices) * 100 == sums[place]
    for invoice in invoices:
        for name in ("net", "vat", "gross"):
            lines = sum(Decimal(getattr(line, name)) for line in invoice.lines)
            rates = sum(Decimal(getattr(rate, name)) for rate in invoice.vat_summary)
            assert lines == rates == Decimal(getattr(invoice, name))


def test_what_is_listed_is_neither_void_nor_a_purchase_nor_a_receipt(nexo: Frozen) -> None:
    invoices = listed(nexo, "ListInvoices")
    assert {i.number.split()[0] for i in invoices} == {"FS", "KFS"}
    everything = listed(nexo, "ListInvoices", include_cancelled=True)
    assert len(everything) == len(invoices) + 20
    receipts = listed(nexo, "ListInvoices", kinds=[InvoiceKind.INVOICE_KIND_RECEIPT])
    assert {i.number.split()[0] for i in receipts} == {"PA"}


def test_the_symbols_of_other_kinds_are_configured(changed: Changed) -> None:
    plugin = changed(
        "UPDATE @Dokumenty SET Symbol = 'FZL' WHERE Id IN (SELECT Id FROM @Dokumenty WHERE Symbol = 'FS' LIMIT 5)",
        symbols={"advance": ["FZL"]},
    )
    kinds = [InvoiceKind.INVOICE_KIND_ADVANCE]
    found = listed(plugin, "ListInvoices", kinds=kinds, include_cancelled=True)
    assert len(found) == 5
    assert all(i.kind == InvoiceKind.INVOICE_KIND_ADVANCE for i in found)


def test_what_remains_is_the_buyers_and_not_what_went_to_a_card_operator(
    nexo: Frozen, rows: Rows
) -> None:
    card = rows(
        "SELECT d.Id FROM @Dokumenty d JOIN @FormyPlatnosci f ON f.Id = d.FormaPlatnosciId WHERE f.Nazwa = 'karta'"
    )
    assert card
    for (number,) in card:
        invoice = by_id(nexo, "GetInvoice", number)
        assert not Decimal(invoice.remaining)
        assert invoice.paid == invoice.gross
    receivables = listed(nexo, "ListReceivables")
    operators = [r for r in receivables if r.payer.name == "Karty Płatnicze S.A."]
    assert {r.invoice_id for r in operators} == {str(number) for (number,) in card}
    assert all(r.debtor.id != r.payer.id for r in operators)


def test_partial_payments_instalments_and_corrections_are_settled_by_sum(
    nexo: Frozen, rows: Rows
) -> None:
    remaining: dict[str, Decimal] = defaultdict(Decimal)
    operator = rows("SELECT Id FROM @Podmioty WHERE NazwaSkrocona = 'Karty Płatnicze S.A.'")[0][0]
    for number, kind, left in rows(
        "SELECT Dokument_Id, Typ, KwotaPozostala FROM @Rozrachunki WHERE Dokument_Id IS NOT NULL AND Podmiot_Id <> ?",
        operator,
    ):
        remaining[str(number)] += Decimal(str(left)) * (1 if kind == 1 else -1)
    invoices = listed(nexo, "ListInvoices")
    for invoice in invoices:
        assert Decimal(invoice.remaining) == remaining[invoice.id], invoice.number
    corrections = [i for i in invoices if i.kind == InvoiceKind.INVOICE_KIND_CORRECTION]
    assert any(Decimal(i.remaining) < 0 for i in corrections)
    assert all(i.corrects[0].number.startswith("FS") for i in corrections)
    unpaid = {i.id for i in listed(nexo, "ListInvoices", only_unpaid=True)}
    assert unpaid == {i.id for i in invoices if Decimal(i.remaining)}


def test_what_the_amounts_of_a_correction_are_is_told_only_if_configured(
    nexo: Frozen, changed: Changed
) -> None:
    kinds = [InvoiceKind.INVOICE_KIND_CORRECTION]
    assert not any(i.correction_values for i in listed(nexo, "ListInvoices", kinds=kinds))
    told = listed(changed(correction_values="difference"), "ListInvoices")
    for invoice in told:
        is_correction = invoice.kind == InvoiceKind.INVOICE_KIND_CORRECTION
        wanted = CorrectionValues.CORRECTION_VALUES_DIFFERENCE if is_correction else 0
        assert invoice.correction_values == wanted


def test_a_document_in_euro_has_zloty_beside_it(nexo: Frozen) -> None:
    foreign = [i for i in listed(nexo, "ListInvoices") if i.currency == "EUR"]
    assert foreign
    for invoice in foreign:
        assert Decimal(invoice.gross_pln) / Decimal(invoice.gross) == pytest.approx(
            Decimal("4.2731"), rel=Decimal("0.01")
        )
        assert not invoice.HasField("exchange_rate")
    polish = next(i for i in listed(nexo, "ListInvoices") if i.currency == "PLN")
    assert (polish.gross_pln, polish.exchange_rate) == (polish.gross, "1.0000")


def test_parties_are_as_the_document_froze_them_and_one_off_ones_have_no_id(
    nexo: Frozen, rows: Rows
) -> None:
    one_off = {row[0] for row in rows("SELECT Id FROM @Podmioty WHERE Jednorazowy = 1")}
    roles = set()
    hidden = 0
    for invoice in listed(nexo, "ListInvoices"):
        buyer = invoice.parties[0]
        ((number,),) = rows("SELECT PodmiotId FROM @Dokumenty WHERE Id = ?", int(invoice.id))
        assert buyer.role == PartyRole.PARTY_ROLE_BUYER
        assert buyer.address.city
        assert buyer.customer_id == ("" if number in one_off else str(number))
        hidden += number in one_off
        assert buyer.name.endswith("dawniej") or " " in buyer.name
        roles |= {party.role for party in invoice.parties}
    assert hidden
    assert roles == {
        PartyRole.PARTY_ROLE_BUYER,
        PartyRole.PARTY_ROLE_RECIPIENT,
        PartyRole.PARTY_ROLE_PAYER,
    }


def test_a_payer_finds_the_documents_that_it_pays(nexo: Frozen) -> None:
    invoice = next(
        i
        for i in listed(nexo, "ListInvoices")
        if any(p.role == PartyRole.PARTY_ROLE_PAYER for p in i.parties)
    )
    payer = next(p for p in invoice.parties if p.role == PartyRole.PARTY_ROLE_PAYER)
    found = listed(nexo, "ListInvoices", customer_id=payer.customer_id)
    assert invoice.id in {i.id for i in found}
    assert invoice.ksef.number == "" or invoice.ksef.number.startswith("5252344078-")


def test_lines_tell_the_discount_in_per_cent_and_one_off_services_by_their_text(
    nexo: Frozen,
) -> None:
    lines = [line for i in listed(nexo, "ListInvoices", read_mask=ALL) for line in i.lines]
    assert {line.discount for line in lines} == {"0.0000", "10.0000"}
    services = [line for line in lines if not line.HasField("product_id")]
    assert services
    assert {line.name for line in services} == {"Montaż jednorazowy"}
    assert not any(line.HasField("remark") for line in services)


def test_invoice_lines_of_a_page_cost_one_statement(nexo: Frozen) -> None:
    with recorded(nexo.database) as sent:
        read(nexo, "ListInvoices", page_size=100, read_mask={"paths": ["id", "lines"]})
    assert len([sql for sql, _ in sent if "PozycjeDokumentu" in sql]) == 1


# Orders


def test_states_are_told_by_the_status_and_the_lines(nexo: Frozen) -> None:
    every = list(OrderState.values())[1:]
    orders = listed(nexo, "ListOrders", states=every)
    states = {order.state for order in orders}
    assert states == {
        OrderState.ORDER_STATE_OPEN,
        OrderState.ORDER_STATE_RESERVED,
        OrderState.ORDER_STATE_PARTLY,
        OrderState.ORDER_STATE_DONE,
        OrderState.ORDER_STATE_CANCELLED,
    }
    valid = listed(nexo, "ListOrders")
    assert {o.id for o in valid} == {
        o.id for o in orders if o.state != OrderState.ORDER_STATE_CANCELLED
    }
    for order in orders:
        share = {OrderState.ORDER_STATE_PARTLY: "0.5", OrderState.ORDER_STATE_DONE: "1"}
        for line in order.lines:
            if order.state in share:
                expected = Decimal(line.quantity) * Decimal(share[order.state])
                assert Decimal(line.fulfilled_quantity) == expected
            else:
                assert not line.HasField("fulfilled_quantity")


def test_what_is_delivered_in_base_units_is_told_in_the_lines_own(nexo: Frozen, rows: Rows) -> None:
    order = next(
        o for o in listed(nexo, "ListOrders", states=[OrderState.ORDER_STATE_DONE]) if o.lines
    )
    line = f"Dokument_Id = {order.id} AND LP = 1"
    rows(f"UPDATE PozycjeDokumentu SET IloscWJednostceBazowej = Ilosc * 12 WHERE {line}")
    rows(
        "UPDATE StanyRealizacjiZamowien SET ZrealizowanaIlosc = ZrealizowanaIlosc * 6"
        f" WHERE PozycjaDokumentuZK_Id IN (SELECT Id FROM PozycjeDokumentu WHERE {line})"
    )
    (found,) = (o for o in listed(nexo, "ListOrders") if o.id == order.id)
    told = {line.line_number: line for line in found.lines}[1]
    assert Decimal(told.fulfilled_quantity) == Decimal(told.quantity) / 2


def test_an_order_and_the_documents_made_of_it_name_each_other(nexo: Frozen) -> None:
    done = [o for o in listed(nexo, "ListOrders") if o.state == OrderState.ORDER_STATE_DONE]
    assert done
    for order in done:
        kinds = [document.kind for document in order.documents]
        assert kinds == [
            OrderDocumentKind.ORDER_DOCUMENT_KIND_INVOICE,
            OrderDocumentKind.ORDER_DOCUMENT_KIND_STOCK_ISSUE,
        ]
        invoice = by_id(nexo, "GetInvoice", order.documents[0].id)
        assert [o.number for o in invoice.orders] == [order.number]
