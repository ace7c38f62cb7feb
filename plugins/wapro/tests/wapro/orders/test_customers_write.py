"""Customers by direct SQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mostek.erp.v1.customer_pb2 import GetCustomerRequest
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.testing import context
from mostek.wire.failures import Invalid, Unsupported
from mostek_wapro.orders.customers import number
from mostek_wapro.orders.insertion import inserted

Company = Callable[..., Any]
NIP = "5260250274"
ADDRESS = {"street": "Żółta", "house_number": "5", "flat_number": "3", "city": "Łódź"}


@pytest.fixture
def shop(company: Company) -> Any:
    return company(customers=True)


def test_a_customer_is_written_as_the_facts_say_and_read_back(shop: Any) -> None:
    highest = shop.value("SELECT MAX(KOD_KONTRAHENTA) FROM dbo.KONTRAHENT WHERE ID_FIRMY = 3")
    answer = shop.customer(
        name="Nowa", full_name="Nowa sp. z o.o.", tax_id="PL 526-025-02-74", address=ADDRESS
    )
    made = answer.customer
    assert made.created
    assert made.code == str(highest + 1)
    row = shop.row("KONTRAHENT", "ID_KONTRAHENTA", int(made.id))
    names = ("NAZWA", "NAZWA_PELNA", "NIP", "ULICA_LOKAL", "SYM_KRAJU", "ID_GRUPY")
    assert [row[name] for name in names] == [
        *("Nowa", "Nowa sp. z o.o.", NIP, "Żółta 5/3", "PL"),
        1,
    ]
    assert (row["ODBIORCA"], row["DOSTAWCA"], row["UTWORZONY_W_SYSTEMIE_ZEWNETRZNYM"]) == (1, 0, 1)
    history = shop.row("ADRESY_KONTRAHENTA", "ID_KONTRAHENTA", int(made.id))
    assert (history["NAZWA_PELNA"], history["NIP"]) == ("Nowa sp. z o.o.", NIP)
    request = GetCustomerRequest(id=made.id)
    read = shop.plugin.get_customer(request, context("GetCustomer")).customer
    assert (read.full_name, read.tax_id.number, read.active) == ("Nowa sp. z o.o.", NIP, True)


def test_a_customer_that_is_there_is_the_answer(shop: Any) -> None:
    first = shop.customer(name="Nowa", tax_id=NIP)
    before = shop.counted()
    again = shop.customer(name="Inna nazwa", tax_id="526-025-02-74")
    assert (again.customer.id, again.customer.created) == (first.customer.id, False)
    assert shop.counted() == before


def test_a_code_of_one_s_own_is_a_number_that_is_free(shop: Any) -> None:
    assert shop.customer(name="Nowa", code="4711").customer.code == "4711"
    assert not shop.customer(name="Nowa", code="4711").customer.created
    with pytest.raises(Invalid, match="whole numbers"):
        shop.customer(name="Nowa", code="ABC")


def test_an_order_for_a_new_buyer_writes_both_in_one_transaction(shop: Any) -> None:
    new = {"draft": {"name": "Nowa", "tax_id": NIP, "payment_method_id": "3"}}
    answer = shop.order(buyer=new)
    assert answer.customer.created
    row = shop.row("ZAMOWIENIE", "ID_ZAMOWIENIA", int(answer.id))
    assert row["ID_KONTRAHENTA"] == int(answer.customer.id)
    assert (row["FORMA_PLATNOSCI"], row["DNI_PLATNOSCI"]) == ("przelew 30 dni", 30)
    assert not shop.order(buyer=new).customer.created


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"gln": "5901234123457"}, "gln"),
        ({"invoice_email": "a@b.example"}, "invoice_email"),
        ({"price_list_id": "1"}, "price_list_id"),
        ({"attributes": {"POLE1": "x"}}, "attributes"),
        ({"address": {"city": "Łódź", "commune": "Łódź"}}, "address.commune"),
    ],
)
def test_what_cards_do_not_have_is_refused_by_name(
    shop: Any, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(Unsupported, match=field):
        shop.customer(name="Nowa", **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x" * 51},
        {"phone": "1" * 21},
        {"group_id": "99"},
        {"payment_method_id": "99"},
        {"address": {"address_line": "a", "street": "b"}},
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_touched(
    shop: Any, fields: dict[str, Any]
) -> None:
    before = shop.counted()
    with pytest.raises(Invalid):
        shop.customer(**{"name": "Nowa", **fields})
    assert shop.counted() == before


def test_a_table_that_draws_its_ids_is_left_to_draw_them(shop: Any) -> None:
    shop.connection.execute("DROP TABLE dbo.ADRESY_KONTRAHENTA")
    shop.connection.execute(
        "CREATE TABLE dbo.ADRESY_KONTRAHENTA (ID_ADRESY_KONTRAHENTA INTEGER PRIMARY KEY AUTOINCREMENT,"
        " ID_KONTRAHENTA, DATA_OD, NAZWA_PELNA, SYM_KRAJU, KOD_POCZTOWY, MIEJSCOWOSC, ULICA_LOKAL,"
        " WOJEWODZTWO, NIP, POWIAT)"
    )
    shop.customer(name="Nowa", tax_id=NIP)
    assert shop.value("SELECT seq FROM dbo.sqlite_sequence WHERE name = 'ADRESY_KONTRAHENTA'") == 1


class SqlServer:
    """Stands for a look-up and its session on SQL Server."""

    def __init__(self, identity: bool) -> None:
        self.identity = identity
        self.sent: list[str] = []
        self.session = self
        self.dialect = self.catalogue = self
        self.name = "mssql"

    def type_of(self, table: str, column: str) -> None:
        return None

    def one(self, sql: str, *params: Any) -> tuple[Any, ...]:
        self.sent.append(sql)
        return (self.identity,) if "is_identity" in sql else (42,)

    def execute(self, sql: str, params: Any) -> int:
        self.sent.append(sql)
        return 1

    def results(self, sql: str, params: Any) -> list[list[tuple[Any, ...]]]:
        self.sent.append(sql)
        return [[(43,)]]


def test_on_sql_server_an_id_is_drawn_by_the_table_or_held_until_the_commit() -> None:
    drawn, counted = SqlServer(True), SqlServer(False)
    columns = {"NAZWA": "x", "ID_FIRMY": number(3).value}
    assert inserted(drawn, "KONTRAHENT", "ID_KONTRAHENTA", columns) == 43  # type: ignore[arg-type]
    assert drawn.sent[-1].endswith("SELECT SCOPE_IDENTITY();")
    assert "ID_KONTRAHENTA" not in drawn.sent[-1]
    assert inserted(counted, "KONTRAHENT", "ID_KONTRAHENTA", columns) == 42  # type: ignore[arg-type]
    assert "WITH (UPDLOCK, HOLDLOCK)" in counted.sent[1]
    assert "[ID_KONTRAHENTA]" in counted.sent[-1]


def test_the_sandbox_says_itself_that_ids_are_not_drawn(sandboxes: dict[str, Path]) -> None:
    connection = connect_sandbox(sandboxes["2026"])
    made = connection.execute("SELECT sql FROM dbo.sqlite_master WHERE name = 'KONTRAHENT'")
    assert "AUTOINCREMENT" not in made.fetchone()[0]
    connection.close()
