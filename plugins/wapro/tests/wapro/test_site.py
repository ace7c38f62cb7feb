"""What the database has of its own: days, companies, drivers, fields; and how fast it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from mostek.erp.v1.common_pb2 import UnavailableReason
from mostek.erp.v1.erp_pb2 import ChangeTrackingKind
from mostek.plugin.clarion import clarion, day
from mostek.plugin.sqlite_database import SqliteDatabase
from mostek.plugin.testing import context, listed, read, recorded
from mostek.plugin.testing import items as items_of
from mostek.wire.failures import ErpUnavailable, NotFound, Unsupported
from mostek_wapro.conversion import flag

from .asking import ALL, LISTS
from .conftest import Frozen, Rows, opened

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
    """Told when it is opened, so that `doctor` and the log of a start have it before a caller asks."""
    with pytest.raises(ErpUnavailable, match="set `company`") as failure:
        opened(sandbox_path, company=None)
    assert '"Nasza", "Inna"' in failure.value.erp_text


def test_a_company_that_is_not_there_is_told(sandbox_path: Any) -> None:
    with pytest.raises(ErpUnavailable, match=r"FIRMA\.NAZWA"):
        opened(sandbox_path, company="Nikt")


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
