"""Orders and customers by the program's business objects, with their double."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from mostek.erp.v1.erp_pb2 import DescribeErpRequest
from mostek.erp.v1.order_pb2 import (
    OrderDraft,
    OrderProblemCode,
    OrderState,
)
from mostek.plugin import testing
from mostek.plugin.rights import LoginNames, logins_script
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.testing import context, recorded
from mostek.plugin.worker.inside import Fault
from mostek.wire.failures import (
    Conflict,
    ErpUnavailable,
    Invalid,
    Locked,
    Rejected,
    Unsupported,
)
from mostek_enova.net import CLASSES, load
from mostek_enova.orders.config import OrdersConfig
from mostek_enova.orders.writer import EnovaWriter
from mostek_enova.sandbox.objects import Objects
from mostek_enova.sandbox.rows import AccessWriteDenied, RowException
from mostek_enova.sandbox.values import Quantity

from . import faulty
from .conftest import ORDERS, Frozen, opened

NIP = "5252248481"
WARSAW = {"street": "Długa", "house_number": "7", "postal_code": "00-950", "city": "Warszawa"}


class Shop(testing.Shop):
    """A company of enova365."""

    plugin: Frozen

    def __init__(self, path: Path, plugin: Frozen) -> None:
        super().__init__(path)
        self.plugin = plugin
        self.goods = self.column(
            "SELECT t.Kod FROM dbo.Towary t WHERE t.Typ = 1 AND t.Blokada = 0 AND t.DefinicjaStawki = 4 ORDER BY t.ID"
        )
        self.buyer = self.value(
            "SELECT MIN(ID) FROM dbo.Kontrahenci WHERE Blokada = 0 AND BlokadaSprzedazy = 0 AND Rabat = 0"
            " AND length(NIP) >= 10"
        )

    def draft(self, **changes: Any) -> OrderDraft:
        return super().draft(**{"lines": [self.line(net="10.50")]} | changes)

    def line(self, number: int = 0, **price: str) -> dict[str, Any]:
        line: dict[str, Any] = {"product": {"code": self.goods[number]}, "quantity": "3"}
        if "discount" in price:
            line["discount"] = price.pop("discount")
        return line | ({"price": price} if price else {})

    def problems(self, **changes: Any) -> dict[str, int]:
        return {one.field: one.code for one in self.check(**changes).problems}

    def where(self, table: str, condition: str, *parameters: Any) -> dict[str, Any]:
        cursor = self.connection.execute(f"SELECT * FROM dbo.{table} WHERE {condition}", parameters)
        return dict(zip((c[0] for c in cursor.description), cursor.fetchone(), strict=True))

    def orders(self) -> list[Any]:
        return self.column("SELECT ID FROM dbo.DokHandlowe WHERE ObcyNumer = 'WEB-1'")


Company = Callable[..., Shop]


@pytest.fixture
def company(sandbox_path: Path, tmp_path: Path) -> Iterator[Company]:
    """Makes a shop on a copy of the sandbox in which some statements were run first."""
    made: list[Shop] = []

    def make(*statements: str, fault: str = "", worker: Any = None, **orders: Any) -> Shop:
        path = testing.changed_copy(sandbox_path, tmp_path / f"company{len(made)}.db", *statements)
        plugin = opened(
            path, orders=ORDERS | orders | {"worker": ORDERS["worker"] | (worker or {})}
        )
        if fault:
            Path(f"{path}.fault").write_text(fault)
            office = f"{faulty.__name__}:Faulty"
            plugin.writer = EnovaWriter(plugin, plugin.settings, office)
        made.append(Shop(path, plugin))
        return made[-1]

    yield make
    for shop in made:
        shop.close()


@pytest.fixture(scope="module")
def shop(sandbox_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One whose worker is started once; what a test writes is there for those after it."""
    path = Path(copyfile(sandbox_path, tmp_path_factory.mktemp("shop") / "enova.db"))
    with closing(Shop(path, opened(path, orders=ORDERS))) as made:
        yield made


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


# What is checked before anything is touched


def test_every_problem_is_told_at_once_by_its_line(shop: Shop) -> None:
    code = OrderProblemCode
    hidden = shop.value("SELECT Kod FROM dbo.Towary WHERE Blokada = 1 AND Typ = 1")
    recipe = shop.value("SELECT Kod FROM dbo.Towary WHERE Typ = 8 AND Blokada = 0")
    blocked = shop.value("SELECT Kod FROM dbo.Kontrahenci WHERE BlokadaSprzedazy = 1")
    found = shop.problems(
        external_number=" WEB-9",
        buyer={"code": blocked},
        recipient={"code": "!INCYDENTALNY"},
        currency="EUR",
        discount="5",
        warehouse_id="99",
        price_list_id="41",
        payment_method_id="12",
        payment_days=14,
        reserve=True,
        delivery={"address": {"address": WARSAW}},
        transaction_kind="TRANSACTION_KIND_EXPORT",
        document_wanted="DOCUMENT_WANTED_INVOICE",
        lines=[
            {"product": {"code": "no such"}, "quantity": "1"},
            {"product": {"code": hidden}, "quantity": "1", "price": {"net": "1"}},
            {"product": {"code": recipe}, "quantity": "1.12345", "price": {"net": "1"}},
            shop.line(net="1") | {"unit": "opak", "remark": "x"},
            shop.line(1, net="1") | {"vat_code": "8%"},
            shop.line(2, gross="1") | {"warehouse_id": "4"},
        ],
    )
    assert found == {
        "external_number": code.ORDER_PROBLEM_CODE_INCONSISTENT,
        "buyer.code": code.ORDER_PROBLEM_CODE_INACTIVE,
        "recipient.code": code.ORDER_PROBLEM_CODE_NOT_FOUND,
        "currency": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "discount": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "warehouse_id": code.ORDER_PROBLEM_CODE_NOT_FOUND,
        "price_list_id": code.ORDER_PROBLEM_CODE_NOT_FOUND,
        "payment_method_id": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "payment_days": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "reserve": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "delivery.address": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "transaction_kind": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "document_wanted": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "lines[0].product.code": code.ORDER_PROBLEM_CODE_NOT_FOUND,
        "lines[1].product.code": code.ORDER_PROBLEM_CODE_INACTIVE,
        "lines[2].product.code": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "lines[2].quantity": code.ORDER_PROBLEM_CODE_TOO_LONG,
        "lines[3].unit": code.ORDER_PROBLEM_CODE_NOT_FOUND,
        "lines[3].remark": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "lines[4].vat_code": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
        "lines[5].price.gross": code.ORDER_PROBLEM_CODE_INCONSISTENT,
        "lines[5].warehouse_id": code.ORDER_PROBLEM_CODE_UNSUPPORTED,
    }


def test_whether_goods_are_reserved_is_the_definitions_affair(shop: Shop) -> None:
    unsupported = OrderProblemCode.ORDER_PROBLEM_CODE_UNSUPPORTED
    assert shop.problems(reserve=True) == {"reserve": unsupported}
    assert not shop.problems(reserve=False)
    assert not shop.problems(reserve=True, series="ZOI")
    assert shop.problems(reserve=False, series="ZOI") == {"reserve": unsupported}


@pytest.mark.parametrize(
    ("series", "code"),
    [
        ("ZO/D", OrderProblemCode.ORDER_PROBLEM_CODE_INACTIVE),
        ("FV", OrderProblemCode.ORDER_PROBLEM_CODE_NOT_FOUND),
        ("zażółć", OrderProblemCode.ORDER_PROBLEM_CODE_NOT_FOUND),
    ],
)
def test_a_series_that_makes_no_orders_is_refused(shop: Shop, series: str, code: int) -> None:
    assert shop.problems(series=series) == {"series": code}


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        ({"definition": "ZK"}, "there is no definition ZK of customers' orders"),
        ({"warehouse": "X"}, "there is no warehouse X: correct `warehouse`"),
        ({"price_list": "Y"}, "there are no prices Y: correct `price_list`"),
    ],
)
def test_a_wrong_configuration_is_told_by_its_setting(
    company: Company, orders: dict[str, str], said: str
) -> None:
    shop = company(**orders)
    assert any(said in one.message for one in shop.check().problems)
    with pytest.raises(Rejected, match=said.replace("`", ".")):
        shop.order()


@pytest.mark.parametrize("typed", ["{0}", "{0:.3}-{1}-{2}-{3}", "PL {0}"])
def test_a_buyer_is_found_by_its_nip_in_any_notation(shop: Shop, typed: str) -> None:
    nip = shop.value("SELECT NIP FROM dbo.Kontrahenci WHERE ID = ?", shop.buyer)
    digits = "".join(filter(str.isdigit, nip))
    wanted = typed.format(digits, digits[3:6], digits[6:8], digits[8:])
    assert not shop.problems(buyer={"tax_id": wanted})


def test_a_nip_that_two_have_is_ambiguous(company: Company) -> None:
    shop = company()
    nip = shop.value("SELECT NIP FROM dbo.Kontrahenci WHERE ID = ?", shop.buyer)
    shop.connection.execute("UPDATE dbo.Kontrahenci SET NIP = ? WHERE ID = 2", (nip,))
    found = shop.problems(buyer={"tax_id": nip})
    assert found == {"buyer.tax_id": OrderProblemCode.ORDER_PROBLEM_CODE_AMBIGUOUS}


def test_a_product_is_found_by_any_of_its_bar_codes(shop: Shop) -> None:
    code = shop.value("SELECT MAX(Kod) FROM dbo.KodyKreskowe WHERE ZapisType = 'Towary'")
    line = {"product": {"ean": code}, "quantity": "1", "price": {"net": "1"}}
    assert not shop.problems(lines=[line])
    other = shop.value("SELECT MAX(Kod) FROM dbo.KodyKreskowe WHERE ZapisType <> 'Towary'")
    line["product"] = {"ean": other}
    assert list(shop.problems(lines=[line])) == ["lines[0].product.ean"]


def test_a_product_without_a_price_needs_one(company: Company) -> None:
    shop = company("DELETE FROM dbo.Ceny WHERE Definicja = 42")
    found = shop.problems(lines=[shop.line()])
    assert found == {"lines[0].price": OrderProblemCode.ORDER_PROBLEM_CODE_NO_PRICE}


def test_the_lengths_of_the_database_hold(company: Company) -> None:
    shop = company(
        "ALTER TABLE dbo.DokHandlowe RENAME COLUMN ObcyNumer TO was",
        "ALTER TABLE dbo.DokHandlowe ADD COLUMN ObcyNumer 'nvarchar(5)' COLLATE Polish_CI_AS",
    )
    assert shop.problems(external_number="WEB-10") == {
        "external_number": OrderProblemCode.ORDER_PROBLEM_CODE_TOO_LONG
    }
    limits = {one.path: one.max_length for one in shop_limits(shop)}
    assert limits["OrderDraft.external_number"] == 5
    assert limits["OrderDraft.lines.product.code"] == 100


def shop_limits(shop: Shop) -> list[Any]:
    answer = shop.plugin.describe_erp(DescribeErpRequest(), context("DescribeErp"))
    return list(answer.erp.limits)


# Customers


def test_a_company_is_created_with_what_the_draft_says(company: Company) -> None:
    shop = company()
    answer = shop.customer(
        name="Żółta Łódź Sp. z o.o.",
        tax_id="525-224-84-81",
        regon="016385358",
        vat_payer=True,
        email="biuro@lodz.example",
        phone="42 600",
        payment_days=21,
        payment_method_id="12",
        address=WARSAW | {"post_office": "Warszawa 1"},
        correspondence_address={"street": "Skrytka 5", "city": "Łódź", "postal_code": "90001"},
    )
    assert answer.customer.created
    assert answer.customer.code == "ZOLTALODZSPZ"
    row = shop.where("Kontrahenci", "ID = ?", int(answer.customer.id))
    assert (row["Nazwa"], row["NIP"], row["REGON"]) == (
        "Żółta Łódź Sp. z o.o.",
        NIP,
        "016385358",
    )
    assert (row["StatusPodmiotu"], row["RodzajPodmiotu"], row["PodatnikVAT"]) == (0, 0, 1)
    assert (row["KontaktEMAIL"], row["Termin"], row["SposobZaplaty"]) == (
        "biuro@lodz.example",
        21,
        22,
    )
    seat, post = shop.rows(
        "SELECT AdresUlica, AdresKodPocztowy, AdresTelefon FROM dbo.Adresy WHERE HostType = 'Kontrahenci'"
        " AND Host = ? ORDER BY Typ",
        row["ID"],
    )
    assert seat == ("Długa", 950, "42 600")
    assert post == ("Skrytka 5", 90001, None)


def test_a_customer_that_is_there_is_found_and_left_alone(company: Company) -> None:
    shop = company()
    nip = shop.value("SELECT NIP FROM dbo.Kontrahenci WHERE ID = ?", shop.buyer)
    answer = shop.customer(name="Inna nazwa", tax_id=nip)
    assert (answer.customer.id, answer.customer.created) == (str(shop.buyer), False)


def test_a_consumer_and_a_foreign_company_are_such_in_the_program(company: Company) -> None:
    shop = company()
    person = shop.customer(name="Jan Nowak", address=WARSAW)
    abroad = shop.customer(
        name="Muster GmbH",
        tax_id="DE136695976",
        eu_vat_payer=True,
        address={"city": "Berlin", "postal_code": "10115", "country": "DE"},
    )
    row = shop.where("Kontrahenci", "ID = ?", int(person.customer.id))
    assert (row["StatusPodmiotu"], row["NIP"]) == (1, None)
    row = shop.where("Kontrahenci", "ID = ?", int(abroad.customer.id))
    assert (row["RodzajPodmiotu"], row["EuVAT"], row["NIP"]) == (3, "DE136695976", None)
    address = shop.where("Adresy", "HostType = 'Kontrahenci' AND Host = ?", row["ID"])
    assert (address["AdresZagranicznyKodPocztowy"], address["AdresKodKraju"]) == ("10115", "DE")


def test_a_code_that_is_taken_gets_a_number(company: Company) -> None:
    shop = company()
    codes = [shop.customer(name="Sklep Zoo").customer.code for _ in range(3)]
    assert codes == ["SKLEPZOO", "SKLEPZOO-2", "SKLEPZOO-3"]


def test_a_code_that_somebody_took_meanwhile_is_refused(company: Company) -> None:
    shop = company(fault="taken meanwhile")
    with pytest.raises(Rejected) as raised:
        shop.customer(name="Nowa Firma", tax_id=NIP)
    assert "już istnieje" in raised.value.erp_text
    assert "WgKodu" in raised.value.erp_text


def test_what_a_customer_can_not_have_is_told_at_once(shop: Shop) -> None:
    with pytest.raises(Invalid) as raised:
        shop.customer(
            name="Firma",
            full_name="Firma Sp. z o.o.",
            tax_id="GB123456789",
            group_id="1",
            price_list_id="42",
            invoice_email="a@b.example",
            remarks="x",
            payment_method_id="99",
            attributes={"a": "b"},
            address={"city": "X", "postal_code": "1", "voivodeship": "łódzkie"},
        )
    told = {violation.field.removeprefix("customer.") for violation in raised.value.violations}
    assert told == {
        *("full_name", "tax_id", "group_id", "price_list_id", "invoice_email", "remarks"),
        *("payment_method_id", "attributes", "address.postal_code", "address.voivodeship"),
    }


def test_customers_are_created_only_where_the_site_allows_it(company: Company) -> None:
    shop = company(customers=False)
    with pytest.raises(Unsupported, match="set customers = true"):
        shop.customer(name="Nowa")
    draft = {"draft": {"name": "Nowa"}}
    assert "buyer.draft" in shop.problems(buyer=draft)


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


# How it goes wrong


@pytest.mark.parametrize(
    ("fault", "said", "told"),
    [
        ("no licence", "no licence seat left", "Brak wolnych licencji"),
        ("licence lost", "no licence seat left", "Utracono licencję"),
        ("wrong password", "operator and password", "Nieprawidłowe hasło"),
        ("no database", "no such database in its list", ""),
    ],
)
def test_what_keeps_the_program_from_working_is_told(
    company: Company, fault: str, said: str, told: str
) -> None:
    shop = company(fault=fault)
    with pytest.raises(ErpUnavailable, match=said) as raised:
        shop.order()
    assert told in raised.value.erp_text
    assert raised.value.retriable
    assert not shop.orders()
    Path(f"{shop.path}.fault").write_text("none")
    assert not shop.order().already_existed


def test_a_refusal_is_told_in_the_program_s_words_and_nothing_is_saved(company: Company) -> None:
    shop = company(fault="refuses")
    with pytest.raises(Rejected, match="enova365 refused the order") as raised:
        shop.order()
    assert raised.value.erp_text == "Okres jest zamknięty."
    assert not shop.orders()


def test_a_row_that_an_operator_saved_meanwhile_can_be_tried_again(company: Company) -> None:
    shop = company(fault="conflict")
    with pytest.raises(Locked, match="at the same moment") as raised:
        shop.order()
    assert raised.value.retriable
    assert not shop.orders()


@pytest.mark.parametrize(
    "fault",
    ["dialog after commit", "raises after commit", "refuses after commit", "dies after commit"],
)
def test_an_order_that_was_saved_is_found_whatever_came_after(company: Company, fault: str) -> None:
    shop = company(fault=fault, worker={"call_timeout": 0.7})
    answer = shop.order()
    assert [int(answer.id)] == shop.orders()
    Path(f"{shop.path}.fault").write_text("none")
    assert shop.order().already_existed


def test_a_hang_that_saved_nothing_names_the_dialog(company: Company) -> None:
    shop = company(fault="dialog", worker={"call_timeout": 0.5})
    with pytest.raises(ErpUnavailable, match="Most likely it shows a dialog"):
        shop.order()
    assert not shop.orders()
    Path(f"{shop.path}.fault").write_text("none")
    shop.order()
    assert len(shop.orders()) == 1


def test_a_worker_that_dies_before_it_saves_has_saved_nothing(company: Company) -> None:
    shop = company(fault="dies")
    with pytest.raises(ErpUnavailable, match="nothing was saved"):
        shop.order()
    assert not shop.orders()


def test_saved_that_saved_nothing_is_told(company: Company) -> None:
    shop = company(fault="vanishes")
    with pytest.raises(Rejected, match="says that it has saved, but nothing is there"):
        shop.order()
    assert not shop.orders()


def test_a_misspelt_member_is_no_refusal(company: Company) -> None:
    shop = company(fault="misspelt")
    with pytest.raises(ErpUnavailable) as raised:
        shop.order()
    assert "Kontrachent" in raised.value.erp_text
    assert not shop.orders()


def test_the_seat_is_given_back_at_the_end(company: Company) -> None:
    shop = company(fault="none")
    shop.order()
    shop.plugin.writer.close()
    assert Path(f"{shop.path}.closed").read_text() == "closed\n"


# The double, and what stands on the other side of it


def test_the_double_has_just_the_classes_that_are_loaded() -> None:
    for names in CLASSES.values():
        for name in names:
            assert hasattr(Objects, name) or name == "BusApplication"


def test_the_double_knows_no_member_but_the_documented_and_no_other_type(
    sandbox_path: Path,
) -> None:
    net: Any = Objects(str(sandbox_path))
    session = (
        net.BusApplication.Instance["Sandbox"]
        .Login(False, "x", "")
        .CreateSession(False, False, "test")
    )
    document = net.DokumentHandlowy()
    with pytest.raises(AccessWriteDenied):
        session.AddRow(document)
    transaction = session.Logout(True)
    session.AddRow(document)
    warehouse = net.MagazynyModule.GetInstance(session).Magazyny.WgSymbol["F"]
    with pytest.raises(RowException, match="Najpierw Definicja"):
        document.Magazyn = warehouse
    document.Definicja = net.HandelModule.GetInstance(session).DefDokHandlowych.WgSymbolu["ZO"]
    document.Magazyn = warehouse
    with pytest.raises(AttributeError, match="Kontrachent"):
        document.Kontrachent = None
    with pytest.raises(AttributeError, match="NumerObcy"):
        _ = document.Obcy.NumerObcy
    for name, value in (("Data", "2026-11-20"), ("Opis", "text"), ("Kontrahent", warehouse)):
        with pytest.raises(TypeError, match=name):
            setattr(document, name, value)
    position = net.PozycjaDokHandlowego(document)
    session.AddRow(position)
    with pytest.raises(RowException, match="Najpierw Towar"):
        position.Ilosc = Quantity(1.0, "szt")
    with pytest.raises(TypeError, match="Quantity"):
        Quantity(Decimal(1), "szt")  # type: ignore[arg-type]
    transaction.Dispose()
    with pytest.raises(AccessWriteDenied):
        document.Data = net.Date(2026, 11, 20)


def test_what_is_not_committed_is_not_saved(sandbox_path: Path, tmp_path: Path) -> None:
    path = Path(copyfile(sandbox_path, tmp_path / "enova.db"))
    net: Any = Objects(str(path))
    session = (
        net.BusApplication.Instance["Sandbox"]
        .Login(False, "x", "")
        .CreateSession(False, False, "test")
    )
    transaction = session.Logout(True)
    session.AddRow(net.Kontrahent())
    transaction.Dispose()
    session.Save()
    with closing(connect_sandbox(path)) as erp, closing(connect_sandbox(sandbox_path)) as before:
        counts = [
            c.execute("SELECT COUNT(*) FROM dbo.Kontrahenci").fetchone() for c in (erp, before)
        ]
    assert counts[0] == counts[1]


def test_where_there_is_no_program_that_is_told() -> None:
    settings = {"folder": "/no/such/folder", "runtime": "coreclr", "runtime_config": ""}
    with pytest.raises(Fault, match="no folder of enova365") as raised:
        load(settings)
    assert raised.value.kind == "unavailable"


def test_where_there_is_no_pythonnet_that_is_told(tmp_path: Path) -> None:
    settings = {"folder": str(tmp_path), "runtime": "coreclr", "runtime_config": ""}
    with pytest.raises(Fault, match="pythonnet") as raised:
        load(settings)
    assert raised.value.kind == "unavailable"


def test_the_office_needs_nothing_but_the_standard_library() -> None:
    roots = [str(Path(__file__).parents[2]), str(Path(__file__).parents[4] / "connector")]
    script = f"import sys; sys.path += {roots!r}; import mostek_enova.office; print('ok')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, timeout=20
    )
    assert done.stdout.strip() == "ok", done.stderr


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
