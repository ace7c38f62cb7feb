from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mostek.wire.failures import Locked, Rejected, Unsupported
from mostek_subiekt.orders.numbering import Layout, NumberParts

Company = Callable[..., Any]
KINDS = ("extension", "warehouse", "day", "month", "year", "short year")


def write(shop: Any, count: int = 1, **changes: Any) -> list[str]:
    return [
        shop.order(external_number=f"{changes}{place}"[-30:].strip(), **changes).number
        for place in range(count)
    ]


def test_numbers_go_on_from_the_greatest_of_the_month(shop: Any) -> None:
    last = shop.value(
        "SELECT MAX(dok_Nr) FROM dbo.dok__Dokument WHERE dok_Typ = 16 AND dok_DataWyst >= '2026-11-01'"
    )
    assert write(shop, 2) == [f"ZK {last + 1}/11/2026", f"ZK {last + 2}/11/2026"]


def test_numbers_begin_anew_with_the_month_and_the_year(shop: Any) -> None:
    assert write(shop, order_date="2026-12-31") == ["ZK 1/12/2026"]
    assert write(shop, 2, order_date="2027-01-01") == ["ZK 1/01/2027", "ZK 2/01/2027"]
    assert write(shop, order_date="2026-12-01") == ["ZK 2/12/2026"]


def test_yearly_numbers_go_on_over_months(company: Company) -> None:
    shop = company("UPDATE dbo.nr_Parametr SET np_NrRodzaj = 0 WHERE np_Typ = 16")
    assert write(shop, order_date="2027-01-31") == ["ZK 1/01/2027"]
    assert write(shop, order_date="2027-12-01") == ["ZK 2/12/2027"]
    assert write(shop, order_date="2028-01-01") == ["ZK 1/01/2028"]


def test_gaps_are_not_filled(shop: Any) -> None:
    write(shop, 2, order_date="2027-01-01")
    shop.connection.execute(
        "UPDATE dbo.dok__Dokument SET dok_Nr = 9 WHERE dok_NrPelny = 'ZK 2/01/2027'"
    )
    assert write(shop, order_date="2027-01-02") == ["ZK 10/01/2027"]


def test_a_number_that_any_order_has_is_stepped_over(shop: Any) -> None:
    shop.connection.execute(
        "UPDATE dbo.dok__Dokument SET dok_NrPelny = 'ZK 1/01/2027' WHERE dok_Id ="
        " (SELECT MAX(dok_Id) FROM dbo.dok__Dokument WHERE dok_Typ = 16)"
    )
    assert write(shop, order_date="2027-01-02") == ["ZK 2/01/2027"]


def test_numbers_that_open_editors_reserved_are_not_taken(shop: Any) -> None:
    shop.connection.execute(
        "INSERT INTO dbo.nr_NrRez (rez_RejId, rez_Typ, rez_DataWyst, rez_Nr) VALUES (1, 16, '2027-01-05 00:00:00', 4)"
    )
    assert write(shop, order_date="2027-01-02") == ["ZK 5/01/2027"]


@pytest.mark.parametrize(
    ("year", "month", "warehouse", "first"),
    [(2027, 1, None, 100), (2027, 2, 1, 1), (None, None, 1, 100)],
)
def test_numbering_begins_where_the_program_is_set_to(
    shop: Any, year: int | None, month: int | None, warehouse: int | None, first: int
) -> None:
    shop.connection.execute(
        "INSERT INTO dbo.nr_NrStart (ns_Id, ns_Typ, ns_Rok, ns_Miesiac, ns_RejId, ns_Granica, ns_Rodzaj,"
        " ns_DefiniowalnyId) VALUES (1, 16, ?, ?, ?, 100, 1, 0)",
        (year, month, warehouse),
    )
    assert write(shop, order_date="2027-01-02") == [f"ZK {first}/01/2027"]


def test_numbers_with_the_warehouse_are_counted_by_warehouse(company: Company) -> None:
    shop = company(
        "UPDATE dbo.nr_Parametr SET np_NrSymbolRej = 1 WHERE np_Typ = 16",
        "UPDATE dbo.dok__Dokument SET dok_NrPelny = 'ZK 1/MAG/11/2024' WHERE dok_NrPelny = 'ZK 1/11/2024'",
        template="ZK 1/MAG/11/2024",
    )
    assert write(shop, 2, order_date="2027-01-01") == ["ZK 1/MAG/01/2027", "ZK 2/MAG/01/2027"]
    assert write(shop, order_date="2027-01-01", warehouse_id="3") == ["ZK 1/ŁDŹ/01/2027"]


def test_a_number_taken_while_the_order_was_written_is_told_as_locked(company: Company) -> None:
    shop = company(
        "CREATE TRIGGER dbo.meanwhile AFTER INSERT ON dok_Vat BEGIN UPDATE dok__Dokument SET dok_NrPelny ="
        " (SELECT o.dok_NrPelny FROM dok__Dokument o WHERE o.dok_Id = new.vt_DokId) WHERE dok_Id ="
        " (SELECT MIN(x.dok_Id) + 1 FROM dok__Dokument x WHERE x.dok_Typ = 16); END",
        "UPDATE dbo.dok__Dokument SET dok_Typ = 16 WHERE dok_Id ="
        " (SELECT MIN(x.dok_Id) + 1 FROM dbo.dok__Dokument x WHERE x.dok_Typ = 16)",
    )
    with pytest.raises(Locked, match="at the same moment"):
        shop.order()
    assert not shop.rows("SELECT 1 FROM dbo.dok__Dokument WHERE dok_NrPelnyOryg = 'WEB-1'")


def test_the_fiscal_year_is_refused(company: Company) -> None:
    shop = company("UPDATE dbo.nr_Parametr SET np_NrRodzaj = 2 WHERE np_Typ = 16")
    with pytest.raises(Unsupported, match="fiscal year"):
        shop.order()


def test_a_number_that_would_not_fit_is_refused(company: Company) -> None:
    prefix = "ZAMOWIENIE OD KLIENTA"
    number = f"{prefix}1/11/2024"
    assert len(number) == 30
    shop = company(
        f"UPDATE dbo.dok__Dokument SET dok_NrPelny = '{number}' WHERE dok_NrPelny = 'ZK 1/11/2024'",
        template=number,
    )
    assert write(shop, order_date="2027-01-01") == [f"{prefix}1/01/2027"]
    shop.connection.execute(
        "UPDATE dbo.dok__Dokument SET dok_Nr = 9 WHERE dok_NrPelny LIKE '%1/01/2027'"
    )
    with pytest.raises(Rejected, match="longer than 30"):
        shop.order(external_number="second", order_date="2027-01-01")


# The layout


def parts(day: date, extension: str = "X", warehouse: str = "MAG") -> NumberParts:
    return NumberParts(day, extension, warehouse)


@given(
    st.permutations(KINDS[:5]).flatmap(
        lambda kinds: st.integers(0, 5).map(lambda n: tuple(kinds[:n]))
    ),
    st.sampled_from(["ZK ", "ZK/", "Zam. nr "]).filter(lambda prefix: "/" not in prefix),
    st.integers(1, 99999),
    st.booleans(),
)
def test_a_layout_is_read_back_from_its_own_number(
    kinds: tuple[str, ...], prefix: str, counted: int, short: bool
) -> None:
    if short:
        kinds = tuple("short year" if kind == "year" else kind for kind in kinds)
    # A day whose parts all differ.
    known = parts(date(2026, 11, 24))
    layout = Layout(prefix, kinds)
    number = layout.text(counted, known)
    expected = frozenset("year" if kind == "short year" else kind for kind in kinds)
    assert Layout.of(number, counted, known, expected) == layout


@pytest.mark.parametrize(
    ("number", "expected", "why"),
    [
        ("ZK 5/11/2026", {"month", "year"}, "does not begin"),
        ("ZK 007/11/2026", {"month", "year"}, "does not begin"),
        ("ZK 7/11/2026/A", {"month", "year"}, "can't be explained|cannot be explained"),
        ("ZK 7/11", {"month", "year"}, "cannot be explained"),
        ("ZK 7/11/2026", {"year"}, "cannot be explained"),
    ],
)
def test_a_layout_that_is_not_explained_is_refused(
    number: str, expected: set[str], why: str
) -> None:
    with pytest.raises(Unsupported, match=why):
        Layout.of(number, 7, parts(date(2026, 11, 24)), frozenset(expected))


def test_a_layout_that_could_be_two_is_refused() -> None:
    with pytest.raises(Unsupported, match="in several ways"):
        Layout.of("ZK 7/11/11", 7, parts(date(2026, 11, 11)), frozenset({"day", "month"}))


def test_an_empty_extension_is_not_part_of_the_number() -> None:
    known = parts(date(2026, 11, 24), extension="")
    layout = Layout.of("ZK 7/11/2026", 7, known, frozenset({"extension", "month", "year"}))
    assert layout.kinds == ("month", "year")
