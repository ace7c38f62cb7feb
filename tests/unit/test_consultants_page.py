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
