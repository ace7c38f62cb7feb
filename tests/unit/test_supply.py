"""What the images install is pinned and hashed, and what is said about it is true."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def supply() -> ModuleType:
    spec = importlib.util.spec_from_file_location("supply", ROOT / "deploy/supply/__main__.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("image", ["hub", "connector", "installer"])
def test_the_pinned_requirements_are_what_the_project_wants(supply: Any, image: str) -> None:
    pinned = supply.pinned(image)
    for wanted in map(Requirement, supply.wanted(image)):
        name = supply._canonical(wanted.name)
        assert name in pinned, f"{name}: run `make requirements`"
        version, _ = pinned[name]
        assert wanted.specifier.contains(version), f"{name} {version}: run `make requirements`"


@pytest.mark.parametrize("image", ["hub", "connector"])
def test_every_line_is_pinned_and_hashed_and_names_no_place(supply: Any, image: str) -> None:
    text = supply.requirements_file(image).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*-", text.replace("    --hash", ""), re.MULTILINE)
    lines = [line for line in text.splitlines() if line and line[0] not in "# "]
    assert len(lines) == len(supply.pinned(image)) > 10
    assert all(hashes for _, hashes in supply.pinned(image).values())


VULNERABLE = {"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
FINE = {"name": "b", "version": "1", "vulns": []}
UNKNOWN = {"name": "c", "skip_reason": "could not be audited"}


@pytest.mark.parametrize(
    ("report", "lines", "vulnerable"),
    [
        ([FINE, FINE], ["audited: hub: all 2 packages"], False),
        (
            [FINE, VULNERABLE],
            ["VULNERABLE: hub: a 1: CVE-1 (fixed in 2)", "audited: hub: all 2 packages"],
            True,
        ),
        ([FINE, UNKNOWN], ["NOT AUDITED: hub: 1 of 2 packages; the vulnerability service"], False),
        ([FINE], ["NOT AUDITED: hub: 1 of 2 packages; the vulnerability service"], False),
        (None, ["NOT AUDITED: hub: the vulnerability service can't be reached"], False),
    ],
)
def test_what_could_not_be_audited_is_said(
    supply: Any, report: Any, lines: list[str], vulnerable: bool
) -> None:
    text = "" if report is None else json.dumps({"dependencies": report})
    said, found = supply.verdict("hub", 2, text)
    assert found is vulnerable
    assert len(said) == len(lines)
    for line, start in zip(said, lines, strict=True):
        assert line.startswith(start)


def test_the_bill_of_materials_is_whole_and_the_same_every_time(supply: Any) -> None:
    text = supply.sbom_text("connector")
    assert text == supply.sbom_text("connector")
    document = json.loads(text)
    assert document["bomFormat"] == "CycloneDX"
    found = {component["name"]: component["version"] for component in document["components"]}
    assert found == {name: version for name, (version, _) in supply.pinned("connector").items()}
    assert not any("externalReferences" in component for component in document["components"])
    (root,) = (d for d in document["dependencies"] if d["ref"] == "root-component")
    assert len(root["dependsOn"]) == len(supply.wanted("connector"))
