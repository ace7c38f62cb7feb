"""Orders by direct SQL, into the buffer."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
import sqlglot

from mostek.erp.v1.order_pb2 import CreateOrderRequest, OrderState
from mostek.plugin.dialect import SQL_SERVER
from mostek.plugin.testing import context, recorded
from mostek.wire.failures import Conflict, Invalid, Rejected, Unsupported
from mostek_optima.direct.numbering import Numbering
from mostek_optima.sandbox import Sandbox

from ..conftest import TODAY
from .conftest import COM, Company, Shop


def faults(company: Company, sandbox: Sandbox, *statements: str) -> str:
    shop = company(*statements, orders={"mode": "sql", "template": sandbox.template_order})
    found = [problem.message for problem in shop.check().problems if not problem.field]
    return " ".join(found)


def of_template(assignment: str, table: str = "TraNag", key: str = "TrN_TrNID") -> str:
    return f"UPDATE CDN.{table} SET {assignment} WHERE {key} = (SELECT MIN({key}) FROM CDN.{table})"


def test_nothing_is_written_unless_the_configuration_says_so(company: Company) -> None:
    shop = company(orders=None)
    with pytest.raises(Unsupported, match='mode = "com"'):
        shop.order()
    check = shop.check(warehouse_id="1")
    assert [problem.field for problem in check.problems] == [""]
    assert check.order.gross


def test_an_order_is_a_copy_of_the_template_with_its_own_values(sql: Shop) -> None:
    answer = sql.order(remarks="Zażółć gęślą jaźń", delivery_date="2026-12-01", payment_days=21)
    row = sql.row("TraNag", "TrN_TrNID", int(answer.id))
    template = sql.row("TraNag", "TrN_TrNID", 1)
    own = {
        *("TrN_TrNID", "TrN_NumerNr", "TrN_NumerString", "TrN_NumerPelny", "TrN_NumerObcy"),
        *("TrN_DataDok", "TrN_DataWys", "TrN_DataOpe", "TrN_DataKur", "TrN_Termin"),
        *("TrN_DataTransportu", "TrN_FPlId", "TrN_Opis", "TrN_PodID", "TrN_OdbID"),
        *("TrN_PlatnikID", "TrN_TS_Zal", "TrN_TS_Mod", "TrN_OdbTelefon", "TrN_OdbEmail"),
    }
    differs = {n for n, value in row.items() if value != template[n]}
    frozen = {n for n in row if n.startswith(("TrN_Pod", "TrN_Odb", "TrN_Razem"))}
    assert differs <= own | frozen | {"TrN_PodatekVat", "TrN_Finalny", "TrN_MagZrdId"}
    assert (row["TrN_Bufor"], row["TrN_Anulowany"], row["TrN_BlokadaPlatnosci"]) == (1, 0, 1)
    assert (row["TrN_RazemNetto"], row["TrN_RazemVAT"], row["TrN_RazemBrutto"]) == (
        42.48,
        9.77,
        52.25,
    )
    assert (row["TrN_NumerObcy"], row["TrN_Opis"]) == ("WEB-1", "Zażółć gęślą jaźń")
    assert row["TrN_Termin"] == "2026-12-11 00:00:00"
    assert (
        row["TrN_PodNazwa1"]
        == sql.rows("SELECT Knt_Nazwa1 FROM CDN.Kontrahenci WHERE Knt_KntId = ?", sql.buyer)[0][0]
    )
    lines = sql.rows(
        "SELECT TrE_Lp, TrE_TwrKod, TrE_Ilosc, TrE_Cena0, TrE_WartoscNetto, TrE_WartoscBrutto FROM CDN.TraElem"
        " WHERE TrE_TrNId = ? ORDER BY TrE_Lp",
        int(answer.id),
    )
    assert lines == [
        (1, sql.goods[0], 3, 10, 30, 36.9),
        (2, sql.goods[1], 2.5, 4.99, 12.48, 15.35),
    ]
    rates = sql.rows(
        "SELECT TrV_Stawka, TrV_Netto, TrV_VAT FROM CDN.TraVat WHERE TrV_TrNID = ?", int(answer.id)
    )
    assert rates == [(23, 42.48, 9.77)]
    assert answer.order.state == OrderState.ORDER_STATE_DRAFT
    assert "buffer" in answer.warnings[0].message


def test_nothing_is_reserved(sql: Shop) -> None:
    before = sql.rows("SELECT COUNT(*) FROM CDN.TraSElem"), sql.rows("SELECT * FROM CDN.TwrIlosci")
    sql.order()
    assert before == (
        sql.rows("SELECT COUNT(*) FROM CDN.TraSElem"),
        sql.rows("SELECT * FROM CDN.TwrIlosci"),
    )
    with pytest.raises(Unsupported, match="approve the order in the program"):
        sql.order(external_number="WEB-2", reserve=True)


def test_numbers_go_on_where_the_program_s_end_and_begin_anew_with_the_year(sql: Shop) -> None:
    last = sql.rows(
        "SELECT MAX(TrN_NumerNr) FROM CDN.TraNag WHERE TrN_NumerString = 'RO/@numerS/2026'"
    )[0][0]
    assert sql.order().number == f"RO/{last + 1}/2026"
    assert sql.order(external_number="WEB-2").number == f"RO/{last + 2}/2026"
    assert sql.order(external_number="WEB-3", order_date="2027-01-02").number == "RO/1/2027"


def test_the_last_number_is_read_under_a_lock_that_holds(sql: Shop) -> None:
    """On SQL Server; the sandbox has one writer at a time anyway."""
    sent: list[str] = []

    class Asked:
        dialect = SQL_SERVER

        def one(self, text: str, *_: Any) -> tuple[int]:
            sent.append(text)
            return (7,)

    numbering = Numbering(("RO", "@numerS", "2026"), 2026)
    lookup: Any = Asked()
    assert numbering.next(lookup, date(2027, 1, 2)) == ("RO/@numerS/2027", 8, "RO/8/2027")
    assert "WITH (UPDLOCK, HOLDLOCK)" in sent[0]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (of_template("TrN_Bufor = 0"), "is not in the buffer"),
        (of_template("TrN_Waluta = 'EUR'"), "is in a foreign currency"),
        (of_template("TrN_Rodzaj = 308011"), "is of another kind than 308000"),
        (of_template("TrN_Rabat = 5"), "has a discount of the whole document"),
        (of_template("TrN_PlatnikID = 4711"), "has a recipient or payer that is not its buyer"),
        (of_template("TrN_eSklepID = 5"), "comes from a shop"),
        (of_template("TrN_NumerNr = 0"), "no running number in the buffer"),
        (of_template("TrN_NumerString = 'RO/@numerS/11/2025'"), "may be a month or a day"),
        (of_template("TrE_Rabat = 5", "TraElem", "TrE_TrEID"), "no plain line"),
        (of_template("TrN_NumerPelny = 'X'"), "there is none"),
        (of_template("TrN_TypDokumentu = 309"), "there is none"),
    ],
)
def test_a_template_that_is_not_plain_is_refused_by_what_is_wrong_with_it(
    company: Company, sandbox: Sandbox, statement: str, told: str
) -> None:
    assert told in faults(company, sandbox, statement)


def test_a_template_may_be_named_by_its_id(company: Company) -> None:
    assert company(orders={"mode": "sql", "template": 1}).order().id
    assert (
        "there is none"
        in company(orders={"mode": "sql", "template": 2}).check().problems[0].message
    )


def test_a_discount_that_only_the_program_can_count_is_refused(
    company: Company, sandbox: Sandbox
) -> None:
    row = (
        "INSERT INTO CDN.Rabaty (Rab_Typ, Rab_TypCenyNB, Rab_TwrId, Rab_PodmiotTyp, Rab_PodmiotId, Rab_Rabat, Rab_Cena,"
        " Rab_Waluta, Rab_Opis) VALUES ({}, 1, {}, 1, {}, 5, 0, '', '')"
    )
    plain = {"mode": "sql", "template": sandbox.template_order}
    line = {"product": {"code": company(orders=plain).goods[0]}, "quantity": "1"}
    for kind in (1, 8):
        shop = company(row.format(kind, "(SELECT MIN(Twr_TwrId) FROM CDN.Towary)", 0), orders=plain)
        shop.change(
            row.format(
                8, f"(SELECT Twr_TwrId FROM CDN.Towary WHERE Twr_Kod = '{shop.goods[0]}')", -1
            )
        )
        with pytest.raises(Unsupported, match=r"can't be told: give a discount or a price"):
            shop.order(lines=[line])
        assert shop.order(lines=[line | {"price": {"net": "10"}}]).id


def test_prices_are_those_of_the_list_less_the_buyer_s_discount(sql: Shop) -> None:
    sql.change("UPDATE CDN.Kontrahenci SET Knt_Upust = 10")
    answer = sql.order(
        lines=[{"product": {"code": sql.goods[0]}, "quantity": "1"}], price_list_id="2"
    )
    listed = sql.rows(
        "SELECT TwC_Wartosc FROM CDN.TwrCeny JOIN CDN.Towary ON Twr_TwrId = TwC_TwrID WHERE TwC_TwCNumer = 2"
        " AND Twr_Kod = ?",
        sql.goods[0],
    )[0][0]
    row = sql.row("TraElem", "TrE_TrNId", int(answer.id))
    assert (row["TrE_Cena0"], row["TrE_Rabat"]) == (listed, 10)
    assert row["TrE_WartoscNetto"] == pytest.approx(listed * 0.9, abs=0.006)
    for refused in ("1", "5", "99"):
        with pytest.raises(Invalid, match="no such price list"):
            sql.order(external_number="WEB-2", price_list_id=refused)


def test_the_buyer_s_own_term_comes_before_that_of_its_payment_form(
    company: Company, sandbox: Sandbox
) -> None:
    shop = company(
        "UPDATE CDN.Kontrahenci SET Knt_TerminPlat = 1, Knt_Termin = 45",
        "UPDATE CDN.FormyPlatnosci SET FPl_Termin = 14, FPl_NieAktywny = 0",
        orders={"mode": "sql", "template": sandbox.template_order},
    )
    usual = shop.row("Kontrahenci", "Knt_KntId", shop.buyer)["Knt_FplID"]
    ((other, *_),) = shop.rows(
        "SELECT MIN(FPl_FPlId) FROM CDN.FormyPlatnosci WHERE FPl_FPlId <> ?", usual
    )
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "2027-01-04"),
        ({"payment_method_id": str(usual)}, "2027-01-04"),
        ({"payment_method_id": str(other)}, "2026-12-04"),
        ({"payment_days": 7}, "2026-11-27"),
    ]
    for number, (given, due) in enumerate(cases):
        answer = shop.order(external_number=f"WEB-{number}", **given)
        assert shop.row("TraNag", "TrN_TrNID", int(answer.id))["TrN_Termin"][:10] == due, given


@pytest.mark.parametrize("mode", ["com", "sql"])
def test_a_buyer_whose_sales_are_not_domestic_is_warned_of(
    company: Company, sandbox: Sandbox, mode: str
) -> None:
    direct = {"mode": "sql", "template": sandbox.template_order}
    shop = company(
        "UPDATE CDN.Kontrahenci SET Knt_Export = 3", orders=COM if mode == "com" else direct
    )
    said = [w.message for w in shop.check().warnings if w.field == "transaction_kind"]
    assert said == ["the sales to this buyer are not domestic (Knt_Export 3); the order is"]
    shop.change("UPDATE CDN.Kontrahenci SET Knt_Export = 0")
    assert not [w for w in shop.check().warnings if w.field == "transaction_kind"]


def test_exempt_lines_have_no_vat(sql: Shop) -> None:
    (code,) = sql.rows("SELECT Twr_Kod FROM CDN.Towary WHERE Twr_Flaga = 1 AND Twr_NieAktywny = 0")[
        0
    ]
    line = {"product": {"code": code}, "quantity": "2", "price": {"net": "5"}}
    answer = sql.order(lines=[line])
    assert answer.order.gross == "10.00"
    assert answer.order.lines[0].vat_rate.code == "zw"


def test_a_product_with_a_reduced_rate_is_refused(sql: Shop) -> None:
    (code,) = sql.rows("SELECT Twr_Kod FROM CDN.Towary WHERE Twr_Flaga = 3")[0]
    line = {"product": {"code": code}, "quantity": "2", "price": {"net": "5"}}
    with pytest.raises(Unsupported, match="stawka zaniżona"):
        sql.order(lines=[line])


def test_what_the_program_alone_adds_to_a_product_is_refused_or_told(sql: Shop) -> None:
    line = {"product": {"code": sql.goods[0]}, "quantity": "2", "price": {"net": "5"}}
    for change, told in (
        ("Twr_Kaucja = 1", "returnable packaging"),
        ("Twr_Kaucja = 0, Twr_Produkt = 1, Twr_Typ = 0", "a composite service"),
    ):
        sql.change(f"UPDATE CDN.Towary SET {change}")
        with pytest.raises(Unsupported, match=told):
            sql.order(lines=[line])
    sql.change("UPDATE CDN.Towary SET Twr_Produkt = 0, Twr_Akcyza = 1, Twr_SystemKaucyjny = 0")
    messages = [warning.message for warning in sql.order(lines=[line]).warnings]
    assert "the program adds excise duty to such a product, direct SQL does not" in messages


def test_every_statement_of_a_write_is_tsql(sql: Shop) -> None:
    with recorded(sql.plugin.database) as sent:
        sql.order()
    statements = [text for text, _ in sent if text.startswith(("SELECT", "INSERT", "\nSELECT"))]
    assert len(statements) > 10
    for text in statements:
        assert sqlglot.parse_one(text.replace("LIMIT ?", ""), read="tsql")


def test_another_order_under_the_number_is_a_conflict(sql: Shop) -> None:
    first = sql.order()
    with pytest.raises(Conflict, match="differs in lines"):
        sql.order(
            lines=[{"product": {"code": sql.goods[0]}, "quantity": "3", "price": {"net": "9"}}]
        )
    assert "is there already" in sql.check().warnings[-1].message
    assert sql.orders() == [int(first.id)]


def test_customers_are_found_and_never_created(sql: Shop) -> None:
    assert not sql.customer(code=sql.code, name="Kto").customer.created
    with pytest.raises(Unsupported, match='mode = "com"'):
        sql.customer(name="Nowa", tax_id="5261040828")
    assert "CreateCustomer" not in sql.plugin.operations()


def test_a_total_that_is_not_met_writes_nothing(sql: Shop) -> None:
    with pytest.raises(Rejected, match=r"comes to 52\.25 gross"):
        sql.order(expected_total="50.00")
    assert not sql.orders()


def test_the_statements_of_a_write_stay_within_its_rights(sql: Shop) -> None:
    rights = sql.plugin.write_rights()
    with recorded(sql.plugin.database) as sent:
        sql.plugin.writer.save_order(
            CreateOrderRequest(order=sql.draft()).order, context("CreateOrder")
        )
    assert {text.split()[2] for text, _ in sent if text.startswith("INSERT")} == rights.inserts
    assert {
        table for text, _ in sent for table in re.findall(r"CDN\.\w+", text)
    } == rights.looks_up - {
        "CDN.DefAtrybuty",
        "CDN.TwrEan",
        "CDN.DefCeny",
        "CDN.DokDefinicje",
    }


def test_the_sandbox_of_the_template_is_of_the_last_year(sandbox: Sandbox) -> None:
    assert sandbox.template_order == f"RO/1/{TODAY.year - 1}"
