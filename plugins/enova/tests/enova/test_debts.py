"""Receivables and balances as they are read."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from mostek.erp.v1.receivable_pb2 import ReceivableKind
from mostek.plugin.testing import listed

from .asking import BACK, OWED, balance, exact
from .conftest import Frozen, Rows


def _signed(row: tuple[Any, ...]) -> Decimal:
    kind, amount, settled, returned = row
    left = abs(exact(amount) - exact(settled))
    return -left if kind == 11 or amount < 0 or returned else left


def test_debts_are_what_the_settlements_say(enova: Frozen, rows: Rows) -> None:
    wanted = rows(
        "SELECT r.Typ, r.KwotaValue, r.KwotaRozliczonaValue, r.Zwrot FROM dbo.RozrachunkiIdx r"
        " JOIN dbo.Platnosci p ON p.ID = r.Dokument LEFT JOIN dbo.DokHandlowe d ON d.ID = p.Dokument"
        " AND p.DokumentType = 'DokHandlowe' WHERE r.PodmiotType = 'Kontrahenci' AND r.Typ IN (10, 11)"
        " AND r.DokumentType = 'Platnosci' AND p.Bufor = 0 AND p.Rozliczana = 1"
        " AND (d.ID IS NULL OR (d.Kategoria IN (2, 3) AND d.Stan <> 3)) AND r.KwotaValue <> r.KwotaRozliczonaValue"
    )
    found = listed(enova, "ListReceivables")
    total = sum(Decimal(r.remaining) * (1 if r.direction == OWED else -1) for r in found)
    assert len(found) == len(wanted)
    assert total == sum(map(_signed, wanted))


def test_each_way_of_giving_back_is_owed_to_the_customer(enova: Frozen, rows: Rows) -> None:
    found = {int(r.id): r for r in listed(enova, "ListReceivables")}
    for condition in ("r.KwotaValue < 0", "r.Zwrot = 1", "r.Typ = 11"):
        ids = rows(
            "SELECT r.ID FROM dbo.RozrachunkiIdx r JOIN dbo.Platnosci p ON p.ID = r.Dokument"
            " JOIN dbo.DokHandlowe d ON d.ID = p.Dokument AND d.Kategoria = 3 WHERE p.Rozliczana = 1"
            f" AND p.DokumentType = 'DokHandlowe' AND r.PodmiotType = 'Kontrahenci' AND {condition}"
        )
        assert ids, condition
        assert {found[number].direction for (number,) in ids} == {BACK}, condition
        assert all(Decimal(found[number].original) > 0 for (number,) in ids)


def test_what_remains_of_a_partly_paid_debt_is_not_the_original(enova: Frozen) -> None:
    partly = [
        r
        for r in listed(enova, "ListReceivables")
        if 0 < Decimal(r.remaining) < Decimal(r.original)
    ]
    assert partly


def test_employees_and_offices_are_nobodys_debtors(enova: Frozen) -> None:
    assert "LP/1" not in {r.document_number for r in listed(enova, "ListReceivables")}


def test_a_debt_of_the_ledger_belongs_to_no_invoice_of_the_same_id(enova: Frozen) -> None:
    notes = [r for r in listed(enova, "ListReceivables") if r.document_number == "BO/1"]
    assert notes
    assert {(r.kind, r.invoice_id) for r in notes} == {(ReceivableKind.RECEIVABLE_KIND_OTHER, "")}


def test_instalments_are_numbered(enova: Frozen) -> None:
    parts = [
        r
        for r in listed(enova, "ListReceivables", include_settled_since="2000-01-01")
        if r.instalment_count
    ]
    by_invoice: dict[str, list[int]] = defaultdict(list)
    for part in parts:
        assert part.instalment_count == 2
        by_invoice[part.invoice_id].append(part.instalment)
    assert [1, 2] in [sorted(numbers) for numbers in by_invoice.values()]


def test_an_open_debt_was_settled_on_no_day(enova: Frozen) -> None:
    found = listed(enova, "ListReceivables", include_settled_since="2000-01-01")
    assert all(bool(r.last_payment_date) is (Decimal(r.remaining) == 0) for r in found)
    assert any(r.last_payment_date for r in found)


def test_a_part_of_a_foreign_debt_has_no_value_in_zloty(enova: Frozen) -> None:
    euro = listed(enova, "ListReceivables", currency="EUR")
    whole = [r for r in euro if r.remaining == r.original]
    part = [r for r in euro if r.remaining != r.original]
    assert whole
    assert part
    assert all(
        Decimal(r.remaining_pln) == Decimal(r.original_pln) > Decimal(r.original) for r in whole
    )
    assert all(r.original_pln and not r.remaining_pln for r in part)


def test_balances_are_the_sums_of_receivables_and_of_payments_that_settle_nothing(
    enova: Frozen, rows: Rows
) -> None:
    items = listed(enova, "ListReceivables")
    payers = {r.payer.id for r in items if r.payer.id}
    unallocated: dict[str, Decimal] = defaultdict(Decimal)
    for payer, amount, settled in rows(
        "SELECT Podmiot, KwotaValue, KwotaRozliczonaValue FROM dbo.RozrachunkiIdx WHERE Typ = 20"
    ):
        unallocated[str(payer)] += exact(amount) - exact(settled)
    for payer in payers | unallocated.keys():
        found = {b.currency: b for b in balance(enova, payer).balances}
        own = [r for r in items if r.payer.id == payer]
        assert {r.currency for r in own} <= found.keys()
        for currency, one in found.items():
            here = [r for r in own if r.currency == currency]
            debts = [r for r in here if r.direction == OWED]
            owed = sum((Decimal(r.remaining) for r in debts), Decimal(0))
            back = sum((Decimal(r.remaining) for r in here if r.direction == BACK), Decimal(0))
            overdue = sum((Decimal(r.remaining) for r in debts if r.days_overdue), Decimal(0))
            free = unallocated[payer] if currency == "PLN" else Decimal(0)
            assert (Decimal(one.owed), Decimal(one.credits)) == (owed, back)
            assert Decimal(one.overdue) == overdue
            assert Decimal(one.unallocated_payments) == free
            assert Decimal(one.net) == owed - back - free
            ages = (
                one.overdue_1_to_30,
                one.overdue_31_to_60,
                one.overdue_61_to_90,
                one.overdue_over_90,
            )
            assert sum(map(Decimal, ages)) == overdue
            dates = [r.due_date for r in debts if r.due_date]
            assert one.oldest_due_date == min(dates, default="")
