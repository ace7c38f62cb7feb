"""Invoices and orders: what is easily got wrong, against sums that independent SQL takes from the sandbox."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

import pytest

from mostek.erp.v1.common_pb2 import PartyRole
from mostek.erp.v1.invoice_pb2 import CorrectionValues, InvoiceState
from mostek.erp.v1.order_pb2 import OrderDocumentKind, OrderState
from mostek.plugin.testing import listed, read, recorded
from mostek.wire.failures import NotFound

from .asking import ALL, KINDS, SALES
from .conftest import Frozen, Rows

# Invoices


def test_only_what_is_issued_counts_as_sold(optima: Frozen, rows: Rows) -> None:
    invoices = listed(optima, "ListInvoices")
    ((count, net, vat, gross),) = rows(
        "SELECT COUNT(*), SUM(TrN_RazemNetto), SUM(TrN_RazemVAT), SUM(TrN_RazemBrutto)"
        f" FROM CDN.TraNag WHERE {SALES}"
    )
    assert len(invoices) == count
    for name, value in (("net_pln", net), ("vat_pln", vat), ("gross_pln", gross)):
        assert sum(Decimal(getattr(i, name)) for i in invoices) == round(Decimal(value), 2)
    assert {i.state for i in invoices} == {InvoiceState.INVOICE_STATE_ISSUED}


def test_drafts_and_cancelled_ones_are_there_by_their_id(optima: Frozen, rows: Rows) -> None:
    for buffer, state in (
        (1, InvoiceState.INVOICE_STATE_DRAFT),
        (-1, InvoiceState.INVOICE_STATE_CANCELLED),
    ):
        found = rows(
            "SELECT TrN_TrNID FROM CDN.TraNag WHERE TrN_TypDokumentu = 302 AND TrN_Bufor = ?",
            buffer,
        )
        assert found
        assert read(optima, "GetInvoice", id=str(found[0][0])).invoice.state == state
    with_cancelled = listed(optima, "ListInvoices", include_cancelled=True)
    assert {i.state for i in with_cancelled} == {
        InvoiceState.INVOICE_STATE_ISSUED,
        InvoiceState.INVOICE_STATE_CANCELLED,
    }


def test_a_cancelled_document_may_have_any_number_but_zero(
    optima: Frozen, changed: Callable[..., Frozen]
) -> None:
    invoice = listed(optima, "ListInvoices")[0]
    plugin = changed(f"UPDATE CDN.TraNag SET TrN_Anulowany = -5 WHERE TrN_TrNID = {invoice.id}")
    assert invoice.id not in {i.id for i in listed(plugin, "ListInvoices")}
    found = read(plugin, "GetInvoice", id=invoice.id).invoice
    assert found.state == InvoiceState.INVOICE_STATE_CANCELLED


def test_purchases_and_orders_are_no_invoices(optima: Frozen, rows: Rows) -> None:
    for kind in (301, 306, 308, 309):
        ((document, *_), *_) = rows(
            "SELECT TrN_TrNID FROM CDN.TraNag WHERE TrN_TypDokumentu = ?", kind
        )
        with pytest.raises(NotFound):
            read(optima, "GetInvoice", id=str(document))


def test_a_receipt_that_became_an_invoice_is_counted_once(optima: Frozen) -> None:
    made = listed(optima, "ListInvoices", kinds=[KINDS.INVOICE_KIND_RECEIPT_INVOICE])
    receipts = {i.id: i for i in listed(optima, "ListInvoices", kinds=[KINDS.INVOICE_KIND_RECEIPT])}
    assert made
    for invoice in made:
        (receipt,) = invoice.receipts
        assert receipts[receipt.id].gross == invoice.gross
        assert receipts[receipt.id].number == receipt.number
    assert not {i.id for i in listed(optima, "ListInvoices")} & receipts.keys()
    assert len(receipts) > len(made), "no receipt that stayed one"


def test_kinds_by_number_are_those_of_the_configuration(changed: Callable[..., Frozen]) -> None:
    plugin = changed(
        "UPDATE CDN.TraNag SET TrN_Rodzaj = 302777 WHERE TrN_TrNID IN"
        " (SELECT TrN_TrNID FROM CDN.TraNag WHERE TrN_Rodzaj = 302000 ORDER BY TrN_TrNID LIMIT 3)",
        document_kinds={"advance": [302777]},
    )
    assert len(listed(plugin, "ListInvoices", kinds=[KINDS.INVOICE_KIND_ADVANCE])) == 3
    assert listed(plugin, "ListInvoices", kinds=[KINDS.INVOICE_KIND_MARGIN])
    assert listed(plugin, "ListInvoices", kinds=[KINDS.INVOICE_KIND_PROFORMA])


def test_a_correction_names_what_it_corrects_and_holds_the_difference(
    optima: Frozen, changed: Callable[..., Frozen]
) -> None:
    found = listed(optima, "ListInvoices", kinds=[KINDS.INVOICE_KIND_CORRECTION], read_mask=ALL)
    assert found
    for invoice in found:
        assert invoice.correction_values == CorrectionValues.CORRECTION_VALUES_DIFFERENCE
        corrected = read(optima, "GetInvoice", id=invoice.corrects[0].id).invoice
        assert corrected.number == invoice.corrects[0].number
        assert Decimal(invoice.gross) < 0
        assert Decimal(invoice.lines[0].quantity) < 0
        assert Decimal(invoice.remaining) <= 0
    plain = listed(optima, "ListInvoices", kinds=[KINDS.INVOICE_KIND_INVOICE])
    assert not any(i.corrects or i.HasField("correction_values") for i in plain)
    after = listed(changed(correction_values="after"), "ListInvoices", kinds=[2])
    assert {i.correction_values for i in after} == {CorrectionValues.CORRECTION_VALUES_AFTER}


def test_a_foreign_invoice_is_in_its_currency_and_in_zloty(optima: Frozen) -> None:
    foreign = [i for i in listed(optima, "ListInvoices", read_mask=ALL) if i.currency != "PLN"]
    assert {i.currency for i in foreign} == {"EUR"}
    for invoice in foreign:
        rate = Decimal(invoice.exchange_rate)
        assert rate == Decimal("4.2731")
        assert abs(Decimal(invoice.gross) * rate - Decimal(invoice.gross_pln)) <= Decimal("0.01")
        assert invoice.exchange_rate_date
        assert sum(Decimal(v.gross) for v in invoice.vat_summary) == Decimal(invoice.gross)
    others = [i for i in listed(optima, "ListInvoices") if i.currency == "PLN"]
    assert {i.exchange_rate for i in others} == {"1.0000"}
    assert not any(i.exchange_rate_date for i in others)


def test_lines_and_rates_come_to_the_document(optima: Frozen, rows: Rows) -> None:
    invoices = listed(optima, "ListInvoices", read_mask=ALL)
    for invoice in invoices:
        assert sum(Decimal(v.net) for v in invoice.vat_summary) == Decimal(invoice.net)
        assert sum(Decimal(v.vat) for v in invoice.vat_summary) == Decimal(invoice.vat)
        # The VAT of lines is rounded line by line.
        drift = Decimal("0.01") * len(invoice.lines)
        assert abs(sum(Decimal(x.gross) for x in invoice.lines) - Decimal(invoice.gross)) <= drift
        assert [x.line_number for x in invoice.lines] == list(range(1, len(invoice.lines) + 1))
        for line in invoice.lines:
            assert Decimal(line.vat) == Decimal(line.gross) - Decimal(line.net)
            assert (line.net_price or line.gross_price) or line.unit == "opak"
    ((components,),) = rows("SELECT COUNT(*) FROM CDN.TraElem WHERE TrE_UslugaZlozonaId <> 0")
    assert components, "no component of a composite service that must not show"


def test_a_line_in_another_unit_has_the_quantity_of_that_unit(optima: Frozen, rows: Rows) -> None:
    lines = [x for i in listed(optima, "ListInvoices", read_mask=ALL) for x in i.lines]
    bulk = [x for x in lines if x.unit == "opak"]
    assert bulk
    assert {Decimal(x.quantity) for x in bulk} <= {Decimal(n) for n in (1, 2, 3)}
    assert not any(x.HasField("net_price") for x in bulk)


def test_a_page_of_invoices_takes_a_statement_per_part(optima: Frozen) -> None:
    with recorded(optima.database) as sent:
        read(optima, "ListInvoices", page_size=50, read_mask=ALL)
    assert len(sent) == 7


def test_buyer_recipient_and_payer_are_parties(optima: Frozen) -> None:
    invoices = listed(optima, "ListInvoices")
    roles = {tuple(p.role for p in i.parties) for i in invoices}
    buyer, recipient, payer = (
        PartyRole.PARTY_ROLE_BUYER,
        PartyRole.PARTY_ROLE_RECIPIENT,
        PartyRole.PARTY_ROLE_PAYER,
    )
    assert {(buyer,), (buyer, recipient), (buyer, payer)} <= roles
    invoice = next(i for i in invoices if len(i.parties) == 2 and i.parties[1].role == payer)
    for party in invoice.parties:
        found = listed(optima, "ListInvoices", customer_id=party.customer_id)
        assert invoice.id in {i.id for i in found}


def test_a_party_is_named_as_on_the_document(changed: Callable[..., Frozen]) -> None:
    plugin = changed("UPDATE CDN.Kontrahenci SET Knt_Nazwa1 = 'Dziś inaczej'")
    names = {p.name for i in listed(plugin, "ListInvoices") for p in i.parties if p.role == 1}
    assert "Dziś inaczej" not in names


def test_a_number_of_ksef_tells_that_it_was_accepted(optima: Frozen) -> None:
    numbered = [i for i in listed(optima, "ListInvoices") if i.ksef.number]
    assert numbered
    assert all(i.ksef.accepted_at.seconds for i in numbered)
    found = listed(optima, "ListInvoices", ksef_number=numbered[0].ksef.number)
    assert [i.id for i in found] == [numbered[0].id]


# Orders


def test_an_order_tells_its_state(optima: Frozen) -> None:
    states = OrderState
    assert {o.state for o in listed(optima, "ListOrders")} == {
        states.ORDER_STATE_OPEN,
        states.ORDER_STATE_RESERVED,
        states.ORDER_STATE_PARTLY,
        states.ORDER_STATE_DONE,
    }
    for state in (states.ORDER_STATE_DRAFT, states.ORDER_STATE_CANCELLED):
        assert {o.state for o in listed(optima, "ListOrders", states=[state])} == {state}


def test_orders_to_suppliers_are_none(optima: Frozen, rows: Rows) -> None:
    for (hidden,) in rows("SELECT TrN_TrNID FROM CDN.TraNag WHERE TrN_TypDokumentu = 309"):
        with pytest.raises(NotFound):
            read(optima, "GetOrder", id=str(hidden))


def test_an_order_and_its_documents_name_each_other(optima: Frozen) -> None:
    order = next(o for o in listed(optima, "ListOrders") if o.documents)
    kinds = {d.kind: d for d in order.documents}
    assert kinds.keys() == {
        OrderDocumentKind.ORDER_DOCUMENT_KIND_INVOICE,
        OrderDocumentKind.ORDER_DOCUMENT_KIND_STOCK_ISSUE,
    }
    invoice = kinds[OrderDocumentKind.ORDER_DOCUMENT_KIND_INVOICE]
    assert [o.id for o in read(optima, "GetInvoice", id=invoice.id).invoice.orders] == [order.id]


def test_what_was_issued_is_told_by_line(optima: Frozen) -> None:
    by_state = defaultdict(set)
    for order in listed(optima, "ListOrders"):
        for line in order.lines:
            share = Decimal(line.fulfilled_quantity) / Decimal(line.quantity)
            by_state[order.state].add(min(share, Decimal(1)))
    assert by_state[OrderState.ORDER_STATE_RESERVED] == {Decimal(0)}
    assert max(by_state[OrderState.ORDER_STATE_PARTLY]) <= Decimal("0.5")
    assert max(by_state[OrderState.ORDER_STATE_PARTLY]) > 0
