"""Receivables as they are read."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from mostek.erp.v1.receivable_pb2 import ReceivableKind
from mostek.plugin.testing import listed

from .asking import OWED, by_id
from .conftest import Frozen, Rows


def test_debts_are_of_sales_and_not_of_purchases(nexo: Frozen, rows: Rows) -> None:
    found = listed(nexo, "ListReceivables")
    purchases = {
        row[0]
        for row in rows("SELECT NumerWewnetrzny_PelnaSygnatura FROM @Dokumenty WHERE Symbol = 'FZ'")
    }
    assert not purchases & {r.document_number for r in found}
    of_suppliers = [r for r in found if r.document_number.startswith("KFZ")]
    assert of_suppliers
    for receivable in of_suppliers:
        assert receivable.kind == ReceivableKind.RECEIVABLE_KIND_OTHER
        assert not receivable.HasField("invoice_id")
    credits = [r for r in found if r.direction != OWED]
    assert {r.document_number.split()[0] for r in credits} == {"KFS"}


def test_settled_ones_come_only_when_asked_for(nexo: Frozen) -> None:
    open_ones = listed(nexo, "ListReceivables")
    assert all(Decimal(r.remaining) for r in open_ones)
    more = listed(nexo, "ListReceivables", include_settled_since="2020-01-01")
    assert len(more) > len(open_ones)
    assert any(not Decimal(r.remaining) and r.last_payment_date for r in more)


def test_balances_are_the_sums_of_the_receivables(nexo: Frozen) -> None:
    owed: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    credits: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    overdue: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for receivable in listed(nexo, "ListReceivables"):
        key = receivable.payer.id, receivable.currency
        if receivable.uncollectible or not key[0]:
            continue
        (owed if receivable.direction == OWED else credits)[key] += Decimal(receivable.remaining)
        if receivable.direction == OWED and receivable.days_overdue:
            overdue[key] += Decimal(receivable.remaining)
    customers = {c.id for c in listed(nexo, "ListCustomers")}
    compared = 0
    for customer in customers:
        balance = by_id(nexo, "GetCustomerBalance", customer)
        for one in balance.balances:
            key = customer, one.currency
            assert Decimal(one.owed) == owed[key]
            assert Decimal(one.credits) == credits[key]
            assert Decimal(one.overdue) == overdue[key]
            ages = (one.overdue_1_to_30, one.overdue_31_to_60, one.overdue_61_to_90)
            assert sum(map(Decimal, ages)) + Decimal(one.overdue_over_90) == overdue[key]
            assert not one.HasField("net"), "payments that nothing is settled with are not known"
            compared += 1
    assert compared == len([k for k in {*owed, *credits} if k[0] in customers])


def test_the_credit_left_is_the_limit_less_the_open_debts_in_zloty(
    nexo: Frozen, rows: Rows
) -> None:
    told = 0
    for customer in listed(nexo, "ListCustomers"):
        balance = by_id(nexo, "GetCustomerBalance", customer.id)
        assert balance.HasField("credit_left") == customer.HasField("credit_limit")
        if customer.HasField("credit_limit"):
            ((open_ones,),) = rows(
                "SELECT COALESCE(SUM(KwotaPozostala), 0) FROM @Rozrachunki r JOIN @Waluty w ON w.Id = r.Waluta_Id"
                " WHERE Podmiot_Id = ? AND Typ = 1 AND Sciagalny = 1 AND w.Symbol = 'PLN'",
                int(customer.id),
            )
            left = Decimal(customer.credit_limit) - Decimal(str(round(open_ones, 2)))
            assert Decimal(balance.credit_left) == left
            told += 1
    assert told
