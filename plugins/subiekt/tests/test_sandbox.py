from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from stdnum import ean, iban
from stdnum.cz import dic
from stdnum.de import vat as german_vat
from stdnum.pl import nip, pesel, regon

from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.schema import Column, ReferenceSchema
from mostek_subiekt.sandbox import create, identifiers
from mostek_subiekt.schema import older_schema, reference_schema

TODAY = date(2026, 11, 20)
TOLERANCE = 0.00001

# What the list of a column leaves out: debts by card, in instalments, by hand; addresses of contact persons; the
# ordinary subtype; nothing set in a mask or check.
ALSO = {
    "nzf_Zrodlo": {11, 12, 13},
    "adr_TypAdresu": {12},
    "dok_Podtyp": {0},
    "dkp_BlokadaDlaKontrahentaBezNIP": {0},
    "dkp_KontrolaFSdDoPABezNIP": {0},
    "su_StraznikRezerwacjiKontrola": {0},
}
# Bit flags, whose sums occur, and a column whose meaning explains another column's values.
NOT_ENUMERATED = {"dok_StatusEx", "adr_IdObiektu"}


def made(path: Path, seed: int = 1, schema: ReferenceSchema | None = None) -> Path:
    create(path, customers=120, products=160, invoices=240, seed=seed, today=TODAY, schema=schema)
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("subiekt") / "subiekt.db")


@pytest.fixture
def sandbox(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect_sandbox(path)) as connection:
        yield connection


@pytest.fixture
def older(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect_sandbox(made(tmp_path / "old.db", schema=older_schema()))) as connection:
        yield connection


def none(connection: sqlite3.Connection, sql: str) -> None:
    """No row breaks the rule."""
    assert connection.execute(sql).fetchmany(5) == []


def count(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(f"SELECT COUNT(*) FROM {sql}").fetchone()[0])


def contents(path: Path) -> list[list[tuple[object, ...]]]:
    with closing(connect_sandbox(path)) as connection:
        return [
            connection.execute(f"SELECT * FROM {table.name}").fetchall()
            for table in reference_schema()
        ]


# The reference schema


def test_the_reference_schema_is_whole() -> None:
    tables = list(reference_schema())
    assert (len(tables), sum(len(table.columns) for table in tables)) == (52, 1699)
    assert all(table.complete for table in tables)


def test_older_versions_lack_what_is_listed() -> None:
    schema = older_schema()
    assert "dbo.ksef_NumerKSeF" not in schema
    assert "vt_WartBruttoWaluta" not in schema.table("dbo.dok_Vat")
    assert "dok_NumerKSeF" in schema.table("dbo.dok__Dokument")
    assert len(schema.table("dbo.dok_Vat").columns) == 7
    assert len(schema.table("dbo.adr__Ewid").columns) == 27


# Whole and the same each time


def test_the_same_seed_makes_the_same_data(path: Path, tmp_path: Path) -> None:
    assert contents(path) == contents(made(tmp_path / "again.db"))


def test_another_seed_makes_other_data_and_other_ids_of_vat_rates(
    path: Path, tmp_path: Path
) -> None:
    sql = "SELECT vat_Id FROM dbo.sl_StawkaVAT WHERE vat_Symbol = '23'"
    ids = set()
    for file in (path, made(tmp_path / "other.db", seed=2)):
        with closing(connect_sandbox(file)) as connection:
            ids.add(connection.execute(sql).fetchone())
    assert len(ids) == 2


@pytest.mark.parametrize("what", ["customers", "products", "invoices"])
def test_too_small_a_scale_is_refused(tmp_path: Path, what: str) -> None:
    size = {"customers": 40, "products": 40, "invoices": 40} | {what: 39}
    with pytest.raises(ValueError, match=f"at least 40 {what}, 39 are too few"):
        create(
            tmp_path / "small.db",
            customers=size["customers"],
            products=size["products"],
            invoices=size["invoices"],
        )
    assert not any(tmp_path.iterdir())


def test_the_smallest_scale_works(tmp_path: Path) -> None:
    create(tmp_path / "small.db", customers=40, products=40, invoices=40, today=TODAY)
    with closing(connect_sandbox(tmp_path / "small.db")) as connection:
        assert count(connection, "dbo.kh__Kontrahent") == 40


def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    create(
        tmp_path / "told.db",
        customers=40,
        products=40,
        invoices=40,
        today=TODAY,
        progress=lambda *news: seen.append(news),
    )
    assert {("customers", 40, 40), ("products", 40, 40), ("invoices", 40, 40)} <= set(seen)


# Values that the real database could hold


def test_every_enumerated_value_is_one_of_the_list(sandbox: sqlite3.Connection) -> None:
    wrong = []
    for table in reference_schema():
        for column in table.columns:
            allowed = _values(column)
            if allowed:
                sql = f"SELECT DISTINCT [{column.name}] FROM {table.name}"
                found = {row[0] for row in sandbox.execute(sql)} - {None}
                wrong += [(column.name, found - allowed)] if found - allowed else []
    assert wrong == []


def _values(column: Column) -> set[int]:
    if column.name in NOT_ENUMERATED:
        return set()
    if "nonzero" in column.meaning or "other=" in column.meaning:
        return set()
    values = re.findall(r"(?:^|[;:] ?)(-?\d+)=", column.meaning)
    return {int(value) for value in values} | ALSO.get(column.name, set()) if values else set()


def test_every_text_fits_windows_1250_and_every_char_is_padded(sandbox: sqlite3.Connection) -> None:
    wrong = []
    for table in reference_schema():
        for column in table.columns:
            if column.is_text:
                sql = f"SELECT DISTINCT [{column.name}] FROM {table.name}"
                texts = [row[0] for row in sandbox.execute(sql) if row[0] is not None]
                wrong += [t for t in texts if t.encode("cp1250", "replace").decode("cp1250") != t]
                if column.base_type == "char":
                    wrong += [t for t in texts if len(t) != column.length]
    assert wrong == []


def test_every_foreign_key_finds_its_row(sandbox: sqlite3.Connection) -> None:
    schema = reference_schema()
    dangling = []
    for table in schema:
        for column in table.columns:
            if column.references and column.references[0] in schema:
                target, key = column.references
                rows = count(
                    sandbox,
                    f"{table.name} t WHERE t.[{column.name}] IS NOT NULL AND NOT EXISTS"
                    f" (SELECT 1 FROM {target} r WHERE r.[{key}] = t.[{column.name}])",
                )
                dangling += [(table.name, column.name, rows)] if rows else []
    assert dangling == []


@pytest.mark.parametrize(
    ("types", "table", "key"),
    [
        ("1, 2, 11", "kh__Kontrahent", "kh_Id"),
        ("7", "sl_Magazyn", "mag_Id"),
        ("8", "pd__Podmiot", "pd_Id"),
        ("12", "kh_Pracownik", "pk_Id"),
    ],
)
def test_an_address_belongs_to_what_its_type_says(
    sandbox: sqlite3.Connection, types: str, table: str, key: str
) -> None:
    assert count(sandbox, f"dbo.adr__Ewid WHERE adr_TypAdresu IN ({types})")
    none(
        sandbox,
        f"SELECT a.adr_Id FROM dbo.adr__Ewid a WHERE a.adr_TypAdresu IN ({types})"
        f" AND NOT EXISTS (SELECT 1 FROM dbo.{table} t WHERE t.{key} = a.adr_IdObiektu)",
    )


def test_every_contractor_has_a_seat(sandbox: sqlite3.Connection) -> None:
    none(
        sandbox,
        "SELECT k.kh_Id FROM dbo.kh__Kontrahent k LEFT JOIN dbo.adr__Ewid a"
        " ON a.adr_IdObiektu = k.kh_Id AND a.adr_TypAdresu = 1 WHERE a.adr_Id IS NULL",
    )


@pytest.mark.parametrize(
    ("party", "version"),
    [("dok_PlatnikId", "dok_PlatnikAdreshId"), ("dok_OdbiorcaId", "dok_OdbiorcaAdreshId")],
)
def test_a_document_is_printed_with_an_address_of_its_party(
    sandbox: sqlite3.Connection, party: str, version: str
) -> None:
    none(
        sandbox,
        f"SELECT d.dok_Id FROM dbo.dok__Dokument d WHERE d.dok_Typ <> 9 AND d.{party} IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM dbo.adr_Historia h JOIN dbo.adr__Ewid a"
        " ON a.adr_Id = h.adrh_IdAdresu AND a.adr_TypAdresu = 1"
        f" WHERE h.adrh_Id = d.{version} AND a.adr_IdObiektu = d.{party})",
    )


def test_documents_and_links_point_at_what_is_there(sandbox: sqlite3.Connection) -> None:
    for table, column, target, key in (
        ("dok__Dokument", "dok_DoDokId", "dok__Dokument", "dok_Id"),
        ("dok__Dokument", "dok_PlatnikId", "kh__Kontrahent", "kh_Id"),
        ("dok__Dokument", "dok_PlatId", "sl_FormaPlatnosci", "fp_Id"),
        ("dok__Dokument", "dok_MagId", "sl_Magazyn", "mag_Id"),
        ("dok_PowiazanieFsdPA", "dfd_IdFS", "dok__Dokument", "dok_Id"),
        ("dok_PowiazanieFsdPA", "dfd_IdPA", "dok__Dokument", "dok_Id"),
        ("sl_FormaPlatnosci", "fp_CentId", "kh__Kontrahent", "kh_Id"),
        ("sl_FormaPlatnosci", "fp_InstKredytId", "kh__Kontrahent", "kh_Id"),
        ("pw_Dane", "pwd_IdObiektu", "dok__Dokument", "dok_Id"),
    ):
        none(
            sandbox,
            f"SELECT t.{column} FROM dbo.{table} t WHERE t.{column} IS NOT NULL AND NOT EXISTS"
            f" (SELECT 1 FROM dbo.{target} r WHERE r.{key} = t.{column})",
        )


def test_numbers_are_valid(sandbox: sqlite3.Connection) -> None:
    sql = (
        "SELECT a.adr_NIP, p.pa_KodPanstwaISO FROM dbo.adr__Ewid a JOIN dbo.sl_Panstwo p"
        " ON p.pa_Id = a.adr_IdPanstwo WHERE a.adr_NIP <> ''"
    )
    numbers = sandbox.execute(sql).fetchall()
    check = {"PL": nip, "DE": german_vat, "CZ": dic}
    assert [n for n, country in numbers if not check[country].is_valid(n.removeprefix("PL"))] == []
    for module, sql in (
        (regon, "SELECT kh_REGON FROM dbo.kh__Kontrahent WHERE kh_REGON <> ''"),
        (pesel, "SELECT kh_PESEL FROM dbo.kh__Kontrahent WHERE kh_PESEL <> ''"),
        (ean, "SELECT tw_PodstKodKresk FROM dbo.tw__Towar WHERE tw_PodstKodKresk <> ''"),
        (ean, "SELECT kk_Kod FROM dbo.tw_KodKreskowy"),
        (ean, "SELECT adr_GLN FROM dbo.adr__Ewid WHERE adr_GLN IS NOT NULL"),
        (iban, "SELECT rb_Numer FROM dbo.rb__RachBankowy"),
    ):
        found = [row[0] for row in sandbox.execute(sql)]
        assert found
        assert [n for n in found if not module.is_valid(n)] == []


def test_tax_numbers_are_typed_in_many_ways(sandbox: sqlite3.Connection) -> None:
    sql = "SELECT adr_NIP FROM dbo.adr__Ewid WHERE adr_TypAdresu = 1"
    shapes = {re.sub(r"\d", "9", row[0]) for row in sandbox.execute(sql)}
    assert {
        "9999999999",
        "999-999-99-99",
        "999-99-99-999",
        "PL9999999999",
        "999 999 99 99",
    } < shapes
    assert {"PL 999-999-99-99", "DE999999999", "CZ99999999", ""} < shapes


def test_codes_and_bar_codes_are_each_ones_own(sandbox: sqlite3.Connection) -> None:
    for column, table in (
        ("kh_Symbol", "kh__Kontrahent"),
        ("tw_Symbol", "tw__Towar"),
        ("tw_PodstKodKresk", "tw__Towar"),
        ("kk_Kod", "tw_KodKreskowy"),
        ("dok_NrPelny", "dok__Dokument"),
    ):
        none(
            sandbox,
            f"SELECT {column} FROM dbo.{table} WHERE {column} <> '' GROUP BY {column} HAVING COUNT(*) > 1",
        )


# Amounts to the grosz


def test_every_line_adds_up(sandbox: sqlite3.Connection) -> None:
    none(
        sandbox,
        "SELECT ob_Id FROM dbo.dok_Pozycja"
        f" WHERE abs(ob_WartNetto + ob_WartVat - ob_WartBrutto) > {TOLERANCE}",
    )


@pytest.mark.parametrize("kind", ["Netto", "Vat", "Brutto"])
def test_lines_make_the_vat_summary_and_this_the_totals(
    sandbox: sqlite3.Connection, kind: str
) -> None:
    lines = f"(SELECT COALESCE(SUM(p.ob_Wart{kind}), 0) FROM dbo.dok_Pozycja p WHERE p.ob_Status <> 2 AND"
    none(
        sandbox,
        "SELECT v.vt_Id FROM dbo.dok_Vat v WHERE"
        f" abs(v.vt_Wart{kind} - {lines} p.ob_DokHanId = v.vt_DokId AND p.ob_VatId = v.vt_VatId))"
        f" > {TOLERANCE}",
    )
    none(
        sandbox,
        "SELECT d.dok_Id FROM dbo.dok__Dokument d WHERE d.dok_Typ NOT IN (9, 10, 11) AND"
        f" abs(d.dok_Wart{kind} - (SELECT SUM(v.vt_Wart{kind}) FROM dbo.dok_Vat v"
        f" WHERE v.vt_DokId = d.dok_Id)) > {TOLERANCE}",
    )
    none(
        sandbox,
        f"SELECT d.dok_Id FROM dbo.dok__Dokument d WHERE abs(d.dok_Wart{kind} - {lines}"
        f" COALESCE(p.ob_DokHanId, p.ob_DokMagId) = d.dok_Id)) > {TOLERANCE}",
    )


def test_a_correction_differs_from_the_invoice_by_its_total(sandbox: sqlite3.Connection) -> None:
    none(
        sandbox,
        "SELECT a.ob_Id FROM dbo.dok_Pozycja a"
        " JOIN dbo.dok_Pozycja d ON d.ob_DokHanId = a.ob_DokHanId AND d.ob_Status = 1"
        " JOIN dbo.dok_Pozycja b ON b.ob_Id = a.ob_DoId AND b.ob_Status = 0"
        " WHERE a.ob_Status = 2 AND"
        f" abs(b.ob_WartBrutto + d.ob_WartBrutto - a.ob_WartBrutto) > {TOLERANCE}",
    )
    assert count(sandbox, "dbo.dok_Pozycja WHERE ob_Status = 2")


def test_an_invoice_makes_receivables_of_its_total(sandbox: sqlite3.Connection) -> None:
    none(
        sandbox,
        "SELECT d.dok_Id FROM dbo.dok__Dokument d JOIN dbo.nz__Finanse f"
        " ON f.nzf_IdDokumentAuto = d.dok_Id AND f.nzf_Podtyp = 1"
        f" WHERE abs(abs(d.dok_WartBrutto) - f.nzf_WartoscPierwotna) > {TOLERANCE}",
    )
    assert count(sandbox, "dbo.nz__Finanse WHERE nzf_Typ = 39 AND nzf_Podtyp = 1") > 200


def test_a_debt_remains_as_its_repayments_leave_it(sandbox: sqlite3.Connection) -> None:
    none(
        sandbox,
        "SELECT f.nzf_Id FROM dbo.nz__Finanse f WHERE f.nzf_Typ IN (39, 40) AND abs("
        "f.nzf_WartoscPierwotnaWaluta - f.nzf_WartoscWaluta"
        " - (SELECT COALESCE(SUM(s.nzs_WartoscWalutaDlugu), 0) FROM dbo.nz_FinanseSplata s"
        " WHERE s.nzs_IdDlugu = f.nzf_Id)"
        " - (SELECT COALESCE(SUM(s.nzs_WartoscWaluta), 0) FROM dbo.nz_FinanseSplata s"
        f" WHERE s.nzs_IdSplaty = f.nzf_Id)) > {TOLERANCE}",
    )
    none(
        sandbox,
        "SELECT f.nzf_Id FROM dbo.nz__Finanse f WHERE f.nzf_Typ = 39 AND abs("
        "f.nzf_WartoscPierwotna - f.nzf_Wartosc - (SELECT COALESCE(SUM(s.nzs_WartoscDluguPLN), 0)"
        f" FROM dbo.nz_FinanseSplata s WHERE s.nzs_IdDlugu = f.nzf_Id)) > {TOLERANCE}",
    )


def test_what_the_vendor_checks_of_finance_rows_holds(sandbox: sqlite3.Connection) -> None:
    debts = "nzf_Typ IN (39, 40)"
    for wrong in (
        f"{debts} AND NOT (nzf_Splata = 0 AND nzf_Wartosc BETWEEN 0 AND nzf_WartoscPierwotna)",
        f"NOT {debts} AND NOT (nzf_WartoscPierwotna = 0 AND nzf_Splata <= nzf_Wartosc)",
        "nzf_TypObiektu <> 0 AND (nzf_IdAdresu IS NULL OR nzf_IdHistoriiAdresu IS NULL)",
        "nzf_IdWaluty = 'PLN' AND (nzf_Kurs <> 1 OR nzf_LiczbaJednostek <> 1)",
    ):
        assert count(sandbox, f"dbo.nz__Finanse WHERE {wrong}") == 0


def test_payments_are_assigned_as_their_links_say(sandbox: sqlite3.Connection) -> None:
    none(
        sandbox,
        "SELECT f.nzf_Id FROM dbo.nz__Finanse f WHERE f.nzf_Typ IN (17, 18, 19, 20) AND abs("
        "f.nzf_SplataWaluta - (SELECT COALESCE(SUM(s.nzs_WartoscWaluta), 0)"
        f" FROM dbo.nz_FinanseSplata s WHERE s.nzs_IdSplaty = f.nzf_Id)) > {TOLERANCE}",
    )


def test_amounts_in_euro_are_in_euro_where_the_docstring_says(sandbox: sqlite3.Connection) -> None:
    none(
        sandbox,
        "SELECT d.dok_Id FROM dbo.dok__Dokument d WHERE d.dok_Waluta = 'EUR' AND d.dok_Typ = 2"
        " AND abs(d.dok_WartBrutto - d.dok_WalutaKurs * (SELECT SUM(v.vt_WartBruttoWaluta)"
        " FROM dbo.dok_Vat v WHERE v.vt_DokId = d.dok_Id)) > 0.05",
    )
    assert count(sandbox, "dbo.nz__Finanse WHERE nzf_IdWaluty = 'EUR' AND nzf_Wartosc > 0")


def test_reserved_stock_is_what_open_orders_reserve(sandbox: sqlite3.Connection) -> None:
    none(
        sandbox,
        "SELECT s.st_TowId FROM dbo.tw_Stan s WHERE s.st_StanRez > s.st_Stan OR abs(s.st_StanRez -"
        " (SELECT COALESCE(SUM(p.ob_IloscMag), 0) FROM dbo.dok_Pozycja p JOIN dbo.dok__Dokument d"
        " ON d.dok_Id = p.ob_DokHanId WHERE d.dok_Typ = 16 AND d.dok_Status = 7"
        f" AND p.ob_TowId = s.st_TowId AND d.dok_MagId = s.st_MagId)) > {TOLERANCE}",
    )
    assert count(sandbox, "dbo.tw_Stan WHERE st_StanRez > 0")


# All kinds


@pytest.mark.parametrize(
    "rows",
    [
        "dbo.kh__Kontrahent WHERE kh_Jednorazowy = 1",
        "dbo.kh__Kontrahent WHERE kh_Zablokowany = 1",
        "dbo.kh__Kontrahent WHERE kh_Osoba = 1 AND kh_PESEL <> ''",
        "dbo.kh__Kontrahent WHERE kh_IdNabywca IS NOT NULL",
        "dbo.kh__Kontrahent WHERE kh_MaxWartKred > 0",
        "dbo.kh__Kontrahent WHERE kh_Symbol LIKE '%([2-9])'",
        "dbo.kh_AdresyDostawy",
        "dbo.adr_Email WHERE am_DoWysylkiDokumentow = 1",
        "dbo.tw__Towar WHERE tw_Usuniety = 1",
        "dbo.tw__Towar WHERE tw_Zablokowany = 1",
        "dbo.tw__Towar WHERE tw_ObjetySysKaucyjnym = 1 AND tw_SKIdOpakowania IS NOT NULL",
        "dbo.tw_Cena WHERE tc_IdWaluta10 = 'EUR'",
        "dbo.tw_Komplet",
        "dbo.tw_JednMiary WHERE jm_Przelicznik = 120",
        "dbo.dok__Dokument WHERE dok_Typ = 2 AND dok_Podtyp = 1",
        "dbo.dok__Dokument WHERE dok_Typ = 2 AND dok_Podtyp = 3",
        "dbo.dok__Dokument WHERE dok_Typ = 2 AND dok_Podtyp = 5",
        "dbo.dok__Dokument WHERE dok_Typ = 2 AND dok_Status = 2",
        "dbo.dok__Dokument WHERE dok_Typ = 2 AND dok_Status IN (0, 3)",
        "dbo.dok__Dokument WHERE dok_Typ = 2 AND dok_MechanizmPodzielonejPlatnosci = 1",
        "dbo.dok__Dokument WHERE dok_Typ = 6 AND dok_Podtyp = 1 AND dok_DoDokId IS NULL",
        "dbo.dok__Dokument WHERE dok_Typ = 6 AND dok_WartBrutto > 0",
        "dbo.dok__Dokument WHERE dok_Typ = 21 AND dok_Podtyp = 2",
        "dbo.dok__Dokument WHERE dok_Typ = 21 AND dok_PlatnikId IS NULL",
        "dbo.dok__Dokument WHERE dok_Typ = 62",
        "dbo.dok__Dokument WHERE dok_Typ = 16 AND dok_Podtyp = 1",
        "dbo.dok__Dokument WHERE dok_Typ = 16 AND dok_Status = 6 AND dok_NrPelnyOryg <> ''",
        "dbo.dok__Dokument WHERE dok_Typ = 16 AND dok_Status = 7 AND dok_StatusEx = 1",
        "dbo.dok__Dokument WHERE dok_Typ = 16 AND dok_Status = 8 AND dok_StatusEx = 0",
        "dbo.dok__Dokument WHERE dok_NumerKSeF IS NOT NULL AND dok_NumerKSeFId IS NULL",
        "dbo.dok__Dokument WHERE dok_NumerKSeFId IS NOT NULL AND dok_NumerKSeF IS NULL",
        "dbo.dok__Dokument WHERE dok_DoNumerKSeFId IS NOT NULL",
        "dbo.dok__Dokument WHERE dok_PlatnikId <> dok_OdbiorcaId AND dok_Typ = 2",
        "dbo.nz__Finanse WHERE nzf_Typ = 39 AND nzf_Podtyp = 4",
        "dbo.nz__Finanse WHERE nzf_Typ = 39 AND nzf_Status = 2",
        "dbo.nz__Finanse WHERE nzf_Typ = 39 AND nzf_IdDokumentAuto IS NULL",
        "dbo.nz__Finanse WHERE nzf_Typ = 39 AND nzf_Wartosc > 0 AND nzf_Wartosc < nzf_WartoscPierwotna",
        "dbo.nz__Finanse WHERE nzf_Typ = 39 AND nzf_Wartosc > 0 AND nzf_TerminPlatnosci < '2026-11-20'",
        "dbo.nz__Finanse WHERE nzf_Typ = 40 AND nzf_Korekta = 1 AND nzf_Wartosc > 0",
        "dbo.nz__Finanse WHERE nzf_Typ = 19 AND nzf_Splata < nzf_Wartosc",
        "dbo.nz_FinanseSplata WHERE nzs_Typ = 6 AND nzs_IdSplaty IS NOT NULL",
        "dbo.pw_Dane",
    ],
)
def test_there_is_one_of_every_kind(sandbox: sqlite3.Connection, rows: str) -> None:
    assert count(sandbox, rows)


def test_the_buyers_row_ends_when_a_card_operator_owes(sandbox: sqlite3.Connection) -> None:
    none(
        sandbox,
        "SELECT o.nzf_Id FROM dbo.nz__Finanse o LEFT JOIN dbo.nz__Finanse b"
        " ON b.nzf_IdDokumentAuto = o.nzf_IdDokumentAuto AND b.nzf_Podtyp = 1 AND b.nzf_Wartosc = 0"
        " WHERE o.nzf_Podtyp IN (4, 5) AND (b.nzf_Id IS NULL OR b.nzf_IdObiektu = o.nzf_IdObiektu)",
    )


def test_no_document_is_dated_after_today(sandbox: sqlite3.Connection) -> None:
    none(sandbox, "SELECT dok_Id FROM dbo.dok__Dokument WHERE dok_DataWyst > '2026-11-20 00:00:00'")
    none(sandbox, "SELECT nzf_Id FROM dbo.nz__Finanse WHERE nzf_Data > '2026-11-20 00:00:00'")


# Writing


def test_the_template_is_a_plain_order(tmp_path: Path) -> None:
    made_sandbox = create(tmp_path / "s.db", customers=40, products=40, invoices=40, today=TODAY)
    with closing(connect_sandbox(made_sandbox.path)) as connection:
        row = connection.execute(
            "SELECT dok_Typ, dok_Podtyp, dok_Status, dok_StatusEx, dok_CenyTyp, dok_Waluta"
            " FROM dbo.dok__Dokument WHERE dok_NrPelny = ?",
            (made_sandbox.template_order,),
        ).fetchone()
    assert made_sandbox.template_order == "ZK 1/11/2024"
    assert row == (16, 0, 6, 0, 1, "PLN")


def test_counters_stand_behind_the_highest_ids(sandbox: sqlite3.Connection) -> None:
    for table in reference_schema():
        key = table.primary_key
        if (
            len(key) == 1
            and table.column(key[0]).type == "int"
            and not table.column(key[0]).identity
        ):
            sql = f"SELECT COALESCE(MAX([{key[0]}]), 0) FROM {table.name}"
            highest = sandbox.execute(sql).fetchone()[0]
            sql = "SELECT ido_wartosc FROM dbo.ins_ident WHERE ido_nazwa = ?"
            assert sandbox.execute(sql, (table.short_name,)).fetchone()[0] > highest, table.name


def test_ids_are_given_once(tmp_path: Path) -> None:
    with closing(connect_sandbox(made(tmp_path / "s.db"))) as connection:
        first = identifiers(connection, "dok__Dokument", 3)
        assert identifiers(connection, "DOK__DOKUMENT") == first + 3
        assert count(connection, f"dbo.dok__Dokument WHERE dok_Id >= {first}") == 0


def test_a_table_that_the_program_does_not_number_has_no_ids(sandbox: sqlite3.Connection) -> None:
    with pytest.raises(LookupError, match="no counter for nothing"):
        identifiers(sandbox, "nothing")


# Older versions


def test_an_older_database_has_the_ksef_number_in_the_document(older: sqlite3.Connection) -> None:
    registered = count(older, "dbo.dok__Dokument WHERE dok_StatusKSeF = 5")
    assert registered
    assert count(older, "dbo.dok__Dokument WHERE dok_NumerKSeF IS NOT NULL") == registered
    assert count(older, "dbo.dok__Dokument WHERE dok_DoNumerKSeF IS NOT NULL")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        older.execute("SELECT * FROM dbo.ksef_NumerKSeF")
