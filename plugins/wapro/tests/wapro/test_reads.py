"""What is easily got wrong, against sums and rows that independent SQL takes from the sandbox."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from mostek.erp.v1.common_pb2 import UnavailableReason
from mostek.erp.v1.erp_pb2 import ChangeTrackingKind
from mostek.erp.v1.invoice_pb2 import CorrectionValues, Invoice, InvoiceKind
from mostek.erp.v1.order_pb2 import OrderState
from mostek.erp.v1.product_pb2 import ProductKind
from mostek.erp.v1.receivable_pb2 import ReceivableDirection, ReceivableKind
from mostek.plugin.clarion import clarion, day
from mostek.plugin.contract import full_scans
from mostek.plugin.contract_filters import FILTERS
from mostek.plugin.sqlite_database import SqliteDatabase
from mostek.plugin.testing import context, listed, read, recorded
from mostek.plugin.testing import items as items_of
from mostek.wire.failures import ErpUnavailable, NotFound, Unsupported
from mostek_wapro.conversion import flag
from mostek_wapro.mag import WaproMag

from .conftest import LARGE_TABLES, Frozen, Rows, opened

LISTS = ("ListCustomers", "ListProducts", "ListInvoices", "ListReceivables", "ListOrders")
OWED = ReceivableDirection.RECEIVABLE_DIRECTION_OWED_BY_CUSTOMER
ALL = {"paths": [field.name for field in Invoice.DESCRIPTOR.fields]}


def balance(plugin: WaproMag, customer: str) -> Any:
    return read(plugin, "GetCustomerBalance", id=customer).customer_balance


# Days


def test_days_are_counted_from_the_end_of_1800() -> None:
    assert clarion("1900-01-01") == 36163
    assert clarion("2026-01-01") == 82184
    assert str(day(82184)) == "2026-01-01"


@pytest.mark.parametrize("empty", [0, None, 36163, Decimal(0)])
def test_an_empty_day_is_absent(empty: Any) -> None:
    assert day(empty) is None


# Which company


def test_of_several_companies_one_must_be_named(sandbox_path: Any) -> None:
    plugin = opened(sandbox_path, company=None)
    with pytest.raises(ErpUnavailable, match="set `company`") as failure:
        read(plugin, "ListCustomers")
    assert '"Nasza", "Inna"' in failure.value.erp_text


def test_a_company_that_is_not_there_is_told(sandbox_path: Any) -> None:
    with pytest.raises(ErpUnavailable, match=r"FIRMA\.NAZWA"):
        read(opened(sandbox_path, company="Nikt"), "ListCustomers")


def test_the_only_company_needs_no_name(changed: Callable[..., Frozen]) -> None:
    plugin = changed("DELETE FROM dbo.FIRMA WHERE NAZWA = 'Inna'", company=None)
    assert listed(plugin, "ListCustomers")


def test_nothing_of_another_company_shows(mag: Frozen, rows: Rows) -> None:
    (other,) = rows("SELECT ID_KONTRAHENTA FROM dbo.KONTRAHENT WHERE ID_FIRMY = 7")
    with pytest.raises(NotFound):
        read(mag, "GetCustomer", id=str(other[0]))
    with pytest.raises(NotFound):
        read(mag, "GetCustomerBalance", id=str(other[0]))
    (invoice, *_) = rows(
        "SELECT ID_DOKUMENTU_HANDLOWEGO FROM dbo.DOKUMENT_HANDLOWY WHERE ID_FIRMY = 7"
    )
    with pytest.raises(NotFound):
        read(mag, "GetInvoice", id=str(invoice[0]))
    assert {s.warehouse.code for p in listed(mag, "ListProducts") for s in p.stock} == {
        "MAG",
        "SKL",
    }


# Drivers


def test_decimals_of_the_driver_read_as_the_numbers_they_are(
    mag: Frozen, changed: Callable[..., Frozen], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQL Server's ids are numeric(18,0), which the driver gives as Decimal."""
    expected = {operation: listed(mag, operation) for operation in LISTS}
    expected["ListInvoices"] = listed(mag, "ListInvoices", read_mask=ALL)
    connect = SqliteDatabase.connect

    def decimals(database: SqliteDatabase, *, write: bool) -> Any:
        connection = connect(database, write=write)
        connection.row_factory = lambda _, row: tuple(
            Decimal(str(v)) if isinstance(v, int | float) else v for v in row
        )
        return connection

    monkeypatch.setattr(SqliteDatabase, "connect", decimals)
    plugin = changed()
    for operation in LISTS:
        fields = {"read_mask": ALL} if operation == "ListInvoices" else {}
        assert listed(plugin, operation, **fields) == expected[operation]


def test_flags_may_be_numbers(mag: Frozen, changed: Callable[..., Frozen]) -> None:
    flags = {"KONTRAHENT": "ZABLOKOWANY", "ARTYKUL": "ZABLOKOWANY"}
    flags |= {"DOKUMENT_HANDLOWY": "DOK_KOREKTY", "ZAMOWIENIE": "TYP"}
    plugin = changed(*(f"UPDATE dbo.{t} SET {c} = CAST({c} AS int)" for t, c in flags.items()))
    for operation in LISTS:
        assert listed(plugin, operation) == listed(mag, operation)


# Customers


def test_a_tax_id_is_found_however_it_was_typed(mag: Frozen) -> None:
    polish = [c for c in listed(mag, "ListCustomers") if c.tax_id.country == "PL"]
    number = polish[0].tax_id.number
    dashed = f"{number[:3]}-{number[3:6]}-{number[6:8]}-{number[8:]}"
    for typed in (number, dashed, f"PL{number}", f"PL {dashed}"):
        assert [c.id for c in listed(mag, "ListCustomers", tax_id=typed)] == [polish[0].id]
    assert len(polish) == len({c.tax_id.number for c in polish})


def test_suppliers_alone_and_one_off_customers_are_left_out(mag: Frozen, rows: Rows) -> None:
    ((count,),) = rows(
        "SELECT COUNT(*) FROM dbo.KONTRAHENT WHERE ID_FIRMY = 3 AND ODBIORCA = 1 AND Incydentalny = 0"
    )
    assert len(listed(mag, "ListCustomers")) == count < 120


def test_only_a_negative_percentage_is_a_discount(mag: Frozen) -> None:
    assert {c.discount for c in listed(mag, "ListCustomers")} == {"", "5.00"}


def test_a_customer_opened_by_an_operator_is_still_there(mag: Frozen, rows: Rows) -> None:
    edited = rows(
        "SELECT ID_KONTRAHENTA FROM dbo.KONTRAHENT WHERE FLAGA_STANU = 1 AND ID_FIRMY = 3"
    )
    assert read(mag, "GetCustomer", id=str(edited[0][0])).customer.name


def test_a_code_that_can_be_no_number_finds_nothing(mag: Frozen) -> None:
    assert not read(mag, "ListCustomers", codes=["KOWALSKI"]).customers


# Products


def test_a_product_is_a_card_of_one_warehouse(mag: Frozen, rows: Rows) -> None:
    products = listed(mag, "ListProducts")
    by_code = defaultdict(list)
    for product in products:
        by_code[product.code].append(product)
    assert all(len(cards) == 2 for cards in by_code.values())
    stored = {
        str(i): (s, r)
        for i, s, r in rows("SELECT ID_ARTYKULU, STAN, ZAREZERWOWANO FROM dbo.ARTYKUL")
    }
    for product in products:
        if product.kind == ProductKind.PRODUCT_KIND_SERVICE:
            assert not product.stock
            continue
        (stock,) = product.stock
        on_hand, reserved = stored[product.id]
        assert (float(stock.on_hand), float(stock.reserved)) == (on_hand, reserved)
        assert Decimal(stock.available) == Decimal(stock.on_hand) - Decimal(stock.reserved)


def test_a_code_in_a_warehouse_is_one_product(mag: Frozen) -> None:
    product = listed(mag, "ListProducts")[0]
    found = listed(mag, "ListProducts", codes=[product.code], warehouse_id="2")
    assert [s.warehouse.id for p in found for s in p.stock] == ["2"]


def test_a_rate_that_is_none_has_no_percentage(mag: Frozen) -> None:
    rates = {p.vat_rate.code: p.vat_rate.percent for p in listed(mag, "ListProducts")}
    assert {code: rates[code] for code in ("23", "0", "zw", "np")} == {
        "23": "23.00",
        "0": "0.00",
        "zw": "",
        "np": "",
    }


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


# Debts


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

    def told(items: list[Any]) -> list[Any]:
        return sorted(
            [r.payer.id, r.debtor.id]
            + [getattr(r, name) for name in (*same, *days)]
            + [Decimal(getattr(r, name)) for name in amounts]
            for r in items
        )

    settlements = [r for r in listed(mag, "ListReceivables") if r.invoice_id]
    assert told(listed(plugin, "ListReceivables")) == told(settlements)
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


# Speed


def test_a_page_walks_along_the_key_and_sorts_nothing(
    mag: Frozen, changed: Callable[..., Frozen]
) -> None:
    """So the first page of a million rows costs what it costs of a thousand."""
    documents = changed(debts="documents")
    for plugin, operation in (*((mag, one) for one in LISTS), (documents, "ListReceivables")):
        with recorded(plugin.database) as sent:
            read(plugin, operation, page_size=20)
        sql, params = next(one for one in sent if "[_key]" in one[0])
        steps = plugin.database.explain(sql, params, context())  # type: ignore[attr-defined]
        assert not [s for s in steps if "TEMP B-TREE" in s or "AUTOMATIC" in s], (steps, sql)
        assert steps[0].startswith("SEARCH"), steps
        assert steps[0].endswith(">?)"), steps


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


def test_an_order_and_its_invoice_name_each_other(mag: Frozen) -> None:
    found = [o for o in listed(mag, "ListOrders") if o.documents]
    assert {o.state for o in found} == {
        OrderState.ORDER_STATE_DONE,
        OrderState.ORDER_STATE_PARTLY,
    }, "one of them is made of stock issues"
    for order in found:
        invoice = read(mag, "GetInvoice", id=order.documents[0].id).invoice
        assert [o.id for o in invoice.orders] == [order.id]
        assert sum(Decimal(line.net) for line in order.lines) == Decimal(order.net)


# The program's own fields


def test_own_fields_are_attributes_by_the_names_that_the_site_gives(
    changed: Callable[..., Frozen],
) -> None:
    plugin = changed(
        "UPDATE dbo.KONTRAHENT SET POLE3 = 'północ'",
        "UPDATE dbo.ARTYKUL SET POLE10 = 'A-1'",
        own_fields={"customers": {"region": "POLE3"}, "products": {"shelf": "POLE10"}},
        attributes={"customers": {"key": "k.KLUCZ"}},
    )
    customer = read(plugin, "ListCustomers", page_size=1).customers[0]
    assert dict(customer.attributes)["region"] == "północ"
    assert read(plugin, "ListProducts", page_size=1).products[0].attributes["shelf"] == "A-1"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"own_fields": {"customers": {"region": "POLE11"}}}, "POLE10"),
        ({"own_fields": {"balances": {"region": "POLE1"}}}, "customers"),
        (
            {
                "own_fields": {"orders": {"x": "POLE1"}},
                "attributes": {"orders": {"x": "z.POLE2"}},
            },
            "x is both in attributes.orders and own_fields.orders",
        ),
    ],
)
def test_an_own_field_that_is_none_is_refused(
    changed: Callable[..., Frozen], config: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        changed(**config)


# What is told of the database


def test_the_newest_version_has_no_drift(mag: Frozen) -> None:
    assert mag.drift() == []


@pytest.mark.parametrize("operation", LISTS)
def test_on_an_older_version_fields_fall_away_and_are_told(older: Frozen, operation: str) -> None:
    lost = {"ListProducts": {"manufacturer_code"}, "ListOrders": {"created_at"}}
    response = read(older, operation)
    drift = UnavailableReason.UNAVAILABLE_REASON_DRIFT
    assert {u.path for u in response.unavailable_fields if u.reason == drift} == lost.get(
        operation, set()
    )
    assert items_of(response)


def test_the_description_says_what_is_known(mag: Frozen, older: Frozen) -> None:
    erp = read(mag, "DescribeErp").erp
    assert (erp.program, erp.program_version, erp.base_currency) == ("WAPRO Mag", "8.90.1", "PLN")
    assert {w.code for w in erp.warehouses} == {"MAG", "SKL"}
    assert {c.kind for c in erp.change_tracking} == {ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE}
    assert "CreateOrder" not in erp.operations
    assert not erp.drift
    drift = read(older, "DescribeErp").erp.drift
    assert any("INDEKS_PRODUCENTA" in one.message for one in drift)


def test_a_number_in_ksef_is_refused_and_not_passed_over(mag: Frozen) -> None:
    with pytest.raises(Unsupported):
        read(mag, "ListInvoices", ksef_number="1")


def test_every_file_feeds_a_query(mag: Frozen) -> None:
    files: Iterator[str] = (entry.name for entry in mag.folder.iterdir())
    assert set(files) == {part.file.name for query in mag.queries.values() for part in query.parts}


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("0", False), (" ", False), ("", False), (None, False), (1, True), (True, True)],
)
def test_a_flag_is_told_whatever_its_column_s_type(value: Any, expected: bool) -> None:
    assert flag(value) is expected
