"""What the plugin's page shows is what works."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from mostek_wapro.config import Signatures, WaproConfig
from mostek_wapro.mag import WaproMag
from mostek_wapro.orders.config import OrdersConfig
from mostek_wapro.orders.procedures import ADD, ADD_LINE, CONFIRM, NUMBERING, SUM, UNLOCK

PAGE = Path(__file__).parents[4] / "docs" / "plugins" / "wapro.md"
BIN = Path(sys.executable).parent


def test_the_example_of_the_page_is_a_configuration(tmp_path: Path, sandbox_path: Path) -> None:
    found = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (example,) = [one for one in found if 'path = "wapro.db"' in one]
    file = tmp_path / "connector.toml"
    head = '[hub]\nlink = "127.0.0.1:1"\ninsecure = true\n[connector]\nname = "demo"\n'
    file.write_text(head + example.replace('"wapro.db"', f"'{sandbox_path}'"), encoding="utf-8")
    done = subprocess.run(
        [str(BIN / "mostek-connector"), "check", "-c", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


def test_the_page_names_every_setting_operation_and_procedure() -> None:
    text = PAGE.read_text(encoding="utf-8")
    orders = [f"orders.{name}" for name in OrdersConfig.model_fields]
    for name in (*WaproConfig.model_fields, *Signatures.model_fields, *WaproMag.serves, *orders):
        assert re.search(rf"`{re.escape(name)}[`.]", text), name
    for step in (ADD, ADD_LINE, SUM, NUMBERING, CONFIRM, UNLOCK):
        assert f"`{step[0]}`" in text, step


def test_the_orders_of_the_page_are_a_configuration() -> None:
    text = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n\[companies\.acme\.orders\]\n(.*?)```", text, re.DOTALL)
    assert OrdersConfig.model_validate(tomllib.loads(example)).user == "MOSTEK"


def test_the_page_tells_the_defaults_of_the_signatures() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert Signatures().receipt == ("PA", "PAR")
    assert '`receipt`, default `["PA", "PAR"]`' in text
    assert Signatures().proforma == ("PRO",)
    assert '`proforma`, default `["PRO"]`' in text
