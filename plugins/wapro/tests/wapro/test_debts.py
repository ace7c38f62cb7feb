"""What is owed, against sums that independent SQL takes from the sandbox."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from mostek.erp.v1.receivable_pb2 import ReceivableKind
from mostek.plugin.contract import full_scans
from mostek.plugin.contract_filters import FILTERS
from mostek.plugin.testing import listed, read, recorded
from mostek.wire.failures import NotFound

from .asking import OWED, balance
from .conftest import LARGE_TABLES, Frozen, Rows


def test_what_is_owed_is_what_remains(mag: Frozen, rows: Rows) -> None:
    """Payments, purchases and the other company's entries are none."""
    found = listed(mag, "ListReceivables")
    for side, direction in (("WN", OWED), ("MA", OWED + 1)):
        ((count, base, foreign),) = rows(
            "SELECT COUNT(*), SUM(POZOSTALO), SUM(POZOSTALO_W) FROM dbo.ROZRACHUNEK"
            " WHERE ID_FIRMY = 3 AND RODZAJ = 'N' AND STRONA = ? AND TYP_DOK <> 'k' AND POZOSTALO <> 0",
            side,
        )
        mine = [r for r in found if r.direction == direction]
        assert len(mine) == count > 0
        assert sum(Decimal(r.remaining_pln) for r in mine) == round(Decimal(base), 2)
        euro = [r for r in mine if r.currency == "EUR"]
        assert sum(Decimal(r.remaining) for r in euro) == round(Decimal(foreign), 2)
    assert any(r.remaining != r.original for r in found), "no partial payment"
    assert all(Decimal(r.remaining) > 0 for r in found)


def test_remaining_of_any_sign_is_an_amount(mag: Frozen, changed: Callable[..., Frozen]) -> None:
    plugin = changed("UPDATE dbo.ROZRACHUNEK SET POZOSTALO = 0 - POZOSTALO")
    assert listed(plugin, "ListReceivables") == listed(mag, "ListReceivables")
    customer = listed(mag, "ListReceivables")[0].payer.id
    assert balance(plugin, customer) == balance(mag, customer)


def test_entries_of_other_cards_with_the_same_id_are_no_customer_s_where_the_site_says_so(
    mag: Frozen, changed: Callable[..., Frozen]
) -> None:
    opening = [r for r in listed(mag, "ListReceivables") if r.document_number == "BO"]
    payers = [r.payer.id for r in opening if r.payer.id]
    customer = next(one for one in payers if balance(mag, one).HasField("credit_left"))
    employees = "UPDATE dbo.ROZRACHUNEK SET TYP_KARTOTEKI = 'P' WHERE CZY_BO = 1"
    plain = changed(employees)
    assert listed(plain, "ListReceivables") == listed(mag, "ListReceivables")
    plugin = changed(employees, contractor_cards=["K"])
    wanted = [r for r in listed(mag, "ListReceivables") if r.document_number != "BO"]
    assert listed(plugin, "ListReceivables") == wanted
    mine = sum(Decimal(r.remaining_pln) for r in opening if r.payer.id == customer)
    before, after = balance(mag, customer), balance(plugin, customer)
    assert Decimal(after.credit_left) - Decimal(before.credit_left) == mine
    owed = [
        sum(Decimal(e.owed) for e in one.balances if e.currency == "PLN") for one in (before, after)
    ]
    assert owed[0] - owed[1] == mine


def test_a_debt_that_no_document_made_is_a_debt(mag: Frozen) -> None:
    opening = [r for r in listed(mag, "ListReceivables") if r.document_number == "BO"]
    assert {r.kind for r in opening} == {ReceivableKind.RECEIVABLE_KIND_OPENING}
    assert not any(r.invoice_id for r in opening)


def test_a_one_off_customer_is_named_and_has_no_id(
    mag: Frozen, changed: Callable[..., Frozen], rows: Rows
) -> None:
    one_off = {
        str(number)
        for (number,) in rows("SELECT ID_KONTRAHENTA FROM dbo.KONTRAHENT WHERE Incydentalny = 1")
    }
    for plugin in (mag, changed(debts="documents")):
        items = listed(plugin, "ListReceivables")
        assert any(r.payer.name and not r.payer.id for r in items)
        parties = [p for i in listed(plugin, "ListInvoices") for p in i.parties]
        told = {r.payer.id for r in items} | {r.debtor.id for r in items}
        assert not one_off & (told | {p.customer_id for p in parties})


def test_what_an_exchange_rate_left_of_a_settled_debt_is_no_debt(
    mag: Frozen, changed: Callable[..., Frozen]
) -> None:
    """A debt in euro is open as long as euro remain, whatever is left of it in złoty."""
    euro = [r for r in listed(mag, "ListReceivables", currency="EUR") if r.invoice_id]
    assert euro
    plugins = (
        changed(
            "UPDATE dbo.ROZRACHUNEK SET POZOSTALO_W = 0, POZOSTALO = 0.17 WHERE SYM_WALUTY = 'EUR'"
        ),
        changed(
            "UPDATE dbo.DOKUMENT_HANDLOWY SET POZOSTALO_WAL = 0, POZOSTALO = 0.17 WHERE SYM_WAL = 'EUR'",
            debts="documents",
        ),
    )
    for plugin in plugins:
        assert not listed(plugin, "ListReceivables", currency="EUR")
        assert not listed(plugin, "ListReceivables", currency="EUR", only_overdue=True)


def test_a_one_off_customer_has_no_balance(changed: Callable[..., Frozen], rows: Rows) -> None:
    ((one_off,),) = rows("SELECT MIN(ID_KONTRAHENTA) FROM dbo.KONTRAHENT WHERE Incydentalny = 1")
    for source in ("settlements", "documents"):
        with pytest.raises(NotFound):
            balance(changed(debts=source), str(one_off))


def test_settled_items_come_when_they_are_asked_for(mag: Frozen) -> None:
    more = listed(mag, "ListReceivables", include_settled_since="2000-01-01")
    settled = [r for r in more if Decimal(r.remaining) == 0]
    assert settled
    assert not any(r.days_overdue for r in settled)
    assert len(more) - len(settled) == len(listed(mag, "ListReceivables"))


def test_a_balance_sums_what_the_list_shows(mag: Frozen) -> None:
    items = defaultdict(list)
    for item in listed(mag, "ListReceivables"):
        items[item.payer.id].append(item)
    known = {c.id for c in listed(mag, "ListCustomers")}
    assert known & items.keys()
    for customer in known & items.keys():
        entries = balance(mag, customer).balances
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


def test_documents_tell_the_same_debts_but_those_that_they_did_not_make(
    mag: Frozen, changed: Callable[..., Frozen]
) -> None:
    plugin = changed(debts="documents")
    same = ("invoice_id", "document_number", "direction", "kind", "currency")
    days = ("issue_date", "due_date", "days_overdue", "last_payment_date")
    amounts = ("original", "original_pln", "remaining", "remaining_pln")

    def known(items: list[Any]) -> list[Any]:
        return sorted(
            [r.payer.id, r.debtor.id]
            + [getattr(r, name) for name in (*same, *days)]
            + [Decimal(getattr(r, name)) for name in amounts]
            for r in items
        )

    settlements = [r for r in listed(mag, "ListReceivables") if r.invoice_id]
    assert known(listed(plugin, "ListReceivables")) == known(settlements)
    late = listed(plugin, "ListReceivables", only_overdue=True)
    assert 0 < len(late) == sum(r.days_overdue > 0 for r in settlements)
    payer = settlements[0].payer.id
    assert {r.payer.id for r in listed(plugin, "ListReceivables", customer_id=payer)} == {payer}
    since = listed(plugin, "ListReceivables", include_settled_since="2000-01-01")
    assert len(since) > len(settlements)


def test_filters_hold_for_debts_of_documents_too(changed: Callable[..., Frozen]) -> None:
    plugin = changed(debts="documents")
    found = listed(plugin, "ListReceivables")
    large = LARGE_TABLES
    for name, case in FILTERS["ListReceivables"].items():
        item = next(one for one in found if case.value(one) is not None)
        with recorded(plugin.database) as sent:
            kept = listed(plugin, "ListReceivables", **{name: case.value(item)})
        assert item.id in {one.id for one in kept}, name
        assert all(case.holds(one, case.value(item)) for one in kept), name
        assert not full_scans(plugin, sent, large, may_walk=True), name


def test_balances_by_documents_lack_debts_that_they_did_not_make(
    mag: Frozen, changed: Callable[..., Frozen]
) -> None:
    plugin = changed("DELETE FROM dbo.ROZRACHUNEK WHERE CZY_BO = 1", debts="documents")
    other = changed("DELETE FROM dbo.ROZRACHUNEK WHERE CZY_BO = 1")
    for customer in listed(mag, "ListCustomers"):
        one, same = balance(plugin, customer.id), balance(other, customer.id)
        one.ClearField("as_of")
        same.ClearField("as_of")
        assert one == same


@pytest.mark.parametrize("nobody", ["0", "NULL"])
def test_a_document_without_a_payer_is_its_buyer_s_debt(
    changed: Callable[..., Frozen], nobody: str
) -> None:
    """In the list, the balance and what is left of the limit alike."""
    alike = "ID_PLATNIKA = ID_KONTRAHENTA"
    whole = changed(debts="documents")
    plugin = changed(
        f"UPDATE dbo.DOKUMENT_HANDLOWY SET ID_PLATNIKA = {nobody} WHERE {alike}", debts="documents"
    )
    assert listed(plugin, "ListReceivables") == listed(whole, "ListReceivables")
    for customer in listed(whole, "ListCustomers"):
        one, same = balance(plugin, customer.id), balance(whole, customer.id)
        one.ClearField("as_of")
        same.ClearField("as_of")
        assert one == same


def test_the_description_tells_where_debts_are_read(changed: Callable[..., Frozen]) -> None:
    for source, table in (("settlements", "ROZRACHUNEK"), ("documents", "sales documents")):
        tracking = read(changed(debts=source), "DescribeErp").erp.change_tracking
        assert any(table in t.remark for t in tracking if t.operation == "ListReceivables")
