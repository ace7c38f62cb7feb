"""What is easily got wrong, against sums and rows that independent SQL takes from the sandbox."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mostek.erp.v1.common_pb2 import PartyRole, UnavailableReason
from mostek.erp.v1.customer_pb2 import CustomerKind
from mostek.erp.v1.erp_pb2 import ChangeTrackingKind, PaymentMethodKind
from mostek.erp.v1.invoice_pb2 import CorrectionValues, Invoice, InvoiceKind, InvoiceState
from mostek.erp.v1.order_pb2 import OrderDocumentKind, OrderState
from mostek.erp.v1.product_pb2 import ProductKind
from mostek.erp.v1.receivable_pb2 import ReceivableDirection, ReceivableKind
from mostek.plugin.clarion import clarion
from mostek.plugin.plugin import Site
from mostek.plugin.sqlite_database import SqliteDatabase
from mostek.plugin.testing import context, recorded
from mostek.plugin.testing import items as items_of
from mostek.wire.failures import Drift, ErpUnavailable, NotFound
from mostek.wire.operations import OPERATIONS
from mostek_optima.config import OptimaConfig
from mostek_optima.conversion import fulfilled, gross_price, net_price, ratio, vat_code
from mostek_optima.optima import Optima
from mostek_optima.sandbox import create
from mostek_optima.schema import VERSIONS, older_schema

from .conftest import TODAY, Frozen, Rows, opened, settings

LISTS = ("ListCustomers", "ListProducts", "ListInvoices", "ListReceivables", "ListOrders")
OWED = ReceivableDirection.RECEIVABLE_DIRECTION_OWED_BY_CUSTOMER
ALL = {"paths": [field.name for field in Invoice.DESCRIPTOR.fields]}
KINDS = InvoiceKind
SALES = "TrN_TypDokumentu = 302 AND TrN_Bufor = 0 AND TrN_Anulowany = 0"


def read(plugin: Optima, operation: str, **fields: Any) -> Any:
    request: Any = OPERATIONS[operation].request(**fields)
    return plugin.call(operation, request, context(operation))


def listed(plugin: Optima, operation: str, **fields: Any) -> list[Any]:
    """All items of a list, page by page."""
    found: list[Any] = []
    token = ""
    while True:
        page = read(plugin, operation, page_size=150, page_token=token, **fields)
        found += items_of(page)
        token = page.next_page_token
        if not token:
            return found


def balance(plugin: Optima, customer: str) -> Any:
    return read(plugin, "GetCustomerBalance", id=customer).customer_balance


# Which database


def test_the_configuration_database_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "configuration.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE Bazy (Baz_BazID int)")
    plugin = Optima(settings(path), Site("demo", tmp_path))
    with closing(plugin), pytest.raises(ErpUnavailable, match="Baz_NazwaBazy"):
        plugin.open()


def test_the_company_is_named_by_the_configuration(changed: Callable[..., Frozen]) -> None:
    assert read(changed(), "DescribeErp").erp.company_name == "CDN_Demo"
    assert read(changed(company="Młyn"), "DescribeErp").erp.company_name == "Młyn"


# Drivers


def test_decimals_of_the_driver_read_as_the_numbers_they_are(
    optima: Frozen, changed: Callable[..., Frozen], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Amounts are decimal, which the driver gives as Decimal."""
    masks = {name: {"read_mask": ALL} if name == "ListInvoices" else {} for name in LISTS}
    expected = {name: listed(optima, name, **masks[name]) for name in LISTS}
    connect = SqliteDatabase.connect

    def decimals(database: SqliteDatabase, *, write: bool) -> Any:
        connection = connect(database, write=write)
        connection.row_factory = lambda _, row: tuple(
            Decimal(str(v)) if isinstance(v, float) else v for v in row
        )
        return connection

    monkeypatch.setattr(SqliteDatabase, "connect", decimals)
    plugin = changed()
    for name in LISTS:
        assert listed(plugin, name, **masks[name]) == expected[name]


# Customers


def test_a_tax_id_is_found_however_it_was_typed(optima: Frozen) -> None:
    polish = [c for c in listed(optima, "ListCustomers") if c.tax_id.country == "PL"]
    number = polish[0].tax_id.number
    dashed = f"{number[:3]}-{number[3:6]}-{number[6:8]}-{number[8:]}"
    for typed in (number, dashed, f"PL{number}", f"PL {dashed}"):
        assert [c.id for c in listed(optima, "ListCustomers", tax_id=typed)] == [polish[0].id]


def test_a_foreign_tax_id_is_found_by_its_prefix_or_by_the_country(
    optima: Frozen, rows: Rows
) -> None:
    prefixes = {
        p for (p,) in rows("SELECT Knt_NipKraj FROM CDN.Kontrahenci WHERE Knt_KrajISO='DE'")
    }
    assert prefixes == {"", "DE"}
    german = [c for c in listed(optima, "ListCustomers") if c.tax_id.country == "DE"]
    for customer in german:
        found = listed(optima, "ListCustomers", tax_id=f"DE{customer.tax_id.number}")
        assert [c.id for c in found] == [customer.id]
        assert not listed(optima, "ListCustomers", tax_id=f"FR{customer.tax_id.number}")


def test_the_one_off_customer_is_no_customer(optima: Frozen, rows: Rows) -> None:
    ((one_off,),) = rows("SELECT Knt_KntId FROM CDN.Kontrahenci WHERE Knt_Kod = '!NIEOKREŚLONY!'")
    for operation in ("GetCustomer", "GetCustomerBalance"):
        with pytest.raises(NotFound):
            read(optima, operation, id=str(one_off))
    receipts = listed(optima, "ListInvoices", kinds=[KINDS.INVOICE_KIND_RECEIPT])
    assert {p.customer_id for i in receipts for p in i.parties} == {""}
    assert all(p.name for i in receipts for p in i.parties)


def test_the_code_of_one_off_customers_is_configurable(changed: Callable[..., Frozen]) -> None:
    codes = {c.code for c in listed(changed(one_off="K0000"), "ListCustomers")}
    assert "!NIEOKREŚLONY!" in codes
    assert "K0000" not in codes


def test_names_are_joined_of_their_lines(optima: Frozen) -> None:
    names = {c.name: c.full_name for c in listed(optima, "ListCustomers")}
    assert any(full == f"{name} Zakład „Żółw”" for name, full in names.items())
    assert any(full == name for name, full in names.items())


def test_a_customer_may_be_blocked_in_several_ways(optima: Frozen) -> None:
    blocked = [c for c in listed(optima, "ListCustomers") if c.blocked]
    assert {c.block_reason for c in blocked} == {
        "sprzedaż zablokowana",
        "nie może być na dokumentach handlowych",
    }


def test_a_limit_that_is_switched_off_is_none(
    optima: Frozen, changed: Callable[..., Frozen]
) -> None:
    limited = [c for c in listed(optima, "ListCustomers") if c.credit_limit]
    assert {(c.credit_limit, c.credit_used) for c in limited} == {("5000.00", "1234.50")}
    assert balance(optima, limited[0].id).credit_left == "3765.50"
    plugin = changed("UPDATE CDN.Kontrahenci SET Knt_LimitFlag = 0")
    assert not balance(plugin, limited[0].id).HasField("credit_left")
    plugin = changed("UPDATE CDN.Kontrahenci SET Knt_LimitKredytuWal = 'EUR'")
    assert not any(c.HasField("credit_limit") for c in listed(plugin, "ListCustomers"))


def test_days_of_payment_are_the_customers_own_or_those_of_the_form(optima: Frozen) -> None:
    days = defaultdict(set)
    for customer in listed(optima, "ListCustomers"):
        days[customer.payment_method.name].add(customer.payment_days)
    assert days["przelew"] == {14, 21}
    assert days["gotówka"] == {0, 21}


def test_consumers_and_companies_are_told_apart(optima: Frozen) -> None:
    for customer in listed(optima, "ListCustomers"):
        consumer = customer.kind == CustomerKind.CUSTOMER_KIND_CONSUMER
        assert consumer == bool(customer.pesel)


def test_an_inactive_contact_is_left_out(optima: Frozen, rows: Rows) -> None:
    ((active,),) = rows("SELECT COUNT(*) FROM CDN.KntOsoby WHERE KnO_Nieaktywny = 0")
    found = [p for c in listed(optima, "ListCustomers") for p in c.contacts]
    assert len(found) == active
    assert all(p.is_default for p in found)


# Products


def test_stock_is_the_latest_row_of_each_warehouse_not_after_today(
    optima: Frozen, rows: Rows
) -> None:
    """Each day of movement has a row; rows without a warehouse hold all of them together."""
    latest: dict[tuple[str, str], tuple[float, float]] = {}
    for product, warehouse, quantity, reserved in rows(
        "SELECT TwI_TwrId, TwI_MagId, TwI_Ilosc, TwI_Rezerwacje FROM CDN.TwrIlosci"
        f" WHERE TwI_MagId IS NOT NULL AND TwI_Data <= '{TODAY} 23:59:59' ORDER BY TwI_Data"
    ):
        latest[str(product), str(warehouse)] = (quantity, reserved)
    seen = 0
    for product in listed(optima, "ListProducts"):
        for stock in product.stock:
            on_hand, reserved = latest.get((product.id, stock.warehouse.id), (0, 0))
            assert (float(stock.on_hand), float(stock.reserved)) == (on_hand, reserved)
            assert Decimal(stock.available) == Decimal(stock.on_hand) - Decimal(stock.reserved)
            seen += (product.id, stock.warehouse.id) in latest
    assert seen == len(latest)


def test_goods_that_never_moved_have_a_stock_of_nothing_and_services_have_none(
    optima: Frozen, rows: Rows
) -> None:
    moved = {str(p) for (p,) in rows("SELECT TwI_TwrId FROM CDN.TwrIlosci")}
    products = listed(optima, "ListProducts")
    still = [
        p for p in products if p.id not in moved and p.kind != ProductKind.PRODUCT_KIND_SERVICE
    ]
    assert still
    assert {s.on_hand for p in still for s in p.stock} == {"0.0000"}
    services = [p for p in products if p.kind == ProductKind.PRODUCT_KIND_SERVICE]
    assert services
    assert not any(p.stock for p in services)


def test_a_warehouse_out_of_use_shows_only_where_something_is_in_it(optima: Frozen) -> None:
    old = [
        p for p in listed(optima, "ListProducts") if "STARY" in {s.warehouse.code for s in p.stock}
    ]
    assert 0 < len(old) < 10


def test_in_stock_looks_at_one_warehouse_if_one_is_named(changed: Callable[..., Frozen]) -> None:
    plugin = changed(
        "UPDATE CDN.TwrIlosci SET TwI_Ilosc = 0 WHERE TwI_MagId = 2 AND TwI_TwrId <> 1000"
    )
    assert len(listed(plugin, "ListProducts", only_in_stock=True)) > 50
    found = listed(plugin, "ListProducts", only_in_stock=True, warehouse_id="2")
    assert [p.id for p in found] == ["1000"]
    assert not listed(plugin, "ListProducts", only_in_stock=True, warehouse_id="no")


def test_the_purchase_price_and_lists_out_of_use_do_not_leave(optima: Frozen) -> None:
    names = {p.price_list.name for one in listed(optima, "ListProducts") for p in one.prices}
    assert names == {"hurtowa", "detaliczna", "eksport"}
    erp = read(optima, "DescribeErp").erp
    assert {p.name for p in erp.price_lists} == names


def test_a_price_is_net_or_gross_and_the_other_is_counted(optima: Frozen) -> None:
    for product in listed(optima, "ListProducts"):
        prices = {p.price_list.name: p for p in product.prices}
        wholesale, retail = prices["hurtowa"], prices["detaliczna"]
        percent = Decimal(product.vat_rate.percent or 0)
        gross = Decimal(wholesale.net) * (100 + percent) / 100
        assert abs(gross - Decimal(wholesale.gross)) <= Decimal("0.005")
        assert abs(Decimal(retail.gross) - Decimal(wholesale.gross)) <= Decimal("0.01")
        assert {p.currency for p in product.prices} <= {"PLN", "EUR"}


def test_a_price_of_zero_is_none(optima: Frozen) -> None:
    listed_in = [len(p.prices) for p in listed(optima, "ListProducts")]
    assert set(listed_in) == {2, 3}


def test_a_rate_that_is_none_has_no_percentage(optima: Frozen) -> None:
    rates = {p.vat_rate.code: p.vat_rate.percent for p in listed(optima, "ListProducts")}
    wanted = {"23": "23.00", "8": "8.00", "5": "5.00", "0": "0.00", "zw": "", "np": ""}
    assert rates == wanted
    told = read(optima, "DescribeErp").erp.vat_rates
    assert {r.code: bool(r.percent) for r in told} == {c: bool(p) for c, p in wanted.items()}


def test_units_are_told_once(optima: Frozen) -> None:
    """The bulk unit of the card may be among the others; units come again for every shop."""
    products = listed(optima, "ListProducts")
    for product in products:
        names = [u.unit for u in product.units]
        assert len(names) == len(set(names))
    factors = {u.unit: u.factor for p in products for u in p.units}
    assert factors == {"opak": "12.0000", "paleta": "240.0000"}


def test_a_group_holds_those_below_it(optima: Frozen) -> None:
    by_group = defaultdict(set)
    for product in listed(optima, "ListProducts"):
        by_group[product.group.id].add(product.id)
    found = {p.id for p in listed(optima, "ListProducts", group_id="101")}
    assert found == by_group["101"] | by_group["102"]
    assert not listed(optima, "ListProducts", group_id="nothing")
    assert by_group[""], "products in the root have no group"


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


# Changes


def test_a_change_token_finds_what_was_edited_since(changed: Callable[..., Frozen]) -> None:
    plugin = changed(
        "UPDATE CDN.Towary SET Twr_TS_Mod = '2026-11-20 11:59:00' WHERE Twr_TwrId = 1000"
    )
    token = read(plugin, "ListProducts", page_size=1).change_token
    since = listed(plugin, "ListProducts", change_token=token)
    assert "1000" in {p.id for p in since}
    assert len(since) < 10
    for operation in ("ListCustomers", "ListInvoices", "ListOrders"):
        token = read(plugin, operation).change_token
        assert len(listed(plugin, operation, change_token=token)) < len(listed(plugin, operation))


# Speed


def test_a_page_walks_along_the_key_and_sorts_nothing(optima: Frozen) -> None:
    """So the first page of a million rows costs what it costs of a thousand."""
    for operation in LISTS:
        with recorded(optima.database) as sent:
            read(optima, operation, page_size=20)
        sql, params = next(one for one in sent if "[_key]" in one[0])
        steps = optima.database.explain(sql, params, context())  # type: ignore[attr-defined]
        assert not [s for s in steps if "TEMP B-TREE" in s or "AUTOMATIC" in s], (steps, sql)
        assert steps[0].startswith("SEARCH"), steps
        assert "rowid>?" in steps[0], steps


# What is told of the database


def test_the_newest_version_has_no_drift(optima: Frozen) -> None:
    assert optima.drift() == []


@pytest.fixture(scope="module", params=VERSIONS)
def older(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("older") / "optima.db"
    schema = older_schema(request.param)
    create(path, customers=60, products=60, invoices=100, today=TODAY, schema=schema)
    with closing(opened(path)) as plugin:
        yield request.param, plugin


def test_on_an_older_version_fields_fall_away_and_are_told(older: tuple[str, Frozen]) -> None:
    version, plugin = older
    lost: dict[str, set[str]] = {
        "ListProducts": {"deposit.amount"},
        "ListInvoices": {"ksef.verification_url", "self_billing"},
    }
    if version == "2021":
        lost["ListInvoices"] |= {"ksef.number", "ksef.accepted_at", "ksef.state"}
        lost["ListInvoices"].add("corrects.ksef_number")
        lost["ListReceivables"] = {"ksef_number"}
        lost["ListOrders"] = {"documents.ksef_number"}
    drift = UnavailableReason.UNAVAILABLE_REASON_DRIFT
    for operation in LISTS:
        response = read(plugin, operation)
        paths = {u.path for u in response.unavailable_fields if u.reason == drift}
        assert paths == lost.get(operation, set()), operation
        assert items_of(response)
    told = read(plugin, "DescribeErp").erp.drift
    assert any("Twr_SystemKaucyjny" in one.name for one in told)


def test_a_filter_whose_column_is_not_there_is_drift(older: tuple[str, Frozen]) -> None:
    version, plugin = older
    if version == "2021":
        with pytest.raises(Drift):
            read(plugin, "ListInvoices", ksef_number="1")
    else:
        assert not read(plugin, "ListInvoices", ksef_number="1").invoices


def test_the_description_says_what_is_known(optima: Frozen) -> None:
    erp = read(optima, "DescribeErp").erp
    assert (erp.program, erp.base_currency) == ("Comarch ERP Optima", "PLN")
    assert erp.database_version == "2026.4000"
    assert {w.code for w in erp.warehouses} == {"MAG", "SKL"}
    assert {s.code for s in erp.document_series} == {"RO", "ROI"}
    assert {g.name for g in erp.customer_groups} == {"HURT", "DETAL"}
    kinds = {m.name: m.kind for m in erp.payment_methods}
    assert kinds["gotówka"] == PaymentMethodKind.PAYMENT_METHOD_KIND_CASH
    assert kinds["karta"] == PaymentMethodKind.PAYMENT_METHOD_KIND_CARD
    assert kinds["kredyt"] == PaymentMethodKind.PAYMENT_METHOD_KIND_TRADE_CREDIT
    assert "dawna" not in kinds
    tracking = {c.operation: c.kind for c in erp.change_tracking}
    assert tracking["ListReceivables"] == ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE
    assert tracking["ListInvoices"] == ChangeTrackingKind.CHANGE_TRACKING_KIND_TIME
    assert not erp.drift


def test_every_file_feeds_a_query(optima: Frozen) -> None:
    files = {entry.name for entry in optima.folder.iterdir()}
    assert files == {part.file.name for query in optima.queries.values() for part in query.parts}


DEFINED = (
    "INSERT INTO CDN.DefAtrybuty (DeA_DeAId, DeA_Typ, DeA_Kod, DeA_Nazwa, DeA_Format, DeA_Zalezny, DeA_CzyKopiowacFA,"
    " DeA_CzyKopiowacDoVAT, DeA_CzyKod, DeA_CzyPrzenosic, DeA_CzyDrukowac, DeA_CzyPrzenosicNaDostawy,"
    " DeA_CzyObowiazkowyDostawy, DeA_TS_Zal, DeA_TS_Mod) VALUES "
    + ", ".join(
        f"({number}, {kind}, 'REGION', 'Region sprzedaży', 1, 0, 0, 0, 0, 0, 0, 0, 0, '2026-01-01 00:00:00',"
        " '2026-01-01 00:00:00')"
        for number, kind in ((1, 1), (2, 2), (4, 4))
    ),
    "INSERT INTO CDN.KntAtrybuty (KnA_DeAId, KnA_PodmiotTyp, KnA_PodmiotId, KnA_WartoscTxt, KnA_CzyKopiowac,"
    " KnA_CzyKod, KnA_CzyPrzenosic, KnA_CzyDrukowac, KnA_CzyKopiowacDoVAT)"
    " SELECT 2, 1, Knt_KntId, 'Łódź', 0, 0, 0, 0, 0 FROM CDN.Kontrahenci WHERE Knt_KntId = 10",
    "INSERT INTO CDN.DokAtrybuty (DAt_DeAId, DAt_TrNId, DAt_WartoscTxt)"
    " SELECT 4, TrN_TrNID, 'Północ' FROM CDN.TraNag WHERE TrN_TypDokumentu IN (302, 308)",
)


@pytest.mark.parametrize("wanted", ["REGION", "Region sprzedaży"])
def test_attributes_of_the_program_are_read_by_code_or_name(
    changed: Callable[..., Frozen], wanted: str
) -> None:
    queries = ("customers", "products", "invoices", "orders")
    plugin = changed(*DEFINED, own_fields={query: {"region": wanted} for query in queries})
    customers = {c.id: dict(c.attributes) for c in listed(plugin, "ListCustomers")}
    assert customers["10"] == {"region": "Łódź"}
    assert customers["13"] == {}
    for operation in ("ListInvoices", "ListOrders"):
        found = {i.attributes["region"] for i in listed(plugin, operation)}
        assert found == {"Północ"}, operation
    assert not any(p.attributes for p in listed(plugin, "ListProducts"))


def test_attributes_that_are_dates_are_told_as_days(changed: Callable[..., Frozen]) -> None:
    """Optima keeps them as days since 1800-12-28 ("Clarion"), in text."""
    document = "SELECT 4, TrN_TrNID, '{}' FROM CDN.TraNag WHERE TrN_TypDokumentu = {}"
    plugin = changed(
        DEFINED[0],
        "UPDATE CDN.DefAtrybuty SET DeA_Format = 4",
        *(
            "INSERT INTO CDN.DokAtrybuty (DAt_DeAId, DAt_TrNId, DAt_WartoscTxt) "
            + document.format(value, kind)
            for value, kind in (("82503", 308), ("0", 302), ("jutro", 305))
        ),
        own_fields={query: {"day": "region sprzedaży"} for query in ("invoices", "orders")},
    )
    assert clarion("2026-11-16") == 82503
    orders = listed(plugin, "ListOrders")
    assert {o.attributes["day"] for o in orders} == {"2026-11-16"}
    assert read(plugin, "GetOrder", id=orders[0].id).order.attributes["day"] == "2026-11-16"
    assert not any(i.attributes for i in listed(plugin, "ListInvoices"))
    receipts = listed(plugin, "ListInvoices", kinds=[KINDS.INVOICE_KIND_RECEIPT])
    assert {i.attributes["day"] for i in receipts} == {"jutro"}


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"own_fields": {"balances": {"x": "Y"}}}, "customers, products, invoices, orders have"),
        ({"own_fields": {"orders": {"x": " "}}}, "own_fields.orders.x"),
        (
            {"own_fields": {"orders": {"x": "Y"}}, "attributes": {"orders": {"x": "h.TrN_Opis"}}},
            "both in attributes.orders and own_fields.orders",
        ),
    ],
)
def test_attributes_that_can_not_be_are_refused(config: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Optima(settings(Path("x.db"), **config), Site("demo", Path()))


# Conversions


def test_small_conversions() -> None:
    assert vat_code(2, Decimal("23.00")) == "23"
    assert vat_code(2, Decimal("0.00")) == "0"
    assert vat_code(2, Decimal("10.00")) == "10"
    assert ratio(1, 3) == Decimal("0.3333")
    assert ratio(1, 0) is None
    assert gross_price(1, Decimal("10.0000"), 1, 0) == 10
    assert net_price(2, Decimal("1.23"), 2, 23) == 1
    assert fulfilled(6, 2, 12, 1) == Decimal("0.5000")
    assert fulfilled(None, 3, 12, 1) == 1
    assert fulfilled(None, None, 12, 1) is None


def test_the_configuration_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    database = {"kind": "sqlite", "path": str(tmp_path / "x.db")}
    with pytest.raises(ValueError, match="correction_value"):
        OptimaConfig.model_validate({"database": database, "correction_value": "after"})
