"""Which database it is, what it lacks, what the site adds, and what holds for all lists."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mostek.erp.v1.common_pb2 import UnavailableReason
from mostek.erp.v1.erp_pb2 import ChangeTrackingKind, PaymentMethodKind
from mostek.plugin.clarion import clarion
from mostek.plugin.plugin import Site
from mostek.plugin.sqlite_database import SqliteDatabase
from mostek.plugin.testing import context, listed, read, recorded
from mostek.plugin.testing import items as items_of
from mostek.wire.failures import Drift, ErpUnavailable
from mostek_optima.config import OptimaConfig
from mostek_optima.conversion import fulfilled, gross_price, net_price, ratio, vat_code
from mostek_optima.optima import Optima
from mostek_optima.sandbox import create
from mostek_optima.schema import VERSIONS, older_schema

from .asking import ALL, KINDS, LISTS
from .conftest import TODAY, Frozen, opened, settings

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
