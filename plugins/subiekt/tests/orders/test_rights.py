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
from mostek_subiekt.orders.config import OrdersConfig
from mostek_subiekt.orders.rights import write_rights

from .test_customers_write import ADDRESS, NIP

CONFIG = OrdersConfig(template="ZK 1/11/2024", customers=True, company_template=1)
RIGHTS = write_rights(CONFIG)


@pytest.fixture
def sent(company: Callable[..., Any]) -> Iterator[Sent]:
    """The statements of a customer, of orders of known and of new buyers, of a validation."""
    plain = company().buyer
    shop = company(customers=True, company_template=plain)
    with recorded(shop.plugin.database) as found:
        shop.customer(name="Nowa", tax_id=NIP, address=ADDRESS)
        shop.order()
        shop.order(external_number="WEB-1")
        draft = {"name": "Inna", "address": ADDRESS, "tax_id": "6312023511"}
        delivery = {"address": {"name": "Magazyn", "address": ADDRESS}}
        shop.order(external_number="WEB-2", buyer={"draft": draft}, delivery=delivery)
        shop.check(external_number="WEB-3", payment_method_id="1")
        yield found


def tables(sql: str) -> tuple[set[str], set[str]]:
    """What a statement reads, and what it inserts into or updates."""
    tree = sqlglot.parse_one(sql.partition(" RETURNING ")[0].replace("LIMIT ?", ""), read="tsql")
    assert isinstance(tree, exp.Select | exp.Insert | exp.Update), sql
    written = set()
    if not isinstance(tree, exp.Select):
        target = tree.find(exp.Table)
        assert target is not None
        written = {f"dbo.{target.name}"}
    named = [f"dbo.{table.name}" for table in tree.find_all(exp.Table)]
    for table in written:
        named.remove(table)
    return set(named), written


def test_every_statement_is_covered_by_the_rights(sent: Sent, shop: Any) -> None:
    may_read = {name.lower() for name in shop.plugin.rights().read_tables}
    wrote = set()
    for sql, _ in sent:
        if sql.startswith("PRAGMA") or "sqlite_master" in sql:
            # The catalogue, which SQL Server shows of what a login may read.
            continue
        read, written = tables(sql)
        assert {name.lower() for name in read} <= may_read, sql
        wrote |= written
    # The counter is the sandbox's stand-in for the procedure.
    assert wrote - {"dbo.ins_ident"} == RIGHTS.inserts


def test_no_right_is_there_that_the_code_does_not_use() -> None:
    folder = files("mostek_subiekt") / "orders"
    code = "\n".join(
        file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".py") and file.name != "rights.py"
    )
    named = {name.lower() for name in re.findall(r"dbo\.\w+", code)}
    named |= {f"dbo.{name}".lower() for name in re.findall(r"\.row\(\s*\"(\w+)\"", code)}
    assert named - {"dbo.ins_ident", "dbo.spidentyfikator"} == {t.lower() for t in RIGHTS.looks_up}
    copied = re.findall(r"\.copy(?:_into)?\(\s*\"(\w+)\"", code)
    assert {f"dbo.{name}" for name in copied} == RIGHTS.inserts


def test_a_site_that_writes_nothing_gives_no_right_to_write() -> None:
    rights = write_rights(None)
    assert not rights.inserts | rights.updates | rights.executes
    orders_only = write_rights(OrdersConfig(template=1))
    assert "dbo.kh__Kontrahent" not in orders_only.inserts


def script(shop: Any, **options: Any) -> str:
    text = logins_script(shop.plugin.rights(), LoginNames(database="Acme"), **options)
    return re.sub(r"\$\((\w+)\)", r"\1", text)


@pytest.mark.parametrize("columns", [False, True])
def test_the_script_is_tsql(company: Callable[..., Any], columns: bool) -> None:
    sqlfluff = pytest.importorskip("sqlfluff.core", reason="sqlfluff is not installed")
    text = script(company(customers=True, company_template=1), columns=columns)
    assert not sqlfluff.Linter(dialect="tsql").parse_string(text).violations
    grants = re.findall(r"GRANT .*;", text)
    assert len(grants) > 40
    for grant in grants:
        assert isinstance(sqlglot.parse_one(grant, read="tsql"), exp.Grant), grant


def test_the_script_holds_no_password_and_grants_what_is_listed(
    company: Callable[..., Any], closed_shop: Any
) -> None:
    text = script(company())
    granted = set(re.findall(r"GRANT (\w+) ON \[dbo\]\.\[(\w+)\] TO \[(\w+)\];", text))
    assert ("INSERT", "dok_Pozycja", "mostek_write") in granted
    assert ("EXECUTE", "spIdentyfikator", "mostek_write") in granted
    assert ("INSERT", "kh__Kontrahent", "mostek_write") not in granted
    assert {right for right, _, login in granted if login == "mostek_read"} == {"SELECT"}
    assert "DENY INSERT, UPDATE, DELETE, EXECUTE ON SCHEMA::[dbo] TO [mostek_read];" in text
    assert re.findall(r"PASSWORD = N'(.*?)'", text) == ["READ_PASSWORD", "WRITE_PASSWORD"]
    assert "mostek_write" not in script(closed_shop)


def test_columns_can_be_granted_one_by_one(closed_shop: Any) -> None:
    text = script(closed_shop, columns=True)
    assert "GRANT SELECT ([nzf_Id]) ON [dbo].[nz__Finanse] TO [mostek_read];" in text
    assert "GRANT SELECT ON [dbo].[nz__Finanse] TO" not in text


def test_a_name_can_not_leave_its_brackets(closed_shop: Any) -> None:
    names = LoginNames(database="A]; DROP DATABASE x --", read="r]'", write="w")
    text = logins_script(closed_shop.plugin.rights(), names)
    assert "USE [A]]; DROP DATABASE x --];" in text
    assert "IF USER_ID(N'r]''') IS NULL" in text
    assert "CREATE USER [r]]'] FOR LOGIN [r]]'];" in text


def test_one_user_for_both_is_refused(company: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="give writes a login of their own"):
        logins_script(company().plugin.rights(), LoginNames(read="a", write="A"))
