"""The doctor on WAPRO Mag: what keeps orders from being written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mostek.connector.companies import Company
from mostek.connector.doctor import Finding, Subject, erp

from .test_rights import RIGHTS


def said(plugin: Any, key: str) -> Iterator[str]:
    subject = Subject(Path("none.toml"), companies=[Company("acme", "wapro-mag", plugin)])
    for found, told in erp.schema(subject):
        if found == key:
            one = Finding("schema", found, told)
            yield f"{one.text('en')} | {one.remedy('en')}"


def test_the_doctor_says_what_orders_lack(company: Callable[..., Any]) -> None:
    shop = company(
        "DELETE FROM dbo.MOSTEK_PARAMETERS WHERE procedure = 'JL_PobierzFormatNumeracji_Server'",
        user="NIKT",
    )
    user, procedure = said(shop.plugin, "schema.writes")
    assert "no user of this name" in user
    assert "Correct `user`" in user
    assert "JL_PobierzFormatNumeracji_Server: grant it EXECUTE" in procedure
    assert procedure.endswith("until then the orders that it concerns are refused")


def test_the_doctor_is_silent_where_orders_can_be_written_or_are_not_configured(
    company: Callable[..., Any],
) -> None:
    assert not [*said(company().plugin, "schema.writes")]
    assert not [*said(company(closed=True).plugin, "schema.writes")]


def test_a_column_that_a_login_may_not_read_is_named_and_procedures_of_other_versions_are_not() -> (
    None
):
    may: dict[str, int | None] = {"dbo.RM_SumujZamowienie": 0, "dbo.RM_DodajZamowienie": None}

    class Session:
        def one(self, sql: str, params: Any) -> tuple[int | None]:
            name, what = (param.value for param in params)
            return (may.get(f"{name}.{what}" if "COLUMN" in sql else name, 1),)

    needed: Any = SimpleNamespace(write=RIGHTS)
    server: Any = Session()
    assert list(erp._not_executable(server, needed)) == ["dbo.RM_SumujZamowienie"]
    may["dbo.UZYTKOWNIK.IDENTYFIKATOR"] = 0
    assert list(erp._not_readable(server, needed)) == ["dbo.UZYTKOWNIK.IDENTYFIKATOR"]
