"""What changed, and the ERP and its versions."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from mostek.erp.v1.common_pb2 import UnavailableReason
from mostek.erp.v1.erp_pb2 import ChangeTrackingKind
from mostek.erp.v1.order_pb2 import OrderState
from mostek.plugin.contract import full_scans
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.testing import items as items_of
from mostek.plugin.testing import read, recorded
from mostek.wire.failures import Drift, Invalid, Unsupported
from mostek_subiekt.nexo.sandbox import create
from mostek_subiekt.nexo.schema import OWNER, reference_schema

from .asking import LISTS, Changed
from .conftest import LARGE_TABLES, TODAY, Frozen, opened

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
