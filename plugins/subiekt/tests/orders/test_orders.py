from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from mostek.erp.v1.order_pb2 import OrderState
from mostek.plugin.catalogue import Catalogue
from mostek.plugin.dialect import SQL_SERVER
from mostek.plugin.orders.amounts import Amounts, by_rate, line_amounts, other_price, total
from mostek.plugin.testing import recorded
from mostek.wire.failures import Conflict, Drift, Locked, Rejected, Unsupported
from mostek_subiekt.orders.rows import Rows

Company = Callable[..., Any]

#: Columns of a copied order that are its own; all others are the template's.
OWN = {
    *("dok_Id", "dok_Nr", "dok_NrPelny", "dok_NrPelnyOryg", "dok_DataWyst", "dok_DataMag"),
    *("dok_PlatnikId", "dok_PlatnikAdreshId", "dok_OdbiorcaId", "dok_OdbiorcaAdreshId"),
    *("dok_PlatId", "dok_PlatTermin", "dok_TerminRealizacji", "dok_Uwagi", "dok_CenyPoziom"),
    *("dok_WartTwNetto", "dok_WartTwBrutto", "dok_WartUsNetto", "dok_WartUsBrutto"),
    *("dok_WartNetto", "dok_WartVat", "dok_WartBrutto", "dok_KwWartosc", "dok_KwDoZaplaty"),
    "dok_AdresDostawyAdreshId",
}


def counted(shop: Any) -> dict[str, int]:
    tables = ("dok__Dokument", "dok_Pozycja", "dok_Vat", "adr_Historia", "adr__Ewid")
    return {
        table: shop.value(f"SELECT COUNT(*) FROM dbo.{table}")
        for table in (*tables, "kh__Kontrahent")
    }


def counters(shop: Any) -> dict[str, int]:
    return dict(shop.rows("SELECT ido_nazwa, ido_wartosc FROM dbo.ins_ident"))


# What is written


def test_an_order_is_written_numbered_and_read_back(shop: Any) -> None:
    answer = shop.order(remarks="Zażółć gęślą jaźń")
    row = shop.row("dok__Dokument", "dok_Id", int(answer.id))
    assert (row["dok_Typ"], row["dok_Status"], row["dok_StatusEx"]) == (16, 6, 0)
    assert (row["dok_NrPelny"], row["dok_NrPelnyOryg"]) == (answer.number, "WEB-1")
    assert (row["dok_PlatnikId"], row["dok_OdbiorcaId"]) == (shop.buyer, shop.buyer)
    assert row["dok_Uwagi"] == "Zażółć gęślą jaźń"
    assert not answer.already_existed
    assert not answer.warnings
    assert answer.order.state == OrderState.ORDER_STATE_OPEN
    assert (answer.order.id, answer.order.number) == (answer.id, answer.number)
    assert answer.customer.id == str(shop.buyer)


def test_all_columns_but_its_own_are_the_template_s(shop: Any) -> None:
    answer = shop.order()
    template = shop.row("dok__Dokument", "dok_NrPelny", "ZK 1/11/2024")
    copy = shop.row("dok__Dokument", "dok_Id", int(answer.id))
    differing = {name for name, value in copy.items() if value != template[name]}
    assert differing <= OWN


@pytest.mark.parametrize("older", [False, True])
def test_no_column_that_must_be_filled_is_empty(company: Company, older: bool) -> None:
    shop = company(older=older)
    number = int(shop.order().id)
    keys = {"dok__Dokument": "dok_Id", "dok_Pozycja": "ob_DokHanId", "dok_Vat": "vt_DokId"}
    for table, key in keys.items():
        row = shop.row(table, key, number)
        needed = [c[1] for c in shop.rows(f"PRAGMA dbo.table_info({table})") if c[3]]
        assert needed
        assert not [name for name in needed if row[name] is None]


def test_a_column_that_a_newer_version_has_is_copied_too(company: Company) -> None:
    shop = company(
        "ALTER TABLE dbo.dok__Dokument ADD COLUMN dok_Nowa int NOT NULL DEFAULT 0",
        "UPDATE dbo.dok__Dokument SET dok_Nowa = 7 WHERE dok_NrPelny = 'ZK 1/11/2024'",
    )
    assert shop.row("dok__Dokument", "dok_Id", int(shop.order().id))["dok_Nowa"] == 7


def test_ids_come_from_the_program_s_counters(shop: Any) -> None:
    before = counters(shop)
    lines = [{"product": {"code": code}, "quantity": "1"} for code in shop.goods[:3]]
    answer = shop.order(lines=lines)
    number = int(answer.id)
    assert number == before["dok__Dokument"]
    assert shop.column("SELECT ob_Id FROM dbo.dok_Pozycja WHERE ob_DokHanId = ?", number) == [
        before["dok_Pozycja"] + place for place in range(3)
    ]
    assert counters(shop)["dok_Pozycja"] == before["dok_Pozycja"] + 3
    assert counters(shop)["dok__Dokument"] == number + 1


def test_totals_are_the_sums_of_their_rates_to_the_grosz(shop: Any) -> None:
    codes = [*shop.goods[:12], shop.service]
    lines = [{"product": {"code": code}, "quantity": "3.333"} for code in codes]
    number = int(shop.order(lines=lines).id)
    row = shop.row("dok__Dokument", "dok_Id", number)
    sums = shop.rows(
        "SELECT SUM(vt_WartNetto), SUM(vt_WartVat), SUM(vt_WartBrutto) FROM dbo.dok_Vat WHERE vt_DokId = ?",
        number,
    )[0]
    assert (row["dok_WartNetto"], row["dok_WartVat"], row["dok_WartBrutto"]) == pytest.approx(sums)
    assert not shop.rows(
        "SELECT 1 FROM dbo.dok_Vat v WHERE v.vt_DokId = ? AND (abs(v.vt_WartNetto - (SELECT SUM(p.ob_WartNetto)"
        " FROM dbo.dok_Pozycja p WHERE p.ob_DokHanId = v.vt_DokId AND p.ob_VatId = v.vt_VatId)) > 0.0001"
        " OR abs(v.vt_WartVat - round(v.vt_WartNetto * v.vt_VatProc / 100, 2)) > 0.0051"
        " OR abs(v.vt_WartNetto + v.vt_WartVat - v.vt_WartBrutto) > 0.0001)",
        number,
    )
    service = shop.value(
        "SELECT ob_WartNetto FROM dbo.dok_Pozycja WHERE ob_DokHanId = ? AND ob_TowRodzaj = 2",
        number,
    )
    assert row["dok_WartUsNetto"] == service
    assert row["dok_WartTwNetto"] + service == pytest.approx(row["dok_WartNetto"])
    assert row["dok_WartTwBrutto"] + row["dok_WartUsBrutto"] == pytest.approx(row["dok_WartBrutto"])
    assert row["dok_KwWartosc"] == row["dok_KwDoZaplaty"] == row["dok_WartBrutto"]


def test_an_order_from_gross_prices_keeps_its_gross_total(shop: Any) -> None:
    line = {"product": {"code": shop.goods[0]}, "quantity": "3", "price": {"gross": "9.99"}}
    answer = shop.order(lines=[line | {"vat_code": "23"}], expected_total="29.97")
    row = shop.row("dok__Dokument", "dok_Id", int(answer.id))
    assert row["dok_CenyTyp"] == 0
    assert (row["dok_WartNetto"], row["dok_WartVat"], row["dok_WartBrutto"]) == (24.37, 5.6, 29.97)
    line = shop.row("dok_Pozycja", "ob_DokHanId", int(answer.id))
    assert (line["ob_CenaBrutto"], line["ob_CenaNetto"], line["ob_CenaWaluta"]) == (
        9.99,
        8.12,
        9.99,
    )
    assert line["ob_CenaPobranaZCennika"] == 0


def test_vat_is_counted_by_line_where_the_program_is_set_so(company: Company) -> None:
    by_line = company("UPDATE dbo.dok_Parametr SET dkp_SpLiczVAT = 1 WHERE dkp_Typ = 16")
    by_sum = company()
    vat = []
    for shop in (by_line, by_sum):
        line = {"product": {"code": shop.goods[0]}, "quantity": "1", "price": {"net": "0.02"}}
        answer = shop.order(lines=[line | {"vat_code": "23"}] * 10)
        vat.append(answer.order.vat)
    assert vat == ["0.0000", "0.0500"]


def test_another_unit_counts_in_the_base_unit_too(shop: Any) -> None:
    product, factor = shop.rows(
        "SELECT t.tw_Symbol, j.jm_Przelicznik FROM dbo.tw_JednMiary j JOIN dbo.tw__Towar t ON t.tw_Id = j.jm_IdTowar"
        " WHERE j.jm_IdJednMiary = 'opak.' AND t.tw_Zablokowany = 0 AND t.tw_Usuniety = 0"
    )[0]
    line = {"product": {"code": product}, "quantity": "1.5", "unit": "OPAK."}
    answer = shop.order(lines=[line])
    row = shop.row("dok_Pozycja", "ob_DokHanId", int(answer.id))
    assert (row["ob_Jm"], row["ob_Ilosc"], row["ob_IloscMag"]) == ("opak.", 1.5, 1.5 * factor)
    listed = shop.value(
        "SELECT tc_CenaNetto2 FROM dbo.tw_Cena WHERE tc_IdTowar = ?", row["ob_TowId"]
    )
    assert row["ob_CenaNetto"] == pytest.approx(listed * factor)
    assert row["ob_CenaPobranaZCennika"] == 1


def test_lines_carry_their_product_s_own_codes(shop: Any) -> None:
    lines = [{"product": {"code": code}, "quantity": "1"} for code in (shop.goods[5], shop.service)]
    number = int(shop.order(lines=lines).id)
    assert not shop.rows(
        "SELECT 1 FROM dbo.dok_Pozycja p JOIN dbo.tw__Towar t ON t.tw_Id = p.ob_TowId WHERE p.ob_DokHanId = ?"
        " AND (p.ob_TowPkwiu <> t.tw_PKWiU OR p.ob_TowRodzaj <> t.tw_Rodzaj OR p.ob_VatId <> t.tw_IdVatSp"
        " OR COALESCE(p.ob_TowKodCN, '') <> COALESCE(t.tw_KodTowaru, ''))",
        number,
    )


def test_the_buyer_s_discount_goes_with_the_erp_s_price_only(company: Company) -> None:
    shop = company()
    buyer = shop.value(
        "SELECT MIN(kh_Id) FROM dbo.kh__Kontrahent WHERE kh_IdRabat IS NOT NULL AND kh_Zablokowany = 0"
        " AND kh_Jednorazowy = 0 AND kh_DomyslnyTypCeny = 1"
    )
    own = {"product": {"code": shop.goods[1]}, "quantity": "1", "price": {"net": "10"}}
    listed = {"product": {"code": shop.goods[0]}, "quantity": "1"}
    answer = shop.order(buyer={"id": str(buyer)}, lines=[listed, own])
    assert [line.discount for line in answer.order.lines] == ["5.0000", "0.0000"]


def test_frozen_addresses_say_what_the_card_says_now(company: Company) -> None:
    shop = company()
    version = shop.row("dok__Dokument", "dok_Id", int(shop.order().id))["dok_PlatnikAdreshId"]
    again = shop.row("dok__Dokument", "dok_Id", int(shop.order(external_number="2").id))
    assert again["dok_PlatnikAdreshId"] == version
    shop.connection.execute(
        "UPDATE dbo.adr__Ewid SET adr_Ulica = 'ul. Nowa' WHERE adr_TypAdresu = 1 AND adr_IdObiektu = ?",
        (shop.buyer,),
    )
    moved = shop.row("dok__Dokument", "dok_Id", int(shop.order(external_number="3").id))
    history = shop.row("adr_Historia", "adrh_Id", moved["dok_PlatnikAdreshId"])
    assert history["adrh_Id"] != version
    card = shop.row("adr__Ewid", "adr_Id", history["adrh_IdAdresu"])
    pairs = {
        name: card[name.replace("adrh_", "adr_")]
        for name in history
        if name not in {"adrh_Id", "adrh_IdAdresu"}
    }
    assert {name: history[name] for name in pairs} == pairs
    assert history["adrh_Adres"].startswith("ul. Nowa ")


def test_a_recipient_and_an_address_for_the_order_are_written(shop: Any) -> None:
    school = shop.value("SELECT MAX(kh_Id) FROM dbo.kh__Kontrahent WHERE kh_IdNabywca IS NOT NULL")
    address = {"street": "Krótka", "house_number": "1", "city": "Łódź", "postal_code": "90-001"}
    answer = shop.order(
        recipient={"id": str(school)},
        delivery={"address": {"name": "Brama 3", "address": address, "phone": "601"}},
    )
    row = shop.row("dok__Dokument", "dok_Id", int(answer.id))
    assert (row["dok_PlatnikId"], row["dok_OdbiorcaId"]) == (shop.buyer, school)
    frozen = shop.row("adr_Historia", "adrh_Id", row["dok_AdresDostawyAdreshId"])
    names = ("adrh_Nazwa", "adrh_Adres", "adrh_Miejscowosc", "adrh_Kod", "adrh_Telefon")
    assert [frozen[name] for name in names] == ["Brama 3", "Krótka 1", "Łódź", "90-001", "601"]
    assert answer.order.delivery_address.name == "Brama 3"


def test_one_of_the_recipient_s_delivery_addresses_is_taken_by_its_id(shop: Any) -> None:
    customer, version = shop.rows(
        "SELECT adk_IdKhnt, adk_IdAdresuHist FROM dbo.kh_AdresyDostawy ORDER BY adk_Id LIMIT 1"
    )[0]
    answer = shop.order(buyer={"id": str(customer)}, delivery={"id": str(version)})
    row = shop.row("dok__Dokument", "dok_Id", int(answer.id))
    assert row["dok_AdresDostawyAdreshId"] == version


def test_remarks_too_long_for_the_first_column_go_on_at_a_line_break(shop: Any) -> None:
    remarks = "ż" * 300 + "\n" + "ó" * 199 + "\n" + "x" * 3499
    answer = shop.order(remarks=remarks)
    row = shop.row("dok__Dokument", "dok_Id", int(answer.id))
    assert (len(row["dok_Uwagi"]), len(row["dok_UwagiExt"])) == (500, 3499)
    assert answer.order.remarks == remarks


def test_nothing_is_reserved(shop: Any) -> None:
    reserved = shop.rows("SELECT st_TowId, st_MagId, st_StanRez FROM dbo.tw_Stan")
    shop.order()
    assert shop.rows("SELECT st_TowId, st_MagId, st_StanRez FROM dbo.tw_Stan") == reserved


def test_statements_are_t_sql(company: Company) -> None:
    shop = company(customers=True, company_template="ABC")
    template = shop.buyer
    shop.plugin.close()
    shop.config["orders"]["company_template"] = template
    shop.plugin = shop.opened()
    new = {"draft": {"name": "Nowa sp. z o.o.", "tax_id": "5260250274"}}
    with recorded(shop.plugin.database) as sent:
        shop.order(buyer=new)
    own = {sql for sql, _ in sent if "PRAGMA" not in sql and "sqlite_master" not in sql}
    texts = [sql for sql in own if "RETURNING" not in sql]
    assert len(texts) > 20
    for sql in texts:
        assert len(sqlglot.parse(sql, dialect="tsql")) == 1


# Once


def test_the_same_number_with_the_same_content_is_one_document(shop: Any) -> None:
    first = shop.order()
    before = counted(shop)
    again = shop.order()
    assert (again.id, again.number, again.already_existed) == (first.id, first.number, True)
    assert again.order == first.order
    assert counted(shop) == before


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"quantity": "3"}, "order.lines[0].quantity"),
        ({"price": {"net": "1.5"}}, "order.lines[0].price"),
        ({"discount": "5"}, "order.lines[0].discount"),
    ],
)
def test_the_same_number_with_other_lines_is_a_conflict_that_tells_the_difference(
    shop: Any, changes: dict[str, Any], differing: str
) -> None:
    first = shop.order()
    line = {"product": {"code": shop.goods[0]}, "quantity": "2"} | changes
    with pytest.raises(Conflict, match="ListOrders with this external number shows it") as raised:
        shop.order(lines=[line])
    assert [violation.field for violation in raised.value.violations] == [differing]
    # What the ERP has there, the policy may keep back.
    assert first.number not in raised.value.message


def test_the_same_number_of_another_buyer_is_a_conflict(shop: Any) -> None:
    shop.order()
    other = shop.value(
        "SELECT MAX(kh_Id) FROM dbo.kh__Kontrahent WHERE kh_Zablokowany = 0 AND kh_Jednorazowy = 0"
    )
    with pytest.raises(Conflict, match="buyer"):
        shop.order(buyer={"id": str(other)})


def test_a_number_in_other_letters_is_not_the_same_order(shop: Any) -> None:
    shop.order(external_number="web-a")
    with pytest.raises(Conflict, match="external_number"):
        shop.order(external_number="WEB-A")


def test_a_repeated_order_is_found_though_its_product_was_withdrawn(shop: Any) -> None:
    first = shop.order()
    shop.connection.execute(
        "UPDATE dbo.tw__Towar SET tw_Zablokowany = 1 WHERE tw_Symbol = ?", (shop.goods[0],)
    )
    assert shop.order().id == first.id
    assert not shop.check().problems


def test_a_price_changed_since_does_not_make_it_another_order(shop: Any) -> None:
    first = shop.order()
    shop.connection.execute("UPDATE dbo.tw_Cena SET tc_CenaNetto2 = tc_CenaNetto2 + 1")
    assert shop.order().id == first.id


def test_an_order_whose_answer_was_lost_is_found_again(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any) -> None:
        raise RuntimeError("killed after the commit")

    with monkeypatch.context() as patch:
        patch.setattr(shop.plugin, "_compare", lost)
        with pytest.raises(RuntimeError):
            shop.order()
    before = counted(shop)
    assert shop.order().already_existed
    assert counted(shop) == before


def test_two_at_once_with_one_external_number_are_one_document(shop: Any) -> None:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(shop.order())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.id for answer in answers}) == 1
    assert sorted(answer.already_existed for answer in answers) == [False, True, True, True]
    found = "SELECT COUNT(*) FROM dbo.dok__Dokument WHERE dok_NrPelnyOryg = 'WEB-1'"
    assert shop.value(found) == 1


# All or nothing


@pytest.mark.parametrize("table", ["dok__Dokument", "dok_Pozycja", "dok_Vat", "adr_Historia"])
def test_a_failure_in_the_middle_leaves_nothing(company: Company, table: str) -> None:
    shop = company(
        f"CREATE TRIGGER dbo.fault BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END",
        customers=True,
        company_template=5,
    )
    before = counted(shop), counters(shop)
    new = {"draft": {"name": "Nowa sp. z o.o.", "tax_id": "5260250274"}}
    with pytest.raises(Rejected):
        shop.order(buyer=new)
    assert (counted(shop), counters(shop)) == before


def test_a_locked_database_is_told_as_locked(company: Company) -> None:
    shop = company(lock_timeout=0.01)
    shop.connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(Locked):
        shop.order()
    shop.connection.execute("ROLLBACK")
    assert shop.order().id


def test_a_difference_in_what_was_recorded_is_told(company: Company) -> None:
    shop = company(
        "CREATE TRIGGER dbo.own AFTER INSERT ON dok_Pozycja WHEN new.ob_Ilosc = 2"
        " BEGIN UPDATE dok_Pozycja SET ob_Ilosc = 1 WHERE ob_Id = new.ob_Id; END"
    )
    assert ["lines" in warning.message for warning in shop.order().warnings] == [True]


def test_an_older_version_of_the_database_works(company: Company) -> None:
    shop = company(older=True)
    answer = shop.order()
    assert answer.order.gross == shop.check(external_number="other").order.gross


# The configuration


def test_without_configuration_nothing_is_written_and_it_says_what_to_configure(
    closed_shop: Any,
) -> None:
    with pytest.raises(Unsupported, match=r"\[companies\.<name>\.orders\]"):
        closed_shop.order()
    problems = closed_shop.check().problems
    assert ["companies.<name>.orders" in problem.message for problem in problems] == [True]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("dok_Status = 7", "not open without reservation"),
        ("dok_StatusEx = 1", "fulfilled"),
        ("dok_Waluta = 'EUR'", "foreign currency"),
        ("dok_VenderoId = 4", "shop"),
        ("dok_KwGotowka = 1", "paid whole"),
        ("dok_NrPelny = 'ZK/1/X'", "begin with its number"),
    ],
)
def test_a_template_that_is_not_plain_is_refused(
    company: Company, statement: str, reason: str
) -> None:
    where = "WHERE dok_Id = (SELECT MIN(dok_Id) FROM dbo.dok__Dokument WHERE dok_Typ = 16)"
    shop = company(f"UPDATE dbo.dok__Dokument SET {statement} {where}")
    number = shop.value("SELECT MIN(dok_Id) FROM dbo.dok__Dokument WHERE dok_Typ = 16")
    shop.config["orders"]["template"] = number
    shop.plugin.close()
    shop.plugin = shop.opened()
    with pytest.raises(Unsupported, match=reason):
        shop.order()


def test_a_template_that_is_not_there_is_told(company: Company) -> None:
    with pytest.raises(Unsupported, match="there is none"):
        company(template="ZK 999/01/2020").order()


# The arithmetic

MONEY = st.decimals(min_value=0, max_value=10**6, places=2)
QUANTITY = st.decimals(min_value=Decimal("0.0001"), max_value=10**4, places=4)
PERCENT = st.sampled_from([Decimal(value) for value in (0, 5, 8, 23)])
DISCOUNT = st.decimals(min_value=0, max_value=100, places=2)
GROSZ = Decimal("0.01")


@given(
    st.lists(st.tuples(QUANTITY, MONEY, DISCOUNT, PERCENT), min_size=1, max_size=20),
    st.booleans(),
    st.booleans(),
)
def test_totals_always_add_up(
    drafts: list[tuple[Decimal, Decimal, Decimal, Decimal]], from_net: bool, from_sums: bool
) -> None:
    lines = [(int(d[3]), d[3], line_amounts(*d, from_net=from_net)) for d in drafts]
    rates = by_rate(lines, from_net=from_net, from_sums=from_sums)
    whole = total(rates)
    for amounts in (whole, *rates.values(), *(line[2] for line in lines)):
        assert amounts.net + amounts.vat == amounts.gross
        assert all(value == value.quantize(GROSZ) for value in (amounts.net, amounts.vat))
    summed = sum((line[2] for line in lines), Amounts())
    assert (whole.net == summed.net) if from_net else (whole.gross == summed.gross)
    assert abs(whole.vat - summed.vat) <= GROSZ * len(lines)
    for rate, amounts in rates.items():
        exact = amounts.net * Decimal(rate) / 100
        off = Decimal("0.005") * (1 if from_sums else len(lines)) * 2
        assert abs(amounts.vat - exact) <= off


def test_half_a_grosz_is_rounded_away_from_zero() -> None:
    net = line_amounts(Decimal("0.5"), Decimal("0.01"), Decimal(0), Decimal(0), from_net=True)
    assert net.net == Decimal("0.01")
    gross = line_amounts(Decimal(1), Decimal("1.23"), Decimal(0), Decimal(23), from_net=False)
    assert (gross.net, gross.vat) == (Decimal("1.00"), Decimal("0.23"))


@pytest.mark.parametrize(
    ("price", "from_net", "other"),
    [("10", True, "12.30"), ("12.30", False, "10.00"), ("0.0123", True, "0.0151")],
)
def test_the_other_price_has_as_many_decimals(price: str, from_net: bool, other: str) -> None:
    found = other_price(Decimal(price), Decimal(23), from_net=from_net)
    assert str(found) == other


# SQL Server


class SqlServer:
    """Stands for a session and a database of SQL Server: what it is sent, and prepared answers."""

    dialect = SQL_SERVER

    def __init__(self, *answers: list[tuple[Any, ...]]) -> None:
        self.sent: list[tuple[str, list[Any]]] = []
        self._answers = list(answers)

    def catalogue(self) -> Catalogue:
        types = {
            "id": "int",
            "day": "datetime",
            "price": "money",
            "picture": "image",
            "sum": "money",
        }
        return Catalogue.of(("dbo.t", name, kind) for name, kind in types.items())

    def fetch(self, sql: str, params: Any = ()) -> list[tuple[Any, ...]]:
        self.sent.append((sql, [param.value for param in params]))
        return self._answers.pop(0)

    def one(self, sql: str, params: Any = ()) -> tuple[Any, ...] | None:
        return next(iter(self.fetch(sql, params)), None)

    def execute(self, sql: str, params: Any = ()) -> None:
        self.sent.append((sql, [param.value for param in params]))


def test_on_sql_server_ids_are_drawn_by_the_program_s_procedure() -> None:
    server: Any = SqlServer([(41,)], [(None,)])
    rows = Rows(server, server)
    assert rows.next_id("dok_Pozycja", 3) == 41
    assert "EXEC dbo.spIdentyfikator ?, ?, @first OUTPUT" in server.sent[0][0]
    assert server.sent[0][1] == ["dok_Pozycja", 3]
    with pytest.raises(Drift, match="spIdentyfikator"):
        rows.next_id("dok_Pozycja")


def test_on_sql_server_computed_columns_are_not_copied_and_values_have_their_type() -> None:
    server: Any = SqlServer([("sum",)])
    changes = {"id": 2, "day": date(2026, 11, 24), "price": Decimal("1.5"), "picture": None}
    Rows(server, server).copy("t", "id", 1, changes)
    assert server.sent[1] == (
        "INSERT INTO dbo.t ([id], [day], [price], [picture])"
        " SELECT ?, CAST(? AS datetime), CAST(? AS money), NULL FROM dbo.t WHERE [id] = ?",
        [2, datetime(2026, 11, 24), Decimal("1.5"), 1],
    )
