"""Alerts and dashboard are about metrics that there are, and say what to do."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
DASHBOARD = ROOT / "deploy/grafana/mostek.json"
needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not installed (Debian: prometheus)"
)


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "rules.yaml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    drawn = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return [*drawn, *(rule["expr"] for rule in rules())]


def samples() -> set[str]:
    """The names of all series, as docs/metrics.md has them."""
    found = {"up"}
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    for name, kind in re.findall(r"^\| `(mostek_\w+)` \| (\w+) \|", text, re.MULTILINE):
        endings = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        found |= {name + ending for ending in endings}
    return found


def test_every_query_asks_for_metrics_that_there_are() -> None:
    asked = {name for query in queries() for name in re.findall(r"\b(mostek_\w+|up)\b", query)}
    assert len(asked) > 20
    assert not asked - samples()


def test_every_label_that_a_query_picks_is_one_of_its_metric() -> None:
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(mostek_\w+)` \| \w+ \| (.*?) \|", text, re.MULTILINE)
    labels = {name: set(re.findall(r"`(\w+)`", cell)) for name, cell in rows}
    for query in queries():
        for name, picked in re.findall(r"\b(mostek_\w+)\{([^}]*)\}", query):
            metric = re.sub("_(bucket|sum|count)$", "", name)
            assert set(re.findall(r"(\w+)[=!]", picked)) <= labels[metric], query


def test_every_alert_says_what_to_do_in_a_section_of_its_own() -> None:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    assert re.findall(r"^### (Mostek\w+)$", text, re.MULTILINE) == names


@needs_promtool
def test_the_alerts_fire_when_they_should_and_not_before() -> None:
    for arguments in (["check", "rules", "rules.yaml"], ["test", "rules", "tests.yaml"]):
        done = subprocess.run(
            ["promtool", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_is_what_its_source_makes() -> None:
    spec = importlib.util.spec_from_file_location("grafana", ROOT / "deploy/grafana/__main__.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert DASHBOARD.read_text(encoding="utf-8") == module.text(), "run `make dashboard`"
    places = [tuple(panel["gridPos"].values()) for panel in module.dashboard()["panels"]]
    assert len(places) == len(set(places))
