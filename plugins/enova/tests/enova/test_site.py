"""What changed, and the ERP and its versions."""

from __future__ import annotations

from typing import Any

import pytest

from mostek.erp.v1.common_pb2 import UnavailableReason
from mostek.erp.v1.erp_pb2 import ChangeTrackingKind, PaymentMethodKind
from mostek.erp.v1.invoice_pb2 import (
    InvoiceKind,
)
from mostek.plugin.testing import context, read
from mostek.plugin.testing import items as items_of
from mostek.wire.failures import Drift, Invalid, Unsupported

from .asking import Changed, invoices
from .conftest import Frozen, opened

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
