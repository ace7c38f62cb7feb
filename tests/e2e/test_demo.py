"""`make demo` on a fresh machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo_shows_calls_with_their_times_and_the_order_in_the_erp_and_ends_with_0() -> None:
    done = subprocess.run(
        [sys.executable, "deploy/demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "NO_COLOR": "1", "HTTPS_PROXY": "http://127.0.0.1:9"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = done.stdout
    for what in ("Customers", "Stock", "Debts", "Invoices of", "Place it", "In the ERP's tables"):
        assert what in shown
    assert len(re.findall(r"\d+\.\d ms", shown)) >= 8
    [number] = set(re.findall(r"ZK \d+/\d+/\d{4}", shown.split("Place it", 1)[1]))
    assert "WEB-1001" in shown.split("In the ERP's tables", 1)[1]
    assert number in shown.split("In the ERP's tables", 1)[1]
