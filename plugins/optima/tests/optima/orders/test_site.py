"""What the configuration names: told by the doctor before any order comes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mostek.connector import companies
from mostek.connector.doctor import Finding, Subject, erp
from mostek.plugin.rights import LoginNames, logins_script
from mostek_optima.com.writer import machine_refusals
from mostek_optima.orders.config import ComConfig
from mostek_optima.sandbox import Sandbox

from .conftest import COM, Company, Shop
from .test_com import ATTRIBUTES


def said(shop: Shop) -> Iterator[str]:
    company = companies.Company("acme", "optima", shop.plugin)
    for found, told in erp.schema(Subject(Path("none.toml"), companies=[company])):
        if found == "schema.writes":
            yield Finding("schema", found, told).text("en")


def test_the_doctor_says_what_orders_lack(company: Company) -> None:
    wrong: dict[str, Any] = {"warehouse": 3, "series": "XX", "attributes": {"day": "DATA"}}
    found = [*said(company(ATTRIBUTES, orders=COM | wrong))]
    assert [text.split(": ", 1)[1] for text in found] == [
        "Optima's attribute DATA is a date or a file, which is not written",
        "the warehouse of [companies.<name>.orders] is not there, or not in use: name one",
        "no definition in use of orders (RO) has the symbol XX",
    ]
    (text,) = said(company(orders={"mode": "sql", "template": "RO/9/1999"}))
    assert "the configured template is no order (RO) of this company" in text


def test_where_optima_can_not_be_is_told(tmp_path: Path) -> None:
    there = ComConfig.model_validate({**COM, "folder": str(tmp_path)})
    elsewhere = ComConfig.model_validate({**COM, "folder": str(tmp_path / "none")})
    assert machine_refusals(there, "win32") == []
    assert "There is no folder" in machine_refusals(elsewhere, "win32")[0]
    assert "need Windows" in machine_refusals(there, "linux")[0]


def test_the_doctor_is_silent_where_orders_can_be_written_or_are_not_configured(
    company: Company, sandbox: Sandbox
) -> None:
    for orders in (COM, {"mode": "sql", "template": sandbox.template_order}, None):
        assert not [*said(company(orders=orders))]


def test_the_logins_have_just_the_rights_of_the_way_of_writing(
    com: Shop, sql: Shop, company: Company
) -> None:
    by_program = logins_script(com.plugin.rights(), LoginNames())
    assert "GRANT VIEW SERVER STATE" in by_program
    assert "GRANT INSERT" not in by_program
    direct = logins_script(sql.plugin.rights(), LoginNames())
    granted = [line for line in direct.splitlines() if "GRANT INSERT" in line]
    assert {
        name for line in granted for name in ("TraNag", "TraElem", "TraVat") if name in line
    } == {
        "TraNag",
        "TraElem",
        "TraVat",
    }
    assert len(granted) == 3
    assert "GRANT INSERT" not in logins_script(company(orders=None).plugin.rights(), LoginNames())


def test_orders_at_the_same_moment_have_effect_once_and_numbers_of_their_own(sql: Shop) -> None:
    with ThreadPoolExecutor(8) as threads:
        same = [threads.submit(sql.order) for _ in range(4)]
        others = [threads.submit(sql.order, external_number=f"WEB-{n}") for n in range(2, 6)]
        answers = [one.result() for one in (*same, *others)]
    assert len({answer.number for answer in answers}) == 5
    assert len(sql.orders()) == 1
    assert sum(answer.already_existed for answer in answers) == 3
