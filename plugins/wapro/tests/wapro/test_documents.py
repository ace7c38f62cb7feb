"""Invoices and orders as they are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

import pytest

from mostek.erp.v1.invoice_pb2 import CorrectionValues, InvoiceKind
from mostek.erp.v1.order_pb2 import OrderDocumentKind, OrderState
from mostek.plugin.testing import context, listed, read, recorded
from mostek.wire.failures import NotFound

from .asking import ALL, OWED, balance
from .conftest import Frozen, Rows

# Invoices


def test_only_what_is_issued_counts_as_sold(mag: Frozen, rows: Rows) -> None:
    invoices = listed(mag, "ListInvoices")
    ((count, net, gross),) = rows(
        "SELECT COUNT(*), SUM(WARTOSC_NETTO), SUM(WARTOSC_BRUTTO) FROM dbo.DOKUMENT_HANDLOWY"
        " WHERE ID_FIRMY = 3 AND TYP_DOKUMENTU = 's' AND TRYBREJESTRACJI = '0' AND FLAGA_STANU = 0"
        " AND ID_TYPU IN (1, 3)"
    )
    assert len(invoices) == count
    assert sum(Decimal(i.net_pln) for i in invoices) == round(Decimal(net), 2)
    assert sum(Decimal(i.gross_pln) for i in invoices) == round(Decimal(gross), 2)
    assert all(Decimal(i.vat) == Decimal(i.gross) - Decimal(i.net) for i in invoices)


def test_receipts_and_proformas_come_when_they_are_asked_for(mag: Frozen) -> None:
    for kind in (InvoiceKind.INVOICE_KIND_RECEIPT, InvoiceKind.INVOICE_KIND_PROFORMA):
        found = listed(mag, "ListInvoices", kinds=[kind])
        assert {i.kind for i in found} == {kind}
        assert read(mag, "GetInvoice", id=found[0].id).invoice.kind == kind


def test_signatures_are_those_of_the_configuration(changed: Callable[..., Frozen]) -> None:
    plugin = changed(signatures={"receipt": ["FV"], "proforma": []})
    receipts = listed(plugin, "ListInvoices", kinds=[InvoiceKind.INVOICE_KIND_RECEIPT])
    assert {i.number[:2] for i in receipts} == {"FV"}


def test_a_credit_limit_is_taken_by_what_is_owed(mag: Frozen) -> None:
    owed: dict[str, Decimal] = defaultdict(Decimal)
    for item in listed(mag, "ListReceivables"):
        owed[item.payer.id] += Decimal(item.remaining_pln) if item.direction == OWED else 0
    limited = [c for c in listed(mag, "ListCustomers") if c.credit_limit]
    assert any(owed[c.id] for c in limited)
    for customer in limited:
        left = Decimal(balance(mag, customer.id).credit_left)
        assert left == Decimal(customer.credit_limit) - owed[customer.id]


def test_a_correction_names_what_it_corrects(mag: Frozen) -> None:
    found = listed(mag, "ListInvoices", kinds=[InvoiceKind.INVOICE_KIND_CORRECTION])
    assert all(int(i.corrects[0].id) < int(i.id) for i in found)
    assert not any(i.HasField("correction_values") for i in found)
    others = listed(mag, "ListInvoices", kinds=[InvoiceKind.INVOICE_KIND_INVOICE])
    assert not any(i.corrects for i in others), "a document points to itself"


def test_what_corrections_hold_is_told_by_the_configuration(changed: Callable[..., Frozen]) -> None:
    plugin = changed(correction_values="difference")
    for invoice in listed(plugin, "ListInvoices"):
        corrects = invoice.kind == InvoiceKind.INVOICE_KIND_CORRECTION
        assert invoice.HasField("correction_values") is corrects
        if corrects:
            assert invoice.correction_values == CorrectionValues.CORRECTION_VALUES_DIFFERENCE


def test_a_foreign_invoice_is_in_its_currency_and_in_zloty(mag: Frozen) -> None:
    foreign = [i for i in listed(mag, "ListInvoices") if i.currency != "PLN"]
    assert {i.currency for i in foreign} == {"EUR"}
    for invoice in foreign:
        rate = Decimal(invoice.exchange_rate)
        assert rate == Decimal("4.2731")
        assert abs(Decimal(invoice.gross) * rate - Decimal(invoice.gross_pln)) <= Decimal("0.01")
        assert invoice.exchange_rate_date == invoice.issue_date


def test_values_of_lines_are_counted_only_where_no_discount_is(mag: Frozen) -> None:
    invoices = listed(mag, "ListInvoices", read_mask=ALL)
    discounted = [x for i in invoices for x in i.lines if x.discount not in ("", "0.00")]
    assert discounted
    assert not any(x.HasField("net") or x.HasField("gross") for x in discounted)
    for invoice in invoices:
        if all(x.HasField("net") for x in invoice.lines):
            assert sum(Decimal(x.net) for x in invoice.lines) == Decimal(invoice.net)
        if all(x.HasField("gross") for x in invoice.lines):
            assert sum(Decimal(x.gross) for x in invoice.lines) == Decimal(invoice.gross)
        assert sum(Decimal(v.gross) for v in invoice.vat_summary) == Decimal(invoice.gross)
        assert [x.line_number for x in invoice.lines] == list(range(1, len(invoice.lines) + 1))


@pytest.mark.parametrize("column", ["RABAT2", "RABAT2_ZB"])
def test_each_of_the_three_discounts_of_a_line_leaves_its_value_open(
    mag: Frozen, changed: Callable[..., Frozen], column: str
) -> None:
    """How they are put together is not known: one alone is not what the line has."""
    plugin = changed(f"UPDATE dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO SET {column} = -3")
    lines = [x for i in listed(plugin, "ListInvoices", read_mask=ALL) for x in i.lines]
    assert lines
    for line in lines:
        assert not [x for x in ("net", "gross", "discount") if line.HasField(x)]


def test_an_invoice_made_of_stock_issues_has_their_lines(mag: Frozen, rows: Rows) -> None:
    made = {
        str(invoice): lines
        for invoice, lines in rows(
            "SELECT m.ID_DOKUMENTU_HANDLOWEGO, COUNT(*) FROM dbo.DOKUMENT_MAGAZYNOWY m"
            " JOIN dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO p ON p.ID_DOK_MAGAZYNOWEGO = m.ID_DOK_MAGAZYNOWEGO"
            " GROUP BY m.ID_DOKUMENTU_HANDLOWEGO"
        )
    }
    found = {i.id: i for i in listed(mag, "ListInvoices", read_mask=ALL)}
    assert made
    assert {number: len(found[number].lines) for number in made} == made
    for number in made:
        lines = found[number].lines
        assert [x.line_number for x in lines] == list(range(1, len(lines) + 1))
        assert sum(Decimal(x.net) for x in lines) == Decimal(found[number].net)


def test_lines_that_name_both_issue_and_invoice_are_told_once(
    mag: Frozen, changed: Callable[..., Frozen]
) -> None:
    plugin = changed(
        "UPDATE dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO SET ID_DOK_HANDLOWEGO = ("
        "SELECT m.ID_DOKUMENTU_HANDLOWEGO FROM dbo.DOKUMENT_MAGAZYNOWY m"
        " WHERE m.ID_DOK_MAGAZYNOWEGO = dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO.ID_DOK_MAGAZYNOWEGO"
        ") WHERE ID_DOK_MAGAZYNOWEGO > 0"
    )
    assert listed(plugin, "ListInvoices", read_mask=ALL) == listed(
        mag, "ListInvoices", read_mask=ALL
    )
    assert listed(plugin, "ListOrders") == listed(mag, "ListOrders")


def test_a_page_of_invoices_takes_a_statement_per_part(mag: Frozen) -> None:
    mag.company(context())
    with recorded(mag.database) as sent:
        read(mag, "ListInvoices", page_size=50, read_mask=ALL)
    assert len(sent) == 6


def test_the_buyer_is_named_as_on_the_day_of_issue(mag: Frozen) -> None:
    names = {p.name.split()[-1] for i in listed(mag, "ListInvoices") for p in i.parties}
    assert {"dawniej", "dzisiaj"} <= names


def test_a_payer_is_a_party_of_its_own(mag: Frozen) -> None:
    invoice = next(i for i in listed(mag, "ListInvoices") if len(i.parties) == 2)
    buyer, payer = invoice.parties
    assert buyer.customer_id != payer.customer_id
    for party in (buyer, payer):
        if party.customer_id:
            found = listed(mag, "ListInvoices", customer_id=party.customer_id)
            assert invoice.id in {i.id for i in found}


# Orders


def test_an_order_tells_its_state(mag: Frozen) -> None:
    assert {o.state for o in listed(mag, "ListOrders")} == {
        OrderState.ORDER_STATE_OPEN,
        OrderState.ORDER_STATE_RESERVED,
        OrderState.ORDER_STATE_PARTLY,
        OrderState.ORDER_STATE_DONE,
    }
    for state in (OrderState.ORDER_STATE_DRAFT, OrderState.ORDER_STATE_CANCELLED):
        assert {o.state for o in listed(mag, "ListOrders", states=[state])} == {state}


def test_orders_to_suppliers_and_unfinished_ones_are_none(mag: Frozen, rows: Rows) -> None:
    for (hidden,) in rows(
        "SELECT ID_ZAMOWIENIA FROM dbo.ZAMOWIENIE WHERE TYP = '2' OR FLAGA_STANU = '1'"
    ):
        with pytest.raises(NotFound):
            read(mag, "GetOrder", id=str(hidden))


def test_an_order_in_euro_is_in_euro(changed: Callable[..., Frozen]) -> None:
    plugin = changed(
        "UPDATE dbo.ZAMOWIENIE SET DOK_WAL = '1', SYM_WAL = 'EUR', PRZELICZNIK_WAL = 4.25,"
        " WARTOSC_NETTO_WAL = 100, WARTOSC_BRUTTO_WAL = 123",
        "UPDATE dbo.POZYCJA_ZAMOWIENIA SET ZAMOWIONO = 2, CENA_NETTO_WAL = 1.5, CENA_BRUTTO_WAL = 1.85",
    )
    for order in listed(plugin, "ListOrders"):
        assert order.currency == "EUR"
        amounts = (order.net, order.vat, order.gross, order.exchange_rate)
        assert [*map(Decimal, amounts)] == [100, 23, 123, Decimal("4.25")]
        for line in order.lines:
            prices = (line.net_price, line.gross_price, line.net)
            assert [*map(Decimal, prices)] == [Decimal("1.5"), Decimal("1.85"), 3]


def test_an_order_and_its_invoice_name_each_other(mag: Frozen) -> None:
    made = {o.id: o for o in listed(mag, "ListOrders") if o.documents}
    kinds = {o.state: [d.kind for d in o.documents] for o in made.values()}
    invoice, issue = (
        OrderDocumentKind.ORDER_DOCUMENT_KIND_INVOICE,
        OrderDocumentKind.ORDER_DOCUMENT_KIND_STOCK_ISSUE,
    )
    assert kinds[OrderState.ORDER_STATE_DONE] == [invoice]
    assert set(kinds[OrderState.ORDER_STATE_PARTLY]) == {invoice, issue}
    for order in made.values():
        (document,) = (d for d in order.documents if d.kind == invoice)
        found = read(mag, "GetInvoice", id=document.id).invoice
        assert (found.number, [o.id for o in found.orders]) == (document.number, [order.id])
        assert sum(Decimal(line.net) for line in order.lines) == Decimal(order.net)
        assert all(d.number.startswith("WZ") for d in order.documents if d.kind == issue)
