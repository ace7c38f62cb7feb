"""What the plugin's page shows is what works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mostek.plugin.worker.config import WorkerConfig
from mostek_subiekt.config import SubiektConfig
from mostek_subiekt.gt import SubiektGt
from mostek_subiekt.orders.config import OrdersConfig, SferaConfig

PAGE = Path(__file__).parents[3] / "docs" / "plugins" / "subiekt.md"
BIN = Path(sys.executable).parent
HEAD = '[hub]\nlink = "127.0.0.1:1"\ninsecure = true\n[connector]\nname = "demo"\n'


def examples() -> list[str]:
    return re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("number", [2, 3])
def test_the_examples_of_the_page_are_configurations(
    tmp_path: Path, sandbox_path: Path, number: int
) -> None:
    company, orders = examples()[1], examples()[number]
    orders = orders.replace("acme", "demo").replace('{ keyring = "mostek/sfera" }', '"x"')
    file = tmp_path / "connector.toml"
    text = HEAD + company.replace('"subiekt.db"', f"'{sandbox_path}'") + orders
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [str(BIN / "mostek-connector"), "check", "-c", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


def test_the_page_names_every_setting_and_every_operation() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in SubiektConfig.model_fields:
        assert re.search(rf"`{name}[`.]", text), name
    for model in (OrdersConfig, SferaConfig):
        for name in model.model_fields.keys() - {"worker"}:
            assert f"`orders.{name}`" in text, name
    for name in WorkerConfig.model_fields:
        assert f"`orders.worker.{name}`" in text, name
    for name in SubiektGt.serves:
        assert f"`{name}`" in text, name
