"""Dockerfiles, compose file and unit: what can be held of them without an engine."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mostek.connector.config import ConnectorConfig
from mostek.connector.launcher.launcher import STOP_WITHIN

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "deploy/docker"
UNIT = ROOT / "deploy/systemd/mostek-connector.service"


@pytest.mark.parametrize("image", ["hub", "connector"])
def test_hadolint_finds_nothing(image: str) -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [linter, DOCKER / f"{image}.Dockerfile"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("image", ["hub", "connector"])
def test_images_install_pinned_and_hashed_packages_as_somebody_who_is_not_root(image: str) -> None:
    text = (DOCKER / f"{image}.Dockerfile").read_text(encoding="utf-8")
    assert f"--require-hashes -r /build/requirements-{image}.txt" in text
    assert "--no-deps --no-index /build/wheels/" in text
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["10001:10001"]
    for copied in re.findall(r"^COPY (deploy/\S+)", text, re.MULTILINE):
        assert (ROOT / copied).exists()


def test_the_compose_file_lets_commands_end_and_runs_what_there_is() -> None:
    service = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))["services"]["connector"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    seconds = int(service["stop_grace_period"].removesuffix("s"))
    assert seconds > ConnectorConfig.model_fields["stop_grace"].default


def unit() -> configparser.SectionProxy:
    parsed = configparser.RawConfigParser(strict=False)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read(UNIT, encoding="utf-8")
    return parsed["Service"]


def test_the_unit_starts_the_launcher_and_gives_it_the_time_to_stop() -> None:
    assert unit()["ExecStart"] == (
        "/opt/mostek/launcher/bin/mostek-connector-launcher run --root /opt/mostek"
    )
    assert unit()["KillMode"] == "mixed"
    assert float(unit()["TimeoutStopSec"]) > STOP_WITHIN
    assert ConnectorConfig.model_fields["stop_grace"].default < STOP_WITHIN
    assert unit()["Restart"] == "always"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_the_unit_is_known_to_systemd_and_well_confined() -> None:
    verified = subprocess.run(
        ["systemd-analyze", "verify", UNIT], capture_output=True, text=True, timeout=60
    )
    # Nothing but that the program is not installed here.
    faults = [line for line in verified.stderr.splitlines() if "is not executable" not in line]
    assert not [line for line in faults if UNIT.name in line]
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", UNIT],
        capture_output=True,
        text=True,
        timeout=60,
    )
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert level
    assert float(level[1]) < 2
