"""Receivables and balances: what is easily got wrong, against sums that independent SQL takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

from mostek.erp.v1.receivable_pb2 import ReceivableKind
from mostek.plugin.testing import listed, read

from .asking import ALL, OWED, balance
from .conftest import Frozen, Rows

# Debts


def test_what_is_owed_is_what_remains(optima: Frozen, rows: Rows) -> None:
    """Drafts, purchases, employees and what is not subject to settlement are none."""
    found = listed(optima, "ListReceivables")
    for way, direction in ((1, OWED), (-1, OWED + 1)):
        ((count, base),) = rows(
            "SELECT COUNT(*), SUM(BZd_KwotaSys - BZd_KwotaRozSys) FROM CDN.BnkZdarzenia"
            " LEFT JOIN CDN.TraNag ON TrN_TrNID = BZd_DokumentID AND BZd_DokumentTyp = 1"
            " LEFT JOIN CDN.DokDefinicje ON DDf_DDfID = BZd_DDfID"
            " WHERE BZd_PodmiotTyp = 1 AND BZd_Rozliczono = 1 AND BZd_Stan > 0 AND BZd_Kierunek = ?"
            " AND COALESCE(TrN_TypDokumentu, 0) <> 301 AND COALESCE(DDf_Klasa, 0) <> 201",
            way,
        )
        mine = [r for r in found if r.direction == direction]
        assert len(mine) == count > 0
        assert sum(Decimal(r.remaining_pln) for r in mine) == round(Decimal(base), 2)
    assert any(r.remaining != r.original for r in found), "no partial payment"
    assert all(Decimal(r.remaining) > 0 for r in found)


def test_what_no_trade_document_made_is_a_debt_too(optima: Frozen) -> None:
    kinds = {r.kind for r in listed(optima, "ListReceivables")}
    assert kinds == {
        ReceivableKind.RECEIVABLE_KIND_INVOICE,
        ReceivableKind.RECEIVABLE_KIND_MANUAL,
        ReceivableKind.RECEIVABLE_KIND_OPENING,
    }
    register = [r for r in listed(optima, "ListReceivables") if not r.invoice_id]
    assert {r.document_number for r in register} == {"wpis ręczny"}


def test_instalments_are_counted(optima: Frozen) -> None:
    parts = [
        r
        for r in listed(optima, "ListReceivables", include_settled_since="2000-01-01")
        if r.instalment
    ]
    by_invoice = defaultdict(list)
    for one in parts:
        by_invoice[one.invoice_id].append((one.instalment, one.instalment_count))
    assert by_invoice
    assert all(sorted(places) == [(1, 2), (2, 2)] for places in by_invoice.values())


def test_a_card_payment_moves_the_debt_to_the_operator(optima: Frozen) -> None:
    debts = [r for r in listed(optima, "ListReceivables") if r.payer.code == "KARTY"]
    assert debts
    for debt in debts:
        assert debt.debtor.id != debt.payer.id
        invoice = read(optima, "GetInvoice", id=debt.invoice_id).invoice
        assert Decimal(invoice.remaining) == 0
        assert Decimal(debt.remaining) > 0


def test_an_invoice_remains_what_its_payments_remain(optima: Frozen) -> None:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for item in listed(optima, "ListReceivables"):
        if item.payer.code != "KARTY":
            sums[item.invoice_id] += Decimal(item.remaining) * (1 if item.direction == OWED else -1)
    for invoice in listed(optima, "ListInvoices", read_mask=ALL):
        assert Decimal(invoice.remaining) == sums[invoice.id]
    unpaid = {i.id for i in listed(optima, "ListInvoices", only_unpaid=True)}
    assert unpaid == {i for i, remains in sums.items() if remains and i}


def test_what_remains_is_not_told_where_a_payment_is_in_another_currency(
    optima: Frozen, changed: Callable[..., Frozen]
) -> None:
    debt = next(
        r for r in listed(optima, "ListReceivables") if r.invoice_id and r.currency == "PLN"
    )
    plugin = changed(f"UPDATE CDN.BnkZdarzenia SET BZd_Waluta = 'EUR' WHERE BZd_BZdID = {debt.id}")
    invoice = read(plugin, "GetInvoice", id=debt.invoice_id).invoice
    assert not invoice.HasField("remaining")
    assert invoice.id in {i.id for i in listed(plugin, "ListInvoices", only_unpaid=True)}


def test_settled_items_come_when_they_are_asked_for(optima: Frozen) -> None:
    more = listed(optima, "ListReceivables", include_settled_since="2000-01-01")
    settled = [r for r in more if Decimal(r.remaining) == 0]
    assert settled
    assert not any(r.days_overdue for r in settled)
    assert all(r.last_payment_date for r in settled)
    assert len(more) - len(settled) == len(listed(optima, "ListReceivables"))


def test_a_balance_sums_what_the_list_shows(optima: Frozen) -> None:
    items = defaultdict(list)
    for item in listed(optima, "ListReceivables"):
        items[item.payer.id].append(item)
    for customer in {c.id for c in listed(optima, "ListCustomers")} & items.keys():
        entries = balance(optima, customer).balances
        assert {e.currency for e in entries} == {r.currency for r in items[customer]}
        for entry in entries:
            mine = [r for r in items[customer] if r.currency == entry.currency]
            owed = [r for r in mine if r.direction == OWED]
            late = [Decimal(r.remaining) for r in owed if r.days_overdue]
            assert Decimal(entry.owed) == sum(Decimal(r.remaining) for r in owed)
            assert Decimal(entry.overdue) == sum(late)
            ages = (entry.overdue_1_to_30, entry.overdue_31_to_60, entry.overdue_61_to_90)
            assert sum(map(Decimal, (*ages, entry.overdue_over_90))) == Decimal(entry.overdue)
            assert Decimal(entry.net) == Decimal(entry.owed) - Decimal(entry.credits)
            assert entry.oldest_due_date == min((r.due_date for r in owed), default="")
