from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mostek.erp.v1.receivable_pb2 import (
    CustomerBalance,
    GetCustomerBalanceRequest,
    ListReceivablesRequest,
    Receivable,
    ReceivableDirection,
    ReceivableKind,
)
from mostek.plugin.testing import context
from mostek.wire.failures import NotFound
from mostek_subiekt.gt import SubiektGt

Rows = Callable[..., list[tuple[Any, ...]]]
Changed = Callable[..., SubiektGt]
TODAY = date(2026, 11, 20)
OWED = ReceivableDirection.RECEIVABLE_DIRECTION_OWED_BY_CUSTOMER
#: Receivables of contractors, and liabilities that no purchase made.
ITEMS = (
    "dbo.nz__Finanse f LEFT JOIN dbo.dok__Dokument d ON d.dok_Id = f.nzf_IdDokumentAuto"
    " WHERE f.nzf_TypObiektu = 1 AND (f.nzf_Typ = 39 OR f.nzf_Typ = 40"
    " AND (d.dok_Id IS NULL OR d.dok_Typ NOT IN (1, 5)))"
)


def listed(gt: SubiektGt, **fields: Any) -> list[Receivable]:
    request = ListReceivablesRequest(**{"page_size": 1000, **fields})
    return list(gt.list_receivables(request, context("ListReceivables")).receivables)


def balance(gt: SubiektGt, customer: object) -> CustomerBalance:
    request = GetCustomerBalanceRequest(id=str(customer))
    return gt.get_customer_balance(request, context("GetCustomerBalance")).customer_balance


def test_what_remains_is_told_and_not_what_it_was(gt: SubiektGt, rows: Rows) -> None:
    wanted = rows(
        "SELECT nzf_Id, nzf_WartoscWaluta, nzf_WartoscPierwotnaWaluta, nzf_Wartosc,"
        f" nzf_WartoscPierwotna, rtrim(nzf_IdWaluty) FROM {ITEMS} AND nzf_WartoscWaluta > 0"
    )
    found = {
        (
            int(r.id),
            float(r.remaining),
            float(r.original),
            float(r.remaining_pln),
            float(r.original_pln),
            r.currency,
        )
        for r in listed(gt)
    }
    assert found == set(wanted)
    assert any(remaining < original for _, remaining, original, *_ in found)
    assert {currency for *_, currency in found} == {"PLN", "EUR"}


def test_a_debt_that_a_card_operator_took_over_names_both(gt: SubiektGt, rows: Rows) -> None:
    wanted = rows(
        "SELECT nzf_Id, nzf_IdObiektu, dok_PlatnikId FROM dbo.nz__Finanse"
        " JOIN dbo.dok__Dokument ON dok_Id = nzf_IdDokumentAuto"
        " WHERE nzf_Typ = 39 AND nzf_Podtyp IN (4, 5) AND nzf_WartoscWaluta > 0"
    )
    assert wanted
    by_id = {int(r.id): r for r in listed(gt)}
    for number, operator, buyer in wanted:
        item = by_id[number]
        assert (int(item.payer.id), int(item.debtor.id)) == (operator, buyer)
        assert operator != buyer
        assert item.invoice_id


def test_items_of_a_customer_are_those_that_it_has_to_pay(gt: SubiektGt, rows: Rows) -> None:
    operator, buyer = rows(
        "SELECT nzf_IdObiektu, dok_PlatnikId FROM dbo.nz__Finanse"
        " JOIN dbo.dok__Dokument ON dok_Id = nzf_IdDokumentAuto"
        " WHERE nzf_Podtyp = 4 AND nzf_WartoscWaluta > 0"
    )[0]
    for customer in (operator, buyer):
        sql = f"SELECT nzf_Id FROM {ITEMS} AND nzf_WartoscWaluta > 0 AND nzf_IdObiektu = ?"
        found = listed(gt, customer_id=str(customer))
        assert {(int(r.id),) for r in found} == set(rows(sql, customer))


def test_a_purchase_correction_is_of_no_invoice(gt: SubiektGt, rows: Rows) -> None:
    wanted = rows(
        "SELECT nzf_Id FROM dbo.nz__Finanse JOIN dbo.dok__Dokument ON dok_Id = nzf_IdDokumentAuto"
        " WHERE dok_Typ = 5 AND nzf_Typ = 39 AND nzf_WartoscWaluta > 0"
    )
    assert wanted
    by_id = {int(r.id): r for r in listed(gt)}
    for (number,) in wanted:
        assert not by_id[number].HasField("invoice_id")
        assert by_id[number].kind == ReceivableKind.RECEIVABLE_KIND_OTHER
        assert by_id[number].direction == OWED


def test_what_is_owed_to_suppliers_is_not_listed(gt: SubiektGt, rows: Rows) -> None:
    of_purchases = rows(
        "SELECT nzf_Id FROM dbo.nz__Finanse JOIN dbo.dok__Dokument ON dok_Id = nzf_IdDokumentAuto"
        " WHERE dok_Typ = 1"
    )
    assert of_purchases
    found = listed(gt, include_settled_since="1900-01-01")
    assert {(int(r.id),) for r in found}.isdisjoint(of_purchases)


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        ("nzf_Nota = 1", ReceivableKind.RECEIVABLE_KIND_NOTE),
        ("nzf_Zrodlo = 1", ReceivableKind.RECEIVABLE_KIND_OPENING),
        ("nzf_Zrodlo = 13 AND nzf_Nota = 0", ReceivableKind.RECEIVABLE_KIND_MANUAL),
        ("d.dok_Typ = 2", ReceivableKind.RECEIVABLE_KIND_INVOICE),
        ("d.dok_Typ = 6", ReceivableKind.RECEIVABLE_KIND_INVOICE),
    ],
)
def test_each_kind_is_told(
    gt: SubiektGt, rows: Rows, condition: str, kind: ReceivableKind.ValueType
) -> None:
    wanted = rows(f"SELECT nzf_Id FROM {ITEMS} AND {condition} AND nzf_WartoscWaluta > 0")
    assert wanted
    by_id = {int(r.id): r.kind for r in listed(gt)}
    assert {by_id[number] for (number,) in wanted} == {kind}


def test_days_overdue_count_to_the_day_of_the_site(gt: SubiektGt) -> None:
    for item in listed(gt):
        late = (TODAY - date.fromisoformat(item.due_date)).days
        assert item.days_overdue == max(0, late)
    overdue = listed(gt, only_overdue=True)
    assert {r.id for r in overdue} == {r.id for r in listed(gt) if r.days_overdue > 0}


def test_due_before_and_currency_are_filtered(gt: SubiektGt, rows: Rows) -> None:
    sql = f"SELECT nzf_Id FROM {ITEMS} AND nzf_WartoscWaluta > 0"
    found = {(int(r.id),) for r in listed(gt, due_date_before="2026-06-01")}
    assert found == set(rows(f"{sql} AND nzf_TerminPlatnosci < '2026-06-01'"))
    found = {(int(r.id),) for r in listed(gt, currency="EUR")}
    assert found == set(rows(f"{sql} AND nzf_IdWaluty = 'EUR'"))


def test_items_settled_since_a_day_are_told_when_asked_for(gt: SubiektGt, rows: Rows) -> None:
    found = listed(gt, include_settled_since="2026-10-01")
    wanted = rows(
        f"SELECT nzf_Id FROM {ITEMS}"
        " AND (nzf_WartoscWaluta > 0 OR nzf_DataOstatniejSplaty >= '2026-10-01')"
    )
    assert {(int(r.id),) for r in found} == set(wanted)
    settled = [r for r in found if r.remaining == "0.0000"]
    assert settled
    assert not any(r.days_overdue for r in settled)


def test_an_uncollectible_item_says_so(gt: SubiektGt, rows: Rows) -> None:
    wanted = rows(f"SELECT nzf_Id FROM {ITEMS} AND nzf_WartoscWaluta > 0 AND nzf_Status = 2")
    assert wanted
    assert {(int(r.id),) for r in listed(gt) if r.uncollectible} == set(wanted)


def test_the_ksef_number_is_that_of_the_document(gt: SubiektGt, rows: Rows) -> None:
    wanted: dict[int, str] = dict(
        rows(
            "SELECT nzf_Id, COALESCE(ksefnr_NumerKSeF, dok_NumerKSeF) FROM dbo.nz__Finanse"
            " JOIN dbo.dok__Dokument ON dok_Id = nzf_IdDokumentAuto"
            " LEFT JOIN dbo.ksef_NumerKSeF ON ksefnr_Id = dok_NumerKSeFId"
        )
    )
    found = {int(r.id): r.ksef_number for r in listed(gt) if r.invoice_id}
    assert any(found.values())
    assert all((wanted[number] or "") == ksef for number, ksef in found.items())


# The balance


def _sums(rows: Rows, customer: int, currency: str) -> dict[str, Decimal]:
    """The balance from every single row, counted here."""
    sums = dict.fromkeys(("owed", "overdue", "credits", "unallocated_payments"), Decimal(0))
    for kind, status, remaining, paid, due in rows(
        "SELECT nzf_Typ, nzf_Status, nzf_WartoscWaluta, nzf_SplataWaluta, nzf_TerminPlatnosci"
        " FROM dbo.nz__Finanse LEFT JOIN dbo.dok__Dokument ON dok_Id = nzf_IdDokumentAuto"
        " WHERE nzf_TypObiektu = 1 AND nzf_IdObiektu = ? AND nzf_IdWaluty = ?"
        " AND NOT (nzf_Typ = 40 AND COALESCE(dok_Typ, 0) IN (1, 5))",
        customer,
        currency,
    ):
        amount = Decimal(str(remaining))
        if kind in {17, 19}:
            sums["unallocated_payments"] += amount - Decimal(str(paid))
        elif kind == 40 and status != 2:
            sums["credits"] += amount
        elif kind == 39 and status != 2:
            sums["owed"] += amount
            sums["overdue"] += amount if due < str(TODAY) else 0
    return sums


def test_a_balance_is_the_sum_of_the_rows(gt: SubiektGt, rows: Rows) -> None:
    seen: set[str] = set()
    for (customer,) in rows("SELECT kh_Id FROM dbo.kh__Kontrahent WHERE kh_Jednorazowy = 0"):
        found = {b.currency: b for b in balance(gt, customer).balances}
        for currency in ("PLN", "EUR"):
            sums = _sums(rows, customer, currency)
            assert (currency in found) is any(sums[n] for n in sums if n != "overdue")
            for name, amount in sums.items():
                if currency in found:
                    assert Decimal(getattr(found[currency], name)) == amount, (customer, name)
                    seen |= {name} if amount else set()
    assert seen == {"owed", "overdue", "credits", "unallocated_payments"}


def test_ages_add_up_and_the_net_is_what_is_left(gt: SubiektGt, rows: Rows) -> None:
    aged = 0
    for (customer,) in rows("SELECT kh_Id FROM dbo.kh__Kontrahent WHERE kh_Jednorazowy = 0"):
        for b in balance(gt, customer).balances:
            ages = [b.overdue_1_to_30, b.overdue_31_to_60, b.overdue_61_to_90, b.overdue_over_90]
            assert sum(map(Decimal, ages)) == Decimal(b.overdue)
            net = Decimal(b.owed) - Decimal(b.credits) - Decimal(b.unallocated_payments)
            assert Decimal(b.net) == net
            aged += any(map(Decimal, ages[:3]))
    assert aged


def test_a_debt_grows_older_at_its_day(rows: Rows, changed: Changed) -> None:
    (customer,) = rows(
        "SELECT nzf_IdObiektu FROM dbo.nz__Finanse JOIN dbo.kh__Kontrahent ON kh_Id = nzf_IdObiektu"
        " WHERE nzf_Typ = 39 AND nzf_WartoscWaluta > 0 AND nzf_IdWaluty = 'PLN' AND nzf_Status = 1"
        " AND kh_Jednorazowy = 0"
    )[0]
    for due, field in (
        ("2026-11-20", ""),
        ("2026-11-19", "overdue_1_to_30"),
        ("2026-10-21", "overdue_1_to_30"),
        ("2026-10-20", "overdue_31_to_60"),
        ("2026-09-21", "overdue_31_to_60"),
        ("2026-09-20", "overdue_61_to_90"),
        ("2026-08-22", "overdue_61_to_90"),
        ("2026-08-21", "overdue_over_90"),
    ):
        gt = changed(
            f"UPDATE dbo.nz__Finanse SET nzf_TerminPlatnosci = '{due} 00:00:00'"
            f" WHERE nzf_Typ = 39 AND nzf_IdObiektu = {customer}"
        )
        (b,) = (b for b in balance(gt, customer).balances if b.currency == "PLN")
        ages = {
            name
            for name in (
                "overdue_1_to_30",
                "overdue_31_to_60",
                "overdue_61_to_90",
                "overdue_over_90",
            )
            if Decimal(getattr(b, name))
        }
        assert ages == ({field} if field else set()), due
        assert b.oldest_due_date == due


def test_what_is_left_of_the_limit_is_counted_in_zloty(gt: SubiektGt, rows: Rows) -> None:
    limited = rows(
        "SELECT kh_Id, kh_MaxWartKred, (SELECT COALESCE(SUM(nzf_Wartosc), 0) FROM dbo.nz__Finanse"
        " WHERE nzf_IdObiektu = kh_Id AND nzf_TypObiektu = 1 AND nzf_Typ = 39 AND nzf_Status = 1)"
        " FROM dbo.kh__Kontrahent WHERE kh_MaxWartKred > 0"
    )
    for customer, limit, used in limited:
        found = balance(gt, customer)
        assert found.credit_limit == f"{limit:.4f}"
        assert found.credit_left == f"{limit - used:.4f}"
    assert any(used for *_, used in limited)


def test_a_balance_says_when_it_was_read_and_of_whom(gt: SubiektGt) -> None:
    found = balance(gt, 5)
    assert found.customer_id == "5"
    assert found.as_of.ToDatetime().date() == TODAY
    with pytest.raises(NotFound):
        balance(gt, "nobody")
