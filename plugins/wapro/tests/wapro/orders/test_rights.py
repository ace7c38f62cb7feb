"""What the logins may do is what the statements do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from mostek.plugin.rights import LoginNames, logins_script
from mostek.plugin.testing import Sent, recorded
from mostek_wapro.orders import procedures
from mostek_wapro.orders.config import OrdersConfig
from mostek_wapro.orders.emulated import emulate
from mostek_wapro.orders.procedures import EXECUTED
from mostek_wapro.orders.rights import write_rights

from .test_customers_write import ADDRESS, NIP

CONFIG = OrdersConfig(user="MOSTEK", customers=True, deliveries=True)
RIGHTS = write_rights(CONFIG)


@pytest.fixture
def sent(company: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Sent]:
    """The statements of a customer, of orders of known and of new buyers, of a validation; procedures' own are not."""
    shop = company(customers=True, deliveries=True, price_list="Hurtowa")

    def unseen(session: Any, name: str, arguments: Any) -> Any:
        watching, shop.plugin.database.observer = shop.plugin.database.observer, None
        try:
            return emulate(session, name, arguments)
        finally:
            shop.plugin.database.observer = watching

    monkeypatch.setattr(procedures, "emulate", unseen)
    shop.check()
    with recorded(shop.plugin.database) as found:
        shop.customer(name="Nowa", tax_id=NIP, address=ADDRESS, payment_method_id="2", group_id="2")
        shop.order(payment_method_id="2", price_list_id="1")
        shop.order(external_number="WEB-1")
        draft = {"name": "Inna", "address": ADDRESS, "tax_id": "6312023511"}
        line = {"product": {"ean": "5901234123457"}, "quantity": "1"}
        delivery = {"address": {"address": ADDRESS}}
        shop.order(external_number="WEB-2", buyer={"draft": draft}, delivery=delivery)
        shop.check(external_number="WEB-3", lines=[line])
        yield found


def test_every_statement_is_covered_by_the_rights(sent: Sent, shop: Any) -> None:
    may_read = {name.lower() for name in shop.plugin.rights().read_tables}
    narrow = {table.lower(): columns for table, columns in RIGHTS.columns.items()}
    wrote = set()
    for sql, _ in sent:
        if sql.startswith("PRAGMA") or "sqlite_master" in sql:
            # The catalogue, which SQL Server shows of what a login may read.
            continue
        tree = sqlglot.parse_one(sql.replace("LIMIT ?", ""), read="tsql")
        tables = {f"{table.db}.{table.name}".lower() for table in tree.find_all(exp.Table)}
        if isinstance(tree, exp.Insert):
            wrote |= tables
            continue
        for table in tables & narrow.keys() - may_read:
            named = {column.name for column in tree.find_all(exp.Column)}
            assert named <= narrow[table], sql
        assert tables <= may_read | narrow.keys(), sql
    assert wrote == {name.lower() for name in RIGHTS.inserts}


def test_no_right_is_there_that_the_code_does_not_use() -> None:
    folder = files("mostek_wapro") / "orders"
    code = "\n".join(
        file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".py") and file.name not in {"rights.py", "emulated.py"}
    )
    named = {name.lower() for name in re.findall(r"(?:FROM|JOIN) (dbo\.\w+)", code)}
    assert named - {"dbo.sqlite_master"} == {
        name.lower() for name in RIGHTS.looks_up | RIGHTS.columns.keys()
    }


def test_a_site_that_writes_nothing_gives_no_right_to_write() -> None:
    rights = write_rights(None)
    assert not rights.inserts | rights.updates | rights.executes
    assert not write_rights(OrdersConfig(user="MOSTEK")).inserts
    assert write_rights(OrdersConfig(user="MOSTEK")).executes == EXECUTED
    assert not RIGHTS.updates


def script(shop: Any, **options: Any) -> str:
    text = logins_script(shop.plugin.rights(), LoginNames(database="Acme"), **options)
    return re.sub(r"\$\((\w+)\)", r"\1", text)


@pytest.mark.parametrize("columns", [False, True])
def test_no_login_may_see_passwords_of_the_program_s_users(shop: Any, columns: bool) -> None:
    text = script(shop, columns=columns)
    assert "GRANT SELECT ON [dbo].[UZYTKOWNIK]" not in text
    granted = set(
        re.findall(r"GRANT SELECT \(\[(\w+)\]\) ON \[dbo\]\.\[UZYTKOWNIK\] TO \[(\w+)\];", text)
    )
    assert {login for _, login in granted} == {"mostek_read", "mostek_write"}
    assert not {"HASLO", "HasloS"} & {column for column, _ in granted}


def test_the_write_login_may_execute_the_procedures_and_write_no_table(shop: Any) -> None:
    text = script(shop)
    executed = set(re.findall(r"GRANT EXECUTE ON \[dbo\]\.\[(\w+)\] TO \[mostek_write\];", text))
    assert {f"dbo.{name}" for name in executed} == EXECUTED
    assert not re.search(r"GRANT (INSERT|UPDATE|DELETE)", text)
    for grant in re.findall(r"GRANT .*;", text):
        assert isinstance(sqlglot.parse_one(grant, read="tsql"), exp.Grant), grant
