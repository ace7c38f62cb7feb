from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from mostek.erp.v1.common_pb2 import UnavailableReason
from mostek.erp.v1.erp_pb2 import (
    ChangeTrackingKind,
    DescribeErpRequest,
    DescribeErpResponse,
    Erp,
    PaymentMethodKind,
)
from mostek.erp.v1.record_pb2 import ListRecordsRequest
from mostek.plugin.testing import context, recorded
from mostek.wire.rules import violations_of
from mostek_subiekt.gt import SubiektGt

Rows = Callable[..., list[tuple[Any, ...]]]
Changed = Callable[..., SubiektGt]


def described(gt: SubiektGt, *paths: str, **settings: Any) -> DescribeErpResponse:
    request = DescribeErpRequest()
    if paths:
        request.read_mask.CopyFrom(FieldMask(paths=list(paths)))
    return gt.describe_erp(request, context("DescribeErp", **settings))


def test_the_company_is_named(gt: SubiektGt, rows: Rows) -> None:
    erp = described(gt).erp
    (name, nip) = rows("SELECT pd_LicNazwaFirmy, pd_LicNIP FROM dbo.pd__Podmiot")[0]
    assert (erp.company_name, erp.company_tax_id.number) == (name, nip)
    assert (erp.program, erp.base_currency, erp.time_zone) == ("Subiekt GT", "PLN", "Europe/Warsaw")
    assert erp.text_encoding == "windows-1250"
    assert not list(violations_of(erp))


def test_dictionaries_are_those_of_the_database(gt: SubiektGt, rows: Rows) -> None:
    erp = described(gt).erp
    warehouses = {(int(w.id), w.code, w.name, w.is_default) for w in erp.warehouses}
    assert warehouses == set(
        rows("SELECT mag_Id, mag_Symbol, mag_Nazwa, mag_Glowny FROM dbo.sl_Magazyn")
    )
    assert {r.code for r in erp.vat_rates} == {"23", "8", "5", "0", "zw", "np", "oo"}
    assert {r.code for r in erp.vat_rates if not r.HasField("percent")} == {"zw", "np", "oo"}
    assert {c.code for c in erp.currencies} == {"PLN", "EUR", "USD", "CZK", "HUF"}
    groups = {(int(g.id), g.name) for g in erp.customer_groups}
    assert groups == set(rows("SELECT grk_Id, grk_Nazwa FROM dbo.sl_GrupaKh"))
    methods = {(int(m.id), m.name, m.days) for m in erp.payment_methods}
    assert methods == set(
        rows("SELECT fp_Id, rtrim(fp_Nazwa), fp_Termin FROM dbo.sl_FormaPlatnosci")
    )
    kinds = {m.name: m.kind for m in erp.payment_methods}
    assert kinds["Karta płatnicza"] == PaymentMethodKind.PAYMENT_METHOD_KIND_CARD
    assert kinds["Raty"] == PaymentMethodKind.PAYMENT_METHOD_KIND_INSTALMENTS


def test_price_levels_are_those_with_a_name(rows: Rows, changed: Changed) -> None:
    (level,) = rows("SELECT dkp_CenyPoziom FROM dbo.dok_Parametr WHERE dkp_Typ = 16")[0]
    gt = changed("UPDATE dbo.tw_Parametr SET twp_NazwaCeny9 = ''")
    lists = described(gt, "price_lists").erp.price_lists
    assert [p.id for p in lists] == [str(n) for n in range(1, 11) if n != 9]
    assert [p.id for p in lists if p.is_default] == [str(level)]


def test_what_is_not_in_use_is_not_offered(changed: Changed) -> None:
    gt = changed(
        "UPDATE dbo.sl_FormaPlatnosci SET fp_Aktywna = 0 WHERE fp_Id = 1",
        "UPDATE dbo.sl_FormaPlatnosci SET fp_Typ = 2 WHERE fp_Id = 2",
        "UPDATE dbo.sl_StawkaVAT SET vat_CzyWidoczna = 0 WHERE vat_Symbol = 'oo'",
        "UPDATE dbo.sl_Waluta SET wl_Aktywna = 0 WHERE wl_Symbol IN ('PLN', 'HUF')",
    )
    erp = described(gt).erp
    assert {"1", "2"}.isdisjoint(m.id for m in erp.payment_methods)
    assert "oo" not in {r.code for r in erp.vat_rates}
    assert {c.code for c in erp.currencies} == {"PLN", "EUR", "USD", "CZK"}


def test_limits_are_the_lengths_of_columns(gt: SubiektGt) -> None:
    limits = {limit.path: limit for limit in described(gt, "limits").erp.limits}
    assert limits["OrderDraft.external_number"].max_length == 30
    assert limits["OrderDraft.remarks"].max_length == 500
    assert limits["OrderDraft.lines.product.code"].max_length == 20
    assert limits["CustomerDraft.code"].max_length == 20
    assert limits["CustomerDraft.full_name"].max_length == 255
    assert limits["OrderDraft.lines.quantity"].max_scale == 4


def test_changes_are_told_of_customers_only(gt: SubiektGt) -> None:
    tracking = {t.operation: t.kind for t in described(gt).erp.change_tracking}
    time, none = (
        ChangeTrackingKind.CHANGE_TRACKING_KIND_TIME,
        ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE,
    )
    assert tracking.pop("ListCustomers") == time
    assert set(tracking.values()) == {none}
    assert set(tracking) == {name for name in gt.serves if name.startswith("List")} - {
        "ListCustomers"
    }


def test_operations_are_those_that_the_configuration_lets_be_done(
    gt: SubiektGt, changed: Changed
) -> None:
    reads = set(described(gt, "operations").erp.operations)
    assert {"CreateOrder", "CreateCustomer"}.isdisjoint(reads)
    assert {"ListInvoices", "ListRecords", "GetCustomerBalance"} <= reads
    orders = {"template": "ZK 1/11/2024"}
    writes = set(described(changed(orders=orders), "operations").erp.operations)
    assert writes - reads == {"CreateOrder"}


def test_only_what_is_asked_for_comes(gt: SubiektGt) -> None:
    with recorded(gt.database) as sent:
        response = described(gt, "program", "limits")
    assert {field.name for field, _ in response.erp.ListFields()} == {"program", "limits"}
    assert len(sent) == 1
    assert not response.unavailable_fields


def test_what_the_policy_denies_does_not_come(gt: SubiektGt) -> None:
    response = described(gt, denied=frozenset({"Erp.limits", "Erp.company_name"}))
    assert not response.erp.limits
    assert not response.erp.HasField("company_name")
    denied = {
        u.path
        for u in response.unavailable_fields
        if u.reason == UnavailableReason.UNAVAILABLE_REASON_DENIED
    }
    assert denied == {"limits", "company_name"}


def test_what_nothing_is_known_of_is_named(gt: SubiektGt) -> None:
    unsupported = {u.path for u in described(gt).unavailable_fields}
    assert {"program_version", "database_version", "document_series"} <= unsupported
    assert unsupported.isdisjoint({"limits", "drift", "change_tracking", "record_lists"})


def test_an_older_database_tells_what_it_lacks(older: SubiektGt) -> None:
    drift = described(older, "drift").erp.drift
    fields = {field for entry in drift for field in entry.unavailable_fields}
    assert {"Customer.gln", "Customer.invoice_email", "Product.deposit.name"} <= fields
    assert not any(entry.failing_operations for entry in drift)
    assert all(entry.name.startswith("dbo.") for entry in drift)


def test_a_missing_table_fails_its_operations_and_says_so(changed: Changed) -> None:
    gt = changed("DROP TABLE dbo.nz__Finanse")
    failing = {
        operation for entry in described(gt).erp.drift for operation in entry.failing_operations
    }
    assert failing == {"ListReceivables"}


RECORDS = """
-- Products of a colour.
-- key: t.tw_Id int
-- :colour varchar(50)
SELECT t.tw_Symbol AS [code], t.tw_Pole1 AS [colour]
FROM dbo.tw__Towar t
WHERE t.tw_Usuniety = 0 AND t.tw_Pole1 = :colour
"""


def test_a_list_of_the_site_is_described_and_read(
    rows: Rows, changed: Changed, tmp_path: Path
) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "colours.sql").write_text(RECORDS, encoding="utf-8")
    gt = changed(queries=str(tmp_path))
    (described_list,) = described(gt, "record_lists").erp.record_lists
    assert (described_list.name, list(described_list.columns)) == ("colours", ["code", "colour"])
    request = ListRecordsRequest(list="colours", parameters={"colour": "czerwony"}, page_size=1000)
    found = gt.list_records(request, context("ListRecords")).records
    wanted = rows(
        "SELECT tw_Symbol FROM dbo.tw__Towar WHERE tw_Pole1 = 'czerwony' AND tw_Usuniety = 0"
    )
    assert [(r["code"],) for r in found] == wanted


def test_every_field_of_the_description_has_a_source_or_is_named(gt: SubiektGt) -> None:
    response = described(gt)
    told = {field.name for field, _ in response.erp.ListFields()}
    named = {u.path.split(".")[0] for u in response.unavailable_fields}
    empty = {"record_lists", "drift"}
    assert {f.name for f in Erp.DESCRIPTOR.fields} == told | named | empty
