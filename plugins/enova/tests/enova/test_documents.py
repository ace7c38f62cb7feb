"""Sales documents and orders as they are read."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mostek.erp.v1.common_pb2 import PartyRole
from mostek.erp.v1.invoice_pb2 import (
    CorrectionValues,
    InvoiceKind,
    InvoiceState,
    KsefEnvironment,
    KsefState,
)
from mostek.erp.v1.order_pb2 import OrderDocumentKind, OrderState
from mostek.plugin.testing import listed, read, recorded
from mostek.wire.failures import NotFound

from .asking import ALL, Changed, exact, invoices
from .conftest import Frozen, Rows, opened

# Sales documents


def test_turnover_of_invoices_is_that_of_the_table(enova: Frozen, rows: Rows) -> None:
    wanted = rows(
        "SELECT SUM(SumaNetto), SUM(SumaVAT), SUM(SumaBrutto) FROM dbo.DokHandlowe WHERE Kategoria IN (2, 3)"
        " AND Stan IN (1, 2) AND Definicja NOT IN (52, 58)"
    )[0]
    found = listed(enova, "ListInvoices")
    for name, value in zip(("net_pln", "vat_pln", "gross_pln"), wanted, strict=True):
        assert sum(Decimal(getattr(one, name)) for one in found) == exact(value)


def test_the_buffer_and_purchases_are_no_invoices(enova: Frozen, rows: Rows) -> None:
    hidden = rows("SELECT ID FROM dbo.DokHandlowe WHERE Stan = 0 OR Kategoria NOT IN (2, 3)")
    for (number,) in hidden[:10]:
        with pytest.raises(NotFound):
            read(enova, "GetInvoice", id=str(number))


def test_cancelled_documents_come_only_when_they_are_asked_for(enova: Frozen) -> None:
    cancelled = InvoiceState.INVOICE_STATE_CANCELLED
    assert cancelled not in {one.state for one in listed(enova, "ListInvoices")}
    found = listed(enova, "ListInvoices", include_cancelled=True)
    one = next(i for i in found if i.state == cancelled)
    assert read(enova, "GetInvoice", id=one.id).invoice.state == cancelled


def test_receipts_are_told_by_what_is_printed_and_left_out_of_the_list(enova: Frozen) -> None:
    numbers = {one.number.split("/")[0] for one in listed(enova, "ListInvoices")}
    assert not numbers & {"PAR", "PARE"}
    receipts = invoices(enova, InvoiceKind.INVOICE_KIND_RECEIPT)
    assert {one.number.split("/")[0] for one in receipts} == {"PAR", "PARE"}


def test_which_definitions_are_receipts_can_be_configured(sandbox_path: Any) -> None:
    plugin = opened(sandbox_path, definitions={"receipt": ["pare"], "advance": ["FZAL"]})
    receipts = invoices(plugin, InvoiceKind.INVOICE_KIND_RECEIPT)
    advances = invoices(plugin, InvoiceKind.INVOICE_KIND_ADVANCE)
    plugin.close()
    assert {one.number.split("/")[0] for one in receipts} == {"PARE"}
    assert {one.number.split("/")[0] for one in advances} == {"FZAL"}


def test_an_invoice_of_a_receipt_tells_which_so_that_it_is_counted_once(
    enova: Frozen, rows: Rows
) -> None:
    found = invoices(enova, InvoiceKind.INVOICE_KIND_RECEIPT_INVOICE)
    related = rows(
        "SELECT COUNT(*) FROM dbo.RelacjeHandlowe r JOIN dbo.DokHandlowe a ON a.ID = r.Nadrzedny"
        " JOIN dbo.DokHandlowe b ON b.ID = r.Podrzedny WHERE a.Definicja IN (52, 58) OR b.Definicja IN (52, 58)"
    )[0][0]
    # Whichever is above the other.
    assert len(found) == related > 5
    for one in found:
        (receipt,) = one.receipts
        assert read(enova, "GetInvoice", id=receipt.id).invoice.gross == one.gross


def test_a_receipt_without_a_buyer_and_one_of_a_one_off_buyer_name_nobody(enova: Frozen) -> None:
    receipts = invoices(enova, InvoiceKind.INVOICE_KIND_RECEIPT)
    assert any(not one.parties for one in receipts)
    (one_off,) = next(one.parties for one in receipts if one.parties and not one.parties[0].name)
    assert one_off.role == PartyRole.PARTY_ROLE_BUYER
    assert not one_off.customer_id
    assert not one_off.customer_code


def test_amounts_of_a_document_in_euro_are_in_euro(enova: Frozen, rows: Rows) -> None:
    euro = [one for one in invoices(enova) if one.currency == "EUR"]
    assert euro
    for one in euro:
        ((net, vat, gross),) = rows(
            "SELECT SUM(SumaCyNettoCyValue), SUM(SumaCyVATCyValue), SUM(SumaCyBruttoCyValue) FROM dbo.SumyVAT"
            " WHERE Dokument = ?",
            int(one.id),
        )
        assert [Decimal(x) for x in (one.net, one.vat, one.gross)] == [
            exact(x) for x in (net, vat, gross)
        ]
        assert sum(Decimal(s.gross) for s in one.vat_summary) == exact(gross)
        assert one.exchange_rate == "4.3120"
        assert one.exchange_rate_date
        assert Decimal(one.gross_pln) > Decimal(one.gross)
        # The price's currency tells what the value of a line is in; the other side of it is not stored.
        assert all(line.net and not line.vat and not line.gross for line in one.lines)


def test_of_a_document_in_zloty_the_rate_is_one_and_has_no_day(enova: Frozen) -> None:
    one = next(one for one in listed(enova, "ListInvoices") if one.currency == "PLN")
    assert one.exchange_rate == "1.0000"
    assert not one.exchange_rate_date


def test_lines_come_to_the_document_and_cancelled_ones_are_left_out(
    enova: Frozen, rows: Rows
) -> None:
    found = invoices(enova, InvoiceKind.INVOICE_KIND_INVOICE)
    net = [one for one in found if one.currency == "PLN" and one.lines[0].net_price]
    for one in net:
        assert sum(Decimal(line.net) for line in one.lines) == Decimal(one.net)
    assert rows("SELECT COUNT(*) FROM dbo.PozycjeDokHan WHERE StatusPozycji = 1")[0][0]
    gross = [one for one in found if one.lines[0].gross_price]
    assert gross
    assert any(line.discount == "10.0000" for one in gross for line in one.lines)


def test_lines_of_a_page_are_read_by_one_statement(enova: Frozen) -> None:
    with recorded(enova.database) as sent:
        read(enova, "ListInvoices", page_size=100, read_mask={"paths": ["id", "lines"]})
    assert len([sql for sql, _ in sent if "FROM dbo.PozycjeDokHan p" in sql]) == 1


def test_what_corrections_hold_is_told_as_configured_and_else_not(sandbox_path: Any) -> None:
    for chosen, told, lines in (
        (None, CorrectionValues.CORRECTION_VALUES_UNSPECIFIED, True),
        ("after", CorrectionValues.CORRECTION_VALUES_AFTER, True),
        # Lines hold the state after a correction, whatever its sums do.
        ("difference", CorrectionValues.CORRECTION_VALUES_DIFFERENCE, False),
    ):
        plugin = opened(sandbox_path, correction_values=chosen)
        found = invoices(plugin, InvoiceKind.INVOICE_KIND_CORRECTION)
        plain = invoices(plugin, InvoiceKind.INVOICE_KIND_INVOICE)
        plugin.close()
        assert {one.correction_values for one in found} == {told}
        assert all(bool(one.lines) is lines and len(one.corrects) == 1 for one in found)
        assert all(one.lines and not one.correction_values for one in plain)


def test_what_is_paid_and_remains_is_what_the_payments_of_the_buyer_say(
    enova: Frozen, rows: Rows
) -> None:
    for one in invoices(enova):
        payments = rows(
            "SELECT p.Kierunek, p.KwotaValue, p.KwotaRozliczonaValue FROM dbo.Platnosci p"
            " JOIN dbo.DokHandlowe d ON d.ID = p.Dokument WHERE p.DokumentType = 'DokHandlowe'"
            " AND p.Dokument = ? AND p.Podmiot = d.Kontrahent AND p.Rozliczana = 1",
            int(one.id),
        )
        signed = [(1 if way == 1 else -1, exact(a), exact(s)) for way, a, s in payments]
        assert Decimal(one.remaining) == sum((sign * (a - s) for sign, a, s in signed), Decimal(0))
        assert Decimal(one.paid or 0) == sum((sign * s for sign, _, s in signed), Decimal(0))


def test_a_debt_that_a_card_operator_took_over_is_not_the_buyers(enova: Frozen) -> None:
    by_card = [
        one
        for one in invoices(enova)
        if any(
            p.role == PartyRole.PARTY_ROLE_PAYER and p.customer_code == "KARTY" for p in one.parties
        )
    ]
    assert by_card
    assert {Decimal(one.remaining) for one in by_card} == {Decimal(0)}
    (debt, *_) = [r for r in listed(enova, "ListReceivables") if r.invoice_id == by_card[0].id]
    assert debt.payer.code == "KARTY"
    assert debt.debtor.id == by_card[0].parties[0].customer_id


def test_numbers_of_ksef_are_those_of_production_alone(enova: Frozen) -> None:
    found = [one.ksef for one in invoices(enova) if one.HasField("ksef")]
    production = KsefEnvironment.KSEF_ENVIRONMENT_PRODUCTION
    assert all(k.environment == production for k in found if k.number)
    assert any(k.environment == KsefEnvironment.KSEF_ENVIRONMENT_TEST for k in found)
    states = {k.state for k in found}
    assert states == {
        KsefState.KSEF_STATE_ACCEPTED,
        KsefState.KSEF_STATE_REJECTED,
        KsefState.KSEF_STATE_SENT,
    }
    assert all(k.error for k in found if k.state == KsefState.KSEF_STATE_REJECTED)
    assert not any(
        k.HasField("accepted_at") for k in found if k.state != KsefState.KSEF_STATE_ACCEPTED
    )


def test_a_recipient_and_a_payer_who_are_others_are_parties(enova: Frozen) -> None:
    roles = {frozenset(p.role for p in one.parties) for one in listed(enova, "ListInvoices")}
    buyer, recipient, payer = (
        PartyRole.PARTY_ROLE_BUYER,
        PartyRole.PARTY_ROLE_RECIPIENT,
        PartyRole.PARTY_ROLE_PAYER,
    )
    assert {frozenset({buyer}), frozenset({buyer, recipient}), frozenset({buyer, payer})} <= roles


def test_the_same_full_number_may_be_several_documents(changed: Changed) -> None:
    plugin = changed(
        "UPDATE dbo.DokHandlowe SET NumerPelny = 'FV/1' WHERE Definicja = 51 AND Stan = 1 AND ID < 40"
    )
    assert len(read(plugin, "ListInvoices", numbers=["FV/1"]).invoices) > 2


# Orders


def test_the_state_of_an_order_is_what_its_lines_say(enova: Frozen) -> None:
    found = listed(enova, "ListOrders", states=list(OrderState.values())[1:])
    states = {one.state for one in found}
    assert states == set(OrderState.values()) - {OrderState.ORDER_STATE_UNSPECIFIED}
    for one in found:
        done = [Decimal(line.fulfilled_quantity) for line in one.lines]
        if one.state == OrderState.ORDER_STATE_DONE:
            assert done == [Decimal(line.quantity) for line in one.lines]
        if one.state == OrderState.ORDER_STATE_PARTLY:
            assert 0 < sum(done) < sum(Decimal(line.quantity) for line in one.lines)


def test_the_buffer_and_cancelled_orders_are_left_out(enova: Frozen) -> None:
    states = {one.state for one in listed(enova, "ListOrders")}
    assert not states & {OrderState.ORDER_STATE_DRAFT, OrderState.ORDER_STATE_CANCELLED}


def test_an_empty_day_of_delivery_is_none(enova: Frozen) -> None:
    found = {one.delivery_date[:4] for one in listed(enova, "ListOrders")}
    assert "1900" not in found
    assert "" in found


def test_documents_of_an_order_are_told_on_both_sides(enova: Frozen) -> None:
    done = next(one for one in listed(enova, "ListOrders") if one.documents)
    kinds = {one.kind: one.id for one in done.documents}
    assert kinds.keys() == {
        OrderDocumentKind.ORDER_DOCUMENT_KIND_INVOICE,
        OrderDocumentKind.ORDER_DOCUMENT_KIND_STOCK_ISSUE,
    }
    invoice = kinds[OrderDocumentKind.ORDER_DOCUMENT_KIND_INVOICE]
    orders = read(enova, "GetInvoice", id=invoice, read_mask=ALL).invoice.orders
    assert [one.id for one in orders] == [done.id]
