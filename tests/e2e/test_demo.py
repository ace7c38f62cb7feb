"""`make demo` on a fresh machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from mostek.plugin.demo import DEMOS

ROOT = Path(__file__).parents[2]
ERPS = sorted(entry.name for entry in entry_points(group=DEMOS))


def run(erp: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "deploy/demo", erp],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "NO_COLOR": "1", "HTTPS_PROXY": "http://127.0.0.1:9"},
    )


@pytest.mark.parametrize("erp", ERPS)
def test_the_demo_shows_calls_with_their_times_and_the_order_in_the_erp_and_ends_with_0(
    erp: str,
) -> None:
    done = run(erp)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = done.stdout
    for what in ("Customers", "Stock", "Debts"):
        assert what in shown
    if "does not serve them" in shown:
        assert erp not in {"enova365", "optima", "subiekt-gt", "subiekt-nexo", "wapro-mag"}
        return
    for what in ("Invoices of", "What the customer owes"):
        assert what in shown
    assert len(re.findall(r"\d+\.\d ms", shown)) >= 6
    if "takes none" in shown:
        assert erp not in {"enova365", "optima", "subiekt-gt", "wapro-mag"}
        return
    placed, stored = shown.split("Place it", 1)[1].split("In the ERP's tables", 1)
    number = re.findall(r"^  (\S.*): [\d.]+ [A-Z]{3} gross$", placed, re.MULTILINE)
    assert f"{number[0]}: the same order" in placed
    assert "WEB-1001" in stored
    assert number[0] in stored


def test_an_erp_without_a_demo_is_told_those_that_have_one() -> None:
    done = run("no-such-erp")
    assert done.returncode == 2
    assert f"there is no demo of no-such-erp; there are {', '.join(ERPS)}" in done.stderr
