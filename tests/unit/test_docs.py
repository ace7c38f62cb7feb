"""The documentation tells of everything that there is, and only of that."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from mostek.connector import journal
from mostek.connector.cli import app
from mostek.connector.config import ConnectorConfig, HubConfig, PolicyConfig, TelemetryConfig
from mostek.connector.journal import JournalConfig
from mostek.connector.presets import PRESETS
from mostek.hub.config import HubConfig as HubSettings
from mostek.hub.status import STATUSES
from mostek.link.v1.failure_pb2 import FailureKind
from mostek.plugin.database_config import SqliteConfig, SqlServerConfig
from mostek.plugin.plugin import Site
from mostek.plugin.testing import context
from mostek.wire.failures import NotFound

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])


def test_every_setting_of_the_hub_is_in_its_table_with_its_default() -> None:
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    for name, field in HubSettings.model_fields.items():
        assert f"| `MOSTEK_HUB_{name.upper()}` | `{_written(field.default)}` |" in text


def _written(default: object) -> str:
    match default:
        case bool():
            return str(default).lower()
        case float():
            return f"{default:g}"
        case _:
            return str(default)


@pytest.mark.parametrize(
    ("table", "model"),
    [
        ("hub", HubConfig),
        ("connector", ConnectorConfig),
        ("policy", PolicyConfig),
        ("journal", JournalConfig),
        ("telemetry", TelemetryConfig),
    ],
)
def test_every_setting_of_the_connector_is_in_its_table(table: str, model: type[BaseModel]) -> None:
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    for name in model.model_fields:
        assert f"| `{table}.{name}` |" in text


def test_every_setting_of_the_policy_is_on_its_page_with_its_presets() -> None:
    text = (DOCS / "policy.md").read_text(encoding="utf-8")
    for name in PolicyConfig.model_fields.keys() - {"companies"}:
        assert f"\n| `{name}` |" in text
    for preset in PRESETS:
        assert f"\n| `{preset}`" in text
        assert f'\npreset = "{preset}"\n' in text


def policies() -> list[str]:
    text = (DOCS / "policy.md").read_text(encoding="utf-8")
    return re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(3))
def test_the_examples_of_policies_pass_the_check(number: int, tmp_path: Path) -> None:
    hub = '[hub]\nlink = "127.0.0.1:7444"\ninsecure = true\n[connector]\nname = "acme"\n'
    (tmp_path / "connector.toml").write_text(hub + policies()[number], encoding="utf-8")
    done = CliRunner().invoke(app, ["check", "-c", str(tmp_path / "connector.toml")])
    assert done.exit_code == 0, done.output
    assert "Subiekt GT" in done.output


def test_the_page_of_the_journal_has_its_settings_with_their_defaults_and_all_its_events() -> None:
    text = (DOCS / "journal.md").read_text(encoding="utf-8")
    for name, field in JournalConfig.model_fields.items():
        assert f"| `journal.{name}` | `{field.default}` |" in text
    folder = Path(journal.__file__).parent
    code = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.py"))
    for event in set(re.findall(r'"event": "(\w+)"', code)):
        assert f"`{event}`" in text


@pytest.mark.parametrize("model", [SqlServerConfig, SqliteConfig])
def test_every_setting_of_a_database_is_in_its_table(model: type[BaseModel]) -> None:
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    table = text.split("### The ERP's database", 1)[1].split("## Logs", 1)[0]
    names = {field.alias or name for name, field in model.model_fields.items()}
    assert names <= set(re.findall(r"`(\w+)`", table))


def test_every_kind_of_failure_is_in_the_table_with_its_statuses() -> None:
    text = (DOCS / "protocol.md").read_text(encoding="utf-8")
    for kind, status in STATUSES.items():
        name = FailureKind.Name(kind).removeprefix("FAILURE_KIND_")
        assert f"| {name} | {status.grpc.name} | {status.http} |" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (page.parent / target).exists(), target


def test_make_targets_that_the_pages_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
        assert named <= targets, page


def test_the_plugin_of_the_page_works() -> None:
    text = (DOCS / "plugins" / "writing.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    scope: dict[str, Any] = {}
    exec(compile(code, "writing.md", "exec"), scope)
    cards = scope["Cards"](None, Site("main", Path()))
    ask = scope["GetCustomerRequest"]
    assert cards.serves == {"GetCustomer": "get_customer"}
    assert cards.get_customer(ask(id="1"), context("GetCustomer")).customer.name == "Młyn Górny"
    with pytest.raises(NotFound):
        cards.get_customer(ask(id="2"), context("GetCustomer"))


def test_every_decision_has_its_three_parts() -> None:
    for page in (DOCS / "adr").glob("*.md"):
        heads = re.findall(r"^## (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert heads == ["Context", "Decision", "Consequences"], page
