"""What the plugin's page shows is what works."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mostek_optima.config import DocumentKinds, OptimaConfig
from mostek_optima.optima import Optima
from mostek_optima.orders.config import ComConfig, DirectConfig
from mostek_optima.sandbox import INDEXES, Sandbox

from .conftest import opened

PAGE = (Path(__file__).parents[4] / "docs" / "plugins" / "optima.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
BIN = Path(sys.executable).parent


def test_the_sandbox_of_the_page_is_a_configuration(tmp_path: Path, sandbox: Sandbox) -> None:
    (example,) = [one for one in EXAMPLES if 'path = "optima.db"' in one]
    file = tmp_path / "connector.toml"
    head = '[hub]\nlink = "127.0.0.1:1"\ninsecure = true\n[connector]\nname = "demo"\n'
    file.write_text(head + example.replace('"optima.db"', f"'{sandbox.path}'"), encoding="utf-8")
    done = subprocess.run(
        [str(BIN / "mostek-connector"), "check", "-c", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


@pytest.mark.parametrize(("mode", "kind"), [("com", ComConfig), ("sql", DirectConfig)])
def test_the_orders_of_the_page_are_a_configuration(mode: str, kind: type) -> None:
    (example,) = [one for one in EXAMPLES if f'mode = "{mode}"' in one]
    orders: dict[str, Any] = tomllib.loads(example)["companies"]["acme"]["orders"]
    if mode == "com":
        orders["password"] = "x"
    database = {"kind": "sqlite", "path": "x.db"}
    config = OptimaConfig.model_validate({"company": "A", "database": database, "orders": orders})
    assert isinstance(config.orders, kind)


def test_the_attributes_of_the_page_are_read(sandbox: Sandbox) -> None:
    (example,) = [one for one in EXAMPLES if "[companies.acme.own_fields]" in one]
    plugin = opened(
        sandbox.path, own_fields=tomllib.loads(example)["companies"]["acme"]["own_fields"]
    )
    assert not plugin.drift()
    plugin.close()


def test_the_page_names_every_setting_and_operation() -> None:
    settings = (*OptimaConfig.model_fields, *DocumentKinds.model_fields, *Optima.serves)
    modes = {*ComConfig.model_fields, *DirectConfig.model_fields} - {"worker"}
    for name in (*settings, *(f"orders.{option}" for option in modes)):
        assert f"`{name}`" in PAGE, name


def test_the_page_tells_the_defaults() -> None:
    defaults = ComConfig(mode="com", operator="x", password="x")  # type: ignore[arg-type]
    assert f"`{defaults.folder}`" in PAGE
    assert f"`{defaults.lock_flags}`, `{defaults.lock_timeout}`" in PAGE
    assert f'default `"{OptimaConfig.model_fields["one_off"].default}"`' in PAGE


def test_the_page_names_the_indexes_that_are_assumed() -> None:
    for index in INDEXES:
        column, table = index.columns[0], index.table.removeprefix("CDN.")
        assert any(f"`{name}`" in PAGE for name in (column, table)), index
