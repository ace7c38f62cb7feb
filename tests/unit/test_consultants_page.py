"""What the page for consultants shows is what works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mostek.connector.companies import load
from mostek.connector.config import ConfigError
from mostek.plugin.orders.site import OrderDefaults, OrderMapping
from mostek_wapro.mag import WaproMag

PAGE = Path(__file__).parents[2] / "docs" / "consultants.md"
HEAD = """
[hub]
link = "127.0.0.1:1"
insecure = true

[connector]
name = "demo"

[companies.acme]
plugin = "wapro-mag"
queries = "own"

[companies.acme.database]
kind = "sqlite"
path = "wapro.db"
"""


def blocks(kind: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_examples_together_are_a_configuration(tmp_path: Path) -> None:
    file = tmp_path / "connector.toml"
    file.write_text(HEAD + "\n".join(blocks("toml")), encoding="utf-8")
    (tmp_path / "own" / "records").mkdir(parents=True)
    (example,) = blocks("sql")
    (tmp_path / "own" / "records" / "debtors.sql").write_text(example, encoding="utf-8")
    _, (company,) = load(file)
    plugin = company.plugin
    assert isinstance(plugin, WaproMag)
    assert plugin.settings.mapping.payment_methods["cash on delivery"] == "4"
    assert {"attributes.key", "attributes.region"} <= plugin.queries["customers"].parts[
        0
    ].fed.keys()
    assert plugin.records["debtors"].filters == {"least"}


@pytest.mark.parametrize(
    ("settings", "line", "path", "said"),
    [
        (
            "[companies.acme.attributes.customers]\nfine = 'k.KLUCZ'\nwrong = 'k.KLUCZ +'",
            *(18, "attributes.customers.wrong", "no query of T-SQL"),
        ),
        (
            "[companies.acme.attributes.customers]\nfine = 'k.KLUCZ'\n"
            "[companies.acme.rows]\norders = 'z.TYP = 1'\ncustomers = 'k.ID_GRUPY IN ('",
            *(20, "rows.customers", "no query of T-SQL"),
        ),
        (
            "[companies.acme.attributes.customers]\nfine = 'k.KLUCZ'\nwrong = 'kk.KLUCZ'",
            *(18, "attributes.customers.wrong", "no table has the alias kk here; there are "),
        ),
        (
            "[companies.acme.rows]\norders = 'z.TYP = 1'\ncustomers = 'KONTRAHENT.ID_GRUPY = 1'",
            *(18, "rows.customers", "no table has the alias KONTRAHENT here; there are "),
        ),
        (
            "[companies.acme.rows]\norders = 'z.TYP = 1'\ncustmers = '1 = 1'",
            *(18, "rows.custmers", "there is no query custmers; there are erp, customers"),
        ),
        (
            "[companies.acme.own_fields.orders]\nx = 'POLE1'\n[companies.acme.attributes.orders]\nx = 'z.POLE2'",
            *(17, "own_fields.orders.x", "both in attributes.orders and own_fields.orders"),
        ),
    ],
)
def test_a_mistake_in_the_site_s_sql_is_told_with_its_own_line(
    tmp_path: Path, settings: str, line: int, path: str, said: str
) -> None:
    file = tmp_path / "connector.toml"
    (tmp_path / "own").mkdir()
    file.write_text(f"{HEAD}{settings}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(file)
    (mistake,) = raised.value.mistakes
    assert (mistake.line, mistake.path) == (line, f"companies.acme.{path}")
    assert said in mistake.message


def test_a_folder_of_queries_that_is_not_there_is_a_mistake_of_its_line(tmp_path: Path) -> None:
    file = tmp_path / "connector.toml"
    file.write_text(HEAD, encoding="utf-8")
    with pytest.raises(ConfigError, match="there is no folder") as raised:
        load(file)
    assert [(one.line, one.path) for one in raised.value.mistakes] == [
        (11, "companies.acme.queries")
    ]


def test_every_table_and_default_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in OrderMapping.model_fields:
        assert f"`mapping.{name}`" in text, name
    for name in OrderDefaults.model_fields:
        assert f"`{name}`" in text, name
