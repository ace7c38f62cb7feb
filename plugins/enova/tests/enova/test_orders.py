"""Orders by the program's business objects, with their double."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from mostek.erp.v1.erp_pb2 import DescribeErpRequest
from mostek.erp.v1.order_pb2 import (
    OrderProblemCode,
    OrderState,
)
from mostek.plugin.rights import LoginNames, logins_script
from mostek.plugin.testing import context, recorded
from mostek.wire.failures import (
    Conflict,
    Rejected,
    Unsupported,
)
from mostek_enova.orders.config import OrdersConfig

from .asking import NIP, WARSAW
from .conftest import ORDERS, Company, Shop, opened

# What is written


def test_an_order_is_made_by_the_program_in_the_buffer(company: Company) -> None:
    shop = company()
    answer = shop.order(remarks="Zażółć gęślą jaźń – 注文", delivery_date="2026-12-01")
    row = shop.where("DokHandlowe", "ID = ?", int(answer.id))
    assert (row["Kategoria"], row["Stan"], row["NumerPelny"]) == (302, 0, answer.number)
    assert (row["ObcyNumer"], row["Opis"]) == ("WEB-1", "Zażółć gęślą jaźń – 注文")
    assert (row["Kontrahent"], row["Odbiorca"], row["Magazyn"]) == (shop.buyer, shop.buyer, 3)
    assert (row["Data"], row["DostawaTermin"]) == ("2026-11-20 00:00:00", "2026-12-01 00:00:00")
    assert answer.order.state == OrderState.ORDER_STATE_DRAFT
    assert answer.number.startswith("BUFOR")
    assert not answer.already_existed
    assert not answer.warnings


def test_an_order_is_approved_where_the_site_wants_that(company: Company) -> None:
    answer = company(approve=True).order()
    assert answer.order.state == OrderState.ORDER_STATE_OPEN
    assert answer.number.startswith("ZO/")


def test_an_order_sent_again_is_found(company: Company) -> None:
    shop = company()
    lines = [
        shop.line(net="10.3333"),
        shop.line(1, net="0.9900", discount="10"),
        shop.line(2, net="7", discount="33.3333"),
    ]
    first, again = shop.order(lines=lines), shop.order(lines=lines)
    assert again.already_existed
    assert (again.id, shop.orders()) == (first.id, [int(first.id)])


def test_another_price_or_discount_under_the_number_is_a_conflict(company: Company) -> None:
    shop = company()
    shop.order()
    others: list[dict[str, Any]] = [
        {"net": "10.51"},
        {"net": "10.50", "discount": "5"},
        {"gross": "10.50"},
    ]
    for other in others:
        with pytest.raises(Conflict, match=r"lines\[0\]"):
            shop.order(lines=[shop.line(**other)])
    assert len(shop.orders()) == 1


def test_a_cancelled_order_keeps_its_number(company: Company) -> None:
    shop = company()
    first = shop.order()
    shop.connection.execute(f"UPDATE dbo.DokHandlowe SET Stan = 3 WHERE ID = {first.id}")
    again = shop.order()
    assert again.already_existed
    assert again.order.state == OrderState.ORDER_STATE_CANCELLED


def test_prices_are_the_draft_s_to_the_grosz_and_fixed_for_the_program(company: Company) -> None:
    shop = company()
    answer = shop.order(lines=[shop.line(gross="9.99", discount="10")], expected_total="26.97")
    row = shop.where("DokHandlowe", "ID = ?", int(answer.id))
    assert (row["SumaNetto"], row["SumaVAT"], row["SumaBrutto"]) == (21.93, 5.04, 26.97)
    line = shop.where("PozycjeDokHan", "Dokument = ?", int(answer.id))
    assert (line["CenaValue"], line["Rabat"]) == (9.99, 0.1)
    assert (line["KorektaCeny"], line["KorektaRabatu"], row["LiczonaOd"]) == (1, 1, 2)
    assert not answer.warnings


def test_without_a_price_the_program_s_own_holds(company: Company) -> None:
    shop = company()
    line = shop.line()
    checked = shop.check(lines=[line])
    assert not checked.problems
    assert any("get the program's" in one.message for one in checked.warnings)
    shop.order(lines=[line])
    written = shop.where("PozycjeDokHan", "Dokument = ?", shop.orders()[0])
    listed = shop.value(
        "SELECT NettoValue FROM dbo.Ceny WHERE Towar = ? AND Definicja = 42", written["Towar"]
    )
    assert (written["CenaValue"], written["KorektaCeny"]) == (listed, 0)


@pytest.mark.parametrize("empty", ["'1900-01-01 00:00:00'", "NULL"])
def test_a_price_whose_period_has_no_ends_is_the_price_of_today(
    company: Company, empty: str
) -> None:
    """As the list of products tells it."""
    plain = company().check(lines=[company().line()], price_list_id="42").order
    shop = company(f"UPDATE dbo.Ceny SET OkresFrom = {empty}, OkresTo = {empty}")
    found = shop.check(lines=[shop.line()], price_list_id="42")
    assert not found.problems
    assert found.order.gross == plain.gross != "0.00"


def test_a_price_list_that_is_named_fixes_the_price_of_today(company: Company) -> None:
    shop = company()
    shop.order(lines=[shop.line()], price_list_id="43")
    line = shop.where("PozycjeDokHan", "Dokument = ?", shop.orders()[0])
    listed = shop.value(
        "SELECT NettoValue FROM dbo.Ceny WHERE Towar = ? AND Definicja = 43"
        " AND OkresTo > '2026-11-20'",
        line["Towar"],
    )
    assert (line["CenaValue"], line["KorektaCeny"]) == (listed, 1)


def test_a_total_of_given_prices_is_checked_before_the_program_is_asked(shop: Shop) -> None:
    code = OrderProblemCode.ORDER_PROBLEM_CODE_TOTAL_DIFFERS
    assert shop.problems(expected_total="38.70") == {"expected_total": code}
    assert not shop.problems(expected_total="38.75")
    assert not shop.problems(expected_total="38.70", tolerance="0.05")


def test_a_total_that_only_the_program_can_tell_is_checked_before_it_saves(
    company: Company,
) -> None:
    shop = company()
    with pytest.raises(Rejected, match=r"enova365 counts .* gross for the order"):
        shop.order(lines=[shop.line()], expected_total="1.00")
    assert not shop.orders()
    assert any(
        "get the program's" in one.message
        for one in shop.check(lines=[shop.line()], expected_total="1.00").warnings
    )


def test_a_recipient_is_the_documents(company: Company) -> None:
    shop = company()
    shop.order(recipient={"code": "KARTY"})
    assert shop.where("DokHandlowe", "ObcyNumer = 'WEB-1'")["Odbiorca"] == 2


def test_a_series_is_a_definition_of_orders(company: Company) -> None:
    shop = company()
    answer = shop.order(series="zoi")
    assert shop.where("DokHandlowe", "ID = ?", int(answer.id))["Definicja"] == 57


def test_a_definition_may_count_as_the_buyer_does(company: Company) -> None:
    shop = company("UPDATE dbo.Kontrahenci SET VATLiczonyOd = 2")
    shop.order(series="ZOI", lines=[shop.line()])
    assert shop.where("DokHandlowe", "ObcyNumer = 'WEB-1'")["LiczonaOd"] == 2


def test_attributes_that_the_site_lets_be_written_are_features(company: Company) -> None:
    shop = company(attributes={"route": "Trasa", "note": "Nie ma takiej"})
    answer = shop.order(attributes={"route": "T7"})
    of = f"ParentType = 'DokHandlowe' AND Parent = {answer.id}"
    assert shop.rows(f"SELECT Name, Data FROM dbo.Features WHERE {of}") == [("Trasa", "T7")]
    unsupported = OrderProblemCode.ORDER_PROBLEM_CODE_UNSUPPORTED
    assert shop.problems(external_number="WEB-2", attributes={"x": "y"}) == {
        "attributes.x": unsupported
    }
    with pytest.raises(Rejected) as raised:
        shop.order(external_number="WEB-2", attributes={"note": "y"})
    assert "Nie znaleziono definicji cechy" in raised.value.erp_text


def test_an_order_for_a_new_customer_makes_both(company: Company) -> None:
    shop = company()
    draft = {"name": "Nowa Firma", "tax_id": NIP, "address": WARSAW}
    answer = shop.order(buyer={"draft": draft})
    assert answer.customer.created
    assert answer.order.parties[0].customer_id == answer.customer.id
    again = shop.order(buyer={"draft": draft})
    assert again.already_existed
    assert (again.id, again.customer.id) == (answer.id, answer.customer.id)


def test_an_older_database_takes_orders_too(company: Company) -> None:
    shop = company(
        "ALTER TABLE dbo.Ceny DROP COLUMN OkresFrom",
        "ALTER TABLE dbo.Ceny DROP COLUMN OkresTo",
        "ALTER TABLE dbo.Adresy DROP COLUMN AdresGLN",
        "ALTER TABLE dbo.DefDokHandlowych DROP COLUMN RezerwowacTowar",
    )
    shop.order(lines=[shop.line()], price_list_id="42")
    assert len(shop.orders()) == 1


# Without the opt-in


def test_without_configuration_nothing_is_written_and_that_is_told(sandbox_path: Path) -> None:
    with closing(Shop(sandbox_path, opened(sandbox_path))) as shop:
        with pytest.raises(Unsupported, match="Orders are not written here"):
            shop.order()
        with pytest.raises(Unsupported, match="Customers are not created here"):
            shop.customer(name="Nowa")
        assert any("not written here" in one.message for one in shop.check().problems)
        answer = shop.plugin.describe_erp(DescribeErpRequest(), context("DescribeErp"))
        assert not {"CreateOrder", "CreateCustomer"} & set(answer.erp.operations)


def test_the_password_is_in_no_text_of_the_configuration() -> None:
    config = OrdersConfig.model_validate(ORDERS)
    assert "tajne" not in f"{config!r} {config} {config.model_dump_json()}"


def test_what_the_site_names_and_the_program_lacks_is_told(sandbox_path: Path) -> None:
    mapping = {"series": {"web": "ZO", "old": "ZOLD"}, "warehouses": {"shop": "999"}}
    with closing(opened(sandbox_path, orders=ORDERS, mapping=mapping)) as plugin:
        told = plugin.refusals()
    assert {note.split("`")[1] for note in told} == {
        "mapping.series.old",
        "mapping.warehouses.shop",
    }


def test_words_of_callers_stand_for_what_the_program_has(sandbox_path: Path) -> None:
    mapping = {"series": {"web": "ZO"}}
    with closing(Shop(sandbox_path, opened(sandbox_path, orders=ORDERS, mapping=mapping))) as shop:
        assert not shop.check(series="web").problems


# Rights


def test_the_read_login_may_read_what_the_look_ups_read(company: Company) -> None:
    shop = company()
    with recorded(shop.plugin.database) as sent:
        shop.order(buyer={"draft": {"name": "Nowa", "tax_id": NIP, "payment_method_id": "12"}})
        shop.check(series="ZOI", lines=[shop.line()], price_list_id="43")
    rights = shop.plugin.rights()
    for sql, _ in sent:
        named = {
            f"{t.db}.{t.name}"
            for t in sqlglot.parse_one(sql.replace("LIMIT ?", ""), read="tsql").find_all(exp.Table)
        }
        assert named <= rights.read_tables, sql
        assert sql.lstrip().upper().startswith("SELECT")


def test_the_write_login_is_the_program_s_own_affair(company: Company) -> None:
    script = logins_script(company().plugin.rights(), LoginNames())
    assert "INSERT ON" not in script
    assert "GRANT VIEW SERVER STATE TO [mostek_read]" in script
