"""What is easily got wrong, against sums and rows that independent SQL takes from the sandbox."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mostek.erp.v1.common_pb2 import PartyRole, UnavailableReason
from mostek.erp.v1.customer_pb2 import CustomerKind
from mostek.erp.v1.erp_pb2 import ChangeTrackingKind
from mostek.erp.v1.invoice_pb2 import CorrectionValues, Invoice, InvoiceKind
from mostek.erp.v1.order_pb2 import OrderDocumentKind, OrderState
from mostek.erp.v1.product_pb2 import ProductKind
from mostek.erp.v1.receivable_pb2 import ReceivableDirection, ReceivableKind
from mostek.plugin.contract import full_scans
from mostek.plugin.invented import nip_as_typed
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.testing import items as items_of
from mostek.plugin.testing import listed, read, recorded
from mostek.wire.failures import Drift, Invalid, NotFound, Unsupported
from mostek_subiekt.nexo.plugin import SubiektNexo
from mostek_subiekt.nexo.sandbox import create
from mostek_subiekt.nexo.schema import OWNER, reference_schema

from .conftest import LARGE_TABLES, TODAY, Frozen, Rows, opened

OWED = ReceivableDirection.RECEIVABLE_DIRECTION_OWED_BY_CUSTOMER
ALL = {"paths": [field.name for field in Invoice.DESCRIPTOR.fields]}
LISTS = ("ListCustomers", "ListProducts", "ListInvoices", "ListReceivables", "ListOrders")

Changed = Callable[..., Frozen]


def by_id(plugin: SubiektNexo, operation: str, number: Any) -> Any:
    response = read(plugin, operation, id=str(number))
    field = next(f for f in response.DESCRIPTOR.fields if f.message_type and not f.is_repeated)
    return getattr(response, field.name)


# Customers


def test_only_contractors_are_customers_and_never_the_own_company_or_one_off_ones(
    nexo: Frozen, rows: Rows, changed: Changed
) -> None:
    found = {customer.id for customer in listed(nexo, "ListCustomers")}
    expected = rows(
        "SELECT Id FROM @Podmioty WHERE Kontrahent = 1 AND Jednorazowy = 0 AND NOT (Typ = 2 AND Podtyp = 11)"
    )
    assert found == {str(row[0]) for row in expected}
    everybody = {c.id for c in listed(changed(customers="all"), "ListCustomers")}
    assert len(everybody) == len(found) + 1
    for hidden in rows("SELECT Id FROM @Podmioty WHERE Kontrahent = 0 OR Jednorazowy = 1"):
        with pytest.raises(NotFound):
            by_id(nexo, "GetCustomer", hidden[0])


def test_a_company_has_its_full_name_a_person_has_its_own(nexo: Frozen, rows: Rows) -> None:
    companies: dict[int, str] = dict(rows("SELECT Firma_Podmiot_Id, Nazwa FROM @Firmy"))
    persons = {row[0]: row for row in rows("SELECT Podmiot_Id, Imie, Nazwisko, PESEL FROM @Osoby")}
    for customer in listed(nexo, "ListCustomers"):
        number = int(customer.id)
        if number in companies:
            assert customer.full_name == companies[number]
            assert customer.kind == CustomerKind.CUSTOMER_KIND_COMPANY
        else:
            _, first, last, pesel = persons[number]
            assert (customer.full_name, customer.pesel) == (f"{first} {last}", pesel)
            assert customer.kind == CustomerKind.CUSTOMER_KIND_CONSUMER


@pytest.mark.parametrize("style", range(6))
def test_a_customer_is_found_by_its_tax_id_in_any_notation(
    nexo: Frozen, rows: Rows, style: int
) -> None:
    number, nip = rows(
        "SELECT Id, NIP FROM @Podmioty WHERE NIP > '' AND Kontrahent = 1 AND Podtyp <> 11"
    )[5]
    wanted = nip_as_typed(nip, style)
    (found,) = read(nexo, "ListCustomers", tax_id=wanted).customers
    assert (found.id, found.tax_id.number, found.tax_id.country) == (str(number), nip, "PL")


def test_a_foreign_customer_is_found_by_its_vat_number(nexo: Frozen, rows: Rows) -> None:
    number, vat = rows("SELECT Id, NIPUE FROM @Podmioty WHERE NIPUE LIKE 'DE%'")[0]
    (found,) = read(nexo, "ListCustomers", tax_id=vat).customers
    assert (found.id, found.tax_id.country, found.tax_id.number) == (str(number), "DE", vat[2:])
    assert found.currency == "EUR"


def test_an_address_is_in_one_line_where_the_program_shows_it_so(nexo: Frozen, rows: Rows) -> None:
    lines: dict[int, str] = dict(
        rows(
            "SELECT p.PodmiotAdresuPodstawowego_Id, a.LiniaCalosc FROM @Adresy a JOIN @Adresy_AdresPodmiotu p"
            " ON p.Id = a.Id WHERE a.LiniowyAktualny = 1 AND p.PodmiotAdresuPodstawowego_Id IS NOT NULL"
        )
    )
    assert lines
    for customer in listed(nexo, "ListCustomers"):
        line = lines.get(int(customer.id))
        assert customer.address.address_line == (line or "")
        assert bool(customer.address.street) != bool(line)


def test_an_address_for_everything_is_told_once(nexo: Frozen, rows: Rows) -> None:
    own = {
        row[0]
        for row in rows(
            "SELECT PodmiotAdresuPodstawowego_Id FROM @Adresy_AdresPodmiotu"
            " WHERE PodmiotAdresuPodstawowego_Id = PodmiotAdresuDostaw_Id"
        )
    }
    customers = listed(nexo, "ListCustomers")
    assert any(customer.delivery_addresses for customer in customers)
    assert any(customer.HasField("correspondence_address") for customer in customers)
    for customer in customers:
        if int(customer.id) in own:
            assert not customer.delivery_addresses
            assert not customer.HasField("correspondence_address")


def test_a_credit_limit_in_another_currency_is_not_told(nexo: Frozen, rows: Rows) -> None:
    limits = {
        row[0]: row[1:]
        for row in rows(
            "SELECT p.Id, p.LimitKredytuKupieckiego, w.Symbol, p.ZezwalajNaKredytKupiecki FROM @Podmioty p"
            " JOIN @Waluty w ON w.Id = p.Podmiot_WalutaLimitow_Id"
        )
    }
    told = 0
    for customer in listed(nexo, "ListCustomers"):
        limit, currency, allowed = limits[int(customer.id)]
        expected = bool(limit and currency == "PLN" and allowed)
        assert customer.HasField("credit_limit") == expected
        told += expected
    assert told


def test_the_email_is_that_of_the_newest_snapshot(nexo: Frozen) -> None:
    for customer in listed(nexo, "ListCustomers"):
        assert customer.email == f"biuro{customer.id}@firma.example"


# Products


def test_products_of_the_recycle_bin_are_not_listed(nexo: Frozen, rows: Rows) -> None:
    found = {product.id for product in listed(nexo, "ListProducts")}
    assert found == {
        str(r[0]) for r in rows("SELECT Id FROM @Asortymenty WHERE IsInRecycleBin = 0")
    }


def test_a_rate_is_a_share_in_the_database_and_exempt_has_none(nexo: Frozen) -> None:
    rates = {p.vat_rate.code: p.vat_rate for p in listed(nexo, "ListProducts")}
    assert rates["23"].percent == "23.0000"
    assert rates["0"].percent == "0.0000"
    assert not rates["zw"].HasField("percent")
    assert not rates["np"].HasField("percent")


def test_prices_are_of_published_lists_that_are_not_closed(nexo: Frozen, rows: Rows) -> None:
    names = {price.price_list.name for p in listed(nexo, "ListProducts") for price in p.prices}
    assert names == {"Detaliczna", "Hurtowa", "Eksport"}
    for product in listed(nexo, "ListProducts"):
        lists = [price.price_list.id for price in product.prices]
        assert len(set(lists)) == len(lists), "a threshold's price is there too"
        for price in product.prices:
            ((net, gross),) = rows(
                "SELECT CenaNetto, CenaBrutto FROM @PozycjeCennika"
                " WHERE Asortyment_Id = ? AND Cennik_Id = ? AND Glowna = 1",
                int(product.id),
                int(price.price_list.id),
            )
            assert (Decimal(price.net), Decimal(price.gross)) == (
                Decimal(str(net)),
                Decimal(str(gross)),
            )


def test_stock_is_what_is_available_and_what_is_held(nexo: Frozen, rows: Rows) -> None:
    compared = 0
    for product in listed(nexo, "ListProducts"):
        for stock in product.stock:
            ((free, held),) = rows(
                "SELECT IloscDostepna, IloscZarezerwowanaIlosciowo FROM @StanyMagazynowe"
                " WHERE Asortyment_Id = ? AND Magazyn_Id = ?",
                int(product.id),
                int(stock.warehouse.id),
            )
            assert Decimal(stock.available) == Decimal(str(free))
            assert Decimal(stock.reserved) == Decimal(str(held))
            assert Decimal(stock.on_hand) == Decimal(str(free + held))
            compared += 1
    assert compared > 100


def test_stock_in_another_unit_than_the_base_unit_is_not_told(nexo: Frozen, rows: Rows) -> None:
    other = rows(
        "SELECT s.AsortymentMagazynowy_Id FROM @JednostkiMiarAsortymentow s JOIN @Asortymenty t"
        " ON t.Id = s.AsortymentMagazynowy_Id WHERE s.AsortymentPodstawowej_Id IS NULL AND t.IsInRecycleBin = 0"
    )
    assert other
    for (number,) in other:
        assert not by_id(nexo, "GetProduct", number).stock
    found = {p.id for p in listed(nexo, "ListProducts", only_in_stock=True)}
    assert not found & {str(number) for (number,) in other}
    assert found


def test_services_have_no_stock_and_the_base_units_bar_code_comes_first(nexo: Frozen) -> None:
    products = listed(nexo, "ListProducts")
    services = [p for p in products if p.kind == ProductKind.PRODUCT_KIND_SERVICE]
    assert services
    assert not any(p.stock for p in services)
    several = [p for p in products if len(p.eans) > 1]
    assert several
    assert not any(p.eans[0].HasField("unit") for p in several)


# Invoices


def test_amounts_are_exact_to_the_grosz(nexo: Frozen, rows: Rows) -> None:
    sums = rows(
        "SELECT SUM(CAST(ROUND(Wartosc_NettoPoRabacie * 100) AS int)),"
        " SUM(CAST(ROUND(Wartosc_VatPoRabacie * 100) AS int)),"
        " SUM(CAST(ROUND(Wartosc_BruttoPoRabacie * 100) AS int)) FROM @Dokumenty d JOIN @StatusyDokumentow s"
        " ON s.Id = d.StatusDokumentuId WHERE Symbol IN ('FS', 'KFS') AND s.Uniewazniony = 0"
    )[0]
    invoices = listed(nexo, "ListInvoices", read_mask=ALL)
    for place, name in enumerate(("net", "vat", "gross")):
        assert sum(Decimal(getattr(i, name)) for i in invoices) * 100 == sums[place]
    for invoice in invoices:
        for name in ("net", "vat", "gross"):
            lines = sum(Decimal(getattr(line, name)) for line in invoice.lines)
            rates = sum(Decimal(getattr(rate, name)) for rate in invoice.vat_summary)
            assert lines == rates == Decimal(getattr(invoice, name))


def test_what_is_listed_is_neither_void_nor_a_purchase_nor_a_receipt(nexo: Frozen) -> None:
    invoices = listed(nexo, "ListInvoices")
    assert {i.number.split()[0] for i in invoices} == {"FS", "KFS"}
    everything = listed(nexo, "ListInvoices", include_cancelled=True)
    assert len(everything) == len(invoices) + 20
    receipts = listed(nexo, "ListInvoices", kinds=[InvoiceKind.INVOICE_KIND_RECEIPT])
    assert {i.number.split()[0] for i in receipts} == {"PA"}


def test_the_symbols_of_other_kinds_are_configured(changed: Changed) -> None:
    plugin = changed(
        "UPDATE @Dokumenty SET Symbol = 'FZL' WHERE Id IN (SELECT Id FROM @Dokumenty WHERE Symbol = 'FS' LIMIT 5)",
        symbols={"advance": ["FZL"]},
    )
    kinds = [InvoiceKind.INVOICE_KIND_ADVANCE]
    found = listed(plugin, "ListInvoices", kinds=kinds, include_cancelled=True)
    assert len(found) == 5
    assert all(i.kind == InvoiceKind.INVOICE_KIND_ADVANCE for i in found)


def test_what_remains_is_the_buyers_and_not_what_went_to_a_card_operator(
    nexo: Frozen, rows: Rows
) -> None:
    card = rows(
        "SELECT d.Id FROM @Dokumenty d JOIN @FormyPlatnosci f ON f.Id = d.FormaPlatnosciId WHERE f.Nazwa = 'karta'"
    )
    assert card
    for (number,) in card:
        invoice = by_id(nexo, "GetInvoice", number)
        assert not Decimal(invoice.remaining)
        assert invoice.paid == invoice.gross
    receivables = listed(nexo, "ListReceivables")
    operators = [r for r in receivables if r.payer.name == "Karty Płatnicze S.A."]
    assert {r.invoice_id for r in operators} == {str(number) for (number,) in card}
    assert all(r.debtor.id != r.payer.id for r in operators)


def test_partial_payments_instalments_and_corrections_are_settled_by_sum(
    nexo: Frozen, rows: Rows
) -> None:
    remaining: dict[str, Decimal] = defaultdict(Decimal)
    operator = rows("SELECT Id FROM @Podmioty WHERE NazwaSkrocona = 'Karty Płatnicze S.A.'")[0][0]
    for number, kind, left in rows(
        "SELECT Dokument_Id, Typ, KwotaPozostala FROM @Rozrachunki WHERE Dokument_Id IS NOT NULL AND Podmiot_Id <> ?",
        operator,
    ):
        remaining[str(number)] += Decimal(str(left)) * (1 if kind == 1 else -1)
    invoices = listed(nexo, "ListInvoices")
    for invoice in invoices:
        assert Decimal(invoice.remaining) == remaining[invoice.id], invoice.number
    corrections = [i for i in invoices if i.kind == InvoiceKind.INVOICE_KIND_CORRECTION]
    assert any(Decimal(i.remaining) < 0 for i in corrections)
    assert all(i.corrects[0].number.startswith("FS") for i in corrections)
    unpaid = {i.id for i in listed(nexo, "ListInvoices", only_unpaid=True)}
    assert unpaid == {i.id for i in invoices if Decimal(i.remaining)}


def test_what_the_amounts_of_a_correction_are_is_told_only_if_configured(
    nexo: Frozen, changed: Changed
) -> None:
    kinds = [InvoiceKind.INVOICE_KIND_CORRECTION]
    assert not any(i.correction_values for i in listed(nexo, "ListInvoices", kinds=kinds))
    told = listed(changed(correction_values="difference"), "ListInvoices")
    for invoice in told:
        is_correction = invoice.kind == InvoiceKind.INVOICE_KIND_CORRECTION
        wanted = CorrectionValues.CORRECTION_VALUES_DIFFERENCE if is_correction else 0
        assert invoice.correction_values == wanted


def test_a_document_in_euro_has_zloty_beside_it(nexo: Frozen) -> None:
    foreign = [i for i in listed(nexo, "ListInvoices") if i.currency == "EUR"]
    assert foreign
    for invoice in foreign:
        assert Decimal(invoice.gross_pln) / Decimal(invoice.gross) == pytest.approx(
            Decimal("4.2731"), rel=Decimal("0.01")
        )
        assert not invoice.HasField("exchange_rate")
    polish = next(i for i in listed(nexo, "ListInvoices") if i.currency == "PLN")
    assert (polish.gross_pln, polish.exchange_rate) == (polish.gross, "1.0000")


def test_parties_are_as_the_document_froze_them_and_one_off_ones_have_no_id(
    nexo: Frozen, rows: Rows
) -> None:
    one_off = {row[0] for row in rows("SELECT Id FROM @Podmioty WHERE Jednorazowy = 1")}
    roles = set()
    hidden = 0
    for invoice in listed(nexo, "ListInvoices"):
        buyer = invoice.parties[0]
        ((number,),) = rows("SELECT PodmiotId FROM @Dokumenty WHERE Id = ?", int(invoice.id))
        assert buyer.role == PartyRole.PARTY_ROLE_BUYER
        assert buyer.address.city
        assert buyer.customer_id == ("" if number in one_off else str(number))
        hidden += number in one_off
        assert buyer.name.endswith("dawniej") or " " in buyer.name
        roles |= {party.role for party in invoice.parties}
    assert hidden
    assert roles == {
        PartyRole.PARTY_ROLE_BUYER,
        PartyRole.PARTY_ROLE_RECIPIENT,
        PartyRole.PARTY_ROLE_PAYER,
    }


def test_a_payer_finds_the_documents_that_it_pays(nexo: Frozen) -> None:
    invoice = next(
        i
        for i in listed(nexo, "ListInvoices")
        if any(p.role == PartyRole.PARTY_ROLE_PAYER for p in i.parties)
    )
    payer = next(p for p in invoice.parties if p.role == PartyRole.PARTY_ROLE_PAYER)
    found = listed(nexo, "ListInvoices", customer_id=payer.customer_id)
    assert invoice.id in {i.id for i in found}
    assert invoice.ksef.number == "" or invoice.ksef.number.startswith("5252344078-")


def test_lines_tell_the_discount_in_per_cent_and_one_off_services_by_their_text(
    nexo: Frozen,
) -> None:
    lines = [line for i in listed(nexo, "ListInvoices", read_mask=ALL) for line in i.lines]
    assert {line.discount for line in lines} == {"0.0000", "10.0000"}
    services = [line for line in lines if not line.HasField("product_id")]
    assert services
    assert {line.name for line in services} == {"Montaż jednorazowy"}
    assert not any(line.HasField("remark") for line in services)


def test_invoice_lines_of_a_page_cost_one_statement(nexo: Frozen) -> None:
    with recorded(nexo.database) as sent:
        read(nexo, "ListInvoices", page_size=100, read_mask={"paths": ["id", "lines"]})
    assert len([sql for sql, _ in sent if "PozycjeDokumentu" in sql]) == 1


# Receivables


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


# Orders


def test_states_are_told_by_the_status_and_the_lines(nexo: Frozen) -> None:
    every = list(OrderState.values())[1:]
    orders = listed(nexo, "ListOrders", states=every)
    states = {order.state for order in orders}
    assert states == {
        OrderState.ORDER_STATE_OPEN,
        OrderState.ORDER_STATE_RESERVED,
        OrderState.ORDER_STATE_PARTLY,
        OrderState.ORDER_STATE_DONE,
        OrderState.ORDER_STATE_CANCELLED,
    }
    valid = listed(nexo, "ListOrders")
    assert {o.id for o in valid} == {
        o.id for o in orders if o.state != OrderState.ORDER_STATE_CANCELLED
    }
    for order in orders:
        share = {OrderState.ORDER_STATE_PARTLY: "0.5", OrderState.ORDER_STATE_DONE: "1"}
        for line in order.lines:
            if order.state in share:
                expected = Decimal(line.quantity) * Decimal(share[order.state])
                assert Decimal(line.fulfilled_quantity) == expected
            else:
                assert not line.HasField("fulfilled_quantity")


def test_what_is_delivered_in_base_units_is_told_in_the_lines_own(nexo: Frozen, rows: Rows) -> None:
    order = next(
        o for o in listed(nexo, "ListOrders", states=[OrderState.ORDER_STATE_DONE]) if o.lines
    )
    line = f"Dokument_Id = {order.id} AND LP = 1"
    rows(f"UPDATE PozycjeDokumentu SET IloscWJednostceBazowej = Ilosc * 12 WHERE {line}")
    rows(
        "UPDATE StanyRealizacjiZamowien SET ZrealizowanaIlosc = ZrealizowanaIlosc * 6"
        f" WHERE PozycjaDokumentuZK_Id IN (SELECT Id FROM PozycjeDokumentu WHERE {line})"
    )
    (found,) = (o for o in listed(nexo, "ListOrders") if o.id == order.id)
    told = {line.line_number: line for line in found.lines}[1]
    assert Decimal(told.fulfilled_quantity) == Decimal(told.quantity) / 2


def test_an_order_and_the_documents_made_of_it_name_each_other(nexo: Frozen) -> None:
    done = [o for o in listed(nexo, "ListOrders") if o.state == OrderState.ORDER_STATE_DONE]
    assert done
    for order in done:
        kinds = [document.kind for document in order.documents]
        assert kinds == [
            OrderDocumentKind.ORDER_DOCUMENT_KIND_INVOICE,
            OrderDocumentKind.ORDER_DOCUMENT_KIND_STOCK_ISSUE,
        ]
        invoice = by_id(nexo, "GetInvoice", order.documents[0].id)
        assert [o.number for o in invoice.orders] == [order.number]


# Changes


@pytest.mark.parametrize("operation", LISTS)
def test_nothing_changed_since_the_token_of_a_list(nexo: Frozen, operation: str) -> None:
    token = read(nexo, operation, page_size=5).change_token
    assert token
    assert not items_of(read(nexo, operation, change_token=token))


@pytest.mark.parametrize(
    ("operation", "statement"),
    [
        ("ListCustomers", "UPDATE @Firmy SET TimeStamp = :v WHERE Firma_Podmiot_Id = :id"),
        ("ListProducts", "UPDATE @PozycjeCennika SET TimeStamp = :v WHERE Asortyment_Id = :id"),
        ("ListInvoices", "UPDATE @Rozrachunki SET TimeStamp = :v WHERE Dokument_Id = :id"),
        (
            "ListReceivables",
            "UPDATE @Rozrachunki SET TimeStamp = :v, KwotaPozostala = 0 WHERE Id = :id",
        ),
        (
            "ListOrders",
            "UPDATE @StanyRealizacjiZamowien SET TimeStamp = :v WHERE DokumentZK_Id = :id",
        ),
    ],
)
def test_what_changed_since_is_told_and_nothing_else(
    nexo: Frozen, changed: Changed, operation: str, statement: str
) -> None:
    first = read(nexo, operation, page_size=20)
    item = next(
        i
        for i in items_of(first)
        if operation != "ListOrders" or i.state == OrderState.ORDER_STATE_PARTLY
    )
    sql = statement.replace(":v", first.change_token).replace(":id", item.id)
    plugin = changed(sql)
    page = read(plugin, operation, change_token=first.change_token)
    assert [one.id for one in items_of(page)] == [item.id]
    assert int(page.change_token) > int(first.change_token)


def test_without_versions_a_change_token_is_refused_and_the_description_says_so(
    tmp_path: Path,
) -> None:
    names = ("Podmioty", "Asortymenty", "Dokumenty", "Rozrachunki")
    schema = reference_schema().without([f"{OWNER}.{name}.TimeStamp" for name in names])
    path = create(tmp_path / "x.db", customers=40, products=40, invoices=40, schema=schema)
    with closing(opened(path)) as plugin:
        erp = read(plugin, "DescribeErp").erp
        kinds = {t.operation: t.kind for t in erp.change_tracking}
        assert set(kinds.values()) == {ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE}
        for operation in LISTS:
            assert not read(plugin, operation).change_token
            with pytest.raises(Unsupported, match="change_token"):
                read(plugin, operation, change_token="1")


def test_a_change_token_that_is_none_is_refused(nexo: Frozen) -> None:
    with pytest.raises(Invalid, match="change_token"):
        read(nexo, "ListCustomers", change_token="yesterday")


# The ERP and its versions


def test_the_company_is_described(nexo: Frozen) -> None:
    erp = read(nexo, "DescribeErp").erp
    assert erp.company_name.startswith("Nasza Firma")
    assert (erp.base_currency, erp.program) == ("PLN", "Subiekt nexo")
    assert [w.code for w in erp.warehouses if w.is_default] == ["MAG"]
    assert {m.name for m in erp.payment_methods} == {
        "gotówka",
        "przelew 14 dni",
        "przelew 30 dni",
        "karta",
    }
    assert not erp.HasField("text_encoding"), "nexo holds all of Unicode"
    kinds = {t.operation: t.kind for t in erp.change_tracking if t.operation != "ListRecords"}
    assert set(kinds.values()) == {ChangeTrackingKind.CHANGE_TRACKING_KIND_VERSION}
    assert set(kinds) == set(LISTS)


def test_a_database_without_an_own_company_says_what_was_looked_for(changed: Changed) -> None:
    plugin = changed("UPDATE @Podmioty SET Podtyp = 1 WHERE Podtyp = 11")
    with pytest.raises(Drift, match="type 2 and subtype 11"):
        read(plugin, "DescribeErp")


def test_what_a_version_lacks_drops_and_is_told(tmp_path: Path) -> None:
    schema = reference_schema().without(
        [
            f"{OWNER}.NumeryKSeFDokumentow.Numer",
            f"{OWNER}.NumeryKSeFDokumentow.Dokument_Id",
            f"{OWNER}.Dokumenty.WymagaPodzielonejPlatnosci",
            f"{OWNER}.Podmioty.PodatnikUE",
        ]
    )
    path = tmp_path / "older.db"
    create(path, customers=40, products=40, invoices=40, today=TODAY, schema=schema)
    with closing(opened(path)) as older:
        gone = {
            p for drift in read(older, "DescribeErp").erp.drift for p in drift.unavailable_fields
        }
        assert {"Invoice.ksef.number", "Invoice.split_payment", "Customer.eu_vat_payer"} <= gone
        page = read(older, "ListInvoices")
        assert page.invoices
        reasons = {u.path: u.reason for u in page.unavailable_fields}
        assert reasons["split_payment"] == UnavailableReason.UNAVAILABLE_REASON_DRIFT
        with pytest.raises(Drift):
            read(older, "ListInvoices", ksef_number="x")


def test_the_first_page_of_a_list_walks_along_the_key(nexo: Frozen) -> None:
    for operation in LISTS:
        with recorded(nexo.database) as sent:
            read(nexo, operation, page_size=50)
        assert not full_scans(nexo, sent, LARGE_TABLES, may_walk=True), operation


def test_the_sandbox_is_the_same_for_the_same_arguments(nexo_path: Path, tmp_path: Path) -> None:
    again = create(tmp_path / "again.db", customers=120, products=120, invoices=400, today=TODAY)
    for table in ("Podmioty", "Dokumenty", "Rozrachunki", "Waluty"):
        found = []
        for path in (nexo_path, again):
            with closing(connect_sandbox(path, OWNER)) as erp:
                found.append(erp.execute(f"SELECT * FROM {OWNER}.{table}").fetchall())
        assert found[0] == found[1]
