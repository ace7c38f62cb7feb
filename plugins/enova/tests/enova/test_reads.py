"""What is easily got wrong, against sums and rows that independent SQL takes from the sandbox."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from mostek.erp.v1.common_pb2 import PartyRole, PriceBasis, UnavailableReason
from mostek.erp.v1.customer_pb2 import CustomerKind
from mostek.erp.v1.erp_pb2 import ChangeTrackingKind, PaymentMethodKind
from mostek.erp.v1.invoice_pb2 import (
    CorrectionValues,
    Invoice,
    InvoiceKind,
    InvoiceState,
    KsefEnvironment,
    KsefState,
)
from mostek.erp.v1.order_pb2 import OrderDocumentKind, OrderState
from mostek.erp.v1.product_pb2 import ProductKind
from mostek.erp.v1.receivable_pb2 import ReceivableDirection, ReceivableKind
from mostek.plugin.plugin import SettingError
from mostek.plugin.testing import context, listed, read, recorded
from mostek.plugin.testing import items as items_of
from mostek.wire.failures import Drift, Invalid, NotFound, Unsupported
from mostek_enova.enova import Enova365

from .conftest import Frozen, Rows, opened

OWED = ReceivableDirection.RECEIVABLE_DIRECTION_OWED_BY_CUSTOMER
BACK = ReceivableDirection.RECEIVABLE_DIRECTION_OWED_TO_CUSTOMER
ALL = {"paths": [field.name for field in Invoice.DESCRIPTOR.fields]}
Changed = Callable[..., Frozen]


def invoices(plugin: Enova365, *kinds: InvoiceKind.ValueType, **fields: Any) -> list[Any]:
    return listed(plugin, "ListInvoices", kinds=list(kinds), read_mask=ALL, **fields)


def balance(plugin: Enova365, customer: str) -> Any:
    return read(plugin, "GetCustomerBalance", id=customer).customer_balance


def exact(value: Any) -> Decimal:
    return Decimal(f"{value or 0:.2f}")


# Contractors


def test_the_contractor_of_one_off_sales_is_no_customer(enova: Frozen) -> None:
    codes = {customer.code for customer in listed(enova, "ListCustomers")}
    assert "!INCYDENTALNY" not in codes
    with pytest.raises(NotFound):
        read(enova, "GetCustomer", id="1")


def test_which_contractors_stand_for_one_off_sales_can_be_configured(sandbox_path: Any) -> None:
    plugin = opened(sandbox_path, one_off=["KARTY"])
    codes = {customer.code for customer in listed(plugin, "ListCustomers")}
    plugin.close()
    assert "!INCYDENTALNY" in codes
    assert "KARTY" not in codes


def test_a_polish_postal_code_gets_its_leading_zeros_back(enova: Frozen, rows: Rows) -> None:
    ((host,), *_) = rows(
        "SELECT Host FROM dbo.Adresy WHERE HostType = 'Kontrahenci' AND AdresKodPocztowy = 950"
    )
    assert read(enova, "GetCustomer", id=str(host)).customer.address.postal_code == "00-950"


def test_a_foreign_postal_code_is_the_text_of_its_own_column(enova: Frozen) -> None:
    foreign = [c for c in listed(enova, "ListCustomers") if c.address.country == "DE"]
    assert {c.address.postal_code for c in foreign} == {"10115"}
    assert {(c.tax_id.country, len(c.tax_id.number)) for c in foreign} == {("DE", 9)}


def test_addresses_of_employees_with_the_same_ids_are_not_the_customers(
    enova: Frozen, rows: Rows
) -> None:
    streets: dict[int, str] = dict(
        rows("SELECT Host, AdresUlica FROM dbo.Adresy WHERE HostType = 'Kontrahenci' AND Typ = 1")
    )
    found = {int(c.id): c.address.street for c in listed(enova, "ListCustomers") if c.address.city}
    assert found == streets


@pytest.mark.parametrize("typed", ["{0}", "{0:3}-{0}", "PL{0}"])
def test_a_customer_is_found_by_its_nip_in_any_notation(enova: Frozen, typed: str) -> None:
    customers = [c for c in listed(enova, "ListCustomers") if c.tax_id.country == "PL"]
    for customer in customers[:12]:
        number = customer.tax_id.number
        wanted = {
            "{0}": number,
            "{0:3}-{0}": f"{number[:3]}-{number[3:6]}-{number[6:8]}-{number[8:]}",
            "PL{0}": f"PL{number}",
        }[typed]
        found = read(enova, "ListCustomers", tax_id=wanted).customers
        assert [c.id for c in found] == [customer.id]


def test_a_foreign_tax_id_does_not_find_a_polish_number_of_the_same_digits(
    changed: Changed,
) -> None:
    plugin = changed(
        "UPDATE dbo.Kontrahenci SET NIP = '0123456749', EuVAT = 'PL0123456749' WHERE ID = 10",
        "UPDATE dbo.Kontrahenci SET NIP = '', EuVAT = 'BE0123456749' WHERE ID = 11",
    )
    assert [c.id for c in read(plugin, "ListCustomers", tax_id="BE0123456749").customers] == ["11"]
    assert [c.id for c in read(plugin, "ListCustomers", tax_id="PL0123456749").customers] == ["10"]


def test_names_of_several_lines_have_the_first_as_the_short_name(enova: Frozen) -> None:
    long = next(c for c in listed(enova, "ListCustomers") if "Ἀθῆναι" in c.full_name)
    assert long.name == long.full_name.splitlines()[0]
    assert len(long.full_name.splitlines()) == 2


def test_percentages_are_fractions_and_a_discount_of_zero_is_none(enova: Frozen) -> None:
    found = {c.discount for c in listed(enova, "ListCustomers")}
    assert found == {"", "5.0000"}


def test_a_limit_in_another_currency_or_without_bounds_is_not_told(
    enova: Frozen, rows: Rows
) -> None:
    told = {int(c.id) for c in listed(enova, "ListCustomers") if c.credit_limit}
    wanted = rows(
        "SELECT ID FROM dbo.Kontrahenci WHERE LimitKredytuValue > 0 AND LimitKredytuSymbol = 'PLN'"
        " AND TypLimituKredytowego = 0"
    )
    assert told == {number for (number,) in wanted}


def test_a_card_names_its_payment_form_by_the_id_that_payments_have(enova: Frozen) -> None:
    methods = {m.id: m.name for m in read(enova, "DescribeErp").erp.payment_methods}
    named = [c.payment_method for c in listed(enova, "ListCustomers") if c.payment_method.id]
    assert named
    assert all(methods[method.id] == method.name for method in named)


def test_consumers_and_companies_are_told_apart(enova: Frozen) -> None:
    kinds = {c.kind for c in listed(enova, "ListCustomers")}
    assert kinds == {CustomerKind.CUSTOMER_KIND_COMPANY, CustomerKind.CUSTOMER_KIND_CONSUMER}


# Features


def test_features_are_attributes_by_their_names(sandbox_path: Any, rows: Rows) -> None:
    plugin = opened(
        sandbox_path,
        features={"customers": {"region": "Region handlowy", "points": "Punkty"}},
    )
    found = {int(c.id): c.attributes for c in listed(plugin, "ListCustomers")}
    wanted: dict[int, str] = dict(
        rows(
            "SELECT Parent, Data FROM dbo.Features WHERE ParentType = 'Kontrahenci' AND Lp = 0"
            " AND Name = 'Region handlowy'"
        )
    )
    assert {number: a["region"] for number, a in found.items() if "region" in a} == wanted
    # Numbers are stored right-aligned.
    assert {a["points"] for a in found.values() if "points" in a} >= {"0", "4"}
    plugin.close()


def test_the_name_of_a_feature_is_data(sandbox_path: Any) -> None:
    plugin = opened(sandbox_path, features={"products": {"x": "' OR '1'='1"}})
    assert not any(p.attributes for p in listed(plugin, "ListProducts"))
    plugin.close()


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({"receivables": {"x": "y"}}, "no query receivables that has features"),
        ({"customers": {"x": "y" * 31}}, "1 to 30 characters"),
    ],
)
def test_a_wrong_feature_is_refused_when_the_configuration_is_read(
    sandbox_path: Any, features: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        opened(sandbox_path, features=features)


def test_a_feature_that_is_an_attribute_already_is_refused_where_it_stands(
    sandbox_path: Any,
) -> None:
    both = {"customers": {"region": "k.Kod"}}
    with pytest.raises(SettingError, match="both in attributes") as refused:
        opened(sandbox_path, attributes=both, features={"customers": {"region": "Region"}})
    assert refused.value.path == ("features", "customers", "region")


# Products


def test_stock_is_what_the_lots_of_the_present_period_come_to(enova: Frozen, rows: Rows) -> None:
    wanted: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for product, warehouse, direction, quantity in rows(
        "SELECT z.Towar, z.Magazyn, z.Kierunek, z.IloscValue FROM dbo.Zasoby z WHERE z.Okres = 72"
        " AND z.PartiaTyp = 1 AND z.Nadrzedny IS NULL AND z.Magazyn <> 6"
    ):
        wanted[product, warehouse] += direction * Decimal(str(quantity))
    found = {
        (int(p.id), int(s.warehouse.id)): Decimal(s.on_hand)
        for p in listed(enova, "ListProducts")
        for s in p.stock
    }
    assert {key: value for key, value in found.items() if value} == {
        key: value for key, value in wanted.items() if value
    }
    assert min(found.values()) < 0
    # A product without a lot has nothing, which is told; a warehouse without accounts has no stock at all.
    assert 0 in found.values()
    assert {warehouse for _, warehouse in found} == {3, 4}


def test_services_have_no_stock(enova: Frozen) -> None:
    services = [
        p for p in listed(enova, "ListProducts") if p.kind == ProductKind.PRODUCT_KIND_SERVICE
    ]
    assert services
    assert not any(p.stock for p in services)


def test_available_is_what_is_on_hand_less_what_is_reserved(enova: Frozen) -> None:
    stocks = [s for p in listed(enova, "ListProducts") for s in p.stock]
    assert any(Decimal(s.reserved) for s in stocks)
    for stock in stocks:
        assert Decimal(stock.available) == Decimal(stock.on_hand) - Decimal(stock.reserved)


def test_in_stock_looks_at_the_warehouse_that_is_asked_for(enova: Frozen) -> None:
    found = listed(enova, "ListProducts", only_in_stock=True, warehouse_id="3")
    every = listed(enova, "ListProducts")
    wanted = {
        p.id
        for p in every
        if any(s.warehouse.id == "3" and Decimal(s.on_hand) > 0 for s in p.stock)
    }
    assert {p.id for p in found} == wanted
    assert {s.warehouse.id for p in found for s in p.stock} == {"3"}


def test_rates_without_a_percentage_are_told_from_zero_per_cent(enova: Frozen) -> None:
    rates = {p.vat_rate.code: p.vat_rate.percent for p in listed(enova, "ListProducts")}
    assert rates == {
        "23%": "23.0000",
        "8%": "8.0000",
        "5%": "5.0000",
        "0%": "0.0000",
        **dict.fromkeys(("zw", "np", "oo"), ""),
    }


def test_purchase_prices_and_prices_out_of_use_are_not_told(enova: Frozen) -> None:
    names = {price.price_list.name for p in listed(enova, "ListProducts") for price in p.prices}
    assert names == {"Podstawowa", "Hurtowa", "Detaliczna"}
    lists = read(enova, "DescribeErp").erp.price_lists
    assert {one.name: one.price_basis for one in lists} == {
        "Podstawowa": PriceBasis.PRICE_BASIS_UNSPECIFIED,
        "Hurtowa": PriceBasis.PRICE_BASIS_NET,
        "Detaliczna": PriceBasis.PRICE_BASIS_GROSS,
    }


def test_a_price_of_a_period_tells_its_days_and_others_have_none(enova: Frozen) -> None:
    of_period = [
        price
        for p in listed(enova, "ListProducts")
        for price in p.prices
        if price.valid_from or price.valid_to
    ]
    assert {(price.valid_from, price.valid_to) for price in of_period} == {
        ("", "2026-10-31"),
        ("2026-11-01", ""),
    }


def test_bar_codes_of_other_tables_with_the_same_id_are_not_the_products(
    enova: Frozen, rows: Rows
) -> None:
    of_others = {
        code for (code,) in rows("SELECT Kod FROM dbo.KodyKreskowe WHERE ZapisType <> 'Towary'")
    }
    codes = {ean.code for p in listed(enova, "ListProducts") for ean in p.eans}
    assert of_others
    assert not codes & of_others
    assert not read(enova, "ListProducts", eans=[min(of_others)]).products


def test_the_weight_is_in_kilograms(enova: Frozen) -> None:
    assert {p.net_weight_kg for p in listed(enova, "ListProducts")} == {"", "0.2500", "1.5000"}


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


# Settlements


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


# Changes


def test_a_change_token_brings_what_was_written_since(changed: Changed) -> None:
    plugin = changed()
    for operation, table in (
        ("ListCustomers", "Kontrahenci"),
        ("ListProducts", "Towary"),
        ("ListInvoices", "DokHandlowe"),
    ):
        token = read(plugin, operation, page_size=5).change_token
        assert not items_of(read(plugin, operation, change_token=token))
        with plugin.database.writing(context()) as session:
            session.execute(f"UPDATE dbo.{table} SET Stamp = {token} WHERE ID = 10")
        assert [one.id for one in items_of(read(plugin, operation, change_token=token))] == ["10"]


def test_a_changed_line_is_a_change_of_its_document(changed: Changed) -> None:
    plugin = changed()
    token = read(plugin, "ListInvoices").change_token
    with plugin.database.writing(context()) as session:
        session.execute(f"UPDATE dbo.PozycjeDokHan SET Stamp = {token} WHERE Dokument = 10")
    assert [one.id for one in read(plugin, "ListInvoices", change_token=token).invoices] == ["10"]


def test_every_page_tells_the_token_of_the_first(changed: Changed) -> None:
    plugin = changed()
    first = read(plugin, "ListCustomers", page_size=50)
    with plugin.database.writing(context()) as session:
        session.execute(f"UPDATE dbo.Kontrahenci SET Stamp = {first.change_token} WHERE ID = 10")
    second = read(plugin, "ListCustomers", page_size=50, page_token=first.next_page_token)
    assert second.change_token == first.change_token


@pytest.mark.parametrize("token", ["x", "-1", "1.5", "9" * 19, "2026-11-20T12:00:00"])
def test_a_wrong_change_token_is_refused(enova: Frozen, token: str) -> None:
    with pytest.raises(Invalid, match="change_token"):
        read(enova, "ListCustomers", change_token=token)


def test_how_changes_are_told_is_described(enova: Frozen) -> None:
    kinds = {t.operation: t.kind for t in read(enova, "DescribeErp").erp.change_tracking}
    version = ChangeTrackingKind.CHANGE_TRACKING_KIND_VERSION
    assert [kinds[f"List{name}"] for name in ("Customers", "Products", "Invoices", "Orders")] == [
        version
    ] * 4
    assert kinds["ListReceivables"] == ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE


def test_where_stamp_is_a_date_there_are_no_tokens(changed: Changed) -> None:
    plugin = changed(
        "ALTER TABLE dbo.Kontrahenci RENAME COLUMN Stamp TO was",
        "ALTER TABLE dbo.Kontrahenci ADD COLUMN Stamp datetime",
    )
    assert not read(plugin, "ListCustomers").change_token
    with pytest.raises(Unsupported, match="change_token"):
        read(plugin, "ListCustomers", change_token="5")
    assert read(plugin, "ListProducts").change_token


# The ERP and its versions


def test_the_erp_is_described(sandbox_path: Any) -> None:
    plugin = opened(sandbox_path, company_name="Żółw Sp. z o.o.")
    erp = read(plugin, "DescribeErp").erp
    plugin.close()
    assert (erp.program, erp.company_name, erp.base_currency) == (
        "enova365",
        "Żółw Sp. z o.o.",
        "PLN",
    )
    assert not erp.text_encoding
    assert [w.code for w in erp.warehouses] == ["F", "SKL", "USL"]
    assert [s.code for s in erp.document_series] == ["ZO", "ZOI"]
    assert "22%" not in {rate.code for rate in erp.vat_rates}
    kinds = {method.name: method.kind for method in erp.payment_methods}
    assert kinds["Karta"] == PaymentMethodKind.PAYMENT_METHOD_KIND_CARD
    assert not erp.drift


def test_an_older_version_drops_what_it_lacks_and_says_so(older: Frozen) -> None:
    erp = read(older, "DescribeErp").erp
    gone = {path for drift in erp.drift for path in drift.unavailable_fields}
    assert {"Invoice.ksef.number", "Product.prices.valid_to", "Customer.gln"} <= gone
    assert not [
        d.failing_operations for d in erp.drift if d.failing_operations and d.unavailable_fields
    ]
    page = read(older, "ListInvoices")
    assert page.invoices
    reasons = {u.path: u.reason for u in page.unavailable_fields}
    assert reasons["split_payment"] == UnavailableReason.UNAVAILABLE_REASON_DRIFT
    with pytest.raises(Drift, match="KSeF"):
        read(older, "ListInvoices", ksef_number="x")


def test_without_the_sums_in_currency_only_zloty_are_told(older: Frozen) -> None:
    found = invoices(older)
    assert {bool(one.net) for one in found if one.currency == "EUR"} == {False}
    assert {bool(one.net and one.gross) for one in found if one.currency == "PLN"} == {True}
    assert all(one.gross and one.net_pln for one in found)


def test_a_definition_table_without_the_fiscal_flag_leaves_the_symbol(changed: Changed) -> None:
    plugin = changed("ALTER TABLE dbo.DefDokHandlowych RENAME COLUMN Fiskalizowany TO was")
    receipts = invoices(plugin, InvoiceKind.INVOICE_KIND_RECEIPT)
    assert {one.number.split("/")[0] for one in receipts} == {"PAR"}
