"""What the plugin's page shows is what works."""

from __future__ import annotations

import re
import tomllib
from contextlib import closing
from pathlib import Path

from mostek.connector.companies import load
from mostek.erp.v1.customer_pb2 import GetCustomerRequest
from mostek.plugin.testing import context
from mostek_enova.config import DefinitionsConfig, EnovaConfig
from mostek_enova.enova import Enova365
from mostek_enova.orders.config import OrdersConfig

from .conftest import Rows, opened

PAGE = Path(__file__).parents[4] / "docs" / "plugins" / "enova.md"


def examples() -> list[str]:
    return re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_example_on_a_sandbox_is_a_configuration(tmp_path: Path, sandbox_path: Path) -> None:
    (example,) = (text for text in examples() if '"sqlite"' in text)
    file = tmp_path / "connector.toml"
    head = '[hub]\nlink = "127.0.0.1:1"\ninsecure = true\n[connector]\nname = "demo"\n'
    file.write_text(head + example.replace('"enova.db"', f"'{sandbox_path}'"), encoding="utf-8")
    _, (company,) = load(file)
    assert isinstance(company.plugin, Enova365)


def test_the_examples_of_a_company_are_its_settings() -> None:
    texts = [text for text in examples() if "acme" in text]
    text = "\n".join(texts).replace('{ keyring = "mostek/enova" }', '"…"')
    company = tomllib.loads(text)["companies"]["acme"]
    assert company.pop("plugin") == "enova365"
    config = EnovaConfig.model_validate(company)
    assert config.orders is not None
    assert config.orders.definition == "ZO"
    assert config.definitions.advance == ("FZAL",)


def test_the_page_names_every_setting_and_every_operation() -> None:
    text = PAGE.read_text(encoding="utf-8")
    settings = [*EnovaConfig.model_fields.keys() - {"attributes", "features"}]
    settings += DefinitionsConfig.model_fields
    settings += [f"orders.{name}" for name in OrdersConfig.model_fields.keys() - {"worker"}]
    for name in (*settings, "features.<query>", *Enova365.serves):
        assert f"`{name}`" in text, name


def test_guids_are_attributes_as_the_page_says(sandbox_path: Path, rows: Rows) -> None:
    (shown,) = re.findall(r'`guid = "(.*?)"`', PAGE.read_text(encoding="utf-8"))
    ((number, guid),) = rows("SELECT ID, Guid FROM dbo.Kontrahenci WHERE ID > 9 LIMIT 1")
    with closing(opened(sandbox_path, attributes={"customers": {"guid": shown}})) as plugin:
        request = GetCustomerRequest(id=str(number))
        answer = plugin.get_customer(request, context("GetCustomer"))
    assert answer.customer.attributes["guid"] == str(guid).lower()
