"""What the plugin's page shows is what works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from mostek_subiekt.nexo.config import NexoConfig, Symbols
from mostek_subiekt.nexo.orders.config import NexoOrders
from mostek_subiekt.nexo.plugin import SubiektNexo

PAGE = Path(__file__).parents[4] / "docs" / "plugins" / "subiekt-nexo.md"
BIN = Path(sys.executable).parent


def test_the_examples_of_the_page_are_a_configuration(tmp_path: Path, nexo_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    _, orders, example = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert 'plugin = "subiekt-nexo"' in example
    orders = orders.replace("acme", "demo").replace('{ keyring = "mostek/sfera" }', '"x"')
    file = tmp_path / "connector.toml"
    head = '[hub]\nlink = "127.0.0.1:1"\ninsecure = true\n[connector]\nname = "demo"\n'
    example = example.replace('"nexo.db"', f"'{nexo_path}'")
    file.write_text(head + example + orders, encoding="utf-8")
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
    for name in (*NexoConfig.model_fields, *Symbols.model_fields, *SubiektNexo.serves):
        assert re.search(rf"`{name}[`.]", text), name
    for name in NexoOrders.model_fields:
        assert f"`orders.{name}" in text, name


def test_the_page_tells_the_defaults_of_the_symbols() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    for name, value in Symbols().model_dump().items():
        if value:
            assert f'`{name}`, default `["{value[0]}"]`' in text
